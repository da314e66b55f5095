"""The house, open to phones and toys: HTTP, then WebSocket, then the conversion of what waits. A link that is pushed
must already be fetchable, so WebSocket comes after HTTP.

Stopping is the same list read upwards: finish what is being converted, say 1001 to the sockets, close HTTP, close
the bus, the audio store and the database.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from toybackend.errors import BadSettings, ConverterUnavailable
from toybackend.foundations import only_server_on, prepare
from toybackend.gateway.server import Gateway
from toybackend.gateway.server import Rooms as GatewayRooms
from toybackend.house import House, examine, now, open_house, pick_up
from toybackend.ports import Clock, Transcoder
from toybackend.settings import Confinement, Settings
from toybackend.transcoder import sandbox_of
from toybackend.web.application import make_web_app, make_web_runner
from toybackend.web.metering import metrics_page
from toybackend.web.pages import read_pages
from toybackend.web.rooms import Rooms as WebRooms

log = logging.getLogger(__name__)


@asynccontextmanager
async def serving(settings: Settings, *, clock: Clock = now) -> AsyncIterator[House]:
    """The whole server. When the context is entered both listeners are open."""
    network, service, storage = settings.network, settings.service, settings.storage
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(prepare, settings)
        # Before the house is opened, which brings the schema up to date: never under another server that runs on it.
        stack.enter_context(only_server_on(storage.data_dir))
        await examine(settings)
        await _look_at_sandbox(settings)
        house = await stack.enter_async_context(open_house(settings, clock=clock))
        await _look_at_ffmpeg(house.transcoder)
        picked_up = await pick_up(house)
        house.listeners.http_port = await stack.enter_async_context(_http(house, network.host, network.http_port))
        gateway = Gateway(_gateway_rooms(house))
        house.listeners.ws_port = await stack.enter_async_context(
            gateway.serving(network.host, network.ws_port, house.listeners.origins)
        )
        await stack.enter_async_context(metrics_page(house.metrics, network.metrics_host, network.metrics_port))
        await stack.enter_async_context(house.observing.running())
        await stack.enter_async_context(house.retention.running())
        await stack.enter_async_context(house.playback.watching())
        await stack.enter_async_context(house.shelf_conversion.running(stop_seconds=0))  # picked up at the next start
        await stack.enter_async_context(house.conversion.running(stop_seconds=service.stop_seconds))
        log.info("serving", extra={"picked_up": picked_up})
        yield house


async def _look_at_sandbox(settings: Settings) -> None:
    """Say at start what the converter can reach. Raises BadSettings where it must be nothing, and is not."""
    conversion = settings.conversion
    sandbox = await asyncio.to_thread(sandbox_of, conversion.ffmpeg or None, conversion.sandbox)
    if sandbox.is_required and not sandbox.is_whole:
        raise BadSettings(f"TOYBACKEND_CONVERT_SANDBOX=required cannot be had here; the converter: {sandbox}")
    is_as_asked = sandbox.is_whole or conversion.sandbox is Confinement.OFF
    log.log(logging.INFO if is_as_asked else logging.WARNING, "the converter: %s", sandbox)


async def _look_at_ffmpeg(transcoder: Transcoder) -> None:
    """Say at start which ffmpeg it is. A sick one does not keep us from starting: voices are accepted and wait."""
    try:
        log.info("converting with %s", await transcoder.check())
    except ConverterUnavailable as sick:
        log.error("no working ffmpeg, voices will wait: %s", sick)


@asynccontextmanager
async def _http(house: House, host: str, port: int) -> AsyncIterator[int]:
    pages = await asyncio.to_thread(read_pages)
    runner = make_web_runner(make_web_app(web_rooms(house), house.metrics, pages))
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def web_rooms(house: House) -> WebRooms:
    """What the routes need of the house."""

    async def ffmpeg_is_well() -> None:
        await house.transcoder.check()

    return WebRooms(
        settings=house.settings,
        accounts=house.accounts,
        tokens=house.tokens,
        toys=house.toys,
        consents=house.consents,
        presence=house.hub,
        devices=house.devices,
        contacts=house.contacts,
        groups=house.groups,
        library=house.library,
        playback=house.playback,
        listening=house.listening,
        conversations=house.conversations,
        erasing=house.erasing,
        exporting=house.exporting,
        observing=house.observing,
        clock=house.clock,
        ready={
            "database": house.database.ping,
            "audio_store": house.audio.ping,
            "bus": house.bus.ping,
            "ffmpeg": ffmpeg_is_well,
        },
        concerns={"clock": lambda: house.retention.doubts_clock},
        addresses=house.listeners.public,
    )


def _gateway_rooms(house: House) -> GatewayRooms:
    return GatewayRooms(
        settings=house.settings,
        bus=house.bus,
        hub=house.hub,
        tokens=house.tokens,
        toys=house.toys,
        playback=house.playback,
        delivery=house.delivery,
        mailboxes=house.mailboxes,
        receipts=house.receipts,
        metrics=house.metrics,
        clock=house.clock,
    )
