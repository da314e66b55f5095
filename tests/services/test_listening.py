"""Who may hear a message, and what a link is good for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.conftest import Home
from tests.world import Clock, accept, add_contact, add_group, message
from toybackend.errors import Gone, NotFound
from toybackend.models import (
    DeliveryState,
    GroupId,
    ItemId,
    Message,
    MessageId,
    Party,
    PartyId,
    QuietWindow,
    Weekday,
)
from toybackend.ports import ToyChange
from toybackend.services.conversion import FairQueue
from toybackend.services.erasing import Erasing
from toybackend.services.listening import AUDIO_PATH, Links, Listening
from toybackend.services.mending import Mending
from toybackend.services.tokens import digest

SECONDS = 60
ONE, BEAR = MessageId("m_one"), PartyId("t_bear")


def make_links(clock: Clock, key: bytes = b"key") -> Links:
    return Links(key, base=lambda: "https://toys.test", seconds=SECONDS, clock=clock)


def parts(url: str) -> tuple[str, str, str, str]:
    """Message, listener, time of expiry and signature of a link."""
    found = urlsplit(url)
    query = parse_qs(found.query, strict_parsing=True)
    return Path(found.path).stem, query["for"][0], query["until"][0], query["sig"][0]


# ── links ──


def test_a_link_leads_to_the_file(clock: Clock) -> None:
    url = make_links(clock).audio(ONE, BEAR)
    assert url.startswith(f"https://toys.test{AUDIO_PATH}/m_one.mp3?")
    assert parts(url)[:3] == (ONE, BEAR, str(clock.now // 1000 + SECONDS))


def test_a_link_works_for_its_time_and_no_longer(clock: Clock) -> None:
    links = make_links(clock)
    link = parts(links.audio(ONE, BEAR))
    assert links.is_valid(*link)
    clock.pass_seconds(SECONDS - 1)
    assert links.is_valid(*link)
    clock.pass_seconds(1)
    assert not links.is_valid(*link)


def test_a_link_that_is_over_works_again_when_the_clock_is_set_back(clock: Clock) -> None:
    """What must not be heard any more is not, for other reasons than time."""
    links = make_links(clock)
    link = parts(links.audio(ONE, BEAR))
    clock.pass_seconds(10 * SECONDS)
    assert not links.is_valid(*link)
    clock.pass_seconds(-10 * SECONDS)
    assert links.is_valid(*link)


def test_a_link_of_a_clock_far_ahead_does_not_live_for_years(clock: Clock) -> None:
    links = make_links(clock)
    clock.pass_seconds(SECONDS)
    a_little_ahead = parts(links.audio(ONE, BEAR))
    clock.pass_seconds(10 * 365 * 86_400)
    far_ahead = parts(links.audio(ONE, BEAR))
    assert links.is_valid(*far_ahead)
    clock.now = Clock().now
    assert not links.is_valid(*far_ahead)
    assert links.is_valid(*a_little_ahead)


@given(place=st.integers(0, 3), other=st.text(max_size=80))
def test_a_link_in_which_anything_was_changed_is_none(place: int, other: str) -> None:
    links = make_links(Clock())
    link = list(parts(links.audio(ONE, BEAR)))
    is_the_same = link[place] == other
    link[place] = other
    assert links.is_valid(*link) is is_the_same


@pytest.mark.parametrize(
    "link",
    [
        ("m_other", BEAR),
        (ONE, "t_other"),
        ("m_one\nt_bear", ""),
        ("m_on", "e\nt_bear"),
        ("", ""),
        ("\udcff", BEAR),
        (ONE, "\udcff"),
    ],
)
def test_a_link_is_for_one_file_and_one_listener(clock: Clock, link: tuple[str, str]) -> None:
    links = make_links(clock)
    _, _, until, signature = parts(links.audio(ONE, BEAR))
    assert not links.is_valid(*link, until, signature)


@pytest.mark.parametrize("until", ["", "-1", "+1", "1e9", "٣", "9" * 13, "9" * 10_000, "\udcff", " 1"])
def test_an_odd_time_of_expiry_is_refused(clock: Clock, until: str) -> None:
    links = make_links(clock)
    *_, signature = parts(links.audio(ONE, BEAR))
    assert not links.is_valid(ONE, BEAR, until, signature)


def test_another_key_makes_other_links(clock: Clock) -> None:
    assert not make_links(clock, b"other").is_valid(*parts(make_links(clock).audio(ONE, BEAR)))


# ── listening ──


@pytest.fixture
async def listening(home: Home) -> Listening:
    for one in (home.mum, home.dad, home.bear):
        await home.tokens.give(one.id, one.kind)
    mending = Mending(home.database, home.audio, FairQueue())
    return Listening(home.database, mending, make_links(home.clock), may_hear_item, clock=home.clock)


async def may_hear_item(listener_id: PartyId, item_id: ItemId) -> bool | None:
    """There is one song, and the bear may hear it."""
    return listener_id.startswith("t_") if item_id == "i_song" else None


async def accepted(home: Home, to: Party | GroupId, *, is_urgent: bool = False) -> Message:
    offered = replace(message(home.mum, to), is_urgent=is_urgent)
    async with home.audio.receive() as incoming:
        await incoming.write(b"sound")
        await incoming.keep(offered.id)
    return (await accept(home.database, offered)).message


async def spoken(home: Home, to: Party | GroupId, *, is_urgent: bool = False) -> Message:
    """A message that is ready to hear."""
    said = await accepted(home, to, is_urgent=is_urgent)
    async with home.audio.workshop(said.id) as (original, folder):
        made = await home.converter.convert(original, folder)
        await home.audio.keep_mp3(said.id, made.file)
        await home.database.settle(said.id, home.clock.now, sound=made)
    return said


async def can_hear(listening: Listening, listener: Party, message_id: str) -> bool:
    try:
        file = await listening.by_token(listener, message_id)
    except NotFound:
        return False
    return await asyncio.to_thread(file.read_bytes) == b"mp3 of sound"


async def test_sender_and_recipient_may_hear_and_nobody_else(home: Home, listening: Listening) -> None:
    said = await spoken(home, home.bear)
    assert [await can_hear(listening, one, said.id) for one in (home.mum, home.bear, home.dad)] == [True, True, False]


async def test_every_member_may_hear_what_was_said_to_the_group(home: Home, listening: Listening) -> None:
    await add_contact(home.database, home.mum, home.dad)
    said = await spoken(home, await add_group(home.database, home.mum, home.dad))
    assert [await can_hear(listening, one, said.id) for one in (home.mum, home.dad, home.bear)] == [True, True, False]


@pytest.mark.parametrize("message_id", ["m_none", "", "../../toybackend", "x\x00"])
async def test_what_does_not_exist_is_not_found(home: Home, listening: Listening, message_id: str) -> None:
    with pytest.raises(NotFound):
        await listening.by_token(home.mum, message_id)


async def test_a_recipient_hears_nothing_before_its_turn(home: Home, listening: Listening) -> None:
    await accepted(home, home.bear)
    waits_behind = await spoken(home, home.bear)
    assert not await can_hear(listening, home.bear, waits_behind.id)
    assert await can_hear(listening, home.mum, waits_behind.id)


async def test_what_was_deleted_is_gone(home: Home, listening: Listening) -> None:
    said = await spoken(home, home.bear)
    await home.audio.delete(said.id)
    with pytest.raises(Gone):
        await listening.by_token(home.bear, said.id)
    with pytest.raises(Gone):
        await listening.by_link(*parts(make_links(home.clock).audio(said.id, home.bear.id)))


async def test_what_was_deleted_for_everybody_is_gone_for_whoever_has_a_link(home: Home, listening: Listening) -> None:
    said = await spoken(home, home.bear)
    await Erasing(home.database, home.audio, home.bus).erase_message(said.id)
    with pytest.raises(Gone):
        await listening.by_link(*parts(make_links(home.clock).audio(said.id, home.bear.id)))
    with pytest.raises(NotFound):  # nothing tells any more whose it was
        await listening.by_token(home.bear, said.id)


async def test_a_copy_that_was_taken_back_is_not_played_any_more(home: Home, listening: Listening) -> None:
    contact_id = await add_contact(home.database, home.mum, home.dad)
    said = await spoken(home, home.dad)
    links = make_links(home.clock)
    theirs, ours = (parts(links.audio(said.id, one.id)) for one in (home.dad, home.mum))
    assert await listening.by_link(*theirs) == await listening.by_link(*ours)
    await home.database.end_contact(contact_id, [home.mum.id])
    with pytest.raises(NotFound):
        await listening.by_link(*theirs)
    assert not await can_hear(listening, home.dad, said.id)


async def test_a_link_is_as_good_as_a_token(home: Home, listening: Listening) -> None:
    said = await spoken(home, home.bear)
    link = parts(make_links(home.clock).audio(said.id, home.bear.id))
    assert await listening.by_link(*link) == await listening.by_token(home.bear, said.id)
    home.clock.pass_seconds(SECONDS)
    with pytest.raises(NotFound):
        await listening.by_link(*link)


async def test_a_link_ends_with_the_last_token_of_its_listener(home: Home, listening: Listening) -> None:
    said = await spoken(home, home.bear)
    mums, bears = (parts(make_links(home.clock).audio(said.id, one.id)) for one in (home.mum, home.bear))
    other = await home.tokens.give(home.mum.id, home.mum.kind)
    await home.database.set_password(home.mum.id, "$argon2id$new", keep=digest(other))
    assert await listening.by_link(*mums)  # she is still there in one place
    await home.tokens.end(other)
    with pytest.raises(NotFound):
        await listening.by_link(*mums)
    assert await listening.by_link(*bears)


async def test_a_resting_toy_gets_by_token_no_sound_that_waits(home: Home, listening: Listening) -> None:
    heard, waits = await spoken(home, home.bear), await spoken(home, home.bear)
    urgent = await spoken(home, home.bear, is_urgent=True)
    await home.receipts.advance(home.bear, heard.id, DeliveryState.HEARD)
    said = (heard, waits, urgent)
    assert [await can_hear(listening, home.bear, one.id) for one in said] == [True, True, True]
    rest = QuietWindow(frozenset({Weekday.SATURDAY}), start=7 * 60, end=9 * 60)
    await home.database.change_toy(home.bear.id, ToyChange(time_zone="UTC", quiet_windows=(rest,)))
    assert [await can_hear(listening, home.bear, one.id) for one in said] == [True, False, True]
    assert await can_hear(listening, home.mum, waits.id)
    # What was pushed before the rest began came with a link, and is played to its end.
    assert await listening.by_link(*parts(make_links(home.clock).audio(waits.id, home.bear.id)))
    home.clock.pass_seconds(3600)
    assert await can_hear(listening, home.bear, waits.id)


async def test_a_link_opens_no_other_file(home: Home, listening: Listening) -> None:
    said, other = await spoken(home, home.bear), await spoken(home, home.bear)
    _, *rest = parts(make_links(home.clock).audio(said.id, home.bear.id))
    with pytest.raises(NotFound):
        await listening.by_link(other.id, *rest)


async def test_an_item_is_for_whoever_the_library_says(home: Home, listening: Listening) -> None:
    async with home.audio.receive() as incoming:
        await incoming.write(b"song")
        await incoming.keep("i_song")
    async with home.audio.workshop("i_song") as (original, folder):
        await home.audio.keep_mp3("i_song", (await home.converter.convert(original, folder)).file)
    links = make_links(home.clock)
    found = [
        await listening.by_token(home.bear, "i_song"),
        await listening.by_link(*parts(links.audio("i_song", home.bear.id))),
    ]
    assert [await asyncio.to_thread(file.read_bytes) for file in found] == [b"mp3 of song"] * 2
    for listener, item_id, by_link in ((home.dad, "i_song", NotFound), (home.bear, "i_other", Gone)):
        with pytest.raises(NotFound):
            await listening.by_token(listener, item_id)
        with pytest.raises(by_link):
            await listening.by_link(*parts(links.audio(item_id, listener.id)))
