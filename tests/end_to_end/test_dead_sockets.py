"""Peers that do not answer, do not read, or are gone; and the others, who do not notice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from websockets.frames import Opcode

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import Family, add_family, database_of
from tests.end_to_end.line import PATIENCE
from tests.end_to_end.peer import Peer
from tests.world import accept, message
from toybackend.app import serving
from toybackend.settings import Settings, Sockets

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

PONG_SECONDS = 2.0
WRITE_SECONDS = 1.0
"""Long enough for one who does read, on a machine that does other things too."""
WINDOW = 8
MEGABYTE = "x" * 1_000_000


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return impatient(settings_in(tmp_path_factory.mktemp("impatient")))


def impatient(settings: Settings) -> Settings:
    return replace(settings, sockets=Sockets(ping_seconds=0.1, pong_seconds=PONG_SECONDS, write_seconds=WRITE_SECONDS))


async def fill_mailbox(family: Family) -> list[str]:
    """More for the toy than any buffer on the way holds."""
    letters = [message(family.mum.party, family.bear.party, text=MEGABYTE) for _ in range(WINDOW)]
    return [(await accept(database_of(family.house), letter)).message.id for letter in letters]


@asynccontextmanager
async def one_who_never_reads(family: Family) -> AsyncIterator[Peer]:
    async with Peer.connected(family.bear.url, family.bear.token) as peer:
        yield peer


async def works(family: Family) -> None:
    async with family.mum.line() as mum, family.bear.line() as bear:
        await bear.hear("text", id=await mum.text(family.bear.id, "still here?"))


async def answers_for_a_while_then_is_silent(peer: Peer) -> float:
    """Seconds between the last answer and the end."""
    pings = 0
    while pings < 24:  # which takes longer than PONG_SECONDS
        pings += sum(frame.opcode is Opcode.PING for frame in await peer.read())
    silent_since = asyncio.get_running_loop().time()
    with pytest.raises(ConnectionError):
        while True:
            await peer.read(answer=False)
    return asyncio.get_running_loop().time() - silent_since


async def test_who_does_not_answer_pings_is_dropped_and_who_does_is_not(family: Family) -> None:
    async with family.mum.line() as mum, Peer.connected(family.bear.url, family.bear.token) as peer:
        assert await answers_for_a_while_then_is_silent(peer) > 0.8 * PONG_SECONDS
        message_id = await mum.text(family.bear.id, "mum's phone answered all the while")
        async with family.bear.line() as bear:
            await bear.hear("text", id=message_id)


async def test_who_never_reads_is_dropped_and_the_messages_are_kept(family: Family) -> None:
    sent = await fill_mailbox(family)
    async with one_who_never_reads(family) as peer:
        await peer.dropped()
    async with family.bear.line() as bear:
        assert bear.welcome["unread"] == WINDOW
        assert [(await bear.next())["id"] for _ in sent] == sent


async def test_others_do_not_notice_one_who_never_reads(server_settings: Settings, family: Family) -> None:
    await fill_mailbox(family)
    other = await add_family(family.house)
    async with one_who_never_reads(family), Peer.connected(other.bear.url, other.bear.token) as dying:
        await works(await add_family(family.house))
        await answers_for_a_while_then_is_silent(dying)  # so the heart goes on beating
        await works(await add_family(family.house))


async def test_the_server_stops_in_spite_of_one_who_never_reads(settings: Settings) -> None:
    patient = replace(settings, sockets=Sockets(ping_seconds=0.1, pong_seconds=60, write_seconds=60))
    async with AsyncExitStack() as client, AsyncExitStack() as server:
        house = await server.enter_async_context(serving(patient))
        family = await add_family(house)
        await fill_mailbox(family)
        await client.enter_async_context(one_who_never_reads(family))
        await works(await add_family(house))
        await asyncio.wait_for(server.aclose(), PATIENCE)


async def test_who_vanishes_is_ordinary(family: Family, clip: bytes) -> None:
    """At any moment: before hello, with a header waiting, in the middle of a blob."""
    async with family.mum.line() as mum:
        await mum.say(to_user=family.bear.id)
        mum.socket.transport.abort()
    async with family.mum.line() as mum:
        await mum.say(to_user=family.bear.id)
        await mum.write(clip)
        mum.socket.transport.abort()
    async with Peer.connected(family.mum.url, family.mum.token):
        pass
    await works(family)
