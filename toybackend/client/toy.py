"""The toy's side: a licence, an owner to be found, and then messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AsyncExitStack

from toybackend.client.api import Boot, ShownClaim
from toybackend.client.endpoint import Endpoint, Watch
from toybackend.client.link import Admission, AdmitAgain, socket_url
from toybackend.client.outbox import NewRef, random_ref
from toybackend.client.waiting import Backoff
from toybackend.errors import Unlicensed
from toybackend.models import BootState
from toybackend.protocol import Notice, ServerFrame

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
    raises Unlicensed. `on_boot` is called with every answer to being switched on, also when the claim is renewed
    and when the toy finds or loses its owner.
    """

    def __init__(
        self,
        server_url: str,
        licence: str,
        *,
        hello: bool = False,
        backoff: Backoff | None = None,
        watch: Watch | None = None,
        new_ref: NewRef = random_ref,
        on_boot: Callable[[Boot], None] = lambda boot: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(server_url, hello=hello, backoff=backoff, watch=watch, new_ref=new_ref)
        self._licence = licence
        self._on_boot = on_boot
        self._clock = clock
        self._boot = Boot(BootState.UNLICENSED)

    @property
    def boot(self) -> Boot:
        """The server's last answer to being switched on."""
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

    async def wait_until_ready(self) -> None:
        """Return when the toy has an owner and a socket. Raises Unlicensed."""
        await self._changed.until(self._is_ready)

    def _is_ready(self) -> bool:
        self._raise_end()
        return self.state is BootState.READY and self._welcome is not None

    async def _enter(self, stack: AsyncExitStack) -> None:
        try:
            await super()._enter(stack)
        except Unlicensed as error:
            self._finish(error)

    async def _admit(self) -> Admission:
        boot = await self._api.power_on(self._licence)
        self._boot, self._welcome = boot, None
        self._on_boot(boot)
        self._changed.fire()
        if boot.state is BootState.UNLICENSED:
            raise Unlicensed
        good_for = _renew_after(boot.claim, self._clock()) if boot.claim else None
        return Admission(socket_url(boot.ws_url, "/toy"), boot.token, good_for)

    def _receive(self, frame: ServerFrame) -> None:
        super()._receive(frame)
        found = self.state is BootState.UNBOUND and frame == Notice(event="bound")
        lost = self.state is BootState.READY and frame == Notice(event="unbound")
        if found or lost:
            raise AdmitAgain


def _renew_after(claim: ShownClaim, now: float) -> float:
    """Seconds until it is time for a new code: before the old one ends, while somebody may be typing it."""
    left = claim.expires_at.timestamp() - now
    return min(max(1.0, left * 0.9), MOST_CLAIM_SECONDS) if left > 0 else UNSURE_CLAIM_SECONDS
