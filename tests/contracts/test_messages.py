"""The contract of `ports.Messages`: accepting, settling, and the order of publishing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.conftest import OpenDatabase
from tests.world import NOW, accept, add_contact, add_group, add_person, message, new_id, sound
from toybackend.databases.sql import SqlDatabase
from toybackend.errors import Overloaded
from toybackend.models import DeliveryState, Message, MessageId, MessageState, Party
from toybackend.ports import Receipt, Relation, Unconverted

WAITING, DELIVERED, HEARD = DeliveryState


async def mailbox_of(database: SqlDatabase, owner: Party) -> list[MessageId]:
    return [one.message.id for one in await database.waiting(owner.id, after=0, seen=0, limit=1000)]


async def say(database: SqlDatabase, sender: Party, to: Party, *texts: str) -> list[Message]:
    return [(await accept(database, message(sender, to, text=text))).message for text in texts]


# ── accept ──


async def test_a_voice_message_waits_for_its_conversion(database: SqlDatabase, mum: Party, bear: Party) -> None:
    offered = message(mum, bear, ref="one")
    acceptance = await accept(database, offered)
    assert (acceptance.message, acceptance.is_new, list(acceptance.woken)) == (offered, True, [])
    assert await database.outcome(offered.id) == (offered, [Receipt(offered.id, mum.id, bear.id, WAITING)])
    assert await database.unconverted() == [Unconverted(offered.id, mum.id, family=mum.id)]
    assert await mailbox_of(database, bear) == []


async def test_a_crash_is_counted_for_what_was_being_converted(database: SqlDatabase, mum: Party, bear: Party) -> None:
    voices = [message(mum, bear) for _ in range(3)]
    for one in voices:
        await accept(database, one)
    await database.settle(voices[2].id, NOW, sound=sound())
    await database.note_crash([voices[0].id, voices[2].id, "m_unknown"])
    await database.note_crash([voices[0].id])
    assert [one.crashes for one in await database.unconverted()] == [2, 0]


async def test_the_size_of_an_mp3_is_known_once_it_is_there(database: SqlDatabase, mum: Party, bear: Party) -> None:
    voice, text = message(mum, bear), message(mum, bear, text="hi")
    for one in (voice, text):
        await accept(database, one)
    assert await database.mp3_bytes(voice.id) == 0
    await database.settle(voice.id, NOW, sound=sound(), mp3_bytes=4321)
    assert [await database.mp3_bytes(one) for one in (voice.id, text.id, "m_unknown")] == [4321, 0, 0]


async def test_a_text_is_in_the_mailbox_at_once(database: SqlDatabase, mum: Party, bear: Party) -> None:
    offered = message(mum, bear, text="good night")
    assert (await accept(database, offered)).woken == [bear.id]
    [delivery] = await database.waiting(bear.id, after=0, seen=0, limit=10)
    assert (delivery.position, delivery.state, delivery.recipient_id) == (1, WAITING, bear.id)
    assert (delivery.message.text, delivery.message.state) == ("good night", MessageState.PUBLISHED)
    assert await database.unconverted() == []


async def test_the_same_ref_finds_the_first_message(database: SqlDatabase, mum: Party, bear: Party) -> None:
    first, again = message(mum, bear, text="once", ref="r"), message(mum, bear, text="twice", ref="r")
    await accept(database, first)
    acceptance = await accept(database, again)
    assert (acceptance.message.id, acceptance.message.text) == (first.id, "once")
    assert (acceptance.is_new, list(acceptance.woken)) == (False, [])
    assert await database.outcome(again.id) is None
    assert await mailbox_of(database, bear) == [first.id]


async def test_only_a_new_message_has_to_fit(database: SqlDatabase, mum: Party, bear: Party) -> None:
    """What was accepted once is not refused for lack of room when it is offered again."""

    def too_much(relation: Relation) -> None:
        seen.append(relation.kept_bytes)
        raise Overloaded

    seen: list[int] = []
    first = replace(message(mum, bear, ref="r"), size=7)
    await accept(database, first)
    again = await database.accept(message(mum, bear, ref="r"), lambda relation: None, too_much)
    assert (again.message, again.is_new, seen) == (first, False, [])
    new = message(mum, bear, ref="another")
    with pytest.raises(Overloaded):
        await database.accept(new, lambda relation: None, too_much)
    assert (await database.outcome(new.id), seen) == (None, [7])


async def test_a_ref_that_was_used_is_known(database: SqlDatabase, mum: Party, bear: Party) -> None:
    await accept(database, message(mum, bear, ref="r"))
    assert await database.was_accepted(mum.id, "r")
    assert not await database.was_accepted(mum.id, "R")
    assert not await database.was_accepted(bear.id, "r")


async def test_the_same_ref_of_another_sender_is_another_message(
    database: SqlDatabase, mum: Party, bear: Party
) -> None:
    for sender, to in ((mum, bear), (bear, mum)):
        assert (await accept(database, message(sender, to, text="hi", ref="r"))).is_new


async def test_messages_without_ref_are_never_the_same(database: SqlDatabase, mum: Party, bear: Party) -> None:
    assert len({one.id for one in await say(database, mum, bear, "same", "same")}) == 2


async def test_the_same_ref_many_times_at_once_makes_one_message(
    database: SqlDatabase, connect: OpenDatabase, mum: Party, bear: Party
) -> None:
    async with connect() as other:
        nodes = [database, other] * 8
        found = await asyncio.gather(*(accept(node, message(mum, bear, text="hi", ref="r")) for node in nodes))
    assert sum(one.is_new for one in found) == 1
    assert len({one.message.id for one in found}) == 1


async def test_a_group_message_reaches_every_other_member(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, mum, dad)
    group_id = await add_group(database, mum, dad, bear)
    offered = message(mum, group_id, text="dinner")
    assert set((await accept(database, offered)).woken) == {dad.id, bear.id}
    assert [await mailbox_of(database, one) for one in (mum, dad, bear)] == [[], [offered.id], [offered.id]]
    found = await database.outcome(offered.id)
    assert found is not None
    assert {receipt.recipient_id for receipt in found[1]} == {dad.id, bear.id}


# ── settle ──


async def test_a_converted_message_is_published(database: SqlDatabase, mum: Party, bear: Party) -> None:
    offered = message(mum, bear)
    await accept(database, offered)
    assert await database.settle(offered.id, NOW, sound=sound(1500)) == [bear.id]
    [delivery] = await database.waiting(bear.id, after=0, seen=0, limit=10)
    assert delivery.message.state is MessageState.PUBLISHED
    assert (delivery.message.duration_ms, delivery.message.waveform) == (1500, sound().waveform)
    assert await database.unconverted() == []


async def test_a_failed_message_reaches_nobody(database: SqlDatabase, mum: Party, bear: Party) -> None:
    offered = message(mum, bear)
    await accept(database, offered)
    assert await database.settle(offered.id, NOW, failure="bad_audio") == []
    found = await database.outcome(offered.id)
    assert found is not None
    assert (found[0].state, found[0].failure) == (MessageState.FAILED, "bad_audio")
    assert await mailbox_of(database, bear) == []
    assert await database.unconverted() == []


@pytest.mark.parametrize("first", ["sound", "failure"])
@pytest.mark.parametrize("second", ["sound", "failure"])
async def test_settling_a_settled_message_changes_nothing(
    database: SqlDatabase, mum: Party, bear: Party, first: str, second: str
) -> None:
    offered = message(mum, bear)
    await accept(database, offered)
    results = {"sound": {"sound": sound()}, "failure": {"failure": "bad_audio"}}
    await database.settle(offered.id, NOW, **results[first])  # type: ignore[arg-type]
    before = await database.outcome(offered.id)
    assert await database.settle(offered.id, NOW, **results[second]) == []  # type: ignore[arg-type]
    assert await database.outcome(offered.id) == before


async def test_settling_says_when_there_is_no_such_message_any_more(
    database: SqlDatabase, mum: Party, bear: Party
) -> None:
    offered = message(mum, bear)
    await accept(database, offered)
    await database.erase_message(offered.id)
    assert await database.settle(offered.id, NOW, sound=sound()) is None
    assert await database.settle(offered.id, NOW, failure="bad_audio") is None
    assert await database.outcome(offered.id) is None


# ── the order of publishing ──


async def test_a_short_message_never_overtakes_a_long_one(database: SqlDatabase, mum: Party, bear: Party) -> None:
    long, short = message(mum, bear), message(mum, bear)
    for one in (long, short):
        await accept(database, one)
    assert await database.settle(short.id, NOW, sound=sound()) == []
    assert await mailbox_of(database, bear) == []
    found = await database.outcome(short.id)
    assert found is not None
    assert found[0].state is MessageState.CONVERTED
    assert await database.settle(long.id, NOW, sound=sound()) == [bear.id]
    assert await mailbox_of(database, bear) == [long.id, short.id]


async def test_a_text_waits_for_the_voice_before_it(database: SqlDatabase, mum: Party, bear: Party) -> None:
    voice, text = message(mum, bear), message(mum, bear, text="did you hear?")
    await accept(database, voice)
    assert (await accept(database, text)).woken == []
    await database.settle(voice.id, NOW, sound=sound())
    assert await mailbox_of(database, bear) == [voice.id, text.id]


async def test_an_answer_waits_for_the_voice_before_it(database: SqlDatabase, mum: Party, bear: Party) -> None:
    voice, answer = message(mum, bear), message(bear, mum, text="yes")
    await accept(database, voice)
    assert (await accept(database, answer)).woken == []
    assert set(await database.settle(voice.id, NOW, sound=sound()) or ()) == {bear.id, mum.id}


async def test_a_failed_message_sets_free_what_waits_behind_it(database: SqlDatabase, mum: Party, bear: Party) -> None:
    bad, voice, text, last = message(mum, bear), message(mum, bear), message(mum, bear, text="hi"), message(mum, bear)
    for one in (bad, voice, text, last):
        await accept(database, one)
    await database.settle(voice.id, NOW, sound=sound())
    assert await database.settle(bad.id, NOW, failure="bad_audio") == [bear.id]
    assert await mailbox_of(database, bear) == [voice.id, text.id]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_whatever_is_converted_first_the_order_is_that_of_acceptance(
    database: SqlDatabase, data: st.DataObject
) -> None:
    """Texts, voices and voices without sound, settled in any order: the mailbox is always a beginning of the whole."""
    sender, recipient = [await add_person(database, new_id("name")) for _ in range(2)]
    await add_contact(database, sender, recipient)
    kinds = data.draw(st.lists(st.sampled_from(["text", "voice", "mute"]), min_size=1, max_size=8))
    said = [message(sender, recipient, text="hi" if kind == "text" else None) for kind in kinds]
    whole = [one.id for one, kind in zip(said, kinds, strict=True) if kind != "mute"]
    for one in said:
        await accept(database, one)
    voices = [(one, kind) for one, kind in zip(said, kinds, strict=True) if kind != "text"]
    for one, kind in data.draw(st.permutations(voices)):
        found = await mailbox_of(database, recipient)
        assert found == whole[: len(found)]
        await database.settle(one.id, NOW, **({"failure": "bad_audio"} if kind == "mute" else {"sound": sound()}))
    delivered = await database.waiting(recipient.id, after=0, seen=0, limit=100)
    assert [one.message.id for one in delivered] == whole
    assert [one.position for one in delivered] == list(range(1, len(whole) + 1))


async def test_another_conversation_does_not_wait(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    await add_contact(database, dad, bear)
    await accept(database, message(mum, bear))
    [text] = await say(database, dad, bear, "hi")
    assert await mailbox_of(database, bear) == [text.id]


async def test_what_is_unconverted_is_found_oldest_first(database: SqlDatabase, mum: Party, bear: Party) -> None:
    offered = [message(mum, bear, at=NOW - number) for number in range(5)]
    for one in offered:
        await accept(database, one)
    await database.settle(offered[2].id, NOW, sound=sound())
    expected = [offered[0].id, offered[1].id, offered[3].id, offered[4].id]
    assert [job.id for job in await database.unconverted()] == expected


# ── known, outcome ──


async def test_audio_of_failed_and_unknown_messages_is_not_kept(database: SqlDatabase, mum: Party, bear: Party) -> None:
    waits, failed, published = (message(mum, bear) for _ in range(3))
    for one in (waits, failed, published):
        await accept(database, one)
    await database.settle(failed.id, NOW, failure="bad_audio")
    await database.settle(published.id, NOW, sound=sound())
    asked = [waits.id, failed.id, published.id, MessageId("m_none")]
    assert await database.known(asked) == {waits.id, published.id}
    assert await database.known([]) == set()


async def test_what_is_unconverted_says_how_large_it_is(database: SqlDatabase, mum: Party, bear: Party) -> None:
    offered = replace(message(mum, bear), size=1234)
    await accept(database, offered)
    assert await database.unconverted() == [Unconverted(offered.id, mum.id, mum.id, 1234)]
    await database.settle(offered.id, NOW, sound=sound(), mp3_bytes=99)
    found = await database.outcome(offered.id)
    assert found is not None
    assert found[0].size == 1234


async def test_there_is_no_outcome_of_an_unknown_message(database: SqlDatabase) -> None:
    assert await database.outcome(MessageId("m_none")) is None


async def test_a_message_says_who_sent_it(database: SqlDatabase) -> None:
    aunt, uncle = await add_person(database, "Änne"), await add_person(database, "叔叔")
    await add_contact(database, aunt, uncle)
    await say(database, uncle, aunt, "你好 🧸")
    [delivery] = await database.waiting(aunt.id, after=0, seen=0, limit=1)
    assert (delivery.message.sender_name, delivery.message.text) == ("叔叔", "你好 🧸")
