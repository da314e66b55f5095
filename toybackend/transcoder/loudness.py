"""How loud a clip is, and what one gain makes of it. Pure arithmetic on 16 kHz mono 16-bit PCM.

Loudness is that of ITU-R BS.1770-4 (the L of EBU R128): K-weighting, mean square over 400 ms blocks every
100 ms, an absolute gate at -70 LUFS and a relative one 10 LU below the mean of what passed the first. ffmpeg
does the weighting in the pass that decodes (two biquads); the sums are taken here, by audioop in C. ffmpeg's own
`ebur128` filter has nothing to say about clips under 400 ms, and about longer ones only in its log.

One gain for the whole clip, so nothing pumps: a pause stays as quiet beside the words as the child left it.
A limiter is put in only where that gain would lift a peak over the ceiling.
"""

from __future__ import annotations

import io
import itertools
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from toybackend.models import WAVEFORM_BARS

with warnings.catch_warnings():
    # audioop is deprecated since 3.11; from 3.13 on audioop-lts provides it. pydub imports it too, and looks
    # for an ffmpeg on PATH at import, which we never use through it.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("ignore", RuntimeWarning)
    import audioop

    from pydub import AudioSegment

RATE = 16_000
"""Sample rate of our PCM and of the MP3, in Hz."""
SAMPLE_BYTES = 2

TARGET_LUFS = -18.0
MAX_GAIN_DB = 40.0
LAME_LOSS_DB = 0.45
"""LAME makes everything 5 % quieter unless asked otherwise; ffmpeg has no option to ask."""

# The MP3 must stay under -1.5 dBTP once decoded: with what peaks between the samples, and LAME's own noise, add.
NARROW_CEILING_DBFS = -3.0
"""Highest sample of AMR-NB. It has nothing above 4 kHz, so at 16 kHz its peaks lie on samples, within 0.7 dB."""
WIDE_CEILING_DBFS = -3.5
"""Highest sample of anything else, limited at twice the rate: between samples at 16 kHz noise peaks far higher."""
_BETWEEN_SAMPLES_DB = 5.0
"""How much higher, at most, in bursts of white noise."""

WEIGHTED_SCALE = 0.5
"""The weighting lifts high tones by 4 dB; halved, nothing clips in 16 bits."""

_BLOCK = 4
"""Sub-blocks of 100 ms in a gating block of 400 ms; blocks overlap by 75 %."""
_SUB_BLOCK_BYTES = RATE // 10 * SAMPLE_BYTES
_FULL_SCALE = 32768
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OFFSET_LUFS = -0.691


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted in one clip's PCM."""

    samples: int
    peak_dbfs: float
    """Highest sample; -inf for silence."""
    loudness_lufs: float
    """Integrated; -inf for silence."""
    waveform: tuple[int, ...]

    @property
    def seconds(self) -> float:
        return self.samples / RATE


def measure(sound: BinaryIO, weighted: BinaryIO) -> Measured:
    """Counts, peak, loudness and waveform of PCM and of its K-weighted copy (scaled by WEIGHTED_SCALE).

    An hour has 115 MB of each: neither is ever in memory as a whole.
    """
    samples = _bytes_in(sound) // SAMPLE_BYTES
    levels = [(bar.rms, bar.max) for bar in _bars(sound, samples)]
    return Measured(
        samples=samples,
        peak_dbfs=_dbfs(max(peak for _, peak in levels)),
        loudness_lufs=integrated_loudness(_sub_block_powers(weighted)),
        waveform=_waveform([level for level, _ in levels]),
    )


def _bars(sound: BinaryIO, samples: int) -> Iterator[AudioSegment]:
    """48 equal parts, one at a time."""
    edges = [samples * bar // WAVEFORM_BARS for bar in range(WAVEFORM_BARS + 1)]
    sound.seek(0)
    for start, end in itertools.pairwise(edges):
        part = sound.read((end - start) * SAMPLE_BYTES)
        yield AudioSegment(data=part, sample_width=SAMPLE_BYTES, frame_rate=RATE, channels=1)


def _waveform(levels: Sequence[float]) -> tuple[int, ...]:
    """Root mean squares as 0…100, the loudest 100; all 0 for silence."""
    loudest = max(levels)
    return tuple(round(100 * level / loudest) if loudest else 0 for level in levels)


def _bytes_in(file: BinaryIO) -> int:
    return file.seek(0, io.SEEK_END)


def integrated_loudness(sub_blocks: Sequence[float]) -> float:
    """LUFS from the mean squares of consecutive 100 ms; -inf where nothing passes the gates.

    Fewer than four make no gating block: then the clip is one block, ungated. A tap of 80 ms has a loudness too.
    """
    if len(sub_blocks) < _BLOCK:
        return _lufs(_mean(sub_blocks))
    blocks = [sum(sub_blocks[i : i + _BLOCK]) / _BLOCK for i in range(len(sub_blocks) - _BLOCK + 1)]
    audible = [power for power in blocks if _lufs(power) > _ABSOLUTE_GATE_LUFS]
    gate = _lufs(_mean(audible)) + _RELATIVE_GATE_LU
    return _lufs(_mean([power for power in audible if _lufs(power) > gate]))


def level_filters(measured: Measured, *, narrow_band: bool) -> str:
    """The ffmpeg filters that bring a clip to TARGET_LUFS: one gain, and a limiter only where a peak needs it.

    The limiter looks 5 ms ahead (`attack`) and makes up for that delay itself (`latency`), to the sample.
    """
    gain = gain_db(measured)
    peak = measured.peak_dbfs + gain
    volume = f"volume=volume={gain:.3f}dB:precision=float"
    if narrow_band:
        return f"{volume},{_limiter(NARROW_CEILING_DBFS)}" if peak > NARROW_CEILING_DBFS else volume
    if peak + _BETWEEN_SAMPLES_DB <= WIDE_CEILING_DBFS:
        return volume
    up, down = (f"aresample={rate}:tsf=fltp" for rate in (2 * RATE, RATE))
    return f"{volume},{up},{_limiter(WIDE_CEILING_DBFS)},{down}"


def _limiter(ceiling_dbfs: float) -> str:
    return f"alimiter=limit={10 ** (ceiling_dbfs / 20):.5f}:level=disabled:attack=5:release=50:latency=1"


def gain_db(measured: Measured) -> float:
    """Decibels up to TARGET_LUFS, at most MAX_GAIN_DB; none for silence."""
    if math.isinf(measured.loudness_lufs):
        return 0.0
    return min(TARGET_LUFS - measured.loudness_lufs + LAME_LOSS_DB, MAX_GAIN_DB)


def k_weighting(rate: int) -> str:
    """The two filters of BS.1770 as ffmpeg biquads for this sample rate.

    The standard prints coefficients for 48 kHz only; these come from the analogue filters behind them
    (centre, Q, gain) by the bilinear transform, which gives the printed ones back at 48 kHz.
    """
    return ",".join(_biquad(*stage) for stage in (shelf_stage(rate), high_pass_stage(rate)))


Stage = tuple[tuple[float, float, float], tuple[float, float, float]]


def shelf_stage(rate: int) -> Stage:
    """The head: a shelf of +4 dB above 1.7 kHz. Numerator and denominator, denominator normalised."""
    frequency, gain, q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k, high = math.tan(math.pi * frequency / rate), 10 ** (gain / 20)
    band = high**0.4996667741545416
    norm = 1 + k / q + k * k
    b = (high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k)
    return (b[0] / norm, b[1] / norm, b[2] / norm), (1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm)


def high_pass_stage(rate: int) -> Stage:
    """The ear's deafness to rumble: a high-pass at 38 Hz."""
    frequency, q = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * frequency / rate)
    norm = 1 + k / q + k * k
    return (1.0, -2.0, 1.0), (1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm)


def _biquad(b: tuple[float, float, float], a: tuple[float, float, float]) -> str:
    values = {"b0": b[0], "b1": b[1], "b2": b[2], "a0": a[0], "a1": a[1], "a2": a[2]}
    return "biquad=" + ":".join(f"{name}={value:.12g}" for name, value in values.items())


def _sub_block_powers(weighted: BinaryIO) -> list[float]:
    """Mean square of each whole 100 ms (full scale 1.0); of everything, where the clip is shorter than a block."""
    whole = _bytes_in(weighted)
    size = _SUB_BLOCK_BYTES if whole >= _BLOCK * _SUB_BLOCK_BYTES else max(whole, SAMPLE_BYTES)
    weighted.seek(0)
    # Not through pydub, which copies and wraps each of a thousand slices of a long clip.
    levels = (audioop.rms(weighted.read(size), SAMPLE_BYTES) for _ in range(whole // size))
    return [(level / _FULL_SCALE / WEIGHTED_SCALE) ** 2 for level in levels]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _lufs(power: float) -> float:
    return _OFFSET_LUFS + 10 * math.log10(power) if power > 0 else -math.inf


def _dbfs(peak: float) -> float:
    return 20 * math.log10(peak / _FULL_SCALE) if peak > 0 else -math.inf
