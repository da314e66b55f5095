"""The web toy and its licence: read as people type it, and proved as a board proves it."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.modules import blank_page
from tests.browser.people import issue_licence
from tests.browser.restartable import Restartable
from toybackend.client.licence import device_id

pytestmark = pytest.mark.asyncio(loop_scope="session")

LICENCE = "0123456789abcdef0123456789abcdef"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(browser: Browser, server: Restartable) -> Page:
    return await blank_page(await browser.new_context(), server)


@pytest.mark.parametrize(
    ("typed", "licence"),
    [
        (LICENCE, LICENCE),
        (f"  {LICENCE.upper()}\n", LICENCE),
        ("01234567-89ABCDEF-01234567-89abcdef", LICENCE),
        (LICENCE[:-1], None),
        (LICENCE + "0", None),
        (LICENCE[:-1] + "g", None),
        ("", None),
    ],
)
async def test_a_licence_is_read_as_it_is_typed(page: Page, typed: str, licence: str | None) -> None:
    assert (
        await page.evaluate("async (typed) => (await load('web_toy/licences.js')).readLicence(typed)", typed) == licence
    )


async def test_the_device_has_the_name_that_a_board_gives_it(page: Page) -> None:
    named = await page.evaluate("async (code) => (await load('web_toy/power.js')).deviceId(code)", LICENCE)
    assert named == device_id(LICENCE)


async def test_it_is_let_in_and_its_licence_did_not_travel(page: Page, server: Restartable) -> None:
    licence, sent = await issue_licence(server), []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    state = await page.evaluate(
        "async (code) => (await load('web_toy/power.js')).powerOn(code).then((on) => on.state)", licence
    )
    assert state == "unbound"
    assert any("proof" in body for body in sent)
    assert not any(licence in body for body in sent)


async def test_unlicensed_is_an_answer(page: Page) -> None:
    boot = await page.evaluate("async (code) => (await load('web_toy/power.js')).powerOn(code)", LICENCE)
    assert boot["state"] == "unlicensed"
    assert boot["prompt"]["name"] == "unlicensed"


async def test_toys_are_known_until_they_are_forgotten(page: Page) -> None:
    known = await page.evaluate(
        """async (licence) => {
            const { keepToy, forgetToy, knownToys } = await load("web_toy/licences.js");
            const seen = () => knownToys().map((one) => one.device_id);
            keepToy({ licence, device_id: "d_one" });
            keepToy({ licence: licence.replace("0", "f"), device_id: "d_two" });
            keepToy({ licence, device_id: "d_one" });
            const both = seen();
            forgetToy(licence);
            return [both, seen()];
        }""",
        LICENCE,
    )
    assert known == [["d_two", "d_one"], ["d_two"]]


@pytest.mark.parametrize(("has_cryptography", "reason"), [(True, "refused"), (False, "insecure")])
async def test_a_server_that_wants_proofs_is_not_asked_again_without_one(
    page: Page, has_cryptography: bool, reason: str
) -> None:
    refusal = {"code": "not_allowed", "title": "a challenge", "status": 403}
    await page.route("**/devices/authorize", lambda route: route.fulfill(status=403, json=refusal))
    seen = await page.evaluate(
        """async ([licence, hasCryptography]) => {
            const { powerOn } = await load("web_toy/power.js");
            if (!hasCryptography) Object.defineProperty(crypto, "subtle", { configurable: true, value: undefined });
            const { final, reason } = await powerOn(licence).catch((error) => error);
            delete crypto.subtle;
            return [final, reason];
        }""",
        [LICENCE, has_cryptography],
    )
    await page.unroute("**/devices/authorize")
    assert seen == [True, reason]


async def test_what_a_licence_was_in_its_family_is_kept_with_it(page: Page) -> None:
    assert await page.evaluate(
        """async ([one, other]) => {
                const { becomeToy, keepToy, isToyNow, toyOf } = await load("web_toy/licences.js");
                becomeToy(one); isToyNow(one, "t_1");
                const inTheTab = toyOf(one);
                becomeToy(other);
                const notKept = toyOf(one);
                keepToy({ licence: other, device_id: "d" }); isToyNow(other, "t_2");
                becomeToy(one);
                return [inTheTab, notKept, toyOf(one), toyOf(other)];
            }""",
        [LICENCE, LICENCE.replace("0", "e")],
    ) == ["t_1", "", "", "t_2"]


async def test_the_papers_of_a_toy(page: Page) -> None:
    assert await page.evaluate(
        """async (licence) => {
            const { Papers } = await load("web_toy/papers.js");
            const papers = new Papers(licence, true);
            const boot = (state) => ({ state, prompt: {}, token: "", ws_url: "" });
            const greets = [];
            const meet = (state, id) => {
                papers.take(boot(state));
                const gone = papers.belong(id);
                greets.push(papers.isNews());
                return gone;
            };
            const gone = [meet("unbound", ""), meet("ready", "t_1"), meet("ready", "t_1")];
            gone.push(meet("ready", "t_2"), meet("unlicensed", ""));
            const again = [papers.mayAskAgain(), papers.mayAskAgain()];
            papers.welcomed();
            return [gone, greets, again, papers.mayAskAgain(), new Papers(licence, true).toyId];
        }""",
        LICENCE.replace("0", "d"),
    ) == [["", "", "", "t_1", "t_2"], [True, True, False, True, True], [True, False], True, ""]
