"""What the operator's page draws: numbers, and no word about anybody."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from toybackend import __version__
from toybackend.ports import Counts
from toybackend.protocol import rfc3339
from toybackend.services.observing import Sample
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, Route, Who, query

Moment = Annotated[
    str, msgspec.Meta(pattern=r"\A([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)?\Z")
]
"""As we write it. Moments written so stand in the order of their letters."""


class Since(msgspec.Struct, frozen=True):
    since: Moment = ""
    """The `at` of the newest sample that is known already, as it was given; empty for all."""


class SampleView(msgspec.Struct, frozen=True, kw_only=True):
    """One point of every chart. What happened is counted from the sample before."""

    at: str
    toys_online: int
    people_online: int
    accepted: int
    """Messages."""
    waiting_voices: int
    """Recordings that wait for their conversion."""
    waiting_shelf: int
    """Songs and stories that do."""
    conversion_ms_median: int | None
    """Of the voices that were converted; null when there were none."""
    conversion_ms_p95: int | None


class LicenceCounts(msgspec.Struct, frozen=True, kw_only=True):
    all: int
    bound: int
    """Their toy is in a family."""
    revoked: int


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    started_at: str
    interval_seconds: float
    """Between two samples."""
    now: SampleView
    """What a sample would say that is taken at this moment."""
    samples: list[SampleView]
    """Newer than `since`, oldest first. The last 360 are kept, and those only until the server stops."""
    accounts: int
    toys: int
    """In a family, or switched on and waiting for one. Everything that is counted may be a minute old."""
    licences: LicenceCounts


async def get_overview(request: web.Request) -> Overview:
    """What goes on and how much there is, in numbers. Ask again with the `at` of the newest sample as `since`."""
    observing, since = request.app[ROOMS].observing, query(request, Since).since
    counts = await observing.counts()
    return Overview(
        version=__version__,
        started_at=rfc3339(observing.started_at),
        interval_seconds=observing.seconds,
        now=_view(observing.now()),
        samples=[one for one in map(_view, observing.samples()) if one.at > since],
        accounts=counts.accounts,
        toys=counts.toys,
        licences=_licences(counts),
    )


def _view(sample: Sample) -> SampleView:
    return SampleView(
        at=rfc3339(sample.at),
        toys_online=sample.toys_online,
        people_online=sample.people_online,
        accepted=sample.accepted,
        waiting_voices=sample.waiting_voices,
        waiting_shelf=sample.waiting_shelf,
        conversion_ms_median=sample.conversion_ms_median,
        conversion_ms_p95=sample.conversion_ms_p95,
    )


def _licences(counts: Counts) -> LicenceCounts:
    # A toy comes of one licence, so those in a family are counted without looking at a million licences for them.
    return LicenceCounts(all=counts.licences, bound=counts.bound_toys, revoked=counts.revoked_licences)


ROUTES = (
    Route(method="GET", path=f"{API}/overview", handler=get_overview, who=Who.OPERATOR, query=Since, answer=Overview),
)
