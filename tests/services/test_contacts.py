"""Consent between two families: who may ask, agree, name, block and end, and who is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.authority import STANDING_TO_THE_TOY
from tests.services.conftest import Home
from tests.world import accept, add_guardian, add_licensed_toy, add_person, add_toy, message, new_id, sound
from toybackend.errors import MissingField, NotAllowed, NotFound, RateLimited, Refused, TooMany, UnknownRecipient
from toybackend.models import Contact, ContactId, ContactState, DeliveryState, Message, Party, PartyId, Standing
from toybackend.protocol import Notice, ServerFrame
from toybackend.services.contacts import Contacts
from toybackend.settings import Families


@pytest.fixture
def contacts(home: Home) -> Contacts:
    return Contacts(
        home.database, home.bus, limits=Families(contacts=5, contact_requests=10), clock=home.clock, new_id=new_id
    )


@pytest.fixture
async def aunt(home: Home) -> Party:
    """A grown-up of another family."""
    return await add_person(home.database, "Aunt")


@pytest.fixture
async def car(home: Home, aunt: Party) -> Party:
    """Aunt's toy."""
    return await add_toy(home.database, "Car", aunt)


async def agreed(home: Home, contacts: Contacts, aunt: Party) -> Contact:
    """Aunt asked to talk with the bear, and mum agreed; nobody remembers what was told."""
    asked = await contacts.ask(aunt.id, home.bear.id)
    contact = await contacts.accept(home.mum.id, asked.id)
    home.events.clear()
    return contact


def unnamed(party: Party) -> Party:
    """As whoever asks sees them."""
    return replace(party, name="")


async def standing(home: Home, one: Party, other: Party) -> Standing:
    return await home.database.standing(one.id, other.id)


def notice(event: str, contact: Contact) -> list[ServerFrame | None]:
    return [Notice(event=event, id=contact.id)]


# ── asking ──


async def test_a_person_asks_for_a_toy_and_its_guardians_are_told(home: Home, contacts: Contacts, aunt: Party) -> None:
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    asked = await contacts.ask(aunt.id, home.bear.id)
    assert (asked.side, asked.other, asked.state, asked.asked_by) == (
        aunt,
        unnamed(home.bear),
        ContactState.ASKED,
        aunt.id,
    )
    for guardian in (home.mum, home.dad):
        assert home.told(guardian) == notice("contact_request", asked)
    assert home.told(home.bear) == home.told(aunt) == []
    assert await standing(home, aunt, home.bear) is Standing.STRANGER


async def test_a_guardian_asks_for_their_toy(home: Home, contacts: Contacts, aunt: Party, car: Party) -> None:
    asked = await contacts.ask(home.mum.id, car.id, home.bear.id)
    assert (asked.side, asked.other, asked.asked_by) == (home.bear, unnamed(car), home.bear.id)
    assert home.told(aunt) == notice("contact_request", asked)


async def test_a_person_is_told_themselves(home: Home, contacts: Contacts, aunt: Party) -> None:
    asked = await contacts.ask(home.mum.id, aunt.id, home.bear.id)
    assert home.told(aunt) == notice("contact_request", asked)


async def test_asking_twice_tells_once(home: Home, contacts: Contacts, aunt: Party) -> None:
    first = await contacts.ask(aunt.id, home.bear.id)
    assert await contacts.ask(aunt.id, home.bear.id) == first
    assert home.told(home.mum) == notice("contact_request", first)


async def test_a_guardian_of_both_agrees_at_once(home: Home, contacts: Contacts, car: Party) -> None:
    cat = await add_toy(home.database, "Cat", home.mum)
    made = await contacts.ask(home.mum.id, cat.id, home.bear.id)
    assert made.state is ContactState.AGREED
    assert await standing(home, cat, home.bear) is Standing.CONTACT
    for one in (home.mum, cat, home.bear):
        assert home.told(one) == notice("contact_accepted", made)


async def test_both_who_ask_have_agreed(home: Home, contacts: Contacts, aunt: Party) -> None:
    asked = await contacts.ask(aunt.id, home.bear.id)
    home.events.clear()
    made = await contacts.ask(home.mum.id, aunt.id, home.bear.id)
    assert (made.id, made.state) == (asked.id, ContactState.AGREED)
    for one in (home.mum, aunt, home.bear):
        assert home.told(one) == notice("contact_accepted", made)


async def test_only_for_oneself_and_ones_own_toys(home: Home, contacts: Contacts, aunt: Party, car: Party) -> None:
    waiting = await add_licensed_toy(home.database)
    for side in (home.bear.id, home.mum.id, waiting, PartyId("t_none")):
        with pytest.raises(NotFound):
            await contacts.ask(aunt.id, car.id, side)


async def test_nobody_asks_their_own_family(home: Home, contacts: Contacts) -> None:
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    for other, side in (
        (home.mum, home.mum),
        (home.bear, home.mum),
        (home.dad, home.mum),
        (home.mum, home.bear),
        (home.bear, home.bear),
    ):
        with pytest.raises(MissingField):
            await contacts.ask(home.mum.id, other.id, side.id)


async def test_unknown_unbound_and_blocking_are_one_answer(home: Home, contacts: Contacts, aunt: Party) -> None:
    contact = await agreed(home, contacts, aunt)
    await contacts.change(home.mum.id, contact.id, blocks=True)
    answers = set()
    for other in (home.bear.id, await add_licensed_toy(home.database), PartyId("t_none"), PartyId("p_none")):
        with pytest.raises(Refused) as refused:
            await contacts.ask(aunt.id, other)
        answers.add((type(refused.value), str(refused.value)))
    assert answers == {(UnknownRecipient, UnknownRecipient.says)}


async def test_one_contact_too_many(home: Home, contacts: Contacts, aunt: Party) -> None:
    for number in range(5):
        await contacts.ask(aunt.id, (await add_person(home.database, f"friend {number}")).id)
    with pytest.raises(TooMany):
        await contacts.ask(aunt.id, home.bear.id)
    assert home.told(home.mum) == []


async def test_nobody_asks_without_end(home: Home, contacts: Contacts, aunt: Party) -> None:
    for _ in range(10):
        with pytest.raises(UnknownRecipient):
            await contacts.ask(aunt.id, PartyId("p_none"))
    with pytest.raises(RateLimited):
        await contacts.ask(aunt.id, home.bear.id)
    assert home.told(home.mum) == []
    assert (await contacts.ask(home.mum.id, aunt.id)).other.id == aunt.id
    home.clock.pass_seconds(3600)
    assert (await contacts.ask(aunt.id, home.bear.id)).state is ContactState.ASKED


# ── agreeing ──


async def test_the_side_that_was_asked_agrees(home: Home, contacts: Contacts, aunt: Party) -> None:
    asked = await contacts.ask(aunt.id, home.bear.id)
    home.events.clear()
    home.clock.pass_seconds(60)
    contact = await contacts.accept(home.mum.id, asked.id)
    assert (contact.side, contact.state, contact.since) == (home.bear, ContactState.AGREED, home.clock.now)
    assert list(await contacts.contacts(home.mum.id)) == [contact]
    assert await standing(home, aunt, home.bear) is Standing.CONTACT
    for one in (home.mum, home.bear, aunt):
        assert home.told(one) == notice("contact_accepted", contact)
    assert home.told(home.dad) == []


async def test_who_agreed_for_both_sides_does_not_stay_when_sent_away(home: Home, contacts: Contacts) -> None:
    asked = await contacts.ask(home.dad.id, home.bear.id)
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    await contacts.accept(home.dad.id, asked.id)
    cat = await add_toy(home.database, "Cat", home.dad)
    await contacts.ask(home.dad.id, home.bear.id, cat.id)
    await home.database.remove_guardian(home.bear.id, home.dad.id, home.clock.now)
    assert await standing(home, home.dad, home.bear) is Standing.STRANGER
    assert await standing(home, cat, home.bear) is Standing.STRANGER


async def test_any_guardian_agrees(home: Home, contacts: Contacts, aunt: Party) -> None:
    await add_guardian(home.database, home.bear, home.mum, home.dad)
    asked = await contacts.ask(aunt.id, home.bear.id)
    assert (await contacts.accept(home.dad.id, asked.id)).state is ContactState.AGREED


async def test_who_asks_does_not_agree_too(home: Home, contacts: Contacts, aunt: Party, car: Party) -> None:
    asked = await contacts.ask(aunt.id, home.bear.id, car.id)
    with pytest.raises(NotAllowed):
        await contacts.accept(aunt.id, asked.id)
    assert await standing(home, car, home.bear) is Standing.STRANGER


async def test_agreeing_twice_tells_once(home: Home, contacts: Contacts, aunt: Party) -> None:
    contact = await agreed(home, contacts, aunt)
    assert await contacts.accept(home.mum.id, contact.id) == contact
    with pytest.raises(NotAllowed):
        await contacts.accept(aunt.id, contact.id)
    assert home.events == []


async def test_whom_we_block_we_do_not_agree_with(home: Home, contacts: Contacts, aunt: Party) -> None:
    asked = await contacts.ask(aunt.id, home.bear.id)
    await contacts.change(home.mum.id, asked.id, blocks=True)
    with pytest.raises(NotAllowed):
        await contacts.accept(home.mum.id, asked.id)
    await contacts.change(home.mum.id, asked.id, blocks=False)
    assert (await contacts.accept(home.mum.id, asked.id)).state is ContactState.AGREED


async def test_what_is_not_ours_is_as_if_it_were_not_there(home: Home, contacts: Contacts, aunt: Party) -> None:
    contact = await agreed(home, contacts, aunt)
    answers = set()
    for contact_id in (contact.id, ContactId("c_none")):
        for attempt in (
            contacts.accept(home.dad.id, contact_id),
            contacts.change(home.dad.id, contact_id, blocks=True),
            contacts.end(home.dad.id, contact_id),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            answers.add((type(refused.value), str(refused.value)))
    assert answers == {(NotFound, NotFound.says)}
    assert await standing(home, aunt, home.bear) is Standing.CONTACT


# ── lists ──


async def test_the_list_is_of_oneself_and_every_toy_one_guards(
    home: Home, contacts: Contacts, aunt: Party, car: Party
) -> None:
    await agreed(home, contacts, aunt)
    await contacts.ask(home.mum.id, aunt.id)
    await contacts.ask(home.dad.id, aunt.id)
    assert {(one.side, one.other) for one in await contacts.contacts(home.mum.id)} == {
        (home.bear, aunt),
        (home.mum, unnamed(aunt)),
    }
    assert [one.side for one in await contacts.contacts(home.mum.id, home.bear.id)] == [home.bear]
    assert {one.other for one in await contacts.contacts(aunt.id)} == {home.bear, home.mum, home.dad}


async def test_nobody_looks_at_the_list_of_another(home: Home, contacts: Contacts, aunt: Party) -> None:
    await agreed(home, contacts, aunt)
    for side in (home.bear.id, home.mum.id, PartyId("t_none")):
        with pytest.raises(NotFound):
            await contacts.contacts(aunt.id, side)


# ── naming and blocking ──


async def test_a_nickname_is_not_seen_by_the_other(home: Home, contacts: Contacts, aunt: Party) -> None:
    contact = await agreed(home, contacts, aunt)
    changed = await contacts.change(home.mum.id, contact.id, nickname="Auntie")
    assert list(await contacts.contacts(home.mum.id)) == [changed]
    assert changed.nickname == "Auntie"
    assert [one.nickname for one in await contacts.contacts(aunt.id)] == [""]
    assert await contacts.change(home.mum.id, contact.id) == changed
    assert home.events == []


async def test_who_answers_for_both_sides_says_which(home: Home, contacts: Contacts) -> None:
    cat = await add_toy(home.database, "Cat", home.mum)
    made = await contacts.ask(home.mum.id, cat.id, home.bear.id)
    with pytest.raises(MissingField):
        await contacts.change(home.mum.id, made.id, nickname="Kitty")
    await contacts.change(home.mum.id, made.id, nickname="Kitty", side=home.bear.id)
    assert {one.side: one.nickname for one in await contacts.contacts(home.mum.id)} == {home.bear: "Kitty", cat: ""}


async def test_nobody_changes_the_side_of_the_other(home: Home, contacts: Contacts, aunt: Party) -> None:
    contact = await agreed(home, contacts, aunt)
    for side in (aunt.id, PartyId("p_none")):
        with pytest.raises(NotFound):
            await contacts.change(home.mum.id, contact.id, blocks=True, side=side)


async def said(home: Home, sender: Party, to: Party) -> Message:
    """A voice that waits in a mailbox."""
    voice = message(sender, to)
    await accept(home.database, voice)
    await home.database.settle(voice.id, home.clock.now, sound=sound())
    return voice


async def test_blocking_takes_back_what_waits_and_tells_nobody_of_the_block(
    home: Home, contacts: Contacts, aunt: Party
) -> None:
    contact = await agreed(home, contacts, aunt)
    to_bear, to_aunt = await said(home, aunt, home.bear), await said(home, home.bear, aunt)
    seen_by_aunt = await contacts.contacts(aunt.id)
    await contacts.change(home.mum.id, contact.id, blocks=True)
    assert await standing(home, aunt, home.bear) is Standing.BLOCKED
    assert home.told(home.bear) == [Notice(event="deleted", id=to_bear.id)]
    assert home.told(aunt) == [Notice(event="deleted", id=to_aunt.id)]
    assert await contacts.contacts(aunt.id) == seen_by_aunt
    assert await home.database.advance(to_bear.id, home.bear.id, DeliveryState.HEARD, home.clock.now) is None


async def test_taking_back_a_block(home: Home, contacts: Contacts, aunt: Party) -> None:
    contact = await agreed(home, contacts, aunt)
    await contacts.change(home.mum.id, contact.id, blocks=True)
    assert not (await contacts.change(home.mum.id, contact.id, blocks=False)).is_blocked
    assert await standing(home, aunt, home.bear) is Standing.CONTACT


# ── ending ──


@pytest.mark.parametrize("who", ["mum", "aunt"])
async def test_either_side_ends_it_at_once(home: Home, contacts: Contacts, aunt: Party, who: str) -> None:
    contact = await agreed(home, contacts, aunt)
    waits = await said(home, aunt, home.bear)
    await contacts.end(home.mum.id if who == "mum" else aunt.id, contact.id)
    assert await standing(home, aunt, home.bear) is Standing.STRANGER
    assert home.told(home.bear) == [Notice(event="deleted", id=waits.id)]
    assert await contacts.contacts(home.mum.id) == await contacts.contacts(aunt.id) == []
    with pytest.raises(NotFound):
        await contacts.end(home.mum.id, contact.id)


@pytest.mark.parametrize("who", ["mum", "aunt"])
async def test_a_request_is_refused_or_taken_back(home: Home, contacts: Contacts, aunt: Party, who: str) -> None:
    asked = await contacts.ask(aunt.id, home.bear.id)
    await contacts.end(home.mum.id if who == "mum" else aunt.id, asked.id)
    with pytest.raises(NotFound):
        await contacts.accept(home.mum.id, asked.id)
    assert await standing(home, aunt, home.bear) is Standing.STRANGER


async def test_who_is_blocked_ends_it_and_stays_blocked(home: Home, contacts: Contacts, aunt: Party) -> None:
    contact = await agreed(home, contacts, aunt)
    await contacts.change(home.mum.id, contact.id, blocks=True)
    await contacts.end(aunt.id, contact.id)
    assert await contacts.contacts(aunt.id) == []
    with pytest.raises(UnknownRecipient):
        await contacts.ask(aunt.id, home.bear.id)
    [left] = await contacts.contacts(home.mum.id)
    assert (left.is_blocked, left.state) == (True, ContactState.ASKED)
    with pytest.raises(NotAllowed):
        await contacts.accept(home.mum.id, left.id)


# ── everybody of the authority table ──


async def test_everybody_stands_where_the_authority_table_puts_them(home: Home, contacts: Contacts) -> None:
    bear, people = home.bear, {"owner": home.mum, "co_guardian": home.dad}
    await add_guardian(home.database, bear, home.mum, home.dad)
    for name in ("contact", "refused", "blocked", "stranger", "operator"):
        people[name] = await add_person(home.database, name)
    for name in ("contact", "refused", "blocked"):
        asked = await contacts.ask(people[name].id, bear.id)
        if name == "refused":
            await contacts.end(home.dad.id, asked.id)
        else:
            await contacts.accept(home.mum.id, asked.id)
        if name == "blocked":
            await contacts.change(home.dad.id, asked.id, blocks=True)
    people["other_toy"] = await add_toy(home.database, "Dog", people["stranger"])
    people["bear"] = bear
    found = {name: await standing(home, one, bear) for name, one in people.items()}
    assert found == STANDING_TO_THE_TOY
