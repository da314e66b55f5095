"""What a sender is told about a message, and how often."""

from __future__ import annotations

import asyncio

import pytest

from tests.services.conftest import Home
from tests.world import accept, add_contact, add_group, message, sound
from toybackend.models import DeliveryState, Message, MessageId, PartyId
from toybackend.ports import Receipt
from toybackend.protocol import Delivered, Failed, Heard, Stop

WAITING, DELIVERED, HEARD = DeliveryState


async def published(home: Home) -> Message:
    return (await accept(home.database, message(home.mum, home.bear, text="hi"))).message


async def test_delivered_and_heard_are_told_to_the_sender(home: Home) -> None:
    said = await published(home)
    await home.receipts.advance(home.bear, said.id, DELIVERED)
    await home.receipts.advance(home.bear, said.id, HEARD)
    expected = [Delivered(id=said.id, to_user=home.bear.id), Heard(id=said.id, to_user=home.bear.id)]
    assert home.told(home.mum) == expected
    assert len(home.events) == 2  # and to nobody else


async def test_what_was_told_is_not_told_again(home: Home) -> None:
    said = await published(home)
    for to in (HEARD, DELIVERED, HEARD):
        await home.receipts.advance(home.bear, said.id, to)
    assert home.told(home.mum) == [Heard(id=said.id, to_user=home.bear.id)]


async def test_what_all_sockets_say_at_once_is_recorded_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    said = await published(home)
    advance, recorded = home.database.advance, list[DeliveryState]()

    async def note(message_id: MessageId, recipient_id: PartyId, to: DeliveryState, now: int) -> Receipt | None:
        recorded.append(to)
        return await advance(message_id, recipient_id, to, now)

    monkeypatch.setattr(home.database, "advance", note)
    await asyncio.gather(
        *(home.receipts.advance(home.bear, said.id, to) for to in (DELIVERED, DELIVERED, HEARD, HEARD))
    )
    assert sorted(recorded) == [DELIVERED, HEARD]
    assert home.told(home.mum)[-1] == Heard(id=said.id, to_user=home.bear.id)
    await home.receipts.advance(home.bear, said.id, HEARD)
    assert len(recorded) == 3  # it is over, and asked anew


async def test_a_socket_that_goes_meanwhile_takes_no_receipt_with_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = await published(home)
    advance, let_go = home.database.advance, asyncio.Event()

    async def slow(message_id: MessageId, recipient_id: PartyId, to: DeliveryState, now: int) -> Receipt | None:
        await let_go.wait()
        return await advance(message_id, recipient_id, to, now)

    monkeypatch.setattr(home.database, "advance", slow)
    first, second, third = (asyncio.create_task(home.receipts.advance(home.bear, said.id, DELIVERED)) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    let_go.set()
    await third
    assert home.told(home.mum) == [Delivered(id=said.id, to_user=home.bear.id)]


async def test_only_a_recipients_receipt_counts(home: Home) -> None:
    said = await published(home)
    for party, message_id in ((home.dad, said.id), (home.mum, said.id), (home.bear, MessageId("m_none"))):
        await home.receipts.advance(party, message_id, DELIVERED)
    assert home.events == []


async def test_the_time_of_each_step_is_kept(home: Home) -> None:
    said = await published(home)
    await home.receipts.advance(home.bear, said.id, DELIVERED)
    home.clock.pass_seconds(60)
    await home.receipts.advance(home.bear, said.id, HEARD)
    query = "SELECT delivered_at, heard_at FROM deliveries"
    row = await home.database._engine.read(lambda connection: connection.exec_driver_sql(query).one())
    assert tuple(row) == (home.clock.now - 60_000, home.clock.now)


async def test_everything_is_told_once_more_on_request(home: Home) -> None:
    await add_contact(home.database, home.mum, home.dad)
    group_id = await add_group(home.database, home.mum, home.dad, home.bear)
    said = (await accept(home.database, message(home.mum, group_id, text="hi"))).message
    assert await home.receipts.repeat(said.id) == {home.dad.id, home.bear.id}
    assert home.told(home.mum) == []  # nothing to tell yet
    await home.receipts.advance(home.bear, said.id, HEARD)
    home.events.clear()
    assert await home.receipts.repeat(said.id) == {home.dad.id}
    assert home.told(home.mum) == [Heard(id=said.id, to_user=home.bear.id)]
    await home.receipts.advance(home.dad, said.id, DELIVERED)
    home.events.clear()
    assert await home.receipts.repeat(said.id) == set()
    told = [Heard(id=said.id, to_user=home.bear.id), Delivered(id=said.id, to_user=home.dad.id)]
    assert sorted(map(str, home.told(home.mum))) == sorted(map(str, told))


@pytest.mark.parametrize("settled", [{"failure": "bad_audio"}, {"sound": sound()}])
async def test_a_failure_is_told_once_more_on_request(home: Home, settled: dict[str, object]) -> None:
    said = (await accept(home.database, message(home.mum, home.bear))).message
    await home.database.settle(said.id, home.clock.now, **settled)  # type: ignore[arg-type]
    await home.receipts.repeat(said.id)
    assert home.told(home.mum) == ([Failed(id=said.id, code="bad_audio")] if "failure" in settled else [])


async def test_there_is_nothing_to_tell_about_an_unknown_message(home: Home) -> None:
    assert await home.receipts.repeat(MessageId("m_none")) == set()
    assert home.events == []


async def test_any_frame_can_be_told(home: Home) -> None:
    await home.receipts.tell(home.bear.id, Stop())
    assert home.told(home.bear) == [Stop()]
