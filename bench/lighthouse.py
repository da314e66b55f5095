"""What Lighthouse says of each page, on the slow phone and network that it pretends (its default).

Three of the pages as a stranger first sees them, and the app as somebody who is logged in comes back to it. Goals:
performance, accessibility and best practices at least 95 of 100 everywhere; at `/` also the first contentful paint
within 1 s, and at most 100 KiB over the wire. Whatever else runs on the machine makes pages slower than they are, so
each is looked at several times, and the middle counts; `machine` is Lighthouse's own measure of how quick it was then
(a quiet desk has 1000 and more). The reports stay in the folder that is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from bench.server import PASSWORD, REPOSITORY, ServerProcess, running, settle

LIGHTHOUSE = (str(Path(sys.executable).parent / "node"), str(REPOSITORY / "node_modules" / ".bin" / "lighthouse"))
CATEGORIES = ("performance", "accessibility", "best-practices")
FIRST, CHATS = "/", "/#/chats"
PAGES = (FIRST, "/toy", "/operator", CHATS)
GOAL = 95
PAINT_MS = 1000
WIRE_BYTES = 102_400
TRIES = 3
"""On a machine that is short of breath Lighthouse loses its trace now and then."""
HEADLESS = ("--headless=new", "--no-sandbox", "--disable-gpu")


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a page gave."""

    scores: tuple[float, ...]
    """Of 100, in the order of `CATEGORIES`."""
    paint_ms: float
    wire_bytes: float
    machine: float
    """Lighthouse's `benchmarkIndex`."""


def read_report(report: Mapping[str, Any]) -> Look:
    scores = tuple(100 * (report["categories"][name]["score"] or 0) for name in CATEGORIES)
    audits = report["audits"]
    paint, wire = (audits[name]["numericValue"] for name in ("first-contentful-paint", "total-byte-weight"))
    return Look(scores, paint, wire, report["environment"]["benchmarkIndex"])


def middle(looks: Sequence[Look]) -> Look:
    """Of each number by itself."""
    scores = tuple(statistics.median(same) for same in zip(*(look.scores for look in looks), strict=True))
    others = zip(*((look.paint_ms, look.wire_bytes, look.machine) for look in looks), strict=True)
    return Look(scores, *map(statistics.median, others))


def is_good(page: str, look: Look) -> bool:
    is_quick = page != FIRST or (look.paint_ms <= PAINT_MS and look.wire_bytes <= WIRE_BYTES)
    return min(look.scores) >= GOAL and is_quick


def line(page: str, look: Look) -> str:
    scores = "".join(f"{score:15.0f}" for score in look.scores)
    return f"{page:12}{scores}{look.paint_ms:12.0f}{look.wire_bytes:10.0f}{look.machine:10.0f}"


async def look_at(url: str, file: Path, *further: str) -> Look:
    """One report, which is also kept in this file."""
    arguments = (
        "--output=json",
        f"--output-path={file}",
        f"--only-categories={','.join(CATEGORIES)}",
        "--no-enable-error-reporting",
        "--quiet",
        *further,
    )
    environment = {**os.environ, "CHROME_PATH": shutil.which("chromium") or "chromium"}
    for _ in range(TRIES):
        process = await asyncio.create_subprocess_exec(*LIGHTHOUSE, url, *arguments, env=environment)
        if await process.wait() == 0:
            return read_report(json.loads(await asyncio.to_thread(file.read_text, "utf-8")))
    raise RuntimeError(f"no report on {url}")


async def log_in(url: str, profile: Path) -> None:
    """Somebody comes in with a browser that keeps everything in this folder."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch_persistent_context(
            profile, executable_path=shutil.which("chromium"), args=list(HEADLESS)
        )
        page = await browser.new_page()
        await page.goto(url)
        await page.locator("#entrance-name").fill("person0")
        await page.locator("#entrance-password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.locator(".chats-row").first.wait_for()
        await browser.close()


async def look_at_page(server: ServerProcess, page: str, folder: Path, runs: int) -> Look:
    url, name = server.http_url + page, page.strip("/#").replace("/", "") or "app"
    files = [folder / f"{name}-{run}.json" for run in range(1, runs + 1)]
    flags = " ".join(HEADLESS)
    if page != CHATS:
        return middle([await look_at(url, file, f"--chrome-flags={flags}") for file in files])
    await log_in(server.http_url, profile := folder / "profile")
    further = (f"--chrome-flags={flags} --user-data-dir={profile}", "--disable-storage-reset")
    return middle([await look_at(url, file, *further) for file in files])


async def look_at_all(pages: Sequence[str], folder: Path, runs: int) -> bool:
    await settle(folder / "data", 1)
    async with running(server := ServerProcess(folder / "data", {"LOG_LEVEL": "WARNING"})):
        print(
            f"{'':12}"
            + "".join(f"{name:>15}" for name in CATEGORIES)
            + f"{'paint, ms':>12}{'bytes':>10}{'machine':>10}"
        )
        good = []
        for page in pages:
            look = await look_at_page(server, page, folder, runs)
            print(line(page, look), "" if is_good(page, look) else "  not good enough", flush=True)
            good.append(is_good(page, look))
    print(f"goal: {GOAL} and more; at {FIRST} {PAINT_MS} ms and {WIRE_BYTES} bytes; the reports are in {folder}")
    return all(good)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", default=PAGES, help=f"which to look at (default {' '.join(PAGES)})")
    parser.add_argument("--runs", type=int, default=3, help="looks at each, of which the middle counts (default 3)")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="toybackend-lighthouse-"))
    sys.exit(0 if asyncio.run(look_at_all(tuple(given.pages), folder, given.runs)) else 1)


if __name__ == "__main__":
    main()
