"""Turns any recording into the one kind of MP3 that a toy plays. Start reading at `convert.py`.

convert.py      FfmpegTranscoder: the port; whose fault a failure is
job.py          one clip's way through ffmpeg
conversion.py   the steps that read, count and write files
arguments.py    the ffmpeg argument lists, pure
sniffing.py     what a file holds, by content   ┐
amr.py          RFC 4867 frames                 │ pure: bytes in, facts or a refusal out
mp4.py          ISO-BMFF boxes                  │
mpeg_audio.py   MP3 and ADTS frame headers      ┘
loudness.py     BS.1770 loudness, gain, waveform
pauses.py       silence where AMR pauses were
original.py     the file as it came, mapped and not read
progress.py     how far a child is
child.py        one child process within limits
sandbox.py      what it can reach: its folder, and nothing else
seccomp.py      the system calls it may make, pure
kernel.py       Landlock and seccomp of Linux
ffmpeg.py       which ffmpeg, what it can do, and what holds it
limits.py       what a conversion may cost
"""

from toybackend.transcoder.child import Outcome, Runner, run_child
from toybackend.transcoder.convert import FfmpegTranscoder
from toybackend.transcoder.ffmpeg import FoundFfmpeg, find_ffmpeg, sandbox_of
from toybackend.transcoder.limits import ConversionLimits, pcm_bytes
from toybackend.transcoder.sandbox import Sandbox

__all__ = [
    "ConversionLimits",
    "FfmpegTranscoder",
    "FoundFfmpeg",
    "Outcome",
    "Runner",
    "Sandbox",
    "find_ffmpeg",
    "pcm_bytes",
    "run_child",
    "sandbox_of",
]
