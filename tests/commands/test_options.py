"""Options over environment over defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from toybackend.commands.options import settings_for
from toybackend.errors import BadSettings
from toybackend.settings import Settings


@pytest.fixture(autouse=True)
def no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"PATH": "/usr/bin"})


def test_nothing_given_is_the_default() -> None:
    assert settings_for(None, host=None, http_port=None) == Settings()


def test_an_option_goes_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"TOYBACKEND_DATA_DIR": "/there", "TOYBACKEND_HTTP_PORT": "1"})
    given = settings_for(Path("/here"), http_port=2, insecure_bind=True)
    assert given.storage.data_dir == Path("/here")
    assert given.network.http_port == 2 and given.network.insecure_bind
    assert settings_for(None).storage.data_dir == Path("/there")


def test_an_option_is_checked_as_a_setting_is() -> None:
    with pytest.raises(BadSettings, match="TOYBACKEND_HTTP_PORT"):
        settings_for(None, http_port=-1)
    with pytest.raises(BadSettings, match="no such setting: TOYBACKEND_COLOUR"):
        settings_for(None, colour="red")
