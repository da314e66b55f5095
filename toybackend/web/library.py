"""Songs and stories: the operator's shelf, and people's own recordings.

What comes in is `multipart/form-data`, taken piece by piece as it comes and never held as a whole. The answer does not
wait for the conversion: an item is `converting` until it is `ready` or `failed`, and says how far it is.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Annotated, TypeVar

import msgspec
from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.multipart import BadContentDispositionHeader, BadContentDispositionParam

from toybackend.errors import (
    AudioTooLarge,
    BadImage,
    EmptyAudio,
    MissingField,
    NotAllowed,
    NotFound,
    RateLimited,
    TooLong,
    TooMany,
)
from toybackend.models import Item, ItemId, ItemState, ShelfKind
from toybackend.ports import Incoming, Wanted
from toybackend.protocol import misfit, rfc3339
from toybackend.services.library import Library, Offered
from toybackend.web.audio import HEADERS
from toybackend.web.rooms import ROOMS
from toybackend.web.routing import API, PATTERNS, Route, Who, body, caller, path_id, query

CHUNK = 64 << 10
"""Bytes of a file taken at once."""
IDLE_SECONDS = 30.0
"""How long nothing may come; then 408."""
UPLOAD_SECONDS = 1800.0
"""How long the whole may take; then 408."""
MOST_TITLE = 120
MOST_CATEGORY = 40
MOST_WORD = 4 * MOST_TITLE
"""Bytes of a field that is no file."""
FILES = frozenset({"audio", "cover"})
PICTURES = ("image/jpeg", "image/png", "image/webp")
PAGE = 200

ODD_PARTS = (BadContentDispositionHeader, BadContentDispositionParam)
"""What aiohttp warns of, and `make_web_app` makes it raise: a warning would quote in our log what a stranger sent."""
BROKEN = (
    ConnectionError,
    web.RequestPayloadError,
    ValueError,
    LookupError,
    RuntimeError,
    AssertionError,
    HttpProcessingError,
    *ODD_PARTS,
)
"""What aiohttp raises for a body that is not what it says, or ends too soon; it has no name of its own for that."""

T = TypeVar("T")
# No control characters, and something to be seen: a title is shown, searched for and read aloud.
_LETTER = r"[^\x00-\x1f\x7f-\x9f]"
_SEEN = r"[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
Title = Annotated[str, msgspec.Meta(max_length=MOST_TITLE, pattern=rf"\A{_LETTER}*{_SEEN}{_LETTER}*\Z")]
Category = Annotated[str, msgspec.Meta(max_length=MOST_CATEGORY, pattern=rf"\A{_LETTER}*\Z")]
Audio = Annotated[
    bytes, msgspec.Meta(extra_json_schema={"contentMediaType": "application/octet-stream", "minLength": 1})
]
Picture = Annotated[bytes, msgspec.Meta(extra_json_schema={"contentMediaType": ", ".join(PICTURES)})]


class About(msgspec.Struct, frozen=True, kw_only=True):
    """All that comes with a song but the song."""

    title: Title
    category: Category = ""
    shelf: ShelfKind = ShelfKind.OWN
    """`shared` is for operators."""
    cover: Picture = b""
    """JPEG, PNG or WebP. A form without a picture may send one without bytes."""


class Upload(About, frozen=True, kw_only=True, forbid_unknown_fields=True):
    audio: Audio
    """MP3, M4A or AAC, WAV, Ogg or Opus, FLAC, or whatever a phone or a browser records."""


class ItemQuery(msgspec.Struct, frozen=True, kw_only=True):
    search: Annotated[str, msgspec.Meta(max_length=MOST_TITLE)] = ""
    """Part of the title, in any case."""
    category: Annotated[str, msgspec.Meta(max_length=MOST_CATEGORY, pattern=r"\A[^\x00]*\Z")] = ""
    shelf: ShelfKind | None = None
    after: Annotated[str, msgspec.Meta(pattern=rf"\A{PATTERNS['id']}\Z")] | None = None
    """The last item of the page before."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE)] = PAGE


class ItemChange(msgspec.Struct, frozen=True, kw_only=True):
    title: Title | None = None
    category: Category | None = None


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    category: str
    shelf: ShelfKind
    is_mine: bool
    """The reader's own recording."""
    state: ItemState
    progress: int
    """Of the conversion, in percent."""
    failure: str | None
    """The code of what was wrong with it."""
    duration_ms: int | None
    added_at: str
    has_cover: bool
    url: str | None
    """Where the reader can hear it, once it is ready."""


class ItemList(msgspec.Struct, frozen=True):
    items: tuple[ItemView, ...]


# ── in ──


async def add_item(request: web.Request) -> ItemView:
    """Send a song or a story, with a title and a cover if you like. It is converted after the answer: look at the item
    to see how far it is. On the shared shelf only operators may put something."""
    library = request.app[ROOMS].library
    async with library.receive(caller(request)) as blob:
        about = await _receive(request, library, blob)
        offered = Offered(about.title.strip(), about.category.strip(), about.shelf, about.cover or None)
        item = await library.add(caller(request), offered, blob)
    return _view(request, item)


async def _receive(request: web.Request, library: Library, blob: Incoming) -> About:
    """The fields; the audio goes into the blob. Raises MissingField, TooLong, AudioTooLarge or Overloaded."""
    if not _is_form(request):
        raise MissingField("the body has to be multipart/form-data")
    found: dict[str, str | bytes] = {}
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            reader = await _in_time(request.multipart())
            while (part := await _in_time(reader.next())) is not None:
                name = part.name if isinstance(part, BodyPartReader) else None
                if name in found or name not in Upload.__struct_fields__:
                    raise MissingField("the fields are title, category, shelf, audio and cover, each once")
                assert isinstance(part, BodyPartReader)  # noqa: S101  # it has a name
                found[name] = await _take(name, part, library, blob)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    if "audio" not in found:
        raise MissingField("the audio is missing")
    try:
        return msgspec.convert(found, type=About, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise misfit(error) from None


def _is_form(request: web.Request) -> bool:
    try:
        return request.content_type == "multipart/form-data"
    except ValueError:  # a parameter in a character set that its bytes are not in
        return False


async def _take(name: str, part: BodyPartReader, library: Library, blob: Incoming) -> str | bytes:
    """One field."""
    whole = bytearray()
    while not part.at_eof():
        data = await _in_time(part.read_chunk(CHUNK))
        if name == "audio":
            await library.take(blob, data)
            continue
        whole += data
        if name == "cover":
            library.check_cover(len(whole))
        elif len(whole) > MOST_WORD:
            raise TooLong(f"{name} has at most {MOST_WORD} bytes")
    if name in FILES:
        return bytes(whole)
    try:
        return whole.decode()
    except UnicodeDecodeError:
        raise MissingField(f"{name} is not UTF-8") from None


async def _in_time(coming: Awaitable[T]) -> T:
    """Something of the body. Raises MissingField where it is broken or ends too soon."""
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            return await coming
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except BROKEN:
        raise MissingField("the body came broken, or only in part") from None


# ── looking ──


async def list_items(request: web.Request) -> ItemList:
    """The shared shelf, one's own recordings and those of one's family, by title."""
    wanted = query(request, ItemQuery)
    found = await request.app[ROOMS].library.items(
        caller(request),
        Wanted(wanted.search, wanted.category, wanted.shelf),
        after=ItemId(wanted.after) if wanted.after else None,
        limit=wanted.limit,
    )
    return ItemList(tuple(_view(request, item) for item in found))


async def get_item(request: web.Request) -> ItemView:
    """One song or story, and how far its conversion is."""
    return _view(request, await request.app[ROOMS].library.item(caller(request), _item_id(request)))


async def get_cover(request: web.Request) -> web.Response:
    """The cover, at most 512 × 512, for whoever may hear the item."""
    cover = await request.app[ROOMS].library.cover(caller(request), _item_id(request))
    response = web.Response(body=cover, content_type="image/jpeg", headers=HEADERS)
    response.etag = tag = hashlib.sha256(cover).hexdigest()
    if any(known.value in (tag, "*") for known in request.if_none_match or ()):
        response.set_status(HTTPStatus.NOT_MODIFIED)
        response.body = None
    return response


# ── changing ──


async def change_item(request: web.Request) -> ItemView:
    """Give it another title or category. For whose recording it is; on the shared shelf for operators."""
    change = body(request, ItemChange)
    changed = await request.app[ROOMS].library.change(
        caller(request),
        _item_id(request),
        title=change.title.strip() if change.title is not None else None,
        category=change.category.strip() if change.category is not None else None,
    )
    return _view(request, changed)


async def remove_item(request: web.Request) -> None:
    """Remove it for everybody, sound and cover included."""
    await request.app[ROOMS].library.remove(caller(request), _item_id(request))


def _item_id(request: web.Request) -> ItemId:
    return ItemId(path_id(request, "item_id", "i"))


def _view(request: web.Request, item: Item) -> ItemView:
    library, reader = request.app[ROOMS].library, caller(request)
    return ItemView(
        id=item.id,
        title=item.title,
        category=item.category,
        shelf=ShelfKind.OWN if item.owner_id else ShelfKind.SHARED,
        is_mine=item.owner_id == reader.id,
        state=item.state,
        progress=library.progress(item),
        failure=item.failure,
        duration_ms=item.duration_ms,
        added_at=rfc3339(item.added_at),
        has_cover=item.has_cover,
        url=library.link(reader, item),
    )


ITEM = f"{API}/library/{{item_id}}"

ROUTES = (
    Route(
        method="POST",
        path=f"{API}/library",
        handler=add_item,
        who=Who.PERSON,
        upload=Upload,
        answer=ItemView,
        status=HTTPStatus.ACCEPTED,
        refuses=(NotAllowed, EmptyAudio, AudioTooLarge, BadImage, TooMany, RateLimited),
    ),
    Route(method="GET", path=f"{API}/library", handler=list_items, who=Who.PERSON, query=ItemQuery, answer=ItemList),
    Route(method="GET", path=ITEM, handler=get_item, who=Who.PERSON, answer=ItemView, refuses=(NotFound,)),
    Route(
        method="PATCH",
        path=ITEM,
        handler=change_item,
        who=Who.PERSON,
        body=ItemChange,
        answer=ItemView,
        refuses=(NotFound, NotAllowed),
    ),
    Route(method="DELETE", path=ITEM, handler=remove_item, who=Who.PERSON, refuses=(NotFound, NotAllowed)),
    Route(
        method="GET",
        path=f"{ITEM}/cover",
        handler=get_cover,
        who=Who.PERSON_OR_TOY,
        media="image/jpeg",
        refuses=(NotFound,),
    ),
)
