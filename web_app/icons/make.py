"""Draws the app's icons as PNG, as systems want them, from `icon.svg`.

    python web_app/icons/make.py

Run by hand after the drawing changed; the results are committed and shipped. Needs Chromium.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
HERE = Path(__file__).parent
ROUNDED = 'viewBox="0 0 48 48">\n<rect width="48" height="48" rx="10.5"'
SQUARE = 'viewBox="-3 -3 54 54">\n<rect x="-3" y="-3" width="54" height="54"'
"""For systems that cut their own shape out of a maskable icon: ground up to the corners, and the head so small that it
stays within the inner 80 %, which no shape cuts off."""


def draw(page: Page, drawing: str, name: str, side: int) -> None:
    """Write `drawing` into `name`, as a picture of `side` × `side` pixels that is clear where nothing is drawn."""
    page.set_viewport_size({"width": side, "height": side})
    page.set_content(f"<style>body {{ margin: 0 }} svg {{ display: block; width: {side}px }}</style>{drawing}")
    page.screenshot(path=HERE / name, omit_background=True)


def main() -> None:
    rounded = (HERE / "icon.svg").read_text()
    square = rounded.replace(ROUNDED, SQUARE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        draw(page, rounded, "icon-192.png", 192)
        draw(page, rounded, "icon-512.png", 512)
        draw(page, square, "icon-maskable-512.png", 512)
        browser.close()


if __name__ == "__main__":
    main()
