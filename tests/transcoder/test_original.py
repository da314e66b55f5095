from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from toybackend.transcoder.original import opened


def test_a_file_is_looked_into_like_bytes(tmp_path: Path) -> None:
    file = tmp_path / "original"
    file.write_bytes(b"fLaC and more")
    with opened(file) as data:
        assert isinstance(data, mmap.mmap), "mapped, not read"
        assert (len(data), data[:4], data[0], data[9:]) == (13, b"fLaC", 0x66, b"more")


def test_an_empty_file_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "original").touch()
    with opened(tmp_path / "original") as data:
        assert data == b""


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), opened(tmp_path / "original"):
        pass
