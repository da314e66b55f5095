"""Is the process alive, and can it do its work?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Literal

import msgspec
from aiohttp import web

from toybackend.errors import Overloaded
from toybackend.web.problems import Problem
from toybackend.web.rooms import Check
from toybackend.web.routing import Route, Who

log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
"""A part that takes longer to answer is not well."""
FRESH_SECONDS = 1.0
"""How long one answer serves everybody who asks: a check may cost a run of ffmpeg, and anybody may ask."""


class Readiness:
    """The checks, all at once, and never twice at a time. Concerns keep nobody from being served."""

    def __init__(self, checks: Mapping[str, Check], concerns: Mapping[str, Callable[[], bool]] | None = None) -> None:
        self._checks = checks
        self._concerns = concerns or {}
        self._asking = asyncio.Lock()
        self._fresh_until = float("-inf")
        self._not_well: list[str] = []

    async def not_well(self) -> list[str]:
        """Names of the parts that are not well, in the order of the checks."""
        now = asyncio.get_running_loop().time
        async with self._asking:
            if now() >= self._fresh_until:
                answers = await asyncio.gather(*(_is_well(name, check) for name, check in self._checks.items()))
                self._not_well = [name for name, is_well in zip(self._checks, answers, strict=True) if not is_well]
                self._fresh_until = now() + FRESH_SECONDS
            return self._not_well

    def concerns(self) -> list[str]:
        """Names of what somebody should look after."""
        return [name for name, is_one in self._concerns.items() if is_one()]


async def _is_well(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except Exception as error:
        # The kind of error is enough to go by; its words may name addresses and passwords.
        log.warning("%s is not well: %s", name, type(error).__name__)
        return False
    return True


READINESS = web.AppKey("readiness", Readiness)


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    status: Literal["alive", "ready"]
    concerns: list[str] = []
    """What somebody should look after: `clock` where it is not believed, and so nothing is erased."""


async def get_healthz(request: web.Request) -> Health:
    """That there is an answer is the answer."""
    return Health("alive")


async def get_readyz(request: web.Request) -> Health | web.Response:
    """200, or 503 with the names of the parts that are not well."""
    readiness = request.app[READINESS]
    not_well = await readiness.not_well()
    if not not_well:
        return Health("ready", readiness.concerns())
    problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", "some parts are not well")
    return problem.response(not_well=not_well)


ROUTES = (
    Route(method="GET", path="/healthz", handler=get_healthz, who=Who.ANYONE, answer=Health),
    Route(method="GET", path="/readyz", handler=get_readyz, who=Who.ANYONE, answer=Health, refuses=(Overloaded,)),
)
