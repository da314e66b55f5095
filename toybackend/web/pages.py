"""The pages: the family's app at `/`, the web toy at `/toy`, the operator's page at `/operator`.

They are plain files that a browser takes as they are. All of them are read once at start and kept in memory, packed.
Scripts, styles and pictures are served below `/assets/<digest of all of them>/`: a browser may keep them for ever,
because a changed file has another address, and relative imports stay within one release. The few files that must keep
their address name that folder as `{{assets}}` and are asked for again each time.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aiohttp import hdrs, web

import toybackend
from toybackend.errors import NotFound
from toybackend.web.addresses import addresses
from toybackend.web.routing import Route, Who

FOLDERS = ("web_app", "web_common", "web_operator", "web_toy")
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}
"""What is served below `/assets/`."""
PACKED = frozenset({".js", ".css", ".svg", ".html", ".webmanifest"})
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"

_IMPORT = re.compile(r"""(?:^|;)\s*(?:import|export)\b[^"';()]*["'](\.[^"']+\.js)["']""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it goes over the wire."""

    content_type: str
    plain: bytes
    packed: bytes | None
    """With gzip, where that makes it smaller."""
    etag: str


@dataclass(frozen=True, slots=True)
class Pages:
    """Every file of the pages, in memory."""

    digest: str
    assets: Mapping[str, PageFile]
    """By path, such as `web_app/main.js`."""
    fixed: Mapping[str, PageFile]
    """By path too; `{{assets}}` and `{{modules}}` are filled in."""


PAGES = web.AppKey("pages", Pages)


def pages_folder() -> Path:
    """In a checkout they stand beside the package, in an installation within it."""
    package = Path(toybackend.__file__).parent
    beside = package.parent
    return beside if (beside / FOLDERS[0] / "index.html").is_file() else package / "pages"


def read_pages(folder: Path | None = None) -> Pages:
    """Read and pack all of them; takes some milliseconds of disk and processor."""
    root = folder or pages_folder()
    found = {str(PurePosixPath(file.relative_to(root))): file.read_bytes() for file in _files(root)}
    assets = {path: body for path, body in found.items() if PurePosixPath(path).suffix in TYPES}
    # Of the fixed files too: what they say decides which assets are asked for.
    digest = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:16]
    fixed = {path: _filled(path, body.decode(), digest, assets) for path, body in found.items() if _is_fixed(path)}
    return Pages(
        digest,
        {path: _page_file(path, body) for path, body in assets.items()},
        {path: _page_file(path, body) for path, body in fixed.items()},
    )


def _files(root: Path) -> list[Path]:
    return sorted(file for folder in FOLDERS for file in (root / folder).rglob("*") if file.is_file())


def _is_fixed(path: str) -> bool:
    return path.endswith((".html", ".webmanifest", "service_worker.js"))


def _filled(path: str, text: str, digest: str, assets: Mapping[str, bytes]) -> bytes:
    place = f"/assets/{digest}"
    if "{{modules}}" in text:
        main = str(PurePosixPath(path).parent / "main.js")
        # Low: the styles, and with them the first paint, go before the scripts.
        preload = '<link rel="modulepreload" fetchpriority="low" href="{}/{}">'
        links = "\n".join(preload.format(place, one) for one in _modules(main, assets))
        text = text.replace("{{modules}}", links)
    return text.replace("{{assets}}", place).encode()


def _modules(main: str, assets: Mapping[str, bytes]) -> list[str]:
    """The module and all that it needs at once, so that a browser asks for them at once and not one after the other."""
    seen: dict[str, None] = {main: None}
    for module in (waiting := [main]):
        for found in _IMPORT.findall(assets[module].decode()):
            path = str(PurePosixPath(*_resolved(PurePosixPath(module).parent / found)))
            if path not in seen and path in assets:
                seen[path] = None
                waiting.append(path)
    return list(seen)


def _resolved(path: PurePosixPath) -> list[str]:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return parts


def _page_file(path: str, body: bytes) -> PageFile:
    suffix = PurePosixPath(path).suffix
    kind = TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/manifest+json")
    packed = gzip.compress(body, 9, mtime=0) if suffix in PACKED else None
    is_smaller = packed is not None and len(packed) < len(body)
    return PageFile(kind, body, packed if is_smaller else None, hashlib.sha256(body).hexdigest()[:32])


# ── routes ──


async def get_app(request: web.Request) -> web.Response:
    """The family's app."""
    return _page(request, "web_app/index.html", microphone=True, camera=True)


async def get_toy_page(request: web.Request) -> web.Response:
    """A toy in the browser."""
    return _page(request, "web_toy/index.html", microphone=True, camera=False)


async def get_operator_page(request: web.Request) -> web.Response:
    """What the maker of the toys watches and does."""
    return _page(request, "web_operator/index.html", microphone=False, camera=False)


async def get_manifest(request: web.Request) -> web.Response:
    """What makes the app installable."""
    return _answer(request, request.app[PAGES].fixed["web_app/manifest.webmanifest"], ASK_AGAIN)


async def get_service_worker(request: web.Request) -> web.Response:
    """It opens the app without a network. Here, because a worker's reach is the folder it comes from."""
    return _answer(request, request.app[PAGES].fixed["web_app/service_worker.js"], ASK_AGAIN)


async def get_asset(request: web.Request) -> web.Response:
    """A script, a style or a picture of the pages. Of an older release: not found, the page loads itself again."""
    pages, wanted = request.app[PAGES], request.match_info
    found = pages.assets.get(wanted["asset_path"])
    if found is None or wanted["assets_digest"] != pages.digest:
        raise NotFound
    return _answer(request, found, FOR_EVER)


def _page(request: web.Request, path: str, *, microphone: bool, camera: bool) -> web.Response:
    response = _answer(request, request.app[PAGES].fixed[path], ASK_AGAIN)
    response.headers["Content-Security-Policy"] = _policy(addresses(request).ws_url)
    allowed = {"microphone": microphone, "camera": camera, "geolocation": False}
    response.headers["Permissions-Policy"] = ", ".join(
        f"{name}={'(self)' if yes else '()'}" for name, yes in allowed.items()
    )
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


def _policy(ws_url: str) -> str:
    """Content Security Policy Level 3: nothing from anywhere else, nothing inline, nobody frames us."""
    socket = "/".join(ws_url.split("/")[:3])
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            f"connect-src 'self' {socket}",
            "manifest-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _answer(request: web.Request, file: PageFile, keep: str) -> web.Response:
    packs = file.packed is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
    headers = {hdrs.CACHE_CONTROL: keep, hdrs.VARY: hdrs.ACCEPT_ENCODING}
    tag = f"{file.etag}-gz" if packs else file.etag
    is_known = any(one.value in (tag, "*") for one in request.if_none_match or ())
    response = web.Response(status=304 if is_known else 200, headers=headers)
    response.etag = tag
    if not is_known:
        response.body = file.packed if packs else file.plain
        response.content_type = file.content_type
        response.charset = "utf-8" if file.content_type.startswith("text/") else None
        if packs:
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    return response


ROUTES = (
    Route(method="GET", path="/", handler=get_app, who=Who.ANYONE, media="text/html"),
    Route(method="GET", path="/toy", handler=get_toy_page, who=Who.ANYONE, media="text/html"),
    Route(method="GET", path="/operator", handler=get_operator_page, who=Who.ANYONE, media="text/html"),
    Route(
        method="GET",
        path="/manifest.webmanifest",
        handler=get_manifest,
        who=Who.ANYONE,
        media="application/manifest+json",
    ),
    Route(method="GET", path="/service_worker.js", handler=get_service_worker, who=Who.ANYONE, media="text/javascript"),
    Route(
        method="GET",
        path="/assets/{assets_digest}/{asset_path}",
        handler=get_asset,
        who=Who.ANYONE,
        media="application/octet-stream",
        refuses=(NotFound,),
    ),
)
