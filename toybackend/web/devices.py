"""Switching a toy on: `POST /devices/authorize`.

    → {"license":"32 hex digits"}                     or, so that the licence itself never travels,
    → {"device_id":…,"nonce":…,"proof":…}             the answer to a challenge, see `services/challenges.py`
    ← 403 problem `unlicensed` with {"state":"unlicensed","prompt":…}
    ← 200 {"state":"unbound","prompt":…,"claim":{…},"token":…,"ws_url":…}
    ← 200 {"state":"ready","prompt":…,"toy":{"id":…,"name":…,"child_name":…,"settings":{…}},"token":…,"ws_url":…}

A prompt is {"name":…,"url":…,"text":…}: what the toy plays, and the same in words for toys with a display. A claim is
{"code":…,"qr_url":…,"qr":[…],"expires_at":…}: what it shows, the QR code row by row for whoever can draw it.
The licence is a secret: it appears in no answer and in no log.

The challenge is got with `POST /devices/challenge`:

    → {"device_id":…}
    ← {"nonce":…,"expires_at":…}
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from toybackend.errors import NotAllowed, NotAuthenticated, RateLimited, Unlicensed
from toybackend.models import BootState, DeviceId, Toy
from toybackend.protocol import ToySettingsView, rfc3339
from toybackend.services.devices import Boot, Devices
from toybackend.services.quiet_hours import settings_view
from toybackend.web.addresses import addresses
from toybackend.web.claims import ClaimToShow, claim_to_show
from toybackend.web.client_address import client_address
from toybackend.web.problems import problem_of
from toybackend.web.prompts import LAST_RESORT, find_prompt, wanted_languages
from toybackend.web.rooms import ROOMS, Rooms
from toybackend.web.routing import API, Route, Who, body

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


License = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Fa-f]{32}\Z")]
AnyDeviceId = Annotated[str, msgspec.Meta(pattern=r"\Ad_[a-z0-9]{1,40}\Z")]
Nonce = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Za-z._-]{1,200}\Z")]
Proof = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Fa-f]{64}\Z")]


class Authorize(msgspec.Struct, frozen=True):
    """Either `license`, or the other three."""

    license: License | msgspec.UnsetType = msgspec.UNSET
    device_id: AnyDeviceId | msgspec.UnsetType = msgspec.UNSET
    nonce: Nonce | msgspec.UnsetType = msgspec.UNSET
    proof: Proof | msgspec.UnsetType = msgspec.UNSET
    """HMAC-SHA256 over the nonce, in hex digits."""

    more_schema: ClassVar[dict[str, Any]] = {
        "oneOf": [{"required": ["license"]}, {"required": ["device_id", "nonce", "proof"]}]
    }

    def __post_init__(self) -> None:
        is_answer = msgspec.UNSET not in (self.device_id, self.nonce, self.proof)
        if (self.license is msgspec.UNSET) is not is_answer:
            raise ValueError("name either license, or all of device_id, nonce and proof")


class AskForChallenge(msgspec.Struct, frozen=True):
    device_id: AnyDeviceId


class ChallengeToAnswer(msgspec.Struct, frozen=True):
    nonce: str
    expires_at: str


class PromptToPlay(msgspec.Struct, frozen=True):
    name: str
    url: str
    text: str


class ToyToBe(msgspec.Struct, frozen=True):
    id: str
    name: str
    child_name: str
    settings: ToySettingsView


class SwitchedOn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    state: BootState
    prompt: PromptToPlay
    claim: ClaimToShow | None = None
    toy: ToyToBe | None = None
    token: str | None
    ws_url: str


async def authorize(request: web.Request) -> web.Response | SwitchedOn:
    """Switch a toy on: which of its three states it is in, and what it says. A toy shows its licence, or better the
    answer to a challenge."""
    devices, address = request.app[ROOMS].devices, client_address(request)
    try:
        boot = await _boot(devices, body(request, Authorize))
    except NotAuthenticated:
        devices.count_wrong(address)
        raise
    if boot.state is BootState.UNLICENSED:
        devices.count_wrong(address)
        return await _refusal(request)
    return await _switched_on(request, boot)


async def _boot(devices: Devices, given: Authorize) -> Boot:
    if isinstance(given.license, str):
        return await devices.power_on(given.license)
    return await devices.power_on_by_proof(DeviceId(str(given.device_id)), str(given.nonce), str(given.proof))


async def challenge(request: web.Request) -> ChallengeToAnswer:
    """What a toy has to answer when it is switched on, so that its licence never travels: good for a minute, for this
    device alone, and once. Devices that do not exist get one too."""
    made = request.app[ROOMS].devices.challenge(DeviceId(body(request, AskForChallenge).device_id))
    return ChallengeToAnswer(made.nonce, rfc3339(made.expires_at))


async def _refusal(request: web.Request) -> web.Response:
    prompt = await _prompt(request, BootState.UNLICENSED)
    return problem_of(Unlicensed()).response(state=BootState.UNLICENSED, prompt=prompt)


async def _switched_on(request: web.Request, boot: Boot) -> SwitchedOn:
    rooms = request.app[ROOMS]
    return SwitchedOn(
        state=boot.state,
        prompt=await _prompt(request, boot.state),
        claim=await claim_to_show(request, boot.claim) if boot.claim else None,
        toy=_toy(rooms, boot.toy) if boot.toy and boot.state is BootState.READY else None,
        token=boot.token,
        ws_url=f"{addresses(request).ws_url}/toy",
    )


async def _prompt(request: web.Request, state: BootState) -> PromptToPlay:
    found = await find_prompt(request, state)
    lang = found.lang if found else wanted_languages(request)[0]
    url = f"{addresses(request).http_url}/api/v1/prompts/{state}.mp3?{urlencode({'lang': lang})}"
    return PromptToPlay(state, url, TEXTS.get(lang, TEXTS[LAST_RESORT])[state])


def _toy(rooms: Rooms, toy: Toy) -> ToyToBe:
    return ToyToBe(toy.id, toy.name, toy.child_name, settings_view(toy.settings, rooms.clock()))


ROUTES = (
    Route(
        method="POST",
        path=f"{API}/devices/authorize",
        handler=authorize,
        who=Who.ANYONE,
        body=Authorize,
        answer=SwitchedOn,
        refuses=(Unlicensed, NotAuthenticated, NotAllowed, RateLimited),
    ),
    Route(
        method="POST",
        path=f"{API}/devices/challenge",
        handler=challenge,
        who=Who.ANYONE,
        body=AskForChallenge,
        answer=ChallengeToAnswer,
    ),
)
