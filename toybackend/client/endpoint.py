"""What phone and toy have in common: a socket kept alive, messages in, messages out."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from toybackend.client.api import Api
from toybackend.client.failures import ClientClosed, ServerAway
from toybackend.client.inbox import Inbox, Received
from toybackend.client.link import Admission, Link
from toybackend.client.outbox import NewRef, Outbox, Sent, random_ref
from toybackend.client.waiting import Backoff, Pulse
from toybackend.errors import AudioTooLarge, Overloaded
from toybackend.protocol import ServerFrame, Text, TextMessage, Voice, VoiceHeader, Welcome

ENTER_SECONDS = 20.0
"""How long entering may take, tries and waits together; from then on a lost server is waited for without end."""
FLUSH_SECONDS = 2.0
FETCH_TRIES = 8
FETCH_WAIT_SECONDS = 4.0

Watch = Callable[[ServerFrame], None]


class Messages(AsyncIterator[Received]):
    """Messages as they come. Taking the next one acknowledges the one before."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._last: Received | None = None

    async def __anext__(self) -> Received:
        if self._last is not None:
            self._last.ack()
        try:
            self._last = await self._inbox.next()
        except ClientClosed:
            raise StopAsyncIteration from None
        return self._last


class Endpoint(ABC):
    """One end of the line, as an async context manager. Base of `Phone` and `Toy`.

    `hello`: say who we are in the first frame and not in the handshake, as browsers have to.
    `watch` is called with every frame that comes and must not block.
    """

    def __init__(
        self,
        server_url: str,
        *,
        hello: bool = False,
        backoff: Backoff | None = None,
        watch: Watch | None = None,
        new_ref: NewRef = random_ref,
    ) -> None:
        self._api = Api(server_url)
        self._outbox = Outbox()
        self._inbox = Inbox(self._outbox.say)
        self._link = Link(self._admit, self._receive, self._outbox, hello=hello, backoff=backoff or Backoff())
        self._watch = watch
        self._new_ref = new_ref
        self._changed = Pulse()
        self._welcome: Welcome | None = None
        self._end: BaseException | None = None
        self._closing = AsyncExitStack()

    # ── life ──

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._api)
            await self._enter(stack)
            self._closing = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._outbox.emptied()
        await self._closing.aclose()

    async def _enter(self, stack: AsyncExitStack) -> None:
        """Be admitted, and start living on `stack`. Raises what the server refuses with, or ServerAway."""
        admission = await self._admit()
        running = asyncio.create_task(self._run(admission))
        stack.push_async_callback(cancel, running)
        try:
            async with asyncio.timeout(ENTER_SECONDS):
                await self._changed.until(self._has_entered)
        except TimeoutError:
            raise self._link.trouble or ServerAway("the server does not welcome us") from None

    async def _run(self, admission: Admission) -> None:
        """The task that owns the socket; nobody who waits for something outlives it unheard."""
        try:
            await self._link.run(admission)
        except asyncio.CancelledError:
            self._finish(ClientClosed("this client was closed"))
            raise
        except Exception as error:
            self._finish(error)

    def _finish(self, reason: BaseException) -> None:
        self._end = reason
        self._inbox.end(reason)
        self._outbox.end(reason)
        self._changed.fire()

    def _has_entered(self) -> bool:
        self._raise_end()
        return self._welcome is not None

    def _raise_end(self) -> None:
        if self._end is not None:
            raise self._end

    @abstractmethod
    async def _admit(self) -> Admission:
        """Ask the server to let us in."""

    def _receive(self, frame: ServerFrame) -> None:
        if isinstance(frame, Voice | Text):
            self._inbox.take(frame)
        elif isinstance(frame, Welcome):
            self._welcome = frame
        else:
            self._outbox.take(frame)
        if self._watch is not None:
            self._watch(frame)
        self._changed.fire()

    # ── who we are ──

    @property
    def id(self) -> str:
        """Our id, as the server's last welcome gave it; empty before."""
        return self._welcome.id if self._welcome else ""

    @property
    def name(self) -> str:
        return self._welcome.name if self._welcome else ""

    @property
    def welcome(self) -> Welcome | None:
        """The last welcome: our name, what waits for us, the limits."""
        return self._welcome

    @property
    def api(self) -> Api:
        """The server's HTTP side, for calls with our `token`."""
        return self._api

    @property
    @abstractmethod
    def token(self) -> str:
        """The bearer token of the present admission, good for HTTP calls too."""

    # ── out ──

    async def send_voice(
        self, to: str, audio: bytes | Path, ref: str | None = None, *, group: bool = False, now: bool = False
    ) -> Sent:
        """Send a recording as it is; returns when the server has it safely, over as many sockets as it takes.

        `to` is the id of a person or toy, or with `group` of a group; with `now` a guardian has quiet hours not hold
        it up. Raises the Refused of the server's code,
        or Replaced or ClientClosed when the line ended before. Cancelling it forgets the message, unless it is
        being written already.
        """
        data = await _whole(audio)
        if self._welcome is not None and len(data) > self._welcome.max_audio_bytes:
            # The server would close the socket on a much larger one, and we would come back with it, for ever.
            raise AudioTooLarge(f"the audio has more than {self._welcome.max_audio_bytes} bytes")
        ref = ref or self._new_ref()
        digest = hashlib.sha256(data).hexdigest()
        to_user, to_group = (None, to) if group else (to, None)
        header = VoiceHeader(to_user=to_user, to_group=to_group, ref=ref, bytes=len(data), sha256=digest, now=now)
        return await self._send(ref, header, data)

    async def send_text(
        self, to: str, msg: str, ref: str | None = None, *, group: bool = False, now: bool = False
    ) -> Sent:
        """Send a text; everything else as with `send_voice`."""
        ref = ref or self._new_ref()
        to_user, to_group = (None, to) if group else (to, None)
        return await self._send(ref, TextMessage(to_user=to_user, to_group=to_group, ref=ref, msg=msg, now=now))

    async def _send(self, ref: str, frame: VoiceHeader | TextMessage, audio: bytes | None = None) -> Sent:
        self._raise_end()
        sent = self._outbox.send(ref, frame, audio)
        try:
            await sent.accepted()
        finally:
            self._outbox.withdraw(sent)
        return sent

    # ── in ──

    def messages(self) -> Messages:
        """Every message once, in order; ends when this client is closed, raises what else ends it."""
        return Messages(self._inbox)

    async def heard(self, message: Received) -> None:
        """Tell the sender that it was played to its end."""
        self._inbox.heard(message.id)

    async def fetch(self, message: Received) -> bytes:
        """The MP3 of a voice message. Raises Gone or NotFound; and ServerAway or Overloaded, while it is made again,
        after some tries over about eight seconds."""
        if message.url is None:
            raise ValueError("a text has no audio")
        return await self._fetch(message.url)

    async def _fetch(self, url: str) -> bytes:
        backoff = Backoff(most=FETCH_WAIT_SECONDS)
        for _ in range(FETCH_TRIES - 1):
            with contextlib.suppress(ServerAway, Overloaded):
                return await self._api.audio(url, self.token)
            await backoff.wait()
        return await self._api.audio(url, self.token)

    async def reply(self, message: Received, audio: bytes | Path) -> Sent:
        """Answer where a message came from: its group, or its sender."""
        if message.to_group is not None:
            return await self.send_voice(message.to_group, audio, group=True)
        return await self.send_voice(message.from_user, audio)


async def cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _whole(audio: bytes | Path) -> bytes:
    return audio if isinstance(audio, bytes) else await asyncio.to_thread(audio.read_bytes)
