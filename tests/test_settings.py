"""Every setting: its name, what it takes and what it refuses. Its row in the README is `test_readme.py`'s."""

from __future__ import annotations

from dataclasses import Field, FrozenInstanceError, fields
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from toybackend.errors import BadSettings
from toybackend.settings import GROUPS, PREFIX, Confinement, Registration, Settings, every_setting, read_settings

EVERY = [pytest.param(group, one, id=one.metadata["name"]) for group, one in every_setting()]

SAMPLES: dict[Any, list[tuple[str, Any]]] = {
    int: [("7000", 7000), (" 8000 ", 8000)],
    float: [("1.5", 1.5), ("2", 2.0)],
    str: [("here", "here"), ("", ""), ("ä b", "ä b")],
    Path: [("/var/lib/toys", Path("/var/lib/toys"))],
    bool: [("yes", True), ("1", True), ("TRUE", True), ("no", False), ("0", False), ("False", False)],
    Confinement: [(one.value, one) for one in Confinement],
    Registration: [(one.value, one) for one in Registration],
    tuple[str, ...]: [("https://a.test, https://b.test,", ("https://a.test", "https://b.test")), ("", ())],
}
"""For each type what may be written, and what it means."""
REFUSED: dict[Any, list[str]] = {
    int: ["", "x", "1.5", "1e3", "0x10", "nan"],
    float: ["", "x", "1,5", "nan", "inf"],
    bool: ["", "maybe", "2", "on"],
    Confinement: ["", "maybe", "AUTO"],
    Registration: ["", "maybe", "OPEN"],
}


def read(group: type[Any], one: Field[Any], text: str) -> Any:
    """The value this setting gets from this text; all others keep their defaults."""
    settings = read_settings({PREFIX + one.metadata["name"]: text})
    [value] = [getattr(found, one.name) for found in parts(settings) if isinstance(found, group)]
    return value


def is_within(value: Any, bounds: tuple[float, float]) -> bool:
    return not isinstance(value, int | float) or bounds[0] <= value <= bounds[1]


def parts(settings: Settings) -> list[Any]:
    return [getattr(settings, one.name) for one in fields(settings)]


def test_without_an_environment_everything_has_its_default() -> None:
    assert read_settings({}) == read_settings({"PATH": "/bin", "HTTP_PORT": "x"}) == Settings()


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOYBACKEND_HTTP_PORT", "1234")
    assert read_settings().network.http_port == 1234


def test_the_tree_has_every_group_once_and_is_frozen() -> None:
    assert tuple(type(one) for one in parts(Settings())) == GROUPS
    for one in (Settings(), *parts(Settings())):
        with pytest.raises(FrozenInstanceError):
            setattr(one, fields(one)[0].name, None)


def test_names_are_unique() -> None:
    names = [one.metadata["name"] for _, one in every_setting()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("group", "one"), EVERY)
def test_every_setting_is_read_from_its_variable(group: type[Any], one: Field[Any]) -> None:
    for text, value in SAMPLES[get_type_hints(group)[one.name]]:
        if is_within(value, one.metadata["range"]):
            assert read(group, one, text) == value


@pytest.mark.parametrize(("group", "one"), EVERY)
def test_every_setting_names_itself_when_it_is_unusable(group: type[Any], one: Field[Any]) -> None:
    for text in REFUSED.get(get_type_hints(group)[one.name], []):
        with pytest.raises(BadSettings, match=f"^{PREFIX}{one.metadata['name']}="):
            read(group, one, text)


@pytest.mark.parametrize(("group", "one"), EVERY)
def test_the_ends_of_a_range_are_fine_and_beyond_is_not(group: type[Any], one: Field[Any]) -> None:
    if get_type_hints(group)[one.name] not in (int, float):
        return
    least, most = one.metadata["range"]
    for end, step in ((least, -1), (most, 1)):
        if abs(end) != float("inf"):
            assert read(group, one, f"{end}") == end
            with pytest.raises(BadSettings, match=one.metadata["name"]):
                read(group, one, f"{end + step}")


@pytest.mark.parametrize(("group", "one"), EVERY)
def test_every_number_has_a_least(group: type[Any], one: Field[Any]) -> None:
    if get_type_hints(group)[one.name] in (int, float):
        assert one.metadata["range"][0] >= 0


@pytest.mark.parametrize(("group", "one"), EVERY)
def test_the_defaults_would_be_accepted(group: type[Any], one: Field[Any]) -> None:
    text = ",".join(one.default) if isinstance(one.default, tuple) else str(one.default)
    assert read(group, one, text) == one.default


def test_an_unknown_variable_is_refused_by_name() -> None:
    with pytest.raises(BadSettings, match="TOYBACKEND_HTTPPORT, TOYBACKEND_PORT"):
        read_settings({"TOYBACKEND_PORT": "1", "TOYBACKEND_HTTPPORT": "2", "OTHER_PORT": "3"})


def test_variables_of_the_simulators_are_let_through() -> None:
    given = {"TOYBACKEND_CORPUS": "x", "TOYBACKEND_PASSWORD": "x", "TOYBACKEND_LICENSE": "x"}
    assert read_settings(given) == Settings()
