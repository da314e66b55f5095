"""Giving a toy away, leaving, and taking along what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
from aiohttp import hdrs, web

from toybackend.errors import NotAllowed, NotFound, Overloaded, RateLimited
from toybackend.models import Erased, PartyId
from toybackend.services.exporting import RETRY_SECONDS
from toybackend.web.bodies import json_response
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, Route, Who, caller, path_id
from toybackend.web.sessions import forget_cookie

CHUNK_BYTES = 256 << 10


class Went(msgspec.Struct, frozen=True):
    """What was erased."""

    rows: Mapping[str, int]
    """By table."""
    files: int


def went(erased: Erased) -> Went:
    """What an erasure answers, whatever it was of."""
    return Went(erased.rows, erased.files)


async def unbind(request: web.Request) -> Went:
    """Give the toy away. Everything its family said with it is erased, its socket closes, and it looks for an owner
    when it is switched on again. Only its owner may."""
    toy_id = PartyId(path_id(request, "toy_id", "t"))
    return went(await request.app[ROOMS].erasing.unbind(caller(request).id, toy_id))


async def leave(request: web.Request) -> web.Response:
    """Erase me: the account, everything I said, my recordings, and the toys that nobody else guards."""
    response = json_response(went(await request.app[ROOMS].erasing.erase_account(caller(request).id)))
    forget_cookie(request, response)
    return response


async def export(request: web.Request) -> web.StreamResponse:
    """Everything that is kept about me and my toys, in one ZIP: `index.json`, `index.html` and the audio."""
    async with request.app[ROOMS].exporting.export(caller(request).id) as file, _opened(file) as opened:
        response = web.StreamResponse(headers={hdrs.CONTENT_DISPOSITION: f'attachment; filename="{file.name}"'})
        response.content_type = "application/zip"
        response.content_length = (await asyncio.to_thread(file.stat)).st_size
        try:
            await response.prepare(request)
            if request.method != hdrs.METH_HEAD:
                while chunk := await asyncio.to_thread(opened.read, CHUNK_BYTES):
                    await response.write(chunk)
            await response.write_eof()
        except ConnectionError:  # whoever asked went away
            pass
        return response


@asynccontextmanager
async def _opened(file: Path) -> AsyncIterator[BinaryIO]:
    """Raises Overloaded."""
    try:
        opened = await asyncio.to_thread(file.open, "rb")
    except OSError as error:  # no file descriptor, for example
        raise Overloaded("there is no room for the export now", retry_after=RETRY_SECONDS) from error
    try:
        yield opened
    finally:
        await asyncio.to_thread(opened.close)


ROUTES = (
    Route(
        method="DELETE",
        path=f"{API}/toys/{{toy_id}}",
        handler=unbind,
        who=Who.PERSON,
        answer=Went,
        refuses=(NotFound, NotAllowed, Overloaded),
    ),
    Route(method="DELETE", path=f"{API}/me", handler=leave, who=Who.PERSON, answer=Went, refuses=(Overloaded,)),
    Route(
        method="GET",
        path=f"{API}/me/export",
        handler=export,
        who=Who.PERSON,
        media="application/zip",
        refuses=(RateLimited, Overloaded),
    ),
)
