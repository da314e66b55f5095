"""Makes bytes wrong, piece by piece: the way to most mistakes leads past a reader's first look, so most of a file
stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from trials.fuzz.shapes import Shape, with_number

ACTS = (1, 1, 1, 2, 3, 4)
"""Things that go wrong in one mutation."""
MEND = 0.8
"""How often the checksums are set right again; left wrong, a reader may look no further."""
REPEATS = (2, 3, 10, 100, 1000)
MOST_REPEATED_BYTES = 64 << 10

ShapeOf = Callable[[bytes], Shape]
Act = Callable[[list[bytes], int, Random, Shape], None]
"""Changes the pieces, the one at this place above all."""


def mutated(data: bytes, dice: Random, shape_of: ShapeOf, others: Sequence[bytes], most_bytes: int) -> bytes:
    """The same with a few things wrong; parts of `others` may be in it then."""
    if not data or dice.random() < 0.01:
        data = dice.choice(others)
    shape = shape_of(data)
    pieces = shape.split(data)
    for _ in range(dice.choice(ACTS)):
        if not pieces or dice.random() < 0.08:
            _join(pieces, dice, shape, dice.choice(others))
        else:
            dice.choice(_ACTS)(pieces, _place(pieces, dice), dice, shape)
    made = b"".join(pieces)[:most_bytes]
    return shape.mend(made)[:most_bytes] if dice.random() < MEND else made


def _place(pieces: Sequence[bytes], dice: Random) -> int:
    """Any of them; half the time one of the first, for what all others depend on stands there."""
    return dice.randrange(min(len(pieces), 6) if dice.random() < 0.5 else len(pieces))


def _join(pieces: list[bytes], dice: Random, shape: Shape, other: bytes) -> None:
    """Another file, or a part of it, put in somewhere."""
    parts = shape.split(other)
    start = dice.randrange(len(parts) or 1)
    at = dice.randrange(len(pieces) + 1)
    pieces[at:at] = parts if dice.random() < 0.3 else parts[start : start + dice.choice((1, 1, 2, 8))]


def _damage(pieces: list[bytes], at: int, dice: Random, shape: Shape) -> None:
    pieces[at] = shape.damage(pieces[at], dice)


def _drop(pieces: list[bytes], at: int, dice: Random, shape: Shape) -> None:
    del pieces[at : at + dice.choice((1, 1, 2, 5))]


def _repeat(pieces: list[bytes], at: int, dice: Random, shape: Shape) -> None:
    most = MOST_REPEATED_BYTES // (len(pieces[at]) or 1)
    pieces[at : at + 1] = [pieces[at]] * min(dice.choice(REPEATS), max(2, most))


def _swap(pieces: list[bytes], at: int, dice: Random, shape: Shape) -> None:
    other = dice.randrange(len(pieces))
    pieces[at], pieces[other] = pieces[other], pieces[at]


def _overwrite(pieces: list[bytes], at: int, dice: Random, shape: Shape) -> None:
    pieces[at] = with_number(pieces[at], dice)


def _flip(pieces: list[bytes], at: int, dice: Random, shape: Shape) -> None:
    piece = bytearray(pieces[at])
    for _ in range(dice.choice((1, 1, 4, 32)) if piece else 0):
        piece[dice.randrange(len(piece))] ^= 1 << dice.randrange(8)
    pieces[at] = bytes(piece)


def _insert(pieces: list[bytes], at: int, dice: Random, shape: Shape) -> None:
    size = dice.choice((1, 2, 4, 16, 100))
    pieces.insert(at, dice.randbytes(size) if dice.random() < 0.7 else bytes([dice.getrandbits(8)]) * size)


def _cut(pieces: list[bytes], at: int, dice: Random, shape: Shape) -> None:
    """The end is missing."""
    pieces[at:] = [pieces[at][: dice.randrange(len(pieces[at]) + 1)]]


_ACTS: tuple[Act, ...] = (
    *[_damage] * 8,
    *[_flip, _overwrite] * 2,
    _drop,
    _repeat,
    _swap,
    _insert,
    _cut,
)
