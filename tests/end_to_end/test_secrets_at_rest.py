"""Whoever gets hold of the data folder can log in nowhere with it: of what proves somebody, only digests are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from toybackend.house import House, open_house
from toybackend.services.tokens import digest
from toybackend.settings import Settings

pytestmark = pytest.mark.usefixtures("cheap_passwords")

PASSWORD = "a rather long pass phrase"


async def everything_that_proves(house: House) -> dict[str, str]:
    """One secret of each kind, by what it is, after it was used once."""
    await house.accounts.add("Mum", PASSWORD)
    _, session = await house.accounts.log_in("Mum", PASSWORD)
    [invitation], _ = await house.accounts.invite(1)
    [(_, licence)] = [one async for batch in house.devices.issue(1) for one in batch]
    boot = await house.devices.power_on(licence)
    assert boot.token
    return {
        "password": PASSWORD,
        "session": session,
        "invitation": invitation,
        "the same without its dashes": invitation.replace("-", ""),
        "licence": licence,
        "the toy's token": boot.token,
    }


def on_disk(folder: Path) -> bytes:
    return b"\n".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file() and one.suffix != ".key")


async def test_of_what_proves_somebody_only_digests_are_on_disk(settings: Settings) -> None:
    folder = settings.storage.data_dir
    async with open_house(settings) as house:
        secrets = await everything_that_proves(house)
        while_open = on_disk(folder)
    for written in (while_open, on_disk(folder)):
        assert [what for what, secret in secrets.items() if secret.encode() in written] == []
        for what in ("session", "licence", "the toy's token"):
            assert digest(secrets[what]).encode() in written, what  # it is the right place to look
        assert b"$argon2id$" in written
