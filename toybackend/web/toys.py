"""What guardians see of their toys, and set.

Only a toy's guardians see it; to everybody else it does not exist. A toy that is not bound is nobody's: see `claims.py`
for how it finds its family.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from toybackend.errors import ConsentNeeded, InvalidValue, NotAllowed, NotFound
from toybackend.models import Consent, Guardian, GuardianRole, PartyId, QuietWindow
from toybackend.ports import Household, ToyChange
from toybackend.protocol import QuietWindowView, ToySettingsView, rfc3339
from toybackend.services.quiet_hours import minutes_of, settings_view
from toybackend.web.rooms import ROOMS, Rooms
from toybackend.web.routing import API, Route, Who, body, caller, path_id
from toybackend.web.sessions import Name

T = TypeVar("T")

MOST_WINDOWS = 14
"""Quiet windows of one toy: two a day."""

ChildName = Annotated[str, msgspec.Meta(max_length=64, pattern=r"\A[^\x00-\x1f\x7f-\x9f]*\Z")]
Word = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9#_-]{0,32}\Z")]
"""The app's own word for a picture or a colour; we only keep it."""
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
MinutesOfDay = Annotated[int, msgspec.Meta(ge=0, le=1440)]
ZoneName = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_+/-]{1,64}\Z")]
Windows = Annotated[tuple[QuietWindowView, ...], msgspec.Meta(max_length=MOST_WINDOWS)]


class ToyChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is not named stays as it is."""

    name: Name | UnsetType = UNSET
    child_name: ChildName | UnsetType = UNSET
    """Needs a consent in force, unless it is empty."""
    picture: Word | UnsetType = UNSET
    colour: Word | UnsetType = UNSET
    volume_cap: Percent | UnsetType = UNSET
    daily_limit_minutes: MinutesOfDay | UnsetType | None = UNSET
    """Of songs and stories; 0, or null, for no limit."""
    time_zone: ZoneName | UnsetType = UNSET
    """A name of the IANA time zone database, such as `Europe/Berlin`."""
    quiet_hours: Windows | UnsetType = UNSET
    autoplay: bool | UnsetType = UNSET
    """Whether new messages play by themselves, or wait for a press."""


class GuardianView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    role: GuardianRole
    since: str


class ConsentView(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    """Of the text that was agreed to."""
    given_by: str
    given_at: str


class ToyView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    child_name: str
    picture: str
    colour: str
    paused: bool
    """The consent was withdrawn: nobody talks with it until a guardian agrees again."""
    settings: ToySettingsView
    guardians: tuple[GuardianView, ...]
    """The owner first, then as they came."""
    consent: ConsentView | None
    online: bool
    heard_at: str | None
    """When it was last heard from."""


class ToyList(msgspec.Struct, frozen=True):
    toys: tuple[ToyView, ...]


async def list_toys(request: web.Request) -> ToyList:
    """Every toy that the caller guards, by name."""
    rooms = request.app[ROOMS]
    return ToyList(tuple(toy_view(rooms, one) for one in await rooms.toys.households(caller(request).id)))


async def get_toy(request: web.Request) -> ToyView:
    """One toy that the caller guards."""
    rooms = request.app[ROOMS]
    return toy_view(rooms, await rooms.toys.household(caller(request).id, toy_id(request)))


async def change_toy(request: web.Request) -> ToyView:
    """Change what is named in the body. The toy obeys at once if it is online, and otherwise when it comes back."""
    rooms = request.app[ROOMS]
    change = _change(body(request, ToyChanges))
    return toy_view(rooms, await rooms.toys.change(caller(request).id, toy_id(request), change))


async def remove_guardian(request: web.Request) -> None:
    """Leave a toy, or, as its owner, send another guardian away. When the owner leaves, the toy passes to whoever
    guards it longest; the last guardian can only unbind it."""
    person_id = PartyId(path_id(request, "person_id", "p"))
    await request.app[ROOMS].toys.remove_guardian(caller(request).id, toy_id(request), person_id)


def toy_id(request: web.Request) -> PartyId:
    return PartyId(path_id(request, "toy_id", "t"))


def toy_view(rooms: Rooms, household: Household) -> ToyView:
    """A toy as its guardians see it now."""
    toy, presence = household.toy, rooms.presence
    heard_at = presence.heard_at(toy.id) or toy.heard_at
    return ToyView(
        id=toy.id,
        name=toy.name,
        child_name=toy.child_name,
        picture=toy.picture,
        colour=toy.colour,
        paused=toy.paused_at is not None,
        settings=settings_view(toy.settings, rooms.clock()),
        guardians=tuple(_guardian(one) for one in household.guardians),
        consent=consent_view(household.consent) if household.consent else None,
        online=presence.is_online(toy.id),
        heard_at=rfc3339(heard_at) if heard_at is not None else None,
    )


def _guardian(guardian: Guardian) -> GuardianView:
    return GuardianView(id=guardian.id, name=guardian.name, role=guardian.role, since=rfc3339(guardian.since))


def consent_view(consent: Consent) -> ConsentView:
    return ConsentView(version=consent.version, given_by=consent.given_by, given_at=rfc3339(consent.given_at))


def _change(asked: ToyChanges) -> ToyChange:
    """The same in our words."""
    limit = asked.daily_limit_minutes
    return ToyChange(
        name=_given(asked.name),
        child_name=_given(asked.child_name),
        picture=_given(asked.picture),
        colour=_given(asked.colour),
        volume_cap=_given(asked.volume_cap),
        daily_limit_minutes=0 if limit is None else _given(limit),
        time_zone=_given(asked.time_zone),
        quiet_windows=None if isinstance(asked.quiet_hours, UnsetType) else _windows(asked.quiet_hours),
        autoplay=_given(asked.autoplay),
    )


def _given(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _windows(shown: tuple[QuietWindowView, ...]) -> tuple[QuietWindow, ...]:
    return tuple(QuietWindow(frozenset(one.days), minutes_of(one.start), minutes_of(one.end)) for one in shown)


ROUTES = (
    Route(method="GET", path=f"{API}/toys", handler=list_toys, who=Who.PERSON, answer=ToyList),
    Route(
        method="GET",
        path=f"{API}/toys/{{toy_id}}",
        handler=get_toy,
        who=Who.PERSON,
        answer=ToyView,
        refuses=(NotFound,),
    ),
    Route(
        method="PATCH",
        path=f"{API}/toys/{{toy_id}}",
        handler=change_toy,
        who=Who.PERSON,
        body=ToyChanges,
        answer=ToyView,
        refuses=(NotFound, ConsentNeeded, InvalidValue),
    ),
    Route(
        method="DELETE",
        path=f"{API}/toys/{{toy_id}}/guardians/{{person_id}}",
        handler=remove_guardian,
        who=Who.PERSON,
        refuses=(NotFound, NotAllowed),
    ),
)
