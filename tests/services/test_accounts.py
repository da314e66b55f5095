"""Grown-ups who can log in."""

from __future__ import annotations

import asyncio

import argon2
import pytest

from tests.services.conftest import Home
from tests.world import new_id
from toybackend.errors import MissingField, NameTaken, NotAuthenticated, Overloaded, RateLimited, TooLong
from toybackend.services import accounts as module
from toybackend.services.accounts import LEAST_PASSWORD, MOST_HASHES, MOST_NAME, MOST_PASSWORD, WINDOW_MS, Accounts

PASSWORD = "correct horse"
TRIES = 3


@pytest.fixture
def accounts(home: Home, cheap_passwords: None) -> Accounts:
    return Accounts(home.database, home.tokens, login_tries=TRIES, clock=home.clock, new_id=new_id)


async def guess(accounts: Accounts, name: str, password: str = "wrong horse") -> None:
    with pytest.raises(NotAuthenticated):
        await accounts.log_in(name, password)


async def test_whoever_registered_can_log_in(accounts: Accounts, home: Home) -> None:
    anna = await accounts.add(" Anna ", PASSWORD)
    assert (anna.name, anna.created_at, anna.id[:2]) == ("Anna", home.clock.now, "p_")
    for name in ("Anna", "anna", " ANNA\n"):
        account, token = await accounts.log_in(name, PASSWORD)
        assert account == anna
        assert (await home.tokens.bearer(token)).id == anna.id


async def test_passwords_are_kept_as_argon2id(home: Home) -> None:
    accounts = Accounts(home.database, home.tokens, login_tries=TRIES, clock=home.clock, new_id=new_id)
    anna = await accounts.add("Anna", PASSWORD)
    parameters = argon2.extract_parameters(anna.password_hash)
    assert parameters.type is argon2.Type.ID
    # OWASP's least for argon2id: 19 MiB and two passes.
    assert parameters.memory_cost >= 19 * 1024
    assert parameters.time_cost >= 2
    assert PASSWORD not in anna.password_hash


@pytest.mark.parametrize(
    ("name", "password", "refused"),
    [
        ("", PASSWORD, MissingField),
        (" \t", PASSWORD, MissingField),
        ("Anna", "x" * (LEAST_PASSWORD - 1), MissingField),
        ("a" * (MOST_NAME + 1), PASSWORD, TooLong),
        ("Anna", "x" * (MOST_PASSWORD + 1), TooLong),
    ],
)
async def test_names_and_passwords_have_bounds(
    accounts: Accounts, name: str, password: str, refused: type[Exception]
) -> None:
    with pytest.raises(refused):
        await accounts.add(name, password)


async def test_the_bounds_themselves_are_fine(accounts: Accounts) -> None:
    for name, password in (("a" * MOST_NAME, "x" * LEAST_PASSWORD), ("b", "x" * MOST_PASSWORD)):
        await accounts.add(name, password)
        await accounts.log_in(name, password)


async def test_a_name_is_taken_once(accounts: Accounts) -> None:
    await accounts.add("Anna", PASSWORD)
    with pytest.raises(NameTaken):
        await accounts.add("ANNA", "another horse")
    await accounts.log_in("Anna", PASSWORD)


@pytest.mark.parametrize("password", ["", "wrong horse", PASSWORD.upper(), PASSWORD + " ", "x" * 5000])
async def test_a_wrong_password_is_refused(accounts: Accounts, password: str) -> None:
    await accounts.add("Anna", PASSWORD)
    await guess(accounts, "Anna", password)


async def test_an_unknown_name_gets_the_same_answer_after_the_same_work(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accounts.add("Anna", PASSWORD)
    verified: list[str] = []
    real = accounts._verify

    def verify(known: str, password: str) -> bool:
        verified.append(known)
        return real(known, password)

    monkeypatch.setattr(accounts, "_verify", verify)
    answers = []
    for name in ("Anna", "Nobody"):
        with pytest.raises(NotAuthenticated) as refused:
            await accounts.log_in(name, "wrong horse")
        answers.append(str(refused.value))
    assert answers[0] == answers[1]
    assert len(verified) == 2
    assert argon2.extract_parameters(verified[0]) == argon2.extract_parameters(verified[1])


async def test_nobody_is_let_in_with_the_password_of_nobody(accounts: Accounts) -> None:
    await guess(accounts, "Nobody", "nobody")


# ── the limit on tries ──


@pytest.mark.parametrize("name", ["Anna", "Nobody"])
async def test_after_too_many_wrong_tries_even_the_right_one_waits(accounts: Accounts, home: Home, name: str) -> None:
    await accounts.add("Anna", PASSWORD)
    for _ in range(TRIES):
        await guess(accounts, name)
    with pytest.raises(RateLimited) as refused:
        await accounts.log_in(name.upper(), PASSWORD)
    assert refused.value.retry_after is not None
    assert 0 < refused.value.retry_after <= WINDOW_MS // 1000 + 1


async def test_who_waits_as_long_as_told_may_try_again(accounts: Accounts, home: Home) -> None:
    await accounts.add("Anna", PASSWORD)
    for _ in range(TRIES):
        await guess(accounts, "Anna")
        home.clock.pass_seconds(1)
    with pytest.raises(RateLimited) as refused:
        await accounts.log_in("Anna", PASSWORD)
    home.clock.pass_seconds(refused.value.retry_after or 0)
    await accounts.log_in("Anna", PASSWORD)


async def test_the_right_password_forgets_the_wrong_ones(accounts: Accounts) -> None:
    await accounts.add("Anna", PASSWORD)
    for _ in range(2):
        for _ in range(TRIES - 1):
            await guess(accounts, "Anna")
        await accounts.log_in("Anna", PASSWORD)


async def test_one_name_is_not_kept_waiting_by_another(accounts: Accounts) -> None:
    await accounts.add("Anna", PASSWORD)
    for _ in range(TRIES):
        await guess(accounts, "Bela")
    await accounts.log_in("Anna", PASSWORD)


async def test_many_guesses_at_once_are_limited_too(accounts: Accounts) -> None:
    await accounts.add("Anna", PASSWORD)
    guesses = [accounts.log_in("Anna", f"wrong horse {number}") for number in range(TRIES * 5)]
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(one, NotAuthenticated) for one in outcomes) == TRIES
    assert sum(isinstance(one, RateLimited) for one in outcomes) == TRIES * 4


async def test_the_names_watched_are_bounded(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NAMES_WATCHED", 5)
    for number in range(8):
        await guess(accounts, f"name {number}")
    assert len(accounts._tries._wrong) == 5


async def test_a_flood_of_log_ins_is_shed(home: Home) -> None:
    accounts = Accounts(home.database, home.tokens, login_tries=TRIES, clock=home.clock, new_id=new_id)
    tries = [accounts.log_in(f"nobody-{number}", PASSWORD) for number in range(MOST_HASHES + 3)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, Overloaded) for answer in answers) == 3
    assert sum(isinstance(answer, NotAuthenticated) for answer in answers) == MOST_HASHES
