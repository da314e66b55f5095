"""The story of one message.

    a blob comes in ─► original on disk, synced ─► row ─► «accepted» to the sender
        ─► converted (in turn) ─► MP3 on disk, synced ─► row ─► mailboxes ─► «voice» to every recipient
        ─► ack ─► «delivered» to the sender ─► heard ─► «heard» to the sender

What the power may cut at each arrow: before the row, the sender has no «accepted» and sends again (`ref` makes
that safe), and the file is swept away as an orphan; after it, the message is found as `accepted` at the next start
and converted; after the mailboxes, it is found as `waiting` whenever the recipient comes.

The states of a message and of each recipient's copy are two tables in `models.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial

from toybackend.errors import AudioTooLarge, AudioTooLong, BadAudio, Gone, Internal, Overloaded, Refused, Resting
from toybackend.models import GroupId, Message, MessageId, MessageState, Party, PartyId
from toybackend.ports import (
    Acceptance,
    AudioStore,
    Bus,
    Clock,
    Database,
    Incoming,
    NewId,
    Relation,
    Transcoder,
    Unconverted,
    Wake,
)
from toybackend.protocol import Failed, Notice, TextMessage, VoiceHeader, rfc3339
from toybackend.services.admission import Admission
from toybackend.services.policy import check_may_send
from toybackend.services.quiet_hours import quiet_until
from toybackend.services.receipts import Receipts

log = logging.getLogger(__name__)

Confirm = Callable[[Message], None]
"""Called the moment a message is safe, before anything else happens to it, so that «accepted» comes first."""


class Delivery:
    """From a sender's socket to the recipients' mailboxes."""

    def __init__(
        self,
        database: Database,
        audio: AudioStore,
        bus: Bus,
        transcoder: Transcoder,
        receipts: Receipts,
        admission: Admission,
        enqueue: Callable[[Unconverted], None],
        *,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database = database
        self._audio = audio
        self._bus = bus
        self._transcoder = transcoder
        self._receipts = receipts
        self._admission = admission
        self._enqueue = enqueue
        self._clock = clock
        self._new_id = new_id

    # ── in ──

    async def address(self, sender: Party, header: VoiceHeader) -> None:
        """Could a voice with this header be sent? Whoever may not, is told before the voice comes; when it has come, it
        is asked again. Raises UnknownRecipient, NotAllowed, TooMany, Overloaded or RateLimited."""
        to_user = PartyId(header.to_user) if header.to_user else None
        to_group = GroupId(header.to_group) if header.to_group else None
        relation = await self._database.relation(sender.id, to_user=to_user, to_group=to_group)
        check_may_send(relation, now=header.now)

        def admit() -> None:
            self._admission.check_room(relation, header.bytes or 1)  # that much at least
            self._admission.count(sender.id)

        await self._admit(sender, header, admit)

    async def _admit(self, sender: Party, frame: VoiceHeader | TextMessage, admit: Callable[[], None]) -> None:
        """What was accepted is let in again: its sender may have missed that it was."""
        try:
            admit()
        except Refused:
            if frame.ref is None or not await self._database.was_accepted(sender.id, frame.ref):
                raise
            self._admission.count_repetition(sender.id)

    def receive(self) -> AbstractAsyncContextManager[Incoming]:
        """A place for a blob while it comes in; nothing of it stays unless it is accepted."""
        return self._audio.receive()

    async def accept_voice(self, sender: Party, header: VoiceHeader, blob: Incoming, confirm: Confirm) -> None:
        """Take a complete blob. Raises EmptyAudio, SizeMismatch, DigestMismatch, UnknownRecipient, NotAllowed, TooMany
        or Overloaded, and has then kept nothing."""
        header.check_whole(blob.size, blob.sha256)
        message = self._message(sender, header, text=None, size=blob.size)
        await blob.keep(message.id)
        acceptance = await self._store(message)
        relation = acceptance.relation
        confirm(acceptance.message)
        with _already_accepted():
            if acceptance.is_new:
                self._enqueue(Unconverted(message.id, sender.id, relation.family, blob.size))
                await self._say_held(message, relation, relation.recipients)
            else:
                await self._repeated(acceptance.message, relation)
                await self._audio.delete(message.id)

    async def _repeated(self, message: Message, relation: Relation) -> None:
        """The sender offered what it had offered before: it may have missed what we said then, or we the end of it."""
        if message.is_voice and message.state is MessageState.ACCEPTED:
            self._enqueue(Unconverted(message.id, message.sender_id, relation.family, message.size))
        waiting = await self._receipts.repeat(message.id)
        await self._wake(waiting)
        await self._say_held(message, relation, waiting)

    async def accept_text(self, sender: Party, frame: TextMessage, confirm: Confirm) -> None:
        """Take a text. Raises UnknownRecipient, NotAllowed, Overloaded or RateLimited."""
        await self._admit(sender, frame, lambda: self._admission.count(sender.id))
        message = self._message(sender, frame, text=frame.msg)
        acceptance = await self._database.accept(message, _may(message))
        relation = acceptance.relation
        confirm(acceptance.message)
        with _already_accepted():
            await self._wake(acceptance.woken)
            if acceptance.is_new:
                await self._say_held(acceptance.message, relation, relation.recipients)
            else:
                await self._repeated(acceptance.message, relation)

    async def _say_held(self, message: Message, relation: Relation, recipients: Container[PartyId]) -> None:
        """Tell the sender which of these recipients is resting now, and gets this later."""
        if message.is_urgent:
            return
        for recipient_id, hours in relation.quiet_hours.items():
            until = quiet_until(hours, self._clock()) if recipient_id in recipients else None
            if until is not None:
                held = Notice(
                    event="held", id=message.id, code=Resting.code, to_user=recipient_id, until=rfc3339(until)
                )
                await self._receipts.tell(message.sender_id, held)

    async def _store(self, message: Message) -> Acceptance:
        try:
            return await self._database.accept(
                message, _may(message), lambda relation: self._admission.check_room(relation, message.size)
            )
        except Exception:
            # A failed commit may have happened all the same: only what is surely unknown is thrown away. The rest is
            # in the way of what follows in its conversation until it is converted.
            if await self._database.known([message.id]):
                self._enqueue(Unconverted(message.id, message.sender_id, message.sender_id, message.size))
            else:
                await self._audio.delete(message.id)
            raise

    def _message(self, sender: Party, frame: VoiceHeader | TextMessage, *, text: str | None, size: int = 0) -> Message:
        to_user = PartyId(frame.to_user) if frame.to_user else None
        to_group = GroupId(frame.to_group) if frame.to_group else None
        return Message(
            id=MessageId(self._new_id("m")),
            sender_id=sender.id,
            sender_name=sender.name,
            conversation=to_group or "+".join(sorted((sender.id, to_user or ""))),
            to_user=to_user,
            to_group=to_group,
            ref=frame.ref,
            text=text,
            state=MessageState.ACCEPTED,
            accepted_at=self._clock(),
            is_urgent=frame.now,
            size=size,
        )

    # ── conversion ──

    async def pick_up(self) -> int:
        """At start: queue what was accepted and not converted, and sweep away files that no message knows.
        Returns the number of messages picked up."""
        waiting = await self._database.unconverted()
        async for batch in self._audio.sound_ids():
            # Only messages: a command may be putting a song on the shelf right now.
            spoken = [one for one in batch if one.startswith("m_")]
            for orphan in set(spoken) - await self._database.known(spoken):
                await self._audio.delete(orphan)
        for job in waiting:
            self._enqueue(job)
        return len(waiting)

    async def convert(self, job: Unconverted) -> None:
        """From original to mailboxes. Raises ConverterUnavailable, and has then changed nothing."""
        try:
            async with self._audio.workshop(job.id, job.size) as (original, folder):
                sound = await self._transcoder.convert(original, folder)
                size = await self._audio.keep_mp3(job.id, sound.file)
        except (BadAudio, AudioTooLong, AudioTooLarge) as refused:
            await self._give_up(job, refused.code)
        except Gone:
            await self._give_up(job, Internal.code)
        else:
            woken = await self._database.settle(MessageId(job.id), self._clock(), sound=sound, mp3_bytes=size)
            if woken is None:  # deleted while it was converted: what was made of it goes as well
                await self._audio.delete(job.id)
            await self._wake(woken or ())

    async def abandon(self, job: Unconverted) -> None:
        """It cannot be converted, and that is our fault."""
        await self._give_up(job, Internal.code)

    async def _give_up(self, job: Unconverted, code: str) -> None:
        woken = await self._database.settle(MessageId(job.id), self._clock(), failure=code)
        if await self._database.known([job.id]):
            return  # another turn had converted it before this one failed
        await self._audio.delete(job.id)
        if woken is not None:
            await self._receipts.tell(job.owner_id, Failed(id=job.id, code=code))
            await self._wake(woken)

    async def delayed(self, job: Unconverted) -> None:
        """Tell the sender that the message is safe but late."""
        await self._receipts.tell(job.owner_id, Notice(event="delayed", id=job.id))

    async def _wake(self, parties: Iterable[PartyId]) -> None:
        for party_id in parties:
            await self._bus.publish(Wake(party_id))


@contextmanager
def _already_accepted() -> Iterator[None]:
    """Whatever else was to be said or tidied up: no error takes back what was accepted."""
    try:
        yield
    except Overloaded as error:
        log.error("what was accepted is safe, but nobody could be told more: %s", error)


def _may(message: Message) -> Callable[[Relation], None]:
    """The policy, as the database asks it in the transaction that stores the message."""
    return partial(check_may_send, now=message.is_urgent)
