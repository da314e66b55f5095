"""The contract of `ports.Relations`: what stands between two parties, and between a party and a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from tests.world import NOW, add_contact, add_group, add_guardian, add_licensed_toy, add_person, add_toy, new_id
from toybackend.databases.sql import SqlDatabase
from toybackend.databases.tables import toys
from toybackend.models import ContactState, GroupId, Party, PartyId, QuietHours, QuietWindow, Standing, Weekday
from toybackend.ports import Relation, ToyChange

NIGHT = QuietHours(ZoneInfo("Europe/Berlin"), (QuietWindow(frozenset(Weekday), 20 * 60, 7 * 60),))


@pytest.fixture
async def aunt(database: SqlDatabase) -> Party:
    """Of another family."""
    return await add_person(database, "Aunt")


@pytest.fixture
async def car(database: SqlDatabase, aunt: Party) -> Party:
    """Aunt's toy."""
    return await add_toy(database, "Car", aunt)


async def between(database: SqlDatabase, one: Party, other: Party) -> tuple[Standing, Standing]:
    """What the one is to the other, and the other to the one; sending sees the same."""
    found = []
    for actor, them in ((one, other), (other, one)):
        found.append(await database.standing(actor.id, them.id))
        assert (await to(database, actor, them.id)).standing == found[-1]
    return found[0], found[1]


async def to(database: SqlDatabase, sender: Party, other: PartyId) -> Relation:
    return await database.relation(sender.id, to_user=other, to_group=None)


async def into(database: SqlDatabase, sender: Party, group_id: GroupId) -> Relation:
    return await database.relation(sender.id, to_user=None, to_group=group_id)


async def are_peers(database: SqlDatabase, one: Party, other: Party) -> bool:
    """May they talk? Asked from both sides, and by sending."""
    is_peer = other.id in await database.peers(one.id)
    assert (one.id in await database.peers(other.id)) is is_peer
    return is_peer


async def pause(database: SqlDatabase, toy: Party) -> None:
    await database.withdraw_consent(toy.id, NOW)


# ── a family ──


async def test_a_guardian_is_the_owner_and_the_toy_a_ward(database: SqlDatabase, mum: Party, bear: Party) -> None:
    assert await between(database, mum, bear) == (Standing.OWNER, Standing.WARD)
    assert await are_peers(database, mum, bear)
    assert await to(database, mum, bear.id) == Relation(Standing.OWNER, (bear.id,), family=mum.id)
    assert await to(database, bear, mum.id) == Relation(Standing.WARD, (mum.id,), family=mum.id)


async def test_who_joins_is_a_co_guardian_and_family(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_guardian(database, bear, mum, dad)
    assert await between(database, dad, bear) == (Standing.CO_GUARDIAN, Standing.WARD)
    assert await between(database, mum, dad) == (Standing.FAMILY, Standing.FAMILY)
    assert await database.peers(mum.id) == {bear.id, dad.id}
    assert await database.peers(dad.id) == {bear.id, mum.id}
    assert await database.peers(bear.id) == {mum.id, dad.id}


async def test_family_is_who_shares_a_toy_not_who_shares_a_friend(
    database: SqlDatabase, mum: Party, dad: Party, aunt: Party, bear: Party, car: Party
) -> None:
    await add_guardian(database, bear, mum, dad)
    await add_guardian(database, car, aunt, dad)
    assert await between(database, mum, aunt) == (Standing.STRANGER, Standing.STRANGER)
    assert await between(database, mum, car) == (Standing.STRANGER, Standing.STRANGER)
    assert not await are_peers(database, mum, aunt)


async def test_two_toys_of_one_guardian_are_strangers_until_they_are_contacts(
    database: SqlDatabase, mum: Party, bear: Party
) -> None:
    cat = await add_toy(database, "Cat", mum)
    assert await between(database, bear, cat) == (Standing.STRANGER, Standing.STRANGER)
    await add_contact(database, bear, cat)
    assert await between(database, bear, cat) == (Standing.CONTACT, Standing.CONTACT)


async def test_everybody_is_themselves_and_reaches_not_themselves(
    database: SqlDatabase, mum: Party, bear: Party
) -> None:
    for one in (mum, bear):
        assert await database.standing(one.id, one.id) is Standing.SELF
        assert (await to(database, one, one.id)).recipients == ()
        assert one.id not in await database.peers(one.id)


# ── two families ──

Sides = Callable[[SqlDatabase, Party], Awaitable[tuple[Party, Party]]]


async def two_people(database: SqlDatabase, bear: Party) -> tuple[Party, Party]:
    return await add_person(database, "Uncle"), await add_person(database, "Cousin")


async def toy_and_person(database: SqlDatabase, bear: Party) -> tuple[Party, Party]:
    return bear, await add_person(database, "Uncle")


async def two_toys(database: SqlDatabase, bear: Party) -> tuple[Party, Party]:
    return bear, await add_toy(database, "Dog", await add_person(database, "Uncle"))


@pytest.fixture(params=[two_people, toy_and_person, two_toys])
async def sides(request: pytest.FixtureRequest, database: SqlDatabase, bear: Party) -> tuple[Party, Party]:
    make: Sides = request.param
    return await make(database, bear)


async def test_strangers(database: SqlDatabase, sides: tuple[Party, Party]) -> None:
    one, other = sides
    assert await between(database, one, other) == (Standing.STRANGER, Standing.STRANGER)
    assert not await are_peers(database, one, other)
    for sender, them in (sides, sides[::-1]):
        assert await to(database, sender, them.id) == Relation(Standing.STRANGER, ())


@pytest.mark.parametrize("is_turned", [False, True])
async def test_asking_alone_changes_nothing(database: SqlDatabase, sides: tuple[Party, Party], is_turned: bool) -> None:
    one, other = reversed(sides) if is_turned else sides
    await add_contact(database, one, other, ContactState.ASKED)
    assert await between(database, one, other) == (Standing.STRANGER, Standing.STRANGER)
    assert not await are_peers(database, one, other)


@pytest.mark.parametrize("is_turned", [False, True])
async def test_who_agreed_are_contacts(database: SqlDatabase, sides: tuple[Party, Party], is_turned: bool) -> None:
    one, other = reversed(sides) if is_turned else sides
    await add_contact(database, one, other)
    assert await between(database, one, other) == (Standing.CONTACT, Standing.CONTACT)
    assert await are_peers(database, one, other)
    assert (await to(database, one, other.id)).recipients == (other.id,)


@pytest.mark.parametrize("is_turned", [False, True])
async def test_a_block_of_either_side_holds_for_both(
    database: SqlDatabase, sides: tuple[Party, Party], is_turned: bool
) -> None:
    one, other = reversed(sides) if is_turned else sides
    contact_id = await add_contact(database, one, other, blocks=True)
    assert await between(database, one, other) == (Standing.BLOCKED, Standing.BLOCKED)
    assert not await are_peers(database, one, other)
    await database.set_block(contact_id, one.id, blocks=True)
    await database.set_block(contact_id, other.id, blocks=False)
    assert await between(database, one, other) == (Standing.BLOCKED, Standing.BLOCKED)
    await database.set_block(contact_id, one.id, blocks=False)
    assert await between(database, one, other) == (Standing.CONTACT, Standing.CONTACT)


async def test_who_is_blocked_without_having_agreed_is_a_stranger(
    database: SqlDatabase, sides: tuple[Party, Party]
) -> None:
    one, other = sides
    await add_contact(database, one, other, ContactState.ASKED, blocks=True)
    assert await between(database, one, other) == (Standing.STRANGER, Standing.STRANGER)


async def test_the_guardians_of_contacts_are_no_contacts(
    database: SqlDatabase, mum: Party, aunt: Party, bear: Party, car: Party
) -> None:
    await add_contact(database, bear, car)
    for one, other in ((mum, aunt), (mum, car), (aunt, bear)):
        assert await between(database, one, other) == (Standing.STRANGER, Standing.STRANGER)


async def test_a_block_from_before_does_not_outlive_joining_the_family(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, dad, bear, blocks=True)
    await add_guardian(database, bear, mum, dad)
    assert await between(database, dad, bear) == (Standing.CO_GUARDIAN, Standing.WARD)
    assert await are_peers(database, dad, bear)


# ── nobody ──


async def test_nobody_can_be_reached_under_an_unknown_id(database: SqlDatabase, mum: Party) -> None:
    assert await database.standing(mum.id, PartyId("p_none")) is Standing.STRANGER
    assert await to(database, mum, PartyId("p_none")) == Relation(Standing.STRANGER, ())


async def test_a_toy_without_a_family_is_like_one_that_does_not_exist(database: SqlDatabase, mum: Party) -> None:
    waiting = await add_licensed_toy(database)
    assert await database.standing(mum.id, waiting) is Standing.STRANGER
    assert await to(database, mum, waiting) == await to(database, mum, PartyId("t_none"))


async def test_several_are_asked_about_at_once(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    asked = [bear.id, mum.id, dad.id, PartyId("t_unknown")]
    found = await database.standings(mum.id, asked)
    assert found == {one: await database.standing(mum.id, one) for one in asked}
    assert [found[one] for one in asked] == [Standing.OWNER, Standing.SELF, Standing.STRANGER, Standing.STRANGER]
    assert await database.standings(mum.id, []) == {}


async def test_an_unknown_sender_is_a_stranger(database: SqlDatabase, mum: Party, bear: Party) -> None:
    for other in (mum, bear):
        assert await database.standing(PartyId("p_none"), other.id) is Standing.STRANGER
    assert await database.peers(PartyId("p_none")) == set()


async def test_an_addressee_is_needed(database: SqlDatabase, mum: Party) -> None:
    assert await database.relation(mum.id, to_user=None, to_group=None) == Relation(Standing.STRANGER, ())


# ── what else the sender has to know ──


@pytest.mark.parametrize("is_turned", [False, True])
async def test_a_paused_toy_pauses_both_directions(
    database: SqlDatabase, mum: Party, bear: Party, is_turned: bool
) -> None:
    sender, other = (bear, mum) if is_turned else (mum, bear)
    assert not (await to(database, sender, other.id)).is_paused
    await pause(database, bear)
    assert (await to(database, sender, other.id)).is_paused


async def test_quiet_hours_of_the_one_who_hears_come_along(database: SqlDatabase, mum: Party, bear: Party) -> None:
    await database.change_toy(bear.id, ToyChange(time_zone=NIGHT.zone.key, quiet_windows=NIGHT.windows))
    assert (await to(database, mum, bear.id)).quiet_hours == {bear.id: NIGHT}
    assert (await to(database, bear, mum.id)).quiet_hours == {}


async def test_all_who_share_a_toy_have_one_family_key(
    database: SqlDatabase, mum: Party, dad: Party, aunt: Party, bear: Party, car: Party
) -> None:
    await add_guardian(database, bear, mum, dad)
    everybody = (mum, dad, bear, aunt, car)
    for one in everybody:
        await add_contact(database, one, await add_person(database, f"friend of {one.name}"))
    keys = []
    for one in everybody:
        friend = next(iter(await database.peers(one.id) - {party.id for party in everybody}))
        keys.append((await to(database, one, friend)).family)
    assert keys[0] == keys[1] == keys[2] != keys[3] == keys[4]


async def test_a_person_without_toys_is_a_family_alone(database: SqlDatabase, mum: Party, dad: Party) -> None:
    await add_contact(database, mum, dad)
    assert (await to(database, mum, dad.id)).family == mum.id


# ── groups ──


async def custom_group(database: SqlDatabase, owner: Party, *others: Party) -> GroupId:
    for one in others:
        await add_contact(database, owner, one)
    group_id, ids = GroupId(new_id("g")), [one.id for one in others]
    made = await database.add_group(
        group_id, "Friends", owner.id, ids, NOW, most_groups=9, most_members=9, most_memberships=9
    )
    return made.id


async def test_a_member_reaches_every_other_member(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    await add_guardian(database, bear, mum, dad)
    group_id = await add_group(database, mum, dad, bear)
    relation = await into(database, mum, group_id)
    assert (relation.standing, set(relation.recipients)) == (Standing.MEMBER, {dad.id, bear.id})
    assert relation.family == (await into(database, bear, group_id)).family == min(mum.id, dad.id)


async def test_who_made_a_group_owns_it(database: SqlDatabase, mum: Party, aunt: Party, dad: Party) -> None:
    group_id = await custom_group(database, mum, aunt)
    assert await database.group_standing(mum.id, group_id) is Standing.GROUP_OWNER
    assert await database.group_standing(aunt.id, group_id) is Standing.MEMBER
    assert await database.group_standing(dad.id, group_id) is Standing.STRANGER
    assert (await into(database, mum, group_id)).standing is Standing.GROUP_OWNER


async def test_who_is_no_member_reaches_nobody(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    await add_contact(database, dad, mum)
    group_id = await add_group(database, mum, bear)
    relation = await into(database, dad, group_id)
    assert relation == Relation(Standing.STRANGER, ())
    assert await into(database, dad, GroupId("g_none")) == relation
    assert await database.group_standing(dad.id, GroupId("g_none")) is Standing.STRANGER


async def test_the_guardian_of_a_member_is_no_member(
    database: SqlDatabase, mum: Party, aunt: Party, bear: Party
) -> None:
    group_id = await custom_group(database, aunt, bear)
    assert await database.group_standing(mum.id, group_id) is Standing.STRANGER


async def test_a_member_alone_reaches_nobody(database: SqlDatabase, mum: Party) -> None:
    relation = await into(database, mum, await add_group(database, mum))
    assert (relation.standing, relation.recipients) == (Standing.MEMBER, ())


async def test_a_toy_and_its_guardians_are_a_group_from_the_start(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    family = GroupId(f"g{bear.id.removeprefix('t')}")
    assert (await into(database, mum, family)).recipients == (bear.id,)
    assert await into(database, dad, family) == Relation(Standing.STRANGER, ())
    await add_guardian(database, bear, mum, dad)
    assert set((await into(database, dad, family)).recipients) == {bear.id, mum.id}
    assert await database.group_standing(mum.id, family) is Standing.MEMBER


async def test_in_a_group_only_those_are_reached_who_may_talk_with_the_sender(
    database: SqlDatabase, mum: Party, dad: Party, aunt: Party, bear: Party
) -> None:
    """Who joined as a contact stays a member when that ends; it is not reached any more."""
    ended, blocked = await add_contact(database, mum, dad), await add_contact(database, mum, aunt)
    group_id = await add_group(database, mum, dad, aunt, bear)
    assert set((await into(database, mum, group_id)).recipients) == {dad.id, aunt.id, bear.id}
    await database.end_contact(ended, [dad.id])
    await database.set_block(blocked, aunt.id, blocks=True)
    assert (await into(database, mum, group_id)).recipients == (bear.id,)
    assert (await into(database, aunt, group_id)).recipients == ()
    assert (await into(database, bear, group_id)).recipients == (mum.id,)


async def test_in_a_group_a_paused_toy_is_not_reached_and_reaches_nobody(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_guardian(database, bear, mum, dad)
    group_id = await add_group(database, mum, dad, bear)
    await pause(database, bear)
    relation = await into(database, mum, group_id)
    assert (relation.recipients, relation.is_paused) == ((dad.id,), False)
    assert (await into(database, bear, group_id)).is_paused


async def test_in_a_group_the_quiet_hours_of_all_who_are_reached_come_along(
    database: SqlDatabase, mum: Party, bear: Party
) -> None:
    cat = await add_toy(database, "Cat", mum)
    for toy in (bear, cat):
        await database.change_toy(toy.id, ToyChange(time_zone=NIGHT.zone.key, quiet_windows=NIGHT.windows))
    group_id = await add_group(database, mum, bear, cat)
    assert (await into(database, mum, group_id)).quiet_hours == {bear.id: NIGHT, cat.id: NIGHT}
    assert (await into(database, bear, group_id)).quiet_hours == {}


async def test_a_toy_that_lost_its_family_is_reached_by_nobody(database: SqlDatabase, mum: Party, bear: Party) -> None:
    """Unbinding erases a toy; should a row be left for any reason, it opens no door."""
    aunt = await add_person(database, "Aunt")
    await add_contact(database, aunt, bear)
    unbind = update(toys).where(toys.c.id == bear.id).values(bound_at=None)
    await database._engine.write(lambda connection: connection.execute(unbind))
    assert await database.standing(aunt.id, bear.id) is Standing.STRANGER
    assert (await to(database, mum, bear.id)).recipients == ()
