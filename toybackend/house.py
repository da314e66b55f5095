"""The house, furnished: the only place that knows which adapters exist.

Everything but the listeners, which is what most commands need; `app.py` opens it to phones and toys.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from toybackend.audio_stores.local_files import LocalFiles
from toybackend.buses.in_process import InProcessBus
from toybackend.databases.sql import examine_database, open_database, upgrade_database
from toybackend.errors import Overloaded
from toybackend.foundations import prepare
from toybackend.gateway.hub import Hub
from toybackend.metrics import Metrics
from toybackend.models import PartyKind
from toybackend.ports import AudioStore, Bus, Clock, Database, Transcoder
from toybackend.services.accounts import Accounts
from toybackend.services.admission import Admission
from toybackend.services.backups import Backups
from toybackend.services.challenges import Challenges
from toybackend.services.consent import Consents
from toybackend.services.contacts import Contacts
from toybackend.services.conversations import Conversations
from toybackend.services.conversion import Conversion, FairQueue
from toybackend.services.delivery import Delivery
from toybackend.services.devices import Devices
from toybackend.services.erasing import Erasing
from toybackend.services.exporting import Exporting
from toybackend.services.groups import Groups
from toybackend.services.library import Library
from toybackend.services.listening import Links, Listening
from toybackend.services.mailboxes import Mailboxes
from toybackend.services.mending import Mending
from toybackend.services.observing import Gauges, Observing
from toybackend.services.passwords import Passwords
from toybackend.services.playback import Playback
from toybackend.services.receipts import Receipts
from toybackend.services.retention import Retention
from toybackend.services.suspects import Suspects
from toybackend.services.tokens import Tokens
from toybackend.services.toys import Toys
from toybackend.settings import Conversion as ConversionSettings
from toybackend.settings import Settings, Storage
from toybackend.transcoder import ConversionLimits, FfmpegTranscoder, pcm_bytes, run_child
from toybackend.web.addresses import read_host
from toybackend.web.rooms import Addresses

ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
ID_LENGTH = 20
"""100 random bits."""


def now() -> int:
    return time.time_ns() // 1_000_000


def new_id(prefix: str) -> str:
    return f"{prefix}_" + "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


@dataclass(slots=True)
class Listeners:
    """Where the two listeners are; ports are known once they are open."""

    settings: Settings
    http_port: int = 0
    ws_port: int = 0

    def bound(self) -> Addresses:
        host = self.settings.network.host
        host = f"[{host}]" if ":" in host else host
        return Addresses(f"http://{host}:{self.http_port}", f"ws://{host}:{self.ws_port}")

    def public(self, called: str = "") -> Addresses:
        """What others call us. Whoever asks gave us a name (`called`, their `Host` header), and where no setting says
        better, that name is the one that leads them here."""
        bound, network, host = self.bound(), self.settings.network, read_host(called)
        if host is not None and not network.public_url:
            bound = Addresses(f"http://{host}", f"ws://{host.name}:{self.ws_port}")
        return Addresses(
            (network.public_url or bound.http_url).rstrip("/"), (network.public_ws_url or bound.ws_url).rstrip("/")
        )

    def origins(self, called: str = "") -> frozenset[str]:
        """Whose pages may open sockets: ours, by any of the names of this machine, and those of the setting. Without a
        public address also by the name of this very handshake (`called`, its `Host` header)."""
        public, host = urlsplit(self.public().http_url), read_host(called)
        names = {"localhost", "127.0.0.1"}
        if host is not None and not self.settings.network.public_url:
            # Somebody may let a name of theirs lead here, and open a socket from a page of theirs (DNS rebinding). That
            # gains nothing: browsers keep our cookie for our name and send it to no other, and all else needs a token.
            names.add(host.name)
        # Browsers leave out the port of the scheme.
        local = {f"http://{name}:{self.http_port}".removesuffix(":80") for name in names}
        return frozenset({f"{public.scheme}://{public.netloc}", *local, *self.settings.network.allowed_origins})


@dataclass(frozen=True, slots=True)
class House:
    """Every adapter and every service, open and ready."""

    settings: Settings
    listeners: Listeners
    clock: Clock
    database: Database
    audio: AudioStore
    bus: Bus
    transcoder: Transcoder
    hub: Hub
    tokens: Tokens
    accounts: Accounts
    toys: Toys
    consents: Consents
    devices: Devices
    contacts: Contacts
    groups: Groups
    library: Library
    shelf_conversion: Conversion
    playback: Playback
    mailboxes: Mailboxes
    receipts: Receipts
    listening: Listening
    conversations: Conversations
    delivery: Delivery
    conversion: Conversion
    erasing: Erasing
    retention: Retention
    exporting: Exporting
    backups: Backups
    metrics: Metrics
    observing: Observing


@asynccontextmanager
async def open_house(settings: Settings, *, clock: Clock = now) -> AsyncIterator[House]:
    """Everything but the listeners. Raises BadSettings."""
    storage = settings.storage
    async with AsyncExitStack() as stack:
        key = await asyncio.to_thread(prepare, settings)
        local_files = _local_files(storage)
        may_be_new = not await local_files.was_opened_before()
        database = await stack.enter_async_context(
            open_database(storage.database_url, storage.data_dir, may_be_new=may_be_new)
        )
        audio = await stack.enter_async_context(local_files.opened())
        yield _furnish(settings, key, database, audio, InProcessBus(), now=clock)


async def examine(settings: Settings) -> None:
    """Is the database whole, where it may not be? Before it is opened, and changing nothing. Raises BadSettings."""
    await examine_database(settings.storage.database_url, settings.storage.data_dir)


async def upgrade_schema(settings: Settings) -> tuple[str | None, str]:
    """Bring the database to the newest schema; from which revision to which. Raises BadSettings."""
    storage = settings.storage
    await asyncio.to_thread(prepare, settings)
    may_be_new = not await _local_files(storage).was_opened_before()
    return await upgrade_database(storage.database_url, storage.data_dir, may_be_new=may_be_new)


async def pick_up(house: House) -> int:
    """Where an earlier life left off; how many sounds wait for their conversion."""
    begun = await house.audio.begun()
    # Written down before it is forgotten. A full disk is no reason not to start: then it is written down next time.
    if begun:
        with suppress(Overloaded):
            await house.database.note_crash(begun)
            begun = []
    await house.audio.discard_unfinished(but=begun)
    return await house.delivery.pick_up() + await house.library.pick_up()


def _local_files(storage: Storage) -> LocalFiles:
    return LocalFiles(storage.data_dir / "audio", min_free_bytes=storage.min_free_bytes)


def _furnish(settings: Settings, key: bytes, database: Database, audio: AudioStore, bus: Bus, *, now: Clock) -> House:
    access, conversion = settings.access, settings.conversion
    listeners = Listeners(settings)
    transcoder = _transcoder(settings, _voice_limits(settings))
    hub = Hub(per_person=settings.sockets.per_person, clock=now)
    toys = Toys(
        database,
        bus,
        claim_seconds=access.claim_seconds,
        claim_tries=access.claim_tries,
        limits=settings.families,
        clock=now,
    )
    tokens = Tokens(database, bus, days=access.token_days, clock=now)
    links = Links(key, base=lambda: listeners.public().http_url, seconds=settings.audio.link_seconds, clock=now)
    challenges = Challenges(key, database, seconds=access.challenge_seconds, clock=now)
    receipts = Receipts(database, bus, clock=now)
    queue, shelf_queue = FairQueue(), FairQueue()
    queues = {"voices": queue, "shelf": shelf_queue}
    metrics = _metrics(hub, queues)
    gauges = partial(_gauges, hub, metrics, queues)
    observing = Observing(database, gauges, seconds=settings.service.observe_seconds, clock=now)
    admission = _admission(settings, queue, now)
    delivery = Delivery(
        database, audio, bus, transcoder, receipts, admission, enqueue=queue.put, clock=now, new_id=new_id
    )
    erasing = Erasing(database, audio, bus)
    library = Library(
        database,
        audio,
        _transcoder(settings, _shelf_limits(settings)),
        erasing,
        links,
        shelf_queue.put,
        limits=settings.shelf,
        kept_bytes=settings.families.kept_bytes,
        link_seconds=settings.audio.link_seconds,
        clock=now,
        new_id=new_id,
    )
    playback = Playback(database, library, hub, links, bus, clock=now, new_id=new_id)
    suspects = partial(
        Suspects,
        make_sure=transcoder.check,
        alone=asyncio.Lock(),
        most=conversion.tries,
        retry_seconds=conversion.retry_seconds,
    )
    return House(
        settings=settings,
        listeners=listeners,
        clock=now,
        database=database,
        audio=audio,
        bus=bus,
        transcoder=transcoder,
        hub=hub,
        tokens=tokens,
        accounts=Accounts(database, bus, tokens, Passwords(), access=access, clock=now, new_id=new_id),
        toys=toys,
        consents=Consents(database, toys, erasing.erase_sayings, playback.silence, keeping=settings.keeping, clock=now),
        devices=Devices(database, bus, toys, tokens, challenges, access=access, clock=now, new_id=new_id),
        library=library,
        shelf_conversion=Conversion(
            shelf_queue,
            suspects(library.convert, library.abandon).convert,
            library.delayed,
            workers=1,
            retry_seconds=conversion.retry_seconds,
        ),
        playback=playback,
        mailboxes=Mailboxes(database, links),
        receipts=receipts,
        listening=Listening(database, Mending(database, audio, queue), links, library.may_hear, clock=now),
        conversations=Conversations(database, erasing, bus, hub, links, clock=now),
        delivery=delivery,
        erasing=erasing,
        retention=Retention(database, audio, erasing, keeping=settings.keeping, clock=now),
        exporting=Exporting(database, audio, clock=now),
        backups=Backups(database, audio, clock=now),
        contacts=Contacts(database, bus, limits=settings.families, clock=now, new_id=new_id),
        groups=Groups(database, bus, erasing.erase_group, limits=settings.families, clock=now, new_id=new_id),
        conversion=Conversion(
            queue,
            suspects(
                metrics.timed(delivery.convert, admission.note_conversion, observing.note_conversion), delivery.abandon
            ).convert,
            delivery.delayed,
            workers=_workers(conversion),
            express_bytes=conversion.express_bytes,
            retry_seconds=conversion.retry_seconds,
        ),
        metrics=metrics,
        observing=observing,
    )


def _workers(conversion: ConversionSettings) -> int:
    return conversion.workers or os.cpu_count() or 1


def _admission(settings: Settings, queue: FairQueue, clock: Clock) -> Admission:
    return Admission(
        queue,
        messages_per_minute=settings.sockets.messages_per_minute,
        max_waiting=settings.conversion.max_waiting,
        waiting_per_family=settings.conversion.waiting_per_family,
        kept_bytes=settings.families.kept_bytes,
        workers=_workers(settings.conversion),
        clock=clock,
    )


def _metrics(hub: Hub, queues: Mapping[str, FairQueue]) -> Metrics:
    metrics = Metrics()
    for name, queue in queues.items():
        metrics.watch("waiting_conversions", "Sounds that wait for their conversion.", queue.__len__, queue=name)
    for kind in PartyKind:
        metrics.watch("sockets", "Open sockets.", partial(hub.count, kind), kind=kind)
    metrics.watch("tasks", "Tasks of the event loop.", lambda: len(asyncio.all_tasks()))
    return metrics


def _gauges(hub: Hub, metrics: Metrics, queues: Mapping[str, FairQueue]) -> Gauges:
    return Gauges(
        toys_online=hub.count_online(PartyKind.TOY),
        people_online=hub.count_online(PartyKind.PERSON),
        accepted=metrics.accepted_messages(),
        waiting_voices=len(queues["voices"]),
        waiting_shelf=len(queues["shelf"]),
    )


def _transcoder(settings: Settings, limits: ConversionLimits) -> Transcoder:
    conversion = settings.conversion
    return FfmpegTranscoder(conversion.ffmpeg or None, limits, run=partial(run_child, confinement=conversion.sandbox))


def _voice_limits(settings: Settings) -> ConversionLimits:
    """For what people say."""
    conversion, audio, usual = settings.conversion, settings.audio, ConversionLimits()
    return ConversionLimits(
        max_seconds=audio.max_seconds,
        deadline_seconds=conversion.deadline_seconds,
        memory_bytes=conversion.memory_bytes,
        input_bytes=max(usual.input_bytes, audio.max_bytes),
        output_bytes=max(usual.output_bytes, pcm_bytes(audio.max_seconds)),
    )


def _shelf_limits(settings: Settings) -> ConversionLimits:
    """For songs and stories, which last longer."""
    conversion, shelf = settings.conversion, settings.shelf
    return ConversionLimits(
        max_seconds=shelf.max_seconds,
        deadline_seconds=shelf.deadline_seconds,
        memory_bytes=conversion.memory_bytes,
        input_bytes=shelf.max_bytes,
        output_bytes=pcm_bytes(shelf.max_seconds),
    )
