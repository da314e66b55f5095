"""Toys, and the grown-ups who answer for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from toybackend.models import Claim, Consent, Guardian, PartyId, QuietWindow, Toy, ToySettings
from toybackend.ports.contacts import TakenBack


@dataclass(frozen=True, slots=True)
class ToyChange:
    """What a guardian changes; None leaves it as it is."""

    name: str | None = None
    child_name: str | None = None
    picture: str | None = None
    colour: str | None = None
    volume_cap: int | None = None
    time_zone: str | None = None
    """A name that `zoneinfo` knows."""
    quiet_windows: tuple[QuietWindow, ...] | None = None
    daily_limit_minutes: int | None = None
    """0 takes the limit away."""
    autoplay: bool | None = None


@dataclass(frozen=True, slots=True)
class Household:
    """A toy with everything that its guardians see of it."""

    toy: Toy
    guardians: tuple[Guardian, ...]
    """The owner first, then as they came."""
    consent: Consent | None
    """The newest that is in force."""


class Toys(Protocol):
    """Binding and what comes after it. What open sockets must learn of raises `Tokens.revision`."""

    async def set_claim(self, claim: Claim) -> None:
        """Give a toy this code, in place of an older one. Raises ClaimWrong when the code is in use, AlreadyBound for
        the claim of a waiting toy that found its owner meanwhile, or NotFound when `opened_by` is no guardian of it."""

    async def move_claim(self, toy_id: PartyId, expires_at: int) -> None:
        """Let the code of a waiting toy, if it is unused, expire then and not when it would."""

    async def claim(self, code: str) -> Claim | None:
        """Used ones included, until they expire and are forgotten."""

    async def bind(
        self, code: str, guardian_id: PartyId, name: str, now: int, *, most_guardians: int, most_toys: int
    ) -> Toy:
        """In one transaction use the claim up and make this person a guardian: the owner of a waiting toy, whose
        token becomes good for everything and whose family group is made with the id `g_` + the rest of its own id;
        or a co-guardian, who joins the family group. An owner names the toy; without a name it keeps its own.
        Whoever used the claim gets the same answer again. Raises ClaimWrong, ClaimExpired, AlreadyBound or TooMany."""

    async def toy(self, toy_id: PartyId) -> Toy | None: ...

    async def toys_of(self, guardian_id: PartyId) -> Sequence[Toy]:
        """By name."""

    async def settings(self, toy_ids: Sequence[PartyId]) -> Mapping[PartyId, ToySettings]:
        """What was set for each of these toys."""

    async def change_toy(self, toy_id: PartyId, change: ToyChange) -> None:
        """A new name is the family group's too. Raises NotFound, or ConsentNeeded for the name of a child while no
        consent is in force."""

    async def guardians(self, toy_id: PartyId) -> Sequence[Guardian]:
        """The owner first, then as they came."""

    async def households(self, toy_ids: Sequence[PartyId]) -> Sequence[Household]:
        """By the toy's name; without those that have no family."""

    async def remove_guardian(self, toy_id: PartyId, guardian_id: PartyId, now: int) -> Sequence[TakenBack]:
        """Also from the family group, and with the codes they opened or used, their consent (where nobody else's is in
        force the child's name is forgotten), and the toy's contacts with them and with those of their toys for which no
        other guardian answers. Takes back what they had not heard yet in that group, and what was under way between
        them and the family they may not talk with any more. An owner who goes is followed by whoever guards the toy
        longest.
        Raises NotFound, or NotAllowed for the last one: that is unbinding."""

    async def give_consent(self, consent: Consent) -> None:
        """And let the toy talk again, if it was paused. The same consent twice is one. Raises NotFound."""

    async def withdraw_consent(self, toy_id: PartyId, now: int) -> None:
        """Pause the toy and forget the child's name. What was said is erased by `Erasing.erase_sayings`.
        Raises NotFound."""

    async def consents(self, toy_id: PartyId) -> Sequence[Consent]:
        """All that were given, newest first."""

    async def heard_from(self, times: Mapping[PartyId, int]) -> None:
        """Write down when toys were last heard from."""
