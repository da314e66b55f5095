"""How far a socket may read ahead of its acknowledgements."""

from __future__ import annotations

from typing import cast

from tests.gateway.fakes import BEAR, FakeMailboxes, FakeReceipts, delivery
from toybackend.gateway.mailbox_reader import WITHOUT_ACKS, MailboxReader
from toybackend.models import DeliveryState
from toybackend.services.mailboxes import Mailboxes
from toybackend.services.receipts import Receipts

DELIVERED = DeliveryState.DELIVERED


def reader(mailboxes: FakeMailboxes, *, window: int, receipts: FakeReceipts | None = None) -> MailboxReader:
    return MailboxReader(
        BEAR,
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


async def test_beyond_its_start_it_takes_what_another_socket_took_already() -> None:
    mailboxes = FakeMailboxes([delivery(1, DELIVERED), delivery(2)])
    one = reader(mailboxes, window=8)
    mailboxes.deliveries.append(delivery(3, DELIVERED))
    assert await positions(one) == [2, 3]


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
