"""Fair turns, a bounded number at a time, patience with a sick tool, and an orderly end."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toybackend.errors import ConverterUnavailable, Overloaded
from toybackend.models import MessageId, PartyId
from toybackend.ports import Unconverted
from toybackend.services.conversion import MOST_RETRY_SECONDS, Conversion, FairQueue, NotNow

SOON = 5.0


LONG, SHORT = 90_000, 5_000


def job(number: int, family: str = "p_a", size: int = SHORT) -> Unconverted:
    return Unconverted(MessageId(f"m_{number}"), PartyId("p_1"), family, size)


def jobs(families: str) -> list[Unconverted]:
    """One job for each letter, which names its family."""
    return [job(number, family) for number, family in enumerate(families)]


# ── the queue ──


def drained(queue: FairQueue) -> list[Unconverted]:
    async def drain() -> list[Unconverted]:
        return [await queue.get() for _ in range(len(queue))]

    return asyncio.run(drain())


def test_families_take_turns() -> None:
    queue = FairQueue()
    for one in jobs("aaaabbc"):
        queue.put(one)
    assert "".join(one.family for one in drained(queue)) == "abcabaa"


@given(st.text("abcd", max_size=40))
def test_within_a_family_the_order_is_kept_and_nothing_is_lost(families: str) -> None:
    queue, offered = FairQueue(), jobs(families)
    for one in offered:
        queue.put(one)
    assert len(queue) == len(offered)
    got = drained(queue)
    assert len(queue) == 0
    for family in set(families):
        assert [one for one in got if one.family == family] == [one for one in offered if one.family == family]


@given(st.text("abcd", max_size=40))
def test_nobody_has_two_turns_while_another_waits(families: str) -> None:
    queue = FairQueue()
    for one in jobs(families):
        queue.put(one)
    left = Counter(families)
    for one, after in itertools.pairwise(drained(queue)):
        left[one.family] -= 1
        assert after.family != one.family or set(+left) == {one.family}


async def test_with_one_converter_a_newcomer_waits_for_the_clip_that_runs_and_no_other() -> None:
    queue = FairQueue()
    for one in jobs("aaa"):
        queue.put(one)
    running = await queue.get()
    queue.put(job(9, "b"))
    queue.release(running, done=True)
    assert (await queue.get()).family == "b"


async def test_a_family_with_a_clip_under_way_comes_after_one_that_has_none() -> None:
    queue = FairQueue()
    for one in jobs("aaa"):
        queue.put(one)
    await queue.get()
    queue.put(job(9, "b"))
    assert "".join([(await queue.get()).family for _ in range(3)]) == "baa"


async def test_whoever_waits_for_a_job_gets_it() -> None:
    queue = FairQueue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    for one in jobs("abc"):
        queue.put(one)
    async with asyncio.timeout(SOON):
        assert {one.family for one in await asyncio.gather(*waiting)} == set("abc")


async def test_who_takes_only_short_clips_passes_by_families_whose_turn_is_a_long_one() -> None:
    queue = FairQueue()
    for one in (job(1, "a", LONG), job(2, "a"), job(3, "b", LONG), job(4, "c"), job(5, "c", LONG)):
        queue.put(one)
    assert (await queue.get(SHORT)).id == "m_4"
    waiting = asyncio.create_task(queue.get(SHORT))
    await asyncio.sleep(0)
    assert not waiting.done()  # no family has a short one in front
    assert (await queue.get()).id == "m_1"
    async with asyncio.timeout(SOON):
        assert (await waiting).id == "m_2"  # its turn has come within its family


async def test_a_clip_waits_until_it_is_done_however_often_it_is_put_off() -> None:
    queue = FairQueue()

    def waiting() -> list[int]:
        return [queue.waiting(), *(queue.waiting(family) for family in "abc")]

    for one in jobs("aab"):
        queue.put(one)
        queue.put(one)
    got = await queue.get()
    assert waiting() == [3, 2, 1, 0]
    queue.release(got, done=False)
    assert waiting() == [3, 2, 1, 0]
    queue.put_back(got)
    for left in ([2, 2, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]):
        queue.release(await queue.get(), done=True)
        assert waiting() == left


async def test_a_clip_is_queued_once_until_it_is_done() -> None:
    queue = FairQueue()
    for _ in range(2):
        queue.put(job(1))
    assert len(queue) == 1
    got = await queue.get()
    queue.put(got)  # under way
    assert len(queue) == 0
    queue.release(got, done=False)
    queue.put(got)  # waits to be put back
    assert len(queue) == 0
    queue.put_back(got)
    assert await queue.get() == got
    queue.release(got, done=True)
    queue.put(got)
    assert len(queue) == 1


# ── the workers ──


async def test_a_short_clip_waits_for_no_long_one() -> None:
    finish = asyncio.Event()

    async def convert(one: Unconverted) -> None:
        if one.size > SHORT:
            await finish.wait()

    shop = Shop(convert, workers=2, express_bytes=SHORT)
    async with shop.conversion.running(stop_seconds=0):
        for number in range(20):
            shop.queue.put(job(number, f"p_{number}", LONG))
        shop.queue.put(short := job(20, "p_late"))
        async with asyncio.timeout(SOON):
            await shop.has_news.wait()
        assert shop.done == [short] and shop.most_running == 3
        finish.set()


class Shop:
    """What the workers do, and in which order; `convert` is what one conversion does."""

    def __init__(
        self,
        convert: Callable[[Unconverted], Awaitable[None]],
        delayed: Callable[[Unconverted], Awaitable[None]] | None = None,
        *,
        workers: int = 1,
        express_bytes: int = 0,
        retry_seconds: float = 0.01,
    ) -> None:
        self.queue = FairQueue()
        self.done: list[Unconverted] = []
        self.late: list[Unconverted] = []
        self.has_news = asyncio.Event()
        """Set whenever one more is done or late."""
        self.running = 0
        self.most_running = 0
        self._convert_one = convert
        self.conversion = Conversion(
            self.queue,
            self._convert,
            delayed or self._delayed,
            workers=workers,
            express_bytes=express_bytes,
            retry_seconds=retry_seconds,
        )

    async def _convert(self, one: Unconverted) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await self._convert_one(one)
        finally:
            self.running -= 1
        self.done.append(one)
        self.has_news.set()

    async def _delayed(self, one: Unconverted) -> None:
        self.late.append(one)
        self.has_news.set()

    async def has_done(self, count: int) -> None:
        async with asyncio.timeout(SOON):
            while len(self.done) < count:
                self.has_news.clear()
                await self.has_news.wait()


async def at_once(one: Unconverted) -> None:
    """A conversion that takes no time."""


async def a_moment(one: Unconverted) -> None:
    await asyncio.sleep(0.005)


def failing(*failures: Exception) -> Callable[[Unconverted], Awaitable[None]]:
    """A conversion that fails in these ways first."""
    left = list(failures)

    async def convert(one: Unconverted) -> None:
        if left:
            raise left.pop(0)

    return convert


async def test_what_waited_before_and_what_comes_later_is_converted() -> None:
    shop = Shop(at_once)
    before, later = jobs("ab")
    shop.queue.put(before)
    async with shop.conversion.running(stop_seconds=1):
        await shop.has_done(1)
        shop.queue.put(later)
        await shop.has_done(2)
    assert shop.done == [before, later]


@pytest.mark.parametrize("workers", [1, 2, 3])
async def test_only_so_many_run_at_a_time(workers: int) -> None:
    shop = Shop(a_moment, workers=workers)
    for one in jobs("abcdefgh"):
        shop.queue.put(one)
    async with shop.conversion.running(stop_seconds=1):
        await shop.has_done(8)
    assert shop.most_running == workers


@pytest.mark.parametrize(
    "failure", [ConverterUnavailable("no ffmpeg"), Overloaded("no room"), ZeroDivisionError("ours")]
)
async def test_a_clip_is_tried_again_and_its_sender_told_once(failure: Exception) -> None:
    shop = Shop(failing(failure, failure, failure))
    shop.queue.put(job(1))
    async with shop.conversion.running(stop_seconds=1):
        await shop.has_done(1)
    assert (shop.done, shop.late) == ([job(1)], [job(1)])


async def test_other_clips_go_on_meanwhile() -> None:
    shop = Shop(failing(ConverterUnavailable()), retry_seconds=0.05)
    for one in jobs("abc"):
        shop.queue.put(one)
    async with shop.conversion.running(stop_seconds=1):
        await shop.has_done(3)
    assert "".join(one.family for one in shop.done) == "bca"


async def test_a_clip_that_is_sick_again_later_is_announced_again() -> None:
    shop = Shop(failing(ConverterUnavailable()))
    async with shop.conversion.running(stop_seconds=1):
        shop.queue.put(job(1))
        await shop.has_done(1)
        shop._convert_one = failing(ConverterUnavailable())
        shop.queue.put(job(1))
        await shop.has_done(2)
    assert len(shop.late) == 2


async def test_the_pauses_between_tries_grow_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    real = asyncio.get_running_loop().call_later

    def call_later(seconds: float, again: Callable[..., None], *arguments: object) -> asyncio.TimerHandle:
        if arguments == (job(1),):
            pauses.append(seconds)
            seconds = 0
        return real(seconds, again, *arguments)

    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", call_later)
    shop = Shop(failing(*[ConverterUnavailable()] * 8), retry_seconds=5)
    shop.queue.put(job(1))
    async with shop.conversion.running(stop_seconds=1):
        await shop.has_done(1)
    assert pauses == [5, 10, 20, 40, *[MOST_RETRY_SECONDS] * 4]


async def test_a_clip_that_shall_wait_waits_as_long_as_it_is_told_and_others_go_on() -> None:
    shop = Shop(failing(NotNow(0.05)), retry_seconds=60)
    for one in jobs("ab"):
        shop.queue.put(one)
    async with shop.conversion.running(stop_seconds=1):
        await shop.has_done(2)
    assert "".join(one.family for one in shop.done) == "ba"
    assert [one.family for one in shop.late] == ["a"]


async def test_a_notice_that_cannot_be_sent_does_not_stop_the_work() -> None:
    async def no_bus(one: Unconverted) -> None:
        raise ConnectionError

    shop = Shop(failing(ConverterUnavailable()), no_bus)
    for one in jobs("ab"):
        shop.queue.put(one)
    async with shop.conversion.running(stop_seconds=1):
        await shop.has_done(2)


# ── stopping ──


async def test_on_stopping_what_runs_is_finished_and_nothing_new_begun() -> None:
    begun = asyncio.Event()

    async def convert(one: Unconverted) -> None:
        begun.set()
        await asyncio.sleep(0.02)

    shop = Shop(convert)
    first, second = jobs("ab")
    shop.queue.put(first)
    shop.queue.put(second)
    async with shop.conversion.running(stop_seconds=SOON):
        await begun.wait()
    assert shop.done == [first]
    assert len(shop.queue) == 1


async def test_what_does_not_finish_in_time_is_cancelled() -> None:
    begun = asyncio.Event()

    async def convert(one: Unconverted) -> None:
        begun.set()
        await asyncio.Event().wait()

    shop = Shop(convert)
    shop.queue.put(job(1))
    async with asyncio.timeout(SOON):
        async with shop.conversion.running(stop_seconds=0.02):
            await begun.wait()
    assert (shop.done, shop.running) == ([], 0)


async def test_nothing_is_left_behind_after_stopping() -> None:
    shop = Shop(failing(*[ConverterUnavailable()] * 5), workers=3, retry_seconds=0.05)
    shop.queue.put(job(1))
    before = asyncio.all_tasks()
    async with shop.conversion.running(stop_seconds=1):
        await shop.has_news.wait()
    assert asyncio.all_tasks() == before
    await asyncio.sleep(0.1)
    assert (shop.done, len(shop.queue)) == ([], 0)  # no timer brought it back


async def test_stopping_while_nothing_runs_takes_no_time() -> None:
    shop = Shop(at_once, workers=2)
    async with asyncio.timeout(1):
        async with shop.conversion.running(stop_seconds=60):
            await asyncio.sleep(0)
