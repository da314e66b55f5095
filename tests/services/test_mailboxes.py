"""Reading mailboxes, and the frames their messages arrive in."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tests.services.conftest import Home
from tests.world import accept, add_contact, add_group, message, sound
from toybackend.models import DeliveryState
from toybackend.ports import Mailbox
from toybackend.protocol import Text, Voice
from toybackend.services.listening import Links
from toybackend.services.mailboxes import Mailboxes


@pytest.fixture
def mailboxes(home: Home) -> Mailboxes:
    links = Links(b"key", base=lambda: "https://toys.test", seconds=60, clock=home.clock)
    return Mailboxes(home.database, links)


async def test_a_text_arrives_as_a_text_frame(home: Home, mailboxes: Mailboxes) -> None:
    said = (await accept(home.database, message(home.mum, home.bear, text="good night"))).message
    [delivery] = await mailboxes.waiting(home.bear, after=0, seen=0, limit=8)
    assert mailboxes.frame(delivery) == Text(
        id=said.id,
        from_user=home.mum.id,
        from_name="Mum",
        to_user=home.bear.id,
        msg="good night",
        sent_at="2026-11-21T08:00:00.000Z",
    )


async def test_a_voice_arrives_with_a_link_for_its_listener(home: Home, mailboxes: Mailboxes) -> None:
    said = (await accept(home.database, message(home.mum, home.bear))).message
    await home.database.settle(said.id, home.clock.now, sound=sound(1500))
    [delivery] = await mailboxes.waiting(home.bear, after=0, seen=0, limit=8)
    frame = mailboxes.frame(delivery)
    assert isinstance(frame, Voice)
    assert (frame.id, frame.from_user, frame.from_name, frame.to_user) == (said.id, home.mum.id, "Mum", home.bear.id)
    assert (frame.duration_ms, frame.waveform, frame.sent_at) == (1500, sound().waveform, "2026-11-21T08:00:00.000Z")
    assert urlsplit(frame.url).path == f"/api/v1/audio/{said.id}.mp3"
    assert f"for={home.bear.id}&" in urlsplit(frame.url).query


async def test_a_group_message_names_the_group(home: Home, mailboxes: Mailboxes) -> None:
    await add_contact(home.database, home.mum, home.dad)
    group_id = await add_group(home.database, home.mum, home.dad, home.bear)
    await accept(home.database, message(home.mum, group_id, text="dinner"))
    [delivery] = await mailboxes.waiting(home.dad, after=0, seen=0, limit=8)
    frame = mailboxes.frame(delivery)
    assert isinstance(frame, Text)
    assert (frame.to_group, frame.to_user) == (group_id, None)


async def test_a_mailbox_is_its_owners(home: Home, mailboxes: Mailboxes) -> None:
    first, _ = [(await accept(home.database, message(home.mum, home.bear, text=one))).message for one in "ab"]
    await home.receipts.advance(home.bear, first.id, DeliveryState.DELIVERED)
    assert await mailboxes.state(home.bear) == Mailbox(last_position=2, first_waiting=2, unread=1)
    assert await mailboxes.state(home.mum) == Mailbox(last_position=0, first_waiting=1, unread=0)
    assert await mailboxes.waiting(home.mum, after=0, seen=0, limit=8) == []
    assert len(await mailboxes.waiting(home.bear, after=0, seen=0, limit=8)) == 2
    assert len(await mailboxes.waiting(home.bear, after=0, seen=2, limit=8)) == 1
    assert len(await mailboxes.waiting(home.bear, after=0, seen=0, limit=1)) == 1


async def test_what_may_not_wait_is_read_apart(home: Home, mailboxes: Mailboxes) -> None:
    await accept(home.database, message(home.mum, home.bear, text="first"))
    assert await mailboxes.urgent(home.bear, limit=8) == []
    now = replace(message(home.mum, home.bear, text="come home"), is_urgent=True)
    await accept(home.database, now)
    await accept(home.database, message(home.mum, home.bear, text="last"))
    assert [one.message.text for one in await mailboxes.urgent(home.bear, limit=8)] == ["first", "come home"]
    assert len(await mailboxes.urgent(home.bear, limit=1)) == 1
    assert await mailboxes.urgent(home.mum, limit=8) == []
