from __future__ import annotations

import os
from pathlib import Path

import pytest

from toybackend.durable import make_folder, sync


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Device and inode of what was synced, in order."""
    found: list[tuple[int, int]] = []

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        found.append((status.st_dev, status.st_ino))

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def identity(path: Path) -> tuple[int, int]:
    return path.stat().st_dev, path.stat().st_ino


def test_a_file_and_a_folder_are_synced_and_closed(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    file = tmp_path / "one"
    file.write_bytes(b"1")
    before = len(os.listdir("/proc/self/fd"))
    for path in (file, tmp_path):
        sync(path)
    assert synced == [identity(path) for path in (file, tmp_path)]
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_not_there_cannot_be_synced(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "none")


def test_a_new_folder_has_its_name_for_good(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    make_folder(tmp_path / "house" / "data")
    assert (tmp_path / "house" / "data").stat().st_mode & 0o777 == 0o700
    assert set(synced) == {identity(tmp_path / "house"), identity(tmp_path)}


def test_a_folder_that_is_there_may_have_been_made_by_somebody_who_was_stopped(
    tmp_path: Path, synced: list[tuple[int, int]]
) -> None:
    (tmp_path / "data").mkdir()
    make_folder(tmp_path / "data")
    assert synced == [identity(tmp_path)]


def test_a_folder_in_one_that_we_may_not_look_into_is_somebody_elses_care(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", closed)
    make_folder(tmp_path / "data")
    assert (tmp_path / "data").is_dir()
