"""One socket from `welcome` to its end: the reader, and what each frame means."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from toybackend.errors import Internal, NotAllowed, Overloaded, RateLimited, Refused
from toybackend.gateway.closing import Closing
from toybackend.gateway.mailbox_reader import MailboxReader
from toybackend.gateway.outbox import Outbox
from toybackend.models import DeliveryState, Message, Party, PartyKind
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
    ServerFrame,
    TextMessage,
    VoiceHeader,
    encode_server_frame,
    error_frame,
)
from toybackend.services.delivery import Delivery
from toybackend.services.receipts import Receipts
from toybackend.settings import Audio, Sockets
from toybackend.upload import Inbound

log = logging.getLogger(__name__)

MINUTE_MS = 60_000


class Connection:
    """An authenticated socket of a party."""

    __slots__ = (
        "_audio",
        "_bad_frames",
        "_clock",
        "_delivery",
        "_frames",
        "_inbound",
        "_limits",
        "_minute",
        "_receipts",
        "awaits_owner",
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
        limits: Sockets,
        audio: Audio,
        clock: Clock,
    ) -> None:
        self.socket = socket
        self.party = party
        self.outbox = outbox
        self.mailbox = mailbox
        self.awaits_owner = party.kind is PartyKind.WAITING_TOY
        self._delivery = delivery
        self._receipts = receipts
        self._limits = limits
        self._audio = audio
        self._clock = clock
        self._inbound = Inbound(max_text=audio.max_text)
        self._bad_frames = 0
        self._frames = 0
        self._minute = 0

    def wake(self) -> None:
        """There may be something in the mailbox. The token of a waiting toy does not open it."""
        if self.party.kind is not PartyKind.WAITING_TOY:
            self.outbox.look()

    def send(self, frame: ServerFrame) -> None:
        self.outbox.put(encode_server_frame(frame))

    async def read(self) -> None:
        """Take frame after frame until the socket ends. Raises ConnectionClosed or Closing."""
        while True:
            fragments = self.socket.recv_streaming()
            first = await anext(fragments)
            self._count()
            if isinstance(first, str):
                await self._guarded_text(first, fragments)
            else:
                await self._guarded_blob(first, fragments)

    def _count(self) -> None:
        minute = self._clock() // MINUTE_MS
        if minute != self._minute:
            self._minute, self._frames = minute, 0
        self._frames += 1
        if self._frames > self._limits.frames_per_minute:
            raise Closing(CloseCode.FLOODING, "flooding")

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
        if self.party.kind is PartyKind.WAITING_TOY:
            if isinstance(frame, VoiceHeader):
                self._inbound.refuse_header()
            raise NotAllowed("this token is only good for waiting; authorize again once there is an owner")
        match frame:
            case VoiceHeader():
                await self._header(frame)
            case TextMessage():
                await self._delivery.accept_text(self.party, frame, self._confirm)
            case Ack():
                await self._acknowledge(frame.id, DeliveryState.DELIVERED)
            case HaveHeard():
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
                self.outbox.look()

    async def _header(self, header: VoiceHeader) -> None:
        try:
            header.check_size(header.bytes or 0, self._audio.max_bytes)
            await self._delivery.address(self.party, header)
        except Exception:
            self._inbound.refuse_header()
            raise

    def _confirm(self, message: Message) -> None:
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
        except ConnectionClosed:
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
            await self._delivery.accept_voice(self.party, header, blob, self._confirm)

    # ── refusing ──

    def _refuse(self, refused: Refused, ref: str | None) -> None:
        """Say why, and go on; but not with a client that gets nothing right."""
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
