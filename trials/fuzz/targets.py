"""Every parser that reads strangers' bytes, with its oracle and what it is fed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from random import Random

import msgspec
from PIL import Image

from trials.fuzz import sound, wire
from trials.fuzz.judging import Target
from trials.fuzz.mutation import ShapeOf
from trials.fuzz.seeds import amr, bare_frames, boxes, grown, recordings, small_recordings
from trials.fuzz.shapes import ADTS, Shape, shape_of
from trials.fuzz.texts import Json, Text
from trials.fuzz.words import (
    FORM_WORDS,
    FORMS,
    FRAME,
    FRAMES,
    HEADER_WORDS,
    HEADERS,
    LIST_WORDS,
    LISTS,
    NOISE,
    SERVER_FRAME,
    SERVER_FRAMES,
    VALUES,
    strings,
)


@cache
def _stories() -> tuple[bytes, ...]:
    """Of one socket each: headers, blobs, texts and mistakes, one in a line."""
    dice = Random(1)
    lines = (*FRAMES, *[wire.BLOB] * 8)
    return tuple(b"\n".join(dice.choice(lines) for _ in range(dice.randrange(2, 20))) for _ in range(60))


_BODY_STRINGS = strings(
    "t_a p_b c_d g_e i_f m_g 0123456789abcdef0123456789abcdef en Europe/Berlin 19:00 24:00 2026-1 anna bear"
)
_BODY_VALUES = (
    *_BODY_STRINGS,
    b"1",
    b"true",
    b'["t_a"]',
    b'["mon"]',
    b'[{"days":["mon"],"start":"19:00","end":"07:00"}]',
)


@cache
def _bodies() -> tuple[bytes, ...]:
    """For every model of a route a body that fits it, and one that has everything twice."""
    made = list[bytes]()
    for number, model in enumerate(wire.MODELS):
        pairs = [b'"%b":%b' % (name.encode(), _fitting(model, name)) for name in model.__struct_fields__]
        made += [bytes([number]) + b"{" + b",".join(some) + b"}" for some in (pairs, pairs * 2, pairs[:1])]
    return tuple(made)


def _fitting(model: type[msgspec.Struct], name: str) -> bytes:
    """The first value that this field takes."""
    return next((value for value in _BODY_VALUES if wire.takes(model, name, value)), b"null")


@cache
def _body_json() -> Json:
    names = sorted({name for model in wire.MODELS for name in model.__struct_fields__})
    return Json(strings(" ".join(names)), (*VALUES, *_BODY_VALUES), NOISE)


@cache
def _pictures() -> tuple[bytes, ...]:
    made = []
    for kind, options in (("PNG", {}), ("JPEG", {}), ("WEBP", {}), ("JPEG", {"progressive": True})):
        for mode in ("RGB", "L"):
            file = io.BytesIO()
            Image.linear_gradient("L").resize((24, 16)).convert(mode).save(file, kind, **options)
            made.append(file.getvalue())
    return tuple(made)


def _sounds() -> Sequence[bytes]:
    return (*small_recordings(), *grown())


def _amr_files() -> Sequence[bytes]:
    dice = Random(1)
    made = [make(dice) for make in (amr, bare_frames) for _ in range(60)]
    return (*made, *(data[:3000] for name, data in recordings().items() if name.endswith((".amr", ".awb"))))


def _mp4_files() -> Sequence[bytes]:
    dice = Random(1)
    return (*(boxes(dice) for _ in range(60)), *(data for data in small_recordings() if data[4:8] == b"ftyp"))


def _mpeg_files() -> Sequence[bytes]:
    files = [data[:2500] for name, data in recordings().items() if name.endswith((".mp3", ".aac"))]
    ours = bytes.fromhex("fff348c4") + bytes(140)
    return (*files, ours * 5, ours, b"ID3\4\0\0\0\0\1\2" + bytes(130) + ours * 3)


def _after_a_stranger() -> Sequence[bytes]:
    return tuple(bytes([number % 64]) + data[:1500] for number, data in enumerate(_sounds()))


def _always(shape: Shape) -> ShapeOf:
    return lambda data: shape


def _body_shape(data: bytes) -> Shape:
    return _body_json()


def _mpeg_shape(data: bytes) -> Shape:
    return ADTS if data[:1] == b"\xff" and len(data) > 1 and data[1] & 6 == 0 else shape_of(data)


TARGETS = (
    Target(
        name="amr",
        check=sound.check_amr,
        reads=["toybackend.transcoder.amr"],
        seeds=_amr_files,
        shape_of=shape_of,
        share=14,
    ),
    Target(
        name="body",
        check=wire.check_body,
        reads=["toybackend.web.bodies"],
        seeds=_bodies,
        shape_of=_body_shape,
        share=8,
        stretched_bytes=64 << 10,  # no body is larger
    ),
    Target(
        name="client-frame",
        check=wire.check_client_frame,
        reads=["toybackend.protocol"],
        seeds=lambda: FRAMES,
        shape_of=_always(FRAME),
        share=10,
    ),
    Target(
        name="cover",
        check=wire.check_cover,
        reads=["toybackend.covers", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin"],
        seeds=_pictures,
        shape_of=shape_of,
        share=2,
        seconds=3.0,  # what says that it is large is unpacked, up to so many pixels
    ),
    Target(
        name="form",
        check=wire.check_form,
        reads=["toybackend.web.library", "aiohttp.multipart"],
        seeds=lambda: FORMS,
        shape_of=_always(Text(FORM_WORDS)),
        share=4,
    ),
    Target(
        name="headers",
        check=wire.check_headers,
        reads=[
            "toybackend.gateway.server",
            "toybackend.web.addresses",
            "toybackend.web.authentication",
            "toybackend.web.client_address",
            "toybackend.web.mp3",
            "toybackend.web.prompts",
        ],
        seeds=lambda: HEADERS,
        shape_of=_always(Text(HEADER_WORDS)),
        share=6,
    ),
    Target(
        name="licences",
        check=wire.check_licences,
        reads=["toybackend.commands.licence_lists", "toybackend.client.licence"],
        seeds=lambda: LISTS,
        shape_of=_always(Text(LIST_WORDS)),
        share=3,
    ),
    Target(
        name="mp4",
        check=sound.check_mp4,
        reads=["toybackend.transcoder.mp4"],
        seeds=_mp4_files,
        shape_of=shape_of,
        share=10,
    ),
    Target(
        name="mpeg",
        check=sound.check_mpeg,
        reads=["toybackend.transcoder.mpeg_audio"],
        seeds=_mpeg_files,
        shape_of=_mpeg_shape,
        share=8,
    ),
    Target(
        name="server-frame",
        check=wire.check_server_frame,
        reads=["toybackend.protocol"],
        seeds=lambda: SERVER_FRAMES,
        shape_of=_always(SERVER_FRAME),
        share=5,
    ),
    Target(
        name="sniff",
        check=sound.check_sniff,
        reads=["toybackend.transcoder.sniffing", "toybackend.transcoder.mpeg_audio", "toybackend.transcoder.amr"],
        seeds=_sounds,
        shape_of=shape_of,
        share=12,
    ),
    Target(
        name="strangers",
        check=sound.check_strangers,
        reads=["toybackend.transcoder.sniffing", "toybackend.transcoder.mpeg_audio", "toybackend.transcoder.amr"],
        seeds=_after_a_stranger,
        shape_of=shape_of,
        share=4,
    ),
    Target(
        name="upload",
        check=wire.check_upload,
        reads=["toybackend.upload", "toybackend.protocol", "trials.fuzz.listener"],
        seeds=_stories,
        shape_of=_always(FRAME),
        share=14,
        most_bytes=1500,
        stretched_bytes=32 << 10,
    ),
)
"""Their shares make a hundred."""


def target_of(name: str) -> Target:
    """Raises KeyError."""
    return {target.name: target for target in TARGETS}[name]
