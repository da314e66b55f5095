"""Licences, switching on, and what makers and buyers may know."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re

import pytest

from tests.services.conftest import Home
from tests.world import new_id
from toybackend.errors import NotAllowed, NotAuthenticated, NotFound, RateLimited
from toybackend.models import BootState, Claim, DeviceId, PartyId, PartyKind, Toy
from toybackend.ports import Changed
from toybackend.services import devices as module
from toybackend.services.challenges import Challenges, prove
from toybackend.services.devices import Boot, Devices, DeviceState, fingerprint
from toybackend.services.tokens import digest
from toybackend.services.toys import CLAIM_ALPHABET, CLAIM_LENGTH, Toys
from toybackend.settings import Access, Families

CLAIM_SECONDS = 600
OF_THE_HOME = 1
"""Devices that were there before."""


@pytest.fixture
def toys(home: Home) -> Toys:
    return Toys(
        home.database, home.bus, claim_seconds=CLAIM_SECONDS, claim_tries=5, limits=Families(), clock=home.clock
    )


def make_devices(home: Home, toys: Toys, access: Access) -> Devices:
    challenges = Challenges(b"key", home.database, seconds=access.challenge_seconds, clock=home.clock)
    return Devices(
        home.database, home.bus, toys, home.tokens, challenges, access=access, clock=home.clock, new_id=new_id
    )


@pytest.fixture
def devices(home: Home, toys: Toys) -> Devices:
    return make_devices(home, toys, Access())


async def issued(devices: Devices, count: int) -> list[tuple[DeviceId, str]]:
    return [one async for batch in devices.issue(count) for one in batch]


async def switched_on(devices: Devices) -> tuple[str, Boot]:
    """A new device's licence, and what it learned when it was switched on for the first time."""
    [(_, licence)] = await issued(devices, 1)
    return licence, await devices.power_on(licence)


def code_of(boot: Boot) -> str:
    assert boot.claim is not None
    return boot.claim.code


async def bound(devices: Devices, toys: Toys, home: Home) -> tuple[DeviceId, str, Toy]:
    """A device that mum took home."""
    [(device_id, licence)] = await issued(devices, 1)
    return device_id, licence, await toys.bind(home.mum.id, code_of(await devices.power_on(licence)), "Bear")


# ── licences ──


async def test_licences_are_random_and_name_their_device(devices: Devices) -> None:
    made = await issued(devices, 50)
    assert len({device for device, _ in made}) == len({licence for _, licence in made}) == 50
    assert all(re.fullmatch("[0-9a-f]{32}", licence) for _, licence in made)
    assert all(fingerprint(digest(licence)) == device for device, licence in made)


def test_a_board_works_its_id_out_from_its_licence() -> None:
    licence = "0123456789abcdef0123456789abcdef"
    twice = hashlib.sha256(hashlib.sha256(licence.encode()).digest()).digest()
    assert fingerprint(digest(licence)) == "d_" + base64.b32encode(twice).decode()[:20].lower()
    assert re.fullmatch("d_[a-z2-7]{20}", fingerprint(digest(licence)))


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (3, [3]), (7, [3, 3, 1])])
async def test_licences_are_stored_a_batch_at_a_time_before_they_are_handed_out(
    devices: Devices, home: Home, monkeypatch: pytest.MonkeyPatch, count: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    found = []
    async for batch in devices.issue(count):
        found.append(len(batch))
        assert all([await home.database.digest_of(device) == digest(licence) for device, licence in batch])
        assert len(await home.database.devices("d_", "", 100)) - OF_THE_HOME == sum(found)
    assert found == sizes


async def test_old_codes_are_imported_once(devices: Devices) -> None:
    old = ["ab" * 16, "CD" * 16]
    assert await devices.add(old) == (2, [fingerprint(digest(one.lower())) for one in old])
    assert (await devices.add([*old, "ef" * 16]))[0] == 1
    assert (await devices.power_on("cd" * 16)).state is BootState.UNBOUND


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


async def test_a_toy_with_an_owner_is_ready(devices: Devices, toys: Toys, home: Home) -> None:
    _, licence, toy = await bound(devices, toys, home)
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
    assert await home.tokens.bearer(second.token or "")
    assert await home.database.claim(code_of(first)) is None


async def test_a_toy_that_is_taken_home_while_it_is_switched_on_is_ready(
    devices: Devices, toys: Toys, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    licence, boot = await switched_on(devices)
    new_claim = toys.new_claim

    async def too_late(toy_id: PartyId) -> Claim:
        monkeypatch.setattr(toys, "new_claim", new_claim)
        await toys.bind(home.mum.id, code_of(boot), "Bear")
        return await new_claim(toy_id)

    monkeypatch.setattr(toys, "new_claim", too_late)
    ready = await devices.power_on(licence)
    assert ready.state is BootState.READY
    assert (await home.tokens.bearer(ready.token or "")).kind is PartyKind.TOY


async def test_a_toy_gets_a_new_id_with_each_family(devices: Devices, toys: Toys, home: Home) -> None:
    _, licence, toy = await bound(devices, toys, home)
    await home.database.erase_toy(toy.id)
    again = await devices.power_on(licence)
    assert again.state is BootState.UNBOUND
    assert again.toy is not None
    assert again.toy.id != toy.id
    assert again.toy.name != toy.name


# ── by proof ──


async def test_a_toy_proves_its_licence_without_showing_it(devices: Devices, toys: Toys, home: Home) -> None:
    device_id, licence, toy = await bound(devices, toys, home)
    nonce = devices.challenge(device_id).nonce
    boot = await devices.power_on_by_proof(device_id, nonce, prove(digest(licence), nonce))
    assert (boot.state, boot.toy) == (BootState.READY, toy)
    with pytest.raises(NotAuthenticated):
        await devices.power_on_by_proof(device_id, nonce, prove(digest(licence), nonce))


async def test_a_device_that_is_not_known_proves_nothing(devices: Devices) -> None:
    stranger = DeviceId("d_stranger")
    nonce = devices.challenge(stranger).nonce
    assert await devices.power_on_by_proof(stranger, nonce, "0" * 64) == Boot(BootState.UNLICENSED)


async def test_bare_licences_can_be_switched_off(home: Home, toys: Toys) -> None:
    devices = make_devices(home, toys, Access(bare_licence=False))
    [(device_id, licence)] = await issued(devices, 1)
    for shown in (licence, "0" * 32):
        with pytest.raises(NotAllowed):
            await devices.power_on(shown)
    nonce = devices.challenge(device_id).nonce
    boot = await devices.power_on_by_proof(device_id, nonce, prove(digest(licence), nonce))
    assert boot.state is BootState.UNBOUND


async def test_wrong_licences_are_counted_by_address(home: Home, toys: Toys) -> None:
    devices = make_devices(home, toys, Access(licence_tries=2))
    for _ in range(2):
        devices.count_wrong("192.0.2.1")
    with pytest.raises(RateLimited):
        devices.count_wrong("192.0.2.1")
    devices.count_wrong("192.0.2.2")
    home.clock.pass_seconds(60)
    devices.count_wrong("192.0.2.1")


# ── ending ──


async def test_a_revoked_toy_is_cut_off(devices: Devices, toys: Toys, home: Home) -> None:
    device_id, licence, toy = await bound(devices, toys, home)
    boot = await devices.power_on(licence)
    home.events.clear()
    revoked = await devices.revoke(device_id)
    assert (revoked.id, revoked.revoked_at) == (device_id, home.clock.now)
    assert home.events == [Changed(toy.id)]
    with pytest.raises(NotAuthenticated):
        await home.tokens.bearer(boot.token or "")
    assert (await devices.power_on(licence)).state is BootState.UNLICENSED
    nonce = devices.challenge(device_id).nonce
    proof = prove(digest(licence), nonce)
    assert (await devices.power_on_by_proof(device_id, nonce, proof)).state is BootState.UNLICENSED


async def test_revoking_what_was_never_on_tells_nobody(devices: Devices, home: Home) -> None:
    [(device_id, _)] = await issued(devices, 1)
    home.events.clear()
    assert (await devices.revoke(device_id)).revoked_at == home.clock.now
    assert home.events == []
    with pytest.raises(NotFound):
        await devices.revoke(DeviceId("d_none"))


async def test_devices_are_listed(devices: Devices) -> None:
    [(device_id, _), *_] = await issued(devices, 5)
    everything = await devices.devices("", "", 100)
    assert len(everything) == 5 + OF_THE_HOME
    assert await devices.devices("d_", everything[1].id, 2) == everything[2:4]
    assert [one.id for one in await devices.devices(device_id, "", 100)] == [device_id]


async def test_a_device_is_found_by_its_licence(devices: Devices) -> None:
    [(device_id, licence), _] = await issued(devices, 2)
    for written in (licence, licence.upper(), f" {licence} "):
        assert (await devices.find(written)).id == device_id
    await devices.revoke(device_id)
    assert (await devices.find(licence)).revoked_at is not None
    for wrong in ("0" * 32, device_id, ""):
        with pytest.raises(NotFound):
            await devices.find(wrong)


# ── buyers ──


async def test_is_this_toy_free(devices: Devices, toys: Toys, home: Home) -> None:
    bound_id, _, _ = await bound(devices, toys, home)
    [(new, _), (revoked, _)] = await issued(devices, 2)
    await devices.revoke(revoked)
    asked = [new, bound_id, revoked, DeviceId("d_none")]
    free, taken, ended, unknown = [await devices.state(home.dad.id, one) for one in asked]
    assert (free, taken) == (DeviceState.FREE, DeviceState.BOUND)
    assert ended == unknown == DeviceState.UNLICENSED
    await devices.revoke(bound_id)
    assert await devices.state(home.dad.id, bound_id) is DeviceState.UNLICENSED


async def test_a_toy_that_waits_for_its_owner_is_free(devices: Devices, home: Home) -> None:
    licence, _ = await switched_on(devices)
    assert await devices.state(home.dad.id, fingerprint(digest(licence))) is DeviceState.FREE


async def test_nobody_asks_about_every_toy_there_is(home: Home, toys: Toys) -> None:
    devices = make_devices(home, toys, Access(device_lookups=3))
    asks = [devices.state(home.dad.id, DeviceId(f"d_{number}")) for number in range(5)]
    done = await asyncio.gather(*asks, return_exceptions=True)
    assert sum(isinstance(one, RateLimited) for one in done) == 2
    assert await devices.state(home.mum.id, DeviceId("d_1")) is DeviceState.UNLICENSED
    home.clock.pass_seconds(600)
    assert await devices.state(home.dad.id, DeviceId("d_1")) is DeviceState.UNLICENSED
