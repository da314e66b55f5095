"""The contract of `ports.Contacts`: asking, agreeing, naming, blocking, ending, and what is taken back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.contracts.conftest import OpenDatabase
from tests.world import (
    NOW,
    accept,
    add_contact,
    add_group,
    add_guardian,
    add_licensed_toy,
    add_person,
    message,
    new_id,
    sound,
)
from toybackend.databases.sql import SqlDatabase
from toybackend.errors import NotFound, TooMany, UnknownRecipient
from toybackend.models import Contact, ContactId, ContactState, DeliveryState, GroupId, Message, Party, PartyId
from toybackend.ports import Asked, TakenBack

LATER = NOW + 1000


async def ask(
    database: SqlDatabase, one: Party, other: Party, *, is_agreed: bool = False, most: int = 10, now: int = NOW
) -> Asked:
    return await database.ask(ContactId(new_id("c")), one.id, other.id, now, is_agreed=is_agreed, most=most)


async def seen(database: SqlDatabase, side: Party) -> list[Contact]:
    return list(await database.contacts_of([side.id]))


# ── who there is ──


async def test_a_person_and_a_toy_with_a_family_are_parties(database: SqlDatabase, mum: Party, bear: Party) -> None:
    assert [await database.party(one.id) for one in (mum, bear)] == [mum, bear]
    for nobody in (await add_licensed_toy(database), PartyId("p_none")):
        assert await database.party(nobody) is None


# ── asking and agreeing ──


async def test_a_request_is_seen_from_both_sides(database: SqlDatabase, dad: Party, bear: Party) -> None:
    asked = await ask(database, dad, bear)
    unnamed = replace(bear, name="")  # whoever has an id does not learn by asking whose it is
    ours = Contact(asked.contact.id, dad, unnamed, ContactState.ASKED, dad.id, "", is_blocked=False, since=NOW)
    assert asked == Asked(ours, is_news=True)
    assert await seen(database, dad) == [ours]
    assert await seen(database, bear) == [replace(ours, side=bear, other=dad)]
    both = await database.contact(ours.id)
    assert {view.side: view for view in both} == {
        view.side: view for view in [ours, replace(ours, side=bear, other=dad)]
    }


async def test_asking_again_finds_the_request_that_is_there(database: SqlDatabase, dad: Party, bear: Party) -> None:
    first = await ask(database, dad, bear)
    assert await ask(database, dad, bear, now=LATER) == replace(first, is_news=False)


async def test_asking_whoever_asks_us_is_agreeing(database: SqlDatabase, dad: Party, bear: Party) -> None:
    first = await ask(database, dad, bear)
    second = await ask(database, bear, dad, now=LATER)
    assert (second.is_news, second.contact.id, second.contact.side) == (True, first.contact.id, bear)
    assert (second.contact.state, second.contact.since) == (ContactState.AGREED, LATER)
    assert await ask(database, dad, bear) == Asked(replace(second.contact, side=dad, other=bear), is_news=False)


async def test_one_who_answers_for_both_sides_agrees_at_once(database: SqlDatabase, dad: Party, bear: Party) -> None:
    asked = await ask(database, dad, bear, is_agreed=True)
    assert (asked.is_news, asked.contact.state) == (True, ContactState.AGREED)


async def test_one_who_answers_for_both_sides_settles_an_open_request(
    database: SqlDatabase, dad: Party, bear: Party
) -> None:
    await ask(database, dad, bear)
    asked = await ask(database, dad, bear, is_agreed=True)
    assert (asked.is_news, asked.contact.state) == (True, ContactState.AGREED)


async def test_agreeing(database: SqlDatabase, dad: Party, bear: Party) -> None:
    asked = (await ask(database, dad, bear)).contact
    await database.agree(asked.id, bear.id, LATER)
    assert await seen(database, dad) == [replace(asked, other=bear, state=ContactState.AGREED, since=LATER)]


@pytest.mark.parametrize("since", ["asked by us", "dad blocks", "we block", "agreed", "another's"])
async def test_who_agrees_agrees_to_what_is_there_now(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party, since: str
) -> None:
    asker, asked = (bear, dad) if since == "asked by us" else (dad, bear)
    state = ContactState.AGREED if since == "agreed" else ContactState.ASKED
    contact_id = await add_contact(database, asker, asked, state, blocks=since == "we block")
    if since == "dad blocks":
        await database.set_block(contact_id, dad.id, blocks=True)
    before = await database.contact(contact_id)
    with pytest.raises(NotFound):
        await database.agree(contact_id, mum.id if since == "another's" else bear.id, LATER)
    assert await database.contact(contact_id) == before


async def test_nothing_can_be_agreed_to_that_is_not_there(database: SqlDatabase) -> None:
    with pytest.raises(NotFound):
        await database.agree(ContactId("c_none"), PartyId("p_none"), NOW)
    assert await database.contact(ContactId("c_none")) == []


async def test_nobody_can_be_asked_who_is_not_there(database: SqlDatabase, mum: Party) -> None:
    for nobody in (PartyId("p_none"), await add_licensed_toy(database)):
        with pytest.raises(UnknownRecipient):
            await database.ask(ContactId("c_1"), mum.id, nobody, NOW, is_agreed=False, most=10)
    assert await seen(database, mum) == []


async def test_two_who_ask_each_other_at_once_have_one_contact(
    database: SqlDatabase, connect: OpenDatabase, dad: Party, bear: Party
) -> None:
    async with connect() as other:
        asked = await asyncio.gather(
            *(ask(node, *pair) for node in (database, other) for pair in ((dad, bear), (bear, dad)))
        )
    assert len({one.contact.id for one in asked}) == 1
    assert [one.state for one in await seen(database, dad)] == [ContactState.AGREED]


# ── how many ──


async def test_contacts_and_requests_are_bounded(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    aunt = await add_person(database, "Aunt")
    await ask(database, mum, dad, most=2)
    await ask(database, aunt, mum, is_agreed=True, most=2)
    with pytest.raises(TooMany):
        await ask(database, mum, await add_person(database, "Uncle"), most=2)
    assert (await ask(database, mum, dad, most=2)).contact.other.id == dad.id  # it is there already


async def test_who_has_no_room_for_one_more_cannot_be_found(database: SqlDatabase, mum: Party, dad: Party) -> None:
    aunt = await add_person(database, "Aunt")
    await ask(database, mum, dad, most=1)
    with pytest.raises(UnknownRecipient):
        await ask(database, aunt, mum, most=1)
    assert await seen(database, aunt) == []


async def test_who_has_no_room_does_not_learn_who_is_there(database: SqlDatabase, mum: Party, dad: Party) -> None:
    aunt = await add_person(database, "Aunt")
    await add_contact(database, mum, aunt, ContactState.ASKED, blocks=True)
    await ask(database, mum, dad, most=1)
    for other_id in (aunt.id, (await add_person(database, "Uncle")).id, PartyId("p_none")):
        with pytest.raises(TooMany):
            await database.ask(ContactId("c_1"), mum.id, other_id, NOW, is_agreed=False, most=1)


async def test_what_a_party_cannot_see_does_not_count_for_it(database: SqlDatabase, mum: Party, dad: Party) -> None:
    refused = (await ask(database, dad, mum)).contact
    await database.set_block(refused.id, mum.id, blocks=True)
    assert (await ask(database, dad, await add_person(database, "Aunt"), most=1)).is_news
    with pytest.raises(TooMany):
        await ask(database, mum, await add_person(database, "Uncle"), most=1)


# ── lists ──


async def test_contacts_are_listed_for_each_side_by_the_names_they_give(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    zoe = await add_person(database, "Zoë")
    aunt = await add_person(database, "aunt")
    for other in (zoe, aunt, dad):
        await add_contact(database, bear, other)
    nicknamed = await add_contact(database, mum, zoe)
    await database.set_nickname(nicknamed, mum.id, "Bee")
    listed = [(one.side.name, one.nickname or one.other.name) for one in await database.contacts_of([mum.id, bear.id])]
    assert listed == [("Bear", "aunt"), ("Mum", "Bee"), ("Bear", "Dad"), ("Bear", "Zoë")]


async def test_who_answers_for_both_sides_sees_both(database: SqlDatabase, dad: Party, bear: Party) -> None:
    await add_contact(database, dad, bear)
    found = await database.contacts_of([dad.id, bear.id])
    assert {(one.side, one.other) for one in found} == {(dad, bear), (bear, dad)}
    assert len({one.id for one in found}) == 1


async def test_nobody_has_no_contacts(database: SqlDatabase, dad: Party, bear: Party) -> None:
    await add_contact(database, dad, bear)
    assert await database.contacts_of([]) == []
    assert await database.contacts_of([PartyId("p_none")]) == []


# ── names ──


@pytest.mark.parametrize("is_turned", [False, True])
async def test_a_nickname_is_its_sides_own(database: SqlDatabase, dad: Party, bear: Party, is_turned: bool) -> None:
    one, other = (bear, dad) if is_turned else (dad, bear)
    contact_id = await add_contact(database, dad, bear)
    await database.set_nickname(contact_id, one.id, "Schatz")
    assert [[view.nickname for view in await seen(database, side)] for side in (one, other)] == [["Schatz"], [""]]
    await database.set_nickname(contact_id, one.id, "")
    assert [view.nickname for view in await seen(database, one)] == [""]


async def test_a_nickname_is_for_who_is_a_side(database: SqlDatabase, mum: Party, dad: Party, bear: Party) -> None:
    contact_id = await add_contact(database, dad, bear)
    await database.set_nickname(contact_id, mum.id, "mine")
    await database.set_block(contact_id, mum.id, blocks=True)
    assert [(view.nickname, view.is_blocked) for view in await database.contact(contact_id)] == [("", False)] * 2


# ── blocking ──


@pytest.mark.parametrize("is_turned", [False, True])
async def test_a_block_is_seen_by_its_own_side_alone(
    database: SqlDatabase, dad: Party, bear: Party, is_turned: bool
) -> None:
    one, other = (bear, dad) if is_turned else (dad, bear)
    contact_id = await add_contact(database, dad, bear)
    before = await seen(database, other)
    await database.set_block(contact_id, one.id, blocks=True)
    assert [view.is_blocked for view in await seen(database, one)] == [True]
    assert await seen(database, other) == before
    await database.set_block(contact_id, one.id, blocks=False)
    assert [view.is_blocked for view in await seen(database, one)] == [False]


async def test_who_is_blocked_cannot_ask(database: SqlDatabase, dad: Party, bear: Party) -> None:
    await add_contact(database, dad, bear, blocks=True)
    for is_agreed in (False, True):
        with pytest.raises(UnknownRecipient):
            await ask(database, dad, bear, is_agreed=is_agreed)


async def test_a_blocked_request_is_gone_for_who_asked(database: SqlDatabase, dad: Party, bear: Party) -> None:
    contact_id = await add_contact(database, dad, bear, ContactState.ASKED, blocks=True)
    assert await seen(database, dad) == []
    assert [view.is_blocked for view in await seen(database, bear)] == [True]
    assert [view.side for view in await database.contact(contact_id)] == [bear]


async def test_asking_whom_we_block_does_not_agree_to_what_they_asked(
    database: SqlDatabase, dad: Party, bear: Party
) -> None:
    await add_contact(database, dad, bear, ContactState.ASKED, blocks=True)
    asked = await ask(database, bear, dad)
    assert (asked.is_news, asked.contact.state, asked.contact.is_blocked) == (False, ContactState.ASKED, True)


# ── ending ──


@pytest.mark.parametrize("state", ContactState)
async def test_what_is_ended_is_forgotten(database: SqlDatabase, dad: Party, bear: Party, state: ContactState) -> None:
    contact_id = await add_contact(database, dad, bear, state)
    await database.end_contact(contact_id, [bear.id])
    assert await seen(database, dad) == await seen(database, bear) == []
    assert await database.end_contact(contact_id, [bear.id]) == []
    assert (await ask(database, dad, bear)).contact.state is ContactState.ASKED


async def test_who_blocks_forgets_the_block_with_the_contact(database: SqlDatabase, dad: Party, bear: Party) -> None:
    contact_id = await add_contact(database, dad, bear, blocks=True)
    await database.end_contact(contact_id, [bear.id])
    assert (await ask(database, dad, bear)).is_news


async def test_who_is_blocked_does_not_come_in_again_by_ending_it(
    database: SqlDatabase, dad: Party, bear: Party
) -> None:
    contact_id = await add_contact(database, dad, bear, blocks=True)
    await database.set_nickname(contact_id, bear.id, "that man")
    await database.end_contact(contact_id, [dad.id])
    assert await seen(database, dad) == []
    assert [(view.nickname, view.is_blocked) for view in await seen(database, bear)] == [("that man", True)]
    with pytest.raises(UnknownRecipient):
        await ask(database, dad, bear)


async def test_what_was_ended_under_a_block_needs_both_again(database: SqlDatabase, dad: Party, bear: Party) -> None:
    """Once the block is taken back, the one who ended it is asked, and has not agreed."""
    contact_id = await add_contact(database, dad, bear, blocks=True)
    await database.set_block(contact_id, dad.id, blocks=True)
    await database.end_contact(contact_id, [dad.id])
    await database.set_block(contact_id, bear.id, blocks=False)
    [view] = await seen(database, dad)
    assert (view.state, view.asked_by, view.is_blocked) == (ContactState.ASKED, bear.id, False)
    assert (await ask(database, dad, bear)).contact.state is ContactState.AGREED


async def test_who_blocks_still_knows_whom(database: SqlDatabase, dad: Party, bear: Party) -> None:
    contact_id = await add_contact(database, dad, bear, blocks=True)
    await database.end_contact(contact_id, [dad.id])
    assert [(view.nickname, view.other.name) for view in await seen(database, bear)] == [("Dad", "")]


async def test_a_block_goes_with_the_last_side_that_has_one(database: SqlDatabase, dad: Party, bear: Party) -> None:
    contact_id = await add_contact(database, dad, bear, blocks=True)
    await database.set_block(contact_id, dad.id, blocks=True)
    await database.end_contact(contact_id, [dad.id, bear.id])
    assert await database.contact(contact_id) == []


# ── taking back ──


async def voice(database: SqlDatabase, sender: Party, to: Party | GroupId) -> Message:
    said = message(sender, to)
    await accept(database, said)
    await database.settle(said.id, NOW, sound=sound())
    return said


async def text(database: SqlDatabase, sender: Party, to: Party | GroupId) -> Message:
    said = message(sender, to, text="hello")
    await accept(database, said)
    return said


async def left(database: SqlDatabase, *said: Message) -> list[set[PartyId]]:
    """Who still has a copy of each."""
    found = [await database.outcome(one.id) for one in said]
    return [{receipt.recipient_id for receipt in one[1]} for one in found if one is not None]


async def advance(database: SqlDatabase, said: Message, recipient: Party, to: DeliveryState) -> None:
    assert await database.advance(said.id, recipient.id, to, NOW)


@pytest.fixture(params=["block", "end"])
def how(request: pytest.FixtureRequest) -> str:
    """How it comes to an end."""
    return str(request.param)


async def stop(database: SqlDatabase, contact_id: ContactId, side: Party, how: str) -> set[TakenBack]:
    if how == "block":
        return set(await database.set_block(contact_id, side.id, blocks=True))
    return set(await database.end_contact(contact_id, [side.id]))


async def test_what_was_not_heard_between_the_two_is_taken_back(
    database: SqlDatabase, dad: Party, bear: Party, how: str
) -> None:
    contact_id = await add_contact(database, dad, bear)
    to_bear, to_dad = await voice(database, dad, bear), await text(database, bear, dad)
    taken = await stop(database, contact_id, bear, how)
    assert taken == {TakenBack(to_bear.id, bear.id), TakenBack(to_dad.id, dad.id)}
    assert await left(database, to_bear, to_dad) == [set(), set()]
    for party in (dad, bear):
        assert (await database.mailbox(party.id)).unread == 0
        assert await database.waiting(party.id, 0, 0, 10) == []


async def test_what_was_heard_or_read_stays(database: SqlDatabase, dad: Party, bear: Party, how: str) -> None:
    contact_id = await add_contact(database, dad, bear)
    heard, read = await voice(database, dad, bear), await text(database, dad, bear)
    await advance(database, heard, bear, DeliveryState.HEARD)
    await advance(database, read, bear, DeliveryState.DELIVERED)
    assert await stop(database, contact_id, dad, how) == set()
    assert await left(database, heard, read) == [{bear.id}, {bear.id}]


async def test_a_voice_that_was_fetched_and_not_heard_is_taken_back(
    database: SqlDatabase, dad: Party, bear: Party, how: str
) -> None:
    contact_id = await add_contact(database, dad, bear)
    said = await voice(database, dad, bear)
    await advance(database, said, bear, DeliveryState.DELIVERED)
    assert await stop(database, contact_id, bear, how) == {TakenBack(said.id, bear.id)}
    assert await left(database, said) == [set()]


async def test_what_is_still_being_converted_reaches_nobody(
    database: SqlDatabase, dad: Party, bear: Party, how: str
) -> None:
    contact_id = await add_contact(database, dad, bear)
    said = message(dad, bear)
    await accept(database, said)
    assert await stop(database, contact_id, bear, how) == set()  # nobody was told of it
    assert await database.settle(said.id, NOW, sound=sound()) == []
    assert (await database.mailbox(bear.id)).last_position == 0


async def test_in_groups_too_what_one_said_is_taken_back_from_the_other(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party, how: str
) -> None:
    contact_id = await add_contact(database, dad, bear)
    await add_contact(database, dad, mum)
    group_id = await add_group(database, mum, dad, bear)
    by_dad, by_mum = await voice(database, dad, group_id), await voice(database, mum, group_id)
    assert await stop(database, contact_id, bear, how) == {TakenBack(by_dad.id, bear.id)}
    assert await left(database, by_dad, by_mum) == [{mum.id}, {dad.id, bear.id}]


async def test_what_others_said_stays(database: SqlDatabase, mum: Party, dad: Party, bear: Party, how: str) -> None:
    contact_id = await add_contact(database, dad, bear)
    await add_contact(database, dad, mum)
    said = [await voice(database, *pair) for pair in ((mum, bear), (bear, mum), (dad, mum), (mum, dad))]
    assert await stop(database, contact_id, dad, how) == set()
    assert await left(database, *said) == [{bear.id}, {mum.id}, {mum.id}, {dad.id}]


async def test_unblocking_brings_nothing_back(database: SqlDatabase, dad: Party, bear: Party) -> None:
    contact_id = await add_contact(database, dad, bear)
    said = await voice(database, dad, bear)
    await database.set_block(contact_id, bear.id, blocks=True)
    assert await database.set_block(contact_id, bear.id, blocks=False) == []
    assert await left(database, said) == [set()]
    after = await voice(database, dad, bear)
    assert await left(database, after) == [{bear.id}]


async def test_a_guardian_who_was_a_contact_keeps_what_the_family_says(
    database: SqlDatabase, mum: Party, dad: Party, bear: Party
) -> None:
    """The contact from before dad joined the family may go; they talk all the same."""
    contact_id = await add_contact(database, dad, bear)
    await add_guardian(database, bear, mum, dad)
    said = await voice(database, dad, bear)
    await database.end_contact(contact_id, [dad.id])
    assert await left(database, said) == [{bear.id}]
