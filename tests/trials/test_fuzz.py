"""The fuzzers, run for a moment; and that they find what they look for."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bench.server import CLIPS
from toybackend.errors import AudioWithoutHeader
from toybackend.models import Sound
from toybackend.protocol import VoiceHeader
from toybackend.transcoder import ConversionLimits, FfmpegTranscoder, Outcome, run_child
from toybackend.transcoder.amr import AmrTrack, read_amr
from toybackend.upload import Inbound
from trials.fuzz import converted, media, seeds, sound, wire, worker
from trials.fuzz.judging import Tally, Target, run_blindly
from trials.fuzz.mutation import mutated
from trials.fuzz.parsers import Job, result_of, run
from trials.fuzz.shapes import OGG, shape_of
from trials.fuzz.targets import TARGETS, target_of

EXECUTIONS = 200
FILES = range(30)
REFUSES_ALL = {"strangers"}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_parser_understands_or_refuses(target: Target) -> None:
    tally = run_blindly(target, EXECUTIONS, seed=1)
    assert {finding.what: finding.data for finding in tally.findings.values()} == {}
    assert tally.executions == EXECUTIONS
    assert (tally.understood > 0) is (target.name not in REFUSES_ALL)


def test_the_shares_make_a_hundred() -> None:
    assert sum(target.share for target in TARGETS) == 100


def test_a_parser_in_a_process_of_its_own(tmp_path: Path) -> None:
    result = run(Job(target_of("mpeg"), EXECUTIONS, seed=1, is_blind=False), tmp_path)
    assert result.findings == []
    assert result.executions >= EXECUTIONS
    assert result.understood > 0


def test_a_parser_where_nothing_steers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["worker", "mpeg", str(EXECUTIONS), "1", str(tmp_path), "--blind"])
    worker.main()
    result = result_of("mpeg", tmp_path, 1.0)
    assert (result.findings, result.executions) == ([], EXECUTIONS)


def test_the_same_seed_gives_the_same_inputs() -> None:
    def inputs(seed: int) -> list[bytes]:
        seen: list[bytes] = []

        def check(data: bytes) -> bool:
            seen.append(data)
            return True

        run_blindly(replace(target_of("mp4"), check=check), EXECUTIONS, seed)
        return seen

    assert inputs(1) == inputs(1) != inputs(2)


def test_what_comes_apart_goes_together_again() -> None:
    files = [*seeds.recordings().values(), *seeds.grown()]
    assert all(b"".join(shape_of(data).split(data)) == data for data in files)
    pages = [data for data in seeds.recordings().values() if data.startswith(b"OggS")]
    assert pages
    assert all(OGG.mend(data) == data for data in pages), "the checksums are those of others"


def test_a_mutation_keeps_to_its_size() -> None:
    dice, files = Random(1), list(seeds.small_recordings())
    made = [mutated(dice.choice(files), dice, shape_of, files, 1000) for _ in range(EXECUTIONS)]
    assert max(map(len, made)) == 1000
    assert len(set(made)) > EXECUTIONS / 2


# ── what is wrong is found ──


def test_a_lost_frame_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(data: bytes, max_seconds: int) -> AmrTrack:
        track = read_amr(data, max_seconds)
        return replace(track, frames=track.frames[:-1])

    monkeypatch.setattr(sound, "read_amr", careless)
    assert run_blindly(target_of("amr"), EXECUTIONS, seed=1).findings


class LastAddressee(Inbound):
    """The addressee stays, for whichever blob comes next."""

    last: VoiceHeader | None = None

    def blob(self) -> VoiceHeader | None:
        self.last = self._header or self.last
        if self.last is None:
            raise AudioWithoutHeader
        return self.last


def test_a_blob_at_the_wrong_party_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "Inbound", LastAddressee)
    found = [finding.what for finding in run_blindly(target_of("upload"), EXECUTIONS, seed=1).findings.values()]
    assert any("the blob of" in what for what in found)


def walks_again_and_again(data: bytes) -> bool:
    return any(one == -1 for _ in data for one in data)


def hoards(data: bytes) -> bool:
    return bool([[byte] * 100 for byte in data])


@pytest.mark.parametrize(
    ("check", "finding"), [(walks_again_and_again, "it takes too long"), (hoards, "it takes too much memory")]
)
def test_what_grows_faster_than_its_input_is_found(check: Callable[[bytes], bool], finding: str) -> None:
    tally = Tally(
        replace(target_of("sniff"), check=check, seconds=0.01, stretched_bytes=20_000 if check is hoards else 1000)
    )
    tally.stretch(b"\1\2\3")
    assert finding in tally.findings


# ── the whole conversion ──


async def test_mutated_recordings_are_converted_or_refused(tmp_path: Path) -> None:
    report = await media.fuzz_media(tmp_path, FILES, seed=1)
    assert report.findings == []
    assert report.files == len(FILES)
    assert {"converted", "bad_audio"} <= set(report.answers)
    assert os.listdir(tmp_path) == []


async def test_a_tool_that_spoils_things_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def spoiling(command: Sequence[str], folder: Path, limits: ConversionLimits) -> Outcome:
        outcome = await run_child(command, folder, limits)
        (folder / "core").touch()
        return outcome

    monkeypatch.setattr(converted, "run_child", spoiling)
    report = await media.fuzz_media(tmp_path, range(3), seed=1)
    assert {finding.partition(": ")[2] for finding in report.findings} == {"a file core was left"}


async def test_an_mp3_that_is_not_what_it_says_is_found(tmp_path: Path) -> None:
    limits = ConversionLimits()
    clip = seeds.recordings()["clips/hello_nb.amr"]
    good = await FfmpegTranscoder().convert(CLIPS / "hello_nb.amr", tmp_path)
    assert [*converted.faults_of_sound(good, clip, tmp_path, limits)] == []
    longer = replace(good, duration_ms=good.duration_ms + 500)
    assert len([*converted.faults_of_sound(longer, clip, tmp_path, limits)]) == 2
    torn = Sound(tmp_path / "torn.mp3", good.duration_ms, good.waveform)
    torn.file.write_bytes(good.file.read_bytes()[:-1])
    assert [*converted.faults_of_sound(torn, clip, tmp_path, limits)] == ["the MP3 is not all frames of ours"]


async def test_a_child_that_outlives_its_deadline_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converted, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(converted, "LOOK_SECONDS", 0.05)
    children = converted.Children(ConversionLimits(deadline_seconds=0.1))
    async with children.watched():
        await children.run([shutil.which("sleep") or "", "0.6"], tmp_path, ConversionLimits(deadline_seconds=5))
    assert any("outlives its deadline" in fault for fault in children.faults)
    assert any("a child took" in fault for fault in children.faults) is False, "by the limits that it was given"


def test_a_result_says_what_was_found(tmp_path: Path) -> None:
    told = {"executions": 10, "understood": 5, "slowest": 0.1, "findings": [{"what": "x", "data": "00ff", "count": 2}]}
    (tmp_path / "result.json").write_text(json.dumps(told))
    assert result_of("amr", tmp_path, 1.0).findings == [("x", b"\0\xff")]
    (tmp_path / "result.json").unlink()
    (tmp_path / "worker.log").write_text("stopped\n")
    (tmp_path / "stopped-1").write_bytes(b"abc")
    [(what, data)] = result_of("amr", tmp_path, 1.0).findings
    assert ("stopped" in what, data) == (True, b"abc")
