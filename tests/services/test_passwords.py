"""Which passwords are taken, and how they are kept."""

from __future__ import annotations

import asyncio
import time
import unicodedata
from functools import partial

import argon2
import pytest

from toybackend.errors import Overloaded, TooLong, WeakPassword
from toybackend.services.passwords import LEAST_PASSWORD, MOST_PASSWORD, MOST_WAITING, Passwords

GOOD = "correct horse"


@pytest.fixture
def passwords(cheap_passwords: None) -> Passwords:
    return Passwords()


async def test_a_password_is_kept_as_argon2id() -> None:
    kept = await Passwords().new(GOOD)
    parameters = argon2.extract_parameters(kept)
    assert parameters.type is argon2.Type.ID
    # OWASP's least for argon2id: 19 MiB and two passes.
    assert parameters.memory_cost >= 19 * 1024
    assert parameters.time_cost >= 2
    assert GOOD not in kept


async def test_the_same_password_is_kept_differently_each_time(passwords: Passwords) -> None:
    one, other = await passwords.new(GOOD), await passwords.new(GOOD)
    assert one != other
    assert [await passwords.is_right(GOOD, kept) for kept in (one, other)] == [True, True]


@pytest.mark.parametrize("wrong", ["", "wrong horse", GOOD.upper(), GOOD + " ", " " + GOOD, "x" * 5000, "\0"])
async def test_a_wrong_password_is_wrong(passwords: Passwords, wrong: str) -> None:
    assert not await passwords.is_right(wrong, await passwords.new(GOOD))


async def test_how_an_accent_was_typed_does_not_matter(passwords: Passwords) -> None:
    apart, together = (unicodedata.normalize(form, "größer als Bäume") for form in ("NFD", "NFC"))
    assert apart != together
    assert await passwords.is_right(apart, await passwords.new(together))
    assert await passwords.is_right(together, await passwords.new(apart))


# ── which are taken ──


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Passw0rd!",
        "12345678",
        "1234567890",
        "qwertyuiop",
        "iloveyou",
        "sunshine",
        "trustno1",
        "letmein!!",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "x" * 1000,
        "teddybear",
        "01.02.2019",
        "19900101",
    ],
)
async def test_what_everybody_tries_first_is_refused(passwords: Passwords, password: str) -> None:
    with pytest.raises(WeakPassword, match="tried first"):
        await passwords.new(password)


@pytest.mark.parametrize("password", ["Annalenchen", "annalenchen1", "Müllerwolf", "annalenchen müllerwolf"])
async def test_ones_own_name_is_refused(passwords: Passwords, password: str) -> None:
    assert await passwords.new(password, names=["Somebody Else"])
    with pytest.raises(WeakPassword):
        await passwords.new(password, names=["Annalenchen Müllerwolf"])


@pytest.mark.parametrize(
    "password",
    [GOOD, "a good password", "kühlschrank am see", "x8Fk2pQz", "fluffy-bear-77", "绿色的小熊在唱歌", "🦊🐻🦔 im Wald"],
)
async def test_a_few_words_or_random_letters_are_good(passwords: Passwords, password: str) -> None:
    assert await passwords.is_right(password, await passwords.new(password, names=["Anna"]))


async def test_a_password_has_bounds(passwords: Passwords) -> None:
    letters = "aK3.bX7-cM9_dP2+"
    least, most = letters[:LEAST_PASSWORD], letters * (MOST_PASSWORD // len(letters))
    for password in (least, most):
        assert await passwords.is_right(password, await passwords.new(password))
    with pytest.raises(WeakPassword, match="at least 8 characters"):
        await passwords.new(least[:-1])
    with pytest.raises(TooLong):
        await passwords.new(most + "x")


async def test_weighing_takes_no_time_to_speak_of(passwords: Passwords) -> None:
    """Everything that may stand for a letter, many times over: looked at as a whole, this takes minutes."""
    started = time.process_time()
    await passwords.new("4@8({[<3691!|70$5+7%2" * 40)
    assert time.process_time() - started < 3


# ── one at a time ──


async def test_nobodys_password_takes_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, verified = Passwords(), list[str]()
    kept = await passwords.new(GOOD)
    real = passwords._verify

    def verify(known: str, password: str) -> bool:
        verified.append(known)
        return real(known, password)

    monkeypatch.setattr(passwords, "_verify", verify)
    assert [await passwords.is_right(GOOD, known) for known in (kept, None)] == [True, False]
    anybodys, nobodys = map(argon2.extract_parameters, verified)
    assert anybodys == nobodys


async def test_a_flood_is_shed(passwords: Passwords) -> None:
    kept = await passwords.new(GOOD)
    checks = [passwords.is_right(GOOD, kept) for _ in range(MOST_WAITING + 3)]
    answers = await asyncio.gather(*checks, return_exceptions=True)
    assert answers.count(True) == MOST_WAITING
    assert sum(isinstance(answer, Overloaded) for answer in answers) == 3
    assert await passwords.is_right(GOOD, kept)


async def test_only_one_is_worked_on_at_a_time(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0

    def slow(known: str, password: str) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.005)
        running -= 1
        return True

    monkeypatch.setattr(passwords, "_verify", slow)
    await asyncio.gather(*(passwords.is_right(GOOD, None) for _ in range(8)))
    assert most == 1


# ── kept better ──


async def test_what_is_kept_as_today_stays(passwords: Passwords) -> None:
    assert await passwords.again(GOOD, await passwords.new(GOOD)) is None


async def test_what_was_kept_with_less_work_is_kept_anew(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await passwords.new(GOOD)
    monkeypatch.setattr(argon2, "PasswordHasher", partial(argon2.PasswordHasher, time_cost=2))
    today = Passwords()
    better = await today.again(GOOD, old)
    assert better is not None
    assert argon2.extract_parameters(better).time_cost == 2
    assert await today.is_right(GOOD, better) and await today.is_right(GOOD, old)


@pytest.mark.parametrize("kept", ["$argon2id$", "$argon2id$…", "plain"])
async def test_what_is_no_hash_is_nobodys_password(passwords: Passwords, kept: str) -> None:
    assert not await passwords.is_right(GOOD, kept)
