"""What must hold before anything opens: settings that are safe, and a data folder that is whole and ours alone."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from toybackend.durable import make_folder
from toybackend.errors import BadSettings
from toybackend.secret_key import read_or_make_key
from toybackend.settings import Settings

log = logging.getLogger(__name__)

RESTORING = "restoring"
"""Folder in the data folder in which a house is put together from a backup; until it is gone, nothing opens."""
LANGUAGES = ("en", "zh")
WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # named to be warned of
SQLITE = "sqlite:///"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def prepare(settings: Settings) -> bytes:
    """Check what the settings promise and make the data folder. Gives the key that signs links."""
    _check(settings)
    data = settings.storage.data_dir
    try:
        make_folder(data)
        _check_is_ours(data, 0o700)
        database = Path(settings.storage.database_url.removeprefix(SQLITE))
        if settings.storage.database_url and database.exists():
            _check_is_ours(database, 0o600)
        if (data / RESTORING).exists():
            raise BadSettings(f"a restore into {data} was not finished: empty that folder, and restore again")
        return read_or_make_key(_key_file(settings))
    except OSError as error:
        raise BadSettings(f"{error.filename}: {error.strerror}; see TOYBACKEND_DATA_DIR") from error


def is_settled(settings: Settings) -> bool:
    """Was there ever a house in this data folder? It gets its key at its first start."""
    return _key_file(settings).exists()


def _key_file(settings: Settings) -> Path:
    return Path(settings.storage.secret_key_file or settings.storage.data_dir / "secret.key")


def _check(settings: Settings) -> None:
    """Raises BadSettings for what cannot work or would not be safe."""
    network, storage = settings.network, settings.storage
    behind_tls = network.public_url.startswith("https://")
    if network.host not in LOOPBACK and not behind_tls and not network.insecure_bind:
        raise BadSettings(
            f"TOYBACKEND_HOST={network.host} can be reached from other machines without TLS: put a proxy in front and"
            " name it in TOYBACKEND_PUBLIC_URL=https://…, or say --insecure-bind"
        )
    if network.host in WILDCARDS and not (network.public_url and network.public_ws_url):
        log.warning("toys cannot fetch links to %s: name TOYBACKEND_PUBLIC_URL and _PUBLIC_WS_URL", network.host)
    for name, value in (("BUS_URL", storage.bus_url), ("AUDIO_STORE_URL", storage.audio_store_url)):
        if value:
            raise BadSettings(f"TOYBACKEND_{name}: only the built-in one exists; leave it empty")
    if settings.service.lang not in LANGUAGES:
        raise BadSettings(f"TOYBACKEND_LANG takes one of {', '.join(LANGUAGES)}")


def _check_is_ours(path: Path, mode: int) -> None:
    """Whoever can look into the folder, or the database where it is elsewhere, has what every family said. Raises
    BadSettings."""
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise BadSettings(f"{path} belongs to another user; run as that one, or say: chown {os.geteuid()} {path}")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise BadSettings(f"{path} is open to other users; say: chmod {mode:o} {path}")


@contextmanager
def only_server_on(data: Path) -> Iterator[None]:
    """Hold the data folder: two servers would throw away each other's unfinished work. Raises BadSettings."""
    with _opened(data / "server.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadSettings(f"another server is running on {data}") from None
        yield


def _opened(lock: Path) -> TextIO:
    try:
        return lock.open("w")
    except OSError as error:
        raise BadSettings(f"{lock}: {error.strerror}; see TOYBACKEND_DATA_DIR") from error
