"""How far a socket may read ahead of its acknowledgements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.gateway.fakes import BEAR, MUM, FakeMailboxes, FakeReceipts, delivery
from toybackend.gateway.mailbox_reader import WITHOUT_ACKS, MailboxReader
from toybackend.models import Delivery, DeliveryState, Party, PartyId, PartyKind
from toybackend.services.mailboxes import Mailboxes
from toybackend.services.receipts import Receipts

DELIVERED = DeliveryState.DELIVERED
WAITING = Party(PartyId("t_new"), PartyKind.WAITING_TOY, "toy")


def reader(
    mailboxes: FakeMailboxes, *, window: int, receipts: FakeReceipts | None = None, owner: Party = BEAR
) -> MailboxReader:
    return MailboxReader(
        owner,
        cast(Mailboxes, mailboxes),
        cast(Receipts, receipts or FakeReceipts()),
        start=mailboxes.mailbox(),
        window=window,
    )


async def positions(one: MailboxReader) -> list[int]:
    found, _ = await one.next()
    return [delivery.position for delivery in found]


async def test_it_takes_no_more_than_the_window() -> None:
    one = reader(FakeMailboxes(delivery(n) for n in range(1, 11)), window=3)
    assert await positions(one) == [1, 2, 3]
    assert await positions(one) == []


async def test_a_full_window_asks_the_database_nothing() -> None:
    mailboxes = FakeMailboxes(delivery(n) for n in range(1, 11))
    one = reader(mailboxes, window=3)
    await one.next()
    await one.next()
    assert mailboxes.limits == [3]


async def test_every_ack_makes_room_for_one() -> None:
    one = reader(FakeMailboxes(delivery(n) for n in range(1, 11)), window=3)
    await one.next()
    one.acknowledged("m_2")
    assert await positions(one) == [4]
    one.acknowledged("m_1")
    one.acknowledged("m_4")
    assert await positions(one) == [5, 6]


async def test_an_ack_counts_once_and_only_for_what_is_under_way() -> None:
    one = reader(FakeMailboxes(delivery(n) for n in range(1, 11)), window=3)
    await one.next()
    for message_id in ("m_1", "m_1", "m_9", "nonsense"):
        one.acknowledged(message_id)
    assert await positions(one) == [4]


async def test_what_is_acknowledged_while_it_looks_does_not_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found may be as it was just before the acknowledgement."""
    mailboxes = FakeMailboxes(delivery(n, is_urgent=True) for n in range(1, 4))
    one = reader(mailboxes, window=8)
    one.is_resting = True
    assert await positions(one) == [1, 2, 3]
    look = mailboxes.urgent

    async def look_and_wait(owner: Party, *, limit: int) -> Sequence[Delivery]:
        found = await look(owner, limit=limit)
        one.acknowledged("m_2")
        return found

    monkeypatch.setattr(mailboxes, "urgent", look_and_wait)
    assert await positions(one) == []


async def test_it_says_when_a_look_is_worth_while() -> None:
    one = reader(FakeMailboxes(delivery(n) for n in range(1, 4)), window=3)
    _, may_be_more = await one.next()
    assert may_be_more
    assert not one.acknowledged("m_9")
    assert one.acknowledged("m_1")
    assert not one.acknowledged("m_1")
    assert not one.acknowledged("m_2")  # the window had room before
    assert await one.next() == ([], False)


async def test_it_begins_with_the_oldest_that_was_not_delivered() -> None:
    mailboxes = FakeMailboxes([delivery(1, DELIVERED), delivery(2), delivery(3, DELIVERED), delivery(4)])
    assert await positions(reader(mailboxes, window=8)) == [2, 4]


@pytest.mark.parametrize(("owner", "taken"), [(MUM, [2, 3]), (BEAR, [2])], ids=["a person", "a toy"])
async def test_beyond_its_start_it_takes_what_another_socket_of_the_person_took_already(
    owner: Party, taken: list[int]
) -> None:
    """A toy has one socket: what was taken from its mailbox was taken by this one."""
    mailboxes = FakeMailboxes([delivery(1, DELIVERED), delivery(2)])
    one = reader(mailboxes, window=8, owner=owner)
    mailboxes.deliveries.append(delivery(3, DELIVERED))
    assert await positions(one) == taken


async def test_an_empty_mailbox_that_grows() -> None:
    mailboxes = FakeMailboxes()
    one = reader(mailboxes, window=8)
    assert await one.next() == ([], False)
    mailboxes.deliveries.append(delivery(1))
    assert await positions(one) == [1]
    assert await positions(one) == []


async def test_with_acks_nothing_is_delivered_by_being_written() -> None:
    receipts = FakeReceipts()
    one = reader(FakeMailboxes([delivery(1)]), window=8, receipts=receipts)
    await one.written(delivery(1))
    assert receipts.advanced == []


async def test_without_acks_written_is_delivered_and_nothing_is_held_back() -> None:
    receipts, mailboxes = FakeReceipts(), FakeMailboxes(delivery(n) for n in range(1, 2 * WITHOUT_ACKS + 2))
    one = reader(mailboxes, window=0, receipts=receipts)
    assert await positions(one) == list(range(1, WITHOUT_ACKS + 1))
    assert await positions(one) == list(range(WITHOUT_ACKS + 1, 2 * WITHOUT_ACKS + 1))
    assert await positions(one) == [2 * WITHOUT_ACKS + 1]
    await one.written(delivery(1))
    assert receipts.advanced == [(BEAR.id, "m_1", DELIVERED)]
    assert not one.acknowledged("m_1")


# ── a toy that rests ──


def take(mailboxes: FakeMailboxes, one: MailboxReader, position: int) -> None:
    """The toy has it: the row says so, and then the reader."""
    mailboxes.deliveries = [
        replace(each, state=DELIVERED) if each.position == position else each for each in mailboxes.deliveries
    ]
    one.acknowledged(f"m_{position}")


async def test_while_it_rests_only_what_may_not_wait_comes() -> None:
    mailboxes = FakeMailboxes([delivery(1)])
    one = reader(mailboxes, window=8)
    one.is_resting = True
    assert await positions(one) == []
    mailboxes.deliveries += [delivery(2, is_urgent=True), delivery(3)]
    assert await positions(one) == [1, 2]
    assert await positions(one) == []


async def test_when_the_rest_is_over_everything_held_comes_in_order_and_once() -> None:
    mailboxes = FakeMailboxes([delivery(1), delivery(2, is_urgent=True), delivery(3), delivery(4), delivery(5)])
    one = reader(mailboxes, window=8)
    one.is_resting = True
    assert await positions(one) == [1, 2]
    take(mailboxes, one, 1)  # and the second is still under way
    one.is_resting = False
    assert await positions(one) == [3, 4, 5]
    assert await positions(one) == []


async def test_what_another_conversation_holds_is_not_passed_over() -> None:
    mailboxes = FakeMailboxes([delivery(1, conversation="dad's"), delivery(2, is_urgent=True), delivery(3)])
    one = reader(mailboxes, window=8)
    one.is_resting = True
    assert await positions(one) == [2]
    take(mailboxes, one, 2)
    one.is_resting = False
    assert await positions(one) == [1, 3]


async def test_what_came_ahead_of_its_turn_takes_its_place_in_the_window() -> None:
    mailboxes = FakeMailboxes([delivery(1), delivery(2, is_urgent=True), *(delivery(n) for n in range(3, 8))])
    one = reader(mailboxes, window=3)
    one.is_resting = True
    assert await positions(one) == [1, 2]
    one.is_resting = False
    assert await positions(one) == [3]
    for position in (1, 2):
        take(mailboxes, one, position)
    assert await positions(one) == [4, 5]


async def test_falling_asleep_between_two_looks_loses_nothing() -> None:
    mailboxes = FakeMailboxes(delivery(n) for n in range(1, 6))
    one = reader(mailboxes, window=2)
    assert await positions(one) == [1, 2]
    for position in (1, 2):
        take(mailboxes, one, position)
    one.is_resting = True
    assert await positions(one) == []
    one.is_resting = False
    assert await positions(one) == [3, 4]


@pytest.mark.parametrize("rests", [True, False], ids=["wakes up", "falls asleep"])
async def test_whoever_falls_asleep_or_wakes_up_while_we_look_gets_what_counts_then(rests: bool) -> None:
    """What was found before the change is not shown, and nothing is passed over because of it."""
    mailboxes = FakeMailboxes([delivery(1), delivery(2), delivery(3, conversation="dad's", is_urgent=True)])
    one = reader(mailboxes, window=8)
    one.is_resting = rests
    asked = mailboxes.urgent if rests else mailboxes.waiting

    async def meanwhile(owner: Party, **options: Any) -> Sequence[Delivery]:
        found = await asked(owner, **options)
        one.is_resting = not rests
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mailboxes, "urgent" if rests else "waiting", meanwhile)
        assert await one.next() == ((), True)
    assert await positions(one) == ([1, 2, 3] if rests else [3])


async def test_without_acks_it_rests_as_well() -> None:
    mailboxes = FakeMailboxes([delivery(1, is_urgent=True), delivery(2)])
    one = reader(mailboxes, window=0)
    one.is_resting = True
    assert await positions(one) == [1]
    take(mailboxes, one, 1)
    one.is_resting = False
    assert await positions(one) == [2]


async def test_a_waiting_toy_reads_for_who_it_became() -> None:
    receipts = FakeReceipts()
    one = reader(FakeMailboxes([delivery(1)]), window=0, receipts=receipts, owner=WAITING)
    one.now_speaks_for(BEAR)
    await one.written(delivery(1))
    assert receipts.advanced == [(BEAR.id, "m_1", DELIVERED)]
