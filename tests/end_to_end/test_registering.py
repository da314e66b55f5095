"""From an invitation to a socket, and out again: what the house does, with what its commands do beside it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.commands.running import run
from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Somebody
from toybackend.house import House
from toybackend.models import Party, PartyId, PartyKind
from toybackend.settings import Access, Registration, Service, Settings

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

PASSWORD, NEW_PASSWORD = "a wet Tuesday in Ghent", "a dry Friday in Bruges"


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(
        settings_in(tmp_path_factory.mktemp("server")),
        access=Access(registration=Registration.INVITATION),
        service=Service(sweep_seconds=0.1),
    )


async def command(folder: Path, *arguments: str, stdin: str = "") -> str:
    """What a command of another process says."""
    done = await asyncio.to_thread(run, *arguments, stdin=stdin, DATA_DIR=str(folder))
    assert done.code == 0, done.err
    return done.out


async def post(house: House, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    url = f"{house.listeners.bound().http_url}/api/v1{path}"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_who_was_invited_comes_in_and_goes_when_the_password_is_reset(server: House) -> None:
    folder = server.settings.storage.data_dir
    [code] = json.loads(await command(folder, "user", "invite", "--json"))["codes"]
    given = {"name": "Vera", "password": PASSWORD}
    assert (await post(server, "/accounts", **given))[0] == 403
    status, body = await post(server, "/accounts", **given, invitation=code)
    assert status == 201
    vera = Party(PartyId(body["account"]["id"]), PartyKind.PERSON, "Vera")
    async with Somebody(server, vera, body["token"]).line() as phone:
        assert phone.welcome["name"] == "Vera"
        await command(folder, "user", "password", "vera", stdin=NEW_PASSWORD)
        assert await phone.end() == 4403
    assert (await post(server, "/sessions", **given))[0] == 401
    assert (await post(server, "/sessions", name="vera", password=NEW_PASSWORD))[0] == 200


async def test_two_who_come_with_one_invitation(server: House) -> None:
    folder = server.settings.storage.data_dir
    [code] = json.loads(await command(folder, "user", "invite", "--json"))["codes"]
    comers = [post(server, "/accounts", name=f"Wim {one}", password=PASSWORD, invitation=code) for one in range(2)]
    outcomes = await asyncio.gather(*comers)
    assert sorted(status for status, _ in outcomes) == [201, 403]
    [refused] = [body for status, body in outcomes if status == 403]
    assert refused["code"] == "invitation_wrong"
