"""A token that is over closes what it opened, at once, and nothing else; a toy follows its licence and its owner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from tests.commands.running import run
from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family, Somebody, add_family, issue_licence, waiting_toy
from tests.end_to_end.line import PATIENCE, Line, bare, until
from tests.end_to_end.peer import Peer
from toybackend.client import Backoff, Phone, Toy
from toybackend.client.licence import device_id
from toybackend.errors import NotAuthenticated, Unlicensed
from toybackend.house import House, open_house
from toybackend.models import BootState, DeviceId, Party, PartyId, PartyKind
from toybackend.ports import Mailbox
from toybackend.services.mailboxes import Mailboxes
from toybackend.services.tokens import digest
from toybackend.settings import Service, Settings

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

PASSWORD, NEW_PASSWORD = "a wet Tuesday in Ghent", "a dry Friday in Bruges"


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(settings_in(tmp_path_factory.mktemp("server")), service=Service(sweep_seconds=0.1))


async def call(somebody: Somebody, method: str, path: str, **body: Any) -> int:
    """The status of an HTTP call of theirs."""
    url = f"{somebody.house.listeners.bound().http_url}/api/v1{path}"
    headers = {"Authorization": f"Bearer {somebody.token}"}
    async with aiohttp.ClientSession() as http, http.request(method, url, json=body or None, headers=headers) as answer:
        return answer.status


async def is_refused(somebody: Somebody) -> None:
    async with bare(somebody.url, additional_headers={"Authorization": f"Bearer {somebody.token}"}) as again:
        assert await again.end() == 4401


async def logged_in(house: House, name: str, password: str = PASSWORD) -> Somebody:
    account, token = await house.accounts.log_in(name, password)
    return Somebody(house, Party(account.id, PartyKind.PERSON, account.name), token)


# ── people ──


async def test_logging_out_closes_what_this_token_opened_and_nothing_else(family: Family) -> None:
    mum = family.mum
    tablet = Somebody(mum.house, mum.party, await mum.house.tokens.give(mum.party.id, PartyKind.PERSON))
    async with mum.line() as phone, mum.line() as page, tablet.line() as other, family.bear.line() as bear:
        assert await call(mum, "DELETE", "/sessions/current") == 204
        assert [await phone.end(), await page.end()] == [4403, 4403]
        await bear.hear("text", id=await other.text(family.bear.id, "still here"))
    await is_refused(mum)
    async with tablet.line():
        pass


async def test_a_new_password_closes_every_other_session(server: House) -> None:
    await server.accounts.add("Vera", PASSWORD)
    here, elsewhere = await logged_in(server, "vera"), await logged_in(server, "vera")
    async with here.line() as kept, elsewhere.line() as closed:
        assert await call(here, "PUT", "/me/password", old=PASSWORD, new=NEW_PASSWORD) == 204
        assert await closed.end() == 4403
        await kept.say(type="nonsense")
        assert await kept.refusal() == "unknown_type"
    await is_refused(elsewhere)
    with pytest.raises(NotAuthenticated):
        await logged_in(server, "vera")
    await logged_in(server, "vera", NEW_PASSWORD)


async def test_a_session_ended_from_another_one(server: House) -> None:
    await server.accounts.add("Wim", PASSWORD)
    here, stolen = await logged_in(server, "wim"), await logged_in(server, "wim")
    sessions = await server.database.sessions(here.party.id, digest(stolen.token), server.clock())
    [session_id] = [one.id for one in sessions if one.is_current]
    async with here.line() as kept, stolen.line() as lost:
        assert await call(here, "DELETE", f"/sessions/{session_id}") == 204
        assert await lost.end() == 4403
        await kept.say(type="nonsense")
        assert await kept.refusal() == "unknown_type"
    await is_refused(stolen)


# ── licences ──


async def test_a_licence_revoked_by_another_process_closes_the_live_toy(server: House) -> None:
    toy, licence = await switched_on(server)
    mum = (await add_family(server)).mum
    await server.toys.bind(mum.party.id, await code_of(server, licence), "Bear")
    toy = (await switched_on(server, licence))[0]
    folder = str(server.settings.storage.data_dir)
    async with toy.line() as live, mum.line() as phone:
        done = await asyncio.to_thread(run, "device", "revoke", device_id(licence), DATA_DIR=folder)
        assert done.code == 0, done.err
        assert await live.end() == 4403
        await phone.say(type="cancel")
    await is_refused(toy)
    assert (await server.devices.power_on(licence)).state is BootState.UNLICENSED


async def test_a_licence_revoked_while_the_toy_waits(server: House) -> None:
    toy, licence = await switched_on(server)
    async with toy.line() as waiting:
        async with open_house(server.settings) as command:
            await command.devices.revoke(DeviceId(device_id(licence)))
        assert await waiting.end() == 4403


async def switched_on(house: House, licence: str | None = None) -> tuple[Somebody, str]:
    """A toy, as what its token says it is, and its licence."""
    licence = licence or await issue_licence(house)
    boot = await house.devices.power_on(licence)
    assert boot.toy and boot.token
    kind = PartyKind.TOY if boot.state is BootState.READY else PartyKind.WAITING_TOY
    return Somebody(house, Party(boot.toy.id, kind, boot.toy.name), boot.token), licence


async def code_of(house: House, licence: str) -> str:
    boot = await house.devices.power_on(licence)
    assert boot.claim
    return boot.claim.code


# ── giving a toy away ──


async def test_a_toy_that_is_given_away_is_told_and_then_its_socket_ends(family: Family) -> None:
    async with family.mum.line() as mum, family.bear.line() as bear:
        await mum.text(family.bear.id, "good-bye")
        assert await call(family.mum, "DELETE", f"/toys/{family.bear.id}") == 200
        assert (await bear.hear("notice", event="unbound"))["id"] == family.bear.id
        assert await bear.end() == 4403
        assert (await mum.hear("notice", event="unbound"))["id"] == family.bear.id
        await mum.say(to_user=family.bear.id, msg="are you there?")
        assert (await mum.hear("error"))["code"] == "unknown_recipient"
    await is_refused(family.bear)


async def test_from_family_to_family(server: House, clip: bytes) -> None:
    """One toy, switched on all the time; nobody touches it."""
    url, licence = server.listeners.bound().http_url, await issue_licence(server)
    await server.accounts.add("Anna", PASSWORD)
    await server.accounts.add("Boris", PASSWORD)
    async with Toy(url, licence, backoff=quick()) as toy:
        async with Phone(url, "anna", PASSWORD) as anna:
            first = await taken_home(toy, anna)
            sent = await anna.send_voice(toy.id, clip)
            await anext(toy.messages())
            assert sent.id
            await anna.api.unbind(anna.token, first)
            await toy._changed.until(lambda: toy.state is BootState.UNBOUND)
        async with Phone(url, "boris", PASSWORD) as boris:
            second = await taken_home(toy, boris)
            assert second != first
            await boris.send_text(second, "hello")
            assert (await anext(toy.messages())).msg == "hello"
        async with open_house(server.settings) as command:
            await command.devices.revoke(DeviceId(device_id(licence)))
        with pytest.raises(Unlicensed):
            async with asyncio.timeout(PATIENCE):
                await anext(toy.messages())


async def taken_home(toy: Toy, phone: Phone) -> str:
    async with asyncio.timeout(PATIENCE):
        await toy._changed.until(lambda: toy.claim and toy.welcome)
        assert toy.claim is not None
        token = toy.token
        made = await phone.api.bind(phone.token, toy.claim.code, "Bear")
        await toy.wait_until_ready()
    assert (toy.token, toy.id, toy.name) == (token, made.id, "Bear")
    return made.id


def quick() -> Backoff:
    return Backoff(first=0.01, most=0.1)


# ── just in time ──


@asynccontextmanager
async def half_way_in(somebody: Somebody, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Line, asyncio.Event]]:
    """A socket whose token was looked at, and that is not welcome before the event is set."""
    arrived, may_go_on = asyncio.Event(), asyncio.Event()
    state = Mailboxes.state

    async def slow(mailboxes: Mailboxes, owner: Party) -> Mailbox:
        arrived.set()
        await may_go_on.wait()
        return await state(mailboxes, owner)

    monkeypatch.setattr(Mailboxes, "state", slow)
    async with bare(somebody.url, additional_headers={"Authorization": f"Bearer {somebody.token}"}) as made:
        await arrived.wait()
        yield made, may_go_on


async def test_a_token_that_ends_while_its_socket_is_let_in(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    async with half_way_in(family.mum, monkeypatch) as (phone, may_go_on):
        await family.house.tokens.end(family.mum.token)
        await asyncio.sleep(0.3)  # no sweep finds it either
        may_go_on.set()
        assert await phone.end() == 4403


async def test_a_toy_that_is_bound_while_its_socket_is_let_in(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    toy, code = await waiting_toy(family.house)
    async with half_way_in(toy, monkeypatch) as (waiting, may_go_on):
        await family.house.toys.bind(family.mum.party.id, code, "Rabbit")
        await asyncio.sleep(0.3)
        may_go_on.set()
        await waiting.hear("notice", event="bound")
        await waiting.text(family.mum.id, "here I am")


async def test_who_does_not_read_is_revoked_all_the_same(family: Family) -> None:
    hub = family.house.hub
    async with Peer.connected(family.mum.url, family.mum.token) as peer:
        await until(lambda: hub.is_online(family.mum.party.id))
        await family.house.tokens.end(family.mum.token)
        await peer.dropped()
        await until(lambda: not hub.is_online(family.mum.party.id))


# ── while it waits ──


async def test_the_code_of_a_toy_ends_soon_after_it_is_switched_off(server: House) -> None:
    toy, code = await waiting_toy(server)

    async def expires_at() -> int:
        claim = await server.database.claim(code)
        assert claim is not None
        return claim.expires_at

    full = await expires_at()
    async with toy.line():
        await until(lambda: bool(server.hub.of(PartyId(toy.id))))
        await asyncio.sleep(0.3)
        assert await expires_at() > full
    async with asyncio.timeout(PATIENCE):
        while await expires_at() > full - 500_000:
            await asyncio.sleep(0.01)
    async with toy.line():
        async with asyncio.timeout(PATIENCE):
            while await expires_at() <= full:
                await asyncio.sleep(0.01)


async def test_a_toy_that_left_is_written_down(family: Family) -> None:
    async with family.bear.line():
        await until(lambda: family.house.hub.is_online(family.bear.party.id))
    async with asyncio.timeout(PATIENCE):
        while (toy := await family.house.database.toy(family.bear.party.id)) and toy.heard_at is None:
            await asyncio.sleep(0.01)
    assert toy is not None and toy.heard_at is not None
    assert 0 <= family.house.clock() - toy.heard_at < 5000
