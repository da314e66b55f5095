"""Pictures from strangers become small, plain JPEGs."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from toybackend.covers import MOST_PIXELS, SIDE, make_cover
from toybackend.errors import BadImage

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def picture(width: int, height: int, kind: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return saved(image.convert(mode), kind, **options)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(cover: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(cover))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    return image


def colour(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """Of the pixel at this part of its width and height, roughly."""
    pixel = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    return tuple(round(value / 255) * 255 for value in pixel)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("size", "becomes"), [((1000, 500), (512, 256)), ((300, 900), (171, 512)), ((40, 30), (40, 30))]
)
def test_a_picture_becomes_a_small_jpeg(kind: str, size: tuple[int, int], becomes: tuple[int, int]) -> None:
    cover = opened(make_cover(picture(*size, kind)))
    assert cover.size == pytest.approx(becomes, abs=1)
    assert max(cover.size) <= SIDE
    assert (colour(cover, 0.2, 0.5), colour(cover, 0.8, 0.5)) == (RED, BLUE)


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "L"), ("PNG", "P"), ("PNG", "1"), ("PNG", "RGBA"), ("PNG", "LA"), ("JPEG", "CMYK")]
)
def test_any_kind_of_pixels(kind: str, mode: str) -> None:
    assert opened(make_cover(picture(80, 60, kind, mode))).size == (80, 60)


def test_what_is_transparent_becomes_white() -> None:
    cover = opened(make_cover(saved(Image.new("RGBA", (60, 60), (255, 0, 0, 0)), "PNG")))
    assert colour(cover, 0.5, 0.5) == WHITE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_it_is_upright_and_says_nothing_about_where_it_was_taken(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8825)[2] = (51.0, 28.0, 38.0)  # GPS latitude
    original = picture(400, 200, kind, exif=exif)
    assert b"A camera" in original
    made = make_cover(original)
    cover = opened(made)
    assert cover.size == (200, 400)
    assert (colour(cover, 0.5, 0.2), colour(cover, 0.5, 0.8)) == (RED, BLUE)
    assert not cover.getexif()
    assert set(cover.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"A camera" not in made
    assert b"Exif" not in made


def test_of_a_moving_picture_the_first_is_taken() -> None:
    first, second = Image.new("RGB", (50, 50), RED), Image.new("RGB", (50, 50), BLUE)
    for kind in ("PNG", "WEBP"):
        moving = saved(first, kind, save_all=True, append_images=[second])
        assert colour(opened(make_cover(moving)), 0.5, 0.5) == RED


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is this large, and holds no pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(MOST_PIXELS // 100, 101), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_that_says_it_is_huge_is_never_unpacked(size: tuple[int, int]) -> None:
    with pytest.raises(BadImage):
        make_cover(png_of(*size))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO"])
def test_other_kinds_are_refused(kind: str) -> None:
    with pytest.raises(BadImage):
        make_cover(picture(32, 32, kind))


@pytest.mark.parametrize(
    "junk",
    [b"", b"x", b"<svg xmlns='http://www.w3.org/2000/svg'/>", picture(200, 200, "JPEG")[:400], picture(200, 200)[:60]],
    ids=["nothing", "text", "svg", "half a jpeg", "half a png"],
)
def test_rubbish_is_refused(junk: bytes) -> None:
    with pytest.raises(BadImage):
        make_cover(junk)


@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.data())
def test_any_damage_is_refused_or_survived(kind: str, data: st.DataObject) -> None:
    whole = bytearray(picture(24, 24, kind))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadImage):
        assert opened(make_cover(bytes(whole)))
