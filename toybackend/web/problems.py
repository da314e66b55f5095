"""What an error looks like over HTTP: RFC 9457 `application/problem+json`, decided in `problem_of` alone.

    {"type":"about:blank","title":"Not Found","status":404,"code":"not_found","detail":"there is nothing here for you"}

`type` is always `about:blank`, so `title` is the phrase of the status; what a program should look at is `code`.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from toybackend import heap
from toybackend.errors import Internal, NotFound, Refused, TooLong
from toybackend.web.access_log import redacted

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUS: Mapping[str, HTTPStatus] = {
    "bad_json": HTTPStatus.BAD_REQUEST,
    "unknown_type": HTTPStatus.BAD_REQUEST,
    "missing_field": HTTPStatus.BAD_REQUEST,
    "invalid_value": HTTPStatus.UNPROCESSABLE_ENTITY,
    "too_long": HTTPStatus.BAD_REQUEST,
    "unknown_recipient": HTTPStatus.NOT_FOUND,
    "not_allowed": HTTPStatus.FORBIDDEN,
    "header_pending": HTTPStatus.CONFLICT,
    "audio_without_header": HTTPStatus.CONFLICT,
    "empty_audio": HTTPStatus.BAD_REQUEST,
    "audio_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "audio_too_long": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "size_mismatch": HTTPStatus.BAD_REQUEST,
    "digest_mismatch": HTTPStatus.BAD_REQUEST,
    "bad_audio": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "bad_image": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
    "not_authenticated": HTTPStatus.UNAUTHORIZED,
    "not_found": HTTPStatus.NOT_FOUND,
    "gone": HTTPStatus.GONE,
    "not_ready": HTTPStatus.CONFLICT,
    "unlicensed": HTTPStatus.FORBIDDEN,
    "already_bound": HTTPStatus.CONFLICT,
    "claim_wrong": HTTPStatus.NOT_FOUND,
    "claim_expired": HTTPStatus.GONE,
    "name_taken": HTTPStatus.CONFLICT,
    "weak_password": HTTPStatus.UNPROCESSABLE_ENTITY,
    "invitation_wrong": HTTPStatus.FORBIDDEN,
    "consent_needed": HTTPStatus.FORBIDDEN,
    "too_many": HTTPStatus.CONFLICT,
    "quiet_hours": HTTPStatus.CONFLICT,
    "internal": HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""By wire code; a test holds it to the error tree."""

HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
"""Of every answer, whatever it is."""
NOT_KEPT = {"Cache-Control": "no-store"}
"""Of every answer that may be another one next time, or holds a token."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One error, ready to be sent."""

    status: HTTPStatus
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, **more: Any) -> web.Response:
        """With further members in the body, as RFC 9457 section 3.2 allows."""
        body = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "code": self.code,
            "detail": self.detail,
        }
        return web.Response(
            status=self.status,
            body=msgspec.json.encode(body | more),
            content_type="application/problem+json",
            headers=self.headers,
        )


def problem_of(error: Exception) -> Problem:
    """The one place where an error becomes a status and a body."""
    if isinstance(error, Refused):
        return Problem(STATUS[error.code], error.code, str(error), _headers_of(error))
    if isinstance(error, web.HTTPNotFound):  # no such route: the same answer as for what is not yours
        return problem_of(NotFound())
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TooLong.code, "the body is longer than allowed")
    if isinstance(error, web.HTTPRequestURITooLong | web.HTTPRequestHeaderFieldsTooLarge):
        return Problem(HTTPStatus(error.status), TooLong.code, "the head of the request is longer than allowed")
    if isinstance(error, web.HTTPException) and error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
        return _problem_of_framework(error)
    return problem_of(Internal())


def _headers_of(refused: Refused) -> Mapping[str, str]:
    headers = {}
    if refused.retry_after is not None:
        headers["Retry-After"] = str(refused.retry_after)
    if STATUS[refused.code] is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def _problem_of_framework(error: web.HTTPException) -> Problem:
    """What aiohttp itself refuses, such as a wrong method; its code is the phrase of the status."""
    status = HTTPStatus(error.status)
    kept = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return Problem(status, status.phrase.lower().replace(" ", "_").replace("-", "_"), status.description, kept)


def whole_answer(problem: Problem) -> bytes:
    """All that is sent over a connection that ends with it, where there is no request that it could be an answer to."""
    answer = problem.response()
    body = answer.body
    assert isinstance(body, bytes)  # noqa: S101  # `Problem.response` encoded it
    headers = {**answer.headers, **HEADERS, **NOT_KEPT, "Content-Length": len(body)}
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {answer.status} {problem.status.phrase}\r\n{fields}Connection: close\r\n\r\n"
    return head.encode() + body


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error of every route becomes a problem; one that is ours is logged, once."""
    try:
        if request.version.major != 1:  # which aiohttp answers in the same version, and does not speak
            raise web.HTTPBadRequest
        return await handler(request)
    except Exception as error:
        if isinstance(error, web.HTTPException) and error.status < HTTPStatus.BAD_REQUEST:
            raise
        problem = problem_of(error)
        if problem.status is HTTPStatus.INTERNAL_SERVER_ERROR:
            story = "".join(traceback.format_exception(error))
            log.error("%s %s failed\n%s", request.method, redacted(request.rel_url.raw_path), redacted(story))
        heap.forget_ways(error)
        return problem.response()
