from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from aiohttp import web

from tests.web.fakes import House
from toybackend import errors
from toybackend.errors import ConverterUnavailable, NotAuthenticated, Overloaded, RateLimited, Refused
from toybackend.web.problems import STATUS, problem_of


def every_refusal(kind: type[Refused] = Refused) -> Iterator[type[Refused]]:
    for child in kind.__subclasses__():
        yield child
        yield from every_refusal(child)


def test_every_code_of_the_tree_has_a_status_and_no_status_is_without_a_code() -> None:
    assert {kind.code for kind in every_refusal() if kind.__module__ == errors.__name__} == set(STATUS)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.BadJson(), 400, "bad_json"),
        (errors.MissingField(), 400, "missing_field"),
        (errors.NotAllowed(), 403, "not_allowed"),
        (errors.NotFound(), 404, "not_found"),
        (errors.Gone(), 410, "gone"),
        (errors.NameTaken(), 409, "name_taken"),
        (errors.AudioTooLarge(), 413, "audio_too_large"),
        (errors.BadAudio(), 415, "bad_audio"),
        (errors.ClaimExpired(), 410, "claim_expired"),
        (errors.Internal(), 500, "internal"),
        (ConverterUnavailable("ffmpeg is on fire"), 500, "internal"),
        (ValueError("a secret"), 500, "internal"),
        (web.HTTPInternalServerError(text="a secret"), 500, "internal"),
        (web.HTTPNotFound(), 404, "not_found"),
        (web.HTTPRequestTimeout(), 408, "request_timeout"),
        (web.HTTPRequestEntityTooLarge(1), 413, "too_long"),
        (web.HTTPUnsupportedMediaType(), 415, "unsupported_media_type"),
    ],
)
def test_errors_and_what_they_become(error: Exception, status: int, code: str) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)
    assert "secret" not in problem.detail and "ffmpeg" not in problem.detail


def test_waiting_and_authentication_are_told_in_headers() -> None:
    assert problem_of(RateLimited(retry_after=7)).headers == {"Retry-After": "7"}
    assert problem_of(Overloaded()).headers == {}
    assert problem_of(NotAuthenticated()).headers == {"WWW-Authenticate": "Bearer"}


async def test_a_problem_is_a_problem_document(house: House) -> None:
    reply = await house.client.get("/nowhere")
    assert reply.status == 404
    assert reply.content_type == "application/problem+json"
    assert await reply.json(content_type=None) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "there is nothing here for you",
    }


async def test_a_wrong_method_is_told_the_right_ones(house: House) -> None:
    reply = await house.client.put("/api/v1/sessions")
    assert reply.status == 405
    assert reply.headers["Allow"] == "GET,HEAD,POST"
    assert (await reply.json(content_type=None))["code"] == "method_not_allowed"


async def test_an_error_of_ours_is_logged_once_without_secrets_and_told_without_details(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "a" * 43

    async def fails(*_: object) -> None:
        raise RuntimeError(f"no disk for {secret}")

    monkeypatch.setattr(house.database, "switch_on", fails)
    with caplog.at_level(logging.INFO):
        reply = await house.client.post("/api/v1/devices/authorize", json={"license": "1" * 32})
    body = await reply.json(content_type=None)
    assert (reply.status, body["code"]) == (500, "internal")
    assert "disk" not in str(body)
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == 1
    assert "RuntimeError: no disk for aaaa…" in logged[0].getMessage()
    assert "in power_on" in logged[0].getMessage()
    assert secret not in caplog.text and "1" * 32 not in caplog.text


async def test_a_refusal_is_not_logged_as_an_error(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await house.client.get("/api/v1/audio/m_nothing.mp3")
    assert [record.levelname for record in caplog.records if record.name.startswith("toybackend")] == ["INFO"]


async def test_a_redirect_is_not_a_problem() -> None:
    from aiohttp.test_utils import make_mocked_request

    from toybackend.web.problems import problems

    async def elsewhere(request: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther("/there")

    with pytest.raises(web.HTTPSeeOther):
        await problems(make_mocked_request("GET", "/"), elsewhere)
