"""The contract of `ports.Groups`: who is in a group, and who owns it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from tests.contracts.conftest import OpenDatabase
from tests.world import NOW, accept, add_contact, add_person, add_toy, message, new_id, sound
from toybackend.databases.sql import SqlDatabase
from toybackend.errors import NotAllowed, NotFound, TooMany
from toybackend.models import DeliveryState, Group, GroupId, GroupKind, Message, Party, PartyId, Standing
from toybackend.ports import TakenBack


@pytest.fixture
async def friends(database: SqlDatabase, mum: Party, dad: Party) -> list[Party]:
    """Three who may talk with each other, and with mum and dad, who may talk with each other too."""
    made = [await add_person(database, name) for name in ("Ann", "Ben", "Cleo")]
    everybody = [mum, dad, *made]
    for place, one in enumerate(everybody):
        for other in everybody[:place]:
            await add_contact(database, one, other)
    return made


async def make(
    database: SqlDatabase,
    owner: Party,
    *members: Party,
    name: str = "Friends",
    now: int = NOW,
    most_groups: int = 9,
    most_members: int = 9,
    most_memberships: int = 9,
) -> Group:
    ids = [one.id for one in members]
    limits = {"most_groups": most_groups, "most_members": most_members, "most_memberships": most_memberships}
    return await database.add_group(GroupId(new_id("g")), name, owner.id, ids, now, **limits)


async def present(database: SqlDatabase, group_id: GroupId) -> list[Party]:
    group = await database.group(group_id)
    assert group is not None
    return list(group.members)


async def add(
    database: SqlDatabase, group: Group, party: Party, *, now: int = NOW, most: int = 9, most_memberships: int = 9
) -> None:
    await database.add_member(group.id, party.id, now, most=most, most_memberships=most_memberships)


# ── how many groups one is in ──


async def test_nobody_is_in_groups_without_end(
    database: SqlDatabase, mum: Party, dad: Party, friends: list[Party]
) -> None:
    ann, ben, _ = friends
    await make(database, mum, ann, most_memberships=1)
    with pytest.raises(TooMany):
        await make(database, dad, ann, most_memberships=1)
    group = await make(database, dad, ben, most_memberships=1)
    with pytest.raises(TooMany):
        await add(database, group, ann, most_memberships=1)
    await add(database, group, ann, most_memberships=2)
    await add(database, group, ann, most_memberships=1)  # who is in it already
    assert await present(database, group.id) == sorted([dad, ben, ann], key=lambda one: one.id)


# ── making ──


async def test_whoever_makes_a_group_owns_it_and_is_in_it(
    database: SqlDatabase, mum: Party, friends: list[Party]
) -> None:
    made = await make(database, mum, *friends)
    assert (made.kind, made.name, made.owner_id) == (GroupKind.CUSTOM, "Friends", mum.id)
    assert set(made.members) == {mum, *friends}
    assert await database.group(made.id) == made
    assert await database.group_standing(mum.id, made.id) is Standing.GROUP_OWNER


async def test_the_owner_and_members_named_twice_are_in_it_once(
    database: SqlDatabase, mum: Party, friends: list[Party]
) -> None:
    made = await make(database, mum, mum, friends[0], friends[0], most_members=2)
    assert set(made.members) == {mum, friends[0]}


async def test_everybody_must_be_able_to_talk_with_everybody(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    await add_contact(database, mum, dad)
    with pytest.raises(NotAllowed):
        await make(database, mum, dad, bear)
    assert [group.kind for group in await database.groups_of([mum.id])] == [GroupKind.FAMILY]
    await add_contact(database, dad, bear)
    assert set((await make(database, mum, dad, bear)).members) == {mum, dad, bear}


async def test_a_block_between_two_keeps_a_group_from_being_made(
    database: SqlDatabase, mum: Party, friends: list[Party]
) -> None:
    [ann, ben, _] = friends
    [with_ben] = [one for one in await database.contacts_of([ann.id]) if one.other == ben]
    await database.set_block(with_ben.id, ben.id, blocks=True)
    with pytest.raises(NotAllowed):
        await make(database, mum, ann, ben)


async def test_groups_of_one_owner_are_bounded(database: SqlDatabase, mum: Party, friends: list[Party]) -> None:
    await make(database, friends[0], mum, most_groups=1)
    await make(database, mum, most_groups=1)
    with pytest.raises(TooMany):
        await make(database, mum, most_groups=1)


async def test_a_group_of_ones_own_is_counted_when_two_are_made_at_once(
    database: SqlDatabase, connect: OpenDatabase, mum: Party
) -> None:
    async with connect() as other:
        tries = [make(node, mum, most_groups=1) for node in (database, other) * 3]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(one).__name__ for one in outcomes) == ["Group"] + ["TooMany"] * 5


async def test_members_are_bounded(database: SqlDatabase, mum: Party, friends: list[Party]) -> None:
    with pytest.raises(TooMany):
        await make(database, mum, *friends, most_members=3)
    made = await make(database, mum, *friends[:2], most_members=3)
    with pytest.raises(TooMany):
        await add(database, made, friends[2], most=3)


# ── looking ──


async def test_groups_are_listed_by_name_for_all_of_ours(
    database: SqlDatabase, mum: Party, bear: Party, friends: list[Party]
) -> None:
    for name in ("zoo", "Art"):
        await make(database, mum, friends[0], name=name)
    await make(database, friends[0], friends[1], name="Theirs")
    assert [group.name for group in await database.groups_of([mum.id, bear.id])] == ["Art", "Bear", "zoo"]
    assert [group.name for group in await database.groups_of([bear.id])] == ["Bear"]
    assert await database.groups_of([]) == []
    assert await database.group(GroupId("g_none")) is None


async def test_the_group_of_a_family_belongs_to_nobody(database: SqlDatabase, mum: Party, bear: Party) -> None:
    [family] = await database.groups_of([bear.id])
    assert (family.kind, family.owner_id, set(family.members)) == (GroupKind.FAMILY, None, {mum, bear})


async def test_members_stand_in_the_order_in_which_they_came(
    database: SqlDatabase, mum: Party, friends: list[Party]
) -> None:
    made = await make(database, mum, now=NOW)
    for later, one in enumerate(reversed(friends), 1):
        await add(database, made, one, now=NOW + later)
    assert await present(database, made.id) == [mum, *reversed(friends)]


# ── changing ──


async def test_renaming(database: SqlDatabase, mum: Party, friends: list[Party]) -> None:
    made, other = await make(database, mum, *friends), await make(database, mum)
    await database.rename_group(made.id, "Zoo")
    assert [group.name for group in await database.groups_of([mum.id])] == [other.name, "Zoo"]
    await database.rename_group(GroupId("g_none"), "Zoo")


async def test_joining(database: SqlDatabase, mum: Party, friends: list[Party]) -> None:
    made = await make(database, mum, friends[0])
    await add(database, made, friends[1])
    await add(database, made, friends[1], now=NOW + 1)
    assert set(await present(database, made.id)) == {mum, *friends[:2]}
    assert await database.group_standing(friends[1].id, made.id) is Standing.MEMBER


async def test_who_may_not_talk_with_one_of_them_does_not_join(
    database: SqlDatabase, mum: Party, bear: Party, friends: list[Party]
) -> None:
    made = await make(database, mum, friends[0])
    with pytest.raises(NotAllowed):
        await add(database, made, bear)
    assert bear not in await present(database, made.id)


async def test_nobody_joins_what_is_not_there(database: SqlDatabase, mum: Party) -> None:
    with pytest.raises(NotFound):
        await database.add_member(GroupId("g_none"), mum.id, NOW, most=9, most_memberships=9)
    with pytest.raises(NotAllowed):
        await database.add_member((await make(database, mum)).id, PartyId("p_none"), NOW, most=9, most_memberships=9)


# ── leaving ──


async def leave(database: SqlDatabase, group: Group, party: Party) -> tuple[Collection[TakenBack], bool]:
    leaving = await database.remove_member(group.id, party.id)
    return leaving.taken_back, leaving.is_abandoned


async def test_leaving(database: SqlDatabase, mum: Party, friends: list[Party]) -> None:
    made, other = await make(database, mum, *friends), await make(database, mum, *friends)
    assert await leave(database, made, friends[0]) == ([], False)
    assert set(await present(database, made.id)) == {mum, *friends[1:]}
    assert set(await present(database, other.id)) == {mum, *friends}
    assert await database.group_standing(mum.id, made.id) is Standing.GROUP_OWNER
    assert await leave(database, made, friends[0]) == ([], False)


async def test_a_group_stays_its_owners_when_others_leave(
    database: SqlDatabase, mum: Party, friends: list[Party]
) -> None:
    for owner in (mum, friends[2]):
        made = await make(database, owner, mum, *friends)
        await leave(database, made, friends[0])
        assert await database.group_standing(owner.id, made.id) is Standing.GROUP_OWNER


async def test_a_group_passes_to_the_person_who_is_in_it_longest(
    database: SqlDatabase, mum: Party, dad: Party, friends: list[Party]
) -> None:
    cat = await add_toy(database, "Cat", mum)
    made = await make(database, mum, cat)
    for later, one in enumerate((friends[2], friends[0]), 1):
        await add_contact(database, cat, one)
        await add(database, made, one, now=NOW + later)
    assert await leave(database, made, mum) == ([], False)
    group = await database.group(made.id)
    assert group is not None
    assert group.owner_id == friends[2].id


async def test_a_group_without_people_is_abandoned(database: SqlDatabase, mum: Party, bear: Party) -> None:
    made = await make(database, mum, bear)
    assert await leave(database, made, mum) == ([], True)
    assert await present(database, made.id) == [bear]
    assert await database.group_standing(mum.id, made.id) is Standing.STRANGER


async def said_in(database: SqlDatabase, group: Group, sender: Party) -> Message:
    said = message(sender, group.id)
    await accept(database, said)
    await database.settle(said.id, NOW, sound=sound())
    return said


async def test_who_leaves_does_not_hear_what_they_had_not_heard(
    database: SqlDatabase, mum: Party, friends: list[Party]
) -> None:
    [ann, ben, _] = friends
    made, other = await make(database, mum, ann, ben), await make(database, mum, ann, ben)
    heard, waits = await said_in(database, made, mum), await said_in(database, made, mum)
    elsewhere, own = await said_in(database, other, mum), await said_in(database, made, ann)
    await database.advance(heard.id, ann.id, DeliveryState.HEARD, NOW)
    unconverted = message(mum, made.id)
    await accept(database, unconverted)
    assert await leave(database, made, ann) == ([TakenBack(waits.id, ann.id)], False)
    copies = {}
    for said in (heard, waits, elsewhere, own, unconverted):
        outcome = await database.outcome(said.id)
        assert outcome is not None
        copies[said.id] = {receipt.recipient_id for receipt in outcome[1]}
    assert copies == {
        heard.id: {ann.id, ben.id},
        waits.id: {ben.id},
        elsewhere.id: {ann.id, ben.id},
        own.id: {mum.id, ben.id},
        unconverted.id: {ben.id},
    }
