"""Outbox: what is written when, without a socket."""

from __future__ import annotations

import asyncio
import gc

import pytest

from toybackend.client.outbox import MOST_RECEIPTS, Outbox, Outcome, Sent
from toybackend.errors import MissingField, TooLong
from toybackend.protocol import Accepted, Ack, Delivered, Heard, TextMessage, VoiceHeader


def offer(outbox: Outbox, ref: str, to: str = "t_1") -> Sent:
    return outbox.send(ref, VoiceHeader(to_user=to, ref=ref), ref.encode())


async def drain(outbox: Outbox) -> list[str]:
    """Everything there is to write now: of a voice its audio, of the rest the frame."""
    written: list[str] = []
    while True:
        try:
            async with asyncio.timeout(0.001):
                letter = await outbox.next()
        except TimeoutError:
            return written
        written.append(letter.audio.decode() if letter.audio else letter.frame)
        outbox.written(letter)


async def test_nothing_is_written_before_there_is_a_socket() -> None:
    outbox = Outbox()
    kept = offer(outbox, "one")
    await outbox.emptied()
    outbox.reopen()
    assert await drain(outbox) == ["one"]
    assert kept.outcome is Outcome.PENDING


async def test_a_new_socket_repeats_what_is_not_accepted_in_order() -> None:
    outbox = Outbox()
    kept = [offer(outbox, ref) for ref in ("a", "b", "c")]
    outbox.reopen()
    assert await drain(outbox) == ["a", "b", "c"]
    outbox.take(Accepted(id="m_1", ref="b"))
    outbox.shut()
    outbox.reopen()
    assert await drain(outbox) == ["a", "c"]
    assert [repr(sent) for sent in kept] == ["<Sent a pending>", "<Sent m_1 accepted>", "<Sent c pending>"]


async def test_what_was_cut_short_is_written_again() -> None:
    outbox = Outbox()
    outbox.reopen()
    kept = offer(outbox, "one")
    letter = await outbox.next()
    outbox.shut()
    outbox.reopen()
    outbox.written(letter)
    outbox.shut()
    outbox.written(letter)
    outbox.reopen()
    assert await drain(outbox) == ["one"]
    assert kept.ref == "one"


async def test_receipts_come_first_and_only_the_last_are_repeated() -> None:
    outbox = Outbox()
    kept = offer(outbox, "voice")
    for n in range(MOST_RECEIPTS + 5):
        outbox.say(Ack(id=f"m_{n}"))
    for _ in range(2):
        outbox.reopen()
        written = await drain(outbox)
        assert len(written) == MOST_RECEIPTS + 1
        assert written[0] == '{"type":"ack","id":"m_5"}' and written[-1] == "voice"
        outbox.shut()
    assert not kept.id


async def test_one_ref_is_one_message() -> None:
    outbox = Outbox()
    outbox.reopen()
    first = offer(outbox, "a")
    assert offer(outbox, "a") is first
    assert await drain(outbox) == ["a"]
    outbox.take(Accepted(id="m_1", ref="a"))
    outbox.take(Heard(id="m_1", to_user="t_1"))
    assert offer(outbox, "a") is first
    assert first.outcome is Outcome.PENDING
    assert await drain(outbox) == ["a"]


async def test_what_nobody_holds_is_forgotten() -> None:
    outbox = Outbox()
    offer(outbox, "gone")
    kept = offer(outbox, "kept")
    gc.collect()
    outbox.reopen()
    assert await drain(outbox) == ["kept"]
    assert kept.ref == "kept"


async def test_withdrawing() -> None:
    outbox = Outbox()
    outbox.reopen()
    gone, kept, waited_for, accepted = (offer(outbox, ref) for ref in ("gone", "kept", "waited for", "accepted"))
    waiting = asyncio.create_task(waited_for.accepted())
    await asyncio.sleep(0)
    outbox.take(Accepted(id="m_1", ref="accepted"))
    for sent in (gone, waited_for, accepted):
        outbox.withdraw(sent)
    assert await drain(outbox) == ["kept", "waited for", "accepted"]
    outbox.withdraw(kept)
    outbox.shut()
    outbox.reopen()
    assert await drain(outbox) == ["waited for"]
    waiting.cancel()


async def test_audio_leaves_memory_when_nothing_is_left_to_learn() -> None:
    outbox = Outbox()
    sent = offer(outbox, "a")
    outbox.take(Accepted(id="m_1", ref="a"))
    outbox.take(Delivered(id="m_1", to_user="t_1"))
    assert sent.letter.audio == b"a"
    outbox.take(Heard(id="m_1", to_user="t_1"))
    assert sent.letter.audio is None


def test_a_frame_that_cannot_be_read_is_not_written() -> None:
    outbox = Outbox()
    with pytest.raises(TooLong):
        offer(outbox, "r" * 65)
    with pytest.raises(MissingField):
        offer(outbox, "r", to="")
    with pytest.raises(TooLong):
        outbox.send("r", TextMessage(to_user="t", ref="r", msg="x" * 17_000))
