from __future__ import annotations

import os
from pathlib import Path

import pytest

from toybackend.durable import sync


def test_a_file_and_a_folder_are_synced_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "one"
    file.write_bytes(b"1")
    synced: list[tuple[int, int]] = []

    def fsync(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.append((status.st_dev, status.st_ino))

    monkeypatch.setattr(os, "fsync", fsync)
    before = len(os.listdir("/proc/self/fd"))
    for path in (file, tmp_path):
        sync(path)
    assert synced == [(path.stat().st_dev, path.stat().st_ino) for path in (file, tmp_path)]
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_not_there_cannot_be_synced(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "none")
