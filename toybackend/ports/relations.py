"""What stands between two parties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from toybackend.models import GroupId, PartyId, QuietHours, Standing


@dataclass(frozen=True, slots=True)
class Relation:
    """What has to be known about a sender and whom they want to reach."""

    standing: Standing
    recipients: tuple[PartyId, ...]
    """Whom it would reach: the one party, or every other member of the group who may talk with the sender."""
    family: str = ""
    """Key of the sender's family, by which conversion is shared out fairly."""
    is_paused: bool = False
    """One of the two is a toy whose guardians withdrew their consent."""
    quiet_hours: Mapping[PartyId, QuietHours] = field(default_factory=dict)
    """Of those recipients that have some."""
    kept_bytes: int = 0
    """Of sound, kept for everybody who guards a toy together with the sender, or guards the sender, and their toys."""


class Relations(Protocol):
    """Who is what to whom."""

    async def relation(self, sender_id: PartyId, *, to_user: PartyId | None, to_group: GroupId | None) -> Relation:
        """What stands between a sender and an addressee, in one look."""

    async def standing(self, actor_id: PartyId, other_id: PartyId) -> Standing:
        """What the actor is to a party, SELF included; STRANGER also where there is no such party."""

    async def standings(self, actor_id: PartyId, others: Sequence[PartyId]) -> Mapping[PartyId, Standing]:
        """The same to several parties at once."""

    async def group_standing(self, actor_id: PartyId, group_id: GroupId) -> Standing:
        """What the actor is to a group: GROUP_OWNER, MEMBER or STRANGER."""

    async def peers(self, party_id: PartyId) -> set[PartyId]:
        """Everybody this party may talk with now."""
