"""The contract of `ports.Mailboxes`: what waits for a party, and receipts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contracts.conftest import OpenDatabase
from tests.contracts.test_messages import mailbox_of, say
from tests.world import NOW, accept, add_contact, add_group, message, sound
from toybackend.databases.sql import SqlDatabase
from toybackend.models import DELIVERY_STEPS, DeliveryState, GroupId, Message, MessageId, Party, PartyId
from toybackend.ports import Mailbox, Receipt

WAITING, DELIVERED, HEARD = DeliveryState


# ── mailboxes ──


async def test_an_empty_mailbox(database: SqlDatabase, mum: Party) -> None:
    assert await database.mailbox(mum.id) == Mailbox(last_position=0, first_waiting=1, unread=0)


async def test_positions_have_no_gaps(
    database: SqlDatabase, connect: OpenDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, dad, bear)
    async with connect() as other:
        texts = [message(sender, bear, text="hi") for sender in (mum, dad) * 10]
        await asyncio.gather(*(accept(node, one) for node, one in zip((database, other) * 10, texts, strict=True)))
    found = await database.waiting(bear.id, after=0, seen=0, limit=100)
    assert [one.position for one in found] == list(range(1, 21))
    assert await database.mailbox(bear.id) == Mailbox(last_position=20, first_waiting=1, unread=20)


async def test_positions_are_each_recipients_own(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    await add_contact(database, mum, dad)
    group_id = await add_group(database, mum, dad, bear)
    await say(database, mum, bear, "only you")
    await accept(database, message(mum, group_id, text="all of you"))
    places = [(await database.mailbox(one.id)).last_position for one in (bear, dad, mum)]
    assert places == [2, 1, 0]


async def test_a_mailbox_counts_what_is_not_delivered(database: SqlDatabase, mum: Party, bear: Party) -> None:
    first, second, _ = await say(database, mum, bear, "1", "2", "3")
    await database.advance(second.id, bear.id, DELIVERED, NOW)
    assert await database.mailbox(bear.id) == Mailbox(last_position=3, first_waiting=1, unread=2)
    await database.advance(first.id, bear.id, HEARD, NOW)
    assert await database.mailbox(bear.id) == Mailbox(last_position=3, first_waiting=3, unread=1)


async def test_waiting_pages_through_the_mailbox(database: SqlDatabase, mum: Party, bear: Party) -> None:
    said = await say(database, mum, bear, *"abcde")
    found, after = [], 0
    while page := await database.waiting(bear.id, after=after, seen=0, limit=2):
        assert len(page) <= 2
        found += [one.message.id for one in page]
        after = page[-1].position
    assert found == [one.id for one in said]


async def test_waiting_leaves_out_what_was_delivered_up_to_seen(database: SqlDatabase, mum: Party, bear: Party) -> None:
    said = await say(database, mum, bear, *"abcd")
    for one in (said[1], said[3]):
        await database.advance(one.id, bear.id, DELIVERED, NOW)
    found = await database.waiting(bear.id, after=0, seen=2, limit=10)
    assert [(one.position, one.state) for one in found] == [(1, WAITING), (3, WAITING), (4, DELIVERED)]
    found = await database.waiting(bear.id, after=1, seen=4, limit=10)
    assert [one.position for one in found] == [3]


async def test_a_nickname_goes_before_the_name_of_the_sender(database: SqlDatabase, mum: Party, dad: Party) -> None:
    contact_id = await add_contact(database, mum, dad)
    await database.set_nickname(contact_id, mum.id, "Papa")
    await say(database, dad, mum, "hi")
    await say(database, mum, dad, "ho")
    for owner, expected in ((mum, "Papa"), (dad, "Mum")):
        [delivery] = await database.waiting(owner.id, after=0, seen=0, limit=1)
        assert delivery.message.sender_name == expected


# ── urgent ──


async def say_now(database: SqlDatabase, sender: Party, to: Party | GroupId, text: str | None = None) -> Message:
    said = replace(message(sender, to, text=text), is_urgent=True)
    await accept(database, said)
    return said


async def urgent(database: SqlDatabase, owner: Party, limit: int = 10) -> list[MessageId]:
    return [one.message.id for one in await database.urgent(owner.id, limit)]


async def test_nothing_is_urgent_unless_somebody_says_so(database: SqlDatabase, mum: Party, bear: Party) -> None:
    await say(database, mum, bear, "1", "2")
    assert await urgent(database, bear) == []


async def test_an_urgent_message_brings_along_what_waits_before_it_in_its_conversation(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, dad, bear)
    before = await say(database, mum, bear, "1", "2")
    await say(database, dad, bear, "can wait")
    first = await say_now(database, mum, bear, "come home")
    between = await say(database, mum, bear, "3")
    second = await say_now(database, mum, bear, "now!")
    await say(database, mum, bear, "good night")
    await database.advance(before[0].id, bear.id, DELIVERED, NOW)
    assert await urgent(database, bear) == [before[1].id, first.id, between[0].id, second.id]
    assert await urgent(database, bear, limit=2) == [before[1].id, first.id]
    assert all(
        one.message.is_urgent is (one.message.text in ("come home", "now!"))
        for one in await database.urgent(bear.id, 10)
    )


async def test_a_delivered_message_is_urgent_no_more(database: SqlDatabase, mum: Party, bear: Party) -> None:
    said = await say_now(database, mum, bear, "come home")
    await database.advance(said.id, bear.id, DELIVERED, NOW)
    assert await urgent(database, bear) == []


async def test_an_urgent_voice_is_urgent_once_it_is_published(database: SqlDatabase, mum: Party, bear: Party) -> None:
    said = await say_now(database, mum, bear)
    assert await urgent(database, bear) == []
    await database.settle(said.id, NOW, sound=sound())
    assert await urgent(database, bear) == [said.id]


async def test_in_a_group_a_message_is_urgent_for_everybody(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, mum, dad)
    group_id = await add_group(database, mum, dad, bear)
    await say(database, mum, bear, "something else")
    said = await say_now(database, mum, group_id, "dinner")
    assert [await urgent(database, one) for one in (mum, dad, bear)] == [[], [said.id], [said.id]]


# ── advance ──


@pytest.mark.parametrize("state", DeliveryState)
@pytest.mark.parametrize("to", DeliveryState)
async def test_deliveries_move_on_as_the_table_says(
    database: SqlDatabase, mum: Party, bear: Party, state: DeliveryState, to: DeliveryState
) -> None:
    [said] = await say(database, mum, bear, "hi")
    await database.advance(said.id, bear.id, state, NOW)
    receipt = await database.advance(said.id, bear.id, to, NOW)
    is_a_step = to in DELIVERY_STEPS[state]
    assert receipt == (Receipt(said.id, mum.id, bear.id, to) if is_a_step else None)
    found = await database.outcome(said.id)
    assert found is not None
    assert found[1] == [Receipt(said.id, mum.id, bear.id, to if is_a_step else state)]


async def test_only_a_recipient_can_move_a_delivery_on(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    [said] = await say(database, mum, bear, "hi")
    for party_id in (mum.id, dad.id, PartyId("p_none")):
        assert await database.advance(said.id, party_id, DELIVERED, NOW) is None
    assert await database.advance(MessageId("m_none"), bear.id, DELIVERED, NOW) is None


async def test_an_unpublished_delivery_cannot_move_on(database: SqlDatabase, mum: Party, bear: Party) -> None:
    offered = message(mum, bear)
    await accept(database, offered)
    assert await database.advance(offered.id, bear.id, HEARD, NOW) is None
    await database.settle(offered.id, NOW, sound=sound())
    assert await mailbox_of(database, bear) == [offered.id]


async def test_one_of_two_at_once_moves_a_delivery_on(
    database: SqlDatabase, connect: OpenDatabase, mum: Party, bear: Party
) -> None:
    [said] = await say(database, mum, bear, "hi")
    async with connect() as other:
        found = await asyncio.gather(
            *(node.advance(said.id, bear.id, DELIVERED, NOW) for node in (database, other) * 4)
        )
    assert sum(receipt is not None for receipt in found) == 1


async def test_each_member_of_a_group_moves_on_alone(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, mum, dad)
    said = message(mum, await add_group(database, mum, dad, bear), text="hi")
    await accept(database, said)
    await database.advance(said.id, dad.id, HEARD, NOW)
    found = await database.outcome(said.id)
    assert found is not None
    assert {one.recipient_id: one.state for one in found[1]} == {dad.id: HEARD, bear.id: WAITING}
