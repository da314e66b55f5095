"""What one conversion may cost. The defaults suit a two-core machine and two-minute messages."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ConversionLimits:
    """Bounds on one clip and on every child process that works on it."""

    max_seconds: int = 120
    """Longest clip taken; anything longer is `AudioTooLong`."""
    deadline_seconds: float = 20.0
    """Wall time of one child process; then its whole process group is killed."""
    memory_bytes: int = 512 * MIB
    """Address space of one child (RLIMIT_AS). Shared libraries and thread stacks count, so far more than is touched."""
    input_bytes: int = 64 * MIB
    """Largest original read; two minutes of 24-bit stereo WAV at 48 kHz fit. The edges have their own, smaller cap."""
    output_bytes: int = 16 * MIB
    """Largest single file a child may write (RLIMIT_FSIZE); see `pcm_bytes`."""
    open_files: int = 64
    """File descriptors of one child (RLIMIT_NOFILE)."""
    nice: int = 5
    """Added niceness, so that sockets are answered before clips are converted."""


def pcm_bytes(seconds: int) -> int:
    """What a child writes while it decodes a clip of this length, with two seconds to tell that it is too long."""
    return (seconds + 2) * 32_000
