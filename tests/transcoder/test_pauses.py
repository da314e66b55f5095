from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from toybackend.transcoder.pauses import FRAME_BYTES, is_complete, lay_in_pauses

SPOKEN = b"\1\2" * (FRAME_BYTES // 2)


def with_pauses(pcm: bytes, flags: list[bool]) -> bytes:
    whole = io.BytesIO()
    lay_in_pauses(io.BytesIO(pcm), flags, whole)
    return whole.getvalue()


def test_silence_is_laid_where_the_pauses_were() -> None:
    filled = with_pauses(SPOKEN * 3, [True, False, False, True, True, False])
    silence = bytes(FRAME_BYTES)
    assert filled == SPOKEN + silence * 2 + SPOKEN * 2 + silence


def test_completeness_allows_the_resampler_a_few_samples_and_no_frame() -> None:
    assert is_complete(FRAME_BYTES * 10, 10)
    assert is_complete(FRAME_BYTES * 10 + 32, 10)
    assert is_complete(FRAME_BYTES * 10 - 32, 10)
    assert not is_complete(FRAME_BYTES * 9, 10)
    assert not is_complete(FRAME_BYTES * 11, 10)


@given(st.lists(st.booleans(), max_size=50), st.integers(-100, 100))
def test_the_result_is_always_20_ms_a_frame(flags: list[bool], off: int) -> None:
    pcm = (SPOKEN * (sum(flags) + 1))[: max(0, sum(flags) * FRAME_BYTES + off)]
    assert len(with_pauses(pcm, flags)) == len(flags) * FRAME_BYTES
