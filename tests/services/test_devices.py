"""Licences, switching on, and finding an owner."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.services.conftest import Home
from tests.world import new_id
from toybackend.errors import AlreadyBound, ClaimExpired, ClaimWrong, NotAuthenticated, UnknownRecipient
from toybackend.models import BootState, PartyKind
from toybackend.ports import Wake
from toybackend.services import devices as module
from toybackend.services.devices import CLAIM_ALPHABET, CLAIM_LENGTH, Boot, Devices

CLAIM_SECONDS = 600


@pytest.fixture
def devices(home: Home) -> Devices:
    return Devices(home.database, home.bus, home.tokens, claim_seconds=CLAIM_SECONDS, clock=home.clock, new_id=new_id)


async def switched_on(devices: Devices) -> tuple[str, Boot]:
    """A new toy's licence, and what it learned when it was switched on for the first time."""
    [(_, licence)] = await devices.issue(1)
    return licence, await devices.power_on(licence)


def code_of(boot: Boot) -> str:
    assert boot.claim is not None
    return boot.claim.code


# ── licences ──


async def test_licences_are_random_and_each_has_its_toy(devices: Devices) -> None:
    made = await devices.issue(50)
    assert len({toy for toy, _ in made}) == len({licence for _, licence in made}) == 50
    assert all(re.fullmatch("[0-9a-f]{32}", licence) for _, licence in made)
    boots = [await devices.power_on(licence) for _, licence in made[:3]]
    assert [boot.toy.id for boot in boots if boot.toy] == [toy for toy, _ in made[:3]]


@pytest.mark.parametrize("count", [0, 1, 5, 7])
async def test_any_number_of_licences_is_issued_in_batches(
    devices: Devices, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    made = await devices.issue(count)
    assert len(made) == count
    for _, licence in made:
        assert (await devices.power_on(licence)).state is BootState.UNBOUND


# ── switching on ──


@pytest.mark.parametrize("licence", ["", "0" * 32, "x", "ü" * 32, "\udcff"])
async def test_a_toy_without_a_licence_gets_nothing(devices: Devices, licence: str) -> None:
    assert await devices.power_on(licence) == Boot(BootState.UNLICENSED, toy=None, token=None, claim=None)


async def test_a_toy_without_an_owner_gets_a_claim_and_may_wait(devices: Devices, home: Home) -> None:
    _, boot = await switched_on(devices)
    assert boot.state is BootState.UNBOUND
    assert boot.toy is not None
    assert boot.claim is not None
    assert (boot.claim.toy_id, boot.claim.expires_at) == (boot.toy.id, home.clock.now + CLAIM_SECONDS * 1000)
    assert len(boot.claim.code) == CLAIM_LENGTH
    assert set(boot.claim.code) <= set(CLAIM_ALPHABET)
    assert (await home.tokens.bearer(boot.token or "")).kind is PartyKind.WAITING_TOY
    assert not await devices.is_bound(boot.toy.id)


async def test_a_toy_with_an_owner_is_ready(devices: Devices, home: Home) -> None:
    licence, boot = await switched_on(devices)
    toy = await devices.bind("mum", code_of(boot), "Bear")
    ready = await devices.power_on(licence)
    assert ready == Boot(BootState.READY, toy, ready.token, claim=None)
    bearer = await home.tokens.bearer(ready.token or "")
    assert (bearer.id, bearer.kind, bearer.name) == (toy.id, PartyKind.TOY, "Bear")


@pytest.mark.parametrize("written", [str.upper, lambda licence: f" {licence}\n"])
async def test_a_licence_may_be_written_in_other_ways(devices: Devices, written: type[str]) -> None:
    licence, boot = await switched_on(devices)
    again = await devices.power_on(written(licence))
    assert again.toy == boot.toy


async def test_switching_on_again_ends_the_older_token_and_code(devices: Devices, home: Home) -> None:
    licence, first = await switched_on(devices)
    second = await devices.power_on(licence)
    assert code_of(first) != code_of(second)
    with pytest.raises(NotAuthenticated):
        await home.tokens.bearer(first.token or "")
    with pytest.raises(ClaimWrong):
        await devices.bind("Mum", code_of(first))
    assert await devices.bind("Mum", code_of(second))


async def test_a_code_that_another_toy_shows_is_not_given_twice(
    devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = iter("A" * 8 + "A" * 8 + "B" * 8)
    monkeypatch.setattr("secrets.choice", lambda alphabet: next(letters))
    (_, first), (_, second) = await switched_on(devices), await switched_on(devices)
    assert (code_of(first), code_of(second)) == ("A" * 8, "B" * 8)


# ── finding an owner ──


async def test_the_owner_becomes_guardian_and_the_toy_is_woken(devices: Devices, home: Home) -> None:
    _, boot = await switched_on(devices)
    toy = await devices.bind("MUM", code_of(boot), "Bär")
    assert (toy.name, toy.bound_at) == ("Bär", home.clock.now)
    assert home.events == [Wake(toy.id)]
    assert await devices.is_bound(toy.id)
    assert (await home.database.relation(home.mum.id, to_user=toy.id, to_group=None)).is_guardian


@pytest.mark.parametrize("typed", [str.lower, lambda code: f" {code[:4]}-{code[4:]} "])
async def test_a_code_may_be_typed_in_other_ways(devices: Devices, typed: type[str]) -> None:
    _, boot = await switched_on(devices)
    assert await devices.bind("Mum", typed(code_of(boot)))


async def test_what_does_not_bind(devices: Devices, home: Home) -> None:
    licence, boot = await switched_on(devices)
    code = code_of(boot)
    with pytest.raises(UnknownRecipient):
        await devices.bind("Nobody", code)
    with pytest.raises(ClaimWrong):
        await devices.bind("Mum", licence)  # the licence is no claim
    home.clock.pass_seconds(CLAIM_SECONDS)
    with pytest.raises(ClaimExpired):
        await devices.bind("Mum", code)
    assert home.events == []
    assert (await devices.power_on(licence)).state is BootState.UNBOUND


async def test_of_two_families_at_once_exactly_one_gets_the_toy(devices: Devices, home: Home) -> None:
    _, boot = await switched_on(devices)
    outcomes = await asyncio.gather(
        *(devices.bind(owner, code_of(boot)) for owner in ("Mum", "Dad") * 3), return_exceptions=True
    )
    losers = [one for one in outcomes if isinstance(one, ClaimWrong | AlreadyBound)]
    assert len(losers) == 5
    assert len(home.events) == 1


async def test_an_unknown_toy_is_not_bound(devices: Devices, home: Home) -> None:
    assert not await devices.is_bound(home.mum.id)
