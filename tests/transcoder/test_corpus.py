"""Real recordings that nobody here made: each is converted to its true length, or refused, as the index says."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from tests.transcoder.sounds import RATE, decoded
from toybackend.errors import BadAudio
from toybackend.transcoder import FfmpegTranscoder

CORPUS = Path(os.environ.get("TOYBACKEND_CORPUS") or Path(__file__).parents[2] / "../shared/corpus")


def rows() -> list[dict[str, str]]:
    index = CORPUS / "INDEX.tsv"
    if not index.exists():
        return []
    with index.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


ROWS = rows()


@pytest.mark.skipif(not ROWS, reason=f"no corpus in {CORPUS} (set TOYBACKEND_CORPUS)")
@pytest.mark.parametrize("row", ROWS, ids=[row["file"] for row in ROWS])
async def test_a_real_recording(row: dict[str, str], transcoder: FfmpegTranscoder, ear: Path, folder: Path) -> None:
    original = CORPUS / row["file"]
    if row["expected"] == "refused":
        with pytest.raises(BadAudio):
            await transcoder.convert(original, folder)
        return
    sound = await transcoder.convert(original, folder)
    seconds = len(decoded(sound.file, ear)) / RATE
    assert seconds == pytest.approx(float(row["true_seconds"]), abs=0.1)
    assert 0 <= seconds - sound.duration_ms / 1000 <= 0.1
