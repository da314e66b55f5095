"""A conversation comes from pages, frames and the outbox: each message once, in order, whatever came first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.eventually import eventually
from tests.browser.modules import blank_page
from tests.browser.restartable import Restartable

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """
async (count) => {
    const { Thread } = await load("web_app/chat/thread.js");
    const at = (n) => new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString();
    const ben = { from_user: "p_2", from_name: "Ben", state: "heard" };
    const other = (n) => ({ id: `m_${n}`, ...ben, msg: `no ${n}`, sent_at: at(n) });
    // What the server has, oldest first.
    window.kept = Array.from({ length: count }, (_, n) => other(n));
    window.keep = (n, more = {}) => kept.push({ ...other(n), ...more });
    window.isOver = false;
    window.asked = 0;
    window.fetch = async (path) => {
        asked += 1;
        const query = new URL(path, location.href).searchParams;
        const before = query.get("before");
        const end = before ? kept.findIndex((one) => one.id === before) : kept.length;
        if (end < 0 || isOver) return Response.json({ code: "not_found" }, { status: 404 });
        const first = Math.max(0, end - Number(query.get("limit")));
        const messages = kept.slice(first, end).reverse();
        const next = first ? messages.at(-1).id : null;
        await onAsked();
        return Response.json({ messages, before: next });
    };
    // What happens while an answer is on its way.
    window.onAsked = () => {};
    window.waiting = [];
    window.thread = new Thread("p_2", "p_1", { pending: () => waiting }, () => {});
    window.says = (n, more = {}) => thread.take({ type: "text", ...other(n), to_user: "p_1", ...more });
    window.ids = () => thread.rows.map((row) => row.id);
}
"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, server: Restartable) -> AsyncIterator[Page]:
    context = await browser.new_context()
    yield await blank_page(context, server)
    await context.close()


async def begin(page: Page, count: int) -> None:
    """A conversation of so many messages, of which none is here yet."""
    await page.evaluate(BEGIN, count)


async def do(page: Page, script: str) -> Any:
    return await page.evaluate(f"async () => {{ {script} }}")


def names(first: int, end: int) -> list[str]:
    return [f"m_{number}" for number in range(first, end)]


async def test_the_newest_page_first_and_older_ones_by_and_by(page: Page) -> None:
    await begin(page, 120)
    assert await do(page, "await thread.read(); return ids()") == names(70, 120)
    assert await do(page, "await thread.readOlder(); await thread.readOlder(); return ids()") == names(0, 120)
    assert await do(page, "await thread.readOlder(); return [thread.hasOlder, asked]") == [False, 3]


async def test_a_frame_is_there_once(page: Page) -> None:
    await begin(page, 2)
    assert await do(page, "await thread.read(); return [says(2), says(2), says(1)]") == [True, False, False]
    assert await do(page, "keep(2); await thread.read(); return ids()") == names(0, 3)


async def test_frames_of_others_are_not_ours(page: Page) -> None:
    await begin(page, 1)
    script = "await thread.read(); return [says(5, { from_user: 'p_3' }), says(6, { to_group: 'g_1' }), ids()]"
    assert await do(page, script) == [False, False, names(0, 1)]


async def test_what_came_before_the_first_page_leaves_no_gap(page: Page) -> None:
    await begin(page, 120)
    assert await do(page, "says(3); await thread.read(); says(4); return ids()") == names(70, 120)


async def test_what_was_missed_is_read_back_to_what_is_known(page: Page) -> None:
    await begin(page, 10)
    script = "await thread.read(); for (let n = 10; n < 150; n += 1) keep(n); await thread.missed(); return ids()"
    assert await do(page, script) == names(0, 150)


async def test_after_a_very_long_absence_it_begins_anew(page: Page) -> None:
    await begin(page, 10)
    script = "await thread.read(); for (let n = 10; n < 900; n += 1) keep(n); await thread.missed(); return ids()"
    assert await do(page, script) == names(400, 900)
    assert await do(page, "await thread.readOlder(); return ids()") == names(350, 900)


async def test_what_was_deleted_meanwhile_is_gone(page: Page) -> None:
    await begin(page, 5)
    assert await do(page, "await thread.read(); kept.splice(2, 1); await thread.missed(); return ids()") == [
        "m_0",
        "m_1",
        "m_3",
        "m_4",
    ]
    await do(page, "thread.take({ type: 'notice', event: 'deleted', id: 'm_1' })")
    assert await do(page, "return ids()") == ["m_0", "m_3", "m_4"]


async def test_the_last_one_that_was_deleted_meanwhile_is_gone(page: Page) -> None:
    await begin(page, 3)
    assert await do(page, "await thread.read(); kept.pop(); await thread.missed(); return ids()") == names(0, 2)
    assert await do(page, "kept.length = 0; await thread.missed(); return ids()") == []


async def test_what_comes_while_a_page_is_on_its_way_stays(page: Page) -> None:
    await begin(page, 2)
    assert await do(page, "onAsked = () => says(2); await thread.read(); return ids()") == names(0, 3)
    assert await do(page, "onAsked = () => {}; await thread.read(); return ids()") == names(0, 2)


async def test_what_is_deleted_while_a_page_is_on_its_way_does_not_come_back(page: Page) -> None:
    await begin(page, 3)
    script = "onAsked = () => thread.take({ type: 'notice', event: 'deleted', id: 'm_1' }); await thread.read();"
    assert await do(page, script + "return [ids(), says(1)]") == [["m_0", "m_2"], False]


@pytest.mark.parametrize("event", ["unbound", "settings"])
async def test_a_family_takes_its_messages_with_it(page: Page, event: str) -> None:
    await begin(page, 120)
    script = "await thread.read(); await thread.readOlder(); kept.splice(10, 100); asked = 0; const notice ="
    script += f"(id) => thread.take({{ type: 'notice', event: '{event}', id }}); notice('t_9'); notice('p_2')"
    await do(page, script)
    await eventually(lambda: page.evaluate("ids()"), lambda ids: ids == names(0, 10) + names(110, 120))
    assert await do(page, "return [asked, thread.hasOlder]") == [1, False]


async def test_in_a_group_every_family_may_be_the_one(page: Page) -> None:
    await begin(page, 3)
    await do(page, "thread.id = 'g_1'; await thread.read(); kept.shift()")
    await do(page, "thread.take({ type: 'notice', event: 'unbound', id: 't_9' })")
    await eventually(lambda: page.evaluate("ids()"), lambda ids: ids == names(1, 3))


async def test_of_a_conversation_that_is_gone_nothing_stays(page: Page) -> None:
    await begin(page, 120)
    assert await do(page, "await thread.read(); isOver = true; await thread.missed(); return ids()") == []
    assert await do(page, "return [thread.isLoaded, thread.hasOlder, thread.problem.code]") == [
        False,
        False,
        "not_found",
    ]


async def test_where_the_message_is_gone_at_which_older_ones_begin_the_next_one_is_taken(page: Page) -> None:
    await begin(page, 120)
    script = "await thread.read(); kept.splice(70, 1); thread.take({ type: 'notice', event: 'deleted', id: 'm_70' });"
    assert await do(page, script + "return [await thread.readOlder(), ids().length]") == [True, 99]


async def test_where_that_is_found_out_only_by_asking_everything_is_read_again(page: Page) -> None:
    await begin(page, 120)
    assert await do(page, "await thread.read(); kept.splice(70, 1); return thread.readOlder()") is False
    await eventually(lambda: page.evaluate("ids()"), lambda ids: "m_70" not in ids)
    assert await do(page, "return [await thread.readOlder(), ids().includes('m_69')]") == [True, True]


async def test_older_ones_that_do_not_come_are_asked_for_by_nobody_here(page: Page) -> None:
    await begin(page, 120)
    script = "await thread.read(); const real = fetch; let tried = 0;"
    script += "window.fetch = async () => { tried += 1; throw new TypeError() };"
    script += "const came = [await thread.readOlder()]; window.fetch = real; came.push(await thread.readOlder());"
    assert await do(page, script + "return [came, tried, ids().length]") == [[False, True], 1, 100]


SEND = """
    await thread.read();
    const pending = { ref: "r", to_user: "p_2", msg: "hello", at: Date.now(), state: "sending" };
    waiting.push(pending);
    const before = thread.pending.map((row) => [row.key, row.state]);
    keep(9e6, { id: "m_mine", from_user: "p_1", msg: "hello", state: "accepted",
        receipts: [{ to_user: "p_2", name: "Ben", state: "waiting", delivered_at: null, heard_at: null }] });
    thread.accepted({ ref: "r", id: "m_mine", pending });
    const after = thread.rows.filter((row) => row.isMine).map((row) => [row.key, row.id, row.state]);
    return [before, after, thread.pending.length];
"""


async def test_what_is_accepted_stays_the_row_that_it_was(page: Page) -> None:
    await begin(page, 3)
    assert await do(page, SEND) == [[["r", "sending"]], [["r", "m_mine", "accepted"]], 0]
    # The server's own time and its receipts are asked for soon after.
    await eventually(lambda: page.evaluate("thread.find('r').receipts.length"), lambda count: count == 1)
    assert await do(page, "return thread.find('r').id") == "m_mine"


async def test_no_receipt_goes_back_a_step(page: Page) -> None:
    await begin(page, 3)
    await do(page, SEND)
    for state in ("delivered", "heard"):
        await do(page, f"thread.take({{ type: '{state}', id: 'm_mine', to_user: 'p_2' }})")
    assert await do(page, "await thread.read(); return thread.find('r').receipts.map((one) => one.state)") == ["heard"]
    await do(page, "thread.take({ type: 'delivered', id: 'm_mine', to_user: 'p_2' })")
    assert await do(page, "return thread.find('r').receipts.map((one) => [one.name, one.state])") == [["Ben", "heard"]]


async def test_what_we_heard_stays_heard(page: Page) -> None:
    await begin(page, 1)
    await do(page, "await thread.read(); says(1); keep(1, { state: 'delivered' }); thread.heard('m_1')")
    assert await do(page, "await thread.read(); return thread.find('m_1').state") == "heard"


async def test_failed_held_and_delayed(page: Page) -> None:
    await begin(page, 3)
    await do(page, SEND)
    await do(
        page,
        """const says = (frame) => thread.take({ id: "m_mine", ...frame });
        says({ type: "notice", event: "held", to_user: "p_2", until: "2026-01-02T07:00:00.000Z" });
        says({ type: "notice", event: "delayed" });
        says({ type: "failed", code: "bad_audio" });""",
    )
    row = await do(page, "return thread.find('r')")
    assert (row["state"], row["code"], row["isDelayed"]) == ("failed", "bad_audio", True)
    assert row["held"] == {"p_2": "2026-01-02T07:00:00.000Z"}


async def test_a_server_that_is_away_is_a_problem_until_it_answers(page: Page) -> None:
    await begin(page, 1)
    script = "const real = fetch; window.fetch = async () => { throw new TypeError() }; await thread.read();"
    script += "const was = [thread.problem.code, thread.isLoaded]; window.fetch = real; await thread.missed();"
    assert await do(page, script + "return [was, thread.problem, ids()]") == [["server_away", False], None, ["m_0"]]
