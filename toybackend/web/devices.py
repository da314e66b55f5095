"""Switching a toy on.

    → {"license":"32 hex digits"}
    ← 403 problem `unlicensed` with {"state":"unlicensed","prompt":…}
    ← 200 {"state":"unbound","prompt":…,"claim":{"code":…,"qr_url":…,"expires_at":…},"token":…,"ws_url":…}
    ← 200 {"state":"ready","prompt":…,"toy":{"id":…,"name":…,"child_name":…,"settings":{…}},"token":…,"ws_url":…}

A prompt is {"name":…,"url":…,"text":…}: what the toy plays, and the same in words for toys with a display.
The licence is a secret: it appears in no answer and in no log.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from toybackend.errors import RateLimited, Unlicensed
from toybackend.models import BootState, Claim, Toy
from toybackend.protocol import rfc3339
from toybackend.services.devices import Boot
from toybackend.web.bodies import json_response, read_json
from toybackend.web.problems import problem_of
from toybackend.web.prompts import LAST_RESORT, find_prompt, wanted_languages
from toybackend.web.rooms import ROOMS, Rooms

WRONG_LICENCES = 10
"""Wrong licences from one address in `WINDOW_SECONDS`; one more is `rate_limited`."""
WINDOW_SECONDS = 60.0
MOST_ADDRESSES_WATCHED = 10_000

TEXTS: dict[str, dict[BootState, str]] = {
    "en": {
        BootState.UNLICENSED: "This toy has no licence. Please contact the manufacturer.",
        BootState.UNBOUND: "I have no family yet. Please find me an owner.",
        BootState.READY: "Welcome! I am ready to talk.",
    },
    "zh": {
        BootState.UNLICENSED: "这个玩具还没有授权，请联系生产厂家。",
        BootState.UNBOUND: "我还没有家呢，请帮我找一位主人吧。",
        BootState.READY: "欢迎你！我准备好啦，我们来聊天吧。",
    },
}
"""Word for word what the prompts say that we ship; a test holds the two together."""


class Authorize(msgspec.Struct, frozen=True):
    license: Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Fa-f]{32}\Z")]


class PromptToPlay(msgspec.Struct, frozen=True):
    name: str
    url: str
    text: str


class ClaimToShow(msgspec.Struct, frozen=True):
    code: str
    qr_url: str
    """What the QR holds."""
    expires_at: str


class ToySettings(msgspec.Struct, frozen=True):
    volume_cap: int
    """In percent."""


class ToyToBe(msgspec.Struct, frozen=True):
    id: str
    name: str
    child_name: str
    settings: ToySettings


class SwitchedOn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    state: BootState
    prompt: PromptToPlay
    claim: ClaimToShow | None = None
    toy: ToyToBe | None = None
    token: str | None
    ws_url: str


class WrongLicences:
    """Wrong licences per client address within a sliding window; the addresses watched are bounded."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def wrong(self, address: str, now: float) -> None:
        """One more, at `now` in seconds. Raises RateLimited when it is one too many."""
        times = self._times.setdefault(address, deque())
        self._times.move_to_end(address)
        if len(self._times) > MOST_ADDRESSES_WATCHED:
            self._times.popitem(last=False)
        while times and times[0] <= now - WINDOW_SECONDS:
            times.popleft()
        if len(times) >= WRONG_LICENCES:
            raise RateLimited(retry_after=int(times[0] + WINDOW_SECONDS - now) + 1)
        times.append(now)


WRONG = web.AppKey("wrong_licences", WrongLicences)


async def authorize(request: web.Request) -> web.Response:
    """`POST /api/v1/devices/authorize`. Raises RateLimited, MissingField or BadJson."""
    body = await read_json(request, Authorize)
    boot = await request.app[ROOMS].devices.power_on(body.license)
    if boot.state is BootState.UNLICENSED:
        return await _refusal(request)
    return json_response(await _switched_on(request, boot))


async def _refusal(request: web.Request) -> web.Response:
    # Only wrong licences are held back, never the right one: the other toys of the house share the address with
    # one whose licence was revoked. A licence has 128 bits; it is not guessed however often one may try.
    request.app[WRONG].wrong(request.remote or "", asyncio.get_running_loop().time())
    prompt = await _prompt(request, BootState.UNLICENSED)
    return problem_of(Unlicensed()).response(state=BootState.UNLICENSED, prompt=prompt)


async def _switched_on(request: web.Request, boot: Boot) -> SwitchedOn:
    rooms = request.app[ROOMS]
    return SwitchedOn(
        state=boot.state,
        prompt=await _prompt(request, boot.state),
        claim=_claim(rooms, boot.claim) if boot.claim else None,
        toy=_toy(boot.toy) if boot.toy and boot.state is BootState.READY else None,
        token=boot.token,
        ws_url=f"{rooms.addresses().ws_url}/toy",
    )


async def _prompt(request: web.Request, state: BootState) -> PromptToPlay:
    found = await find_prompt(request, state)
    lang = found.lang if found else wanted_languages(request)[0]
    url = f"{request.app[ROOMS].addresses().http_url}/api/v1/prompts/{state}.mp3?{urlencode({'lang': lang})}"
    return PromptToPlay(state, url, TEXTS.get(lang, TEXTS[LAST_RESORT])[state])


def _claim(rooms: Rooms, claim: Claim) -> ClaimToShow:
    qr_url = f"{rooms.addresses().http_url}/?{urlencode({'claim': claim.code})}"
    return ClaimToShow(claim.code, qr_url, rfc3339(claim.expires_at))


def _toy(toy: Toy) -> ToyToBe:
    return ToyToBe(toy.id, toy.name, toy.child_name, ToySettings(toy.volume_cap))
