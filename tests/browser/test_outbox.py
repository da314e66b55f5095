"""What was said reaches the server, in order, once; whatever happens to the socket, the page or the browser."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.browser.eventually import eventually
from tests.browser.modules import blank_page, open_blank
from tests.browser.restartable import Restartable

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """
async ({ owner, patience, isOpen }) => {
    const { Outbox } = await load("web_common/outbox.js");
    const link = new EventTarget();
    Object.assign(link, { state: "away", welcome: null, unsent: 0 });
    window.wire = [];
    const overTheWire = (frame) => JSON.parse(JSON.stringify(frame));
    link.send = (frame, audio) => link.state === "open" && !!wire.push({ frame: overTheWire(frame), audio });
    window.says = (frame) => link.dispatchEvent(new CustomEvent(`frame:${frame.type}`, { detail: frame }));
    window.become = (state) => {
        link.state = state;
        link.welcome = state === "open" ? { max_audio_bytes: 1000 } : null;
        link.dispatchEvent(new CustomEvent("state", { detail: state }));
    };
    window.outbox = new Outbox(link, { patience });
    window.accepted = [];
    outbox.addEventListener("accepted", ({ detail: { ref, id, pending } }) => {
        accepted.push([ref, id, pending.msg ?? null]);
    });
    window.say = (to_user, msg) => outbox.put({ to_user, msg });
    const blobOf = (bytes) => new Blob([new Uint8Array(bytes)], { type: "audio/webm" });
    window.speak = (to_group, bytes) => outbox.put({ to_group, audio: blobOf(bytes) });
    window.seen = (id) => outbox.pending(id).map((one) => [one.msg ?? null, one.state, one.code ?? null]);
    await outbox.open(owner);
    if (isOpen) become("open");
}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """With stores of its own."""
    context = await browser.new_context()
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext, server: Restartable) -> Page:
    return await blank_page(context, server)


async def begin(page: Page, *, owner: str = "p_1", patience: int = 60_000, is_open: bool = True) -> None:
    """An outbox whose socket is `wire`."""
    await page.evaluate(BEGIN, {"owner": owner, "patience": patience, "isOpen": is_open})


async def do(page: Page, script: str) -> Any:
    return await page.evaluate(f"async () => {{ {script} }}")


async def wire(page: Page, count: int) -> list[dict[str, Any]]:
    """The frames, once there are so many."""
    frames = await eventually(lambda: page.evaluate("wire.map((one) => one.frame)"), lambda seen: len(seen) >= count)
    assert len(frames) == count
    return list(frames)


async def seen(page: Page, conversation: str, *states: list[str | None]) -> None:
    await eventually(lambda: page.evaluate(f"seen('{conversation}')"), lambda found: found == list(states))


async def settle(page: Page) -> None:
    """Whatever the outbox was about to do is done."""
    await do(page, "await outbox.discard('nothing'); await new Promise((resolve) => setTimeout(resolve, 200));")


async def accept(page: Page, number: int = -1) -> str:
    """The server takes the frame of this number."""
    return str(
        await do(
            page,
            f"""const {{ ref }} = wire.at({number}).frame;
            says({{ type: "accepted", ref, id: `m_${{ref}}` }});
            return ref;""",
        )
    )


async def test_a_text_goes_out_and_is_accepted(page: Page) -> None:
    await begin(page)
    ref = await do(page, "return say('t_1', 'hello');")
    [frame] = await wire(page, 1)
    assert frame == {"to_user": "t_1", "ref": ref, "msg": "hello"}
    await seen(page, "t_1", ["hello", "sending", None])
    await accept(page)
    await seen(page, "t_1")
    assert await page.evaluate("accepted") == [[ref, f"m_{ref}", "hello"]]


async def test_a_voice_goes_out_with_its_size_and_digest(page: Page) -> None:
    await begin(page)
    await do(page, "return speak('g_1', [1, 2, 3]);")
    [frame] = await wire(page, 1)
    assert {key: frame[key] for key in ("to_group", "bytes", "sha256")} == {
        "to_group": "g_1",
        "bytes": 3,
        "sha256": hashlib.sha256(bytes([1, 2, 3])).hexdigest(),
    }
    assert await do(page, "return [...new Uint8Array(await wire[0].audio.arrayBuffer())];") == [1, 2, 3]


async def test_in_a_conversation_one_goes_after_the_other(page: Page) -> None:
    await begin(page)
    await do(page, "await Promise.all([speak('g_1', [1]), say('t_1', 'a'), say('t_1', 'b'), say('t_1', 'c')]);")
    assert [one.get("msg") for one in await wire(page, 2)] == [None, "a"]
    await accept(page, 1)
    assert [one.get("msg") for one in await wire(page, 3)] == [None, "a", "b"]
    await accept(page, 2)
    await wire(page, 4)
    await accept(page, 3)
    await seen(page, "t_1")
    await seen(page, "g_1", [None, "sending", None])


async def test_what_was_not_sent_survives_a_reload(page: Page, server: Restartable) -> None:
    await begin(page, is_open=False)
    refs = await do(page, "return [await speak('g_1', [9, 8, 7]), await say('g_2', 'later')];")
    await open_blank(page, server)
    await begin(page, is_open=False)
    assert await page.evaluate("wire") == []
    await seen(page, "g_1", [None, "waiting", None])
    await do(page, "become('open');")
    assert [one["ref"] for one in await wire(page, 2)] == refs
    assert await do(page, "return [...new Uint8Array(await wire[0].audio.arrayBuffer())];") == [9, 8, 7]
    assert await page.evaluate("wire[0].audio.type") == "audio/webm"


async def test_what_was_accepted_is_gone_after_a_reload(page: Page, server: Restartable) -> None:
    await begin(page)
    await do(page, "await say('t_1', 'hello');")
    await wire(page, 1)
    await accept(page)
    await seen(page, "t_1")
    await open_blank(page, server)
    await begin(page)
    await settle(page)
    assert await page.evaluate("wire") == []


async def test_of_another_person_nothing_is_seen(page: Page, server: Restartable) -> None:
    await begin(page, is_open=False)
    await do(page, "await say('t_1', 'secret');")
    await open_blank(page, server)
    await begin(page, owner="p_2")
    await settle(page)
    assert await page.evaluate("[wire, seen('t_1')]") == [[], []]


async def test_a_broken_link_sends_it_again_as_the_same(page: Page) -> None:
    await begin(page)
    ref = await do(page, "return say('t_1', 'hello');")
    await wire(page, 1)
    await do(page, "become('away');")
    await seen(page, "t_1", ["hello", "waiting", None])
    await do(page, "become('open');")
    assert [one["ref"] for one in await wire(page, 2)] == [ref, ref]


async def test_no_answer_sends_it_again(page: Page) -> None:
    await begin(page, patience=300)
    ref = await do(page, "return say('t_1', 'hello');")
    frames = await eventually(lambda: page.evaluate("wire.map((one) => one.frame.ref)"), lambda refs: len(refs) > 1)
    assert set(frames) == {ref}


async def test_a_refused_one_waits_for_its_author_and_holds_up_nobody(page: Page, server: Restartable) -> None:
    await begin(page)
    ref = await do(page, "const ref = await say('t_1', 'bad'); await say('t_1', 'good'); return ref;")
    await wire(page, 1)
    await do(page, f"says({{ type: 'error', code: 'unknown_recipient', ref: '{ref}' }});")
    await seen(page, "t_1", ["bad", "failed", "unknown_recipient"], ["good", "sending", None])
    await open_blank(page, server)
    await begin(page)
    assert [one["msg"] for one in await wire(page, 1)] == ["good"]
    await accept(page)
    await seen(page, "t_1", ["bad", "failed", "unknown_recipient"])
    await do(page, f"await outbox.retry('{ref}');")
    assert (await wire(page, 2))[1]["ref"] == ref
    await do(page, f"await outbox.discard('{ref}');")
    await seen(page, "t_1")


@pytest.mark.parametrize("code", ["rate_limited", "overloaded"])
async def test_asked_to_wait_it_waits(page: Page, code: str) -> None:
    await begin(page)
    ref = await do(page, "return say('t_1', 'hello');")
    await wire(page, 1)
    await do(page, f"says({{ type: 'error', code: '{code}', ref: '{ref}', retry_after: 1 }});")
    await seen(page, "t_1", ["hello", "waiting", None])
    await settle(page)
    await wire(page, 1)
    assert [one["ref"] for one in await wire(page, 2)] == [ref, ref]


async def test_an_error_that_names_nothing_sends_once_more(page: Page) -> None:
    await begin(page)
    await do(page, "await speak('g_1', [1]);")
    await wire(page, 1)
    await do(page, "says({ type: 'error', code: 'header_pending' });")
    await wire(page, 2)
    await do(page, "says({ type: 'error', code: 'header_pending' });")
    await settle(page)
    await wire(page, 2)


async def test_what_the_server_would_hang_up_on_is_not_sent(page: Page) -> None:
    await begin(page)
    await do(page, "await outbox.put({ to_user: 't_1', audio: new Blob([new Uint8Array(1001)]) });")
    await seen(page, "t_1", [None, "failed", "audio_too_large"])
    assert await page.evaluate("wire") == []


async def test_of_two_tabs_one_sends_and_the_other_takes_over(
    context: BrowserContext, page: Page, server: Restartable
) -> None:
    other = await blank_page(context, server)
    await begin(page)
    await begin(other)
    await do(page, "await say('t_1', 'one');")
    both = await eventually(lambda: sent_by(page, other), lambda counts: sum(counts) == 1)
    first, second = (page, other) if both[0] else (other, page)
    await seen(second, "t_1", ["one", "waiting", None])
    ref = await accept(first)
    await seen(second, "t_1")
    await eventually(lambda: second.evaluate("accepted"), lambda told: told == [[ref, f"m_{ref}", "one"]])
    assert await second.evaluate("wire") == []

    await do(second, "await say('t_1', 'two');")
    await wire(first, 2)
    await first.close()
    assert [one["msg"] for one in await wire(second, 1)] == ["two"]


async def sent_by(*pages: Page) -> list[int]:
    return [int(await page.evaluate("wire.length")) for page in pages]


async def test_without_a_place_to_keep_it_is_sent_all_the_same(page: Page) -> None:
    await do(page, "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };")
    await begin(page)
    await do(page, "await say('t_1', 'hello');")
    await wire(page, 1)
    await accept(page)
    await seen(page, "t_1")


async def test_with_a_full_disk_it_is_sent_all_the_same(page: Page) -> None:
    await do(page, "IDBObjectStore.prototype.put = () => { throw new DOMException('no', 'QuotaExceededError'); };")
    await begin(page, is_open=False)
    await do(page, "await say('t_1', 'hello');")
    await do(page, "become('open');")
    await wire(page, 1)
    await accept(page)
    await seen(page, "t_1")


async def test_said_before_it_is_known_by_whom(page: Page, server: Restartable) -> None:
    await begin(page, is_open=False)
    await do(page, "await outbox.forget(); await say('t_1', 'early'); await outbox.open('p_1');")
    await open_blank(page, server)
    await begin(page)
    assert [one["msg"] for one in await wire(page, 1)] == ["early"]


async def test_forgetting_leaves_nothing(page: Page) -> None:
    await begin(page, is_open=False)
    await do(page, "await say('t_1', 'hello'); await speak('g_1', [1]);")
    assert await do(page, "return (await indexedDB.databases()).map((one) => one.name);") == ["toybackend.outbox.p_1"]
    await do(page, "await outbox.forget();")
    await eventually(lambda: do(page, "return indexedDB.databases();"), lambda left: left == [])
    assert await page.evaluate("[seen('t_1'), seen('g_1')]") == [[], []]
    await do(page, "await outbox.open('p_1'); become('open');")
    await settle(page)
    assert await page.evaluate("wire") == []


async def test_what_was_refused_in_all_conversations(page: Page) -> None:
    await begin(page)
    await do(page, "await say('t_1', 'one'); await say('t_2', 'two'); await say('t_3', 'three');")
    for number, code in enumerate(["not_allowed", "unknown_recipient"]):
        await do(page, f"says({{ type: 'error', code: '{code}', ref: wire[{number}].frame.ref }});")
    await settle(page)
    assert await page.evaluate("outbox.failed().map((one) => [one.msg, one.code])") == [
        ["one", "not_allowed"],
        ["two", "unknown_recipient"],
    ]


async def test_closed_it_keeps_what_waits_and_is_silent(page: Page) -> None:
    await begin(page, is_open=False)
    await do(page, "await say('t_1', 'one'); await outbox.close(); become('open');")
    await settle(page)
    assert await page.evaluate("[wire, seen('t_1')]") == [[], []]
    await do(page, "await outbox.open('p_1');")
    assert [one["msg"] for one in await wire(page, 1)] == ["one"]


async def test_closed_it_hears_nothing_of_the_other_tabs(
    context: BrowserContext, page: Page, server: Restartable
) -> None:
    other = await blank_page(context, server)
    await begin(page)
    await do(page, "await say('t_1', 'one');")
    await do(page, "await outbox.close();")
    await begin(other)
    await wire(other, 1)
    await accept(other)
    await seen(other, "t_1")
    await settle(page)
    assert await page.evaluate("accepted") == []
