"""The families: who lives where, who may talk with whom, and what a message of one to another is."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bench.server import PASSWORD, issue_toys
from toybackend.house import House, open_house
from toybackend.models import Group, GroupKind, Party, PartyId, PartyKind, ShelfKind
from toybackend.services.library import Offered
from toybackend.settings import Settings, Storage
from trials.soak.sayings import Copy, Saying, Words


@dataclass(slots=True)
class Resident:
    """A grown-up or a toy."""

    id: str
    name: str
    token: str
    is_toy: bool = False


@dataclass(slots=True)
class Household:
    """Two grown-ups who guard the same two toys; the first of them owns these."""

    mum: Resident
    dad: Resident
    toys: list[Resident]
    mums_second_token: str
    """Of her other phone."""

    @property
    def members(self) -> list[Resident]:
        return [self.mum, self.dad, *self.toys]


@dataclass(slots=True)
class Pact:
    """Two toys of different families that may talk with each other, unless one family blocks the other."""

    id: str
    toys: tuple[str, str]
    is_blocked: bool | None = False
    """None while that is changing."""


@dataclass(slots=True)
class Town:
    """Everybody, and what stands between them."""

    households: list[Household] = field(default_factory=list)
    narrators: list[Household] = field(default_factory=list)
    """They only tell long stories, when it is time to see whether others wait for that; the first one is in a hurry."""
    licence: str = ""
    """Of the board that is handed on between the first two families."""
    songs: list[str] = field(default_factory=list)
    """On the shelf."""
    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    """Who is in it."""
    group_toys: dict[str, str] = field(default_factory=dict)
    """Whose group it is, where it goes with a toy."""
    pacts: list[Pact] = field(default_factory=list)
    _peers: dict[str, set[str]] = field(default_factory=dict)

    @property
    def homes(self) -> list[Household]:
        return [*self.households, *self.narrators]

    def befriend(self, *parties: str) -> None:
        """From now on each of them may talk with each."""
        for one in parties:
            self._peers.setdefault(one, set()).update(set(parties) - {one})

    def adopt(self, toy: str, guardian: str, group: str) -> None:
        """A toy has found its family, which talks in this group."""
        self.befriend(toy, guardian)
        self.groups[group], self.group_toys[group] = frozenset({toy, guardian}), toy

    def part(self, party: str) -> None:
        """It is gone."""
        for other in self._peers.pop(party, set()):
            self._peers[other].discard(party)
        for group in [group for group, toy in self.group_toys.items() if toy == party]:
            del self.groups[group], self.group_toys[group]

    def peers(self, party: str) -> list[str]:
        return sorted(self._peers.get(party, ()))

    def groups_of(self, party: str) -> list[str]:
        return sorted(group for group, members in self.groups.items() if party in members)

    def can_reach(self, sender: str, to: str) -> bool:
        """Is there anybody to hear it?"""
        known = self._peers.get(sender, set())
        return bool(known & self.groups.get(to, frozenset({to})))

    def pact_between(self, one: str, other: str) -> Pact | None:
        return next((pact for pact in self.pacts if {one, other} == set(pact.toys)), None)

    def saying(self, sender: str, to: str, ref: str, words: Words, now: float, *, is_urgent: bool = False) -> Saying:
        """A message of this party to another one or to a group."""
        is_group = to.startswith("g_")
        recipients = self.groups[to] & self._peers[sender] if is_group else {to}
        pact = None if is_group else self.pact_between(sender, to)
        blocked = pact.is_blocked if pact is not None else False
        return Saying(
            sender=sender,
            ref=ref,
            words=words,
            conversation=to if is_group else "+".join(sorted((sender, to))),
            to_user=None if is_group else to,
            to_group=to if is_group else None,
            copies={one: Copy(is_void=blocked is None) for one in recipients},
            lives_by=frozenset({sender, self.group_toys.get(to, sender) if is_group else to}),
            is_urgent=is_urgent,
            may=None if blocked is None else not blocked,
            offered_at=now,
        )


# ── moving in ──


async def settle(data: Path, *, households: int, narrators: int, song: Path) -> Town:
    """A town in a new data folder, before its server runs."""
    town = Town()
    async with open_house(Settings(storage=Storage(data_dir=data))) as house:
        builder = _Builder(house, town)
        for number in range(households):
            town.households.append(await builder.move_in(f"{number}"))
        for number in range(narrators):
            town.narrators.append(await builder.move_in(f"narrator {number}", is_small=True))
        for near, far in pairwise(town.households):
            await builder.introduce(near, far)
        [[(_, town.licence)]] = [batch async for batch in house.devices.issue(1)]
        stocked = await house.library.stock(song, Offered("A song", shelf=ShelfKind.SHARED), lambda part: None)
        town.songs.append(stocked.id)
    return town


class _Builder:
    """Fills a house and a town alike."""

    def __init__(self, house: House, town: Town) -> None:
        self._house = house
        self._town = town

    async def move_in(self, name: str, *, is_small: bool = False) -> Household:
        """A small household has one toy, and nobody but its owner."""
        mum = await self._person(f"mum {name}")
        toys = [await self._toy(mum) for _ in range(1 if is_small else 2)]
        dad = mum if is_small else await self._person(f"dad {name}")
        if not is_small:
            for toy in toys:
                window = await self._house.toys.open_window(PartyId(mum.id), PartyId(toy.id))
                await self._house.toys.bind(PartyId(dad.id), window.code)
        for toy in toys:
            self._town.befriend(*{mum.id, dad.id, toy.id})
            [family] = [one for one in await self._groups(toy) if one.kind is GroupKind.FAMILY]
            self._enter(family.id, toy.id)
        return Household(mum, dad, toys, await self._token(mum.id, PartyKind.PERSON))

    async def introduce(self, near: Household, far: Household) -> None:
        """The grown-ups of the one household to those of the other, a toy to a grown-up, and a toy to a toy."""
        await self._agree(near.mum, near.mum, far.mum, far.mum)
        await self._agree(far.mum, far.mum, near.mum, near.toys[0])
        self._town.befriend(near.mum.id, far.mum.id)
        self._town.befriend(far.mum.id, near.toys[0].id)
        contact_id = await self._agree(near.mum, near.toys[1], far.mum, far.toys[1])
        self._town.befriend(near.toys[1].id, far.toys[1].id)
        self._town.pacts.append(Pact(contact_id, (near.toys[1].id, far.toys[1].id)))
        members = [PartyId(one.id) for one in (near.toys[0], far.mum)]
        group = await self._house.groups.create(PartyId(near.mum.id), "neighbours", members)
        self._town.groups[group.id] = frozenset(one.id for one in group.members)

    async def _agree(self, asker: Resident, side: Resident, other: Resident, other_side: Resident) -> str:
        contacts = self._house.contacts
        asked = await contacts.ask(PartyId(asker.id), PartyId(other_side.id), PartyId(side.id))
        await contacts.accept(PartyId(other.id), asked.id)
        return asked.id

    async def _groups(self, toy: Resident) -> Sequence[Group]:
        return await self._house.groups.groups(Party(PartyId(toy.id), PartyKind.TOY, toy.name))

    def _enter(self, group_id: str, toy_id: str) -> None:
        """A toy's own group: it and its guardians."""
        self._town.groups[group_id] = frozenset({toy_id, *self._town.peers(toy_id)})
        self._town.group_toys[group_id] = toy_id

    async def _person(self, name: str) -> Resident:
        account = await self._house.accounts.add(name, PASSWORD)
        return Resident(account.id, name, await self._token(account.id, PartyKind.PERSON))

    async def _toy(self, guardian: Resident) -> Resident:
        [(toy_id, token)] = await issue_toys(self._house, guardian.name, 1)
        return Resident(toy_id, "toy", token, is_toy=True)

    async def _token(self, party_id: str, kind: PartyKind) -> str:
        return await self._house.tokens.give(PartyId(party_id), kind, session_id=f"s_{secrets.token_hex(8)}")
