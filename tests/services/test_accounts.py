"""Grown-ups: registering, logging in, and changing what they log in with."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any

import argon2
import pytest

from tests.services.conftest import Home
from tests.world import new_id
from toybackend.errors import (
    InvitationWrong,
    MissingField,
    NameTaken,
    NotAllowed,
    NotAuthenticated,
    RateLimited,
    TooLong,
    UnknownRecipient,
    WeakPassword,
)
from toybackend.models import PartyId
from toybackend.ports import Changed
from toybackend.services.accounts import LOGIN_SECONDS, MOST_NAME, Accounts, Client
from toybackend.services.passwords import Passwords
from toybackend.settings import Access, Registration

PASSWORD = "correct horse"
TRIES = 3
PHONE = Client("192.0.2.1", "a phone")
MILLISECONDS_PER_DAY = 86_400_000


@pytest.fixture
def accounts(home: Home, cheap_passwords: None) -> Accounts:
    return make(home)


def make(home: Home, **access: Any) -> Accounts:
    return Accounts(
        home.database,
        home.bus,
        home.tokens,
        Passwords(),
        access=Access(login_tries=TRIES, **access),
        clock=home.clock,
        new_id=new_id,
    )


async def guess(accounts: Accounts, name: str, password: str = "wrong horse", client: Client = PHONE) -> None:
    with pytest.raises(NotAuthenticated):
        await accounts.log_in(name, password, client)


async def is_good(home: Home, token: str) -> bool:
    try:
        await home.tokens.bearer(token)
    except NotAuthenticated:
        return False
    return True


# ── names ──


async def test_whoever_has_an_account_can_log_in(accounts: Accounts, home: Home) -> None:
    anna = await accounts.add(" Anna ", PASSWORD)
    assert (anna.name, anna.created_at, anna.id[:2], anna.is_operator) == ("Anna", home.clock.now, "p_", False)
    for name in ("Anna", "anna", " ANNA\n"):
        account, token = await accounts.log_in(name, PASSWORD, PHONE)
        assert account == anna
        assert (await home.tokens.bearer(token)).id == anna.id


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("", MissingField),
        (" \t", MissingField),
        ("An\nna", MissingField),
        ("An\0na", MissingField),
        ("An\x85na", MissingField),
        ("An\u2028na", MissingField),
        ("An\ud800na", MissingField),
        ("a" * (MOST_NAME + 1), TooLong),
    ],
)
async def test_names_have_bounds(accounts: Accounts, name: str, refused: type[Exception]) -> None:
    with pytest.raises(refused):
        await accounts.add(name, PASSWORD)
    anna = await accounts.add("Anna", PASSWORD)
    with pytest.raises(refused):
        await accounts.rename(anna.id, name)


@pytest.mark.parametrize("name", ["a" * MOST_NAME, "Ö", "小熊 妈妈", "👩\u200d👧 & Co"])
async def test_any_other_name_is_fine(accounts: Accounts, name: str) -> None:
    assert (await accounts.add(name, PASSWORD)).name == name
    await accounts.log_in(name, PASSWORD)


async def test_a_name_is_kept_composed_and_taken_once(accounts: Accounts) -> None:
    apart = unicodedata.normalize("NFD", "Jürgen Groß")
    assert (await accounts.add(apart, PASSWORD)).name == "Jürgen Groß"
    for name in ("Jürgen Groß", apart, "JÜRGEN GROSS "):
        await accounts.log_in(name, PASSWORD)
        with pytest.raises(NameTaken):
            await accounts.add(name, "another horse")


async def test_a_poor_password_is_refused_and_makes_no_account(accounts: Accounts) -> None:
    for password in ("short", "password1", "brunhilde"):
        with pytest.raises(WeakPassword):
            await accounts.add("Brunhilde", password)
    assert "Brunhilde" not in {one.name for one in await accounts.everybody()}


# ── registering ──


async def test_whoever_registers_is_logged_in(accounts: Accounts, home: Home) -> None:
    anna, token = await accounts.register("Anna", PASSWORD, PHONE)
    assert (await home.tokens.bearer(token)).id == anna.id
    assert [(one.label, one.is_current) for one in await home.tokens.sessions(anna.id, token)] == [("a phone", True)]
    assert (await accounts.log_in("anna", PASSWORD))[0] == anna


@pytest.mark.parametrize("invitation", [None, "a code"])
async def test_a_closed_house_registers_nobody(home: Home, cheap_passwords: None, invitation: str | None) -> None:
    accounts = make(home, registration=Registration.CLOSED)
    with pytest.raises(NotAllowed, match="registration is closed"):
        await accounts.register("Anna", PASSWORD, PHONE, invitation)
    await accounts.add("Anna", PASSWORD)  # whoever runs it always may


async def test_an_invitation_is_good_for_one_registration(home: Home, cheap_passwords: None) -> None:
    accounts = make(home, registration=Registration.INVITATION, invitation_days=2)
    codes, expires_at = await accounts.invite(2)
    assert expires_at == home.clock.now + 2 * MILLISECONDS_PER_DAY
    assert len(set(codes)) == 2
    await accounts.register("Anna", PASSWORD, PHONE, codes[0])
    with pytest.raises(InvitationWrong):
        await accounts.register("Bela", PASSWORD, PHONE, codes[0])
    home.clock.now = expires_at
    with pytest.raises(InvitationWrong):
        await accounts.register("Bela", PASSWORD, PHONE, codes[1])


@pytest.mark.parametrize("invitation", [None, "", "----", "2222-2222-2222-2222"])
async def test_without_an_invitation_nobody_registers_where_one_is_needed(
    home: Home, cheap_passwords: None, invitation: str | None
) -> None:
    accounts = make(home, registration=Registration.INVITATION)
    with pytest.raises(InvitationWrong):
        await accounts.register("Anna", PASSWORD, PHONE, invitation)
    assert await home.database.account("Anna") is None


async def test_a_code_may_be_typed_as_people_type(home: Home, cheap_passwords: None) -> None:
    accounts = make(home, registration=Registration.INVITATION)
    typings: list[Callable[[str], str]] = [
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: f" {code} ".replace("-", " "),
    ]
    codes, _ = await accounts.invite(len(typings))
    for number, (typed, code) in enumerate(zip(typings, codes, strict=True)):
        await accounts.register(f"Anna {number}", PASSWORD, PHONE, typed(code))


async def test_a_code_is_easy_to_read_and_only_its_digest_is_kept(accounts: Accounts, home: Home) -> None:
    codes, _ = await accounts.invite(50)
    assert len(set(codes)) == 50
    for code in codes:
        parts = code.split("-")
        assert [len(part) for part in parts] == [4, 4, 4, 4]
        assert not set(code) & set("01IO")


async def test_of_two_who_come_with_one_invitation_at_once_one_is_registered(home: Home, cheap_passwords: None) -> None:
    accounts = make(home, registration=Registration.INVITATION)
    [code], _ = await accounts.invite(1)
    comers = [accounts.register(f"Anna {number}", PASSWORD, PHONE, code) for number in range(5)]
    outcomes = await asyncio.gather(*comers, return_exceptions=True)
    assert sum(isinstance(one, tuple) for one in outcomes) == 1
    assert sum(isinstance(one, InvitationWrong) for one in outcomes) == 4


async def test_where_everybody_may_register_an_invitation_is_not_looked_at(accounts: Accounts) -> None:
    await accounts.register("Anna", PASSWORD, PHONE, "whatever it says")


async def test_one_address_registers_so_often_in_an_hour(home: Home, cheap_passwords: None) -> None:
    accounts = make(home, registrations_per_hour=2)
    await accounts.register("Anna", PASSWORD, PHONE)
    with pytest.raises(NameTaken):
        await accounts.register("Anna", PASSWORD, PHONE)
    with pytest.raises(RateLimited) as refused:
        await accounts.register("Bela", PASSWORD, PHONE)
    await accounts.register("Bela", PASSWORD, Client("192.0.2.2"))
    home.clock.pass_seconds(refused.value.retry_after or 0)
    await accounts.register("Clara", PASSWORD, PHONE)


# ── logging in ──


async def test_an_unknown_name_gets_the_same_answer_after_the_same_work(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await accounts.add("Anna", PASSWORD)
    verified: list[str] = []
    real = accounts._passwords._verify

    def verify(known: str, password: str) -> bool:
        verified.append(known)
        return real(known, password)

    monkeypatch.setattr(accounts._passwords, "_verify", verify)
    answers = []
    for name in ("Anna", "Nobody"):
        with pytest.raises(NotAuthenticated) as refused:
            await accounts.log_in(name, "wrong horse", PHONE)
        answers.append(str(refused.value))
    assert answers[0] == answers[1]
    assert len(verified) == 2
    assert argon2.extract_parameters(verified[0]) == argon2.extract_parameters(verified[1])


@pytest.mark.parametrize("name", ["Anna", "Nobody"])
async def test_after_too_many_wrong_tries_even_the_right_one_waits(accounts: Accounts, name: str) -> None:
    await accounts.add("Anna", PASSWORD)
    for _ in range(TRIES):
        await guess(accounts, name)
    with pytest.raises(RateLimited) as refused:
        await accounts.log_in(name.upper(), PASSWORD, PHONE)
    assert refused.value.retry_after is not None
    assert 0 < refused.value.retry_after <= LOGIN_SECONDS + 1


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


async def test_one_address_cannot_try_many_names(home: Home, cheap_passwords: None) -> None:
    accounts = make(home, login_tries_per_address=5)
    await accounts.add("Anna", PASSWORD)
    for number in range(5):
        await guess(accounts, f"name {number}")
    with pytest.raises(RateLimited):
        await accounts.log_in("Anna", PASSWORD, PHONE)
    await accounts.log_in("Anna", PASSWORD, Client("192.0.2.2"))


async def test_a_right_password_in_between_gives_no_more_guesses(home: Home, cheap_passwords: None) -> None:
    accounts = make(home, login_tries_per_address=5)
    await accounts.add("Guesser", PASSWORD)
    for number in range(5):
        await guess(accounts, f"name {number}")
        if number < 4:
            await accounts.log_in("Guesser", PASSWORD, PHONE)
    with pytest.raises(RateLimited):
        await accounts.log_in("Guesser", PASSWORD, PHONE)


async def test_a_house_full_of_people_may_log_in_from_one_address(home: Home, cheap_passwords: None) -> None:
    accounts = make(home, login_tries_per_address=5)
    await accounts.add("Anna", PASSWORD)
    for _ in range(20):
        await accounts.log_in("Anna", PASSWORD, PHONE)


async def test_a_password_kept_with_less_work_is_kept_anew_at_log_in(
    accounts: Accounts, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await accounts.add("Anna", PASSWORD)
    _, token = await accounts.log_in("Anna", PASSWORD)
    monkeypatch.setattr(argon2, "PasswordHasher", partial(argon2.PasswordHasher, time_cost=2))
    today = make(home)
    await guess(today, "Anna")
    assert (await accounts.profile(anna.id)).password_hash == anna.password_hash
    await asyncio.gather(*(today.log_in("Anna", PASSWORD) for _ in range(2)))
    kept = (await accounts.profile(anna.id)).password_hash
    assert argon2.extract_parameters(kept).time_cost == 2
    assert await is_good(home, token)
    assert (await today.log_in("Anna", PASSWORD))[0].password_hash == kept


async def test_a_password_changed_while_it_is_checked_lets_nobody_in(
    accounts: Accounts, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await accounts.add("Anna", PASSWORD)
    real = accounts._passwords.is_right

    async def slow(password: str, known: str | None) -> bool:
        is_right = await real(password, known)
        monkeypatch.setattr(accounts._passwords, "is_right", real)
        await accounts.reset_password("Anna", "another horse")
        return is_right

    monkeypatch.setattr(accounts._passwords, "is_right", slow)
    await guess(accounts, "Anna", PASSWORD)
    assert await home.database.sessions(anna.id, "", home.clock.now) == []


# ── being somebody ──


async def test_a_profile_is_there_as_long_as_the_account(accounts: Accounts) -> None:
    anna = await accounts.add("Anna", PASSWORD)
    assert await accounts.profile(anna.id) == anna
    with pytest.raises(NotAuthenticated):
        await accounts.profile(PartyId("p_erased"))


async def test_who_is_renamed_logs_in_with_the_new_name(accounts: Accounts, home: Home) -> None:
    anna = await accounts.add("Anna", PASSWORD)
    renamed = await accounts.rename(anna.id, " Annika ")
    assert (renamed.id, renamed.name) == (anna.id, "Annika")
    assert Changed(anna.id) in home.events
    assert (await accounts.log_in("annika", PASSWORD))[0] == renamed
    await guess(accounts, "Anna", PASSWORD)


async def test_a_new_password_ends_every_other_session(accounts: Accounts, home: Home) -> None:
    anna = await accounts.add("Anna", PASSWORD)
    (_, phone), (_, tablet) = [await accounts.log_in("Anna", PASSWORD) for _ in range(2)]
    await accounts.change_password(anna.id, PASSWORD, "another horse", token=phone)
    assert [await is_good(home, one) for one in (phone, tablet)] == [True, False]
    assert home.events[-1] == Changed(anna.id)
    await guess(accounts, "Anna", PASSWORD)
    await accounts.log_in("Anna", "another horse")


async def test_who_does_not_know_the_old_password_changes_nothing(accounts: Accounts, home: Home) -> None:
    anna, token = await accounts.register("Anna", PASSWORD, PHONE)
    for _ in range(TRIES):
        with pytest.raises(NotAuthenticated):
            await accounts.change_password(anna.id, "wrong horse", "another horse", token=token)
    with pytest.raises(RateLimited):
        await accounts.change_password(anna.id, PASSWORD, "another horse", token=token)
    with pytest.raises(RateLimited):
        await accounts.log_in("Anna", PASSWORD, PHONE)
    assert (await accounts.profile(anna.id)).password_hash == anna.password_hash
    assert await is_good(home, token)


@pytest.mark.parametrize("new", ["short", "password1", "brunhilde"])
async def test_a_new_password_is_weighed_like_a_first_one(accounts: Accounts, home: Home, new: str) -> None:
    anna, token = await accounts.register("Brunhilde", PASSWORD, PHONE)
    with pytest.raises(WeakPassword):
        await accounts.change_password(anna.id, PASSWORD, new, token=token)
    await accounts.log_in("Brunhilde", PASSWORD)


# ── for whoever runs the server ──


async def test_everybody_has_a_name(accounts: Accounts) -> None:
    await accounts.add("anna", PASSWORD)
    assert [one.name for one in await accounts.everybody()] == ["anna", "Dad", "Mum"]


async def test_a_password_that_was_forgotten_is_set_and_ends_every_session(accounts: Accounts, home: Home) -> None:
    anna, token = await accounts.register("Anna", PASSWORD, PHONE)
    await accounts.reset_password(" ANNA", "another horse")
    assert not await is_good(home, token)
    assert home.events[-1] == Changed(anna.id)
    await accounts.log_in("Anna", "another horse")


async def test_an_operator_is_made_and_unmade(accounts: Accounts, home: Home) -> None:
    olga = await accounts.add("Olga", PASSWORD, is_operator=True)
    assert olga.is_operator
    _, token = await accounts.log_in("Olga", PASSWORD)
    assert (await home.tokens.bearer(token)).is_operator
    assert not (await accounts.set_operator("olga", False)).is_operator
    assert not (await home.tokens.bearer(token)).is_operator
    assert (await accounts.set_operator("olga", True)).is_operator


async def test_what_is_done_to_nobody_says_so(accounts: Accounts) -> None:
    for done in (
        accounts.find("Nobody"),
        accounts.reset_password("Nobody", PASSWORD),
        accounts.set_operator("Nobody", True),
    ):
        with pytest.raises(UnknownRecipient, match="'Nobody'"):
            await done
