"""The key that signs audio links: made on first start, readable by its owner only."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from toybackend.durable import sync
from toybackend.errors import BadSettings

KEY_BYTES = 32
LEAST_DIFFERENT = 9
"""Byte values in a key; of 64 random hexadecimal digits nearly always 13 or more are different."""
EXAMPLES = (b"change", b"secret", b"example", b"password", b"default", b"insecure", b"toybackend", b"12345678")
"""What is in the keys of examples."""


def read_or_make_key(file: Path) -> bytes:
    """Raises BadSettings when others may read the key or it is too short to be one."""
    if not file.exists():
        _make(file)
    return _read(file)


def _make(file: Path) -> None:
    """It gets its name once it is whole; of two that are made at the same moment the first one counts."""
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(secrets.token_bytes(KEY_BYTES))
            made.flush()
            os.fsync(made.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(fresh, file)
    finally:
        fresh.unlink(missing_ok=True)
    sync(file.parent)  # links that are signed with it are out soon, and have to work tomorrow


def _read(file: Path) -> bytes:
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise BadSettings(f"{file} can be read by others; say: chmod 600 {file}")
    key = file.read_bytes()
    if len(key) < KEY_BYTES or not _looks_random(key):
        raise BadSettings(f"{file} is not a key of {KEY_BYTES} random bytes; remove it and a new one is made")
    return key


def _looks_random(key: bytes) -> bool:
    """No example that somebody copied, no word, no keyboard row. Of a million random keys, written as bytes, as
    hexadecimal digits or in base64, none fails."""
    return len(set(key)) >= LEAST_DIFFERENT and not any(word in key.lower() for word in EXAMPLES)
