"""The page of a toy: what is changed there is kept, and whoever leaves or lets go is asked first."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.chromium import Contexts
from tests.browser.eventually import eventually
from tests.browser.people import SLOW, Parent
from tests.browser.restartable import Restartable
from tests.end_to_end.family import waiting_toy
from toybackend.models import PartyId

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def mum(browser_context: Contexts, server: Restartable) -> Parent:
    """On the page of her toy."""
    mum = await Parent.settled(browser_context, server)
    _, code = await waiting_toy(server.house)
    await mum.add_toy(code)
    await mum.open_toy()
    return mum


async def toy(mum: Parent) -> dict[str, Any]:
    [toy] = (await mum.ask("/toys"))["toys"]
    return dict(toy)


async def kept(mum: Parent, **settings: Any) -> None:
    """Wait until the server has these."""

    async def look() -> dict[str, Any]:
        found = (await toy(mum))["settings"]
        return {key: found[key] for key in settings}

    await eventually(look, lambda found: found == settings)


async def test_it_is_at_home_where_the_browser_is(mum: Parent) -> None:
    zone = await mum.page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    await kept(mum, time_zone=zone)


async def test_how_it_plays(mum: Parent) -> None:
    slider = mum.page.get_by_role("slider", name="Loudest volume")
    await slider.press("ArrowLeft")
    await slider.press("ArrowLeft")
    await mum.page.get_by_role("switch", name="Plays new messages by itself").click()
    await mum.page.get_by_label("Songs and stories").select_option("45 minutes a day")
    await expect(mum.page.get_by_text("Saved")).to_be_visible()
    await kept(mum, volume_cap=70, autoplay=False, daily_limit_minutes=45)


async def test_when_it_sleeps(mum: Parent) -> None:
    night = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "19:30", "end": "07:00"}
    await mum.page.get_by_role("button", name="Add a time of rest").click()
    await expect(mum.page.get_by_text("Asleep every night 19:30–07:00.")).to_be_visible()
    await kept(mum, quiet_hours=[night])
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"):
        await mum.page.get_by_role("button", name=day, exact=True).click()
    await expect(mum.page.get_by_text("Choose at least one day.")).to_be_visible()
    await expect(mum.page.get_by_text("Asleep on Sun 19:30–07:00.")).to_be_visible()
    await kept(mum, quiet_hours=[{**night, "days": ["sun"]}])
    await mum.page.get_by_role("button", name="Remove this time of rest").click()
    await kept(mum, quiet_hours=[])


async def test_an_emptied_time_is_as_it_was(mum: Parent) -> None:
    await mum.page.get_by_role("button", name="Add a time of rest").click()
    start = mum.page.get_by_label("From")
    await start.fill("")
    await expect(start).to_have_value("")
    await start.blur()
    await expect(start).to_have_value("19:30")
    await expect(mum.page.get_by_text("Asleep every night 19:30–07:00.")).to_be_visible()


async def test_whom_it_talks_with(mum: Parent, browser_context: Contexts, server: Restartable) -> None:
    people = mum.page.get_by_role("region", name="Contacts")
    await expect(people).to_contain_text("Nobody but its grown-ups.")
    bear, fox = PartyId((await toy(mum))["id"]), PartyId(await mum.own_toy("Fox"))
    friends = await Parent.settled(browser_context, server, "friends")
    owl = PartyId(await friends.own_toy("Owl"))
    them = await server.house.accounts.find(friends.name)
    await server.house.contacts.ask(them.id, fox, owl)
    await server.house.contacts.ask(them.id, bear, owl)
    await expect(mum.page.get_by_text("Owl, another family's toy, would like to talk with Bear")).to_be_visible()
    await expect(mum.page.get_by_text("would like to talk with Fox")).to_have_count(0)
    await mum.page.get_by_role("button", name="Agree", exact=True).click()
    await expect(people.get_by_role("listitem")).to_have_text("Owl")
    await people.get_by_role("button", name="Owl").click()
    await mum.dialog.get_by_role("button", name="End this contact").click()
    await mum.dialog.get_by_role("button", name="End it").click()
    await expect(people).to_contain_text("Nobody but its grown-ups.")


async def test_how_it_looks(mum: Parent) -> None:
    await mum.page.get_by_text("Name and looks").click()
    name = mum.page.get_by_label("Name of the toy")
    await name.fill("Sir Bear")
    await name.press("Enter")
    await mum.page.get_by_role("radio", name="Fox").check(force=True)
    await mum.page.get_by_role("radio", name="Plum").check(force=True)
    await expect(mum.heading).to_have_text("Sir Bear")

    async def look() -> tuple[str, ...]:
        found = await toy(mum)
        return found["name"], found["picture"], found["colour"]

    await eventually(look, lambda found: found == ("Sir Bear", "fox", "plum"))


async def test_the_child_is_named_with_consent_only(mum: Parent) -> None:
    name = mum.page.get_by_label("Your child's name")
    await name.fill("Mia")
    await name.press("Enter")
    await mum.dialog.get_by_role("button", name="Not now").click()
    await expect(name).to_have_value("")
    await name.fill("Mia")
    await name.press("Enter")
    await mum.dialog.get_by_role("button", name="I agree").click()
    await expect(mum.page.get_by_text(f"{mum.name} agreed on")).to_be_visible()
    await eventually(lambda: toy(mum), lambda found: found["child_name"] == "Mia")

    await mum.page.get_by_role("button", name="Withdraw").click()
    await mum.dialog.get_by_role("button", name="Withdraw and erase").click()
    await expect(mum.dialog).to_contain_text("The consent is withdrawn")
    await mum.dialog.get_by_role("button", name="OK").click()
    await expect(mum.page.get_by_role("heading", name="This toy is paused")).to_be_visible()
    await expect(name).to_have_value("")


async def test_another_grown_up_comes_and_goes(mum: Parent, browser_context: Contexts, server: Restartable) -> None:
    await mum.page.get_by_role("button", name="Let another grown-up in").click()
    code = await mum.dialog.locator(".toy-claim").inner_text()
    dad = await Parent.settled(browser_context, server, "dad")
    await dad.join_toy(code)
    await expect(mum.dialog).to_have_count(0)
    await expect(mum.page.get_by_role("button", name=f"Send {dad.name} away")).to_be_visible()

    await dad.open_toy()
    await expect(dad.page.get_by_text(f"Only {mum.name} can let others in")).to_be_visible()
    await expect(dad.page.get_by_role("button", name="Unbind this toy")).to_have_count(0)
    await dad.page.get_by_role("button", name="Leave").click()
    await dad.dialog.get_by_role("button", name="Leave").click()
    await expect(dad.page.get_by_role("heading", name="No toy yet")).to_be_visible()
    await expect(mum.page.get_by_role("button", name=f"Send {dad.name} away")).to_have_count(0, timeout=SLOW)


async def test_unbinding(mum: Parent) -> None:
    await mum.page.get_by_role("button", name="Unbind this toy").click()
    await expect(mum.dialog).to_contain_text("All messages to and from the toy")
    await mum.dialog.get_by_role("button", name="Cancel").click()
    assert await toy(mum)
    await mum.page.get_by_role("button", name="Unbind this toy").click()
    await mum.dialog.get_by_role("button", name="Unbind and erase").click()
    await expect(mum.dialog).to_contain_text("Bear is let go")
    await mum.dialog.get_by_role("button", name="OK").click()
    await expect(mum.page.get_by_role("heading", name="No toy yet")).to_be_visible()
    assert await mum.ask("/toys") == {"toys": []}
