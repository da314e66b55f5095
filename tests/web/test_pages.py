"""The pages as they go over the wire: what a browser may keep, what it must ask for again, and what it may not do."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from tests.web.fakes import House
from tests.world import known_pages
from toybackend.web.pages import FOLDERS, Pages, pages_folder, read_pages

PAGES = ("/", "/toy", "/operator")


@pytest.fixture(scope="module")
def pages() -> Pages:
    return known_pages()


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_may_do_little(house: House, path: str) -> None:
    async with house.client.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert answer.headers["Cache-Control"] == "no-cache"
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert "unsafe" not in policy
    assert "*" not in policy
    assert rules["connect-src"].split() == ["'self'", "ws://toys.test:9528"]


async def test_only_pages_that_record_may_ask_for_the_microphone(house: House) -> None:
    found = {}
    for path in PAGES:
        async with house.client.get(path) as answer:
            found[path] = answer.headers["Permissions-Policy"].split(", ")[:2]
    assert found == {
        "/": ["microphone=(self)", "camera=(self)"],
        "/toy": ["microphone=(self)", "camera=()"],
        "/operator": ["microphone=()", "camera=()"],
    }


async def test_what_a_page_names_is_there_and_is_kept_for_ever(house: House) -> None:
    async with house.client.get("/") as answer:
        page = await answer.text()
    assert "{{" not in page
    named = set(re.findall(r'"(/assets/[^"]+)"', page))
    assert len(named) > 10
    for path in named:
        async with house.client.get(path) as answer:
            assert answer.status == 200, path
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


async def test_scripts_are_packed_for_whoever_can_unpack_them(house: House, pages: Pages) -> None:
    path = f"/assets/{pages.digest}/web_app/main.js"
    plain = pages.assets["web_app/main.js"].plain
    async with house.client.get(path, headers={"Accept-Encoding": "identity"}) as answer:
        assert await answer.read() == plain
        assert answer.content_type == "text/javascript"
        assert "Content-Encoding" not in answer.headers
    house.client.session._auto_decompress = False
    async with house.client.get(path, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await answer.read()) == plain


async def test_a_page_that_is_known_is_not_sent_again(house: House) -> None:
    async with house.client.get("/") as answer:
        tag = answer.headers["ETag"]
    async with house.client.get("/", headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (304, b"")
        assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/assets/0123456789abcdef/web_app/main.js",
        "/assets/{digest}/web_app/none.js",
        "/assets/{digest}/web_app/index.html",
        "/assets/{digest}/toybackend/app.py",
        "/assets/{digest}/web_app/../pyproject.toml",
        "/assets/{digest}/web_app/%2e%2e/%2e%2e/pyproject.toml",
    ],
)
async def test_nothing_else_is_there(house: House, pages: Pages, path: str) -> None:
    async with house.client.get(path.format(digest=pages.digest)) as answer:
        assert answer.status == 404


async def test_the_manifest_and_the_worker_keep_their_address(house: House, pages: Pages) -> None:
    async with house.client.get("/manifest.webmanifest") as answer:
        assert answer.content_type == "application/manifest+json"
        manifest = await answer.json(content_type=None)
    assert all(icon["src"].startswith(f"/assets/{pages.digest}/web_app/icons/") for icon in manifest["icons"])
    assert {icon["src"].split("/", 3)[3] for icon in manifest["icons"]} <= pages.assets.keys()
    async with house.client.get("/service_worker.js") as answer:
        assert answer.content_type == "text/javascript"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert f'"/assets/{pages.digest}"' in await answer.text()


def test_they_are_what_stands_in_the_folders(pages: Pages) -> None:
    assert pages.assets["web_common/base.css"].plain == (pages_folder() / "web_common" / "base.css").read_bytes()
    assert {path.partition("/")[0] for path in pages.assets} <= set(FOLDERS)


def test_one_changed_letter_gives_every_asset_another_address(tmp_path: Path) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "index.html").write_text("{{assets}} {{modules}}")
        (tmp_path / folder / "main.js").write_text("")
    before = read_pages(tmp_path).digest
    (tmp_path / "web_toy" / "index.html").write_text("{{assets}} {{modules}}!")
    assert read_pages(tmp_path).digest != before


def test_a_page_names_every_module_that_its_scripts_import_at_once(tmp_path: Path) -> None:
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    (tmp_path / "web_app" / "index.html").write_text("{{modules}}")
    (tmp_path / "web_app" / "main.js").write_text(
        'import { a } from "./a.js";\nimport {\n  b,\n  c,\n} from "../web_common/b.js";\nawait import("./later.js");\n'
    )
    (tmp_path / "web_app" / "a.js").write_text('import "../web_common/b.js";')
    (tmp_path / "web_app" / "later.js").write_text("")
    # As packed libraries write it.
    (tmp_path / "web_common" / "b.js").write_text('import{x as t}from"./c.js";export{y}from"./d.js";')
    for name in "cd":
        (tmp_path / "web_common" / f"{name}.js").write_text("")
    pages = read_pages(tmp_path)
    page = pages.fixed["web_app/index.html"].plain.decode()
    assert re.findall(rf"/assets/{pages.digest}/([^\"]+)", page) == [
        "web_app/main.js",
        "web_app/a.js",
        "web_common/b.js",
        "web_common/c.js",
        "web_common/d.js",
    ]


def test_nothing_in_the_pages_comes_from_elsewhere(pages: Pages) -> None:
    """Addresses in our own files; libraries name their homes in comments."""
    foreign = re.compile(rb"""(?<!xmlns=)["'(]\s*(?:https?:)?//[a-z0-9]""", re.IGNORECASE)
    ours = {path: file for path, file in {**pages.assets, **pages.fixed}.items() if "/vendor/" not in path}
    assert [path for path, file in ours.items() if foreign.search(file.plain)] == []
