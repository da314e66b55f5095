"""Agreeing to what is kept about a child, and taking it back."""

from __future__ import annotations

import asyncio

import pytest

from tests.services.conftest import Home
from tests.world import accept, message
from toybackend.errors import ConsentNeeded, InvalidValue, NotAllowed, NotFound, Overloaded
from toybackend.models import Erased, PartyId
from toybackend.ports import Changed, Tell, ToyChange
from toybackend.protocol import Notice, Stop, TextMessage
from toybackend.services.consent import Consents
from toybackend.services.erasing import Erasing
from toybackend.services.playback import STOP
from toybackend.services.toys import Toys
from toybackend.settings import Families, Keeping


@pytest.fixture
def toys(home: Home) -> Toys:
    return Toys(home.database, home.bus, claim_seconds=600, claim_tries=5, limits=Families(), clock=home.clock)


@pytest.fixture
def consents(home: Home, toys: Toys) -> Consents:
    return consents_of(home, toys, Keeping())


def consents_of(home: Home, toys: Toys, keeping: Keeping) -> Consents:
    erasing = Erasing(home.database, home.audio, home.bus)

    async def silence(toy_id: PartyId) -> None:
        await home.bus.publish(Tell(toy_id, STOP))

    return Consents(home.database, toys, erasing.erase_sayings, silence, keeping=keeping, clock=home.clock)


# ── the text ──


async def test_the_text_says_the_days_that_are_set(home: Home, toys: Toys) -> None:
    text = await consents_of(home, toys, Keeping(heard_days=11, unheard_days=22, original_days=33)).text()
    assert list(text.texts) == ["en", "zh"]
    for words in text.texts.values():
        assert all(days in words for days in ("11", "22", "33"))
        assert "$" not in words


async def test_another_text_has_another_version(home: Home, toys: Toys, consents: Consents) -> None:
    text = await consents.text()
    assert text == await consents_of(home, toys, Keeping()).text()
    other = await consents_of(home, toys, Keeping(heard_days=31)).text()
    assert text.version != other.version
    assert len(text.version) == len(other.version) == 16


# ── agreeing ──


async def test_who_agreed_to_which_version_and_when_is_written_down(home: Home, consents: Consents) -> None:
    version = (await consents.text()).version
    consent = await consents.give(home.mum.id, home.bear.id, version)
    assert (consent.given_by, consent.version, consent.given_at) == (home.mum.id, version, home.clock.now)
    assert await home.database.consents(home.bear.id) == [consent]
    home.clock.pass_seconds(1)
    assert await consents.give(home.mum.id, home.bear.id, version) == consent
    assert home.told(home.mum)[0] == Notice(event="settings", id=home.bear.id)
    assert Changed(home.bear.id) in home.events


async def test_a_text_of_yesterday_is_shown_again_first(home: Home, toys: Toys, consents: Consents) -> None:
    old = (await consents_of(home, toys, Keeping(heard_days=3650)).text()).version
    with pytest.raises(InvalidValue, match="version"):
        await consents.give(home.mum.id, home.bear.id, old)


async def test_only_guardians_agree_and_withdraw(home: Home, consents: Consents) -> None:
    version = (await consents.text()).version
    for toy_id in (home.bear.id, PartyId("t_none")):
        with pytest.raises(NotFound):
            await consents.give(home.dad.id, toy_id, version)
        with pytest.raises(NotFound):
            await consents.withdraw(home.dad.id, toy_id)


# ── taking it back ──


async def test_withdrawing_pauses_the_toy_and_erases_what_was_said(home: Home, toys: Toys, consents: Consents) -> None:
    version = (await consents.text()).version
    await consents.give(home.mum.id, home.bear.id, version)
    await toys.change(home.mum.id, home.bear.id, ToyChange(child_name="Mia"))
    said = message(home.mum, home.bear, text="good night")
    await accept(home.database, said)
    erased = await consents.withdraw(home.mum.id, home.bear.id)
    assert erased.rows["messages"] == 1
    assert Stop() in home.told(home.bear)  # what plays ends as well
    assert await home.database.outcome(said.id) is None
    household = await toys.household(home.mum.id, home.bear.id)
    assert (household.toy.child_name, household.consent) == ("", None)
    assert household.toy.paused_at == home.clock.now
    with pytest.raises(ConsentNeeded):
        await toys.change(home.mum.id, home.bear.id, ToyChange(child_name="Mia"))
    with pytest.raises(NotAllowed):
        await say(home)
    await consents.give(home.mum.id, home.bear.id, version)
    await say(home)


async def say(home: Home) -> None:
    await home.delivery.accept_text(home.mum, TextMessage(to_user=home.bear.id, msg="hello"), lambda message: None)


async def test_what_a_power_cut_left_half_done_is_finished_by_asking_again(home: Home, toys: Toys) -> None:
    whole = consents_of(home, toys, Keeping())
    said = message(home.mum, home.bear, text="good night")
    await accept(home.database, said)

    async def fails(toy_id: PartyId) -> Erased:
        raise Overloaded

    async def silence(toy_id: PartyId) -> None:
        return None

    failing = Consents(home.database, toys, fails, silence, keeping=Keeping(), clock=home.clock)
    with pytest.raises(Overloaded):
        await failing.withdraw(home.mum.id, home.bear.id)
    assert (await toys.household(home.mum.id, home.bear.id)).toy.paused_at is not None  # nobody talks with it any more
    await whole.withdraw(home.mum.id, home.bear.id)
    assert await home.database.outcome(said.id) is None


async def test_agreeing_and_withdrawing_at_once_ends_in_one_of_the_two(
    home: Home, toys: Toys, consents: Consents
) -> None:
    version = (await consents.text()).version
    for _ in range(20):
        await asyncio.gather(
            consents.give(home.mum.id, home.bear.id, version), consents.withdraw(home.mum.id, home.bear.id)
        )
        household = await toys.household(home.mum.id, home.bear.id)
        assert (household.toy.paused_at is None) is (household.consent is not None)
        home.clock.pass_seconds(1)


async def test_the_texts_are_read_from_the_disk_once(home: Home, consents: Consents) -> None:
    assert await consents.text() is await consents.text()
