"""Covers of songs, drawn; and voices, cut out of the speech of `tests/clips`."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable

from PIL import Image, ImageDraw

from tests.browser.chromium import SPEECH

SIZE = 400
NIGHT, DAY, HONEY, PAPER, LEAF, SEA = "#2f3a63", "#bfe0ee", "#f4b740", "#fdf6e8", "#7fae6a", "#4d8fb5"
Draw = ImageDraw.ImageDraw


def cover(what: str) -> bytes:
    """A PNG of a moon, star, sun, boat or hill."""
    picture = Image.new("RGB", (SIZE, SIZE), NIGHT if what in ("moon", "star") else DAY)
    _DRAWINGS[what](ImageDraw.Draw(picture))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _moon(draw: Draw) -> None:
    draw.ellipse((110, 90, 310, 290), fill=HONEY)
    draw.ellipse((170, 70, 350, 250), fill=NIGHT)
    for x, y in ((90, 90), (320, 130), (280, 320), (70, 280)):
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=PAPER)


def _star(draw: Draw) -> None:
    for x, y, size in ((200, 200, 110), (80, 90, 26), (330, 100, 20), (320, 320, 30)):
        draw.regular_polygon((x, y, size), 4, fill=HONEY)
        draw.regular_polygon((x, y, size), 4, rotation=45, fill=HONEY)


def _sun(draw: Draw) -> None:
    for turn in range(0, 360, 30):
        draw.pieslice((70, 70, 330, 330), turn - 6, turn + 6, fill=HONEY)
    draw.ellipse((125, 125, 275, 275), fill=HONEY)
    draw.rectangle((0, 330, SIZE, SIZE), fill=LEAF)


def _boat(draw: Draw) -> None:
    draw.polygon(((205, 70), (205, 250), (320, 250)), fill=PAPER)
    draw.polygon(((190, 110), (190, 250), (110, 250)), fill=HONEY)
    draw.polygon(((80, 262), (330, 262), (285, 330), (125, 330)), fill="#8a5a3c")
    draw.rectangle((0, 318, SIZE, SIZE), fill=SEA)


def _hill(draw: Draw) -> None:
    draw.ellipse((260, 60, 330, 130), fill=HONEY)
    draw.ellipse((-140, 190, 260, 590), fill=LEAF)
    draw.ellipse((120, 240, 560, 680), fill="#5f9250")


_DRAWINGS: dict[str, Callable[[Draw], None]] = {"moon": _moon, "star": _star, "sun": _sun, "boat": _boat, "hill": _hill}


def voice(seconds: float) -> bytes:
    """A WAV of speech of this length; each length begins elsewhere, so that no two look alike."""
    with wave.open(str(SPEECH), "rb") as speech:
        shape, frames = speech.getparams(), speech.readframes(speech.getnframes())
    width, wanted = shape.sampwidth * shape.nchannels, int(seconds * shape.framerate)
    start = (wanted * 7 % shape.nframes) * width
    again = (frames[start:] + frames[:start]) * (wanted // shape.nframes + 1)
    file = io.BytesIO()
    with wave.open(file, "wb") as cut:
        cut.setparams(shape)
        cut.writeframes(again[: wanted * width])
    return file.getvalue()
