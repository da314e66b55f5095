"""Who agreed to talk with whom, in twos and in groups."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from toybackend.models import Contact, ContactId, Group, GroupId, MessageId, Party, PartyId


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a request."""

    contact: Contact
    is_news: bool
    """It was not there before, or was not agreed."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A copy of a published message that its recipient does not get to hear any more."""

    message_id: MessageId
    recipient_id: PartyId


@dataclass(frozen=True, slots=True)
class Leaving:
    """What happened when a member left a group."""

    taken_back: Sequence[TakenBack]
    is_abandoned: bool
    """No person is left in it: the group has to go, with what was said there."""


class Contacts(Protocol):
    """Pairs of parties of different families."""

    async def party(self, party_id: PartyId) -> Party | None:
        """A person, or a toy that has a family."""

    async def ask(
        self, contact_id: ContactId, side: PartyId, other: PartyId, now: int, *, is_agreed: bool, most: int
    ) -> Asked:
        """A request from `side` to `other`, agreed at once where one grown-up answers for both. Asking again finds the
        one that is there, and asking whoever asks us is agreeing; a side that blocks the other asks for nothing.
        Raises UnknownRecipient where there is no such party, where it blocks this side or has no room for one more,
        and, before anything is said of the other, TooMany where this side would have more than `most` contacts and open
        requests."""

    async def contacts_of(self, sides: Collection[PartyId]) -> Sequence[Contact]:
        """Every contact of these parties, seen from their side, by the names they give. While a contact is not agreed
        it does not exist for a side that the other one blocks, and whoever asked does not see the other's name."""

    async def contact(self, contact_id: ContactId) -> Sequence[Contact]:
        """One contact, seen from each of the sides for which it exists."""

    async def agree(self, contact_id: ContactId, side: PartyId, now: int) -> None:
        """The side that was asked agrees. Raises NotFound where this side is not asked (any more), or either blocks."""

    async def set_nickname(self, contact_id: ContactId, side: PartyId, nickname: str) -> None: ...

    async def set_block(self, contact_id: ContactId, side: PartyId, *, blocks: bool) -> Sequence[TakenBack]:
        """Blocking also takes back, between the two, what was not heard yet: it is not played any more."""

    async def end_contact(self, contact_id: ContactId, by: Collection[PartyId]) -> Sequence[TakenBack]:
        """Forget it, and take back what was not heard yet. A block by a side that is not among `by` outlives it:
        whoever is blocked must not come in again by ending the contact and asking anew."""


class Groups(Protocol):
    """More than two who talk with each other. Everybody in a group is a peer (`Relations.peers`) of everybody else in
    it at the time of joining; what changes later is looked at with every message."""

    async def add_group(
        self,
        group_id: GroupId,
        name: str,
        owner_id: PartyId,
        members: Collection[PartyId],
        now: int,
        *,
        most_groups: int,
        most_members: int,
        most_memberships: int,
    ) -> Group:
        """A custom one; the owner is a member too. Raises NotAllowed where two of them are not peers, or TooMany where
        the owner would have more than `most_groups`, the group more than `most_members`, or one of them would be in
        more than `most_memberships`."""

    async def group(self, group_id: GroupId) -> Group | None: ...

    async def groups_of(self, member_ids: Collection[PartyId]) -> Sequence[Group]:
        """Every group in which one of these is a member, by name."""

    async def rename_group(self, group_id: GroupId, name: str) -> None: ...

    async def add_member(
        self, group_id: GroupId, party_id: PartyId, now: int, *, most: int, most_memberships: int
    ) -> None:
        """Adding whoever is in it changes nothing. Raises NotFound, NotAllowed where one who is in it is no peer of
        this one, or TooMany: for the group, or for this one's memberships."""

    async def remove_member(self, group_id: GroupId, party_id: PartyId) -> Leaving:
        """Takes back what this member did not hear yet. A group whose owner goes passes to the person who is in it
        longest."""
