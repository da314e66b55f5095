"""Proving a licence without showing it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac

import pytest

from tests.services.conftest import Home
from toybackend.errors import NotAuthenticated
from toybackend.models import DeviceId
from toybackend.services.challenges import Challenges, prove
from toybackend.services.devices import fingerprint
from toybackend.services.tokens import digest

SECONDS = 60
KEY = b"the secret of this server, 32 by"
LICENCE, OTHER_LICENCE = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"
DEVICE, OTHER = fingerprint(digest(LICENCE)), fingerprint(digest(OTHER_LICENCE))
NOBODY = DeviceId("d_nobodynobody")


@pytest.fixture
async def challenges(home: Home) -> Challenges:
    await home.database.add_devices([(digest(LICENCE), DEVICE), (digest(OTHER_LICENCE), OTHER)], home.clock.now)
    return Challenges(KEY, home.database, seconds=SECONDS, clock=home.clock)


def answer(nonce: str, licence: str = LICENCE) -> str:
    """As a board does it, in the words of the contract."""
    return hmac.new(hashlib.sha256(licence.encode()).digest(), nonce.encode(), "sha256").hexdigest()


async def test_the_right_answer_shows_the_licence(challenges: Challenges) -> None:
    nonce = challenges.ask(DEVICE).nonce
    assert await challenges.proved(DEVICE, nonce, answer(nonce)) == digest(LICENCE)


async def test_hex_digits_may_be_in_upper_case(challenges: Challenges) -> None:
    nonce = challenges.ask(DEVICE).nonce
    assert await challenges.proved(DEVICE, nonce, answer(nonce).upper())


def test_what_a_board_computes_is_what_we_compare_with() -> None:
    assert prove(digest(LICENCE), "nonce") == answer("nonce")
    assert answer("nonce") == "7a2bfc7eac599d52616b11d3c6d6e186cb7052e6190826663b9549de677b030f"


async def test_an_answer_counts_once(challenges: Challenges) -> None:
    nonce = challenges.ask(DEVICE).nonce
    await challenges.proved(DEVICE, nonce, answer(nonce))
    with pytest.raises(NotAuthenticated):
        await challenges.proved(DEVICE, nonce, answer(nonce))


async def test_of_many_at_once_one_counts(challenges: Challenges) -> None:
    nonce = challenges.ask(DEVICE).nonce
    done = await asyncio.gather(
        *(challenges.proved(DEVICE, nonce, answer(nonce)) for _ in range(8)), return_exceptions=True
    )
    assert done.count(digest(LICENCE)) == 1
    assert sum(isinstance(one, NotAuthenticated) for one in done) == 7


async def test_a_wrong_answer_does_not_use_the_nonce_up(challenges: Challenges) -> None:
    nonce = challenges.ask(DEVICE).nonce
    for wrong in (answer(nonce, OTHER_LICENCE), answer("another nonce"), "0" * 64, "", "ü", "\udcff"):
        with pytest.raises(NotAuthenticated):
            await challenges.proved(DEVICE, nonce, wrong)
    assert await challenges.proved(DEVICE, nonce, answer(nonce))


async def test_an_answer_comes_in_time(challenges: Challenges, home: Home) -> None:
    challenge = challenges.ask(DEVICE)
    assert challenge.expires_at == home.clock.now + SECONDS * 1000
    late = challenges.ask(DEVICE).nonce
    home.clock.now = challenge.expires_at - 1
    assert await challenges.proved(DEVICE, challenge.nonce, answer(challenge.nonce))
    home.clock.now += 1
    with pytest.raises(NotAuthenticated):
        await challenges.proved(DEVICE, late, answer(late))


async def test_a_nonce_of_a_clock_far_ahead_does_not_live_for_years(challenges: Challenges, home: Home) -> None:
    home.clock.pass_seconds(86_400)
    nonce = challenges.ask(DEVICE).nonce
    home.clock.pass_seconds(-86_400)
    with pytest.raises(NotAuthenticated):
        await challenges.proved(DEVICE, nonce, answer(nonce))


async def test_a_nonce_is_for_the_device_that_asked(challenges: Challenges) -> None:
    borrowed = challenges.ask(DEVICE).nonce
    with pytest.raises(NotAuthenticated):
        await challenges.proved(OTHER, borrowed, answer(borrowed, OTHER_LICENCE))
    with pytest.raises(NotAuthenticated):
        await challenges.proved(OTHER, borrowed, answer(borrowed))


@pytest.mark.parametrize("place", range(3))
async def test_a_nonce_that_was_changed_is_none_of_ours(challenges: Challenges, place: int) -> None:
    fields = challenges.ask(DEVICE).nonce.split(".")
    fields[place] = fields[place][:-1] + ("1" if fields[place][-1] == "0" else "0")
    made_up = ".".join(fields)
    with pytest.raises(NotAuthenticated):
        await challenges.proved(DEVICE, made_up, answer(made_up))


@pytest.mark.parametrize("nonce", ["", ".", "..", "a.1.b", "a.99999999999999.", "\udcff.1.ü", "a.b.c.d"])
async def test_what_is_no_nonce_at_all(challenges: Challenges, nonce: str) -> None:
    with pytest.raises(NotAuthenticated):
        await challenges.proved(DEVICE, nonce, "0" * 64)


async def test_another_server_has_another_key(challenges: Challenges, home: Home) -> None:
    other = Challenges(KEY[::-1], home.database, seconds=SECONDS, clock=home.clock)
    nonce = other.ask(DEVICE).nonce
    with pytest.raises(NotAuthenticated):
        await challenges.proved(DEVICE, nonce, answer(nonce))


async def test_links_to_audio_are_signed_with_another_key(challenges: Challenges) -> None:
    fresh, expires_at, signature = challenges.ask(DEVICE).nonce.split(".")
    text = f"{DEVICE}\n{fresh}\n{expires_at}".encode()
    assert hmac.new(KEY, text, "sha256").hexdigest() != signature


async def test_unknown_and_revoked_are_the_same(challenges: Challenges, home: Home) -> None:
    await home.database.revoke(DEVICE, home.clock.now)
    for device in (DEVICE, NOBODY):
        nonce = challenges.ask(device).nonce
        assert await challenges.proved(device, nonce, answer(nonce)) is None


async def test_every_nonce_is_new(challenges: Challenges) -> None:
    assert len({challenges.ask(DEVICE).nonce for _ in range(50)}) == 50
