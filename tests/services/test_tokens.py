"""Bearer tokens."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.services.conftest import Home
from toybackend.errors import NotAuthenticated, NotFound
from toybackend.models import PartyKind
from toybackend.ports import Changed
from toybackend.services.tokens import digest


async def test_a_token_speaks_for_whom_it_was_given_to(home: Home) -> None:
    mums = await home.tokens.give(home.mum.id, PartyKind.PERSON)
    bears = await home.tokens.give(home.bear.id, PartyKind.TOY)
    assert [await home.tokens.bearer(one) for one in (mums, bears)] == [home.mum, home.bear]


async def test_tokens_are_long_and_all_different(home: Home) -> None:
    given = {await home.tokens.give(home.mum.id, PartyKind.PERSON) for _ in range(20)}
    assert len(given) == 20
    assert min(map(len, given)) >= 43  # 256 bits in base64


@pytest.mark.parametrize("token", ["", "x", "x" * 10_000, "ü", "\x00", "' OR 1=1 --", "\udcff"])
async def test_anything_else_speaks_for_nobody(home: Home, token: str) -> None:
    """The last is what a header byte beyond ASCII becomes on its way through aiohttp."""
    await home.tokens.give(home.mum.id, PartyKind.PERSON)
    with pytest.raises(NotAuthenticated):
        await home.tokens.bearer(token)


async def test_a_token_lasts_thirty_days(home: Home) -> None:
    token = await home.tokens.give(home.mum.id, PartyKind.PERSON)
    home.clock.pass_seconds(30 * 86_400 - 1)
    assert await home.tokens.bearer(token) == home.mum
    home.clock.pass_seconds(1)
    with pytest.raises(NotAuthenticated):
        await home.tokens.bearer(token)


async def test_an_ended_token_speaks_for_nobody(home: Home) -> None:
    token, other = [await home.tokens.give(home.mum.id, PartyKind.PERSON) for _ in range(2)]
    await home.tokens.end(token)
    with pytest.raises(NotAuthenticated):
        await home.tokens.bearer(token)
    assert await home.tokens.bearer(other) == home.mum


def everything_in(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())


async def test_only_the_digest_is_kept(home: Home, tmp_path: Path) -> None:
    token = await home.tokens.give(home.mum.id, PartyKind.PERSON)
    on_disk = everything_in(tmp_path)
    assert digest(token).encode() in on_disk
    assert token.encode() not in on_disk


def test_a_digest_is_sha_256() -> None:
    assert digest("secret") == hashlib.sha256(b"secret").hexdigest()


# ── sessions ──


async def test_a_session_is_listed_and_ends_from_elsewhere(home: Home) -> None:
    phone, tablet = [
        await home.tokens.give(home.mum.id, PartyKind.PERSON, session_id=f"s_{place}", label=f"a {place}")
        for place in ("phone", "tablet")
    ]
    assert {
        (one.id, one.label, one.since, one.is_current) for one in await home.tokens.sessions(home.mum.id, tablet)
    } == {
        ("s_phone", "a phone", home.clock.now, False),
        ("s_tablet", "a tablet", home.clock.now, True),
    }
    await home.tokens.end_session(home.mum.id, "s_phone")
    assert home.events == [Changed(home.mum.id)]
    with pytest.raises(NotAuthenticated):
        await home.tokens.bearer(phone)
    assert [one.id for one in await home.tokens.sessions(home.mum.id, tablet)] == ["s_tablet"]


async def test_a_session_of_another_is_as_good_as_none(home: Home) -> None:
    await home.tokens.give(home.mum.id, PartyKind.PERSON, session_id="s_mums")
    for session_id in ("s_mums", "s_none"):
        with pytest.raises(NotFound):
            await home.tokens.end_session(home.dad.id, session_id)
    assert home.events == []


async def test_what_opened_with_an_ended_token_is_told(home: Home) -> None:
    token = await home.tokens.give(home.mum.id, PartyKind.PERSON)
    await home.tokens.end(token)
    await home.tokens.end(token)
    assert home.events == [Changed(home.mum.id)]
