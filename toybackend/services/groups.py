"""Groups: everybody in one may talk with everybody else in it, or is not let in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from toybackend.errors import NotAllowed, NotFound, UnknownRecipient
from toybackend.models import Group, GroupId, GroupKind, Party, PartyId, PartyKind, Standing
from toybackend.ports import Bus, Clock, Database, NewId
from toybackend.services.contacts import tell_taken_back
from toybackend.services.policy import Action, Decision, check, decide
from toybackend.settings import Families

EraseGroup = Callable[[GroupId], Awaitable[Any]]
"""Make a group go, with everything that was said in it."""


class Groups:
    """Making groups, changing them, coming and going."""

    def __init__(
        self, database: Database, bus: Bus, erase: EraseGroup, *, limits: Families, clock: Clock, new_id: NewId
    ) -> None:
        self._database = database
        self._bus = bus
        self._erase = erase
        self._limits = limits
        self._clock = clock
        self._new_id = new_id

    async def groups(self, caller: Party) -> Sequence[Group]:
        """Those of a toy; or those of a person, and of every toy they guard."""
        toys = await self._database.toys_of(caller.id) if caller.kind is PartyKind.PERSON else ()
        return await self._database.groups_of([caller.id, *(toy.id for toy in toys)])

    async def create(self, owner_id: PartyId, name: str, members: Collection[PartyId]) -> Group:
        """Raises UnknownRecipient, NotAllowed where two of the members may not talk with each other, or TooMany."""
        others = set(members) - {owner_id}
        for one in others:
            await self._check_may_add(owner_id, one)
        return await self._database.add_group(
            GroupId(self._new_id("g")),
            name,
            owner_id,
            others,
            self._clock(),
            most_groups=self._limits.groups,
            most_members=self._limits.members,
            most_memberships=self._limits.memberships,
        )

    async def rename(self, caller_id: PartyId, group_id: GroupId, name: str) -> Group:
        """Raises NotFound, or NotAllowed."""
        await self._owned(caller_id, group_id)
        await self._database.rename_group(group_id, name)
        return await self._group(group_id)

    async def delete(self, caller_id: PartyId, group_id: GroupId) -> None:
        """And what was said in it. Raises NotFound, or NotAllowed."""
        await self._owned(caller_id, group_id)
        await self._erase(group_id)

    async def add(self, caller_id: PartyId, group_id: GroupId, party_id: PartyId) -> Group:
        """Raises NotFound, UnknownRecipient, NotAllowed where somebody in the group may not talk with this one, or
        TooMany."""
        group = await self._owned(caller_id, group_id)
        if party_id in _ids(group):
            return group
        await self._check_may_add(caller_id, party_id)
        await self._database.add_member(
            group_id,
            party_id,
            self._clock(),
            most=self._limits.members,
            most_memberships=self._limits.memberships,
        )
        return await self._group(group_id)

    async def remove(self, caller_id: PartyId, group_id: GroupId, party_id: PartyId) -> None:
        """The owner removes anybody; whoever answers for a member takes that one out. Raises NotFound, or
        NotAllowed."""
        group, standing = await self._seen(caller_id, group_id)
        if party_id not in _ids(group):
            raise NotFound
        if group.kind is GroupKind.FAMILY:
            raise NotAllowed("the group of a family comes with its toy, and follows its guardians by itself")
        if decide(standing, Action.CHANGE_GROUP) is not Decision.ALLOWED:
            check(await self._database.standing(caller_id, party_id), Action.ANSWER_FOR, hidden=NotAllowed)
        leaving = await self._database.remove_member(group_id, party_id)
        await tell_taken_back(self._bus, leaving.taken_back)
        if leaving.is_abandoned:
            await self._erase(group_id)

    # ── who may ──

    async def _check_may_add(self, caller_id: PartyId, party_id: PartyId) -> None:
        standing = await self._database.standing(caller_id, party_id)
        check(standing, Action.ADD_TO_GROUP, hidden=UnknownRecipient)

    async def _owned(self, caller_id: PartyId, group_id: GroupId) -> Group:
        group, standing = await self._seen(caller_id, group_id)
        check(standing, Action.CHANGE_GROUP)  # nobody owns the group of a family
        return group

    async def _seen(self, caller_id: PartyId, group_id: GroupId) -> tuple[Group, Standing]:
        """A group, and what the caller is to it: who guards a toy of the group sees it as that toy does."""
        group = await self._database.group(group_id)
        standing = await self._database.group_standing(caller_id, group_id)
        if standing is Standing.STRANGER:
            # It is asked of a group that there is not as well, which takes as long.
            toys = {toy.id for toy in await self._database.toys_of(caller_id)}
            standing = Standing.MEMBER if group is not None and _ids(group) & toys else standing
        check(standing, Action.SEE_GROUP)
        if group is None:  # deleted this very moment
            raise NotFound
        return group, standing

    async def _group(self, group_id: GroupId) -> Group:
        group = await self._database.group(group_id)
        if group is None:
            raise NotFound
        return group


def _ids(group: Group) -> set[PartyId]:
    return {one.id for one in group.members}
