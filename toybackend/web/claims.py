"""How a toy finds its family.

A toy that is switched on and has no owner shows a code (`devices.py`), and renews it while it waits; a guardian can ask
for one too, to let another grown-up in. Either is used in the same way:

    → {"claim":"K7PF-3MXA","name":"Teddy"}
    ← 201, the toy as `toys.py` shows it
    ← 404 claim_wrong     no toy shows this code: read it again
    ← 410 claim_expired   it is too old: the toy shows a new one
    ← 409 already_bound   somebody was faster, and only they can let others in
    ← 409 too_many        this person, or this toy, has as many as are allowed
    ← 429 rate_limited    too many wrong codes; `Retry-After` says how long to wait

Whoever used a code gets the same answer again, should the first one not have arrived.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from toybackend.errors import AlreadyBound, ClaimExpired, ClaimWrong, NotAllowed, NotFound, RateLimited, TooMany
from toybackend.models import Claim
from toybackend.protocol import rfc3339
from toybackend.web.addresses import addresses
from toybackend.web.qr import Rows, qr_rows
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, Route, Who, body, caller
from toybackend.web.sessions import Name
from toybackend.web.toys import ToyView, toy_id, toy_view


class Binding(msgspec.Struct, frozen=True):
    # As people type it: in any case, with dashes and blanks.
    claim: Annotated[str, msgspec.Meta(min_length=1, max_length=32, pattern=r"\A[A-Za-z0-9 -]*\Z")]
    name: Name | None = None
    """What its owner calls the toy; of a toy that has one already, it changes nothing."""


class ClaimToShow(msgspec.Struct, frozen=True):
    code: str
    qr_url: str
    """What the QR holds."""
    qr: Rows
    """The QR itself, to be drawn."""
    expires_at: str


async def claim_to_show(request: web.Request, claim: Claim) -> ClaimToShow:
    """The code as text and as QR; the link in it leads to us by the name that the asker calls us."""
    qr_url = f"{addresses(request).http_url}/?{urlencode({'claim': claim.code})}"
    return ClaimToShow(claim.code, qr_url, await qr_rows(qr_url), rfc3339(claim.expires_at))


async def bind(request: web.Request) -> ToyView:
    """Become a guardian of the toy that shows this code, or whose guardian opened it."""
    rooms, person, given = request.app[ROOMS], caller(request), body(request, Binding)
    toy = await rooms.toys.bind(person.id, given.claim, given.name or "")
    return toy_view(rooms, await rooms.toys.household(person.id, toy.id))


async def renew_claim(request: web.Request) -> ClaimToShow:
    """A waiting toy's next code, in place of the one before; its token stays."""
    return await claim_to_show(request, await request.app[ROOMS].toys.new_claim(caller(request).id))


async def open_to_guardian(request: web.Request) -> ClaimToShow:
    """A code for another grown-up: whoever uses it first, while it lasts, becomes a guardian of this toy."""
    claim = await request.app[ROOMS].toys.open_window(caller(request).id, toy_id(request))
    return await claim_to_show(request, claim)


ROUTES = (
    Route(
        method="POST",
        path=f"{API}/toys",
        handler=bind,
        who=Who.PERSON,
        body=Binding,
        answer=ToyView,
        status=HTTPStatus.CREATED,
        refuses=(ClaimWrong, ClaimExpired, AlreadyBound, TooMany, RateLimited, NotFound),
    ),
    Route(
        method="POST",
        path=f"{API}/claims",
        handler=renew_claim,
        who=Who.WAITING_TOY,
        answer=ClaimToShow,
        status=HTTPStatus.CREATED,
        refuses=(AlreadyBound, NotFound),
    ),
    Route(
        method="POST",
        path=f"{API}/toys/{{toy_id}}/guardians",
        handler=open_to_guardian,
        who=Who.PERSON,
        answer=ClaimToShow,
        status=HTTPStatus.CREATED,
        refuses=(NotFound, NotAllowed),
    ),
)
