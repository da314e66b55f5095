"""Everybody moves in: families who only want to talk, and accounts that those who do harm have themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.server import CLIPS, PASSWORD, Family, issue_toys
from toybackend.house import House, open_house
from toybackend.models import GroupKind, Party, PartyId, PartyKind, ShelfKind
from toybackend.services.library import Offered
from toybackend.settings import Settings, Storage
from trials.clips import joined

LISTENERS = 8
"""Guardians of one toy, as many as it may have; each has as many sockets as one person may."""
SOCKETS_OF_ONE = 8


@dataclass(frozen=True, slots=True)
class Scene:
    """Who there is."""

    families: Sequence[Family]
    """They talk, and are measured."""
    deaf: Sequence[str]
    """Tokens of people who never listen."""
    speakers: Sequence[tuple[str, str]]
    """Token of a toy that talks to them, and the id of its group."""
    villains: Sequence[str]
    """Tokens of people who send what nobody needs."""
    book: str
    """A long story on the shelf."""


async def move_in(data: Path, *, families: int, deaf_sockets: int, story_seconds: int) -> Scene:
    """Into a new data folder, before its server runs."""
    async with open_house(Settings(storage=Storage(data_dir=data))) as house:
        mover = _Mover(house)
        talking = [await mover.family(f"family {number}") for number in range(families)]
        toys = math.ceil(deaf_sockets / (LISTENERS * SOCKETS_OF_ONE))
        circles = [await mover.circle(f"circle {number}") for number in range(toys)]
        villains = [await mover.person(f"villain {number}") for number in range(4)]
        story = data.with_name("story.amr")
        story.write_bytes(joined(CLIPS / "story_nb.amr", story_seconds))
        item = await house.library.stock(story, Offered("A long one", shelf=ShelfKind.SHARED), lambda part: None)
        return Scene(
            families=talking,
            deaf=[token for tokens, _ in circles for token in tokens],
            speakers=[speaker for _, speaker in circles],
            villains=[token for _, token in villains],
            book=item.id,
        )


class _Mover:
    def __init__(self, house: House) -> None:
        self._house = house

    async def person(self, name: str) -> tuple[str, str]:
        """Id and token."""
        account = await self._house.accounts.add(name, PASSWORD)
        return account.id, await self._house.tokens.give(account.id, PartyKind.PERSON)

    async def family(self, name: str) -> Family:
        person_id, token = await self.person(name)
        [(toy_id, toy_token)] = await issue_toys(self._house, name, 1)
        return Family(person_id, token, toy_id, toy_token)

    async def circle(self, name: str) -> tuple[list[str], tuple[str, str]]:
        """A toy with all the guardians it may have: their tokens, and its own with its group."""
        owner_id, token = await self.person(name)
        [(toy_id, toy_token)] = await issue_toys(self._house, name, 1)
        tokens = [token]
        for number in range(1, LISTENERS):
            guardian_id, token = await self.person(f"{name}, {number}")
            window = await self._house.toys.open_window(PartyId(owner_id), PartyId(toy_id))
            await self._house.toys.bind(PartyId(guardian_id), window.code)
            tokens.append(token)
        groups = await self._house.groups.groups(Party(PartyId(toy_id), PartyKind.TOY, "toy"))
        [group] = [one for one in groups if one.kind is GroupKind.FAMILY]
        return tokens, (toy_token, group.id)
