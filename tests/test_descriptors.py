from __future__ import annotations

import asyncio
import logging
import re
import resource
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.scarcity import no_descriptors
from toybackend import descriptors
from toybackend.settings import Http, Settings, Sockets

SETTINGS = Settings(sockets=Sockets(max_sockets=1000, max_handshakes=100), http=Http(max_connections=450))


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_server_takes_all_that_it_may_have() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    assert descriptors.raise_limit() == descriptors.most() == hard
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


def test_without_a_limit_there_are_more_than_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, resource.RLIM_INFINITY))
    assert descriptors.most() > descriptors.needed(SETTINGS)


def test_the_defaults_fit_into_twenty_thousand() -> None:
    assert descriptors.needed(Settings()) <= 20_000


def test_where_they_are_enough_nothing_changes(caplog: pytest.LogCaptureFixture) -> None:
    assert descriptors.needed(SETTINGS) == descriptors.RESERVE + 2000
    assert descriptors.fitted(SETTINGS, descriptors.RESERVE + 2000) == SETTINGS
    assert caplog.records == []


def test_where_they_are_not_there_are_fewer_of_everything_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    limit = descriptors.RESERVE + 1000
    fitted = descriptors.fitted(SETTINGS, limit)
    assert (fitted.sockets.max_sockets, fitted.sockets.max_handshakes, fitted.http.max_connections) == (500, 50, 225)
    assert descriptors.needed(fitted) == limit
    others = replace(
        fitted,
        sockets=replace(fitted.sockets, max_sockets=1000, max_handshakes=100),
        http=replace(fitted.http, max_connections=450),
    )
    assert others == SETTINGS
    [line] = caplog.records
    assert line.levelno == logging.WARNING
    for number in (limit, descriptors.RESERVE + 2000, 500, 225):
        assert re.search(rf"\b{number}\b", line.getMessage())


@pytest.mark.parametrize("limit", [4, 64, 256, 1024])
def test_however_few_there_are_something_is_served_and_something_left(limit: int) -> None:
    fitted = descriptors.fitted(Settings(), limit)
    assert min(fitted.sockets.max_sockets, fitted.sockets.max_handshakes, fitted.http.max_connections) >= 1
    assert descriptors.needed(fitted) - descriptors.RESERVE <= max(limit // 2, 4)


async def test_that_nobody_can_be_accepted_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(descriptors.calm_handler(lambda: now))
    came = asyncio.Event()

    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set()
        writer.close()

    server = await asyncio.start_server(welcome, "127.0.0.1", 0)
    async with server:
        with socket.socket() as wire:
            wire.setblocking(False)
            with no_descriptors():
                await loop.sock_connect(wire, server.sockets[0].getsockname())
                await asyncio.sleep(0.1)
                assert [one.getMessage() for one in caplog.records] == [
                    "no file descriptors are left: new connections wait until others end"
                ]
                now = descriptors.SECONDS_BETWEEN_LINES
                await asyncio.sleep(1.1)
                assert len(caplog.records) == 2
            async with asyncio.timeout(5):
                await came.wait()
    assert [one.levelno for one in caplog.records] == [logging.WARNING] * 2


async def test_a_listener_that_is_closed_meanwhile_is_nothing_to_speak_of(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(descriptors.calm_handler())
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    with socket.socket() as wire:
        wire.setblocking(False)
        with no_descriptors():
            await loop.sock_connect(wire, server.sockets[0].getsockname())
            await asyncio.sleep(0.1)
            server.close()
        await asyncio.sleep(1.1)
    assert len(caplog.records) == 1


async def test_whatever_else_goes_wrong_in_the_loop_is_said_as_always(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(descriptors.calm_handler())
    loop.call_soon(lambda: 1 // 0)
    await asyncio.sleep(0.01)
    assert "ZeroDivisionError" in caplog.text
    caplog.clear()
