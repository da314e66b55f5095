"""The toy's side: a licence, an owner to be found, and then messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack

import msgspec

from toybackend.client.api import Boot, Prompt, ShownClaim, ToyInfo
from toybackend.client.endpoint import Endpoint, Watch, cancel
from toybackend.client.failures import PASSING
from toybackend.client.inbox import Received
from toybackend.client.link import Admission, AdmitAgain, socket_url
from toybackend.client.outbox import NewRef, random_ref
from toybackend.client.playback import Playback
from toybackend.client.waiting import Backoff
from toybackend.errors import Refused, Unlicensed
from toybackend.models import BootState
from toybackend.protocol import HaveHeard, Notice, Play, ServerFrame, Stop, ToySettingsView, Welcome

MOST_CLAIM_SECONDS = 540.0
UNSURE_CLAIM_SECONDS = 30.0
"""When our clock says that a fresh claim is over already, our clock is wrong."""


class Toy(Endpoint):
    """A toy's client.

        async with Toy("http://127.0.0.1:9527", licence) as toy:
            await toy.wait_until_ready()            # shows toy.claim until it has an owner
            async for message in toy.messages():
                mp3 = await toy.fetch(message)
                await toy.heard(message)
                await toy.reply(message, Path("thanks.amr"))

    Entering an unlicensed toy does not raise: it has a `state` and a prompt to play, and everything else about it
    raises Unlicensed. `prove`: show that we have the licence without sending it. `on_boot` is called whenever the
    toy is switched on, shows another code, or finds or loses its owner.
    """

    def __init__(
        self,
        server_url: str,
        licence: str,
        *,
        prove: bool = True,
        hello: bool = False,
        backoff: Backoff | None = None,
        watch: Watch | None = None,
        new_ref: NewRef = random_ref,
        on_boot: Callable[[Boot], None] = lambda boot: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(server_url, hello=hello, backoff=backoff, watch=watch, new_ref=new_ref)
        self._licence = licence
        self._prove = prove
        self._on_boot = on_boot
        self._clock = clock
        self._boot = Boot(BootState.UNLICENSED)
        self._settings: ToySettingsView | None = None
        self._playback = Playback()

    # ── who we are ──

    @property
    def boot(self) -> Boot:
        """What the server said when the toy was switched on, and what became of it since."""
        return self._boot

    @property
    def state(self) -> BootState:
        return self._boot.state

    @property
    def claim(self) -> ShownClaim | None:
        """What to show while there is no owner."""
        return self._boot.claim

    @property
    def token(self) -> str:
        return self._boot.token

    @property
    def settings(self) -> ToySettingsView | None:
        """What the guardians set last, and until when we shall be silent; None while there is no owner."""
        return self._settings

    async def wait_until_ready(self) -> None:
        """Return when the toy has an owner and a socket. Raises Unlicensed."""
        await self._changed.until(self._is_ready)

    def _is_ready(self) -> bool:
        self._raise_end()
        return self.state is BootState.READY and self._welcome is not None

    # ── songs and stories ──

    def playback(self) -> Playback:
        """What shall play from now on, again and again; None means silence."""
        return self._playback

    async def fetch(self, message: Received | Play) -> bytes:
        """The MP3 of a voice message, or of a song or story."""
        return await self._fetch(message.url) if isinstance(message, Play) else await super().fetch(message)

    async def heard(self, message: Received | Play) -> None:
        """Tell that it was played to its end."""
        if isinstance(message, Play):
            self._outbox.say(HaveHeard(id=message.id))
        else:
            await super().heard(message)

    # ── life ──

    async def _enter(self, stack: AsyncExitStack) -> None:
        renewing = asyncio.create_task(self._renew_claims())
        stack.push_async_callback(cancel, renewing)
        try:
            await super()._enter(stack)
        except Unlicensed as error:
            self._finish(error)

    def _finish(self, reason: BaseException) -> None:
        super()._finish(reason)
        self._playback.end(reason)

    async def _admit(self) -> Admission:
        boot = await self._api.power_on(self._licence, prove=self._prove)
        self._welcome = None
        self._settings = boot.toy.settings if boot.toy else None
        self._become(boot)
        if boot.state is BootState.UNLICENSED:
            raise Unlicensed
        return Admission(socket_url(boot.ws_url, "/toy"), boot.token)

    def _become(self, boot: Boot) -> None:
        self._boot = boot
        self._on_boot(boot)
        self._changed.fire()

    def _receive(self, frame: ServerFrame) -> None:
        match frame:
            case Notice(event="bound", id=str(toy_id)) if self.state is BootState.UNBOUND:
                self._find_owner(ToyInfo(toy_id, frame.name or "", settings=frame.settings))
            case Welcome(settings=ToySettingsView()) if self.state is BootState.UNBOUND:
                # It happened while we were away.
                self._find_owner(ToyInfo(frame.id, frame.name, settings=frame.settings))
            case Notice(event="settings") | Welcome() if frame.settings is not None:
                self._settings = frame.settings
                if frame.settings.quiet_until is not None:
                    self._playback.stop()
            case Play():
                self._playback.take(frame)
            case Stop():
                self._playback.take(None)
        super()._receive(frame)
        if isinstance(frame, Notice) and frame.event == "unbound" and self.state is BootState.READY:
            raise AdmitAgain

    def _find_owner(self, toy: ToyInfo) -> None:
        """The token with which we waited is good for everything now, and so is the socket."""
        prompt = Prompt(BootState.READY, self._api.prompt_url(BootState.READY))
        self._settings = toy.settings
        if self._welcome is not None:
            self._welcome = msgspec.structs.replace(self._welcome, id=toy.id, name=toy.name)
        self._become(msgspec.structs.replace(self._boot, state=BootState.READY, prompt=prompt, claim=None, toy=toy))

    async def _renew_claims(self) -> None:
        """While there is no owner, show a new code before the old one ends."""
        while True:
            claim = await self._changed.until(lambda: self._boot.claim)
            await asyncio.sleep(_renew_after(claim, self._clock()))
            await self._renew(claim)

    async def _renew(self, claim: ShownClaim) -> None:
        backoff = Backoff()
        while self._boot.claim is claim:
            try:
                fresh = await self._api.new_claim(self.token)
            except PASSING:
                await backoff.wait()
            except Refused:
                # We wait for nobody any more: the socket says what is the matter.
                await self._changed.until(lambda: self._boot.claim is not claim)
            else:
                if self._boot.claim is claim:
                    self._become(msgspec.structs.replace(self._boot, claim=fresh))


def _renew_after(claim: ShownClaim, now: float) -> float:
    """Seconds until it is time for a new code: before the old one ends, while somebody may be typing it."""
    left = claim.expires_at.timestamp() - now
    return min(max(1.0, left * 0.9), MOST_CLAIM_SECONDS) if left > 0 else UNSURE_CLAIM_SECONDS
