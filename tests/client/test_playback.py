"""A toy plays what it was told last."""

from __future__ import annotations

import asyncio

import pytest

from toybackend.client import ClientClosed, Replaced
from toybackend.client.playback import Playback
from toybackend.protocol import Play


def song(play_id: str) -> Play:
    return Play(id=play_id, item_id="i_1", title="Moon", url="/x", duration_ms=1000)


async def test_the_latest_word_counts() -> None:
    playback = Playback()
    playback.take(song("y_1"))
    playback.take(song("y_2"))
    assert await anext(playback) == song("y_2")
    playback.take(song("y_3"))
    playback.take(None)
    assert await anext(playback) is None


async def test_who_is_silent_already_is_not_told_to_be() -> None:
    playback = Playback()
    playback.stop()
    playback.take(song("y_1"))
    assert await anext(playback) == song("y_1")
    playback.stop()
    assert await anext(playback) is None


async def test_it_waits_for_something_new() -> None:
    playback = Playback()
    playback.take(song("y_1"))
    assert await anext(playback) == song("y_1")
    waiting = asyncio.ensure_future(anext(playback))
    await asyncio.sleep(0)
    assert not waiting.done()
    playback.take(song("y_1"))
    assert await waiting == song("y_1")


async def test_it_ends_with_the_client_and_says_what_else_ended_it() -> None:
    closed, replaced = Playback(), Playback()
    closed.end(ClientClosed())
    assert [one async for one in closed] == []
    replaced.end(Replaced())
    with pytest.raises(Replaced):
        await anext(replaced)
