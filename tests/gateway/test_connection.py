"""What one socket's frames do, and when it has had enough of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from websockets.exceptions import ConnectionClosed

from tests.gateway.fakes import BEAR, MUM, FakeReceipts, FakeSocket
from tests.world import Clock
from toybackend.errors import Overloaded, UnknownRecipient
from toybackend.gateway.closing import Closing
from toybackend.gateway.connection import Connection
from toybackend.gateway.mailbox_reader import MailboxReader
from toybackend.gateway.outbox import Outbox
from toybackend.metrics import Metrics
from toybackend.models import (
    DeliveryState,
    Party,
    PartyId,
    PartyKind,
    QuietHours,
    QuietWindow,
    ToySettings,
    Weekday,
)
from toybackend.protocol import Accepted, Error, Notice, ServerFrame, VoiceHeader, parse_server_frame
from toybackend.services.delivery import Delivery
from toybackend.services.playback import Playback
from toybackend.services.receipts import Receipts
from toybackend.settings import Audio, Sockets

TO_BEAR = '{"to_user":"t_bear","ref":"r"}'
TO_NOBODY = '{"to_user":"p_nobody"}'
CANCEL = '{"type":"cancel"}'
BAD_FRAMES = 3
UPLOAD_SECONDS = 0.1
HOUR = 3600
NEW = Party(PartyId("t_new"), PartyKind.WAITING_TOY, "toy")
QUIET = QuietHours(ZoneInfo("UTC"))
"""None."""
NOON_REST = QuietHours(ZoneInfo("UTC"), (QuietWindow(frozenset(Weekday), 9 * 60, 10 * 60),))
"""From an hour after the clock of the tests starts, for an hour."""


class FakeOutbox:
    def __init__(self) -> None:
        self.frames: list[ServerFrame | None] = []
        self.looks = 0
        self.finished: list[int] = []

    def put(self, frame: str) -> None:
        self.frames.append(parse_server_frame(frame))

    def look(self) -> None:
        self.looks += 1

    def finish(self, code: int, reason: str) -> None:
        assert reason
        self.finished.append(code)

    @property
    def codes(self) -> list[str]:
        return [one.code for one in self.frames if isinstance(one, Error)]


class FakeMailbox:
    def __init__(self) -> None:
        self.is_worth_a_look = True
        self.is_resting = False
        self.acknowledged_ids: list[str] = []
        self.owner: Party | None = None

    def now_speaks_for(self, owner: Party) -> None:
        self.owner = owner

    def acknowledged(self, message_id: str) -> bool:
        self.acknowledged_ids.append(message_id)
        return self.is_worth_a_look


class FakeBlob:
    def __init__(self) -> None:
        self.data = b""

    @property
    def size(self) -> int:
        return len(self.data)

    async def write(self, data: bytes) -> None:
        self.data += data


class FakeDelivery:
    """Knows the bear and nobody else."""

    def __init__(self) -> None:
        self.voices: list[tuple[str, bytes]] = []
        self.fails: Exception | None = None
        self.blob: type[FakeBlob] = FakeBlob

    async def address(self, sender: Party, frame: VoiceHeader) -> None:
        if self.fails is not None:
            raise self.fails
        if frame.to_user != BEAR.id:
            raise UnknownRecipient

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[FakeBlob]:
        yield self.blob()

    async def accept_voice(self, sender: Party, header: VoiceHeader, blob: FakeBlob, confirm: Any) -> None:
        self.voices.append((header.to_user or "", blob.data))

    async def accept_text(self, sender: Party, frame: Any, confirm: Callable[[Any], Awaitable[None]]) -> None:
        await self.address(sender, frame)


class FakePlayback:
    def __init__(self) -> None:
        self.finished_ids: list[tuple[str, str]] = []

    async def finished(self, toy: Party, play_id: str) -> None:
        self.finished_ids.append((toy.id, play_id))


class Talk:
    """A socket of this party on which these messages came."""

    def __init__(
        self, *messages: str | bytes | Sequence[str | bytes], party: Party = MUM, clock: Clock | None = None
    ) -> None:
        whole = [[one] if isinstance(one, str | bytes) else one for one in messages]
        self.socket = FakeSocket(*whole)
        self.outbox, self.mailbox = FakeOutbox(), FakeMailbox()
        self.delivery, self.receipts, self.playback = FakeDelivery(), FakeReceipts(), FakePlayback()
        self.clock = clock or Clock()
        self.connection = Connection(
            self.socket.as_connection(),
            party,
            cast(Outbox, self.outbox),
            cast(MailboxReader, self.mailbox),
            delivery=cast(Delivery, self.delivery),
            receipts=cast(Receipts, self.receipts),
            playback=cast(Playback, self.playback),
            limits=Sockets(bad_frames=BAD_FRAMES, upload_seconds=UPLOAD_SECONDS),
            audio=Audio(max_bytes=100),
            metrics=Metrics(),
            clock=self.clock,
        )

    async def takes_place(self) -> None:
        """All messages are read, and then the client is gone."""
        with pytest.raises(ConnectionClosed):
            await self.connection.read()

    async def ends_with(self) -> int:
        with pytest.raises(Closing) as end:
            await self.connection.read()
        return end.value.code


async def test_a_voice_goes_to_the_header_before_it() -> None:
    talk = Talk(TO_BEAR, [b"one ", b"voice"])
    await talk.takes_place()
    assert talk.delivery.voices == [(BEAR.id, b"one voice")]
    assert talk.outbox.frames == []


async def test_a_blob_without_a_header_goes_nowhere_and_is_read_to_its_end() -> None:
    talk = Talk([b"a", b"b"], TO_BEAR, b"voice")
    await talk.takes_place()
    assert talk.outbox.codes == ["audio_without_header"]
    assert talk.delivery.voices == [(BEAR.id, b"voice")]


async def test_the_blob_of_a_refused_header_is_thrown_away_without_a_word() -> None:
    talk = Talk(TO_NOBODY, [b"a", b"b"], TO_BEAR, b"voice")
    await talk.takes_place()
    assert talk.outbox.codes == ["unknown_recipient"]
    assert talk.delivery.voices == [(BEAR.id, b"voice")]


@pytest.mark.parametrize("blob", [[bytes(101)], [bytes(60), bytes(41)], [bytes(60), bytes(41), bytes(60)]])
async def test_a_blob_that_is_too_large_is_read_and_thrown_away(blob: list[bytes]) -> None:
    talk = Talk(TO_BEAR, blob, TO_BEAR, bytes(100))
    await talk.takes_place()
    assert talk.outbox.codes == ["audio_too_large"]
    assert talk.delivery.voices == [(BEAR.id, bytes(100))]


async def test_a_text_in_fragments_is_put_together_and_one_without_end_cut_off() -> None:
    talk = Talk(['{"to_user":', '"t_bear"}'], b"voice", ["x" * 10_000] * 100)
    await talk.takes_place()
    assert talk.delivery.voices == [(BEAR.id, b"voice")]
    assert talk.outbox.codes == ["too_long"]


async def test_a_refusal_carries_the_ref() -> None:
    talk = Talk('{"to_user":"p_nobody","ref":"mine"}', '{"to_user":"p_nobody","msg":"hi","ref":"text"}')
    await talk.takes_place()
    assert [one.ref for one in talk.outbox.frames if isinstance(one, Error)] == ["mine", "text"]


async def test_receipts_go_on_and_the_mailbox_is_looked_into_where_that_helps() -> None:
    talk = Talk('{"type":"ack","id":"m_1"}', '{"type":"heard","id":"m_2"}')
    await talk.takes_place()
    assert talk.receipts.advanced == [
        (MUM.id, "m_1", DeliveryState.DELIVERED),
        (MUM.id, "m_2", DeliveryState.HEARD),
    ]
    assert talk.mailbox.acknowledged_ids == ["m_1", "m_2"]
    assert talk.outbox.looks == 2
    again = Talk('{"type":"ack","id":"m_1"}')
    again.mailbox.is_worth_a_look = False
    await again.takes_place()
    assert again.outbox.looks == 0


# ── enough is enough ──


async def test_bad_frames_in_a_row_end_the_socket() -> None:
    assert await Talk(*["[]"] * BAD_FRAMES).ends_with() == 4400
    await Talk(*["[]"] * (BAD_FRAMES - 1)).takes_place()


async def test_a_good_frame_in_between_starts_the_count_anew() -> None:
    talk = Talk("[]", "[]", CANCEL, "[]", "[]")
    await talk.takes_place()
    assert talk.outbox.codes == ["bad_json"] * 4


async def test_a_blob_thrown_away_is_no_good_frame() -> None:
    talk = Talk(TO_NOBODY, b"voice", TO_NOBODY, b"voice", TO_NOBODY)
    assert await talk.ends_with() == 4400


async def test_our_own_trouble_is_not_the_clients_fault() -> None:
    talk = Talk(*['{"to_user":"t_bear","msg":"hi"}'] * 5)
    talk.delivery.fails = Overloaded(retry_after=7)
    await talk.takes_place()
    errors = [one for one in talk.outbox.frames if isinstance(one, Error)]
    assert [(one.code, one.retry_after) for one in errors] == [("overloaded", 7)] * 5


class StalledSocket(FakeSocket):
    """Its message has a beginning and no end."""

    async def recv_streaming(self) -> AsyncIterator[str | bytes]:
        async for fragment in super().recv_streaming():
            yield fragment
            await asyncio.Event().wait()


@pytest.mark.parametrize(
    "message", [TO_BEAR, b"a voice", [b"a voice ", b"that was told"]], ids=["text", "voice", "refused"]
)
async def test_a_message_that_does_not_end_ends_the_socket(message: str | bytes | Sequence[str | bytes]) -> None:
    talk = Talk() if isinstance(message, list) else Talk(TO_BEAR)
    await talk.takes_place()
    talk.connection.socket = StalledSocket([message] if isinstance(message, str | bytes) else message).as_connection()
    assert await talk.ends_with() == 1013
    assert talk.delivery.voices == []


# ── out ──


async def test_what_is_sent_goes_through_the_outbox() -> None:
    talk = Talk()
    for frame in (Notice(event="bound"), Accepted(id="m_1", ref="r", to_user="t_bear")):
        talk.connection.send(frame)
        assert talk.outbox.frames.pop() == frame
    assert talk.socket.sent == []


async def test_only_a_waiting_toy_waits_for_an_owner() -> None:
    assert not Talk().connection.awaits_owner
    assert not Talk(party=BEAR).connection.awaits_owner
    assert Talk(party=NEW).connection.awaits_owner


async def test_a_song_that_was_heard_is_a_play_and_no_message() -> None:
    talk = Talk('{"type":"heard","id":"y_1"}', party=BEAR)
    await talk.takes_place()
    assert talk.playback.finished_ids == [(BEAR.id, "y_1")]
    assert talk.receipts.advanced == []


# ── what changes while it is open ──


async def test_a_waiting_toy_may_do_nothing_and_a_bound_one_everything() -> None:
    talk = Talk(TO_BEAR, b"voice", '{"to_user":"t_bear","msg":"hi"}', party=NEW)
    await talk.takes_place()
    assert talk.outbox.codes == ["not_allowed", "not_allowed"]
    bound = Talk(TO_BEAR, b"voice", party=NEW)
    bound.connection.look_again(Party(NEW.id, PartyKind.TOY, "Bear"), ToySettings(QUIET))
    await bound.takes_place()
    assert bound.delivery.voices == [(BEAR.id, b"voice")]


async def test_a_header_of_a_waiting_toy_gets_no_blob_even_if_it_is_bound_in_between() -> None:
    talk = Talk(TO_BEAR, party=NEW)
    await talk.takes_place()
    talk.connection.look_again(Party(NEW.id, PartyKind.TOY, "Bear"), ToySettings(QUIET))
    talk.socket.come(b"voice")
    await talk.takes_place()
    assert talk.delivery.voices == []


async def test_a_toy_that_found_its_family_is_told_who_it_is_and_gets_its_mailbox() -> None:
    talk = Talk(party=NEW)
    talk.connection.wake()
    assert talk.outbox.looks == 0
    bear = Party(NEW.id, PartyKind.TOY, "Bear")
    talk.connection.look_again(bear, ToySettings(QUIET, volume_cap=55))
    (notice,) = talk.outbox.frames
    assert isinstance(notice, Notice) and notice.settings
    assert (notice.event, notice.id, notice.name, notice.settings.volume_cap) == ("bound", NEW.id, "Bear", 55)
    assert talk.mailbox.owner == bear
    assert talk.outbox.looks == 1
    talk.connection.look_again(bear, ToySettings(QUIET, volume_cap=55))
    assert len(talk.outbox.frames) == 1


async def test_a_toy_is_told_what_was_set_and_only_when_it_is_new() -> None:
    talk = Talk(party=BEAR)
    talk.connection.obey(ToySettings(QUIET))
    talk.connection.look_again(BEAR, ToySettings(QUIET))
    assert talk.outbox.frames == []
    talk.connection.look_again(BEAR, ToySettings(QUIET, volume_cap=30))
    (notice,) = talk.outbox.frames
    assert isinstance(notice, Notice) and notice.settings
    assert (notice.event, notice.settings.volume_cap) == ("settings", 30)
    talk.connection.look_again(Party(BEAR.id, BEAR.kind, "Teddy"), ToySettings(QUIET, volume_cap=30))
    renamed = talk.outbox.frames[-1]
    assert isinstance(renamed, Notice)
    assert (len(talk.outbox.frames), renamed.event, renamed.name) == (2, "settings", "Teddy")


async def test_nothing_changes_for_a_person_whose_token_is_good() -> None:
    talk = Talk()
    talk.connection.look_again(MUM, None)
    assert (talk.outbox.frames, talk.outbox.finished) == ([], [])


@pytest.mark.parametrize("party", [MUM, BEAR, NEW], ids=["person", "toy", "waiting toy"])
async def test_when_the_token_is_over_the_socket_is_and_takes_nothing_more(party: Party) -> None:
    talk = Talk(TO_BEAR, b"voice", '{"type":"ack","id":"m_1"}', party=party)
    talk.connection.look_again(None, None)
    await talk.takes_place()
    assert talk.outbox.finished == [4403]
    assert (talk.delivery.voices, talk.receipts.advanced) == ([], [])


async def test_a_voice_under_way_when_the_token_ends_is_not_taken() -> None:
    talk = Talk(TO_BEAR, [b"one ", b"voice"])

    class Slow(FakeBlob):
        async def write(self, data: bytes) -> None:
            await super().write(data)
            talk.connection.look_again(None, None)

    talk.delivery.blob = Slow
    await talk.takes_place()
    assert talk.delivery.voices == []


# ── falling asleep and waking up ──


async def test_a_toy_falls_asleep_and_wakes_up_in_time() -> None:
    talk = Talk(party=BEAR)
    talk.connection.obey(ToySettings(NOON_REST))
    assert not talk.mailbox.is_resting
    talk.connection.keep_time()
    assert talk.outbox.frames == []
    talk.clock.pass_seconds(HOUR)
    talk.connection.keep_time()
    assert talk.mailbox.is_resting
    talk.clock.pass_seconds(HOUR - 1)
    talk.connection.keep_time()
    assert talk.mailbox.is_resting
    talk.clock.pass_seconds(1)
    talk.connection.keep_time()
    assert not talk.mailbox.is_resting
    said = [one.settings.quiet_until for one in talk.outbox.frames if isinstance(one, Notice) and one.settings]
    assert said == ["2026-11-21T10:00:00.000Z", None]


async def test_what_arrives_in_the_first_moment_of_rest_finds_it_asleep() -> None:
    """The sender is told that it is held; the toy must not have it."""
    talk = Talk(party=BEAR)
    talk.connection.obey(ToySettings(NOON_REST))
    talk.clock.pass_seconds(HOUR)
    talk.connection.wake()
    assert talk.mailbox.is_resting


async def test_guardians_who_switch_the_hours_off_wake_it() -> None:
    talk = Talk(party=BEAR)
    talk.clock.pass_seconds(HOUR)
    talk.connection.obey(ToySettings(NOON_REST))
    assert talk.mailbox.is_resting
    talk.connection.look_again(BEAR, ToySettings(QUIET))
    assert not talk.mailbox.is_resting
    assert talk.outbox.looks == 1
    assert talk.connection.due_at is None
