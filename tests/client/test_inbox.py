"""Inbox: each message once, in bounded memory."""

from __future__ import annotations

import asyncio

import pytest

from tests.client.fake_server import text
from toybackend.client.inbox import MOST_KNOWN, MOST_WAITING, Inbox
from toybackend.protocol import Ack, HaveHeard


async def test_only_so_many_wait_and_the_rest_is_left_to_the_server() -> None:
    inbox = Inbox(lambda frame: None)
    for n in range(MOST_WAITING + 1):
        inbox.take(text(f"m_{n}"))
    assert [(await inbox.next()).id for _ in range(MOST_WAITING)][-1] == f"m_{MOST_WAITING - 1}"
    inbox.take(text(f"m_{MOST_WAITING}"))
    assert (await inbox.next()).id == f"m_{MOST_WAITING}"


async def test_only_so_many_ids_are_known() -> None:
    said: list[Ack | HaveHeard] = []
    inbox = Inbox(said.append)
    for n in range(MOST_KNOWN + 1):
        inbox.take(text(f"m_{n}"))
        (await inbox.next()).ack()
    said.clear()
    inbox.take(text("m_1"))
    assert said == [Ack(id="m_1")]
    inbox.take(text("m_0"))
    assert (await inbox.next()).id == "m_0", "the oldest was forgotten"


async def test_a_message_repeated_before_it_is_safe_is_not_acknowledged() -> None:
    said: list[Ack | HaveHeard] = []
    inbox = Inbox(said.append)
    inbox.take(text("m_1"))
    inbox.take(text("m_1"))
    message = await inbox.next()
    inbox.take(text("m_1"))
    assert said == []
    message.ack()
    assert said == [Ack(id="m_1")]


async def test_what_is_here_can_be_taken_after_the_end() -> None:
    inbox = Inbox(lambda frame: None)
    inbox.take(text("m_1"))
    inbox.end(ValueError("why"))
    assert (await inbox.next()).id == "m_1"
    with pytest.raises(ValueError, match="why"):
        await inbox.next()


async def test_two_readers_share_the_messages() -> None:
    inbox = Inbox(lambda frame: None)
    readers = [asyncio.create_task(inbox.next()) for _ in range(2)]
    await asyncio.sleep(0)
    inbox.take(text("m_1"))
    inbox.take(text("m_2"))
    assert {(await reader).id for reader in readers} == {"m_1", "m_2"}
