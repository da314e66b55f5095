"""What we write down about requests: never a query, a token, a licence or a full id."""

from __future__ import annotations

import logging
import re

from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import BaseRequest, RequestPayloadError, StreamResponse

log = logging.getLogger(__name__)

_TELLTALE = re.compile(r"(?<![\w-])(?:([a-z]_[a-z0-9]{4})[a-z0-9]+|([\w-]{4})[\w-]{20,})")
"""Our ids, and anything as long as a token or a licence."""


def redacted(text: str) -> str:
    """The text with only the first characters of ids and of whatever may be a secret."""
    return _TELLTALE.sub(lambda found: f"{found[1] or found[2]}…", text)


class AccessLog(AbstractAccessLogger):
    """One line per request: method, path without the query, status, milliseconds."""

    @property
    def enabled(self) -> bool:
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        # The raw path is percent-encoded: nobody writes lines of their own into our log.
        path = redacted(request.rel_url.raw_path)
        self.logger.info("%s %s %d %.1f ms", request.method, path, response.status, time * 1000)


def calm(record: logging.LogRecord) -> bool:
    """A filter for aiohttp's own log: bytes that cannot be read are the sender's mistake, one line and no traceback.

    The traceback would also quote the bytes, and with them perhaps an `Authorization` header.
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError | RequestPayloadError):
        record.exc_info = None
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg = f"unreadable bytes: {record.msg}"
    return True
