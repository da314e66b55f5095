"""The key that signs links: made once, and nobody else's to read."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from toybackend.errors import BadSettings
from toybackend.secret_key import KEY_BYTES, read_or_make_key


def test_a_key_is_made_once(tmp_path: Path) -> None:
    made = read_or_make_key(tmp_path / "secret.key")
    assert len(made) == KEY_BYTES
    assert read_or_make_key(tmp_path / "secret.key") == made
    assert read_or_make_key(tmp_path / "other.key") != made


def test_a_key_is_on_disk_before_anything_is_signed_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode)))
    read_or_make_key(tmp_path / "secret.key")
    assert synced == [False, True], "the key, then the folder with its name in it"


def test_a_key_is_its_owners(tmp_path: Path) -> None:
    read_or_make_key(tmp_path / "secret.key")
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o666])
def test_a_key_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret.key"
    read_or_make_key(file)
    file.chmod(mode)
    with pytest.raises(BadSettings, match="chmod 600"):
        read_or_make_key(file)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"changeme",
        b"changeme" * 8,
        bytes(KEY_BYTES),
        bytes(range(KEY_BYTES - 1)),
        b"k" * 64,
        b"0123456789abcdef" * 4,
        b"please-change-this-key-before-you-go-live\n",
        b"SECRET KEY FOR THE BEARS OF TOMORROW",
        b"qazwsx-edcrfv-example-tgbyhn-ujmikolp",
    ],
)
def test_a_file_that_is_no_key_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(BadSettings, match="not a key"):
        read_or_make_key(file)
    assert file.read_bytes() == content


def test_a_key_of_ones_own_is_used(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    key = hashlib.sha512(b"of one's own").digest()
    file.write_bytes(key)
    file.chmod(0o400)
    assert read_or_make_key(file) == key


@pytest.mark.parametrize("spell", [bytes, lambda key: key.hex().encode(), base64.b64encode, base64.urlsafe_b64encode])
def test_a_random_key_is_taken_however_it_is_written(tmp_path: Path, spell: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "secret.key"
    for number in range(200):
        key = spell(hashlib.sha256(str(number).encode()).digest())
        file.write_bytes(key)
        file.chmod(0o600)
        assert read_or_make_key(file) == key


def test_of_two_first_starts_the_first_key_counts(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    with ThreadPoolExecutor(8) as starts:
        keys = set(starts.map(lambda _: read_or_make_key(file), range(8)))
    assert len(keys) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]
