"""Devices as their makers and buyers see them. Operators make, import, list and revoke; anybody who is logged in may
ask whether a toy is free before they buy it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web

from toybackend.errors import NotFound, RateLimited
from toybackend.models import Device, DeviceId
from toybackend.protocol import rfc3339
from toybackend.services.devices import BATCH, DeviceState
from toybackend.web.devices import License
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, Route, Who, body, caller, path_id, query

IdBeginning = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9_]{0,42}\Z")]


class HowMany(msgspec.Struct, frozen=True):
    count: Annotated[int, msgspec.Meta(ge=1, le=BATCH)]


class NewLicence(msgspec.Struct, frozen=True):
    device_id: str
    license: str
    """Shown this once."""


class NewLicences(msgspec.Struct, frozen=True):
    devices: list[NewLicence]


class OldLicences(msgspec.Struct, frozen=True):
    licenses: Annotated[list[License], msgspec.Meta(min_length=1, max_length=BATCH)]


class Imported(msgspec.Struct, frozen=True):
    new: int
    known: int
    """Here before, or more than once in the list."""


class WhichDevices(msgspec.Struct, frozen=True):
    begins: IdBeginning = ""
    after: IdBeginning = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=BATCH)] = 100


class WhichLicence(msgspec.Struct, frozen=True):
    license: License


class DeviceView(msgspec.Struct, frozen=True):
    device_id: str
    issued_at: str
    revoked_at: str | None
    is_bound: bool


class DeviceList(msgspec.Struct, frozen=True):
    devices: list[DeviceView]
    """In the order of their ids; the last one is `after` for the next page."""


class StateOfDevice(msgspec.Struct, frozen=True):
    state: DeviceState


async def operate(request: web.Request) -> NewLicences:
    """Make licences. They are shown this once; the server keeps only their SHA-256."""
    made = request.app[ROOMS].devices.issue(body(request, HowMany).count)
    return NewLicences([NewLicence(device_id, code) async for batch in made for device_id, code in batch])


async def import_licences(request: web.Request) -> Imported:
    """Take over licences that were made elsewhere. Those that are here already stay as they are, revoked ones too."""
    licences = body(request, OldLicences).licenses
    new, _ = await request.app[ROOMS].devices.add(licences)
    return Imported(new, len(licences) - new)


async def list_devices(request: web.Request) -> DeviceList:
    """Devices in the order of their ids, a page at a time."""
    asked = query(request, WhichDevices)
    found = await request.app[ROOMS].devices.devices(asked.begins, asked.after, asked.limit)
    return DeviceList([_view(one) for one in found])


async def find_device(request: web.Request) -> DeviceView:
    """The device of a licence that an operator has before them. In a body, because a licence is a secret, and
    addresses are kept by browsers and proxies."""
    return _view(await request.app[ROOMS].devices.find(body(request, WhichLicence).license))


async def revoke_device(request: web.Request) -> DeviceView:
    """End a licence: the toy's socket closes, and it is unlicensed from now on."""
    return _view(await request.app[ROOMS].devices.revoke(_device_id(request)))


async def get_device_state(request: web.Request) -> StateOfDevice:
    """Has this toy a family? For whoever is about to buy it; says nothing more, and the same of a device that is
    revoked as of one that never was."""
    return StateOfDevice(await request.app[ROOMS].devices.state(caller(request).id, _device_id(request)))


def _view(device: Device) -> DeviceView:
    revoked_at = None if device.revoked_at is None else rfc3339(device.revoked_at)
    return DeviceView(device.id, rfc3339(device.issued_at), revoked_at, device.is_bound)


def _device_id(request: web.Request) -> DeviceId:
    return DeviceId(path_id(request, "device_id", "d"))


ROUTES = (
    Route(
        method="POST",
        path=f"{API}/devices",
        handler=operate,
        who=Who.OPERATOR,
        body=HowMany,
        answer=NewLicences,
        status=HTTPStatus.CREATED,
    ),
    Route(
        method="POST",
        path=f"{API}/devices/import",
        handler=import_licences,
        who=Who.OPERATOR,
        body=OldLicences,
        answer=Imported,
    ),
    Route(
        method="GET",
        path=f"{API}/devices",
        handler=list_devices,
        who=Who.OPERATOR,
        query=WhichDevices,
        answer=DeviceList,
    ),
    Route(
        method="POST",
        path=f"{API}/devices/find",
        handler=find_device,
        who=Who.OPERATOR,
        body=WhichLicence,
        answer=DeviceView,
        refuses=(NotFound,),
    ),
    Route(
        method="GET",
        path=f"{API}/devices/{{device_id}}",
        handler=get_device_state,
        who=Who.PERSON,
        answer=StateOfDevice,
        refuses=(NotFound, RateLimited),
    ),
    Route(
        method="POST",
        path=f"{API}/devices/{{device_id}}/revoke",
        handler=revoke_device,
        who=Who.OPERATOR,
        answer=DeviceView,
        refuses=(NotFound,),
    ),
)
