"""Sockets follow what changes in the database, whoever changed it and whenever it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from tests.gateway.fakes import BEAR, MUM, FakeSocket
from tests.world import NOW, Clock
from toybackend.errors import Overloaded
from toybackend.gateway import changes
from toybackend.gateway.changes import STEP_BACK_MS, Changes
from toybackend.gateway.connection import Connection
from toybackend.gateway.hub import Hub
from toybackend.models import Party, PartyId, PartyKind, QuietHours, ToySettings
from toybackend.ports import Changed
from toybackend.services.tokens import Tokens
from toybackend.services.toys import Toys

pytestmark = pytest.mark.timeout(10)

NEW = Party(PartyId("t_new"), PartyKind.WAITING_TOY, "toy")
SET = ToySettings(QuietHours(ZoneInfo("UTC")), volume_cap=40)
CLAIM_SECONDS = 600


class FakeDatabase:
    """What tokens and toys say, and how often they were asked."""

    def __init__(self) -> None:
        self.number = 1
        self.speak_for: dict[str, Party] = {}
        self.asked: list[list[str]] = []
        self.prolonged: list[str] = []
        self.heard: dict[PartyId, int] = {}
        self.trouble: list[Exception] = []
        """Raised by the next calls, one a call."""

    def _meet_trouble(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)

    async def revision(self) -> int:
        self._meet_trouble()
        return self.number

    async def bearers(self, digests: Sequence[str]) -> Mapping[str, Party]:
        self._meet_trouble()
        self.asked.append(list(digests))
        return {one: self.speak_for[one] for one in digests if one in self.speak_for}

    async def settings(self, toy_ids: Sequence[PartyId]) -> Mapping[PartyId, ToySettings]:
        return dict.fromkeys(toy_ids, SET)

    async def switched_on(self, toy_id: PartyId) -> None:
        self._meet_trouble()
        self.prolonged.append(toy_id)

    async def heard_from(self, times: Mapping[PartyId, int]) -> None:
        self._meet_trouble()
        self.heard |= times


class FakeConnection:
    def __init__(self, party: Party, token_digest: str) -> None:
        self.party = party
        self.socket = FakeSocket()
        self.socket.token_digest = token_digest
        self.outbox = SimpleNamespace(close=lambda code, reason: None)
        self.looks: list[tuple[Party | None, ToySettings | None]] = []
        self.due_at: int | None = None
        self.turns = 0

    @property
    def awaits_owner(self) -> bool:
        return self.party.kind is PartyKind.WAITING_TOY

    def look_again(self, party: Party | None, settings: ToySettings | None) -> None:
        self.looks.append((party, settings))

    def keep_time(self) -> None:
        self.turns += 1
        self.due_at = None


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.hub = Hub(per_person=4, clock=self.clock)
        self.database = FakeDatabase()
        self.changes = Changes(
            self.hub,
            cast(Tokens, self.database),
            cast(Toys, self.database),
            clock=self.clock,
            sweep_seconds=0.01,
            claim_seconds=CLAIM_SECONDS,
        )

    def socket(
        self, party: Party, token_digest: str = "d", *, is_good: bool = True, noticed: int = 0
    ) -> FakeConnection:
        made = FakeConnection(party, token_digest)
        if is_good:
            self.database.speak_for[token_digest] = party
        self.hub.add(cast(Connection, made))
        self.changes.came(cast(Connection, made), noticed)
        return made

    def leaves(self, made: FakeConnection) -> None:
        self.hub.remove(cast(Connection, made))
        self.changes.went(cast(Connection, made))

    @asynccontextmanager
    async def settled(self) -> AsyncIterator[None]:
        """Running, and the first look at everybody is over."""
        async with self.changes.running():
            await self.sweeps()
            self.database.asked.clear()
            yield

    async def sweeps(self) -> None:
        await asyncio.sleep(0.05)


@pytest.fixture
def world() -> World:
    return World()


# ── looking again ──


async def test_an_event_has_the_sockets_of_its_party_looked_at_and_no_others(world: World) -> None:
    mum, bear = world.socket(MUM, "m"), world.socket(BEAR, "b")
    async with world.settled():
        mum.looks.clear()
        bear.looks.clear()
        world.changes.receive(Changed(BEAR.id))
        world.changes.receive(Changed(PartyId("p_nobody")))
        await world.sweeps()
    assert mum.looks == []
    assert bear.looks == [(BEAR, SET)]


async def test_a_token_that_is_over_is_told_so(world: World) -> None:
    phone, tablet = world.socket(MUM, "phone"), world.socket(MUM, "tablet")
    async with world.settled():
        del world.database.speak_for["phone"]
        world.changes.receive(Changed(MUM.id))
        await world.sweeps()
    assert phone.looks[-1] == (None, None)
    assert tablet.looks[-1] == (MUM, None)


async def test_many_events_at_once_become_one_look(world: World) -> None:
    world.socket(MUM)
    async with world.settled():
        for _ in range(100):
            world.changes.receive(Changed(MUM.id))
        await world.sweeps()
        assert world.database.asked == [["d"]]


async def test_what_another_process_changed_is_noticed_by_the_sweep(world: World) -> None:
    bear = world.socket(BEAR)
    async with world.settled():
        await world.sweeps()
        assert world.database.asked == [], "nothing changed"
        world.database.number += 1
        world.database.speak_for.clear()
        await world.sweeps()
    assert bear.looks[-1] == (None, None)


async def test_a_change_between_the_look_at_a_token_and_the_hub_is_not_missed(world: World) -> None:
    async with world.settled():
        noticed = world.changes.noticed
        world.changes.receive(Changed(MUM.id))  # its token was looked at before this, and is not in the hub yet
        await world.sweeps()
        late = world.socket(MUM, is_good=False, noticed=noticed)
        await world.sweeps()
        assert late.looks == [(None, None)]
        calm = world.socket(MUM, noticed=world.changes.noticed)
        await world.sweeps()
        assert calm.looks == []


async def test_a_look_that_fails_is_taken_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    bear = world.socket(BEAR)
    async with world.settled():
        bear.looks.clear()
        world.database.trouble = [Overloaded(retry_after=1), RuntimeError("something else"), Overloaded(retry_after=1)]
        world.changes.receive(Changed(BEAR.id))
        await world.sweeps()
        await world.sweeps()
    assert bear.looks[-1] == (BEAR, SET)
    assert [one.getMessage() for one in caplog.records] == ["sockets could not be kept up to date"]


async def test_very_many_sockets_are_looked_at_in_batches(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "BATCH", 4)
    several = [world.socket(Party(PartyId(f"t_{n}"), PartyKind.TOY, "toy"), str(n)) for n in range(10)]
    async with world.settled():
        world.database.number += 1
        await world.sweeps()
        assert [len(one) for one in world.database.asked] == [4, 4, 2]
    assert all(one.looks for one in several)


# ── what is due ──


async def test_a_toy_turns_when_it_is_time(world: World) -> None:
    bear, mum = world.socket(BEAR), world.socket(MUM)
    async with world.settled():
        bear.due_at = world.clock() + 1000
        await world.sweeps()
        assert bear.turns == 0
        world.clock.pass_seconds(1)
        await world.sweeps()
    assert (bear.turns, mum.turns) == (1, 0)


async def test_a_clock_that_is_set_back_makes_every_toy_look_again_once(world: World) -> None:
    bear, other = world.socket(BEAR), world.socket(Party(PartyId("t_other"), PartyKind.TOY, "toy"), "other")
    async with world.settled():
        await world.sweeps()
        bear.due_at = world.clock() + 3_600_000
        world.clock.pass_seconds(-STEP_BACK_MS / 1000)
        await world.sweeps()
        assert bear.turns == 0  # it may have been a second, as clocks are corrected
        bear.due_at = world.clock() + 3_600_000
        world.clock.pass_seconds(-365 * 86_400)
        await world.sweeps()
        await world.sweeps()
    assert (bear.turns, other.turns) == (1, 0)  # the other one has no quiet hours


async def test_the_code_of_a_waiting_toy_follows_a_clock_that_is_set_back(world: World) -> None:
    async with world.settled():
        world.socket(NEW)
        await world.sweeps()
        world.clock.pass_seconds(-365 * 86_400)
        await world.sweeps()
        assert world.database.prolonged == [NEW.id] * 2


async def test_the_code_of_a_waiting_toy_lives_as_long_as_it_is_there(world: World) -> None:
    world.database.trouble = [Overloaded()]  # and the sweep goes on
    async with world.settled():
        new = world.socket(NEW)
        await world.sweeps()
        assert world.database.prolonged == [NEW.id]
        world.clock.pass_seconds(CLAIM_SECONDS / 2)
        await world.sweeps()
        assert world.database.prolonged == [NEW.id] * 2
        world.leaves(new)
        world.clock.pass_seconds(CLAIM_SECONDS)
        await world.sweeps()
        assert world.database.prolonged == [NEW.id] * 2
    assert new.turns == 0


# ── who left ──


async def test_when_a_toy_was_last_heard_is_written_down_after_it_left(world: World) -> None:
    bear, mum = world.socket(BEAR), world.socket(MUM)
    async with world.settled():
        bear.socket.heard_at = asyncio.get_running_loop().time() - 45
        mum.socket.heard_at = asyncio.get_running_loop().time()
        world.database.trouble = [Overloaded(), Overloaded()]
        world.leaves(bear)
        world.leaves(mum)
        await world.sweeps()
    assert list(world.database.heard) == [BEAR.id]
    assert NOW - 45_500 < world.database.heard[BEAR.id] <= NOW - 45_000


async def test_of_two_sockets_of_a_toy_the_one_heard_last_counts(world: World) -> None:
    async with world.settled():
        older, newer = world.socket(BEAR), world.socket(BEAR)
        now = asyncio.get_running_loop().time()
        older.socket.heard_at, newer.socket.heard_at = now - 45, now - 5
        world.leaves(newer)
        world.leaves(older)
    assert world.database.heard[BEAR.id] > NOW - 5_500, "written down when it stops, if not before"
