"""Where text comes apart: headers and lists into words, JSON into names with their values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from trials.fuzz.shapes import with_number

_WORD = re.compile(rb"[\w.+-]+|[^\S\n]+|.", re.DOTALL)
_STRING = rb'"(?:[^"\\]|\\.)*"'
_VALUE = rb"(?:%b|[\w.+-]+)" % _STRING
_PAIR = re.compile(rb"(\{?)(%b\s*:\s*)(%b)([,}]*)" % (_STRING, _VALUE))
_JSON = re.compile(rb"\{?%b\s*:\s*%b[,}]*|%b|[^\S\n]+|." % (_STRING, _VALUE, _VALUE), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Text:
    """Headers and lists: words and the signs between them."""

    words: Sequence[bytes]
    """What may stand there instead."""

    def split(self, data: bytes) -> list[bytes]:
        return _WORD.findall(data)

    def damage(self, piece: bytes, dice: Random) -> bytes:
        return dice.choice(self.words) if dice.random() < 0.8 else with_number(piece, dice)

    def mend(self, data: bytes) -> bytes:
        return data


@dataclass(frozen=True, slots=True)
class Json:
    """Objects: a name with its value is one piece, so that one more or less leaves an object."""

    names: Sequence[bytes]
    values: Sequence[bytes]
    noise: Sequence[bytes]
    """What is no value."""

    def split(self, data: bytes) -> list[bytes]:
        return _JSON.findall(data)

    def damage(self, piece: bytes, dice: Random) -> bytes:
        pair = _PAIR.fullmatch(piece)
        if pair is None:
            return dice.choice(self.noise if dice.random() < 0.5 else self.values)
        name, value = pair[2], pair[3]
        match dice.randrange(4):
            case 0:
                name = dice.choice(self.names) + b":"
            case 1:
                value = dice.choice(self.noise)
            case _:
                value = dice.choice(self.values)
        return pair[1] + name + value + pair[4]

    def mend(self, data: bytes) -> bytes:
        return data
