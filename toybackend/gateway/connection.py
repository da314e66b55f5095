"""One socket from `welcome` to its end: the reader, and what each frame means."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from toybackend.errors import Internal, NotAllowed, NotAuthenticated, Overloaded, RateLimited, Refused
from toybackend.gateway.closing import Closing
from toybackend.gateway.mailbox_reader import MailboxReader
from toybackend.gateway.outbox import Outbox
from toybackend.metrics import Metrics
from toybackend.models import DeliveryState, Message, Party, PartyKind, ToySettings
from toybackend.ports import Clock
from toybackend.protocol import (
    MAX_FRAME_BYTES,
    Accepted,
    Ack,
    Cancel,
    ClientFrame,
    CloseCode,
    HaveHeard,
    Hello,
    Notice,
    ServerFrame,
    TextMessage,
    ToySettingsView,
    VoiceHeader,
    encode_server_frame,
    error_frame,
)
from toybackend.services.delivery import Delivery
from toybackend.services.playback import Playback
from toybackend.services.quiet_hours import next_change, settings_view
from toybackend.services.receipts import Receipts
from toybackend.settings import Audio, Sockets
from toybackend.upload import Inbound

log = logging.getLogger(__name__)


class Connection:
    """An authenticated socket of a party."""

    __slots__ = (
        "_audio",
        "_bad_frames",
        "_clock",
        "_delivery",
        "_inbound",
        "_is_over",
        "_limits",
        "_metrics",
        "_playback",
        "_receipts",
        "_settings",
        "due_at",
        "mailbox",
        "outbox",
        "party",
        "socket",
    )

    def __init__(
        self,
        socket: ServerConnection,
        party: Party,
        outbox: Outbox,
        mailbox: MailboxReader,
        *,
        delivery: Delivery,
        receipts: Receipts,
        playback: Playback,
        limits: Sockets,
        audio: Audio,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self.socket = socket
        self.party = party
        self.outbox = outbox
        self.mailbox = mailbox
        self._delivery = delivery
        self._receipts = receipts
        self._playback = playback
        self._settings: ToySettings | None = None
        self._is_over = False
        """Its token is: what still comes is refused."""
        self.due_at: int | None = None
        """When this toy falls asleep or wakes up next; of a waiting toy, when its code has to be prolonged."""
        self._limits = limits
        self._audio = audio
        self._metrics = metrics
        self._clock = clock
        self._inbound = Inbound(max_text=audio.max_text)
        self._bad_frames = 0

    @property
    def awaits_owner(self) -> bool:
        return self.party.kind is PartyKind.WAITING_TOY

    def wake(self) -> None:
        """There may be something in the mailbox. The token of a waiting toy does not open it."""
        if not self.awaits_owner:
            self.keep_time()
            self.outbox.look()

    def send(self, frame: ServerFrame) -> None:
        self.outbox.put(encode_server_frame(frame))

    # ── what changes while it is open ──

    def look_again(self, party: Party | None, settings: ToySettings | None) -> None:
        """What its token is good for now, and what the toy was set to: the socket follows."""
        if party is None:
            self._is_over = True
            self.outbox.finish(CloseCode.REVOKED, "revoked")
            return
        found_owner = self.awaits_owner and party.kind is PartyKind.TOY
        is_renamed = party.name != self.party.name
        self.party = party
        if found_owner:
            self.mailbox.now_speaks_for(party)
            self.send(Notice(event="bound", id=party.id, name=party.name, settings=self.obey(settings)))
            self.wake()
        elif settings is not None and (is_renamed or settings != self._settings):
            self.send(Notice(event="settings", name=party.name, settings=self.obey(settings)))
            self.wake()

    def keep_time(self) -> None:
        """Fall asleep or wake up, if it is time to."""
        if self._settings is not None and self.due_at is not None and self.due_at <= self._clock():
            self.send(Notice(event="settings", name=self.party.name, settings=self.obey(self._settings)))
            self.outbox.look()

    def obey(self, settings: ToySettings | None) -> ToySettingsView | None:
        """Take over what was set for a toy; what it looks like now."""
        self._settings, self.due_at = settings, None
        if settings is None:
            return None
        now = self._clock()
        view = settings_view(settings, now)
        self.mailbox.is_resting = view.quiet_until is not None
        self.due_at = next_change(settings.quiet_hours, now)
        return view

    async def read(self) -> None:
        """Take frame after frame until the socket ends. Raises ConnectionClosed or Closing."""
        while True:
            fragments = self._in_time(self.socket.recv_streaming())
            first = await anext(fragments)
            if isinstance(first, str):
                await self._guarded_text(first, fragments)
            else:
                await self._guarded_blob(first, fragments)

    async def _in_time(self, fragments: AsyncIterator[str | bytes]) -> AsyncIterator[str | bytes]:
        """The fragments of one message, which has so many seconds from its first one. Raises Closing."""
        yield await anext(fragments)
        deadline = asyncio.get_running_loop().time() + self._limits.upload_seconds
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    fragment = await anext(fragments)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise Closing(CloseCode.TRY_AGAIN_LATER, "too slow") from None
            yield fragment

    # ── text frames ──

    async def _guarded_text(self, first: str, fragments: AsyncIterator[str | bytes]) -> None:
        text = await _whole(first, fragments)
        try:
            await self._take(self._inbound.text(text))
        except Refused as refused:
            self._refuse(refused, self._inbound.ref)
        except Exception:
            log.exception("a frame could not be handled")
            self._refuse(Internal(), self._inbound.ref)
        else:
            self._bad_frames = 0

    async def _take(self, frame: ClientFrame) -> None:
        if self._is_over or self.awaits_owner:
            if isinstance(frame, VoiceHeader):
                self._inbound.refuse_header()
            raise NotAuthenticated if self._is_over else NotAllowed("this toy waits for its owner")
        match frame:
            case VoiceHeader():
                await self._header(frame)
            case TextMessage():
                await self._delivery.accept_text(self.party, frame, self._confirm)
            case Ack():
                await self._acknowledge(frame.id, DeliveryState.DELIVERED)
            case HaveHeard():
                if frame.id.startswith("y_"):
                    await self._playback.finished(self.party, frame.id)
                else:
                    await self._acknowledge(frame.id, DeliveryState.HEARD)
            case Cancel():
                pass  # the header that waited is forgotten already
            case Hello():
                raise NotAllowed("hello is the first frame of a socket, and only once")

    async def _acknowledge(self, message_id: str, state: DeliveryState) -> None:
        try:
            await self._receipts.advance(self.party, message_id, state)
        finally:
            # Even if it could not be recorded, and comes again on the next socket: this one must not stall.
            if self.mailbox.acknowledged(message_id):
                self.wake()

    async def _header(self, header: VoiceHeader) -> None:
        try:
            header.check_size(header.bytes or 0, self._audio.max_bytes)
            await self._delivery.address(self.party, header)
        except Exception:
            self._inbound.refuse_header()
            raise

    def _confirm(self, message: Message) -> None:
        self._metrics.accepted.labels("voice" if message.is_voice else "text").inc()
        self.send(Accepted(id=message.id, ref=message.ref, to_user=message.to_user, to_group=message.to_group))

    # ── blobs ──

    async def _guarded_blob(self, first: bytes, fragments: AsyncIterator[str | bytes]) -> None:
        ref = None
        try:
            header = self._inbound.blob()
            if header is not None:
                ref = header.ref
                await self._receive(header, first, fragments)
                self._bad_frames = 0
        except Refused as refused:
            self._refuse(refused, ref)
        except (ConnectionClosed, Closing):
            raise
        except Exception:
            log.exception("a voice could not be taken")
            self._refuse(Internal(), ref)
        await _drain(fragments)

    async def _receive(self, header: VoiceHeader, first: bytes, fragments: AsyncIterator[str | bytes]) -> None:
        async with self._delivery.receive() as blob:
            header.check_size(len(first), self._audio.max_bytes)
            await blob.write(first)
            async for fragment in fragments:
                assert isinstance(fragment, bytes)  # noqa: S101  # RFC 6455: a message is of one kind
                header.check_size(blob.size + len(fragment), self._audio.max_bytes)
                await blob.write(fragment)
            if self._is_over:
                raise NotAuthenticated
            await self._delivery.accept_voice(self.party, header, blob, self._confirm)

    # ── refusing ──

    def _refuse(self, refused: Refused, ref: str | None) -> None:
        """Say why, and go on; but not with a client that gets nothing right."""
        self._metrics.refused.labels(refused.code).inc()
        self.send(error_frame(refused, ref))
        if not isinstance(refused, Overloaded | RateLimited | Internal):
            self._bad_frames += 1
        if self._bad_frames >= self._limits.bad_frames:
            raise Closing(CloseCode.BAD_FRAMES, "too many bad frames")


async def _whole(first: str, fragments: AsyncIterator[str | bytes]) -> str:
    """A text message put together, cut off just beyond what a frame may have."""
    text = first
    async for fragment in fragments:
        if len(text) <= MAX_FRAME_BYTES:
            text += str(fragment)
    return text


async def _drain(fragments: AsyncIterator[str | bytes]) -> None:
    async for _ in fragments:
        pass
