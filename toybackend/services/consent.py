"""What guardians agree to before we keep the name of a child, and what happens when they take it back."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template

import toybackend
from toybackend.errors import InvalidValue
from toybackend.models import Consent, Erased, PartyId
from toybackend.ports import Clock, Database
from toybackend.services.policy import Action, check
from toybackend.services.toys import Toys
from toybackend.settings import Keeping

SHIPPED = Path(toybackend.__file__).parent / "consent"
VERSION_LENGTH = 16
"""Hex digits."""


@dataclass(frozen=True, slots=True)
class ConsentText:
    """What is shown to guardians before they agree."""

    version: str
    """SHA-256 of all the words as they are shown, with the days that are set here: another text has another version,
    whether somebody thought of it or not."""
    texts: Mapping[str, str]
    """By language."""


class Consents:
    """Agreeing to what is kept about a child."""

    def __init__(
        self,
        database: Database,
        toys: Toys,
        erase_sayings: Callable[[PartyId], Awaitable[Erased]],
        silence: Callable[[PartyId], Awaitable[None]],
        *,
        keeping: Keeping,
        clock: Clock,
    ) -> None:
        self._database = database
        self._toys = toys
        self._erase_sayings = erase_sayings
        self._silence = silence
        self._keeping = keeping
        self._clock = clock
        self._text: ConsentText | None = None

    async def text(self) -> ConsentText:
        """The one that counts now."""
        if self._text is None:
            self._text = await asyncio.to_thread(_read, self._keeping)
        return self._text

    async def give(self, guardian_id: PartyId, toy_id: PartyId, version: str) -> Consent:
        """A guardian agrees to this version of the text; a toy that was paused may talk again.
        Raises NotFound, or InvalidValue for a version that is not the current one."""
        await self._check(guardian_id, toy_id)
        if version != (await self.text()).version:
            raise InvalidValue("this is not the version of the text that counts now; show that of GET /consent first")
        consent = Consent(toy_id, guardian_id, version, self._clock())
        await self._database.give_consent(consent)
        await self._toys.changed(toy_id)
        return next((one for one in await self._database.consents(toy_id) if one.given_by == guardian_id), consent)

    async def withdraw(self, guardian_id: PartyId, toy_id: PartyId) -> Erased:
        """Pause the toy, forget the child's name, stop what plays, and erase everything that was said. Says what went.
        Raises NotFound. Doing it again finishes what a power cut left half done."""
        await self._check(guardian_id, toy_id)
        await self._database.withdraw_consent(toy_id, self._clock())
        await self._silence(toy_id)  # after the pause: nothing starts any more
        erased = await self._erase_sayings(toy_id)
        await self._toys.changed(toy_id)
        return erased

    async def _check(self, guardian_id: PartyId, toy_id: PartyId) -> None:
        check(await self._database.standing(guardian_id, toy_id), Action.CONSENT)


def _read(keeping: Keeping) -> ConsentText:
    days = asdict(keeping)
    texts = {
        file.stem: Template(file.read_text(encoding="utf-8")).substitute(days) for file in sorted(SHIPPED.glob("*.txt"))
    }
    shown = "\n".join(f"{language}\n{text}" for language, text in texts.items())
    return ConsentText(hashlib.sha256(shown.encode()).hexdigest()[:VERSION_LENGTH], texts)
