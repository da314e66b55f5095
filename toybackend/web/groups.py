"""Groups: one for every toy and its guardians, which comes by itself, and those that people make."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web

from toybackend.errors import NotAllowed, NotFound, TooMany, UnknownRecipient
from toybackend.models import Group, GroupId, GroupKind, PartyId
from toybackend.web.contacts import AnyPartyId, PartyView, party_view
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, Route, Who, body, caller, path_id

MOST_NAME = 64
MOST_IN_BODY = 400
"""Members in one request; how many a group may have is a setting."""

# NUL is refused here, because databases choke on it; and a name of blanks cannot be seen.
GroupName = Annotated[str, msgspec.Meta(max_length=MOST_NAME, pattern=r"\A[^\x00]*[^\x00\s][^\x00]*\Z")]


class NewGroup(msgspec.Struct, frozen=True):
    name: GroupName
    members: Annotated[tuple[AnyPartyId, ...], msgspec.Meta(max_length=MOST_IN_BODY)] = ()
    """Besides the caller."""


class GroupChange(msgspec.Struct, frozen=True):
    name: GroupName


class NewMember(msgspec.Struct, frozen=True):
    id: AnyPartyId


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: GroupKind
    name: str
    owner_id: str | None
    """Who may change it; nobody, for the group of a family."""
    members: tuple[PartyView, ...]
    """As they came."""


class GroupList(msgspec.Struct, frozen=True):
    groups: tuple[GroupView, ...]


async def list_groups(request: web.Request) -> GroupList:
    """The groups of a toy; or those of a person, and of every toy they guard."""
    found = await request.app[ROOMS].groups.groups(caller(request))
    return GroupList(tuple(_view(one) for one in found))


async def create_group(request: web.Request) -> GroupView:
    """Make a group of people and toys. Each of them must be a contact, or the family, of each other."""
    new = body(request, NewGroup)
    members = [PartyId(one) for one in new.members]
    return _view(await request.app[ROOMS].groups.create(caller(request).id, new.name.strip(), members))


async def rename_group(request: web.Request) -> GroupView:
    """Give a group another name. For its owner."""
    name = body(request, GroupChange).name.strip()
    return _view(await request.app[ROOMS].groups.rename(caller(request).id, _group_id(request), name))


async def delete_group(request: web.Request) -> None:
    """Delete a group, and all that was said in it. For its owner."""
    await request.app[ROOMS].groups.delete(caller(request).id, _group_id(request))


async def add_member(request: web.Request) -> GroupView:
    """Add somebody who may talk with everybody in the group. For its owner."""
    new = PartyId(body(request, NewMember).id)
    return _view(await request.app[ROOMS].groups.add(caller(request).id, _group_id(request), new))


async def remove_member(request: web.Request) -> None:
    """Leave, take out a toy of ours, or, as the owner, remove anybody. The group of an owner who leaves passes to the
    person who is in it longest, and goes when there is none."""
    party_id = PartyId(request.match_info["party_id"])
    await request.app[ROOMS].groups.remove(caller(request).id, _group_id(request), party_id)


def _group_id(request: web.Request) -> GroupId:
    return GroupId(path_id(request, "group_id", "g"))


def _view(group: Group) -> GroupView:
    return GroupView(
        id=group.id,
        kind=group.kind,
        name=group.name,
        owner_id=group.owner_id,
        members=tuple(party_view(one) for one in group.members),
    )


ONE = f"{API}/groups/{{group_id}}"
ROUTES = (
    Route(
        method="GET",
        path=f"{API}/groups",
        handler=list_groups,
        who=Who.PERSON_OR_TOY,
        answer=GroupList,
    ),
    Route(
        method="POST",
        path=f"{API}/groups",
        handler=create_group,
        who=Who.PERSON,
        body=NewGroup,
        answer=GroupView,
        status=HTTPStatus.CREATED,
        refuses=(UnknownRecipient, NotAllowed, TooMany),
    ),
    Route(
        method="PATCH",
        path=ONE,
        handler=rename_group,
        who=Who.PERSON,
        body=GroupChange,
        answer=GroupView,
        refuses=(NotFound, NotAllowed),
    ),
    Route(method="DELETE", path=ONE, handler=delete_group, who=Who.PERSON, refuses=(NotFound, NotAllowed)),
    Route(
        method="POST",
        path=f"{ONE}/members",
        handler=add_member,
        who=Who.PERSON,
        body=NewMember,
        answer=GroupView,
        refuses=(NotFound, UnknownRecipient, NotAllowed, TooMany),
    ),
    Route(
        method="DELETE",
        path=f"{ONE}/members/{{party_id}}",
        handler=remove_member,
        who=Who.PERSON,
        refuses=(NotFound, NotAllowed),
    ),
)
