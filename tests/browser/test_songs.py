"""A song of the family's own, on demand: sent, converted, played on several toys at once, stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.chromium import SPEECH, Contexts, speak_again_and_again
from tests.browser.ear import heard, wait_for_sounds
from tests.browser.people import Parent, ToyTab, at_home, issue_licence
from tests.browser.restartable import Restartable

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

SONG = SPEECH.with_suffix(".mp3")


async def send_song(mum: Parent, file: Path) -> None:
    await mum.page.get_by_role("banner").get_by_role("button", name="Add a song or story").click()
    await mum.dialog.get_by_label("Choose a sound file").set_input_files(file)
    await mum.dialog.get_by_role("button", name="Send").click()
    await expect(mum.dialog).to_contain_text(f"“{file.stem}” stands on your shelf.")
    await mum.dialog.get_by_role("button", name="Done").click()


async def play_on(mum: Parent, title: str) -> None:
    await mum.page.get_by_role("button", name="Play on toys…").filter(has_text=title).click()


async def plays(toy: ToyTab, *, kind: str = "song") -> None:
    await expect(toy.page.locator("#toy")).to_have_attribute("data-playing", kind)


async def test_a_song_on_two_toys_at_once(browser_context: Contexts, server: Restartable, tmp_path: Path) -> None:
    mum = await Parent.settled(browser_context, server)
    browser = await browser_context()
    toys = []
    for name in ("Bear", "Fox"):
        toy = await ToyTab.open(await browser.new_page(), server, await issue_licence(server))
        await toy.switch_on()
        await mum.add_toy(await toy.code(), name)
        await toy.is_now("ready")
        toys.append(toy)
    await mum.own_toy("Owl")  # it is off

    await mum.go("songs")
    await send_song(mum, SONG)
    await play_on(mum, SONG.stem)
    for name, is_on in (("Bear", True), ("Fox", True), ("Owl", False)):
        await expect(mum.dialog.get_by_role("checkbox", name=name)).to_be_checked(checked=is_on)
    await mum.dialog.get_by_role("checkbox", name="Owl").check()
    await mum.dialog.get_by_role("button", name="Play", exact=True).click()
    result = mum.dialog.get_by_role("listitem")
    for name, words in (
        ("Bear", "It plays"),
        ("Fox", "It plays"),
        ("Owl", "Offline. It will not start later by itself."),
    ):
        await expect(result.filter(has_text=name)).to_contain_text(words)
    for toy in toys:
        await expect(toy.page.get_by_role("region", name="Song or story")).to_contain_text(SONG.stem)
    for toy in toys:
        [song] = await wait_for_sounds(toy.page, 1, "song")
        assert song.is_whole and song.duration > 3 and not song.is_silent
    await mum.dialog.get_by_role("button", name="Close").click()

    tale = speak_again_and_again(tmp_path / "tale.wav", times=20)
    await send_song(mum, tale)
    await play_on(mum, tale.stem)
    await mum.dialog.get_by_role("button", name="Play", exact=True).click()
    for toy in toys:
        await plays(toy)
    await mum.dialog.get_by_role("button", name="Stop all").click()
    for toy in toys:
        await plays(toy, kind="")
        await expect(toy.page.get_by_role("region", name="Song or story")).to_have_count(0)
        assert len(await heard(toy.page, "song")) == 1
    await expect(result.filter(has_text="Stopped")).to_have_count(2)


async def test_a_song_is_stopped_from_anywhere(browser_context: Contexts, server: Restartable, tmp_path: Path) -> None:
    mum, toy = await at_home(browser_context, server)
    tale = speak_again_and_again(tmp_path / "tale.wav", times=20)
    await mum.go("songs")
    await send_song(mum, tale)
    await play_on(mum, tale.stem)
    await mum.dialog.get_by_role("button", name="Play", exact=True).click()
    await plays(toy)

    await mum.page.reload()  # the page has forgotten what it started
    await mum.page.get_by_role("radio", name="Ours").check(force=True)
    await play_on(mum, tale.stem)
    await mum.dialog.get_by_role("button", name="Stop", exact=True).click()
    await expect(mum.dialog.get_by_role("listitem")).to_contain_text("Stopped")
    await plays(toy, kind="")
    await mum.dialog.get_by_role("button", name="Close").click()

    await play_on(mum, tale.stem)
    await mum.dialog.get_by_role("button", name="Play", exact=True).click()
    await plays(toy)
    await mum.dialog.get_by_role("button", name="Close").click()
    await mum.open_toy()
    await mum.page.get_by_role("button", name="Stop playing").click()
    await expect(mum.toast).to_contain_text("Bear stops playing.")
    await plays(toy, kind="")
