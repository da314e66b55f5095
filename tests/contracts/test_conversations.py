"""The contract of `ports.Conversations`: chats as one of their parties sees them."""

from __future__ import annotations

import pytest

from tests.contracts.test_messages import say
from tests.world import NOW, accept, add_contact, add_group, add_toy, message, new_id, sound
from toybackend.databases.sql import SqlDatabase
from toybackend.errors import NotFound
from toybackend.models import (
    Conversation,
    Copy,
    DeliveryState,
    Entry,
    GroupId,
    GroupKind,
    MessageId,
    MessageState,
    Party,
    PartyId,
    PartyKind,
)

WAITING, DELIVERED, HEARD = DeliveryState


async def chat(database: SqlDatabase, reader: Party, other: Party | GroupId) -> Conversation:
    """How the reader sees this one."""
    other_id = other.id if isinstance(other, Party) else other
    [found] = [one for one in await database.conversations(reader.id) if one.id == other_id]
    return found


async def history(database: SqlDatabase, reader: Party, other: Party | GroupId) -> list[Entry]:
    other_id = other.id if isinstance(other, Party) else other
    return list(await database.history(reader.id, other_id, None, 100))


async def ids(database: SqlDatabase, reader: Party, other: Party | GroupId) -> list[MessageId]:
    """Oldest first."""
    return [one.message.id for one in reversed(await history(database, reader, other))]


def family_of(toy: Party) -> GroupId:
    return GroupId("g" + toy.id.removeprefix("t"))


# ── the list ──


async def test_everybody_whom_one_may_talk_with_is_there_before_a_word_is_said(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, mum, dad)
    found = await database.conversations(mum.id)
    assert [(one.id, one.name, one.kind) for one in found] == [
        *sorted([(bear.id, "Bear", PartyKind.TOY), (family_of(bear), "Bear", GroupKind.FAMILY)]),
        (dad.id, "Dad", PartyKind.PERSON),
    ]
    assert {(one.unread, one.last, one.may_send, one.is_over) for one in found} == {(0, None, True, False)}


async def test_a_toy_has_conversations_too(database: SqlDatabase, mum: Party, bear: Party) -> None:
    [said] = await say(database, bear, mum, "hi")
    found = await chat(database, bear, mum)
    assert (found.name, found.kind, found.may_send, found.unread) == ("Mum", PartyKind.PERSON, True, 0)
    assert found.last is not None
    assert found.last.message.id == said.id


async def test_whom_one_does_not_know_is_not_there(database: SqlDatabase, dad: Party, bear: Party) -> None:
    assert await database.conversations(dad.id) == []
    assert await database.conversations(PartyId("p_none")) == []


async def test_the_latest_comes_first_and_the_silent_ones_by_name(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    zebra, ant = await add_toy(database, "Zebra", mum), await add_toy(database, "ant", mum)
    await add_contact(database, mum, dad)
    await say(database, mum, dad, "1")
    await say(database, bear, mum, "2")
    found = [one.name for one in await database.conversations(mum.id) if one.kind is not GroupKind.FAMILY]
    assert found == ["Bear", "Dad", "ant", "Zebra"]
    await say(database, zebra, mum, "3")
    await say(database, mum, ant, "4")
    found = [one.name for one in await database.conversations(mum.id) if one.kind is not GroupKind.FAMILY]
    assert found == ["ant", "Zebra", "Bear", "Dad"]


async def test_unread_are_the_published_ones_that_were_not_heard(
    database: SqlDatabase, mum: Party, bear: Party
) -> None:
    said = await say(database, mum, bear, *"abcd")
    await database.advance(said[0].id, bear.id, HEARD, NOW)
    await database.advance(said[1].id, bear.id, DELIVERED, NOW)
    await accept(database, message(mum, bear))  # not converted yet
    assert (await chat(database, bear, mum)).unread == 3
    assert (await chat(database, mum, bear)).unread == 0
    assert (await chat(database, bear, family_of(bear))).unread == 0


async def test_what_was_deleted_is_not_counted(database: SqlDatabase, mum: Party, bear: Party) -> None:
    first, second = await say(database, mum, bear, *"ab")
    await database.erase_message(second.id)
    found = await chat(database, bear, mum)
    assert found.unread == 1
    assert found.last is not None
    assert found.last.message.id == first.id


async def test_the_last_one_is_the_newest_that_the_reader_may_see(
    database: SqlDatabase, mum: Party, bear: Party
) -> None:
    [said] = await say(database, mum, bear, "hi")
    coming = message(mum, bear)
    await accept(database, coming)
    for reader, last in ((mum, coming.id), (bear, said.id)):
        found = (await chat(database, reader, bear if reader is mum else mum)).last
        assert found is not None
        assert found.message.id == last


async def test_a_nickname_goes_before_a_name(database: SqlDatabase, mum: Party, dad: Party) -> None:
    contact_id = await add_contact(database, mum, dad)
    await database.set_nickname(contact_id, mum.id, "Papa")
    [there] = await say(database, mum, dad, "hi")
    [back] = await say(database, dad, mum, "ho")
    assert [(await chat(database, *two)).name for two in ((mum, dad), (dad, mum))] == ["Papa", "Mum"]
    got, sent = await history(database, mum, dad)
    assert (got.message.id, got.message.sender_name) == (back.id, "Papa")
    assert (sent.message.id, [one.recipient_name for one in sent.copies]) == (there.id, ["Papa"])
    assert [one.message.sender_name for one in await history(database, dad, mum)] == ["Dad", "Mum"]


async def test_an_ended_contact_leaves_what_was_said(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    talked, silent = await add_contact(database, mum, dad), await add_contact(database, bear, dad)
    [said] = await say(database, mum, dad, "hi")
    await database.advance(said.id, dad.id, HEARD, NOW)
    for contact_id in (talked, silent):
        await database.end_contact(contact_id, [dad.id])
    for reader, other in ((mum, dad), (dad, mum)):
        found = await chat(database, reader, other)
        assert (found.may_send, found.is_over, found.name, found.heard_at) == (False, True, other.name, None)
        assert await ids(database, reader, other) == [said.id]
    assert bear.id not in {one.id for one in await database.conversations(dad.id)}


async def test_who_blocks_ends_the_sending_of_both(database: SqlDatabase, mum: Party, dad: Party) -> None:
    contact_id = await add_contact(database, mum, dad)
    [said] = await say(database, mum, dad, "hi")
    await database.advance(said.id, dad.id, HEARD, NOW)
    await database.set_block(contact_id, dad.id, blocks=True)
    assert [(await chat(database, *two)).may_send for two in ((mum, dad), (dad, mum))] == [False, False]


async def test_nobody_talks_with_a_toy_that_is_paused(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, dad, bear)
    await database.withdraw_consent(bear.id, NOW)
    for reader, other in ((mum, bear), (dad, bear), (bear, mum), (mum, family_of(bear)), (bear, family_of(bear))):
        found = await chat(database, reader, other)
        assert (found.may_send, found.is_over) == (False, False)


async def test_when_a_toy_was_last_heard_from(database: SqlDatabase, mum: Party, bear: Party) -> None:
    assert (await chat(database, mum, bear)).heard_at is None
    await database.heard_from({bear.id: NOW - 5})
    assert (await chat(database, mum, bear)).heard_at == NOW - 5
    assert (await chat(database, mum, family_of(bear))).heard_at is None


# ── groups ──


async def test_a_group_is_one_conversation(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    await add_contact(database, mum, dad)
    group_id = await add_group(database, mum, dad, bear)
    said = message(mum, group_id, text="dinner")
    await accept(database, said)
    await database.advance(said.id, bear.id, DELIVERED, NOW + 1)
    assert [(await chat(database, one, group_id)).unread for one in (mum, dad, bear)] == [0, 1, 1]
    [sent] = await history(database, mum, group_id)
    assert sent == Entry(
        message=(await database.outcome(said.id) or (None,))[0],  # type: ignore[arg-type]
        state=None,
        copies=(
            Copy(bear.id, "Bear", DELIVERED, NOW + 1, None),
            Copy(dad.id, "Dad", WAITING, None, None),
        ),
    )
    [got] = await history(database, bear, group_id)
    assert (got.message.id, got.state, got.copies) == (said.id, DELIVERED, ())


async def test_in_a_group_one_sees_only_what_one_was_sent(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    """Dad and the bear do not know each other."""
    await add_contact(database, mum, dad)
    group_id = await add_group(database, mum, dad, bear)
    of_mum, of_dad = message(mum, group_id, text="1"), message(dad, group_id, text="2")
    for one in (of_mum, of_dad):
        await accept(database, one)
    assert await ids(database, bear, group_id) == [of_mum.id]
    assert await ids(database, mum, group_id) == [of_mum.id, of_dad.id]
    last = (await chat(database, bear, group_id)).last
    assert last is not None
    assert last.message.id == of_mum.id


async def test_who_comes_later_does_not_see_what_was_said_before(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    for one in (mum, bear):
        await add_contact(database, dad, one)
    group_id = await add_group(database, mum, bear)
    await accept(database, message(mum, group_id, text="before"))
    await database.add_member(group_id, dad.id, NOW, most=10, most_memberships=9)
    after = message(mum, group_id, text="after")
    assert await ids(database, dad, group_id) == []
    await accept(database, after)
    assert await ids(database, dad, group_id) == [after.id]


async def test_a_group_that_was_left_keeps_what_was_said(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, mum, dad)
    group_id, quiet_id = await add_group(database, mum, dad, bear), await add_group(database, mum, dad)
    heard = message(mum, group_id, text="dinner")
    await accept(database, heard)
    await database.advance(heard.id, dad.id, HEARD, NOW)
    for one in (group_id, quiet_id):
        await database.remove_member(one, dad.id)
    found = await chat(database, dad, group_id)
    assert (found.name, found.may_send, found.is_over) == ("family", False, True)
    assert await ids(database, dad, group_id) == [heard.id]
    assert quiet_id not in {one.id for one in await database.conversations(dad.id)}


async def test_in_a_group_of_strangers_there_is_nobody_to_talk_to(
    database: SqlDatabase, dad: Party, bear: Party
) -> None:
    group_id = await add_group(database, dad, bear)
    found = await chat(database, dad, group_id)
    assert (found.may_send, found.is_over) == (False, False)


# ── history ──


async def test_both_sides_are_in_the_history_newest_first(database: SqlDatabase, mum: Party, bear: Party) -> None:
    said = [
        *await say(database, mum, bear, "1"),
        *await say(database, bear, mum, "2"),
        *await say(database, mum, bear, "3"),
    ]
    for reader, other in ((mum, bear), (bear, mum)):
        found = await history(database, reader, other)
        assert [one.message.id for one in found] == [one.id for one in reversed(said)]
    assert [one.message.text for one in await history(database, mum, bear)] == ["3", "2", "1"]


async def test_what_the_two_say_elsewhere_is_not_in_it(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, mum, dad)
    [said] = await say(database, mum, bear, "only you")
    await say(database, mum, dad, "not you")
    await accept(database, message(mum, family_of(bear), text="all of you"))
    assert await ids(database, mum, bear) == await ids(database, bear, mum) == [said.id]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_make_up_the_whole(database: SqlDatabase, mum: Party, bear: Party, limit: int) -> None:
    whole: list[MessageId] = []
    for sender, to in ((mum, bear), (mum, bear), (bear, mum), (mum, bear), (bear, mum), (bear, mum), (bear, mum)):
        whole += [one.id for one in await say(database, sender, to, "hi")]
    found: list[MessageId] = []
    before: MessageId | None = None
    while page := await database.history(mum.id, bear.id, before, limit):
        assert len(page) <= limit
        found += [one.message.id for one in page]
        before = found[-1]
    assert found == whole[::-1]


async def test_a_voice_is_seen_by_its_sender_at_once_and_by_the_other_when_it_is_published(
    database: SqlDatabase, mum: Party, bear: Party
) -> None:
    voice = message(mum, bear)
    await accept(database, voice)
    [entry] = await history(database, mum, bear)
    assert (entry.message.state, entry.state, entry.copies) == (
        MessageState.ACCEPTED,
        None,
        (Copy(bear.id, "Bear", WAITING, None, None),),
    )
    assert await history(database, bear, mum) == []
    await database.settle(voice.id, NOW, sound=sound(1500))
    [entry] = await history(database, bear, mum)
    assert (entry.message.state, entry.state, entry.message.duration_ms) == (MessageState.PUBLISHED, WAITING, 1500)


async def test_a_failure_is_seen_by_its_sender_alone(database: SqlDatabase, mum: Party, bear: Party) -> None:
    voice = message(mum, bear)
    await accept(database, voice)
    await database.settle(voice.id, NOW, failure="bad_audio")
    [entry] = await history(database, mum, bear)
    assert (entry.message.state, entry.message.failure) == (MessageState.FAILED, "bad_audio")
    assert await history(database, bear, mum) == []


async def test_times_of_receipts_are_kept(database: SqlDatabase, mum: Party, bear: Party) -> None:
    [said] = await say(database, mum, bear, "hi")
    await database.advance(said.id, bear.id, DELIVERED, NOW + 1)
    await database.advance(said.id, bear.id, HEARD, NOW + 2)
    [sent] = await history(database, mum, bear)
    assert sent.copies == (Copy(bear.id, "Bear", HEARD, NOW + 1, NOW + 2),)
    [got] = await history(database, bear, mum)
    assert got.state is HEARD


async def test_a_conversation_of_others_is_empty(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    await say(database, mum, bear, "hi")
    await accept(database, message(mum, family_of(bear), text="hi"))
    for other in (mum, bear, dad, family_of(bear), GroupId("g_none")):
        assert await history(database, dad, other) == []


async def test_a_message_that_is_not_of_this_conversation_is_no_place_in_it(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, mum, dad)
    [here] = await say(database, mum, bear, "hi")
    [elsewhere] = await say(database, mum, dad, "hi")
    coming = message(bear, mum)
    await accept(database, coming)  # mum does not know of it yet
    for before in (elsewhere.id, coming.id, MessageId(new_id("m"))):
        with pytest.raises(NotFound):
            await database.history(mum.id, bear.id, before, 10)
    with pytest.raises(NotFound):
        await database.history(dad.id, bear.id, here.id, 10)
    assert await database.history(mum.id, bear.id, here.id, 10) == []
