"""Every screen of the family's app."""

from __future__ import annotations

import asyncio

from playwright.async_api import FilePayload, Page, expect

from tests.browser.chromium import lose_network
from tests.browser.people import holding
from tests.browser.screenshots.drawings import voice
from tests.browser.screenshots.history import unpack
from tests.browser.screenshots.studio import Studio, close_sheets, go, scene, scroll_to

SAY = "textarea.composer-field"
MIC = ".composer-mic"
SHEET = "dialog[open]"
LONG_SONG = 1200.0
"""Seconds of a song that is still being converted when its picture is taken."""


@scene("entrance-log-in", "entrance-register")
async def entrance(studio: Studio) -> None:
    page = await studio.page("/")
    await expect(page.locator("#entrance-name")).to_be_visible()
    await studio.shoot(page, "entrance-log-in")
    await page.locator(".entrance .card > .button.secondary").click()
    await studio.shoot(page, "entrance-register")


@scene("chats-empty", "toys-empty", "people-empty", "songs-own-empty", "add-toy", "add-toy-problem", "scanner")
async def newcomer(studio: Studio) -> None:
    page = await studio.page("/#/chats", "newcomer")
    await expect(page.locator(".empty h2")).to_be_visible()
    await studio.shoot(page, "chats-empty")
    for path in ("toys", "people"):
        await go(page, path, "#content .empty, #content .people")
        await studio.shoot(page, f"{path}-empty")
    await go(page, "songs", ".songs-list")
    await page.locator(".songs-tab").nth(1).click()
    await expect(page.locator("#content .empty")).to_be_visible()
    await studio.shoot(page, "songs-own-empty")
    await go(page, "toys/add", "#toys-code")
    await studio.shoot(page, "add-toy")
    await page.locator("#toys-code").fill("K7PF-3MXA")
    await page.locator("form .button.wide").click()
    await expect(page.locator("#toys-code-problem")).to_be_visible()
    await studio.shoot(page, "add-toy-problem")
    await page.locator(".toys-scan").click()
    await expect(page.locator(".scanner.foreign")).to_be_visible()
    await studio.shoot(page, "scanner")


@scene("add-toy-looks", "add-toy-consent", "add-toy-hello", "chat-empty")
async def newcomer_takes_a_toy_home(studio: Studio) -> None:
    page = await studio.page("/#/toys/add", "newcomer")
    toy = await unpack(studio.town, studio.stack)
    assert toy.claim is not None, "a new toy waits for its owner"
    await page.locator("#toys-code").fill(toy.claim.code)
    await page.locator("form .button.wide").click()
    await page.locator("#toys-name").fill(studio.town.words.toys["bear"])
    await page.locator("#toys-child").fill(studio.town.words.child)
    await studio.shoot(page, "add-toy-looks")
    await page.locator("form .button.wide").click()
    await expect(page.locator(".consent-text")).to_be_visible()
    await studio.shoot(page, "add-toy-consent")
    await page.locator(f"{SHEET} .actions .button").last.click()
    await expect(page.locator(".toys-hello")).to_be_visible()
    await studio.shoot(page, "add-toy-hello")
    await page.locator(".toys-hello .button").first.click()
    await expect(page.locator(".chat-empty")).to_be_visible()
    await studio.shoot(page, "chat-empty")


@scene("chats", "chat", "chat-menu", "chat-receipts", "chat-person", "chat-group", "chat-long-name", "chat-many")
async def chats(studio: Studio) -> None:
    page, ids = await studio.page("/#/chats", "mum"), studio.town.ids
    await expect(page.locator(".chats-row").first).to_be_visible()
    await studio.shoot(page, "chats")
    await open_chat(page, ids["bear"])
    await studio.shoot(page, "chat")
    await open_chat(page, ids["granny"])
    await studio.shoot(page, "chat-person")
    await open_chat(page, ids["family"])
    await studio.shoot(page, "chat-group")
    await page.locator(".chat-item.mine .chat-bubble").last.click(button="right")
    await studio.shoot(page, "chat-menu")
    await page.locator(f"{SHEET} .chat-deed").nth(1).click()
    await studio.shoot(page, "chat-receipts")
    await close_sheets(page)
    await open_chat(page, ids["cousin"])
    await studio.shoot(page, "chat-long-name")
    await open_chat(page, ids["dad"])
    await studio.shoot(page, "chat-many")


@scene("chat-asleep", "chat-recording", "chat-locked", "chat-written")
async def talking(studio: Studio) -> None:
    page, ids = await studio.page("/#/chats", "mum"), studio.town.ids
    await open_chat(page, ids["penguin"])
    await studio.shoot(page, "chat-asleep")
    await open_chat(page, ids["bear"])
    async with holding(page, page.locator(MIC)) as box:
        await expect(page.get_by_role("timer")).to_have_text("0:02")
        await studio.shoot(page, "chat-recording", is_held=True)
        middle = box["x"] + box["width"] / 2
        await page.mouse.move(middle, box["y"] - 90, steps=4)
        await expect(page.locator(".composer-locked")).to_be_visible()
    await studio.shoot(page, "chat-locked")
    await page.locator(".composer-bin").click()
    await page.locator(SAY).fill(studio.town.words.small_talk[4][1])
    await studio.shoot(page, "chat-written")
    await page.locator(SAY).fill("")


@scene("chat-unsent", "no-connection")
async def away(studio: Studio) -> None:
    """In a browser of its own: what waits in it goes out later."""
    page, ids = await (await studio.context("mum")).new_page(), studio.town.ids
    await page.goto(f"{studio.town.server.url}/#/toys")
    await expect(page.locator(".toys-list")).to_be_visible()
    await open_chat(page, ids["dad"])
    await lose_network(page)
    await expect(page.locator(".connection")).to_be_visible()
    await page.locator(SAY).fill(studio.town.words.unsent)
    await page.locator(".composer-round").click()
    async with holding(page, page.locator(MIC)):
        await expect(page.get_by_role("timer")).to_have_text("0:02")
    await expect(page.locator(".chat-item[data-state=waiting]")).to_have_count(2)
    await studio.shoot(page, "chat-unsent")
    await go(page, "toys", ".toys-list")
    await studio.shoot(page, "no-connection")


@scene("toys", "toy", "toy-looks", "toy-quiet", "toy-people", "toy-guardian", "toy-unbind", "toy-long-name")
async def toys(studio: Studio) -> None:
    page, ids = await studio.page("/#/toys", "mum"), studio.town.ids
    await expect(page.locator(".toys-card").first).to_be_visible()
    await studio.shoot(page, "toys")
    await go(page, f"toys/{ids['bear']}", ".toy-ways")
    await studio.shoot(page, "toy")
    await page.locator(".toy-looks summary").click()
    await studio.shoot(page, "toy-looks")
    await scroll_to(page, "[aria-labelledby=toy-quiet]")
    await studio.shoot(page, "toy-quiet")
    await scroll_to(page, "[aria-labelledby=toy-child]")
    await studio.shoot(page, "toy-people")
    await page.locator("[aria-labelledby=toy-guardians] > .button").click()
    await expect(page.locator(f"{SHEET} .toy-qr")).to_be_visible()
    await studio.shoot(page, "toy-guardian")
    await close_sheets(page)
    await page.locator(".toy-unbind .button").click()
    await studio.shoot(page, "toy-unbind")
    await close_sheets(page)
    await go(page, f"toys/{ids['rabbit']}", ".toy-ways")
    await studio.shoot(page, "toy-long-name")


@scene("people", "people-groups", "contact", "add-contact", "add-contact-ask", "group", "new-group")
async def people(studio: Studio) -> None:
    page, ids = await studio.page("/#/people", "mum"), studio.town.ids
    await expect(page.locator(".people-list").first).to_be_visible()
    await studio.shoot(page, "people")
    await scroll_to(page, ".people > section:last-of-type")
    await studio.shoot(page, "people-groups")
    await page.locator(".people-list li button, .people-list li [aria-haspopup]").first.click()
    await studio.shoot(page, "contact")
    await close_sheets(page)
    await go(page, "people/add", ".people .card svg")
    await studio.shoot(page, "add-contact")
    await go(page, f"people/add/{ids['neighbour']}", ".people .card svg")
    await studio.shoot(page, "add-contact-ask")
    await go(page, f"groups/{ids['group']}", "#group-name")
    await studio.shoot(page, "group")
    await go(page, "groups/new", ".people-members")
    await studio.shoot(page, "new-group")


@scene("songs", "songs-own", "song-menu", "songs-upload", "play-on-which", "play-on", "songs-playing")
async def songs(studio: Studio) -> None:
    page = await studio.page("/#/songs", "mum")
    await expect(page.locator(".songs-list")).to_be_visible()
    await studio.shoot(page, "songs")
    hours = await asyncio.to_thread(voice, LONG_SONG)
    await studio.town.add_song("dad", "own", (studio.town.words.long_song, "", ""), hours)
    await page.locator(".songs-tab").nth(1).click()
    await expect(page.locator(".songs-failed")).to_be_visible()
    await studio.shoot(page, "songs-own")
    await page.locator(".songs-row > .icon-button").last.click()
    await studio.shoot(page, "song-menu")
    await close_sheets(page)
    await page.locator(".bar .icon-button").click()
    sound = FilePayload(name="lullaby.m4a", mimeType="audio/mp4", buffer=bytes(2_400_000))
    await page.locator(f"{SHEET} input[name=audio]").set_input_files(sound)
    await studio.shoot(page, "songs-upload")
    await close_sheets(page)
    await page.locator(".songs-main").first.click()
    for box in await page.locator(f"{SHEET} input[type=checkbox]").all():
        await box.check()
    await studio.shoot(page, "play-on-which")
    await page.locator(f"{SHEET} .songs-deeds .button").last.click()
    await expect(page.locator(f"{SHEET} [data-result=playing]").first).to_be_visible()
    await studio.shoot(page, "play-on")
    await close_sheets(page)
    await studio.shoot(page, "songs-playing")


@scene("account", "account-data", "account-password", "account-erase")
async def account(studio: Studio) -> None:
    page = await studio.page("/#/account", "mum")
    await expect(page.locator(".account-session").first).to_be_visible()
    await studio.shoot(page, "account")
    await scroll_to(page, ".account-end")
    await studio.shoot(page, "account-data")
    await page.locator(".account .card .button.danger").click()
    await studio.shoot(page, "account-erase")
    await close_sheets(page)
    await page.locator(".account form + .button").click()
    await studio.shoot(page, "account-password")


async def open_chat(page: Page, chat: str) -> None:
    await go(page, f"chats/{chat}", ".chat-item")
    await expect(page.locator(MIC)).to_be_visible()
