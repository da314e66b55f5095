"""What the web toy plays, and in which order, with a loudspeaker that ends when the test says so."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEGIN = """async () => {
    const { Voice } = await load("web_toy/voice.js");
    let resolve = null;
    const log = [];
    const end = (how) => { const done = resolve; resolve = null; done?.(how); };
    const sound = {
        position: 0,
        play: (url, from = 0) => {
            log.push(url.startsWith("blob:") ? "blob" : `${url} from ${from}`);
            return new Promise((done) => { resolve = done; });
        },
        stop: () => end("stopped"),
        hush: (isHushed) => log.push(isHushed ? "hush" : "go on"),
    };
    const prompts = { sound: async (name) => (log.push(name), name === "missing" ? null : new Blob(["x"])) };
    const heard = [], left = [], broken = [];
    const listener = { changed() {}, heard: (id) => heard.push(id), left: (one) => left.push(one.id) };
    listener.broken = (id) => broken.push(id);
    const voice = new Voice(sound, prompts, listener);
    const message = (id) => ({ id, from_user: "u", from_name: "Mum", sound: new Blob([id]) });
    const song = (id) => ({ id, title: id, url: `/${id}.mp3`, duration_ms: 1000 });
    const settle = (ms = 20) => new Promise((done) => setTimeout(done, ms));
    const now = () => {
        const { message, song, name } = voice.current ?? {};
        return voice.current && { message: message?.id, song: song?.id, prompt: name };
    };
    Object.assign(window, { voice, sound, log, heard, left, broken, message, song, settle, now, end });
}"""


async def test_one_after_the_other_in_the_order_in_which_they_came(page: Page) -> None:
    seen = await page.evaluate(
        """async () => {
            voice.say("new_message"); voice.tell(message("m_1")); voice.tell(message("m_2"));
            const seen = [];
            for (let turn = 0; turn < 3; turn += 1) { await settle(); seen.push(now()); end("ended"); }
            await settle();
            return [seen.map((one) => one.prompt ?? one.message), heard, now()];
        }"""
    )
    assert seen == [["new_message", "m_1", "m_2"], ["m_1", "m_2"], None]


async def test_heard_is_only_what_was_played_to_its_end(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            voice.tell(message("m_1")); voice.tell(message("m_2")); voice.tell(message("m_3"));
            for (const how of ["paused", "failed", "blocked"]) { await settle(); end(how); }
            await settle();
            return [heard, left];
        }"""
    ) == [[], ["m_1", "m_3"]]


async def test_a_song_makes_room_for_a_message_and_goes_on_where_it_was(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            voice.play(song("s")); await settle();
            sound.position = 12.5; voice.tell(message("m")); await settle();
            const between = now().message; end("ended"); await settle();
            const after = now().song; end("ended"); await settle();
            return [between, after, log, heard, voice.song];
        }"""
    ) == ["m", "s", ["/s.mp3 from 0", "blob", "/s.mp3 from 12.5"], ["m", "s"], None]


async def test_another_song_takes_the_place_of_the_first(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            voice.play(song("one")); await settle();
            sound.position = 3; voice.play(song("two")); await settle();
            return [log, voice.song.id, heard];
        }"""
    ) == [["/one.mp3 from 0", "/two.mp3 from 0"], "two", []]


async def test_a_song_can_be_paused_and_stopped(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            voice.play(song("s")); await settle();
            sound.position = 4; voice.pauseSong(true); await settle();
            const paused = [now(), voice.song.id];
            voice.pauseSong(false); await settle();
            const playing = now().song; voice.stopSong(); await settle();
            return [paused, playing, log, voice.song, now(), heard];
        }"""
    ) == [[None, "s"], "s", ["/s.mp3 from 0", "/s.mp3 from 4"], None, None, []]


async def test_nothing_begins_while_somebody_speaks_to_it(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            voice.hush(true); voice.tell(message("m")); await settle();
            const hushed = now(); voice.hush(false); await settle();
            return [hushed, now().message, log];
        }"""
    ) == [None, "m", ["hush", "go on", "blob"]]


async def test_a_prompt_that_cannot_be_had_holds_up_nobody(page: Page) -> None:
    assert (
        await page.evaluate(
            "async () => { voice.say('missing'); voice.tell(message('m')); await settle(); return now().message; }"
        )
        == "m"
    )


async def test_a_deleted_message_is_not_played_on(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            for (const id of ["m_1", "m_2", "m_3"]) voice.tell(message(id));
            await settle(); voice.drop("m_2"); voice.drop("m_1"); await settle();
            return [now().message, heard, left];
        }"""
    ) == ["m_3", [], []]


async def test_what_has_not_begun_can_be_taken_back(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            for (const id of ["m_1", "m_2"]) voice.tell(message(id));
            await settle();
            return [voice.takeBack().map((one) => one.id), now().message];
        }"""
    ) == [["m_2"], "m_1"]


async def test_silence_forgets_everything(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            voice.play(song("s")); voice.tell(message("m")); voice.say("sent"); await settle();
            voice.silence(); await settle();
            return [now(), voice.song, heard, left];
        }"""
    ) == [None, None, [], []]


async def test_a_text_is_read_when_it_was_shown_or_pressed_away(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            const text = { id: "t", from_user: "u", from_name: "Mum", msg: "Good night!" };
            voice.tell(text); await settle();
            const shown = voice.sign.message.msg, early = [...heard];
            voice.sign.putAway(); await settle(400);
            const away = [...heard];
            voice.tell({ ...text, id: "t_2" }); await settle(); voice.silence(); await settle(400);
            return [shown, early, away, heard, voice.sign.message];
        }"""
    ) == ["Good night!", [], ["t"], ["t"], None]


async def test_what_was_to_be_said_is_not_said_after_a_rest_began(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            voice.tell(message("m_1")); voice.say("sent"); voice.tell(message("m_2")); await settle();
            const back = voice.takeBack().map((one) => one.id); end("ended"); await settle();
            return [back, now(), heard];
        }"""
    ) == [["m_2"], None, ["m_1"]]


async def test_what_cannot_be_played_is_told(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            voice.tell(message("m")); await settle(); end("failed"); await settle();
            return [broken, heard, left];
        }"""
    ) == [["m"], [], []]


async def test_a_text_that_nobody_can_see_holds_up_nobody(page: Page) -> None:
    assert await page.evaluate(
        """async () => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
            voice.tell({ id: "t", from_user: "u", from_name: "Mum", msg: "Hello" });
            voice.tell(message("m")); await settle();
            return [now().message, voice.sign.message.id, heard];
        }"""
    ) == ["m", "t", []]
