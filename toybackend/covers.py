"""Pictures from strangers become small, plain JPEGs. Blocking, and costly for large ones; called in a thread.

Only three kinds are taken, by content; how many pixels there are is looked at before any of them is unpacked; and what
is stored is painted anew, so that nothing but the pixels comes out: no place, no camera, no thumbnail of the uncropped
picture.
"""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from toybackend.errors import BadImage

MOST_PIXELS = 24_000_000
"""Of the picture that comes; unpacked it takes four bytes for each."""
SIDE = 512
"""Longest side of a cover in pixels."""
QUALITY = 85

_FORMATS = ("JPEG", "PNG", "WEBP")


def make_cover(picture: bytes) -> bytes:
    """A JPEG of at most 512 × 512, upright, in the proportions of the original. Raises BadImage."""
    try:
        with Image.open(io.BytesIO(picture), formats=_FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise BadImage(f"the picture has more than {MOST_PIXELS} pixels")
            opened.thumbnail((SIDE, SIDE))
            return _painted(ImageOps.exif_transpose(opened).convert("RGBA"))
    except BadImage:
        raise
    except Exception as error:
        # A decoder that is handed rubbish stumbles in many ways; none of them is ours.
        raise BadImage from error


def _painted(picture: Image.Image) -> bytes:
    """The pixels on a sheet of white, and nothing else."""
    sheet = Image.new("RGB", picture.size, "white")
    sheet.paste(picture, mask=picture)
    jpeg = io.BytesIO()
    sheet.save(jpeg, "JPEG", quality=QUALITY)
    return jpeg.getvalue()
