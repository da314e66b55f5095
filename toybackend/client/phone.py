"""The family's side: an account that logs in."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack

from toybackend.client.endpoint import Endpoint, Watch
from toybackend.client.link import Admission, socket_url
from toybackend.client.outbox import NewRef, random_ref
from toybackend.client.waiting import Backoff
from toybackend.errors import ToybackendError

LOG_OUT_SECONDS = 2.0


class Phone(Endpoint):
    """A person's client.

        async with Phone("http://127.0.0.1:9527", "anna", password) as phone:
            sent = await phone.send_voice(to="t_…", audio=Path("good-night.amr"))
            await sent.heard()
            async for message in phone.messages():
                mp3 = await phone.fetch(message)

    Entering raises NotAuthenticated, RateLimited or ServerAway; leaving ends the session.
    """

    def __init__(
        self,
        server_url: str,
        name: str,
        password: str,
        *,
        hello: bool = False,
        backoff: Backoff | None = None,
        watch: Watch | None = None,
        new_ref: NewRef = random_ref,
    ) -> None:
        super().__init__(server_url, hello=hello, backoff=backoff, watch=watch, new_ref=new_ref)
        self._log_in = (name, password)
        self._session = ""

    @property
    def token(self) -> str:
        """The session's bearer token, for further HTTP calls; it ends with this client."""
        return self._session

    async def _enter(self, stack: AsyncExitStack) -> None:
        stack.push_async_callback(self._log_out)
        await super()._enter(stack)

    async def _admit(self) -> Admission:
        self._session = await self._api.log_in(*self._log_in)
        config = await self._api.config()
        if config.limits.max_text is not None:
            self._outbox.max_text = config.limits.max_text
        return Admission(socket_url(config.ws_url, "/app"), self._session)

    async def _log_out(self) -> None:
        if self._session:
            # A courtesy: where it fails the token ends by its age.
            with contextlib.suppress(ToybackendError, TimeoutError):
                async with asyncio.timeout(LOG_OUT_SECONDS):
                    await self._api.log_out(self._session)
