"""Sending an MP3: aiohttp's FileResponse, and what it leaves open about ranges (RFC 9110, sections 13.1.5 and 14.2).

- `If-Range` with an entity tag: aiohttp knows only dates, and would join a part of the new file to one of the old.
- A `Range` it cannot serve, several ranges at once or an unknown unit, is ignored: 200 with everything, never 416.
- A `Range` on anything but GET means nothing.
- What is there and cannot be opened is not gone (`_Explained`).
- A date beyond every calendar is no date, and makes aiohttp stumble: the condition is not there.

And a compressed sibling on the disk is never looked for: an MP3 is one already.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from toybackend.errors import NotFound, Overloaded
from toybackend.web.problems import problem_of

RETRY_SECONDS = 5

_ONE_RANGE = re.compile(r"bytes=(?:\d+-\d*|-0*[1-9]\d*)", re.IGNORECASE | re.ASCII)
_DATES = {
    hdrs.IF_MODIFIED_SINCE: "if_modified_since",
    hdrs.IF_UNMODIFIED_SINCE: "if_unmodified_since",
    hdrs.IF_RANGE: "if_range",
}
"""Conditions on dates, and the properties by which aiohttp reads them."""


class _Explained(web.StreamResponse):
    """What FileResponse calls when it has made up its mind, because it stands behind it in the order of inheritance.

    Whatever it cannot open aiohttp answers with 404, and a toy believes it: the message is gone. But a file that is
    there can only not be had now, for example without a file descriptor.
    """

    _file: Path

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if self.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
            return await super().prepare(request)
        is_there = await asyncio.to_thread(self._file.exists)
        problem = problem_of(Overloaded(retry_after=RETRY_SECONDS) if is_there else NotFound()).response()
        assert isinstance(problem.body, bytes)  # noqa: S101  # it is JSON
        self.set_status(problem.status)
        self.headers.update(problem.headers)
        self.content_length = len(problem.body)
        writer = await super().prepare(request)
        if request.method != hdrs.METH_HEAD:
            await self.write(problem.body)
        return writer


class Mp3Response(web.FileResponse, _Explained):
    """An MP3 on the disk; `headers` say how long it may be kept."""

    def __init__(self, file: Path, headers: Mapping[str, str]) -> None:
        super().__init__(file, headers={"Content-Type": "audio/mpeg", "Accept-Ranges": "bytes", **headers})
        self._file = file

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        headers = readable_headers(request)
        if hdrs.RANGE in headers and not await self._range_counts(request):
            headers.popall(hdrs.RANGE)
        return await super().prepare(request.clone(headers=headers))

    async def _range_counts(self, request: web.BaseRequest) -> bool:
        if request.method != hdrs.METH_GET or not _ONE_RANGE.fullmatch(request.headers[hdrs.RANGE]):
            return False
        if not _is_readable(request, "http_range") or not _is_readable(request, "if_range"):
            return False
        condition = request.headers.get(hdrs.IF_RANGE)
        if condition is None or request.if_range is not None:  # none, or a date: aiohttp's own business
            return True
        return condition == await asyncio.to_thread(_entity_tag, self._file)


def readable_headers(request: web.BaseRequest) -> CIMultiDict[str]:
    """Those of the request, as far as aiohttp can read them, and hand them on: what is no UTF-8 it keeps as half
    characters, which nobody can write."""
    headers = CIMultiDict((name, text.encode(errors="replace").decode()) for name, text in request.headers.items())
    headers.popall(hdrs.ACCEPT_ENCODING, None)
    for name, read in _DATES.items():
        if not _is_readable(request, read):
            headers.popall(name)
    return headers


def _is_readable(request: web.BaseRequest, name: str) -> bool:
    """Whether aiohttp can make anything, or nothing, of one of its properties."""
    try:
        getattr(request, name)
    except (ValueError, OverflowError):
        return False
    return True


def _entity_tag(file: Path) -> str | None:
    """The tag that FileResponse gives to this file; a test holds the two together."""
    try:
        status = file.stat()
    except OSError:
        return None
    return f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
