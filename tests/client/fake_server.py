"""A small server that speaks the contract, and misbehaves when told to: real HTTP, real sockets, port 0."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from toybackend.client import Backoff
from toybackend.protocol import Text, Voice, encode_server_frame

PASSWORD = "correct horse"
LICENCE = "0123456789abcdef0123456789abcdef"
MP3 = b"\xff\xf3" + bytes(500)

Upload = tuple[dict[str, Any], bytes]


def quick() -> Backoff:
    """No test waits for anything."""
    return Backoff(first=0.01, most=0.02)


class FakeServer:
    def __init__(self, *, nonce: str = "") -> None:
        self.url = ""
        self.ws_url = ""
        #: What came.
        self.log_ins = 0
        self.log_outs = 0
        self.cookies: list[str] = []
        self.uploads: list[Upload] = []
        self.frames: list[dict[str, Any]] = []
        self.sockets: list[ServerConnection] = []
        self.greetings: list[tuple[str, str]] = []
        self.goodbyes: list[int | None] = []
        self.fetches: list[tuple[str, str]] = []
        self.calls: list[tuple[str, Any, str]] = []
        #: What to do.
        self.nonce = nonce
        self.proof: dict[str, str] = {}
        self.claims: deque[dict[str, Any]] = deque()
        self.trouble_with_claims: deque[web.Response] = deque()
        self.token_works = True
        self.boots: deque[dict[str, Any]] = deque()
        self.boot_status = 200
        self.http_trouble: deque[web.Response] = deque()
        self.handshakes: deque[int] = deque()
        self.closings: deque[int] = deque()
        self.late_closings: deque[int] = deque()
        self.uploads_to_lose = 0
        self.answers_to_lose = 0
        self.refusals: dict[str, dict[str, Any]] = {}
        self.receipts: tuple[str, ...] = ()
        self.held_until = ""
        self.mailbox: dict[str, Voice | Text] = {}
        self.greet_with: list[str] = []
        self.welcomes = True
        self.welcome_with: dict[str, Any] = {}
        self.max_audio_bytes = 1000
        self.limits: dict[str, Any] = {"limits": {"max_text": 100, "max_fun": 7}}
        self._ids: dict[str, str] = {}
        self._changed = asyncio.Condition()

    # ── life ──

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/api/v1/sessions", self._log_in)
        app.router.add_delete("/api/v1/sessions/current", self._log_out)
        app.router.add_get("/api/v1/config", self._config)
        app.router.add_post("/api/v1/accounts", self._register)
        app.router.add_post("/api/v1/toys", self._bind)
        app.router.add_delete("/api/v1/toys/t_1", self._unbind)
        app.router.add_post("/api/v1/devices/authorize", self._authorize)
        app.router.add_post("/api/v1/claims", self._new_claim)
        if self.nonce:
            app.router.add_post("/api/v1/devices/challenge", self._challenge)
        app.router.add_get("/audio/{name}", self._audio)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        self._ws: Server = await serve(
            self._talk, "127.0.0.1", 0, process_request=self._handshake, close_timeout=1, max_size=None
        )
        self.ws_url = f"ws://127.0.0.1:{self._ws.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._ws.close()
        await self._ws.wait_closed()
        await self._runner.cleanup()

    async def until(self, look: Callable[[], Any]) -> None:
        async with asyncio.timeout(15), self._changed:
            await self._changed.wait_for(look)

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # ── HTTP ──

    async def _log_in(self, request: web.Request) -> web.Response:
        if self.http_trouble:
            return self.http_trouble.popleft()
        self.log_ins += 1
        if (await request.json())["password"] != PASSWORD:
            return problem(401, "not_authenticated", "name or password is wrong")
        self.token_works = True
        response = web.json_response({"token": f"token{self.log_ins}", "account": {"id": "p_anna", "name": "anna"}})
        response.set_cookie("toybackend_session", "never-to-be-sent-back")
        return response

    async def _log_out(self, request: web.Request) -> web.Response:
        self.cookies += request.headers.getall("Cookie", [])
        self.log_outs += 1
        return web.Response(status=204)

    async def _config(self, request: web.Request) -> web.Response:
        return web.json_response({"ws_url": self.ws_url, "version": "0", "something": "new", **self.limits})

    async def _authorize(self, request: web.Request) -> web.Response:
        if self.http_trouble:
            return self.http_trouble.popleft()
        shown = await request.json()
        assert shown == (self.proof or {"license": LICENCE})
        self.log_ins += 1
        boot = self.boots.popleft() if len(self.boots) > 1 else self.boots[0]
        status = 403 if boot["state"] == "unlicensed" else 200
        return web.json_response(
            {"token": f"token{self.log_ins}", "ws_url": self.ws_url + "/toy", **boot}, status=status
        )

    async def _challenge(self, request: web.Request) -> web.Response:
        self.calls.append(("challenge", await request.json(), ""))
        return web.json_response({"nonce": self.nonce, "expires_at": "2100-01-01T00:00:00Z"})

    async def _new_claim(self, request: web.Request) -> web.Response:
        self.calls.append(("claim", None, request.headers["Authorization"]))
        await self._note()
        if self.trouble_with_claims:
            return self.trouble_with_claims.popleft()
        return web.json_response(self.claims.popleft())

    async def _register(self, request: web.Request) -> web.Response:
        self.calls.append(("register", await request.json(), ""))
        return web.json_response({"token": "fresh", "account": {"id": "p_anna", "name": "anna"}}, status=201)

    async def _bind(self, request: web.Request) -> web.Response:
        self.calls.append(("bind", await request.json(), request.headers["Authorization"]))
        return web.json_response({"id": "t_1", "name": "Bear", "new": "field"}, status=201)

    async def _unbind(self, request: web.Request) -> web.Response:
        self.calls.append(("unbind", None, request.headers["Authorization"]))
        return web.json_response({"rows": {"messages": 2}})

    async def _audio(self, request: web.Request) -> web.Response:
        self.fetches.append((request.path_qs, request.headers.get("Authorization", "")))
        return self.http_trouble.popleft() if self.http_trouble else web.Response(body=MP3)

    # ── sockets ──

    def _handshake(self, socket: ServerConnection, request: Request) -> Response | None:
        status = self.handshakes.popleft() if self.handshakes else 0
        return socket.respond(status, "no\n") if status else None

    async def _talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.greetings.append((socket.request.path, socket.request.headers.get("Authorization", "")))
        self.sockets.append(socket)
        try:
            await self._serve(socket)
        except ConnectionClosed:
            pass
        finally:
            self.sockets.remove(socket)
            self.goodbyes.append(socket.close_code)
            await self._note()

    async def _serve(self, socket: ServerConnection) -> None:
        if not self.greetings[-1][1]:
            self.frames.append(json.loads(await socket.recv()))
        if self.late_closings:
            await socket.send(self._welcome())
            await socket.close(self.late_closings.popleft(), "after all")
            return
        if self.closings and (code := self.closings.popleft()):
            await socket.close(code, "as the test wants")
            return
        for frame in self.greet_with:
            await socket.send(frame)
        if self.welcomes:
            await socket.send(self._welcome())
        for message in list(self.mailbox.values()):
            await socket.send(encode_server_frame(message))
        await self._note()
        while True:
            await self._step(socket)
            await self._note()

    def _welcome(self) -> str:
        limits = {"max_audio_bytes": self.max_audio_bytes, "max_audio_seconds": 120}
        return json.dumps(
            {"type": "welcome", "id": "p_anna", "name": "anna", "unread": 0, **limits, **self.welcome_with}
        )

    async def _step(self, socket: ServerConnection) -> None:
        frame = json.loads(await socket.recv())
        if "type" in frame:
            self.frames.append(frame)
            self.mailbox.pop(frame.get("id", ""), None)
            return
        blob = b""
        if "msg" not in frame:
            data = await socket.recv()
            assert isinstance(data, bytes), "a header is followed by its audio and by nothing else"
            blob = data
        if self.uploads_to_lose:
            self.uploads_to_lose -= 1
            socket.transport.abort()
            return
        self.uploads.append((frame, blob))
        await self._answer(socket, frame)

    async def _answer(self, socket: ServerConnection, frame: dict[str, Any]) -> None:
        to = frame.get("to_user") or frame["to_group"]
        ref = frame["ref"]
        if to in self.refusals:
            await send(socket, type="error", ref=ref, **self.refusals[to])
            return
        message_id = self._ids.setdefault(ref, f"m_{len(self._ids) + 1}")
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            socket.transport.abort()
            return
        await send(socket, type="accepted", id=message_id, ref=ref, to_user=to)
        if self.held_until:
            held = {"event": "held", "code": "quiet_hours", "until": self.held_until}
            await send(socket, type="notice", id=message_id, to_user=to, **held)
        for kind in self.receipts:
            about = {"code": "bad_audio"} if kind == "failed" else {"to_user": to}
            await send(socket, type=kind, id=message_id, **about)

    async def push(self, **frame: Any) -> None:
        await send(self.sockets[-1], **frame)

    async def drop(self) -> None:
        """The network breaks."""
        socket = self.sockets[-1]
        socket.transport.abort()
        await self.until(lambda: socket not in self.sockets)


async def send(socket: ServerConnection, **frame: Any) -> None:
    # A client that has said goodbye hears nothing more, but what it said before is still to be read.
    with contextlib.suppress(ConnectionClosed):
        await socket.send(json.dumps(frame))


def problem(status: int, code: str, detail: str, **more: Any) -> web.Response:
    headers = {"Retry-After": str(more["retry_after"])} if "retry_after" in more else {}
    return web.json_response(
        {"type": "about:blank", "status": status, "code": code, "detail": detail},
        status=status,
        headers=headers,
        content_type="application/problem+json",
    )


def voice(message_id: str, url: str = "/audio/x.mp3?sig=s", **more: Any) -> Voice:
    fields = {"from_user": "p_ben", "from_name": "Ben", "to_user": "p_anna", "duration_ms": 1000, "sent_at": "now"}
    return Voice(id=message_id, url=url, waveform=(0,) * 48, **{**fields, **more})


def text(message_id: str, msg: str = "hello") -> Text:
    return Text(id=message_id, from_user="p_ben", from_name="Ben", to_user="p_anna", msg=msg, sent_at="now")


def claim(code: str = "ABCD2345", expires_at: str = "2100-01-01T00:00:00Z") -> dict[str, Any]:
    return {"code": code, "qr_url": f"http://x/?claim={code}", "qr": ["10", "01"], "expires_at": expires_at}


def unbound(code: str = "ABCD2345", expires_at: str = "2100-01-01T00:00:00Z") -> dict[str, Any]:
    prompt = {"name": "unbound", "url": "/p", "text": "Find me"}
    return {"state": "unbound", "prompt": prompt, "claim": claim(code, expires_at)}


def settings(volume_cap: int = 80, quiet_until: str | None = None) -> dict[str, Any]:
    quiet: dict[str, Any] = {"time_zone": "UTC", "quiet_hours": [], "quiet_until": quiet_until}
    return {"volume_cap": volume_cap, "daily_limit_minutes": None, "autoplay": True, **quiet}


def ready() -> dict[str, Any]:
    toy = {"id": "t_1", "name": "Bear", "child_name": "Mia", "settings": settings()}
    return {"state": "ready", "prompt": {"name": "ready"}, "toy": toy}


def unlicensed() -> dict[str, Any]:
    return {"state": "unlicensed", "code": "unlicensed", "prompt": {"name": "unlicensed"}}
