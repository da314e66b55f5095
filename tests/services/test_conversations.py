"""Who may look back at what was said, what they see of it, and who may take it back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import pytest

from tests.services.conftest import Home
from tests.world import NOW, accept, add_contact, add_group, add_guardian, add_person, add_toy, message
from toybackend.errors import BadAudio, NotFound
from toybackend.models import DeliveryState, GroupId, Message, Party, PartyId, PartyKind, QuietWindow, Weekday
from toybackend.ports import Tell, ToyChange
from toybackend.protocol import Notice
from toybackend.services.conversations import Conversations, Overview
from toybackend.services.erasing import Erasing
from toybackend.services.listening import Links


@dataclass(slots=True)
class Sockets:
    """Who has one now, and when it was last heard from."""

    heard: dict[PartyId, int] = field(default_factory=dict)

    def is_online(self, party_id: PartyId) -> bool:
        return party_id in self.heard

    def heard_at(self, party_id: PartyId) -> int | None:
        return self.heard.get(party_id)


@pytest.fixture
def sockets() -> Sockets:
    return Sockets()


@pytest.fixture
def conversations(home: Home, sockets: Sockets) -> Conversations:
    links = Links(b"key", base=lambda: "https://toys.test", seconds=60, clock=home.clock)
    erasing = Erasing(home.database, home.audio, home.bus)
    return Conversations(home.database, erasing, home.bus, sockets, links, clock=home.clock)


async def write(home: Home, sender: Party, to: Party | GroupId, text: str = "hi") -> Message:
    return (await accept(home.database, message(sender, to, text=text))).message


async def speak(home: Home, sender: Party, to: Party | GroupId) -> Message:
    """A voice, not converted yet."""
    offered = message(sender, to)
    async with home.audio.receive() as incoming:
        await incoming.write(b"#!AMR\nsound")
        await incoming.keep(offered.id)
    await accept(home.database, offered)
    return offered


async def convert(home: Home) -> None:
    for job in await home.database.unconverted():
        await home.delivery.convert(job)


async def shown(conversations: Conversations, reader: Party, other_id: str) -> list[str]:
    page = await conversations.history(reader, other_id, before=None, limit=100)
    return [one.message.id for one in page.entries]


# ── the list ──


async def overview(conversations: Conversations, reader: Party, other: Party) -> Overview:
    [found] = [one for one in await conversations.overview(reader) if one.conversation.id == other.id]
    return found


async def test_a_toy_is_shown_with_when_it_was_last_heard_from(
    home: Home, conversations: Conversations, sockets: Sockets
) -> None:
    found = await overview(conversations, home.mum, home.bear)
    assert (found.is_online, found.heard_at) == (False, None)
    await home.database.heard_from({home.bear.id: NOW - 9})
    found = await overview(conversations, home.mum, home.bear)
    assert (found.is_online, found.heard_at) == (False, NOW - 9)
    sockets.heard[home.bear.id] = NOW - 1
    found = await overview(conversations, home.mum, home.bear)
    assert (found.is_online, found.heard_at) == (True, NOW - 1)


async def test_whether_a_toy_is_there_is_for_those_who_may_talk_with_it_now(
    home: Home, conversations: Conversations, sockets: Sockets
) -> None:
    sockets.heard[home.bear.id] = NOW
    contact_id = await add_contact(home.database, home.dad, home.bear)
    said = await write(home, home.bear, home.dad)
    await home.receipts.advance(home.dad, said.id, DeliveryState.HEARD)
    assert (await overview(conversations, home.dad, home.bear)).is_online is True
    await home.database.end_contact(contact_id, [home.mum.id])
    found = await overview(conversations, home.dad, home.bear)
    assert (found.conversation.is_over, found.is_online, found.heard_at) == (True, None, None)


async def test_whether_a_person_or_a_group_is_there_is_told_to_nobody(
    home: Home, conversations: Conversations, sockets: Sockets
) -> None:
    sockets.heard[home.mum.id] = NOW
    for one in await conversations.overview(home.bear):
        assert one.conversation.kind is not PartyKind.TOY
        assert (one.is_online, one.heard_at) == (None, None)


# ── history ──


async def test_a_page_says_where_the_next_one_begins(home: Home, conversations: Conversations) -> None:
    said = [(await write(home, home.mum, home.bear)).id for _ in range(5)]
    first = await conversations.history(home.bear, home.mum.id, before=None, limit=2)
    second = await conversations.history(home.bear, home.mum.id, before=first.before, limit=2)
    last = await conversations.history(home.bear, home.mum.id, before=second.before, limit=2)
    pages = [[one.message.id for one in page.entries] for page in (first, second, last)]
    assert pages == [said[4:2:-1], said[2:0:-1], said[:1]]
    assert [page.before for page in (first, second, last)] == [said[3], said[1], None]


async def test_a_page_that_shows_all_says_so(home: Home, conversations: Conversations) -> None:
    for _ in range(2):
        await write(home, home.mum, home.bear)
    assert (await conversations.history(home.mum, home.bear.id, before=None, limit=2)).before is None


async def test_where_one_may_talk_an_empty_page_is_an_answer(home: Home, conversations: Conversations) -> None:
    contact_id = await add_contact(home.database, home.mum, home.dad)
    family = "g" + home.bear.id.removeprefix("t")
    for reader, other_id in (
        (home.mum, home.bear.id),
        (home.bear, home.mum.id),
        (home.mum, family),
        (home.dad, home.mum.id),
    ):
        page = await conversations.history(reader, other_id, before=None, limit=50)
        assert (list(page.entries), page.before) == ([], None)
    await home.database.set_block(contact_id, home.dad.id, blocks=True)
    assert await shown(conversations, home.mum, home.dad.id) == []


async def test_a_conversation_of_others_and_one_that_does_not_exist_are_the_same(
    home: Home, conversations: Conversations
) -> None:
    said = await write(home, home.mum, home.bear)
    family = "g" + home.bear.id.removeprefix("t")
    for other_id in (home.bear.id, home.mum.id, family, "g_none", "p_none", "t_none", "m_none", home.dad.id):
        for before in (None, said.id, "m_none"):
            with pytest.raises(NotFound, match=NotFound.says):
                await conversations.history(home.dad, other_id, before=before, limit=50)


async def test_what_one_said_and_got_stays_readable(home: Home, conversations: Conversations) -> None:
    contact_id = await add_contact(home.database, home.mum, home.dad)
    said = await write(home, home.mum, home.dad)
    await home.receipts.advance(home.dad, said.id, DeliveryState.HEARD)
    await home.database.end_contact(contact_id, [home.mum.id])
    assert await shown(conversations, home.mum, home.dad.id) == [said.id]
    assert await shown(conversations, home.dad, home.mum.id) == [said.id]


async def test_with_what_was_taken_back_the_right_to_look_goes(home: Home, conversations: Conversations) -> None:
    contact_id = await add_contact(home.database, home.mum, home.dad)
    said = await write(home, home.mum, home.dad)
    await home.database.end_contact(contact_id, [home.mum.id])
    assert await shown(conversations, home.mum, home.dad.id) == [said.id]
    with pytest.raises(NotFound):
        await shown(conversations, home.dad, home.mum.id)


async def test_a_voice_has_a_link_for_its_reader_once_there_is_something_to_hear(
    home: Home, conversations: Conversations
) -> None:
    await speak(home, home.mum, home.bear)
    [entry] = (await conversations.history(home.mum, home.bear.id, before=None, limit=1)).entries
    assert conversations.link(home.mum, entry.message) is None
    await convert(home)
    for reader, other in ((home.mum, home.bear), (home.bear, home.mum)):
        [entry] = (await conversations.history(reader, other.id, before=None, limit=1)).entries
        link = conversations.link(reader, entry.message)
        assert link is not None
        assert f"for={reader.id}&" in urlsplit(link).query


async def test_a_text_and_a_failure_have_no_link(home: Home, conversations: Conversations) -> None:
    home.converter.fails = [BadAudio()]
    await speak(home, home.mum, home.bear)
    await convert(home)
    await write(home, home.mum, home.bear)
    page = await conversations.history(home.mum, home.bear.id, before=None, limit=10)
    assert [conversations.link(home.mum, one.message) for one in page.entries] == [None, None]


# ── quiet hours ──


async def test_what_waits_for_the_end_of_quiet_hours_is_not_shown_to_the_toy(
    home: Home, conversations: Conversations
) -> None:
    rest = QuietWindow(frozenset({Weekday.SATURDAY}), start=7 * 60, end=9 * 60)
    await home.database.change_toy(home.bear.id, ToyChange(time_zone="UTC", quiet_windows=(rest,)))
    heard, held = await write(home, home.mum, home.bear), await write(home, home.mum, home.bear)
    await home.receipts.advance(home.bear, heard.id, DeliveryState.HEARD)
    assert await shown(conversations, home.bear, home.mum.id) == [heard.id]
    assert await shown(conversations, home.mum, home.bear.id) == [held.id, heard.id]
    shown_last = (await overview(conversations, home.bear, home.mum)).conversation.last
    assert shown_last is not None
    assert shown_last.message.id == heard.id
    assert (await overview(conversations, home.mum, home.bear)).conversation.last is not None
    first = await conversations.history(home.bear, home.mum.id, before=None, limit=1)
    assert ([one.message.id for one in first.entries], first.before) == ([heard.id], None)
    with pytest.raises(NotFound):  # nor can it be found out by asking for what was before it
        await conversations.history(home.bear, home.mum.id, before=held.id, limit=1)

    urgent = replace(message(home.mum, home.bear, text="come home"), is_urgent=True)
    await accept(home.database, urgent)
    assert await shown(conversations, home.bear, home.mum.id) == [urgent.id, heard.id]
    home.clock.pass_seconds(3600)
    assert await shown(conversations, home.bear, home.mum.id) == [urgent.id, held.id, heard.id]
    last = (await overview(conversations, home.bear, home.mum)).conversation.last
    assert last is not None
    assert last.message.id == urgent.id


# ── deleting ──


async def test_a_deleted_message_is_gone_for_everybody_with_its_sound(home: Home, conversations: Conversations) -> None:
    said = await speak(home, home.mum, home.bear)
    await convert(home)
    home.events.clear()
    erased = await conversations.delete(home.mum, said.id)
    assert (erased.rows, erased.files) == ({"messages": 1, "deliveries": 1}, 2)
    assert [one async for batch in home.audio.sound_ids() for one in batch] == []
    assert await home.database.outcome(said.id) is None
    for reader, other in ((home.mum, home.bear), (home.bear, home.mum)):
        assert await shown(conversations, reader, other.id) == []
        assert home.told(reader) == [Notice(event="deleted", id=said.id)]
    assert (await home.database.mailbox(home.bear.id)).unread == 0


async def test_everybody_who_had_it_is_told_and_nobody_else(home: Home, conversations: Conversations) -> None:
    await add_contact(home.database, home.mum, home.dad)
    aunt = await add_person(home.database, "Aunt")
    group_id = await add_group(home.database, home.mum, home.dad, home.bear, aunt)
    said = await write(home, home.mum, group_id)
    home.events.clear()
    await conversations.delete(home.mum, said.id)
    told = [one.party_id for one in home.events if isinstance(one, Tell)]
    assert sorted(told) == sorted([home.mum.id, home.dad.id, home.bear.id])


async def test_a_guardian_deletes_what_the_toy_said_and_what_was_said_to_it(
    home: Home, conversations: Conversations
) -> None:
    await add_contact(home.database, home.dad, home.bear)
    helper = await add_person(home.database, "Grandma")
    await add_guardian(home.database, home.bear, home.mum, helper)
    for guardian in (home.mum, helper):
        for sender, to in ((home.bear, home.dad), (home.dad, home.bear)):
            said = await write(home, sender, to)
            await conversations.delete(guardian, said.id)
            assert await home.database.outcome(said.id) is None


async def test_nobody_else_deletes_anything(home: Home, conversations: Conversations) -> None:
    """Whoever got a message, guards another toy of the group, or is a stranger; to all it is as if it did not exist."""
    await add_contact(home.database, home.mum, home.dad)
    await add_contact(home.database, home.dad, home.bear)
    dads = await add_toy(home.database, "Lion", home.dad)
    stranger = await add_person(home.database, "Stranger")
    group_id = await add_group(home.database, home.mum, home.dad, home.bear)
    cases = [
        (await write(home, home.mum, home.bear), (home.bear, home.dad, dads, stranger)),
        (await write(home, home.mum, home.dad), (home.dad, home.bear, stranger)),
        (await write(home, home.dad, home.bear), (home.bear, dads, stranger)),
        (await write(home, home.dad, group_id), (home.mum, home.bear, stranger)),
    ]
    home.events.clear()
    for said, actors in cases:
        for actor in actors:
            with pytest.raises(NotFound, match=NotFound.says):
                await conversations.delete(actor, said.id)
        assert await home.database.outcome(said.id) is not None
    assert home.events == []


@pytest.mark.parametrize("message_id", ["m_none", "", "m_\x00", "t_bear"])
async def test_what_does_not_exist_cannot_be_deleted(home: Home, conversations: Conversations, message_id: str) -> None:
    with pytest.raises(NotFound):
        await conversations.delete(home.mum, message_id)


async def test_deleting_twice_is_not_found(home: Home, conversations: Conversations) -> None:
    said = await write(home, home.mum, home.bear)
    await conversations.delete(home.mum, said.id)
    with pytest.raises(NotFound):
        await conversations.delete(home.mum, said.id)


async def test_what_waited_behind_a_deleted_voice_goes_its_way(home: Home, conversations: Conversations) -> None:
    voice = await speak(home, home.mum, home.bear)
    text = await write(home, home.mum, home.bear)
    await conversations.delete(home.mum, voice.id)
    assert await shown(conversations, home.bear, home.mum.id) == [text.id]
