"""A soak in short; and that its model sees what it is there to see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trials.soak.book import GRACE, PATIENCE, STALLED, Book
from trials.soak.findings import Findings, Wrong
from trials.soak.histories import Histories, Reading
from trials.soak.report import Plan
from trials.soak.run import Soak
from trials.soak.sayings import Copy, Ear, Frame, Saying, Words
from trials.soak.talking import Speaker

MUM, DAD, BEAR, STRANGER = "p_mum", "p_dad", "t_bear", "t_stranger"
CHAT = f"{MUM}+{BEAR}"

SHORT_PLAN = Plan(
    shaken_seconds=3.0,
    steady_seconds=3.0,
    households=2,
    narrators=3,
    story_seconds=30,
    life_seconds=1.2,
    breath_seconds=2.0,
    rounds=1,
    warm_seconds=1.0,
    haste=6.0,
    report_seconds=1.0,
)


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("cheap_hashes")
async def test_a_short_soak_finds_nothing(tmp_path: Path) -> None:
    lines: list[str] = []
    report = await Soak(tmp_path, SHORT_PLAN, seed=3, tell=lines.append).run()
    assert report.is_good, f"\n{report}"
    assert report.counts["kills"] and report.counts["HTTP answers"] > 10
    assert report.pace.busy and len(report.pace.busy) == len(report.pace.quiet)
    assert len(lines) > 2


class Scene:
    """A mum, a dad and their bear, who all listen; the moments pass as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.book = Book(Findings())
        self.mum, self.dad, self.bear = (self.listen(who) for who in (MUM, DAD, BEAR))
        self._number = 0

    def listen(self, who: str) -> Ear:
        ear = Ear(who, self.tick())
        self.book.open(ear, {"type": "welcome"}, self.now)
        return ear

    def offer(
        self,
        text: str | None = "hello",
        *,
        to_dad: bool = False,
        is_urgent: bool = False,
        duration_ms: int | None = 500,
    ) -> Saying:
        """Mum says something to the bear, or to the bear and dad."""
        self._number += 1
        ref = f"{MUM}/{self._number}"
        words = Words(text=f"{ref} {text}") if text is not None else Words(blob=b"sound", duration_ms=duration_ms)
        saying = Saying(
            sender=MUM,
            ref=ref,
            words=words,
            conversation="g_all" if to_dad else CHAT,
            to_user=None if to_dad else BEAR,
            to_group="g_all" if to_dad else None,
            copies={who: Copy() for who in ((BEAR, DAD) if to_dad else (BEAR,))},
            lives_by=frozenset({MUM, BEAR}),
            is_urgent=is_urgent,
            may=True,
            offered_at=self.tick(),
        )
        self.book.offer(saying)
        self.book.send(self.mum, saying)
        return saying

    def accept(self, saying: Saying, message_id: str = "") -> Saying:
        address = {"to_user": saying.to_user, "to_group": saying.to_group}
        self.hear(self.mum, type="accepted", id=message_id or f"m_{saying.ref[-1]}", ref=saying.ref, **address)
        return saying

    def said(self, *, to_dad: bool = False, is_urgent: bool = False) -> Saying:
        return self.accept(self.offer(to_dad=to_dad, is_urgent=is_urgent))

    def show(self, ear: Ear, saying: Saying, **other: object) -> None:
        frame: Frame = {
            "type": "text" if saying.words.text else "voice",
            "id": saying.id or f"m_{saying.ref[-1]}",
            "from_user": saying.sender,
            "to_user": saying.to_user,
            "to_group": saying.to_group,
        }
        frame |= {"msg": saying.words.text} if saying.words.text else {"duration_ms": saying.words.duration_ms}
        self.hear(ear, **frame | other)

    def hear(self, ear: Ear, **frame: object) -> None:
        self.book.hear(ear, dict(frame), self.tick())

    def acknowledge(self, saying: Saying) -> None:
        self.book.acknowledge(self.bear, str(saying.id), self.tick())

    def receipt(self, kind: str, saying: Saying) -> None:
        self.hear(self.mum, type=kind, id=saying.id, to_user=BEAR)

    def rest(self, is_resting: bool | None) -> None:
        self.book.resting(BEAR, is_resting, self.tick())

    def tick(self, seconds: float = 1.0) -> float:
        self.now += seconds
        return self.now

    def read(self, *entries: Frame, reader: str = MUM) -> None:
        Histories(self.book).check(Reading(reader, CHAT, entries, is_whole=True, asked_at=self.tick()))

    def entry(self, saying: Saying, state: str = "waiting") -> Frame:
        receipts = [{"to_user": BEAR, "state": state}]
        return {"id": saying.id, "from_user": MUM, "msg": saying.words.text, "state": state, "receipts": receipts}


def good_story(scene: Scene) -> None:
    """Everything that may happen, as it should."""
    one, two = scene.said(), scene.accept(scene.offer(None))
    scene.show(scene.bear, one)
    scene.acknowledge(one)
    scene.receipt("delivered", one)
    scene.book.acknowledge(scene.bear, str(one.id), scene.tick(), heard=True)
    scene.receipt("heard", one)
    scene.show(scene.bear, two)
    scene.book.close(scene.bear)
    again = scene.listen(BEAR)
    scene.show(again, two)  # the server cannot know that it had come
    scene.rest(True)
    scene.hear(again, type="notice", event="settings", settings={"quiet_until": "later", "volume_cap": 50})
    held, urgent = scene.said(), scene.said(is_urgent=True)
    scene.hear(scene.mum, type="notice", event="held", id=held.id, to_user=BEAR)
    scene.show(again, held)  # it comes along with what is urgent
    scene.show(again, urgent)
    scene.read(scene.entry(urgent), scene.entry(held), scene.entry(two), scene.entry(one, "heard"))
    scene.tick(PATIENCE + 1)
    scene.book.overdue(scene.now)


def test_what_fails_may_be_told_elsewhere_before_it_is_answered() -> None:
    scene = Scene()
    silent = scene.offer(None, duration_ms=None)
    scene.hear(scene.listen(MUM), type="failed", id="m_1", code="bad_audio")
    scene.accept(silent, "m_1")
    assert scene.book.findings.is_empty, f"\n{scene.book.findings}"
    assert silent.failed


def test_a_good_story_is_called_good() -> None:
    scene = Scene()
    good_story(scene)
    assert scene.book.findings.is_empty, f"\n{scene.book.findings}"
    assert scene.book.counts["received"] == 4 and scene.book.counts["redelivered"] == 1


def shown_twice(scene: Scene) -> None:
    saying = scene.said()
    scene.show(scene.bear, saying)
    scene.show(scene.bear, saying)


def shown_after_it_was_delivered(scene: Scene) -> None:
    saying = scene.said()
    scene.show(scene.bear, saying)
    scene.acknowledge(saying)
    scene.receipt("delivered", saying)
    scene.show(scene.listen(BEAR), saying)


def two_ids_for_one_ref(scene: Scene) -> None:
    saying = scene.said()
    scene.book.send(scene.mum, saying)
    scene.accept(saying, "m_other")


def the_later_one_first(scene: Scene) -> None:
    one, two = scene.said(), scene.said()
    scene.show(scene.bear, two)
    scene.show(scene.bear, one)


def at_a_strangers(scene: Scene) -> None:
    scene.show(scene.listen(STRANGER), scene.said())


def of_whom_nobody_knows(scene: Scene) -> None:
    scene.hear(scene.bear, type="text", id="m_x", from_user=MUM, to_user=BEAR, msg="who said this?")


def past_a_block(scene: Scene) -> None:
    saying = scene.offer()
    saying.may = False
    scene.accept(saying)


def deleted(scene: Scene) -> Saying:
    saying = scene.said()
    scene.book.taking_back(saying.copies.values())
    scene.book.erased([saying], scene.tick())
    return saying


def deleted_and_shown_to_who_came_later(scene: Scene) -> None:
    saying = deleted(scene)
    scene.show(scene.listen(BEAR), saying)


def deleted_and_shown_to_who_was_told(scene: Scene) -> None:
    saying = scene.said()
    scene.book.taking_back(saying.copies.values())
    scene.hear(scene.bear, type="notice", event="deleted", id=saying.id)
    scene.show(scene.bear, saying)


def deleted_and_shown_much_later(scene: Scene) -> None:
    saying = deleted(scene)
    scene.tick(GRACE)
    scene.show(scene.bear, saying)


def said_to_a_toy_that_is_handed_on(scene: Scene) -> None:
    saying = scene.said(to_dad=True)
    scene.hear(scene.dad, type="notice", event="unbound", id=BEAR)
    scene.show(scene.dad, saying)


def waking_a_toy_that_knows_of_its_rest(scene: Scene) -> None:
    scene.rest(True)
    scene.hear(scene.bear, type="notice", event="settings", settings={"quiet_until": "later", "volume_cap": 50})
    scene.show(scene.bear, scene.said())


def waking_a_toy_that_should_know_of_its_rest(scene: Scene) -> None:
    scene.rest(True)
    scene.tick(GRACE)
    scene.show(scene.bear, scene.said())


def waking_a_toy_for_what_came_after_the_urgent(scene: Scene) -> None:
    scene.said(is_urgent=True)
    waking_a_toy_that_should_know_of_its_rest(scene)


def a_song_at_rest(scene: Scene) -> None:
    scene.bear.rests = True
    scene.book.ask_to_play(BEAR, "i_song", scene.now)
    scene.hear(scene.bear, type="play", id="y_1", item_id="i_song")


def never_told_that_it_is_held(scene: Scene) -> None:
    scene.rest(True)
    scene.said()
    scene.book.overdue(scene.tick(PATIENCE + 1))


def never_told_that_it_is_delivered(scene: Scene) -> None:
    saying = scene.said()
    scene.show(scene.bear, saying)
    scene.acknowledge(saying)
    scene.book.overdue(scene.tick(PATIENCE + 1))


def never_shown_to_who_was_there(scene: Scene) -> None:
    scene.said()
    scene.book.overdue(scene.tick(STALLED + 1))
    scene.book.overdue(scene.tick(STALLED + 1))


def delivered_before_it_was(scene: Scene) -> None:
    saying = scene.said()
    scene.show(scene.bear, saying)
    scene.receipt("delivered", saying)


def delivered_before_it_was_accepted(scene: Scene) -> None:
    saying = scene.offer()
    scene.show(scene.bear, saying)
    scene.acknowledge(saying)
    scene.receipt("delivered", saying)


def delivered_after_it_was_heard(scene: Scene) -> None:
    saying = scene.said()
    scene.show(scene.bear, saying)
    scene.acknowledge(saying)
    scene.book.acknowledge(scene.bear, str(saying.id), scene.tick(), heard=True)
    scene.receipt("heard", saying)
    scene.receipt("delivered", saying)


def delivered_twice(scene: Scene) -> None:
    saying = scene.said()
    scene.show(scene.bear, saying)
    scene.acknowledge(saying)
    scene.receipt("delivered", saying)
    scene.receipt("delivered", saying)


def a_receipt_of_somebody_elses(scene: Scene) -> None:
    saying = scene.said()
    scene.show(scene.bear, saying)
    scene.acknowledge(saying)
    scene.hear(scene.dad, type="delivered", id=saying.id, to_user=BEAR)


def refused_for_nothing(scene: Scene) -> None:
    scene.book.refused(scene.mum, scene.offer(), "unknown_recipient")


def left_out_of_the_history(scene: Scene) -> None:
    one, two = scene.said(), scene.said()
    scene.read(scene.entry(two))
    assert one.accepted_at is not None


def in_the_wrong_order_in_the_history(scene: Scene) -> None:
    one, two = scene.said(), scene.said()
    scene.read(scene.entry(one), scene.entry(two))


def delivered_in_the_history_alone(scene: Scene) -> None:
    scene.read(scene.entry(scene.said(), "delivered"))


def in_somebody_elses_history(scene: Scene) -> None:
    scene.read(scene.entry(scene.said()), reader=DAD)


def deleted_and_in_the_history(scene: Scene) -> None:
    scene.read(scene.entry(deleted(scene)))


SPOILT: tuple[tuple[Wrong, Callable[[Scene], None]], ...] = (
    (Wrong.DOUBLED, shown_twice),
    (Wrong.DOUBLED, shown_after_it_was_delivered),
    (Wrong.DOUBLED, two_ids_for_one_ref),
    (Wrong.MISORDERED, the_later_one_first),
    (Wrong.MISDELIVERED, at_a_strangers),
    (Wrong.MISDELIVERED, of_whom_nobody_knows),
    (Wrong.MISDELIVERED, past_a_block),
    (Wrong.MISDELIVERED, in_somebody_elses_history),
    (Wrong.MIXED_UP, lambda scene: scene.show(scene.bear, scene.said(), msg="something else")),
    (Wrong.MIXED_UP, lambda scene: scene.show(scene.bear, scene.accept(scene.offer(None)), duration_ms=7)),
    (Wrong.AFTER_DELETION, deleted_and_shown_to_who_came_later),
    (Wrong.AFTER_DELETION, deleted_and_shown_to_who_was_told),
    (Wrong.AFTER_DELETION, deleted_and_shown_much_later),
    (Wrong.AFTER_DELETION, said_to_a_toy_that_is_handed_on),
    (Wrong.AFTER_DELETION, deleted_and_in_the_history),
    (Wrong.WHILE_RESTING, waking_a_toy_that_knows_of_its_rest),
    (Wrong.WHILE_RESTING, waking_a_toy_that_should_know_of_its_rest),
    (Wrong.WHILE_RESTING, waking_a_toy_for_what_came_after_the_urgent),
    (Wrong.WHILE_RESTING, a_song_at_rest),
    (Wrong.MISSING, never_told_that_it_is_held),
    (Wrong.MISSING, never_told_that_it_is_delivered),
    (Wrong.MISSING, never_shown_to_who_was_there),
    (Wrong.WRONG_RECEIPTS, delivered_before_it_was),
    (Wrong.WRONG_RECEIPTS, delivered_before_it_was_accepted),
    (Wrong.WRONG_RECEIPTS, delivered_after_it_was_heard),
    (Wrong.WRONG_RECEIPTS, delivered_twice),
    (Wrong.WRONG_RECEIPTS, a_receipt_of_somebody_elses),
    (Wrong.REFUSED, refused_for_nothing),
    (Wrong.WRONG_HISTORY, left_out_of_the_history),
    (Wrong.WRONG_HISTORY, in_the_wrong_order_in_the_history),
    (Wrong.WRONG_HISTORY, delivered_in_the_history_alone),
    (Wrong.UNEXPECTED, lambda scene: scene.hear(scene.bear, type="play", id="y_1", item_id="i_song")),
    (Wrong.UNEXPECTED, lambda scene: scene.hear(scene.bear, type="stop")),
    (Wrong.UNEXPECTED, lambda scene: scene.hear(scene.bear, type="error", code="internal")),
    (Wrong.UNEXPECTED, lambda scene: scene.hear(scene.mum, type="failed", id=scene.said().id, code="bad_audio")),
)


@pytest.mark.parametrize(("wrong", "spoil"), SPOILT, ids=lambda one: getattr(one, "__name__", ""))
def test_the_book_sees(wrong: Wrong, spoil: Callable[[Scene], None]) -> None:
    scene = Scene()
    spoil(scene)
    assert scene.book.findings.counts[wrong] >= 1, f"\n{scene.book.findings}"


class DeafLine:
    """Its socket has ended, and it does not know that yet; of a new one it will."""

    def __init__(self) -> None:
        self._is_new = False
        asyncio.get_running_loop().call_later(0.1, self._begin_anew)

    def _begin_anew(self) -> None:
        self._is_new = True

    async def is_up(self) -> None:
        pass

    async def say(self, saying: Saying) -> None:
        if not self._is_new:
            raise ConnectionResetError
        saying.accepted_at = 1.0


async def test_who_speaks_into_a_socket_that_ended_lets_others_have_their_turn() -> None:
    """Else nobody ever hears that it ended."""
    scene = Scene()
    words = scene.offer()
    town = SimpleNamespace(can_reach=lambda *pair: True, saying=lambda *given, is_urgent: words)
    street: Any = SimpleNamespace(town=town, book=SimpleNamespace(offer=lambda saying: None), now=lambda: scene.now)
    line: Any = DeafLine()
    assert await Speaker(street, MUM, line).say(BEAR, words.words) is words
