"""The story of a message, as phones and toys see it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.conftest import settings_in
from tests.end_to_end.family import (
    Family,
    Somebody,
    add_somebody,
    count_rows,
    database_of,
    files,
    waiting_toy,
)
from tests.end_to_end.line import Line, bare
from tests.end_to_end.sound import CLIP_SECONDS, PADDING_SECONDS, fetch, seconds_of
from tests.world import add_contact, add_group
from toybackend.house import open_house
from toybackend.models import DeliveryState
from toybackend.protocol import CloseCode
from toybackend.settings import Service, Settings

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("calm_log", "cheap_hashes")]

CLIP_MS, PADDING_MS = CLIP_SECONDS * 1000, PADDING_SECONDS * 1000


@pytest.fixture(scope="module")
def server_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return replace(settings_in(tmp_path_factory.mktemp("server")), service=Service(sweep_seconds=0.1))


@asynccontextmanager
async def both(family: Family) -> AsyncIterator[tuple[Line, Line]]:
    async with family.mum.line() as mum, family.bear.line() as bear:
        yield mum, bear


# ── the main story ──


async def test_a_voice_reaches_the_toy_and_the_sender_hears_of_every_step(family: Family, clip: bytes) -> None:
    async with both(family) as (mum, bear):
        await mum.say(to_user=family.bear.id, ref="one", bytes=len(clip))
        await mum.write(clip)
        accepted = await mum.next()
        assert accepted == {"type": "accepted", "id": accepted["id"], "ref": "one", "to_user": family.bear.id}

        voice = await bear.next()
        assert voice["type"] == "voice"
        assert voice["id"] == accepted["id"]
        assert (voice["from_user"], voice["to_user"]) == (family.mum.id, family.bear.id)
        assert voice["from_name"] == family.mum.party.name
        assert voice["duration_ms"] == pytest.approx(CLIP_MS, abs=PADDING_MS)
        assert len(voice["waveform"]) == 48
        assert max(voice["waveform"]) == 100
        assert voice["sent_at"].endswith("Z")
        mp3 = await fetch(voice["url"])
        assert CLIP_SECONDS - 0.02 <= seconds_of(mp3) <= CLIP_SECONDS + PADDING_SECONDS

        await bear.ack(voice["id"])
        assert await mum.next() == {"type": "delivered", "id": voice["id"], "to_user": family.bear.id}
        await bear.say(type="heard", id=voice["id"])
        assert await mum.next() == {"type": "heard", "id": voice["id"], "to_user": family.bear.id}


async def test_the_toy_answers(family: Family, clip: bytes) -> None:
    async with both(family) as (mum, bear):
        message_id = await bear.voice(family.mum.id, clip)
        voice = await mum.hear("voice", id=message_id)
        assert voice["from_name"] == "Bear"
        await mum.ack(message_id)
        await bear.hear("delivered", id=message_id, to_user=family.mum.id)


async def test_texts_go_both_ways(family: Family) -> None:
    async with both(family) as (mum, bear):
        there = await mum.text(family.bear.id, "晚安 🧸", ref="t")
        assert (await bear.hear("text", id=there))["msg"] == "晚安 🧸"
        back = await bear.text(family.mum.id, "good night")
        text = await mum.hear("text", id=back)
        assert (text["msg"], text["from_user"], text["to_user"]) == ("good night", family.bear.id, family.mum.id)


async def test_a_text_does_not_touch_the_header_that_waits(family: Family, clip: bytes) -> None:
    async with both(family) as (mum, bear):
        await mum.say(to_user=family.bear.id, ref="voice")
        text_id = await mum.text(family.bear.id, "listen!")
        await bear.hear("text", id=text_id)
        await bear.ack(text_id)
        await mum.hear("delivered", id=text_id)
        await mum.write(clip)
        assert (await mum.next())["ref"] == "voice"


async def test_a_blob_in_fragments_is_one_voice(family: Family, clip: bytes) -> None:
    async with both(family) as (mum, bear):
        message_id = await mum.voice(family.bear.id, [clip[at : at + 1000] for at in range(0, len(clip), 1000)])
        voice = await bear.hear("voice", id=message_id)
        assert voice["duration_ms"] == pytest.approx(CLIP_MS, abs=PADDING_MS)


async def test_a_header_taken_back_is_forgotten(family: Family, clip: bytes) -> None:
    stranger = await add_somebody(family.house, "Stranger")
    await add_contact(database_of(family.house), family.mum.party, stranger.party)
    async with both(family) as (mum, bear):
        await mum.say(to_user=stranger.id)
        await mum.say(type="cancel")
        message_id = await mum.voice(family.bear.id, clip)
        await bear.hear("voice", id=message_id)


async def test_a_client_may_send_right_behind_the_handshake(family: Family, clip: bytes) -> None:
    """The contract does not say that one must wait for `welcome`."""
    header = {"Authorization": f"Bearer {family.mum.token}"}
    async with family.bear.line() as bear, bare(family.mum.url, additional_headers=header) as mum:
        await mum.say(to_user=family.bear.id)
        await mum.write(clip * 4)  # more than a text frame may have
        await mum.hear("accepted")
        await bear.hear("voice")


# ── who was away ──


async def test_what_waits_comes_after_welcome_oldest_first(family: Family, clip: bytes) -> None:
    async with family.mum.line() as mum:
        sent = [await mum.text(family.bear.id, f"text {n}") for n in range(3)]
        sent.append(await mum.voice(family.bear.id, clip))
        sent.append(await mum.text(family.bear.id, "last"))
        await wait_until_published(family, len(sent))
        async with family.bear.line() as bear:
            assert bear.welcome["unread"] == 5
            assert bear.welcome["max_audio_bytes"] == 2_097_152
            assert bear.welcome["max_audio_seconds"] == 120
            assert [(await bear.next())["id"] for _ in sent] == sent
            for message_id in sent:
                await bear.ack(message_id)
                await mum.hear("delivered", id=message_id)
        async with family.bear.line() as bear:
            assert bear.welcome["unread"] == 0


async def wait_until_published(family: Family, count: int) -> None:
    """Ask anew until this many messages are in the toy's mailbox."""
    while True:
        async with family.bear.line() as bear:
            if bear.welcome["unread"] == count:
                return
            await bear.next()  # comes with the conversion


async def test_without_an_ack_the_same_message_comes_again(family: Family, clip: bytes) -> None:
    async with family.mum.line() as mum:
        message_id = await mum.voice(family.bear.id, clip)
        for _ in range(2):
            async with family.bear.line() as bear:
                assert (await bear.next())["id"] == message_id
                bear.socket.transport.abort()
        async with family.bear.line() as bear:
            assert (await bear.next())["id"] == message_id
            await bear.ack(message_id)
            await mum.hear("delivered", id=message_id)
        async with family.bear.line() as bear:
            assert bear.welcome["unread"] == 0


async def test_heard_says_that_it_was_delivered_too(family: Family) -> None:
    async with both(family) as (mum, bear):
        message_id = await mum.text(family.bear.id, "hello")
        await bear.hear("text")
        await bear.say(type="heard", id=message_id)
        assert (await mum.next())["type"] == "heard"
        await bear.ack(message_id)  # too late to matter
        await mum.text(family.bear.id, "next")
    async with family.bear.line() as bear:
        assert bear.welcome["unread"] == 1


async def test_an_ack_of_nothing_changes_nothing(family: Family) -> None:
    dad = await add_somebody(family.house, "Dad")
    async with both(family) as (mum, bear), dad.line() as stranger:
        message_id = await mum.text(family.bear.id, "hello")
        await bear.hear("text")
        await bear.ack("m_nothing")
        await stranger.ack(message_id)
        await mum.ack(message_id)
        await stranger.say(type="heard", id=message_id)
        await stranger.say(to_user=family.bear.id, msg="are you there?")
        assert await stranger.refusal() == "unknown_recipient"  # so its frames were read by now
        await mum.text(family.bear.id, "next")
    async with family.bear.line() as bear:
        assert bear.welcome["unread"] == 2


# ── promises ──


async def test_the_same_ref_is_the_same_message(family: Family, clip: bytes) -> None:
    async with both(family) as (mum, bear):
        first = await mum.voice(family.bear.id, clip, ref="same")
        await bear.hear("voice", id=first)
        await bear.say(type="heard", id=first)
        await mum.hear("heard", id=first)
        rows, kept = await count_rows(family.house, "messages"), files(family.house)["kept"]

        assert await mum.voice(family.bear.id, clip, ref="same") == first
        assert await mum.next() == {"type": "heard", "id": first, "to_user": family.bear.id}

        text_id = await mum.text(family.bear.id, "and now?")
        assert (await bear.next())["id"] == text_id  # so there was no second voice before it
        assert await count_rows(family.house, "messages") == rows + 1
    assert files(family.house)["kept"] == kept


async def test_the_same_ref_of_another_sender_is_another_message(family: Family) -> None:
    async with both(family) as (mum, bear):
        assert await mum.text(family.bear.id, "one", ref="same") != await bear.text(family.mum.id, "two", ref="same")


async def test_a_ref_of_what_failed_fails_again(family: Family) -> None:
    async with family.mum.line() as mum:
        first = await mum.voice(family.bear.id, b"no sound at all", ref="noise")
        await mum.hear("failed", id=first, code="bad_audio")
        assert await mum.voice(family.bear.id, b"no sound at all", ref="noise") == first
        await mum.hear("failed", id=first, code="bad_audio")


async def test_a_conversation_keeps_its_order(family: Family, clip: bytes, long_clip: bytes) -> None:
    async with both(family) as (mum, bear):
        sent = [
            await mum.voice(family.bear.id, long_clip),
            await mum.voice(family.bear.id, clip),
            await mum.text(family.bear.id, "and a text"),
            await mum.voice(family.bear.id, b"this one fails"),
            await mum.text(family.bear.id, "the end"),
        ]
        heard = [await bear.next() for _ in range(4)]
        assert [one["id"] for one in heard] == [sent[0], sent[1], sent[2], sent[4]]


async def test_eight_may_be_under_way_and_the_ninth_waits_for_an_ack(family: Family) -> None:
    async with family.mum.line() as mum:
        sent = [await mum.text(family.bear.id, f"text {n}") for n in range(10)]
        async with family.bear.line() as bear:
            first = [(await bear.next())["id"] for _ in range(8)]
            await bear.say(type="no such")  # the answer shows that nothing else is under way
            assert await bear.refusal() == "unknown_type"
            await bear.ack(first[3])
            ninth = (await bear.next())["id"]
            await bear.say(type="no such")
            assert await bear.refusal() == "unknown_type"
            assert [*first, ninth] == sent[:9]


async def test_a_client_without_acks_gets_each_message_once(family: Family) -> None:
    async with family.mum.line() as mum:
        sent = [await mum.text(family.bear.id, f"text {n}") for n in range(20)]
        async with family.bear.hello(acks=False) as bear:
            assert bear.welcome["unread"] == 20
            assert [(await bear.next())["id"] for _ in sent] == sent
            for message_id in sent:
                await mum.hear("delivered", id=message_id)
        async with family.bear.line() as bear:
            assert bear.welcome["unread"] == 0


# ── several sockets ──


async def test_hello_is_as_good_as_a_header(family: Family, clip: bytes) -> None:
    async with family.mum.hello() as mum, family.bear.hello() as bear:
        assert mum.welcome["id"] == family.mum.id
        message_id = await mum.voice(family.bear.id, clip)
        await bear.hear("voice", id=message_id)


async def test_every_socket_of_a_person_gets_every_message(family: Family) -> None:
    async with both(family) as (phone, bear), family.mum.line() as tablet:
        message_id = await bear.text(family.mum.id, "hello")
        await phone.hear("text", id=message_id)
        await phone.ack(message_id)
        await tablet.hear("text", id=message_id)
        sent = await phone.text(family.bear.id, "back")
        await bear.hear("text", id=sent)
        await bear.ack(sent)
        await phone.hear("delivered", id=sent)
        await tablet.hear("delivered", id=sent)


async def test_a_newer_socket_of_a_toy_takes_over(family: Family) -> None:
    async with family.mum.line() as mum, family.bear.line() as older:
        first = await mum.text(family.bear.id, "one")
        await older.hear("text", id=first)
        async with family.bear.line() as newer:
            assert await older.end() == 4409
            await newer.hear("text", id=first)
            second = await mum.text(family.bear.id, "two")
            await newer.hear("text", id=second)


async def test_a_voice_for_a_group_reaches_every_other_member(family: Family, clip: bytes) -> None:
    database, dad = database_of(family.house), await add_somebody(family.house, "Dad")
    group = await add_group(database, family.mum.party, dad.party, family.bear.party)
    for one in (family.mum, family.bear):
        await add_contact(database, dad.party, one.party)
    async with both(family) as (mum, bear), dad.line() as father:
        await mum.say(to_group=group, ref="g")
        await mum.write(clip)
        accepted = await mum.next()
        assert accepted == {"type": "accepted", "id": accepted["id"], "ref": "g", "to_group": group}
        for member, somebody in ((father, dad), (bear, family.bear)):
            voice = await member.next()
            assert (voice["id"], voice["to_group"]) == (accepted["id"], group)
            assert "to_user" not in voice
            assert await fetch(voice["url"])
            await member.ack(voice["id"])
            await mum.hear("delivered", id=voice["id"], to_user=somebody.id)

        await father.say(to_group=group, msg="me too")
        text_id = (await father.hear("accepted"))["id"]
        assert (await mum.next())["id"] == text_id
        assert (await bear.next())["id"] == text_id


async def test_a_ref_used_again_in_a_large_group_repeats_every_receipt(family: Family) -> None:
    """More receipts at once than an outbox holds frames do not end the sender's socket."""
    database = database_of(family.house)
    people = [await add_somebody(family.house, "Cousin") for _ in range(70)]
    group = await add_group(database, family.mum.party, *(one.party for one in people))
    for one in people:
        await add_contact(database, family.mum.party, one.party)
    async with family.mum.line() as mum:
        await mum.say(to_group=group, msg="hello all", ref="all")
        message_id = (await mum.hear("accepted"))["id"]
        for one in people:
            await family.house.receipts.advance(one.party, message_id, DeliveryState.DELIVERED)
        for one in people:
            await mum.hear("delivered", to_user=one.id)
        await mum.say(to_group=group, msg="hello all", ref="all")
        await mum.hear("accepted", id=message_id)
        for one in people:
            await mum.hear("delivered", to_user=one.id)


# ── a toy that waits for an owner ──


async def test_a_waiting_toy_hears_that_it_was_bound(family: Family) -> None:
    toy, code = await waiting_toy(family.house)
    async with toy.line() as waiting:
        await waiting.say(to_user=family.mum.id, msg="let me in")
        assert await waiting.refusal() == "not_allowed"
        await family.house.toys.bind(family.mum.party.id, code, "Rabbit")
        await becomes_mums(family, waiting, toy)


async def test_a_waiting_toy_hears_that_another_process_bound_it(family: Family) -> None:
    toy, code = await waiting_toy(family.house)
    async with toy.line() as waiting:
        async with open_house(family.house.settings) as command:
            await command.toys.bind(family.mum.party.id, code, "Rabbit")
        await becomes_mums(family, waiting, toy)


async def test_a_toy_bound_while_it_was_away_is_welcomed_as_what_it_is(family: Family) -> None:
    """With the token that it waited with."""
    toy, code = await waiting_toy(family.house)
    async with toy.line() as waiting:
        assert "settings" not in waiting.welcome
    await family.house.toys.bind(family.mum.party.id, code, "Rabbit")
    async with toy.line() as ready:
        assert (ready.welcome["name"], ready.welcome["settings"]["volume_cap"]) == ("Rabbit", 80)
        await ready.text(family.mum.id, "hello mum")


async def becomes_mums(family: Family, waiting: Line, toy: Somebody) -> None:
    """The very socket on which it waited is good for everything."""
    notice = await waiting.next()
    assert (notice["event"], notice["id"], notice["name"]) == ("bound", toy.id, "Rabbit")
    assert (notice["settings"]["volume_cap"], notice["settings"].get("quiet_until")) == (80, None)
    async with family.mum.line() as mum:
        told = await mum.text(toy.id, "welcome home")
        assert (await waiting.hear("text", id=told))["msg"] == "welcome home"
        await waiting.ack(told)
        await mum.hear("delivered", id=told, to_user=toy.id)
        said = await waiting.text(family.mum.id, "hello mum")
        assert (await mum.hear("text", id=said))["from_name"] == "Rabbit"


# ── before the welcome ──


async def test_a_voice_may_follow_right_behind_the_handshake(family: Family, long_clip: bytes) -> None:
    """17 KB, more than an unknown peer may send: the token in the handshake was looked at before it ended."""
    url = family.house.listeners.bound().ws_url + "/app"
    async with connect(url, additional_headers={"Authorization": f"Bearer {family.mum.token}"}) as mum:
        await mum.send(json.dumps({"to_user": family.bear.id}))
        await mum.send(long_clip)
        assert [json.loads(await mum.recv())["type"] for _ in range(2)] == ["welcome", "accepted"]


async def test_who_has_not_said_hello_may_not_send_much(family: Family, long_clip: bytes) -> None:
    async with connect(family.house.listeners.bound().ws_url + "/app") as stranger:
        await stranger.send(long_clip)
        with pytest.raises(ConnectionClosed):
            await stranger.recv()
        assert stranger.close_code == CloseCode.TOO_BIG
