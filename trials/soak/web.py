"""Asking over HTTP. Whatever is not answered as it has to be is an error, unless the server was just away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from trials.soak.findings import Findings, Wrong

ANSWER_SECONDS = 60.0
AGAIN_SECONDS = 0.3


@dataclass(slots=True)
class Power:
    """Whether the server is there. Whoever takes it away says so before."""

    is_on: bool = False
    starts: int = 0

    def was_away_since(self, starts: int) -> bool:
        """Was it gone at any time since there had been so many starts?"""
        return not self.is_on or self.starts != starts


class Unanswered(Exception):
    """The server was away. What was asked for may have been done."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Web:
    """A client that everybody shares; `url` is that of the server."""

    def __init__(self, url: str, power: Power, findings: Findings) -> None:
        self._url = url
        self._power = power
        self._findings = findings
        self._session: aiohttp.ClientSession | None = None
        self.asked = 0

    async def __aenter__(self) -> Web:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(
        self, method: str, path: str, token: str = "", *, expect: Collection[int] = (200,), **more: Any
    ) -> Answer:
        """One request; `path` begins with a slash, or is a whole address. `more` goes to aiohttp. Raises Unanswered."""
        assert self._session is not None
        starts = self._power.starts
        headers = dict(more.pop("headers", {})) | ({"Authorization": f"Bearer {token}"} if token else {})
        url = path if path.startswith("http") else self._url + path
        try:
            async with self._session.request(method, url, headers=headers, **more) as response:
                answer = Answer(response.status, response.headers, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if not self._power.was_away_since(starts):
                self._findings.note(Wrong.HTTP, f"{method} {_tidy(path)}: {type(error).__name__} {error}")
            raise Unanswered from error
        self.asked += 1
        if answer.status not in expect:
            if answer.status >= 500 and self._power.was_away_since(starts):
                raise Unanswered
            said = answer.body[:200].decode(errors="replace")
            self._findings.note(Wrong.HTTP, f"{method} {_tidy(path)}: {answer.status} {said}")
        return answer

    async def surely(
        self,
        method: str,
        path: str,
        token: str = "",
        *,
        expect: Collection[int] = (200,),
        again: Collection[int] = (),
        **more: Any,
    ) -> Answer:
        """The same, again and again until there is an answer: for what may be done twice. `again` is how it may also be
        answered then, when it may have been done before."""
        while True:
            try:
                return await self.ask(method, path, token, expect=expect, **more)
            except Unanswered:
                expect = {*expect, *again}
                await asyncio.sleep(AGAIN_SECONDS)


def _tidy(path: str) -> str:
    return path.partition("?")[0]
