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

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from toybackend.errors import AudioTooLarge, AudioTooLong, BadAudio, Gone, Internal
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
from toybackend.protocol import Failed, Notice, TextMessage, VoiceHeader
from toybackend.services.policy import check_may_send
from toybackend.services.receipts import Receipts

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
        self._enqueue = enqueue
        self._clock = clock
        self._new_id = new_id

    # ── in ──

    async def address(self, sender: Party, frame: VoiceHeader | TextMessage) -> Relation:
        """Whom this would reach. Raises UnknownRecipient or NotAllowed."""
        to_user = PartyId(frame.to_user) if frame.to_user else None
        to_group = GroupId(frame.to_group) if frame.to_group else None
        relation = await self._database.relation(sender.id, to_user=to_user, to_group=to_group)
        check_may_send(relation)
        return relation

    def receive(self) -> AbstractAsyncContextManager[Incoming]:
        """A place for a blob while it comes in; nothing of it stays unless it is accepted."""
        return self._audio.receive()

    async def accept_voice(self, sender: Party, header: VoiceHeader, blob: Incoming, confirm: Confirm) -> None:
        """Take a complete blob. Raises EmptyAudio, SizeMismatch, DigestMismatch, UnknownRecipient, NotAllowed or
        Overloaded, and has then kept nothing."""
        header.check_whole(blob.size, blob.sha256)
        relation = await self.address(sender, header)
        message = self._message(sender, header, text=None)
        await blob.keep(message.id)
        acceptance = await self._store(message, relation)
        confirm(acceptance.message)
        if acceptance.is_new:
            self._enqueue(Unconverted(message.id, sender.id, relation.family))
        else:
            await self._audio.delete(message.id)
            await self._repeated(acceptance.message, relation)

    async def _repeated(self, message: Message, relation: Relation) -> None:
        """The sender offered what it had offered before: it may have missed what we said then, or we the end of it."""
        if message.state is MessageState.ACCEPTED:
            self._enqueue(Unconverted(message.id, message.sender_id, relation.family))
        await self._receipts.repeat(message.id)

    async def accept_text(self, sender: Party, frame: TextMessage, confirm: Confirm) -> None:
        """Take a text. Raises UnknownRecipient, NotAllowed or Overloaded."""
        relation = await self.address(sender, frame)
        acceptance = await self._database.accept(self._message(sender, frame, text=frame.msg), relation)
        confirm(acceptance.message)
        await self._wake(acceptance.woken)
        if not acceptance.is_new:
            await self._receipts.repeat(acceptance.message.id)

    async def _store(self, message: Message, relation: Relation) -> Acceptance:
        try:
            return await self._database.accept(message, relation)
        except Exception:
            # A failed commit may have happened all the same: only what is surely unknown is thrown away.
            if not await self._database.known([message.id]):
                await self._audio.delete(message.id)
            raise

    def _message(self, sender: Party, frame: VoiceHeader | TextMessage, text: str | None) -> Message:
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
        )

    # ── conversion ──

    async def pick_up(self) -> int:
        """At start: queue what was accepted and not converted, and sweep away files that no message knows.
        Returns the number of messages picked up."""
        waiting = await self._database.unconverted()
        async for batch in self._audio.message_ids():
            for orphan in set(batch) - await self._database.known(batch):
                await self._audio.delete(orphan)
        for job in waiting:
            self._enqueue(job)
        return len(waiting)

    async def convert(self, job: Unconverted) -> None:
        """From original to mailboxes. Raises ConverterUnavailable, and has then changed nothing."""
        try:
            async with self._audio.workshop(job.message_id) as (original, folder):
                sound = await self._transcoder.convert(original, folder)
                await self._audio.keep_mp3(job.message_id, sound.file)
        except (BadAudio, AudioTooLong, AudioTooLarge) as refused:
            await self._give_up(job, refused.code)
        except Gone:
            await self._give_up(job, Internal.code)
        else:
            await self._wake(await self._database.settle(job.message_id, sound=sound))

    async def _give_up(self, job: Unconverted, code: str) -> None:
        woken = await self._database.settle(job.message_id, failure=code)
        await self._audio.delete(job.message_id)
        await self._receipts.tell(job.sender_id, Failed(id=job.message_id, code=code))
        await self._wake(woken)

    async def delayed(self, job: Unconverted) -> None:
        """Tell the sender that the message is safe but late."""
        await self._receipts.tell(job.sender_id, Notice(event="delayed", id=job.message_id))

    async def _wake(self, parties: Sequence[PartyId]) -> None:
        for party_id in parties:
            await self._bus.publish(Wake(party_id))
