"""Spoken prompts: those we ship, and those of the operator's folder in their place, file by file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

import toybackend
from toybackend.errors import NotFound
from toybackend.web.mp3 import Mp3Response
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, Route, Who

SHIPPED = Path(toybackend.__file__).parent / "prompts"
LAST_RESORT = "en"
MOST_LANGUAGES = 8
"""Languages of one `Accept-Language` that are tried; nobody speaks more."""

_LANGUAGE = re.compile(r"[a-z]{2,3}")
_LANGUAGE_RANGE = re.compile(r"\s*([A-Za-z]{2,3})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that can be played."""

    file: Path
    lang: str


async def get_prompt(request: web.Request) -> web.StreamResponse:
    """`GET /api/v1/prompts/{name}.mp3?lang=`. Raises NotFound."""
    prompt = await find_prompt(request, request.match_info["name"])
    if prompt is None:
        raise NotFound
    headers = {
        "Cache-Control": "public, max-age=3600",
        "Content-Language": prompt.lang,
        "Vary": "Accept-Language",
    }
    return Mp3Response(prompt.file, headers)


async def find_prompt(request: web.Request, name: str) -> Prompt | None:
    """The prompt of this name in the language that suits the request best."""
    return await asyncio.to_thread(_find, _folders(request), name, wanted_languages(request))


async def languages(request: web.Request) -> list[str]:
    """Every language that some prompt exists in, sorted."""
    return await asyncio.to_thread(lambda: sorted(set(_languages(_folders(request)))))


def wanted_languages(request: web.Request) -> list[str]:
    """Primary language subtags (RFC 5646), best first: `?lang=`, `Accept-Language`, the setting."""
    asked = _primary(request.query.get("lang", ""))
    accepted = _accepted(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""))
    return [lang for lang in (asked, *accepted, request.app[ROOMS].settings.service.lang, LAST_RESORT) if lang]


def _primary(tag: str) -> str:
    """`zh-CN` → `zh`; empty for what is no language tag, so that it never becomes a path."""
    primary = tag.replace("_", "-").partition("-")[0].lower()
    return primary if _LANGUAGE.fullmatch(primary) else ""


def _accepted(header: str) -> list[str]:
    """`Accept-Language` (RFC 9110 section 12.5.4) by falling weight; what cannot be read is passed over."""
    ranges = [found for part in header.split(",") if (found := _LANGUAGE_RANGE.fullmatch(part))]
    weighted = [(float(found[2] or 1), found[1].lower()) for found in ranges]
    weighted.sort(key=lambda pair: -pair[0])
    return [lang for weight, lang in weighted if weight > 0][:MOST_LANGUAGES]


def _folders(request: web.Request) -> Sequence[Path]:
    """Where prompts are looked for, the operator's folder first."""
    own = request.app[ROOMS].settings.service.prompts_dir
    return (Path(own), SHIPPED) if own else (SHIPPED,)


def _find(folders: Sequence[Path], name: str, wanted: Sequence[str]) -> Prompt | None:
    for lang in wanted:
        for folder in folders:
            file = folder / lang / f"{name}.mp3"
            if file.is_file():
                return Prompt(file, lang)
    return None


def _languages(folders: Sequence[Path]) -> Iterator[str]:
    for folder in folders:
        for file in folder.glob("*/*.mp3"):
            if _LANGUAGE.fullmatch(file.parent.name):
                yield file.parent.name


ROUTES = (
    Route(
        method="GET",
        path=API + "/prompts/{name}.mp3",
        handler=get_prompt,
        who=Who.ANYONE,
        media="audio/mpeg",
        refuses=(NotFound,),
    ),
)
