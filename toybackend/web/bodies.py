"""JSON in and out."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from toybackend.errors import BadJson
from toybackend.protocol import misfit

MOST_BODY = 64 * 1024
"""Largest request body in bytes, enough for a list of 1,000 licences; a longer one is 413 `too_long`."""
BODY_SECONDS = 10.0
"""How long a client may take to send its body; then 408."""
MOST_EXACT = 2**53
"""Up to here a float is one number, and not several."""

Model = TypeVar("Model", bound=msgspec.Struct)


async def read_json(request: web.Request, model: type[Model]) -> Model:
    """The body, understood; its content type is not looked at. Raises BadJson or MissingField."""
    fields = _json_object(await _read(request))
    try:
        return msgspec.convert(fields, type=model)
    except msgspec.ValidationError as error:
        raise misfit(error) from None


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ConnectionError, web.RequestPayloadError):
        raise BadJson("the body came broken, or only in part") from None


def _number(text: str) -> int | float:
    """JSON knows one kind of number: 2.0 is as whole as 2."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) <= MOST_EXACT else value


_decoder = msgspec.json.Decoder(float_hook=_number)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        fields = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise BadJson("the body is not a JSON object in UTF-8")
    return fields


def json_response(body: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
