from __future__ import annotations

import array
import io
import math
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcoder.sounds import RATE, loudness_and_true_peak, noise, speech, tone, write_wav
from toybackend.transcoder import loudness
from toybackend.transcoder.loudness import Measured, gain_db, integrated_loudness, level_filters


def weighted(sound: array.array[int], binary: Path, folder: Path) -> bytes:
    (folder / "in.pcm").write_bytes(sound.tobytes())
    graph = f"aformat=sample_fmts=fltp,{loudness.k_weighting(RATE)},volume={loudness.WEIGHTED_SCALE}"
    raw = ["-f", "s16le", "-ar", str(RATE)]
    command = [str(binary), "-v", "error", *raw, "-i", "in.pcm", "-af", graph, "-f", "s16le", "out.pcm"]
    subprocess.run([*command, "-y"], cwd=folder, check=True)
    return (folder / "out.pcm").read_bytes()


def measure(sound: bytes, weighted: bytes) -> Measured:
    return loudness.measure(io.BytesIO(sound), io.BytesIO(weighted))


def measured(peak_dbfs: float, loudness_lufs: float) -> Measured:
    return Measured(RATE, peak_dbfs, loudness_lufs, (0,) * 48)


def test_at_48_khz_the_filters_are_those_printed_in_the_standard() -> None:
    (shelf_b, shelf_a), (high_b, high_a) = loudness.shelf_stage(48000), loudness.high_pass_stage(48000)
    assert shelf_b == pytest.approx((1.53512485958697, -2.69169618940638, 1.19839281085285), abs=1e-6)
    assert shelf_a == pytest.approx((1.0, -1.69065929318241, 0.73248077421585), abs=1e-6)
    assert high_b == (1.0, -2.0, 1.0)
    assert high_a == pytest.approx((1.0, -1.99004745483398, 0.99007225036621), abs=1e-6)


def test_a_full_scale_tone_has_the_loudness_of_the_standard(any_binary: Path, folder: Path) -> None:
    sound = tone(3, peak=1.0, hertz=997)
    assert measure(sound.tobytes(), weighted(sound, any_binary, folder)).loudness_lufs == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("name", ["speech", "half silent", "tone", "noise"])
def test_loudness_agrees_with_ebur128(name: str, any_binary: Path, ear: Path, folder: Path) -> None:
    sounds = {
        "speech": speech(),
        "half silent": tone(3, peak=0.1) + array.array("h", bytes(RATE * 8)),
        "tone": tone(2, peak=0.02, hertz=1500),
        "noise": noise(2, peak=0.3),
    }
    sound = sounds[name]
    ours = measure(sound.tobytes(), weighted(sound, any_binary, folder)).loudness_lufs
    theirs, _ = loudness_and_true_peak(write_wav(folder / "in.wav", sound), ear)
    assert ours == pytest.approx(theirs, abs=0.3)


def test_the_gates_leave_out_what_is_quiet() -> None:
    loud, quiet, silent = 10**-2, 10**-6, 10**-9
    alone = integrated_loudness([loud] * 40)
    assert integrated_loudness([loud] * 40 + [silent] * 400) == pytest.approx(alone, abs=0.2)
    assert integrated_loudness([loud] * 40 + [quiet] * 400) == pytest.approx(alone, abs=0.2)
    assert integrated_loudness([quiet] * 40) == pytest.approx(-60.7, abs=0.1)


def test_silence_has_no_loudness_and_gets_no_gain() -> None:
    silence = bytes(RATE * 2)
    found = measure(silence, silence)
    assert math.isinf(found.loudness_lufs)
    assert math.isinf(found.peak_dbfs)
    assert gain_db(found) == 0
    assert found.waveform == (0,) * 48
    assert level_filters(found, narrow_band=True) == "volume=volume=0.000dB:precision=float"
    assert math.isinf(integrated_loudness([]))
    assert math.isinf(integrated_loudness([10**-8] * 10))


def test_a_tap_of_80_ms_is_one_block() -> None:
    sound = tone(0.08, peak=0.25)
    found = measure(sound.tobytes(), tone(0.08, peak=0.125).tobytes())
    assert found.loudness_lufs == pytest.approx(20 * math.log10(0.25 / math.sqrt(2)) - 0.691, abs=0.1)
    assert found.seconds == pytest.approx(0.08)


def test_the_gain_aims_at_the_target_and_has_a_limit() -> None:
    assert gain_db(measured(-10, -30)) == pytest.approx(12.45)
    assert gain_db(measured(0, -8)) == pytest.approx(-9.55)
    assert gain_db(measured(-50, -65)) == 40


@pytest.mark.parametrize(
    ("peak", "narrow_band", "limited"),
    [(-16, True, False), (-15, True, True), (-21, False, False), (-19, False, True)],
)
def test_the_limiter_is_there_only_where_a_peak_needs_it(peak: float, narrow_band: bool, limited: bool) -> None:
    filters = level_filters(measured(peak, -30), narrow_band=narrow_band)  # a gain of 12.45 dB
    assert ("alimiter" in filters) is limited
    assert ("aresample=32000" in filters) is (limited and not narrow_band)


def test_the_waveform_shows_where_the_sound_is() -> None:
    half = array.array("h", bytes(RATE)) + tone(0.5)
    bars = measure(half.tobytes(), half.tobytes()).waveform
    assert len(bars) == 48
    assert bars[:24] == (0,) * 24
    assert all(95 <= bar <= 100 for bar in bars[24:])
    assert max(bars) == 100


@given(st.binary(max_size=400).map(lambda raw: raw[: len(raw) // 2 * 2]))
def test_any_pcm_can_be_measured(pcm: bytes) -> None:
    found = measure(pcm, pcm)
    assert found.samples == len(pcm) // 2
    assert len(found.waveform) == 48
    assert all(0 <= bar <= 100 for bar in found.waveform)
    assert gain_db(found) <= 40
