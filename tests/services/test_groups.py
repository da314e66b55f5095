"""Groups: who may make, change and leave them."""

from __future__ import annotations

import pytest

from tests.services.conftest import Home
from tests.world import accept, add_contact, add_guardian, add_licensed_toy, add_person, add_toy, message, new_id, sound
from toybackend.errors import NotAllowed, NotFound, Refused, TooMany, UnknownRecipient
from toybackend.models import Group, GroupId, GroupKind, Party, PartyId
from toybackend.protocol import Notice
from toybackend.services.groups import Groups
from toybackend.settings import Families


class Eraser:
    """Notes which groups were to go, and lets them go."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self.erased: list[GroupId] = []

    async def __call__(self, group_id: GroupId) -> None:
        self.erased.append(group_id)
        await self._home.database.erase_group(group_id)


@pytest.fixture
def eraser(home: Home) -> Eraser:
    return Eraser(home)


@pytest.fixture
def groups(home: Home, eraser: Eraser) -> Groups:
    limits = Families(groups=2, members=4)
    return Groups(home.database, home.bus, eraser, limits=limits, clock=home.clock, new_id=new_id)


@pytest.fixture
async def aunt(home: Home) -> Party:
    """Of another family; everybody here may talk with her."""
    made = await add_person(home.database, "Aunt")
    for one in (home.mum, home.dad, home.bear):
        await add_contact(home.database, made, one)
    return made


@pytest.fixture
async def group(home: Home, groups: Groups, aunt: Party) -> Group:
    """Mum's, with aunt and the bear, whom dad guards too."""
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    return await groups.create(home.mum.id, "Sunday", [aunt.id, home.bear.id])


async def family_group(home: Home) -> GroupId:
    return next(one.id for one in await home.database.groups_of([home.bear.id]) if one.kind is GroupKind.FAMILY)


async def members(home: Home, group: Group) -> set[PartyId]:
    found = await home.database.group(group.id)
    return {one.id for one in found.members} if found else set()


# ── making ──


async def test_a_person_makes_a_group_of_whom_they_know(home: Home, group: Group, aunt: Party) -> None:
    assert (group.kind, group.name, group.owner_id) == (GroupKind.CUSTOM, "Sunday", home.mum.id)
    assert set(group.members) == {home.mum, aunt, home.bear}


async def test_a_group_of_ones_own(home: Home, groups: Groups) -> None:
    assert (await groups.create(home.mum.id, "Notes", [home.mum.id])).members == (home.mum,)


async def test_whom_one_may_not_talk_with_is_unknown(home: Home, groups: Groups, aunt: Party) -> None:
    blocked = await add_person(home.database, "Blocked")
    await add_contact(home.database, home.mum, blocked, blocks=True)
    stranger, waiting = await add_person(home.database, "Stranger"), await add_licensed_toy(home.database)
    answers = set()
    for other in (blocked.id, stranger.id, waiting, PartyId("p_none")):
        with pytest.raises(Refused) as refused:
            await groups.create(home.mum.id, "Sunday", [aunt.id, other])
        answers.add((type(refused.value), str(refused.value)))
    assert answers == {(UnknownRecipient, UnknownRecipient.says)}


async def test_whom_one_knows_need_not_know_each_other(home: Home, groups: Groups, aunt: Party) -> None:
    uncle = await add_person(home.database, "Uncle")
    await add_contact(home.database, home.mum, uncle)
    with pytest.raises(NotAllowed):
        await groups.create(home.mum.id, "Sunday", [aunt.id, uncle.id])


async def test_limits(home: Home, groups: Groups, aunt: Party) -> None:
    for name in ("one", "two"):
        await groups.create(home.mum.id, name, [])
    with pytest.raises(TooMany):
        await groups.create(home.mum.id, "three", [])
    full = await groups.create(aunt.id, "full", [home.mum.id, home.bear.id])
    cousin, uncle = await add_person(home.database, "Cousin"), await add_person(home.database, "Uncle")
    for new in (cousin, uncle):
        for one in {aunt, home.mum, home.bear, cousin} - {new}:
            await add_contact(home.database, new, one)
    await groups.add(aunt.id, full.id, cousin.id)
    with pytest.raises(TooMany):
        await groups.add(aunt.id, full.id, uncle.id)


# ── looking ──


async def test_a_person_sees_the_groups_of_their_toys_too(home: Home, groups: Groups, group: Group) -> None:
    for person in (home.mum, home.dad):
        assert [one.name for one in await groups.groups(person)] == ["Bear", "Sunday"]
    assert [one.name for one in await groups.groups(home.bear)] == ["Bear", "Sunday"]


async def test_a_toy_sees_its_own_alone(home: Home, groups: Groups, group: Group, aunt: Party) -> None:
    cat = await add_toy(home.database, "Cat", home.mum)
    assert [one.name for one in await groups.groups(cat)] == ["Cat"]
    assert [one.name for one in await groups.groups(aunt)] == ["Sunday"]


# ── changing ──


async def test_the_owner_renames_it(home: Home, groups: Groups, group: Group) -> None:
    assert (await groups.rename(home.mum.id, group.id, "Monday")).name == "Monday"


async def test_the_owner_adds(home: Home, groups: Groups, group: Group) -> None:
    added = await groups.add(home.mum.id, group.id, home.dad.id)
    assert home.dad in added.members
    assert await groups.add(home.mum.id, group.id, home.dad.id) == added


async def test_who_may_not_talk_with_one_of_them_is_not_added(home: Home, groups: Groups, group: Group) -> None:
    uncle, stranger = await add_person(home.database, "Uncle"), await add_person(home.database, "Stranger")
    await add_contact(home.database, home.mum, uncle)
    with pytest.raises(NotAllowed):
        await groups.add(home.mum.id, group.id, uncle.id)
    for nobody in (stranger.id, PartyId("p_none")):
        with pytest.raises(UnknownRecipient):
            await groups.add(home.mum.id, group.id, nobody)


async def test_the_owner_deletes_it_with_what_was_said(
    home: Home, groups: Groups, group: Group, eraser: Eraser
) -> None:
    await groups.delete(home.mum.id, group.id)
    assert eraser.erased == [group.id]
    with pytest.raises(NotFound):
        await groups.rename(home.mum.id, group.id, "Monday")


@pytest.mark.parametrize("who", ["aunt", "dad"])
async def test_others_who_see_it_are_told_that_they_may_not(
    home: Home, groups: Groups, group: Group, aunt: Party, eraser: Eraser, who: str
) -> None:
    """A member, and the guardian of a member."""
    caller = aunt if who == "aunt" else home.dad
    for attempt in (
        groups.rename(caller.id, group.id, "Mine"),
        groups.delete(caller.id, group.id),
        groups.add(caller.id, group.id, home.dad.id),
        groups.remove(caller.id, group.id, home.mum.id),
    ):
        with pytest.raises(NotAllowed):
            await attempt
    assert await home.database.group(group.id) == group
    assert eraser.erased == []


async def test_strangers_find_nothing(home: Home, groups: Groups, group: Group) -> None:
    stranger = await add_person(home.database, "Stranger")
    answers = set()
    for group_id in (group.id, await family_group(home), GroupId("g_none")):
        for attempt in (
            groups.rename(stranger.id, group_id, "Mine"),
            groups.delete(stranger.id, group_id),
            groups.add(stranger.id, group_id, stranger.id),
            groups.remove(stranger.id, group_id, home.mum.id),
            groups.remove(stranger.id, group_id, stranger.id),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            answers.add((type(refused.value), str(refused.value)))
    assert answers == {(NotFound, NotFound.says)}


async def test_the_group_of_a_family_is_left_alone(home: Home, groups: Groups, aunt: Party, eraser: Eraser) -> None:
    family = await family_group(home)
    for attempt in (
        groups.rename(home.mum.id, family, "Mine"),
        groups.delete(home.mum.id, family),
        groups.add(home.mum.id, family, aunt.id),
        groups.remove(home.mum.id, family, home.mum.id),
        groups.remove(home.mum.id, family, home.bear.id),
    ):
        with pytest.raises(NotAllowed):
            await attempt
    assert eraser.erased == []
    found = await home.database.group(family)
    assert found is not None
    assert set(found.members) == {home.mum, home.bear}


# ── leaving ──


async def test_the_owner_removes_anybody(home: Home, groups: Groups, group: Group, aunt: Party) -> None:
    await groups.remove(home.mum.id, group.id, aunt.id)
    assert await members(home, group) == {home.mum.id, home.bear.id}
    with pytest.raises(NotFound):
        await groups.remove(home.mum.id, group.id, aunt.id)


async def test_a_member_leaves(home: Home, groups: Groups, group: Group, aunt: Party) -> None:
    await groups.remove(aunt.id, group.id, aunt.id)
    assert await members(home, group) == {home.mum.id, home.bear.id}


async def test_every_guardian_takes_their_toy_out(home: Home, groups: Groups, group: Group, aunt: Party) -> None:
    await groups.remove(home.dad.id, group.id, home.bear.id)
    assert await members(home, group) == {home.mum.id, aunt.id}
    with pytest.raises(NotFound):
        await groups.remove(home.dad.id, group.id, aunt.id)


async def test_the_group_of_an_owner_who_leaves_passes_on(
    home: Home, groups: Groups, group: Group, aunt: Party, eraser: Eraser
) -> None:
    await groups.remove(home.mum.id, group.id, home.mum.id)
    found = await home.database.group(group.id)
    assert found is not None
    assert (found.owner_id, eraser.erased) == (aunt.id, [])


async def test_the_group_goes_with_the_last_person(
    home: Home, groups: Groups, group: Group, aunt: Party, eraser: Eraser
) -> None:
    for one in (aunt, home.mum):
        await groups.remove(one.id, group.id, one.id)
    assert eraser.erased == [group.id]
    assert await home.database.group(group.id) is None


async def test_who_is_taken_out_is_told_what_is_gone(home: Home, groups: Groups, group: Group, aunt: Party) -> None:
    said = message(aunt, group.id)
    await accept(home.database, said)
    await home.database.settle(said.id, home.clock.now, sound=sound())
    await groups.remove(home.mum.id, group.id, home.bear.id)
    assert home.told(home.bear) == [Notice(event="deleted", id=said.id)]
    assert home.told(home.mum) == home.told(aunt) == []
