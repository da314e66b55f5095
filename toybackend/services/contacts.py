"""Who may talk to whom between families: the grown-ups of both sides agree, and either side ends it at once.

A side is a person, who answers for itself, or a toy, for which each of its guardians answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from toybackend.errors import MissingField, NotAllowed, NotFound
from toybackend.models import NOBODY, Contact, ContactId, ContactState, Party, PartyId, PartyKind, Standing
from toybackend.ports import Bus, Clock, Database, NewId, TakenBack, Tell
from toybackend.protocol import Notice, encode_server_frame
from toybackend.services.policy import Action, Decision, check, decide
from toybackend.services.tries import Tries
from toybackend.settings import Families

REQUEST_SECONDS = 3600

ONE_FAMILY = frozenset({Standing.SELF, Standing.OWNER, Standing.CO_GUARDIAN, Standing.WARD, Standing.FAMILY})
"""Who needs nobody's consent to talk."""


class Contacts:
    """Asking, agreeing, naming, blocking and ending."""

    def __init__(self, database: Database, bus: Bus, *, limits: Families, clock: Clock, new_id: NewId) -> None:
        self._database = database
        self._bus = bus
        self._most = limits.contacts
        self._requests = Tries(limits.contact_requests, REQUEST_SECONDS)
        self._clock = clock
        self._new_id = new_id

    async def ask(self, caller_id: PartyId, other: PartyId, side: PartyId | None = None) -> Contact:
        """Ask whoever answers for the other to let it talk with `side`, by default the caller; where the caller answers
        for both, or the other side asked before, this agrees. Raises NotFound when `side` is not the caller's,
        MissingField for one's own family, UnknownRecipient (also: they block this side), TooMany or RateLimited."""
        side = side or caller_id
        check(await self._database.standing(caller_id, side), Action.ANSWER_FOR)
        if await self._database.standing(side, other) in ONE_FAMILY:
            raise MissingField("these two are one family, and talk without being contacts")
        now = self._clock()
        self._requests.count(caller_id, now)
        is_agreed = await self._answers_for(caller_id, other)
        new_id = ContactId(self._new_id("c"))
        asked = await self._database.ask(new_id, side, other, now, is_agreed=is_agreed, most=self._most)
        if asked.is_news:
            await self._tell_news(asked.contact)
        return asked.contact

    async def accept(self, caller_id: PartyId, contact_id: ContactId) -> Contact:
        """For the side that was asked. Raises NotFound, or NotAllowed for the side that asks."""
        ours = await self._ours(caller_id, contact_id)
        asked = next((view for view in ours if view.asked_by != view.side.id), None)
        if asked is None:
            raise NotAllowed("the other side has to agree")
        if asked.state is ContactState.AGREED:
            return asked
        if asked.is_blocked:
            raise NotAllowed("take back the block first")
        now = self._clock()
        await self._database.agree(contact_id, asked.side.id, now)
        agreed = replace(asked, state=ContactState.AGREED, since=now)
        await self._tell_news(agreed)
        return agreed

    async def contacts(self, caller_id: PartyId, side: PartyId | None = None) -> Sequence[Contact]:
        """Those of this side, by default of the caller and of every toy they guard. Raises NotFound."""
        if side is not None:
            check(await self._database.standing(caller_id, side), Action.ANSWER_FOR)
            return await self._database.contacts_of([side])
        toys = await self._database.toys_of(caller_id)
        return await self._database.contacts_of([caller_id, *(toy.id for toy in toys)])

    async def change(
        self,
        caller_id: PartyId,
        contact_id: ContactId,
        *,
        nickname: str | None = None,
        blocks: bool | None = None,
        side: PartyId | None = None,
    ) -> Contact:
        """Name or block the other, as this side of it. Raises NotFound, or MissingField where both sides are the
        caller's and it is not said which one is meant."""
        view = _one_of(await self._ours(caller_id, contact_id), side)
        if nickname is not None:
            await self._database.set_nickname(contact_id, view.side.id, nickname)
            view = replace(view, nickname=nickname)
        if blocks is not None:
            taken_back = await self._database.set_block(contact_id, view.side.id, blocks=blocks)
            await tell_taken_back(self._bus, taken_back)
            view = replace(view, is_blocked=blocks)
        return view

    async def end(self, caller_id: PartyId, contact_id: ContactId) -> None:
        """Refuse a request, take one back, or end what was agreed. Raises NotFound."""
        ours = await self._ours(caller_id, contact_id)
        taken_back = await self._database.end_contact(contact_id, [view.side.id for view in ours])
        await tell_taken_back(self._bus, taken_back)

    # ── who answers ──

    async def _answers_for(self, caller_id: PartyId, party_id: PartyId) -> bool:
        return _may_answer(await self._database.standing(caller_id, party_id))

    async def _ours(self, caller_id: PartyId, contact_id: ContactId) -> list[Contact]:
        """The contact as it is seen from the sides for which the caller answers. Raises NotFound."""
        views = await self._database.contact(contact_id)
        # It is asked of a contact that there is not as well, which takes as long.
        sides = [view.side.id for view in views] or [NOBODY, NOBODY]
        standings = await self._database.standings(caller_id, sides)
        ours = [view for view in views if _may_answer(standings[view.side.id])]
        if not ours:
            raise NotFound
        return ours

    async def _grown_ups(self, party: Party) -> list[PartyId]:
        if party.kind is PartyKind.PERSON:
            return [party.id]
        return [guardian.id for guardian in await self._database.guardians(party.id)]

    # ── news ──

    async def _tell_news(self, contact: Contact) -> None:
        """A request is told to the grown-ups of the other side; an agreement to everybody whom it lets talk, too."""
        if contact.state is ContactState.ASKED:
            await self._tell("contact_request", contact.id, await self._grown_ups(contact.other))
            return
        ours, theirs = await self._grown_ups(contact.side), await self._grown_ups(contact.other)
        await self._tell("contact_accepted", contact.id, (*ours, *theirs, contact.side.id, contact.other.id))

    async def _tell(self, event: str, contact_id: ContactId, to: Iterable[PartyId]) -> None:
        frame = encode_server_frame(Notice(event=event, id=contact_id))
        for party_id in dict.fromkeys(to):
            await self._bus.publish(Tell(party_id, frame))


def _may_answer(standing: Standing) -> bool:
    return decide(standing, Action.ANSWER_FOR) is Decision.ALLOWED


def _one_of(ours: Sequence[Contact], side: PartyId | None) -> Contact:
    if side is None and len(ours) > 1:
        raise MissingField("both sides are yours: say in «for» which one you mean")
    found = next((view for view in ours if side in (None, view.side.id)), None)
    if found is None:
        raise NotFound
    return found


async def tell_taken_back(bus: Bus, taken_back: Iterable[TakenBack]) -> None:
    """To whoever has been handed a message and may have it still to play: it is gone."""
    for copy in taken_back:
        await bus.publish(Tell(copy.recipient_id, encode_server_frame(Notice(event="deleted", id=copy.message_id))))
        # There may be many: let the socket's writer go between them, or its outbox overflows.
        await asyncio.sleep(0)
