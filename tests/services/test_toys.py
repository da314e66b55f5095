"""Finding a family, and what its grown-ups settle for a toy."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.services.conftest import Home
from tests.world import add_guardian, add_licensed_toy, add_person, add_rows, new_id
from toybackend.databases import tables
from toybackend.databases.sql import open_database
from toybackend.databases.tables import claims, parties
from toybackend.errors import (
    AlreadyBound,
    ClaimExpired,
    ClaimWrong,
    InvalidValue,
    NotAllowed,
    NotFound,
    Overloaded,
    RateLimited,
    Refused,
    TooMany,
)
from toybackend.models import GuardianRole, Party, PartyId, PartyKind, Standing, Toy
from toybackend.ports import Changed, Tell, ToyChange
from toybackend.protocol import Notice
from toybackend.services.toys import CLAIM_ALPHABET, CLAIM_LENGTH, NEW_CODES, SWITCHED_OFF_SECONDS, Toys
from toybackend.settings import Families

CLAIM_SECONDS = 600
CLAIM_TRIES = 5


@pytest.fixture
def toys(home: Home) -> Toys:
    return toys_of(home, Families())


def toys_of(home: Home, limits: Families) -> Toys:
    return Toys(
        home.database,
        home.bus,
        claim_seconds=CLAIM_SECONDS,
        claim_tries=CLAIM_TRIES,
        limits=limits,
        clock=home.clock,
    )


async def waiting_toy(home: Home, toys: Toys) -> tuple[PartyId, str]:
    """A toy that is switched on, and its code."""
    toy_id = await add_licensed_toy(home.database)
    return toy_id, (await toys.new_claim(toy_id)).code


# ── codes ──


async def test_a_code_is_short_spoken_friendly_and_lives_for_a_while(home: Home, toys: Toys) -> None:
    toy_id = await add_licensed_toy(home.database)
    claim = await toys.new_claim(toy_id)
    assert len(claim.code) == CLAIM_LENGTH
    assert set(claim.code) <= set(CLAIM_ALPHABET)
    assert not set(CLAIM_ALPHABET) & set("01ILO")
    assert claim.expires_at == home.clock.now + CLAIM_SECONDS * 1000
    assert claim.opened_by is None


async def test_a_code_that_another_toy_shows_is_not_given_twice(
    home: Home, toys: Toys, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = iter("A" * CLAIM_LENGTH * 2 + "B" * CLAIM_LENGTH)
    monkeypatch.setattr("secrets.choice", lambda alphabet: next(letters))
    assert [(await waiting_toy(home, toys))[1] for _ in range(2)] == ["A" * 8, "B" * 8]


async def test_when_every_code_is_taken_we_say_so(home: Home, toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = itertools.count()
    monkeypatch.setattr("secrets.choice", lambda alphabet: alphabet[next(letters) * 0])
    await waiting_toy(home, toys)
    with pytest.raises(Overloaded):
        await waiting_toy(home, toys)
    assert next(letters) == CLAIM_LENGTH * (1 + NEW_CODES)


async def test_the_owner_becomes_guardian_and_everybody_concerned_is_told(home: Home, toys: Toys) -> None:
    toy_id, code = await waiting_toy(home, toys)
    toy = await toys.bind(home.mum.id, code, " Bär ")
    assert (toy.id, toy.name, toy.bound_at) == (toy_id, "Bär", home.clock.now)
    assert await home.database.standing(home.mum.id, toy_id) is Standing.OWNER
    assert home.events[0] == Changed(toy_id)
    assert home.told(home.mum) == [Notice(event="bound", id=toy_id, name="Bär")]
    assert home.told(home.dad) == []


@pytest.mark.parametrize("typed", ["{0}", "{1}", " {2}-{3} ", "{2} {3}\n"])
async def test_a_code_may_be_typed_in_other_ways(home: Home, toys: Toys, typed: str) -> None:
    toy_id, code = await waiting_toy(home, toys)
    assert (await toys.bind(home.mum.id, typed.format(code, code.lower(), code[:4], code[4:]))).id == toy_id


async def test_the_answer_was_lost_and_the_phone_asks_again(home: Home, toys: Toys) -> None:
    _, code = await waiting_toy(home, toys)
    first = await toys.bind(home.mum.id, code, "Bear")
    assert await toys.bind(home.mum.id, code, "Bear") == first
    after_a_crash = toys_of(home, Families())
    assert await after_a_crash.bind(home.mum.id, code, "Bear") == first
    with pytest.raises(AlreadyBound):
        await toys.bind(home.dad.id, code, "Mine")


async def test_a_code_dies_with_time(home: Home, toys: Toys) -> None:
    toy_id, code = await waiting_toy(home, toys)
    home.clock.pass_seconds(CLAIM_SECONDS)
    with pytest.raises(ClaimExpired):
        await toys.bind(home.mum.id, code)
    fresh = await toys.new_claim(toy_id)
    with pytest.raises(ClaimWrong):
        await toys.bind(home.mum.id, code)
    assert (await toys.bind(home.mum.id, fresh.code)).id == toy_id


async def test_a_code_lives_only_while_the_toy_is_on(home: Home, toys: Toys) -> None:
    toy_id, code = await waiting_toy(home, toys)
    await toys.switched_off(toy_id)
    home.clock.pass_seconds(SWITCHED_OFF_SECONDS)
    with pytest.raises(ClaimExpired):
        await toys.bind(home.mum.id, code)
    await toys.switched_on(toy_id)
    home.clock.pass_seconds(CLAIM_SECONDS - 1)
    assert (await toys.bind(home.mum.id, code)).id == toy_id


async def test_a_toy_with_an_owner_gets_no_code_of_a_waiting_one(home: Home, toys: Toys) -> None:
    with pytest.raises(AlreadyBound):
        await toys.new_claim(home.bear.id)


@pytest.mark.parametrize("error", [AlreadyBound, ClaimExpired, ClaimWrong, RateLimited])
def test_every_outcome_says_what_to_do_next(error: type[Refused]) -> None:
    doing = {"already_bound": "invite", "claim_expired": "new one", "claim_wrong": "again", "rate_limited": "too many"}
    assert doing[error.code] in str(error())


# ── guessing ──


async def guess(toys: Toys, person: Party, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ClaimWrong):
            await toys.bind(person.id, "WRONG")


async def test_after_five_wrong_codes_even_the_right_one_has_to_wait(home: Home, toys: Toys) -> None:
    toy_id, code = await waiting_toy(home, toys)
    await guess(toys, home.mum, CLAIM_TRIES)
    with pytest.raises(RateLimited) as refused:
        await toys.bind(home.mum.id, code)
    assert "read the code from the toy" in str(refused.value)
    assert refused.value.retry_after == 601
    assert (await toys.bind(home.dad.id, code)).id == toy_id  # others are not held up


async def test_wrong_codes_are_forgotten_after_ten_minutes(home: Home, toys: Toys) -> None:
    await guess(toys, home.mum, CLAIM_TRIES)
    home.clock.pass_seconds(600)
    await guess(toys, home.mum, 1)


async def test_a_right_code_buys_no_more_guesses(home: Home, toys: Toys) -> None:
    """Who asks again with a code they used gets their answer, as often as they like, and no further."""
    _, code = await waiting_toy(home, toys)
    for _ in range(CLAIM_TRIES):
        await toys.bind(home.mum.id, code)
        await guess(toys, home.mum, 1)
    with pytest.raises(RateLimited):
        await toys.bind(home.mum.id, "WRONG")


async def test_a_code_that_somebody_else_used_is_not_a_wrong_one(home: Home, toys: Toys) -> None:
    _, code = await waiting_toy(home, toys)
    await toys.bind(home.mum.id, code)
    for _ in range(CLAIM_TRIES * 2):
        with pytest.raises(AlreadyBound):
            await toys.bind(home.dad.id, code)


async def test_many_guesses_at_once_are_many(home: Home, toys: Toys) -> None:
    outcomes = await asyncio.gather(
        *(toys.bind(home.mum.id, f"WRONG{number}") for number in range(20)), return_exceptions=True
    )
    assert sum(isinstance(one, ClaimWrong) for one in outcomes) == CLAIM_TRIES
    assert sum(isinstance(one, RateLimited) for one in outcomes) == 20 - CLAIM_TRIES


# ── two phones ──


async def waiting_toys(home: Home, count: int) -> list[tuple[PartyId, str]]:
    """Many toys that are switched on, and their codes, in a moment."""
    made = [(PartyId(new_id("t")), f"CODE{number}") for number in range(count)]
    await add_rows(home.database, parties, *({"id": toy, "kind": PartyKind.TOY, "name": "toy"} for toy, _ in made))
    await add_rows(home.database, tables.toys, *({"id": toy} for toy, _ in made))
    later = home.clock.now + 1000
    await add_rows(home.database, claims, *({"toy_id": toy, "code": code, "expires_at": later} for toy, code in made))
    return made


async def race(phones: list[tuple[Toys, Party]], code: str) -> PartyId:
    """They type the code at the same moment. Who won; the others were told that the toy has an owner."""
    outcomes = await asyncio.gather(
        *(toys.bind(person.id, code, person.name) for toys, person in phones), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["AlreadyBound"] * (len(phones) - 1) + ["Toy"]
    return next(person.id for (_, person), one in zip(phones, outcomes, strict=True) if isinstance(one, Toy))


async def owners(home: Home, toy_ids: Iterable[PartyId]) -> dict[PartyId, list[PartyId]]:
    return {one.toy.id: [who.id for who in one.guardians] for one in await home.database.households(list(toy_ids))}


async def test_of_two_phones_at_the_same_moment_exactly_one_gets_the_toy_a_thousand_times(home: Home) -> None:
    toys = toys_of(home, Families(toys=1000))
    phones, winners = [(toys, home.mum), (toys, home.dad)], {}
    for toy_id, code in await waiting_toys(home, 1000):
        phones.reverse()
        winners[toy_id] = await race(phones, code)
    assert await owners(home, winners) == {toy_id: [winner] for toy_id, winner in winners.items()}
    assert len(winners) == 1000
    assert set(winners.values()) == {home.mum.id, home.dad.id}


async def test_two_nodes_that_share_a_database_do_not_give_it_away_twice_either(home: Home, tmp_path: Path) -> None:
    async with open_database("", tmp_path) as other:
        elsewhere = toys_of(replace(home, database=other), Families(toys=1000))
        phones, winners = [(toys_of(home, Families(toys=1000)), home.mum), (elsewhere, home.dad)], {}
        for toy_id, code in await waiting_toys(home, 100):
            winners[toy_id] = await race(phones, code)
    assert await owners(home, winners) == {toy_id: [winner] for toy_id, winner in winners.items()}


# ── as many as are allowed ──


async def test_one_more_toy_or_guardian_than_is_allowed(home: Home) -> None:
    toys = toys_of(home, Families(toys=1, guardians=1))
    _, code = await waiting_toy(home, toys)
    with pytest.raises(TooMany, match="1 toys"):
        await toys.bind(home.mum.id, code)  # she has the bear
    window = await toys.open_window(home.mum.id, home.bear.id)
    with pytest.raises(TooMany, match="1 guardians"):
        await toys.bind(home.dad.id, window.code)


# ── guardians ──


async def test_a_second_guardian_joins_by_a_window_that_the_owner_opens(home: Home, toys: Toys) -> None:
    window = await toys.open_window(home.mum.id, home.bear.id)
    assert (window.opened_by, window.expires_at) == (home.mum.id, home.clock.now + CLAIM_SECONDS * 1000)
    joined = await toys.bind(home.dad.id, window.code, "Mine")
    assert joined.name == "Bear"
    household = await toys.household(home.dad.id, home.bear.id)
    assert [(one.id, one.role) for one in household.guardians] == [
        (home.mum.id, GuardianRole.OWNER),
        (home.dad.id, GuardianRole.CO_GUARDIAN),
    ]
    news = Notice(event="bound", id=home.bear.id, name="Bear")
    assert home.told(home.mum) == home.told(home.dad) == [news]
    gran = await add_person(home.database, "Gran")
    with pytest.raises(AlreadyBound):
        await toys.bind(gran.id, window.code)


async def test_a_window_closes_by_itself_and_is_not_touched_by_the_toys_socket(home: Home, toys: Toys) -> None:
    window = await toys.open_window(home.mum.id, home.bear.id)
    home.clock.pass_seconds(CLAIM_SECONDS)
    await toys.switched_on(home.bear.id)
    with pytest.raises(ClaimExpired):
        await toys.bind(home.dad.id, window.code)


async def test_only_the_owner_opens_a_window(home: Home, toys: Toys) -> None:
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    with pytest.raises(NotAllowed):
        await toys.open_window(home.dad.id, home.bear.id)
    stranger = await add_person(home.database, "Stranger")
    for toy_id in (home.bear.id, PartyId("t_none")):
        with pytest.raises(NotFound):
            await toys.open_window(stranger.id, toy_id)


async def test_the_owner_sends_a_guardian_away_who_learns_it(home: Home, toys: Toys) -> None:
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    await toys.remove_guardian(home.mum.id, home.bear.id, home.dad.id)
    assert home.told(home.dad) == [Notice(event="unbound", id=home.bear.id)]
    assert home.told(home.mum) == [Notice(event="settings", id=home.bear.id)]
    assert Changed(home.dad.id) in home.events
    with pytest.raises(NotFound):
        await toys.household(home.dad.id, home.bear.id)


async def test_a_co_guardian_may_go_and_sends_nobody_away(home: Home, toys: Toys) -> None:
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    with pytest.raises(NotAllowed):
        await toys.remove_guardian(home.dad.id, home.bear.id, home.mum.id)
    await toys.remove_guardian(home.dad.id, home.bear.id, home.dad.id)
    assert await home.database.standing(home.dad.id, home.bear.id) is Standing.STRANGER


async def test_when_the_owner_goes_another_one_owns_the_toy_but_the_last_one_stays(home: Home, toys: Toys) -> None:
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    await toys.remove_guardian(home.mum.id, home.bear.id, home.mum.id)
    assert await home.database.standing(home.dad.id, home.bear.id) is Standing.OWNER
    with pytest.raises(NotAllowed, match="unbind"):
        await toys.remove_guardian(home.dad.id, home.bear.id, home.dad.id)


async def test_to_a_stranger_a_toy_and_none_are_the_same(home: Home, toys: Toys) -> None:
    for toy_id in (home.bear.id, PartyId("t_none")):
        for actor, guardian in ((home.dad, home.dad), (home.dad, home.mum)):
            with pytest.raises(NotFound):
                await toys.remove_guardian(actor.id, toy_id, guardian.id)
        with pytest.raises(NotFound):
            await toys.household(home.dad.id, toy_id)
        with pytest.raises(NotFound):
            await toys.change(home.dad.id, toy_id, ToyChange(name="Mine"))
    with pytest.raises(NotFound):
        await toys.remove_guardian(home.mum.id, home.bear.id, home.dad.id)  # who is none


# ── what is set ──


async def test_a_change_reaches_the_toy_and_every_guardian(home: Home, toys: Toys) -> None:
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    changed = await toys.change(
        home.dad.id, home.bear.id, ToyChange(name=" Teddy ", volume_cap=40, time_zone="Asia/Kolkata", autoplay=False)
    )
    assert (changed.toy.name, changed.toy.settings.volume_cap, changed.toy.settings.autoplay) == ("Teddy", 40, False)
    assert changed.toy.settings.quiet_hours.zone.key == "Asia/Kolkata"
    assert home.events[0] == Changed(home.bear.id)
    news = Notice(event="settings", id=home.bear.id)
    assert home.told(home.mum) == home.told(home.dad) == [news]
    assert [one.party_id for one in home.events if isinstance(one, Tell)] == [home.mum.id, home.dad.id]


async def test_there_is_no_such_time_zone(home: Home, toys: Toys) -> None:
    for zone in ("Europe/Atlantis", "", "../../etc/passwd", "europe/berlin"):
        with pytest.raises(InvalidValue, match="time_zone"):
            await toys.change(home.mum.id, home.bear.id, ToyChange(name="Teddy", time_zone=zone))
    assert (await toys.household(home.mum.id, home.bear.id)).toy.name == "Bear"


async def test_a_name_of_nothing_but_blanks_changes_nothing(home: Home, toys: Toys) -> None:
    assert (await toys.change(home.mum.id, home.bear.id, ToyChange(name="  "))).toy.name == "Bear"


async def test_every_toy_of_a_person(home: Home, toys: Toys) -> None:
    _, code = await waiting_toy(home, toys)
    ape = await toys.bind(home.mum.id, code, "Ape")
    assert [one.toy.id for one in await toys.households(home.mum.id)] == [ape.id, home.bear.id]
    assert await toys.households(home.dad.id) == []


async def test_when_a_toy_was_last_heard_from(home: Home, toys: Toys) -> None:
    await toys.heard_from({home.bear.id: home.clock.now - 5})
    assert (await toys.household(home.mum.id, home.bear.id)).toy.heard_at == home.clock.now - 5


async def test_a_toy_that_goes_while_it_is_looked_at(home: Home, toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(self: object, toy_ids: object) -> list[object]:
        return []

    monkeypatch.setattr(type(home.database), "households", nothing)
    with pytest.raises(NotFound):
        await toys.household(home.mum.id, home.bear.id)
