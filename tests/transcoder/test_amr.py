from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcoder.sounds import CLIPS
from toybackend.errors import AudioTooLong, BadAudio
from toybackend.transcoder.amr import MOST_JOINED, PROOF_FRAMES, Band, is_headerless, read_amr, read_headerless

NB, WB = b"#!AMR\n", b"#!AMR-WB\n"
SPEECH = bytes([7 << 3 | 4]) + bytes(31)
WB_SPEECH = bytes([2 << 3 | 4]) + bytes(32)
SID = bytes([8 << 3 | 4]) + bytes(5)
NO_DATA = bytes([15 << 3 | 4])


HELLO = (CLIPS / "hello_nb.amr").read_bytes()
HELLO_FRAMES = (len(HELLO) - len(NB)) // len(SPEECH)  # every frame of it is 12.2 kbit/s


@pytest.mark.parametrize(
    ("clip", "magic", "size"), [("hello_nb.amr", NB, 32), ("story_nb.amr", NB, 32), ("hello_wb.amr", WB, 33)]
)
def test_frames_are_counted_exactly(clip: str, magic: bytes, size: int) -> None:
    data = (CLIPS / clip).read_bytes()
    track = read_amr(data, 120)
    assert len(track.frames) == (len(data) - len(magic)) / size
    assert all(track.is_speech())
    assert track.seconds == pytest.approx(len(track.frames) / 50)


def test_pauses_are_told_from_speech() -> None:
    data = (CLIPS / "dtx_nb.amr").read_bytes()
    track = read_amr(data, 120)
    pauses = [frame for frame, speech in zip(track.frames, track.is_speech(), strict=True) if not speech]
    assert {len(frame) for frame in pauses} == {1, 6}
    assert len(data) == len(NB) + sum(track.is_speech()) * 32 + sum(map(len, pauses))


def test_a_clean_recording_is_stored_as_it_came() -> None:
    data = (CLIPS / "dtx_nb.amr").read_bytes()
    assert read_amr(data, 120).storage(with_pauses=True) == data


def test_without_pauses_only_speech_frames_are_stored() -> None:
    track = read_amr(NB + SPEECH + SID + NO_DATA + SPEECH, 120)
    assert track.storage(with_pauses=False) == NB + SPEECH + SPEECH


@pytest.mark.parametrize("frame_type", range(8))
def test_every_narrow_band_mode_is_speech(frame_type: int) -> None:
    size = (13, 14, 16, 18, 20, 21, 27, 32)[frame_type]
    frame = bytes([frame_type << 3 | 4]) + bytes(size - 1)
    assert read_amr(NB + frame * 3, 120).frames == (frame,) * 3


@pytest.mark.parametrize("frame_type", range(9))
def test_every_wide_band_mode_is_speech(frame_type: int) -> None:
    size = (18, 24, 33, 37, 41, 47, 51, 59, 61)[frame_type]
    frame = bytes([frame_type << 3 | 4]) + bytes(size - 1)
    assert read_amr(WB + frame * 3, 120).frames == (frame,) * 3


def test_wide_band_speech_lost_is_a_pause_of_one_byte() -> None:
    lost = bytes([14 << 3 | 4])
    assert read_amr(WB + WB_SPEECH + lost + WB_SPEECH, 120).is_speech() == [True, False, True]


def test_the_last_frame_cut_short_is_dropped() -> None:
    assert len(read_amr(NB + SPEECH * 3 + SPEECH[:20], 120).frames) == 3


@pytest.mark.parametrize("rubbish", [b"\xff" * 50, b"TAG rubbish", bytes([9 << 3 | 4]) + SPEECH, bytes([0x3D]) * 40])
def test_the_walk_ends_where_no_frame_can_start(rubbish: bytes) -> None:
    assert len(read_amr(NB + SPEECH * 3 + rubbish, 120).frames) == 3


def test_two_joined_recordings_are_one() -> None:
    track = read_amr(NB + SPEECH * 3 + NB + SPEECH * 2, 120)
    assert len(track.frames) == 5
    assert track.storage(with_pauses=True) == NB + SPEECH * 5


def test_the_band_that_reaches_the_end_is_the_true_one() -> None:
    track = read_amr(WB + HELLO[len(NB) :], 120)
    assert (track.band, len(track.frames)) == (Band.NB, HELLO_FRAMES)


def test_a_band_without_speech_is_not_the_true_one() -> None:
    """As wide band these are pauses and a frame cut short; as narrow band a frame of speech before the last bytes."""
    speech = bytes([0, *8 * [0x7C], *4 * [0x7C]])
    track = read_amr(Band.NB.magic + 81 * b"\x7c" + speech + b"\x02" + 3 * b"\x7c", 120)
    assert (track.band, sum(track.is_speech())) == (Band.NB, 1)


def test_exactly_the_limit_is_taken_and_one_frame_more_is_not() -> None:
    assert read_amr(NB + SPEECH * 100, 2).seconds == pytest.approx(2)
    with pytest.raises(AudioTooLong):
        read_amr(NB + SPEECH * 101, 2)


def test_a_no_data_bomb_costs_nothing() -> None:
    started = time.process_time()
    with pytest.raises(AudioTooLong):
        read_amr(NB + NO_DATA * 1_000_000, 120)
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize("body", [b"", NO_DATA * 20, SID * 20, SPEECH[:10], b"hello world, no frames here"])
def test_no_speech_at_all_is_refused(body: bytes) -> None:
    with pytest.raises(BadAudio):
        read_amr(NB + body, 120)


def test_what_has_no_magic_is_not_read() -> None:
    with pytest.raises(BadAudio):
        read_amr(SPEECH * 10, 120)


def test_bare_frames_are_recognised_and_read() -> None:
    bare = HELLO[len(NB) :]
    assert is_headerless(bare)
    assert len(read_headerless(bare, 120).frames) == HELLO_FRAMES


def test_recordings_are_joined_but_not_without_end() -> None:
    assert len(read_amr((NB + SPEECH) * (MOST_JOINED + 1), 60).frames) == MOST_JOINED + 1
    with pytest.raises(BadAudio):
        read_amr(NB * (MOST_JOINED + 2) + SPEECH, 60)


@pytest.mark.parametrize(
    "data",
    [
        SPEECH * 4,
        SPEECH * 10 + SPEECH[:5],
        SPEECH * 10 + b"\xff",
        NO_DATA * 100,
        (bytes([7 << 3]) + bytes(31)) * 10,
        b"",
    ],
    ids=["too few", "cut short", "rubbish behind", "pauses only", "all marked bad", "nothing"],
)
def test_what_might_be_a_coincidence_is_not_taken_for_bare_frames(data: bytes) -> None:
    assert not is_headerless(data)


def test_nobody_walks_millions_of_frames_to_find_out() -> None:
    rubbish = b"\xff"
    assert not is_headerless(SPEECH * 10 + NO_DATA * (PROOF_FRAMES - 11) + rubbish)
    assert is_headerless(SPEECH * 10 + NO_DATA * (PROOF_FRAMES - 10) + rubbish)
    data = SPEECH * 5 + NO_DATA * (16 << 20)
    started = time.thread_time()
    assert is_headerless(data)
    assert time.thread_time() - started < 0.5


@given(st.sampled_from([NB, WB]), st.binary(max_size=3000))
def test_any_bytes_after_the_magic_are_read_or_refused(magic: bytes, body: bytes) -> None:
    try:
        track = read_amr(magic + body, 1)
    except (BadAudio, AudioTooLong):
        return
    again = read_amr(track.storage(with_pauses=True), 1)
    assert again == track


@given(st.binary(max_size=3000))
def test_any_bytes_are_or_are_not_bare_frames(data: bytes) -> None:
    if is_headerless(data):
        assert b"".join(read_headerless(data, 120).frames) == data
