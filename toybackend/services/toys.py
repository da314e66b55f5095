"""Finding a family, and what its grown-ups settle for a toy."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from zoneinfo import available_timezones

from toybackend.errors import ClaimWrong, InvalidValue, NotFound, Overloaded, RateLimited, Refused
from toybackend.models import Claim, PartyId, Toy, ToySettings
from toybackend.ports import Bus, Changed, Clock, Database, Household, Tell, ToyChange
from toybackend.protocol import Notice, encode_server_frame
from toybackend.services.contacts import tell_taken_back
from toybackend.services.policy import Action, check
from toybackend.services.tries import Tries
from toybackend.settings import Families

CLAIM_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""No 0 and O, 1, I and L: a code is read from a toy and typed by hand."""
CLAIM_LENGTH = 8
NEW_CODES = 8
"""Codes that are drawn, should the first be in use, before we give up."""
WRONG_CODES_SECONDS = 600.0
SWITCHED_OFF_SECONDS = 60
"""How long a code outlives the socket of the toy that shows it: lines drop, and come back."""


class Toys:
    """What guardians do with a toy, and whoever wants to become one."""

    def __init__(
        self, database: Database, bus: Bus, *, claim_seconds: int, claim_tries: int, limits: Families, clock: Clock
    ) -> None:
        self._database = database
        self._bus = bus
        self._claim_seconds = claim_seconds
        self._tries = Tries(claim_tries, WRONG_CODES_SECONDS)
        self._limits = limits
        self._clock = clock
        self._zones: frozenset[str] = frozenset()

    # ── codes ──

    async def bind(self, guardian_id: PartyId, code: str, name: str = "") -> Toy:
        """Make this person a guardian of the toy that shows this code, or whose guardian opened it.
        Raises ClaimWrong, ClaimExpired, AlreadyBound, TooMany, or RateLimited after too many wrong codes."""
        self._count_try(guardian_id)
        try:
            toy = await self._bind(guardian_id, "".join(code.upper().replace("-", "").split()), name.strip())
        except ClaimWrong:
            raise  # and it counts
        except Refused:
            self._tries.take_back(guardian_id)
            raise
        self._tries.take_back(guardian_id)
        await self._changed(toy.id, Notice(event="bound", id=toy.id, name=toy.name))
        return toy

    def _count_try(self, person_id: PartyId) -> None:
        try:
            self._tries.count(person_id, self._clock())
        except RateLimited as limited:
            raise RateLimited(
                "too many wrong codes; wait, then read the code from the toy again", retry_after=limited.retry_after
            ) from None

    async def _bind(self, guardian_id: PartyId, code: str, name: str) -> Toy:
        limits = self._limits
        return await self._database.bind(
            code, guardian_id, name, self._clock(), most_guardians=limits.guardians, most_toys=limits.toys
        )

    async def new_claim(self, toy_id: PartyId, opened_by: PartyId | None = None) -> Claim:
        """A fresh code, in place of an older one. Raises AlreadyBound when a waiting toy found its owner, or NotFound
        when there is no such toy, or `opened_by` is no guardian of it."""
        expires_at = self._clock() + self._claim_seconds * 1000
        for _ in range(NEW_CODES):
            code = "".join(secrets.choice(CLAIM_ALPHABET) for _ in range(CLAIM_LENGTH))
            claim = Claim(code, toy_id, expires_at, opened_by)
            try:
                await self._database.set_claim(claim)
            except ClaimWrong:  # another toy shows this very code
                continue
            return claim
        raise Overloaded("no claim code is free")

    async def open_window(self, guardian_id: PartyId, toy_id: PartyId) -> Claim:
        """A code that makes whoever types it first another guardian of this toy. Raises NotFound or NotAllowed."""
        await self._check(guardian_id, toy_id, Action.INVITE_GUARDIAN)
        return await self.new_claim(toy_id, guardian_id)

    async def switched_on(self, toy_id: PartyId) -> None:
        """A waiting toy has a socket: its code lives its full time from now."""
        await self._database.move_claim(toy_id, self._clock() + self._claim_seconds * 1000)

    async def switched_off(self, toy_id: PartyId) -> None:
        """A waiting toy lost its socket: its code ends soon, unless it comes back."""
        await self._database.move_claim(toy_id, self._clock() + SWITCHED_OFF_SECONDS * 1000)

    # ── what guardians see and set ──

    async def household(self, guardian_id: PartyId, toy_id: PartyId) -> Household:
        """Raises NotFound."""
        await self._check(guardian_id, toy_id, Action.SEE_TOY)
        found = await self._database.households([toy_id])
        if not found:  # unbound this very moment
            raise NotFound
        return found[0]

    async def households(self, guardian_id: PartyId) -> Sequence[Household]:
        """Those of every toy of this person, by the toy's name."""
        return await self._database.households([toy.id for toy in await self._database.toys_of(guardian_id)])

    async def settings(self, toy_ids: Sequence[PartyId]) -> Mapping[PartyId, ToySettings]:
        return await self._database.settings(toy_ids)

    async def change(self, guardian_id: PartyId, toy_id: PartyId, change: ToyChange) -> Household:
        """Raises NotFound, ConsentNeeded for the name of a child, or InvalidValue for a time zone there is none of."""
        await self._check(guardian_id, toy_id, Action.CHANGE_TOY)
        if change.time_zone is not None and change.time_zone not in await self._known_zones():
            raise InvalidValue("time_zone takes a name of the IANA time zone database, such as Europe/Berlin")
        await self._database.change_toy(toy_id, _stripped(change))
        await self.changed(toy_id)
        return await self.household(guardian_id, toy_id)

    async def _known_zones(self) -> frozenset[str]:
        if not self._zones:
            self._zones = frozenset(await asyncio.to_thread(available_timezones))
        return self._zones

    async def heard_from(self, times: Mapping[PartyId, int]) -> None:
        """Write down when toys were last heard from."""
        await self._database.heard_from(times)

    # ── guardians ──

    async def remove_guardian(self, actor_id: PartyId, toy_id: PartyId, guardian_id: PartyId) -> None:
        """The owner may send others away, and everybody may go. Raises NotFound, or NotAllowed; also for the last one,
        who can only unbind the toy."""
        leaves = actor_id == guardian_id
        await self._check(actor_id, toy_id, Action.SEE_TOY if leaves else Action.REMOVE_GUARDIAN)
        taken_back = await self._database.remove_guardian(toy_id, guardian_id, self._clock())
        await tell_taken_back(self._bus, taken_back)
        await self._tell(guardian_id, Notice(event="unbound", id=toy_id))
        await self._bus.publish(Changed(guardian_id))
        await self.changed(toy_id)

    # ── telling ──

    async def changed(self, toy_id: PartyId) -> None:
        """Let the toy's socket and its guardians look again."""
        await self._changed(toy_id, Notice(event="settings", id=toy_id))

    async def _changed(self, toy_id: PartyId, news: Notice) -> None:
        await self._bus.publish(Changed(toy_id))
        for guardian in await self._database.guardians(toy_id):
            await self._tell(guardian.id, news)

    async def _tell(self, person_id: PartyId, news: Notice) -> None:
        await self._bus.publish(Tell(person_id, encode_server_frame(news)))

    async def _check(self, actor_id: PartyId, toy_id: PartyId, action: Action) -> None:
        check(await self._database.standing(actor_id, toy_id), action)


def _stripped(change: ToyChange) -> ToyChange:
    """Names without blanks around them; one of nothing but blanks is left as it is."""
    child_name = change.child_name.strip() if change.child_name is not None else None
    return replace(change, name=(change.name or "").strip() or None, child_name=child_name)
