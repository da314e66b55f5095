"""Who may talk to whom between families.

A contact is seen from one of its two sides: `for` is ours, a person or a toy, and `with` is the other. Whoever answers
for both sees it twice, under the same id.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from toybackend.errors import MissingField, NotAllowed, NotFound, RateLimited, TooMany, UnknownRecipient
from toybackend.models import Contact, ContactId, ContactState, Party, PartyId, PartyKind, Toy
from toybackend.protocol import rfc3339
from toybackend.web.addresses import addresses
from toybackend.web.qr import Rows, qr_rows
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, PATTERNS, Route, Who, body, caller, path_id, query

AnyPartyId = Annotated[str, msgspec.Meta(pattern=rf"\A{PATTERNS['id']}\Z")]
MOST_NICKNAME = 64


class Ask(msgspec.Struct, frozen=True, rename={"other": "with", "side": "for"}):
    other: AnyPartyId
    side: AnyPartyId | None = None
    """A toy of ours; without it, we ourselves."""


class OfSide(msgspec.Struct, frozen=True, rename={"side": "for"}):
    side: AnyPartyId | None = None


class ContactChange(msgspec.Struct, frozen=True, rename={"side": "for"}):
    # NUL is refused here, because databases choke on it.
    nickname: Annotated[str, msgspec.Meta(max_length=MOST_NICKNAME, pattern=r"\A[^\x00]*\Z")] | None = None
    """Empty for none."""
    blocked: bool | None = None
    side: AnyPartyId | None = None
    """Needed only where both sides are ours."""


class PartyView(msgspec.Struct, frozen=True):
    id: str
    name: str
    """Empty for whoever we asked, until they agree."""
    kind: PartyKind


class ContactView(msgspec.Struct, frozen=True, kw_only=True, rename={"side": "for", "other": "with"}):
    id: str
    side: PartyView
    other: PartyView
    state: ContactState
    asked_by_us: bool
    nickname: str
    """What we call the other, who never sees it."""
    is_blocked: bool
    """By us."""
    since: str
    """It was asked for, or agreed."""


class ContactCard(msgspec.Struct, frozen=True):
    id: str
    """To be asked for, see `Ask`."""
    name: str
    url: str
    """What the QR holds: the app, opened where this one is asked for."""
    qr: Rows
    """The QR itself, to be drawn."""


class ContactList(msgspec.Struct, frozen=True):
    contacts: tuple[ContactView, ...]


async def list_contacts(request: web.Request) -> ContactList:
    """Contacts and open requests of the caller and of every toy they guard, or of one of these."""
    side = query(request, OfSide).side
    found = await request.app[ROOMS].contacts.contacts(caller(request).id, PartyId(side) if side else None)
    return ContactList(tuple(_view(one) for one in found))


async def show_card(request: web.Request) -> ContactCard:
    """What to show another family so that it can ask us, or a toy that we guard, for contact. It lets nobody in: the
    grown-ups of both sides still have to agree."""
    person, side = caller(request), query(request, OfSide).side
    shown: Party | Toy = person
    if side is not None and side != person.id:
        shown = (await request.app[ROOMS].toys.household(person.id, PartyId(side))).toy
    url = f"{addresses(request).http_url}/?{urlencode({'contact': shown.id})}"
    return ContactCard(shown.id, shown.name, url, await qr_rows(url))


async def ask_for_contact(request: web.Request) -> ContactView:
    """Ask the grown-ups of a person or a toy of another family to let them talk with us, or with a toy of ours. Where
    the caller answers for both sides, or the other side asked before, it is agreed at once."""
    asked = body(request, Ask)
    side = PartyId(asked.side) if asked.side else None
    return _view(await request.app[ROOMS].contacts.ask(caller(request).id, PartyId(asked.other), side))


async def accept_contact(request: web.Request) -> ContactView:
    """Agree to what the other side asked for."""
    return _view(await request.app[ROOMS].contacts.accept(caller(request).id, _contact_id(request)))


async def change_contact(request: web.Request) -> ContactView:
    """Call the other by a name of our own, or block them. Blocking is not told, and takes back what was not heard."""
    change = body(request, ContactChange)
    changed = await request.app[ROOMS].contacts.change(
        caller(request).id,
        _contact_id(request),
        nickname=change.nickname.strip() if change.nickname is not None else None,
        blocks=change.blocked,
        side=PartyId(change.side) if change.side else None,
    )
    return _view(changed)


async def end_contact(request: web.Request) -> None:
    """Refuse a request, take one back, or end what was agreed: at once, and for both sides."""
    await request.app[ROOMS].contacts.end(caller(request).id, _contact_id(request))


def _contact_id(request: web.Request) -> ContactId:
    return ContactId(path_id(request, "contact_id", "c"))


def _view(contact: Contact) -> ContactView:
    return ContactView(
        id=contact.id,
        side=party_view(contact.side),
        other=party_view(contact.other),
        state=contact.state,
        asked_by_us=contact.asked_by == contact.side.id,
        nickname=contact.nickname,
        is_blocked=contact.is_blocked,
        since=rfc3339(contact.since),
    )


def party_view(party: Party) -> PartyView:
    return PartyView(party.id, party.name, party.kind)


ONE = f"{API}/contacts/{{contact_id}}"
ROUTES = (
    Route(
        method="GET",
        path=f"{API}/contacts",
        handler=list_contacts,
        who=Who.PERSON,
        query=OfSide,
        answer=ContactList,
        refuses=(MissingField, NotFound),
    ),
    Route(
        method="GET",
        path=f"{API}/contacts/card",
        handler=show_card,
        who=Who.PERSON,
        query=OfSide,
        answer=ContactCard,
        refuses=(MissingField, NotFound),
    ),
    Route(
        method="POST",
        path=f"{API}/contacts",
        handler=ask_for_contact,
        who=Who.PERSON,
        body=Ask,
        answer=ContactView,
        status=HTTPStatus.CREATED,
        refuses=(NotFound, UnknownRecipient, TooMany, RateLimited),
    ),
    Route(
        method="POST",
        path=f"{ONE}/accept",
        handler=accept_contact,
        who=Who.PERSON,
        answer=ContactView,
        refuses=(NotFound, NotAllowed),
    ),
    Route(
        method="PATCH",
        path=ONE,
        handler=change_contact,
        who=Who.PERSON,
        body=ContactChange,
        answer=ContactView,
        refuses=(NotFound,),
    ),
    Route(method="DELETE", path=ONE, handler=end_contact, who=Who.PERSON, refuses=(NotFound,)),
)
