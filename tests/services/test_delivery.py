"""The story of one message, arrow by arrow, and what is left where it is cut off."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.services.conftest import Home, PretendedConverter, admission
from tests.world import add_contact, add_group, add_person, new_id
from toybackend.errors import (
    AudioTooLong,
    BadAudio,
    ConverterUnavailable,
    DigestMismatch,
    EmptyAudio,
    NotAllowed,
    Overloaded,
    RateLimited,
    Refused,
    SizeMismatch,
    TooMany,
    UnknownRecipient,
)
from toybackend.models import (
    DeliveryState,
    Message,
    MessageId,
    MessageState,
    Party,
    QuietWindow,
    Sound,
    SoundId,
    Weekday,
)
from toybackend.ports import Acceptance, Event, Progress, Relation, ToyChange, Unconverted, Wake
from toybackend.protocol import Delivered, Failed, Heard, Notice, TextMessage, VoiceHeader
from toybackend.services.admission import REPETITIONS
from toybackend.services.conversion import Conversion, FairQueue
from toybackend.services.delivery import Delivery
from toybackend.services.erasing import Erasing

May = Callable[[Relation], None]

BLOB = b"#!AMR\nsound"


async def say(home: Home, sender: Party, header: VoiceHeader, blob: bytes = BLOB) -> list[Message]:
    """Send a blob; what was confirmed."""
    confirmed: list[Message] = []
    async with home.delivery.receive() as incoming:
        await incoming.write(blob)
        await home.delivery.accept_voice(sender, header, incoming, confirmed.append)
    return confirmed


async def write(home: Home, sender: Party, frame: TextMessage) -> list[Message]:
    confirmed: list[Message] = []
    await home.delivery.accept_text(sender, frame, confirmed.append)
    return confirmed


def to(party: Party, **more: Any) -> VoiceHeader:
    return VoiceHeader(to_user=party.id, **more)


async def files(home: Home) -> list[SoundId]:
    return [one async for batch in home.audio.sound_ids() for one in batch]


async def mailbox(home: Home, party: Party) -> list[MessageId]:
    return [one.message.id for one in await home.database.waiting(party.id, after=0, seen=0, limit=100)]


async def state(home: Home, message_id: MessageId) -> MessageState:
    found = await home.database.outcome(message_id)
    assert found is not None
    return found[0].state


async def test_half_a_recording_is_never_converted(home: Home) -> None:
    """As a power cut may leave it: the sender is told, and the next voice comes."""
    [lost], [good] = await say(home, home.mum, to(home.bear)), await say(home, home.mum, to(home.bear))
    await asyncio.to_thread(home.audio.path(lost.id, ".original").write_bytes, BLOB[:-3])
    for job in await home.database.unconverted():
        await home.delivery.convert(job)
    assert home.told(home.mum) == [Failed(id=lost.id, code="internal")]
    assert await mailbox(home, home.bear) == [good.id]
    assert await files(home) == [good.id]


async def test_a_voice_that_is_abandoned_holds_up_nothing(home: Home) -> None:
    [lost], [good] = await say(home, home.mum, to(home.bear)), await say(home, home.mum, to(home.bear))
    abandoned, job = home.queue
    await home.delivery.convert(job)
    assert await mailbox(home, home.bear) == []
    await home.delivery.abandon(abandoned)
    assert home.told(home.mum) == [Failed(id=lost.id, code="internal")]
    assert await mailbox(home, home.bear) == [good.id]


# ── in ──


async def test_an_accepted_voice_is_safe_and_queued(home: Home) -> None:
    [message] = await say(home, home.mum, to(home.bear, ref="r"))
    assert (message.sender_id, message.sender_name, message.to_user) == (home.mum.id, "Mum", home.bear.id)
    assert (message.ref, message.accepted_at, message.state) == ("r", home.clock.now, MessageState.ACCEPTED)
    assert home.queue == [Unconverted(message.id, home.mum.id, home.mum.id, len(BLOB))]
    assert [job.id for job in await home.database.unconverted()] == [message.id]
    async with home.audio.workshop(message.id) as (original, _):
        assert await asyncio.to_thread(original.read_bytes) == BLOB


async def test_accepted_is_said_before_the_message_is_queued(home: Home) -> None:
    queued: list[int] = []
    async with home.delivery.receive() as incoming:
        await incoming.write(BLOB)
        await home.delivery.accept_voice(
            home.mum, to(home.bear), incoming, lambda message: queued.append(len(home.queue))
        )
    assert queued == [0]


async def test_a_conversation_has_one_key_in_both_directions(home: Home) -> None:
    [there], [back] = await say(home, home.mum, to(home.bear)), await say(home, home.bear, to(home.mum))
    assert there.conversation == back.conversation


async def test_a_group_is_a_conversation(home: Home) -> None:
    await add_contact(home.database, home.mum, home.dad)
    group_id = await add_group(home.database, home.mum, home.dad, home.bear)
    [message] = await say(home, home.mum, VoiceHeader(to_group=group_id))
    assert (message.conversation, message.to_group, message.to_user) == (group_id, group_id, None)
    await home.delivery.convert(home.queue[0])
    assert await mailbox(home, home.dad) == await mailbox(home, home.bear) == [message.id]


@pytest.mark.parametrize(
    ("blob", "promised", "refused"),
    [
        (b"", {}, EmptyAudio),
        (BLOB, {"bytes": len(BLOB) + 1}, SizeMismatch),
        (BLOB, {"sha256": "0" * 64}, DigestMismatch),
    ],
)
async def test_a_blob_that_is_not_what_was_promised_keeps_nothing(
    home: Home, blob: bytes, promised: dict[str, Any], refused: type[Refused]
) -> None:
    with pytest.raises(refused):
        await say(home, home.mum, to(home.bear, **promised), blob)
    assert (await files(home), home.queue, await home.database.unconverted()) == ([], [], [])


async def test_a_blob_that_is_what_was_promised_is_taken(home: Home) -> None:
    sha256 = hashlib.sha256(BLOB).hexdigest().upper()
    assert await say(home, home.mum, to(home.bear, bytes=len(BLOB), sha256=sha256))


async def test_who_may_not_send_leaves_nothing(home: Home) -> None:
    await add_contact(home.database, home.dad, home.mum, blocks=True)
    for addressee, refused in ((home.bear, UnknownRecipient), (home.mum, NotAllowed)):
        with pytest.raises(refused):
            await home.delivery.address(home.dad, to(addressee))
        with pytest.raises(refused):
            await say(home, home.dad, to(addressee))
        with pytest.raises(refused):
            await write(home, home.dad, TextMessage(to_user=addressee.id, msg="hi"))
    assert (await files(home), home.queue, home.events) == ([], [], [])


async def test_who_lost_the_right_between_header_and_blob_is_refused(home: Home) -> None:
    contact_id = await add_contact(home.database, home.dad, home.bear)
    await home.delivery.address(home.dad, to(home.bear))
    await home.database.set_block(contact_id, home.bear.id, blocks=True)
    with pytest.raises(NotAllowed):
        await say(home, home.dad, to(home.bear))
    assert await files(home) == []


async def test_a_text_is_delivered_at_once(home: Home) -> None:
    [message] = await write(home, home.mum, TextMessage(to_user=home.bear.id, msg="good night"))
    assert await mailbox(home, home.bear) == [message.id]
    assert home.events == [Wake(home.bear.id)]
    assert home.queue == []


# ── quiet hours ──


async def let_rest(home: Home) -> Notice:
    """From here on the bear rests until nine; what a sender is told then, but for the message's id."""
    rest = QuietWindow(frozenset({Weekday.SATURDAY}), start=7 * 60, end=9 * 60)
    await home.database.change_toy(home.bear.id, ToyChange(time_zone="UTC", quiet_windows=(rest,)))
    return Notice(event="held", code="quiet_hours", to_user=home.bear.id, until="2026-11-21T09:00:00.000Z")


async def test_whoever_sends_to_a_toy_that_rests_is_told_until_when(home: Home) -> None:
    held = await let_rest(home)
    [voice] = await say(home, home.mum, to(home.bear))
    [text] = await write(home, home.mum, TextMessage(to_user=home.bear.id, msg="good morning"))
    assert home.told(home.mum) == [replace(held, id=voice.id), replace(held, id=text.id)]
    assert home.told(home.bear) == []


async def test_held_is_said_after_accepted(home: Home) -> None:
    await let_rest(home)
    told: list[int] = []
    frame = TextMessage(to_user=home.bear.id, msg="good morning")
    await home.delivery.accept_text(home.mum, frame, lambda message: told.append(len(home.told(home.mum))))
    assert told == [0]


async def test_in_a_group_only_those_who_rest_hold_a_message(home: Home) -> None:
    held = await let_rest(home)
    await add_contact(home.database, home.mum, home.dad)
    group_id = await add_group(home.database, home.mum, home.dad, home.bear)
    [message] = await write(home, home.mum, TextMessage(to_group=group_id, msg="dinner"))
    assert home.told(home.mum) == [replace(held, id=message.id)]


async def test_after_the_rest_nothing_is_held(home: Home) -> None:
    await let_rest(home)
    home.clock.pass_seconds(3600)
    await write(home, home.mum, TextMessage(to_user=home.bear.id, msg="good morning"))
    assert home.told(home.mum) == []


@pytest.mark.parametrize("kind", ["voice", "text"])
async def test_a_guardian_may_have_a_message_played_at_once(home: Home, kind: str) -> None:
    await let_rest(home)
    if kind == "voice":
        [message] = await say(home, home.mum, to(home.bear, now=True))
        await home.delivery.convert(home.queue[0])
    else:
        [message] = await write(home, home.mum, TextMessage(to_user=home.bear.id, msg="wake up", now=True))
    assert message.is_urgent
    assert home.told(home.mum) == []
    assert [one.message.id for one in await home.database.urgent(home.bear.id, 8)] == [message.id]


async def test_nobody_else_may(home: Home) -> None:
    await add_contact(home.database, home.dad, home.bear)
    await add_contact(home.database, home.mum, home.dad)
    group_id = await add_group(home.database, home.mum, home.dad, home.bear)
    for sender, addressee in ((home.dad, home.bear), (home.bear, home.mum), (home.mum, home.dad)):
        with pytest.raises(NotAllowed):
            await say(home, sender, to(addressee, now=True))
        with pytest.raises(NotAllowed):
            await write(home, sender, TextMessage(to_user=addressee.id, msg="hi", now=True))
    with pytest.raises(NotAllowed):
        await say(home, home.mum, VoiceHeader(to_group=group_id, now=True))
    assert (await files(home), home.events) == ([], [])


async def test_whoever_sends_again_what_still_waits_is_told_once_more(home: Home) -> None:
    """It may have missed it the first time, with «accepted»."""
    held = await let_rest(home)
    [message] = await say(home, home.mum, to(home.bear, ref="r"))
    await home.delivery.convert(home.queue[0])
    home.events.clear()
    await say(home, home.mum, to(home.bear, ref="r"))
    assert home.told(home.mum) == [replace(held, id=message.id)]
    await home.receipts.advance(home.bear, message.id, DeliveryState.DELIVERED)
    home.events.clear()
    await say(home, home.mum, to(home.bear, ref="r"))
    assert home.told(home.mum) == [Delivered(id=message.id, to_user=home.bear.id)]


async def test_what_failed_is_held_no_more(home: Home) -> None:
    await let_rest(home)
    home.converter.fails = [BadAudio()]
    [message] = await say(home, home.mum, to(home.bear, ref="r"))
    await home.delivery.convert(home.queue[0])
    home.events.clear()
    await say(home, home.mum, to(home.bear, ref="r"))
    assert home.told(home.mum) == [Failed(id=message.id, code="bad_audio")]


# ── the same ref again ──


async def test_the_same_voice_again_is_confirmed_again_and_stored_once(home: Home) -> None:
    [first] = await say(home, home.mum, to(home.bear, ref="r"))
    [again] = await say(home, home.mum, to(home.bear, ref="r"))
    assert again == first
    assert {job.id for job in home.queue} == {first.id}  # the queue drops what it knows
    assert await files(home) == [first.id]


async def test_the_same_text_again_is_delivered_once(home: Home) -> None:
    frame = TextMessage(to_user=home.bear.id, msg="hi", ref="r")
    [first], [again] = await write(home, home.mum, frame), await write(home, home.mum, frame)
    assert again.id == first.id
    assert await mailbox(home, home.bear) == [first.id]
    assert home.events == 2 * [Wake(home.bear.id)]  # the first may have been lost


@pytest.mark.parametrize(("reached", "kind"), [(DeliveryState.DELIVERED, Delivered), (DeliveryState.HEARD, Heard)])
async def test_a_sender_that_missed_a_receipt_gets_it_by_sending_again(
    home: Home, reached: DeliveryState, kind: type[Delivered | Heard]
) -> None:
    [message] = await say(home, home.mum, to(home.bear, ref="r"))
    await home.delivery.convert(home.queue[0])
    await home.receipts.advance(home.bear, message.id, reached)
    home.events.clear()
    await say(home, home.mum, to(home.bear, ref="r"))
    assert home.told(home.mum) == [kind(id=message.id, to_user=home.bear.id)]


async def test_a_sender_that_missed_a_failure_gets_it_by_sending_again(home: Home) -> None:
    home.converter.fails = [BadAudio()]
    [message] = await say(home, home.mum, to(home.bear, ref="r"))
    await home.delivery.convert(home.queue[0])
    home.events.clear()
    await say(home, home.mum, to(home.bear, ref="r"))
    assert home.told(home.mum) == [Failed(id=message.id, code="bad_audio")]
    assert await files(home) == []


# ── admission ──


def strict(home: Home, **limits: int) -> Delivery:
    """The same, at a gate that lets fewer in; what it accepts waits in a line that nobody works at."""
    line = FairQueue()
    return Delivery(
        home.database,
        home.audio,
        home.bus,
        home.converter,
        home.receipts,
        admission(line, home.clock, **limits),
        enqueue=line.put,
        clock=home.clock,
        new_id=new_id,
    )


async def bring(delivery: Delivery, sender: Party, header: VoiceHeader, blob: bytes = BLOB) -> None:
    """As a socket does: the header first, and the blob if that was let in."""
    await delivery.address(sender, header)
    async with delivery.receive() as incoming:
        await incoming.write(blob)
        await delivery.accept_voice(sender, header, incoming, lambda message: None)


async def tell(delivery: Delivery, sender: Party, **frame: Any) -> None:
    await delivery.accept_text(sender, TextMessage(msg="hi", **frame), lambda message: None)


async def test_so_many_messages_a_minute_of_whatever_kind(home: Home) -> None:
    delivery = strict(home, messages_per_minute=2)
    await bring(delivery, home.mum, to(home.bear))
    await tell(delivery, home.mum, to_user=home.bear.id)
    for _ in range(2):
        with pytest.raises(RateLimited):
            await delivery.address(home.mum, to(home.bear))
        with pytest.raises(RateLimited):
            await tell(delivery, home.mum, to_user=home.bear.id)
    await bring(delivery, home.bear, to(home.mum))
    home.clock.pass_seconds(61)
    await bring(delivery, home.mum, to(home.bear))


async def test_who_may_not_send_is_told_so_first(home: Home) -> None:
    """However many messages; and none of them counts."""
    delivery = strict(home, messages_per_minute=1, max_waiting=1)
    await bring(delivery, home.mum, to(home.bear))
    for _ in range(2):
        with pytest.raises(UnknownRecipient):
            await delivery.address(home.mum, to(home.dad))
    home.clock.pass_seconds(61)
    with pytest.raises(Overloaded):
        await delivery.address(home.mum, to(home.bear))
    await tell(delivery, home.mum, to_user=home.bear.id)


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        ({"messages_per_minute": 1}, RateLimited),
        ({"max_waiting": 1}, Overloaded),
        ({"waiting_per_family": 1}, Overloaded),
        ({"kept_bytes": len(BLOB)}, TooMany),
    ],
    ids=lambda one: next(iter(one), None) if isinstance(one, dict) else one.code,
)
async def test_what_was_accepted_is_let_in_again(home: Home, limits: dict[str, int], refused: type[Refused]) -> None:
    """And nothing else is: not another message, not the same `ref` of somebody else."""
    delivery = strict(home, **limits)
    await bring(delivery, home.mum, to(home.bear, ref="r"))
    for _ in range(2):
        await bring(delivery, home.mum, to(home.bear, ref="r"))
    for header in (to(home.bear), to(home.bear, ref="another")):
        with pytest.raises(refused):
            await delivery.address(home.mum, header)
    assert len(await files(home)) == 1


async def test_nobody_repeats_without_end(home: Home) -> None:
    delivery = strict(home, messages_per_minute=1)
    for _ in range(1 + REPETITIONS):
        await bring(delivery, home.mum, to(home.bear, ref="r"))
    with pytest.raises(RateLimited):
        await delivery.address(home.mum, to(home.bear, ref="r"))


async def test_a_text_that_was_accepted_is_let_in_again(home: Home) -> None:
    delivery = strict(home, messages_per_minute=1)
    for _ in range(3):
        await tell(delivery, home.mum, to_user=home.bear.id, ref="r")
    with pytest.raises(RateLimited):
        await tell(delivery, home.mum, to_user=home.bear.id, ref="another")
    assert len(await mailbox(home, home.bear)) == 1


@pytest.mark.parametrize(
    ("limits", "refused"),
    [({"max_waiting": 1}, Overloaded), ({"waiting_per_family": 1}, Overloaded), ({"kept_bytes": 20}, TooMany)],
    ids=lambda one: next(iter(one), None) if isinstance(one, dict) else one.code,
)
async def test_it_is_asked_again_when_the_recording_is_there(
    home: Home, limits: dict[str, int], refused: type[Refused]
) -> None:
    """Many headers may have been let in before the first recording; what is refused then keeps nothing."""
    delivery = strict(home, **limits)
    for ref in ("one", "two"):
        await delivery.address(home.mum, to(home.bear, ref=ref))
    async with delivery.receive() as incoming:
        await incoming.write(BLOB)
        await delivery.accept_voice(home.mum, to(home.bear, ref="one"), incoming, lambda message: None)
    kept = await files(home)
    async with delivery.receive() as incoming:
        await incoming.write(BLOB)
        with pytest.raises(refused):
            await delivery.accept_voice(home.mum, to(home.bear, ref="two"), incoming, lambda message: None)
    assert await files(home) == kept
    assert len(await home.database.unconverted()) == 1
    await tell(delivery, home.mum, to_user=home.bear.id)


async def test_a_header_that_says_how_much_comes_is_taken_at_its_word(home: Home) -> None:
    delivery = strict(home, kept_bytes=100)
    with pytest.raises(TooMany):
        await delivery.address(home.mum, to(home.bear, bytes=101))
    await delivery.address(home.mum, to(home.bear, bytes=100))
    await delivery.address(home.mum, to(home.bear))


async def test_what_waited_at_the_start_is_never_refused(home: Home) -> None:
    for _ in range(3):
        await say(home, home.mum, to(home.bear))
    delivery = strict(home, max_waiting=1, waiting_per_family=1, kept_bytes=1)
    assert await delivery.pick_up() == 3


async def test_what_is_converted_counts_with_its_mp3(home: Home) -> None:
    await say(home, home.mum, to(home.bear))
    assert await home.database.kept_bytes(home.mum.id) == len(BLOB)
    await home.delivery.convert(home.queue[0])
    assert await home.database.kept_bytes(home.bear.id) == len(BLOB) + len(b"mp3 of " + BLOB)


# ── accepting fails ──


async def test_when_the_database_refuses_nothing_is_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(message: Message, may: May, fits: May) -> Acceptance:
        raise Overloaded

    monkeypatch.setattr(home.database, "accept", full)
    with pytest.raises(Overloaded):
        await say(home, home.mum, to(home.bear))
    assert (await files(home), home.queue) == ([], [])


async def test_a_commit_that_happened_but_was_not_confirmed_loses_no_message(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is there, so the message must be converted: the rest of its conversation waits for it."""
    real = home.database.accept

    async def half(message: Message, may: May, fits: May) -> Acceptance:
        await real(message, may)
        raise Overloaded

    monkeypatch.setattr(home.database, "accept", half)
    with pytest.raises(Overloaded):
        await say(home, home.mum, to(home.bear, ref="r"))
    [row] = await home.database.unconverted()
    assert {job.id for job in home.queue} == {row.id}
    monkeypatch.undo()
    await say(home, home.mum, to(home.bear, ref="r"))  # as a sender does that was told to try later
    assert await files(home) == [row.id]
    assert {job.id for job in home.queue} == {row.id}


async def test_what_is_cut_off_while_the_row_is_written_is_found_at_the_next_start(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = home.database.accept, asyncio.Event()

    async def slow(message: Message, may: May, fits: May) -> Acceptance:
        acceptance = await real(message, may)
        written.set()
        await asyncio.sleep(0.05)
        return acceptance

    monkeypatch.setattr(home.database, "accept", slow)
    saying = asyncio.create_task(say(home, home.mum, to(home.bear)))
    await written.wait()
    saying.cancel()
    await asyncio.wait([saying])
    await asyncio.sleep(0.1)
    assert await home.delivery.pick_up() == 1
    assert home.queue == await home.database.unconverted()
    assert await files(home) == [job.id for job in home.queue]


# ── conversion ──


async def test_a_converted_voice_is_in_the_mailbox(home: Home) -> None:
    [message] = await say(home, home.mum, to(home.bear))
    await home.delivery.convert(home.queue[0])
    [delivery] = await home.database.waiting(home.bear.id, after=0, seen=0, limit=1)
    assert (delivery.message.id, delivery.message.duration_ms) == (message.id, 1000)
    assert home.events == [Wake(home.bear.id)]
    file = await home.audio.mp3(message.id)
    assert file is not None
    assert await asyncio.to_thread(file.read_bytes) == b"mp3 of " + BLOB


@pytest.mark.parametrize("reason", [BadAudio, AudioTooLong])
async def test_a_voice_without_sound_fails_and_its_sender_is_told(home: Home, reason: type[Refused]) -> None:
    home.converter.fails = [reason()]
    [message] = await say(home, home.mum, to(home.bear))
    await home.delivery.convert(home.queue[0])
    assert await state(home, message.id) is MessageState.FAILED
    assert home.told(home.mum) == [Failed(id=message.id, code=reason.code)]
    assert (await files(home), await mailbox(home, home.bear)) == ([], [])


async def test_what_waits_behind_a_failed_voice_is_delivered(home: Home) -> None:
    home.converter.fails = [BadAudio()]
    await say(home, home.mum, to(home.bear))
    [text] = await write(home, home.mum, TextMessage(to_user=home.bear.id, msg="did you hear?"))
    assert await mailbox(home, home.bear) == []
    await home.delivery.convert(home.queue[0])
    assert await mailbox(home, home.bear) == [text.id]
    assert Wake(home.bear.id) in home.events


async def test_a_voice_whose_original_is_gone_fails(home: Home) -> None:
    [message] = await say(home, home.mum, to(home.bear))
    await home.audio.delete(message.id)
    await home.delivery.convert(home.queue[0])
    assert home.told(home.mum) == [Failed(id=message.id, code="internal")]


async def test_a_sick_converter_changes_nothing(home: Home) -> None:
    home.converter.fails = [ConverterUnavailable("no ffmpeg")]
    [message] = await say(home, home.mum, to(home.bear))
    with pytest.raises(ConverterUnavailable):
        await home.delivery.convert(home.queue[0])
    assert await state(home, message.id) is MessageState.ACCEPTED
    assert (await files(home), home.events) == ([message.id], [])
    await home.delivery.convert(home.queue[0])
    assert await mailbox(home, home.bear) == [message.id]


async def test_a_sick_converter_delays_a_voice_and_loses_nothing(home: Home) -> None:
    """With the workers: told once, tried again until it is well, and delivered."""
    home.converter.fails = [ConverterUnavailable("no ffmpeg")] * 3
    [message] = await say(home, home.mum, to(home.bear))
    queue, woken = FairQueue(), asyncio.Event()
    queue.put(home.queue[0])
    workers = Conversion(queue, home.delivery.convert, home.delivery.delayed, workers=2, retry_seconds=0.01)

    def hear(event: Event) -> None:
        if event == Wake(home.bear.id):
            woken.set()

    async with home.bus.subscribe(hear), workers.running(stop_seconds=1), asyncio.timeout(5):
        await woken.wait()
    assert home.told(home.mum) == [Notice(event="delayed", id=message.id)]
    assert await mailbox(home, home.bear) == [message.id]


async def test_converting_twice_delivers_once(home: Home) -> None:
    [message] = await say(home, home.mum, to(home.bear))
    for _ in range(2):
        await home.delivery.convert(home.queue[0])
    assert await mailbox(home, home.bear) == [message.id]
    assert home.events == [Wake(home.bear.id)]


async def test_a_late_message_is_announced_to_its_sender(home: Home) -> None:
    [message] = await say(home, home.mum, to(home.bear))
    await home.delivery.delayed(home.queue[0])
    assert home.told(home.mum) == [Notice(event="delayed", id=message.id)]


# ── deleted meanwhile ──


class SlowConverter(PretendedConverter):
    """Waits, with the work done, to be let go on."""

    def __init__(self, fails: list[Exception]) -> None:
        self.fails = []
        self._fails_late = fails
        self.is_done, self.may_go_on = asyncio.Event(), asyncio.Event()

    async def convert(self, original: Path, folder: Path, progress: Progress | None = None) -> Sound:
        made = await super().convert(original, folder)
        self.is_done.set()
        await self.may_go_on.wait()
        if self._fails_late:
            raise self._fails_late.pop()
        return made


@pytest.mark.parametrize(
    "fails", [[], [BadAudio()], [ConverterUnavailable()]], ids=["well", "bad audio", "nothing to read"]
)
async def test_a_voice_that_is_deleted_while_it_is_converted_leaves_nothing(home: Home, fails: list[Exception]) -> None:
    converter = SlowConverter(fails)
    delivery = Delivery(
        home.database,
        home.audio,
        home.bus,
        converter,
        home.receipts,
        admission(FairQueue(), home.clock),
        enqueue=home.queue.append,
        clock=home.clock,
        new_id=new_id,
    )
    [message] = await say(home, home.mum, to(home.bear))
    [text] = await write(home, home.mum, TextMessage(to_user=home.bear.id, msg="did you hear?"))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(delivery.convert(home.queue[0]))
        await converter.is_done.wait()
        await Erasing(home.database, home.audio, home.bus).erase_message(message.id)
        home.events.clear()
        converter.may_go_on.set()
    assert await files(home) == []
    assert await home.database.outcome(message.id) is None
    assert home.events == []
    assert await mailbox(home, home.bear) == [text.id]  # it waits for nothing any more


async def test_a_voice_that_is_deleted_before_its_turn_leaves_nothing(home: Home) -> None:
    [message] = await say(home, home.mum, to(home.bear))
    await Erasing(home.database, home.audio, home.bus).erase_message(message.id)
    home.events.clear()
    await home.delivery.convert(home.queue[0])
    assert (await files(home), home.events) == ([], [])


# ── at start ──


async def test_what_was_not_converted_is_picked_up_oldest_first(home: Home) -> None:
    for _ in range(3):
        await say(home, home.mum, to(home.bear))
    await home.delivery.convert(home.queue[1])
    expected = [home.queue[0].id, home.queue[2].id]
    home.queue.clear()
    assert await home.delivery.pick_up() == 2
    assert [one.id for one in home.queue] == expected


async def test_files_that_no_message_knows_are_swept_away(home: Home) -> None:
    home.converter.fails = [BadAudio()]
    [failed], [waits] = await say(home, home.mum, to(home.bear)), await say(home, home.mum, to(home.bear))
    await home.database.settle(failed.id, home.clock.now, failure="bad_audio")  # and then the power went
    async with home.audio.receive() as incoming:
        await incoming.write(BLOB)
        await incoming.keep(MessageId("m_orphan"))
    assert len(await files(home)) == 3
    home.queue.clear()
    assert await home.delivery.pick_up() == 1
    assert await files(home) == [waits.id]


# ── who may, at the very moment ──


async def test_a_block_while_the_blob_comes_in_lets_nothing_through(home: Home) -> None:
    ann = await add_person(home.database, "Ann")
    await add_contact(home.database, ann, home.bear)
    header = to(home.bear)
    await home.delivery.address(ann, header)
    async with home.delivery.receive() as blob:
        await blob.write(b"voice")
        [contact] = await home.database.contacts_of([home.bear.id])
        await home.database.set_block(contact.id, home.bear.id, blocks=True)
        with pytest.raises(NotAllowed):
            await home.delivery.accept_voice(ann, header, blob, lambda message: pytest.fail("it was accepted"))
    assert (await files(home), home.queue) == ([], [])
