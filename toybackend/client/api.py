"""The HTTP calls that phones and toys need (`/api/v1`)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec

from toybackend.client.failures import ServerAway, refused
from toybackend.client.licence import device_id, proof
from toybackend.errors import (
    Gone,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    RateLimited,
    Refused,
    ToybackendError,
)
from toybackend.models import BootState
from toybackend.protocol import ToySettingsView

MAX_AUDIO_BYTES = 32 << 20
"""An hour of story at 32 kbit/s is 14 MB; no more than this is read into memory."""
MAX_ANSWER_BYTES = 256 * 1024
CALL_SECONDS = 20.0
FETCH_SECONDS = 60.0
CHUNK = 64 * 1024

T = TypeVar("T")


class Prompt(msgspec.Struct, frozen=True):
    """What a toy says to the child in its present state."""

    name: str
    url: str | None = None
    text: str | None = None


class ShownClaim(msgspec.Struct, frozen=True):
    """What an unbound toy shows: whoever types or scans it becomes the owner."""

    code: str
    qr_url: str
    expires_at: datetime


class Somebody(msgspec.Struct, frozen=True):
    """A person or a toy, by the names that the asker may know."""

    id: str
    name: str = ""


class ToyInfo(msgspec.Struct, frozen=True):
    """What a toy is told about itself."""

    id: str
    name: str = ""
    child_name: str = ""
    settings: ToySettingsView | None = None


class Boot(msgspec.Struct, frozen=True):
    """The server's answer to a toy that was switched on."""

    state: BootState
    prompt: Prompt | None = None
    claim: ShownClaim | None = None
    toy: ToyInfo | None = None
    token: str = ""
    ws_url: str = ""

    def __repr__(self) -> str:  # without the token
        return f"<Boot {self.state}>"


class LoggedIn(msgspec.Struct, frozen=True):
    """An account with a fresh session."""

    token: str
    account: Somebody

    def __repr__(self) -> str:  # without the token
        return f"<LoggedIn {self.account.id}>"


class _Nonce(msgspec.Struct, frozen=True):
    nonce: str


class Limits(msgspec.Struct, frozen=True):
    """What the server takes; what an older one does not say is None."""

    max_text: int | None = None
    """In characters."""


class Config(msgspec.Struct, frozen=True):
    """What a client needs to know before it connects."""

    ws_url: str
    """`ws://HOST:PORT`, or `wss://HOST/ws` behind a proxy; without the path of phone or toy."""
    limits: Limits = Limits()


class _Problem(msgspec.Struct, frozen=True):
    """RFC 9457."""

    code: str
    detail: str | None = None
    retry_after: int | None = None


class Api:
    """The server's HTTP side. Everything raises ServerAway, or the Refused of the server's code."""

    def __init__(self, server_url: str) -> None:
        self._base = server_url.rstrip("/")
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        # No cookies: we show a bearer token where one is due, and nothing where none is.
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def log_in(self, name: str, password: str) -> str:
        """A fresh token for this account."""
        body = await self._call("POST", "/sessions", {"name": name, "password": password})
        return _read(body, LoggedIn).token

    async def register(self, name: str, password: str, invitation: str | None = None) -> LoggedIn:
        """A new account, logged in."""
        fields = {"name": name, "password": password} | ({"invitation": invitation} if invitation else {})
        return _read(await self._call("POST", "/accounts", fields), LoggedIn)

    async def log_out(self, token: str) -> None:
        await self._call("DELETE", "/sessions/current", token=token)

    async def config(self) -> Config:
        return _read(await self._call("GET", "/config"), Config)

    # ── toys ──

    async def power_on(self, licence: str, *, prove: bool = True) -> Boot:
        """Which state the toy of this licence is in; `unlicensed` is an answer and not an error.

        With `prove` the licence itself is not sent but an answer to the server's challenge, unless it is an older
        server that has none.
        """
        shown = (await self._proof(licence) if prove else None) or {"license": licence}
        async with self._request("POST", self._url("/devices/authorize"), json=shown) as response:
            body = await _body(response, MAX_ANSWER_BYTES)
            if response.status >= 400 and not _is_boot(body):
                raise _problem(response, body)
        return _read(body, Boot)

    async def _proof(self, licence: str) -> dict[str, str] | None:
        asked = {"device_id": device_id(licence)}
        try:
            nonce = _read(await self._call("POST", "/devices/challenge", asked), _Nonce).nonce
        except NotFound:
            return None
        return {**asked, "nonce": nonce, "proof": proof(licence, nonce)}

    async def new_claim(self, token: str) -> ShownClaim:
        """A fresh code for a toy that waits for its owner."""
        return _read(await self._call("POST", "/claims", token=token), ShownClaim)

    async def bind(self, token: str, claim: str, name: str = "") -> ToyInfo:
        """Become a guardian of the toy that shows this code."""
        fields = {"claim": claim} | ({"name": name} if name else {})
        return _read(await self._call("POST", "/toys", fields, token), ToyInfo)

    async def unbind(self, token: str, toy_id: str) -> None:
        """Give a toy away: everything that the family said with it goes."""
        await self._call("DELETE", f"/toys/{toy_id}", token=token)

    def prompt_url(self, name: str) -> str:
        """Where the MP3 of a spoken prompt is."""
        return self._url(f"/prompts/{name}.mp3")

    # ── sound ──

    async def audio(self, url: str, token: str) -> bytes:
        """The bytes behind a link of a message."""
        url = urljoin(self._base + "/", url)
        # The link is enough while it is fresh; the token helps when it is not, and is for our server's eyes only.
        headers = _bearer(token) if _origin(url) == _origin(self._base) else {}
        async with self._request("GET", url, headers=headers, timeout=FETCH_SECONDS) as response:
            body = await _body(response, MAX_AUDIO_BYTES)
            if response.status != 200:
                raise _problem(response, body)
        return body

    # ── everything else ──

    async def call(self, method: str, path: str, json: object = None, *, token: str = "") -> Any:
        """The JSON that a route, such as `/toys`, answers; None for an empty answer."""
        body = await self._call(method, path, json, token)
        return _read(body, object) if body else None

    async def _call(self, method: str, path: str, json: object = None, token: str = "") -> bytes:
        headers = _bearer(token) if token else {}
        async with self._request(method, self._url(path), json=json, headers=headers) as response:
            body = await _body(response, MAX_ANSWER_BYTES)
            if response.status >= 400:
                raise _problem(response, body)
        return body

    @contextlib.asynccontextmanager
    async def _request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        headers: dict[str, str] | None = None,
        timeout: float = CALL_SECONDS,  # noqa: ASYNC109  # aiohttp's own, which also covers the pool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        limit = aiohttp.ClientTimeout(total=timeout)
        try:
            async with self._http.request(method, url, json=json, headers=headers, timeout=limit) as response:
                yield response
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise ServerAway(f"no answer from {_origin(url)} ({type(error).__name__})") from error

    def _url(self, path: str) -> str:
        return f"{self._base}/api/v1{path}"


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _body(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The whole body. Raises ServerAway for one that our server would never send."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        body += chunk
        if len(body) > most:
            raise ServerAway(f"the answer has more than {most} bytes")
    return bytes(body)


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ServerAway(f"this is not an answer of our server: {error}") from error


def _is_boot(body: bytes) -> bool:
    with contextlib.suppress(ServerAway):
        return _read(body, Boot).state is BootState.UNLICENSED
    return False


_BY_STATUS: dict[int, type[Refused]] = {
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    410: Gone,
    429: RateLimited,
}


def _problem(response: aiohttp.ClientResponse, body: bytes) -> ToybackendError:
    """The error that an answer of 400 or more stands for, by its code, else by its status."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.DecodeError, UnicodeError):
        kind = _BY_STATUS.get(response.status)
        return kind() if kind else ServerAway(f"the server answered {response.status}")
    return refused(problem.code, problem.detail, problem.retry_after or _retry_after(response))


def _retry_after(response: aiohttp.ClientResponse) -> int | None:
    seconds = response.headers.get("Retry-After", "")
    return int(seconds) if seconds.isascii() and seconds.isdigit() else None
