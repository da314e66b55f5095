"""The contract of `ports.Toys`: finding a family, what it sets, its guardians and their consent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.conftest import OpenDatabase
from tests.world import NOW, accept, add_contact, add_guardian, add_licensed_toy, add_person, add_toy, message
from toybackend.databases.sql import SqlDatabase
from toybackend.errors import AlreadyBound, ClaimExpired, ClaimWrong, ConsentNeeded, NotAllowed, NotFound, TooMany
from toybackend.models import (
    Claim,
    Consent,
    DeliveryState,
    GroupId,
    Guardian,
    GuardianRole,
    Message,
    Party,
    PartyId,
    PartyKind,
    QuietHours,
    QuietWindow,
    Standing,
    Toy,
    ToySettings,
    Weekday,
)
from toybackend.ports import Household, ToyChange

LATER = NOW + 1000
NOBODY = PartyId("t_nobody")


async def waiting_toy(database: SqlDatabase, code: str = "CODE") -> PartyId:
    toy_id = await add_licensed_toy(database)
    await database.set_claim(Claim(code, toy_id, LATER))
    return toy_id


async def bind(
    database: SqlDatabase,
    person: Party,
    code: str = "CODE",
    name: str = "Bear",
    *,
    now: int = NOW,
    guardians: int = 8,
    toys: int = 50,
) -> Toy:
    return await database.bind(code, person.id, name, now, most_guardians=guardians, most_toys=toys)


async def roles(database: SqlDatabase, toy_id: PartyId) -> list[tuple[PartyId, GuardianRole]]:
    return [(one.id, one.role) for one in await database.guardians(toy_id)]


async def members(database: SqlDatabase, toy_id: PartyId) -> set[PartyId]:
    """Of its family's group."""
    group = await database.group(family_of(toy_id))
    return {one.id for one in group.members} if group else set()


def family_of(toy_id: PartyId) -> GroupId:
    return GroupId("g" + toy_id[1:])


# ── codes ──


async def test_binding_makes_the_toy_this_persons(database: SqlDatabase, mum: Party, dad: Party) -> None:
    toy_id = await waiting_toy(database)
    toy = await bind(database, mum, now=LATER - 1)
    assert (toy.id, toy.name, toy.bound_at) == (toy_id, "Bear", LATER - 1)
    assert await database.toy(toy_id) == toy
    assert await database.guardians(toy_id) == [Guardian(mum.id, "Mum", GuardianRole.OWNER, LATER - 1)]
    assert await database.standing(dad.id, toy_id) is Standing.STRANGER


async def test_a_toys_family_is_a_group_from_the_first_moment(database: SqlDatabase, mum: Party) -> None:
    toy_id = await waiting_toy(database)
    await bind(database, mum)
    group = await database.group(family_of(toy_id))
    assert group is not None
    assert (group.kind, group.name, group.owner_id) == ("family", "Bear", None)
    assert {one.id for one in group.members} == {toy_id, mum.id}


async def test_the_token_of_a_waiting_toy_becomes_good_for_everything(database: SqlDatabase, mum: Party) -> None:
    toy_id = await waiting_toy(database)
    await database.add_token("waits", toy_id, PartyKind.WAITING_TOY, NOW, LATER)
    before = await database.revision()
    await bind(database, mum)
    assert await database.bearer("waits", NOW) == Party(toy_id, PartyKind.TOY, "Bear")
    assert await database.revision() > before


async def test_binding_without_a_name_keeps_the_old_one(database: SqlDatabase, mum: Party) -> None:
    toy_id = await waiting_toy(database)
    old = await database.toy(toy_id)
    bound = await bind(database, mum, name="")
    assert old is not None
    assert bound.name == old.name


async def test_a_wrong_code_binds_nothing(database: SqlDatabase, mum: Party) -> None:
    toy_id = await waiting_toy(database)
    with pytest.raises(ClaimWrong):
        await bind(database, mum, "OTHER")
    assert await database.guardians(toy_id) == []


@pytest.mark.parametrize("now", [LATER, LATER + 1])
async def test_an_expired_code_binds_nothing(database: SqlDatabase, mum: Party, now: int) -> None:
    toy_id = await waiting_toy(database)
    with pytest.raises(ClaimExpired):
        await bind(database, mum, now=now)
    assert await database.guardians(toy_id) == []


async def test_a_code_is_good_for_one_person_who_may_ask_again(database: SqlDatabase, mum: Party, dad: Party) -> None:
    toy_id = await waiting_toy(database)
    first = await bind(database, mum)
    before = await database.revision()
    assert await bind(database, mum, name="Other", now=LATER + 1) == first
    with pytest.raises(AlreadyBound):
        await bind(database, dad)
    assert await roles(database, toy_id) == [(mum.id, GuardianRole.OWNER)]
    assert await database.revision() == before


async def test_the_same_answer_after_a_crash(database: SqlDatabase, connect: OpenDatabase, mum: Party) -> None:
    await waiting_toy(database)
    first = await bind(database, mum)
    async with connect() as restarted:
        assert await bind(restarted, mum) == first


async def test_a_toy_with_an_owner_shows_no_code_and_opens_windows(database: SqlDatabase, mum: Party) -> None:
    bear = await add_toy(database, "Bear", mum)
    with pytest.raises(AlreadyBound):
        await database.set_claim(Claim("LATE", bear.id, LATER))
    await database.set_claim(Claim("WINDOW", bear.id, LATER, mum.id))
    assert await database.claim("WINDOW") == Claim("WINDOW", bear.id, LATER, mum.id)
    assert await database.claim("LATE") is None


async def test_only_guardians_open_a_toy(database: SqlDatabase, bear: Party, mum: Party, dad: Party) -> None:
    for claim in (
        Claim("CODE", bear.id, LATER, dad.id),
        Claim("CODE", NOBODY, LATER, mum.id),
        Claim("C", NOBODY, LATER),
    ):
        with pytest.raises(NotFound):
            await database.set_claim(claim)


async def test_a_new_code_takes_the_place_of_the_old(database: SqlDatabase, mum: Party) -> None:
    toy_id = await waiting_toy(database, "OLD")
    await database.set_claim(Claim("NEW", toy_id, LATER))
    with pytest.raises(ClaimWrong):
        await bind(database, mum, "OLD")
    assert (await bind(database, mum, "NEW")).id == toy_id


async def test_two_toys_never_show_the_same_code(database: SqlDatabase, mum: Party) -> None:
    first, second = await waiting_toy(database, "SAME"), await waiting_toy(database, "ELSE")
    with pytest.raises(ClaimWrong):
        await database.set_claim(Claim("SAME", second, LATER))
    assert (await bind(database, mum, "SAME")).id == first
    assert (await bind(database, mum, "ELSE")).id == second  # kept its own


async def test_the_code_of_a_waiting_toy_can_be_moved(database: SqlDatabase, mum: Party) -> None:
    toy_id = await waiting_toy(database)
    await database.move_claim(toy_id, NOW + 10)
    with pytest.raises(ClaimExpired):
        await bind(database, mum, now=NOW + 10)
    await database.move_claim(toy_id, NOW + 20)
    assert (await bind(database, mum, now=NOW + 10)).id == toy_id


async def test_used_codes_and_open_windows_are_not_moved(database: SqlDatabase, bear: Party, mum: Party) -> None:
    toy_id = await waiting_toy(database)
    await bind(database, mum)
    await database.set_claim(Claim("WINDOW", bear.id, LATER, mum.id))
    for one in (toy_id, bear.id):
        await database.move_claim(one, 7)
    found = [await database.claim(code) for code in ("CODE", "WINDOW")]
    assert [one.expires_at for one in found if one] == [LATER, LATER]


async def test_of_two_phones_at_once_exactly_one_gets_the_toy(
    database: SqlDatabase, connect: OpenDatabase, mum: Party, dad: Party
) -> None:
    toy_id = await waiting_toy(database)
    async with connect() as other:
        tries = [(database, mum), (other, dad)]
        outcomes = await asyncio.gather(*(bind(node, person) for node, person in tries), return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["AlreadyBound", "Toy"]
    assert len(await database.guardians(toy_id)) == 1


async def test_another_process_sees_a_bound_toy_at_once(
    database: SqlDatabase, connect: OpenDatabase, mum: Party
) -> None:
    toy_id = await waiting_toy(database)
    async with connect() as other:
        bound = await bind(other, mum)
        assert await database.toy(toy_id) == bound


# ── as many as are allowed ──


async def test_one_toy_more_than_a_person_may_guard(database: SqlDatabase, bear: Party, mum: Party) -> None:
    toy_id = await waiting_toy(database)
    with pytest.raises(TooMany):
        await bind(database, mum, toys=1)
    assert await database.guardians(toy_id) == []
    await bind(database, mum, toys=2)
    assert (await bind(database, mum, toys=2)).id == toy_id  # asked again, it is none more


async def test_one_guardian_more_than_a_toy_may_have(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party
) -> None:
    await database.set_claim(Claim("WINDOW", bear.id, LATER, mum.id))
    with pytest.raises(TooMany):
        await bind(database, dad, "WINDOW", guardians=1)
    assert (await bind(database, dad, "WINDOW", guardians=2)).id == bear.id


# ── what is set ──


async def test_a_toy_starts_with_ordinary_settings(database: SqlDatabase, bear: Party) -> None:
    ordinary = ToySettings(QuietHours(ZoneInfo("UTC")), volume_cap=80, daily_limit_minutes=None, autoplay=True)
    assert await database.settings([bear.id, NOBODY]) == {bear.id: ordinary}


NIGHT = QuietWindow(frozenset(Weekday), 20 * 60, 7 * 60)
SCHOOL = QuietWindow(frozenset({Weekday.MONDAY, Weekday.FRIDAY}), 8 * 60, 13 * 60)


async def test_everything_can_be_changed_at_once_and_one_thing_alone(
    database: SqlDatabase, bear: Party, mum: Party
) -> None:
    await database.give_consent(Consent(bear.id, mum.id, "1", NOW))
    before = await database.revision()
    await database.change_toy(
        bear.id,
        ToyChange(
            name="Teddy",
            child_name="Mia",
            picture="bear",
            colour="brown",
            volume_cap=0,
            time_zone="Europe/Berlin",
            quiet_windows=(NIGHT, SCHOOL),
            daily_limit_minutes=45,
            autoplay=False,
        ),
    )
    toy = await database.toy(bear.id)
    assert toy == Toy(
        bear.id,
        "Teddy",
        "Mia",
        ToySettings(QuietHours(ZoneInfo("Europe/Berlin"), (NIGHT, SCHOOL)), 0, 45, autoplay=False),
        NOW,
        "bear",
        "brown",
    )
    await database.change_toy(bear.id, ToyChange(daily_limit_minutes=0))
    assert toy is not None
    assert await database.toy(bear.id) == replace(toy, settings=replace(toy.settings, daily_limit_minutes=None))
    await database.change_toy(bear.id, ToyChange(child_name="", quiet_windows=(), autoplay=True))
    changed = await database.toy(bear.id)
    assert changed is not None
    assert (changed.child_name, changed.settings.quiet_hours.windows, changed.settings.autoplay) == ("", (), True)
    assert await database.revision() > before


async def test_a_new_name_is_that_of_the_family_group_and_the_sender(database: SqlDatabase, bear: Party) -> None:
    await database.add_token("bears", bear.id, PartyKind.TOY, NOW, LATER)
    await database.change_toy(bear.id, ToyChange(name="Teddy"))
    group, party = await database.group(family_of(bear.id)), await database.bearer("bears", NOW)
    assert group is not None
    assert party is not None
    assert (group.name, party.name) == ("Teddy", "Teddy")


async def test_changing_a_toy_that_does_not_exist(database: SqlDatabase) -> None:
    for change in (ToyChange(), ToyChange(name="x"), ToyChange(volume_cap=1)):
        with pytest.raises(NotFound):
            await database.change_toy(NOBODY, change)


async def test_when_toys_were_last_heard_from_is_written_down(database: SqlDatabase, bear: Party) -> None:
    await database.heard_from({bear.id: NOW + 5, NOBODY: NOW})
    toy = await database.toy(bear.id)
    assert toy is not None
    assert toy.heard_at == NOW + 5


# ── guardians ──


async def test_a_second_guardian_joins_by_the_window_that_the_first_opens(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party
) -> None:
    await database.set_claim(Claim("WINDOW", bear.id, LATER, mum.id))
    joined = await bind(database, dad, "WINDOW", "Mine", now=NOW + 7)
    assert joined.name == "Bear"  # who comes later does not rename it
    assert await database.guardians(bear.id) == [
        Guardian(mum.id, "Mum", GuardianRole.OWNER, NOW),
        Guardian(dad.id, "Dad", GuardianRole.CO_GUARDIAN, NOW + 7),
    ]
    assert await members(database, bear.id) == {bear.id, mum.id, dad.id}
    assert await bind(database, dad, "WINDOW", "Mine") == joined


async def test_whoever_guards_a_toy_cannot_join_it_again(database: SqlDatabase, bear: Party, mum: Party) -> None:
    await database.set_claim(Claim("WINDOW", bear.id, LATER, mum.id))
    with pytest.raises(AlreadyBound):
        await bind(database, mum, "WINDOW")


async def test_a_guardian_who_goes_leaves_nothing_behind(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party
) -> None:
    await add_guardian(database, bear, mum, dad)
    before = await database.revision()
    await database.remove_guardian(bear.id, dad.id, NOW)
    assert await roles(database, bear.id) == [(mum.id, GuardianRole.OWNER)]
    assert await members(database, bear.id) == {bear.id, mum.id}
    assert await database.standing(dad.id, bear.id) is Standing.STRANGER
    assert await database.revision() > before


async def test_an_owner_who_goes_is_followed_by_whoever_guards_longest(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party
) -> None:
    gran = await add_person(database, "Gran")
    for person, at in ((dad, NOW + 9), (gran, NOW + 3)):
        await database.set_claim(Claim("WINDOW", bear.id, LATER, mum.id))
        await bind(database, person, "WINDOW", now=at)
    await database.remove_guardian(bear.id, mum.id, NOW)
    assert await roles(database, bear.id) == [(gran.id, GuardianRole.OWNER), (dad.id, GuardianRole.CO_GUARDIAN)]


async def test_the_last_guardian_does_not_just_go(database: SqlDatabase, bear: Party, mum: Party, dad: Party) -> None:
    with pytest.raises(NotAllowed):
        await database.remove_guardian(bear.id, mum.id, NOW)
    for toy_id, person in ((bear.id, dad), (NOBODY, mum)):
        with pytest.raises(NotFound):
            await database.remove_guardian(toy_id, person.id, NOW)
    assert await roles(database, bear.id) == [(mum.id, GuardianRole.OWNER)]


async def test_the_codes_of_a_guardian_who_goes_are_void(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party
) -> None:
    """Else who was sent away could look at the toy again, or let somebody in."""
    await add_guardian(database, bear, mum, dad)
    await database.set_claim(Claim("DADS", bear.id, LATER, dad.id))
    await database.remove_guardian(bear.id, dad.id, NOW)
    gran = await add_person(database, "Gran")
    with pytest.raises(ClaimWrong):
        await bind(database, gran, "DADS")
    await database.set_claim(Claim("USED", bear.id, LATER, mum.id))
    await bind(database, dad, "USED")
    await database.remove_guardian(bear.id, dad.id, NOW)
    with pytest.raises(ClaimWrong):
        await bind(database, dad, "USED")


@pytest.mark.parametrize("still_family", [False, True])
async def test_what_a_guardian_who_goes_and_the_family_did_not_hear_yet_is_taken_back(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party, still_family: bool
) -> None:
    await add_guardian(database, bear, mum, dad)
    if still_family:
        await add_guardian(database, await add_toy(database, "Ape", mum), mum, dad)
    family = family_of(bear.id)
    said: dict[str, Message] = {
        "dad to bear": message(dad, bear, text="."),
        "dad to all": message(dad, family, text="."),
        "bear to dad": message(bear, dad, text="."),
        "bear to all": message(bear, family, text="."),
        "mum to all": message(mum, family, text="."),
        "mum to bear": message(mum, bear, text="."),
        "dad to mum": message(dad, mum, text="."),
        "heard": message(dad, bear, text="."),
    }
    for one in said.values():
        await accept(database, one)
    await database.advance(said["heard"].id, bear.id, DeliveryState.HEARD, NOW)
    taken_back = await database.remove_guardian(bear.id, dad.id, NOW)
    left = {
        name: {receipt.recipient_id for receipt in outcome[1]}
        for name, one in said.items()
        if (outcome := await database.outcome(one.id))
    }
    mum_still_hears_dad = {mum.id} if still_family else set[PartyId]()
    assert left == {
        "dad to bear": set(),
        "dad to all": mum_still_hears_dad,
        "bear to dad": set(),
        "bear to all": {mum.id},
        "mum to all": {bear.id},
        "mum to bear": {bear.id},
        "dad to mum": mum_still_hears_dad,
        "heard": {bear.id},
    }
    names = {one.id: name for name, one in said.items()}
    gone = {(names[copy.message_id], copy.recipient_id) for copy in taken_back}
    between_them = {("dad to mum", mum.id), ("dad to all", mum.id)}
    assert gone == {
        ("dad to bear", bear.id),
        ("dad to all", bear.id),
        ("bear to dad", dad.id),
        ("bear to all", dad.id),
        ("mum to all", dad.id),
    } | (set() if still_family else between_them)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["join", "leave"]), st.integers(0, 3)), max_size=12))
async def test_whoever_comes_and_goes_there_is_one_owner_and_the_group_is_the_family(
    database: SqlDatabase, steps: list[tuple[str, int]]
) -> None:
    people = [await add_person(database, f"P{await database.revision()} {number}") for number in range(4)]
    toy = await add_toy(database, "Bear", people[0])
    for step, number in steps:
        present = [one for one, _ in await roles(database, toy.id)]
        person = people[number]
        if step == "leave" and person.id in present and len(present) > 1:
            await database.remove_guardian(toy.id, person.id, NOW)
        elif step == "join" and person.id not in present:
            await add_guardian(database, toy, Party(present[0], PartyKind.PERSON, ""), person)
        found = await roles(database, toy.id)
        assert [role for _, role in found] == [GuardianRole.OWNER, *[GuardianRole.CO_GUARDIAN] * (len(found) - 1)]
        assert await members(database, toy.id) == {toy.id, *(one for one, _ in found)}


@pytest.mark.parametrize("who", ["own", "mum's too", "gran's too"])
async def test_a_guardian_who_goes_keeps_no_line_to_the_toy(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party, who: str
) -> None:
    """Not their toys' either, unless somebody who stays answers for these."""
    gran = await add_person(database, "Gran")
    cat = await add_toy(database, "Cat", dad)
    if who != "own":
        await add_guardian(database, cat, dad, mum if who == "mum's too" else gran)
    await add_guardian(database, bear, mum, dad)
    for one in (dad, cat, gran):
        await add_contact(database, one, bear)
    said = message(cat, bear, text=".")
    await accept(database, said)
    taken_back = await database.remove_guardian(bear.id, dad.id, NOW)
    stays = who == "mum's too"
    assert await database.standing(dad.id, bear.id) is Standing.STRANGER
    assert await database.standing(cat.id, bear.id) is (Standing.CONTACT if stays else Standing.STRANGER)
    assert await database.standing(gran.id, bear.id) is Standing.CONTACT
    assert [copy.message_id for copy in taken_back] == ([] if stays else [said.id])


async def test_a_guardian_who_goes_stays_blocked(database: SqlDatabase, bear: Party, mum: Party, dad: Party) -> None:
    await add_contact(database, dad, bear, blocks=True)
    await add_guardian(database, bear, mum, dad)
    await database.remove_guardian(bear.id, dad.id, NOW)
    [left] = await database.contacts_of([bear.id])
    assert (left.other.id, left.is_blocked) == (dad.id, True)


@pytest.mark.parametrize("mum_too", [False, True])
async def test_the_consent_of_a_guardian_who_goes_goes_too(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party, mum_too: bool
) -> None:
    await add_guardian(database, bear, mum, dad)
    if mum_too:
        await database.give_consent(Consent(bear.id, mum.id, "1", NOW))
    await database.give_consent(Consent(bear.id, dad.id, "1", NOW))
    await database.change_toy(bear.id, ToyChange(child_name="Mia"))
    await database.remove_guardian(bear.id, dad.id, LATER)
    in_force = [one.given_by for one in await database.consents(bear.id) if one.withdrawn_at is None]
    toy = await database.toy(bear.id)
    assert toy is not None
    assert (in_force, toy.child_name) == (([mum.id], "Mia") if mum_too else ([], ""))


# ── all at one look ──


async def test_households_are_toys_with_their_guardians_and_consent(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party
) -> None:
    await add_guardian(database, bear, mum, dad)
    ape = await add_toy(database, "Ape", mum)
    waiting = await waiting_toy(database)
    consent = Consent(bear.id, dad.id, "1", NOW)
    await database.give_consent(consent)
    found = await database.households([bear.id, waiting, ape.id, NOBODY])
    ape_toy, bear_toy = await database.toy(ape.id), await database.toy(bear.id)
    assert ape_toy is not None
    assert bear_toy is not None
    assert found == [
        Household(ape_toy, tuple(await database.guardians(ape.id)), None),
        Household(bear_toy, tuple(await database.guardians(bear.id)), consent),
    ]
    assert [one.id for one in await database.toys_of(mum.id)] == [ape.id, bear.id]
    assert [one.id for one in await database.toys_of(dad.id)] == [bear.id]


# ── consent ──


async def test_the_name_of_a_child_needs_a_consent_in_force(database: SqlDatabase, bear: Party, mum: Party) -> None:
    with pytest.raises(ConsentNeeded):
        await database.change_toy(bear.id, ToyChange(name="Teddy", child_name="Mia"))
    toy = await database.toy(bear.id)
    assert toy is not None
    assert (toy.name, toy.child_name) == ("Bear", "")  # nothing of it happened
    await database.change_toy(bear.id, ToyChange(child_name=""))
    await database.give_consent(Consent(bear.id, mum.id, "1", NOW))
    await database.change_toy(bear.id, ToyChange(child_name="Mia"))
    await database.withdraw_consent(bear.id, NOW + 1)
    with pytest.raises(ConsentNeeded):
        await database.change_toy(bear.id, ToyChange(child_name="Mia"))


async def test_withdrawing_pauses_the_toy_and_forgets_the_child(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party
) -> None:
    await add_guardian(database, bear, mum, dad)
    for person, version in ((mum, "1"), (dad, "1")):
        await database.give_consent(Consent(bear.id, person.id, version, NOW))
    await database.change_toy(bear.id, ToyChange(child_name="Mia"))
    before = await database.revision()
    await database.withdraw_consent(bear.id, NOW + 9)
    toy = await database.toy(bear.id)
    assert toy is not None
    assert (toy.child_name, toy.paused_at) == ("", NOW + 9)
    assert (await database.relation(mum.id, to_user=bear.id, to_group=None)).is_paused
    assert [one.withdrawn_at for one in await database.consents(bear.id)] == [NOW + 9, NOW + 9]
    assert await database.revision() > before


async def test_agreeing_again_lets_the_toy_talk_again_and_keeps_the_record(
    database: SqlDatabase, bear: Party, mum: Party
) -> None:
    await database.give_consent(Consent(bear.id, mum.id, "1", NOW))
    await database.withdraw_consent(bear.id, NOW + 1)
    await database.give_consent(Consent(bear.id, mum.id, "2", NOW + 2))
    toy = await database.toy(bear.id)
    assert toy is not None
    assert toy.paused_at is None
    assert await database.consents(bear.id) == [
        Consent(bear.id, mum.id, "2", NOW + 2),
        Consent(bear.id, mum.id, "1", NOW, withdrawn_at=NOW + 1),
    ]


async def test_the_same_consent_twice_is_one_and_two_at_once_are_two(
    database: SqlDatabase, bear: Party, mum: Party, dad: Party
) -> None:
    await add_guardian(database, bear, mum, dad)
    for person in (mum, mum, dad):
        await database.give_consent(Consent(bear.id, person.id, "1", NOW))
    assert await database.consents(bear.id) == [
        Consent(bear.id, dad.id, "1", NOW + 1),
        Consent(bear.id, mum.id, "1", NOW),
    ]


async def test_consent_for_a_toy_that_does_not_exist(database: SqlDatabase, mum: Party) -> None:
    with pytest.raises(NotFound):
        await database.give_consent(Consent(NOBODY, mum.id, "1", NOW))
    with pytest.raises(NotFound):
        await database.withdraw_consent(NOBODY, NOW)
    assert await database.consents(NOBODY) == []
