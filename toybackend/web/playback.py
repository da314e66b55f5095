"""Songs and stories on toys that are there now."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from toybackend.errors import NotFound, NotReady
from toybackend.models import ItemId, PartyId, PlayResult, StopResult
from toybackend.protocol import rfc3339
from toybackend.services.playback import Started
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, PATTERNS, Route, Who, body, caller

MOST_TOYS = 100

AnyId = Annotated[str, msgspec.Meta(pattern=rf"\A{PATTERNS['id']}\Z")]
ToyIds = Annotated[tuple[AnyId, ...], msgspec.Meta(min_length=1, max_length=MOST_TOYS)]


class PlayOn(msgspec.Struct, frozen=True):
    toy_ids: ToyIds
    item_id: AnyId


class StopOn(msgspec.Struct, frozen=True):
    toy_ids: ToyIds


class StartedView(msgspec.Struct, frozen=True, omit_defaults=True):
    toy_id: str
    result: PlayResult
    until: str | None = None
    """With `quiet_hours` and `daily_limit`: when it may play again."""


class StoppedView(msgspec.Struct, frozen=True):
    toy_id: str
    result: StopResult


class StartedList(msgspec.Struct, frozen=True):
    results: tuple[StartedView, ...]
    """In the order of `toy_ids`, each toy once."""


class StoppedList(msgspec.Struct, frozen=True):
    results: tuple[StoppedView, ...]


async def play_item(request: web.Request) -> StartedList:
    """Play a song or a story on toys of ours, now. A toy that is offline, in its quiet hours or at the end of its daily
    limit does not play it later either."""
    wanted = body(request, PlayOn)
    toy_ids = [PartyId(one) for one in wanted.toy_ids]
    results = await request.app[ROOMS].playback.play(caller(request), toy_ids, ItemId(wanted.item_id))
    return StartedList(tuple(_view(one) for one in results))


async def stop_playing(request: web.Request) -> StoppedList:
    """End whatever these toys play."""
    toy_ids = [PartyId(one) for one in body(request, StopOn).toy_ids]
    results = await request.app[ROOMS].playback.stop(caller(request), toy_ids)
    return StoppedList(tuple(StoppedView(one.toy_id, one.result) for one in results))


def _view(started: Started) -> StartedView:
    return StartedView(started.toy_id, started.result, rfc3339(started.until) if started.until is not None else None)


ROUTES = (
    Route(
        method="POST",
        path=f"{API}/playback",
        handler=play_item,
        who=Who.PERSON,
        body=PlayOn,
        answer=StartedList,
        refuses=(NotFound, NotReady),
    ),
    Route(
        method="POST",
        path=f"{API}/playback/stop",
        handler=stop_playing,
        who=Who.PERSON,
        body=StopOn,
        answer=StoppedList,
    ),
)
