"""Sending an MP3: aiohttp's FileResponse, and what it leaves open about ranges (RFC 9110, sections 13.1.5 and 14.2).

- `If-Range` with an entity tag: aiohttp knows only dates, and would join a part of the new file to one of the old.
- A `Range` it cannot serve, several ranges at once or an unknown unit, is ignored: 200 with everything, never 416.
- A `Range` on anything but GET means nothing.

And a compressed sibling on the disk is never looked for: an MP3 is one already.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

_ONE_RANGE = re.compile(r"bytes=(?:\d+-\d*|-0*[1-9]\d*)", re.IGNORECASE)


class Mp3Response(web.FileResponse):
    """An MP3 on the disk; `headers` say how long it may be kept."""

    def __init__(self, file: Path, headers: Mapping[str, str]) -> None:
        super().__init__(file, headers={"Content-Type": "audio/mpeg", "Accept-Ranges": "bytes", **headers})
        self._file = file

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        headers = CIMultiDict(request.headers)
        headers.popall(hdrs.ACCEPT_ENCODING, None)
        if hdrs.RANGE in headers and not await self._range_counts(request):
            headers.popall(hdrs.RANGE)
        return await super().prepare(request.clone(headers=headers))

    async def _range_counts(self, request: web.BaseRequest) -> bool:
        if request.method != hdrs.METH_GET or not _ONE_RANGE.fullmatch(request.headers[hdrs.RANGE]):
            return False
        condition = request.headers.get(hdrs.IF_RANGE)
        if condition is None or request.if_range is not None:  # none, or a date: aiohttp's own business
            return True
        return condition == await asyncio.to_thread(_entity_tag, self._file)


def _entity_tag(file: Path) -> str | None:
    """The tag that FileResponse gives to this file; a test holds the two together."""
    try:
        status = file.stat()
    except OSError:
        return None
    return f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
