"""A home to do business in: the real database, audio store and bus in a folder, and a pretended converter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.world import Clock, add_person, add_toy, new_id
from toybackend.audio_stores.local_files import LocalFiles
from toybackend.buses.in_process import InProcessBus
from toybackend.databases.sql import SqlDatabase, open_database
from toybackend.models import WAVEFORM_BARS, Party, PartyId, Sound
from toybackend.ports import Event, Progress, Tell, Unconverted
from toybackend.protocol import ServerFrame, parse_server_frame
from toybackend.services.admission import Admission
from toybackend.services.conversion import FairQueue
from toybackend.services.delivery import Delivery
from toybackend.services.receipts import Receipts
from toybackend.services.tokens import Tokens


class PretendedConverter:
    """Makes an MP3 of anything without listening to it; raises what `fails` holds first, one a call."""

    more: bytes = b""
    """At the end of what it makes."""

    def __init__(self) -> None:
        self.fails: list[Exception] = []

    async def convert(self, original: Path, folder: Path, progress: Progress | None = None) -> Sound:
        if self.fails:
            raise self.fails.pop(0)
        file = folder / "out.mp3"
        await asyncio.to_thread(lambda: file.write_bytes(b"mp3 of " + original.read_bytes() + self.more))
        return Sound(file, 1000, (100,) * WAVEFORM_BARS)

    async def check(self) -> str:
        return "pretended"


def admission(line: FairQueue, clock: Clock, **limits: int) -> Admission:
    """Lets everybody in, but for the limits that a test names."""
    wide = {"messages_per_minute": 1000, "max_waiting": 1000, "waiting_per_family": 1000, "kept_bytes": 1 << 30}
    return Admission(line, **wide | limits, workers=2, clock=clock)


@dataclass(frozen=True, slots=True)
class Home:
    """Mum, her toy bear, dad who is a stranger to it, and everything they need."""

    database: SqlDatabase
    audio: LocalFiles
    bus: InProcessBus
    converter: PretendedConverter
    clock: Clock
    tokens: Tokens
    receipts: Receipts
    delivery: Delivery
    mum: Party
    dad: Party
    bear: Party
    queue: list[Unconverted] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    """Everything that went over the bus, in order."""

    def told(self, party: Party | PartyId) -> list[ServerFrame | None]:
        """The frames that were meant for this party's sockets."""
        party_id = party.id if isinstance(party, Party) else party
        return [
            parse_server_frame(one.frame) for one in self.events if isinstance(one, Tell) and one.party_id == party_id
        ]


@pytest.fixture
async def home(migrated_folder: Path, clock: Clock) -> AsyncIterator[Home]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database("", migrated_folder))
        audio = await stack.enter_async_context(LocalFiles(migrated_folder / "audio", min_free_bytes=0).opened())
        bus, converter, queue = InProcessBus(), PretendedConverter(), list[Unconverted]()
        receipts = Receipts(database, bus, clock=clock)
        mum = await add_person(database, "Mum")
        made = Home(
            database=database,
            audio=audio,
            bus=bus,
            converter=converter,
            clock=clock,
            tokens=Tokens(database, bus, days=30, clock=clock),
            receipts=receipts,
            delivery=Delivery(
                database,
                audio,
                bus,
                converter,
                receipts,
                admission(FairQueue(), clock),
                enqueue=queue.append,
                clock=clock,
                new_id=new_id,
            ),
            mum=mum,
            dad=await add_person(database, "Dad"),
            bear=await add_toy(database, "Bear", mum),
            queue=queue,
        )
        await stack.enter_async_context(bus.subscribe(made.events.append))
        yield made
