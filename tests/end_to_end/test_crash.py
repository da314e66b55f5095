"""The trial of crashes in short, and that its verdict sees what it is there to see."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trials.crash import Plan, crash
from trials.verdict import Book, Promise, Shown, Verdict, judge

FRAME = bytes.fromhex("fff348c4") + bytes(140)
"""One frame of our MP3, 36 ms."""
VOICE_MS = 180


@pytest.mark.usefixtures("cheap_hashes")
async def test_nothing_is_lost_or_doubled_when_the_server_is_killed(tmp_path: Path) -> None:
    verdict = await crash(tmp_path, Plan(messages=60, kills=2, fills=1, families=1, seed=7))
    assert verdict.is_good, f"\n{verdict}"
    assert verdict.accepted >= 60
    assert 0 < verdict.voices < verdict.accepted < verdict.received


class Scene:
    """A mother, a father and a toy. Two messages to the toy, one of them a voice, one to both of the others from the
    toy, all well: for a test to spoil."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.book = Book(("p_mum", "p_dad", "t_toy"))
        for folder in ("incoming", "work", "kept/00"):
            (data / "audio" / folder).mkdir(parents=True)
        self.execute(
            "CREATE TABLE messages (id TEXT, seq INT, conversation TEXT, state TEXT, text TEXT, duration_ms INT)"
        )
        self.say("p_mum", "m_1", "hello", "t_toy")
        self.say("p_mum", "m_2", VOICE_MS, "t_toy")
        self.say("t_toy", "m_3", VOICE_MS, "p_mum", "p_dad")

    def say(self, sender: str, name: str, words: str | int, *recipients: str) -> None:
        self.book.promise(sender, f"ref of {name}", Promise(name, frozenset(recipients), words))
        for one in recipients:
            self.book.show(one, name, Shown(sender, words))
        text, duration_ms = (words, None) if isinstance(words, str) else (None, words)
        row = (name, int(name[2:]), "+".join((sender, *recipients)), "published", text, duration_ms)
        self.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)", *row)
        if text is None:
            self.file(f"kept/00/{name}.original").write_bytes(b"sound")
            self.file(f"kept/00/{name}.mp3").write_bytes(5 * FRAME)

    def execute(self, statement: str, *values: object) -> None:
        connection = sqlite3.connect(self.data / "toybackend.sqlite3")
        with connection:
            connection.execute(statement, values)
        connection.close()

    def file(self, name: str) -> Path:
        return self.data / "audio" / name

    def verdict(self) -> Verdict:
        return judge(self.book, self.data, kills=0, fills=0, seconds=0.0)


def _never_shown(scene: Scene) -> None:
    scene.book.promise("p_dad", "a new one", Promise("m_4", frozenset({"p_mum", "t_toy"}), "hi"))
    scene.book.show("p_mum", "m_4", Shown("p_dad", "hi"))
    scene.execute("INSERT INTO messages VALUES ('m_4', 4, 'g', 'published', 'hi', NULL)")


def _swap_order(scene: Scene) -> None:
    toy = scene.book.members["t_toy"]
    toy.shown = dict(reversed(toy.shown.items()))


def _told_in_another_order(scene: Scene) -> None:
    scene.execute("UPDATE messages SET seq = 9 WHERE id = 'm_1'")


def _as_if_somebody_else_had_said_it(scene: Scene) -> None:
    shown = scene.book.members["t_toy"].shown
    shown["m_1"] = replace(shown["m_1"], sender="p_dad")


def _other_words(message_id: str, words: str | int) -> Callable[[Scene], None]:
    def spoil(scene: Scene) -> None:
        shown = scene.book.members["t_toy"].shown
        shown[message_id] = replace(shown[message_id], words=words)

    return spoil


SPOILT: dict[str, tuple[str, Callable[[Scene], object]]] = {
    "never shown to one of two": ("lost", _never_shown),
    "a second id for one ref": (
        "doubled",
        lambda scene: scene.book.promise("p_mum", "ref of m_1", Promise("m_9", frozenset({"t_toy"}), "hello")),
    ),
    "a row that nobody was promised": (
        "doubled",
        lambda scene: scene.execute("INSERT INTO messages VALUES ('m_9', 9, 'x', 'published', 'hello', NULL)"),
    ),
    "at somebody else": ("misdelivered", lambda scene: scene.book.show("p_dad", "m_1", Shown("p_mum", "hello"))),
    "as if somebody else had said it": ("misdelivered", _as_if_somebody_else_had_said_it),
    "the later one first": ("misordered", _swap_order),
    "told in another order": ("misordered", _told_in_another_order),
    "other words": ("mixed_up", _other_words("m_1", "good night")),
    "as long as another clip": ("mixed_up", _other_words("m_2", 11_120)),
    "an unknown file": ("stray_files", lambda scene: scene.file("kept/00/m_9.mp3").touch()),
    "a file of a text": ("stray_files", lambda scene: scene.file("kept/00/m_1.original").touch()),
    "an unfinished file": ("stray_files", lambda scene: scene.file("kept/00/m_2.mp3.part").touch()),
    "something left at work": ("stray_files", lambda scene: scene.file("work/left").mkdir()),
    "a torn MP3": ("broken_files", lambda scene: scene.file("kept/00/m_2.mp3").write_bytes(4 * FRAME + b"\xff")),
    "an MP3 too short": ("broken_files", lambda scene: scene.file("kept/00/m_2.mp3").write_bytes(2 * FRAME)),
    "no original": ("broken_files", lambda scene: scene.file("kept/00/m_2.original").unlink()),
    "a voice never published": (
        "broken_files",
        lambda scene: scene.execute("UPDATE messages SET state = 'accepted' WHERE id = 'm_2'"),
    ),
    "a text never published": (
        "broken_files",
        lambda scene: scene.execute("UPDATE messages SET state = 'converted' WHERE id = 'm_1'"),
    ),
}


def test_a_good_run_is_called_good(tmp_path: Path) -> None:
    verdict = Scene(tmp_path).verdict()
    assert verdict.is_good, f"\n{verdict}"
    assert (verdict.accepted, verdict.voices, verdict.received) == (3, 2, 4)


@pytest.mark.parametrize("name", SPOILT)
def test_the_verdict_sees(name: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    what, spoil = SPOILT[name]
    spoil(scene)
    verdict = scene.verdict()
    assert getattr(verdict, what) >= 1
    assert not verdict.is_good


def test_a_run_in_which_nothing_was_accepted_shows_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.execute("DELETE FROM messages")
    assert not judge(Book(()), scene.data, kills=0, fills=0, seconds=0.0).is_good


def test_a_copy_may_come_before_the_answer(tmp_path: Path) -> None:
    """The line dropped before the sender heard «accepted»: it is told when it asks again."""
    scene = Scene(tmp_path)
    scene.book.show("t_toy", "m_4", Shown("p_mum", "early"))
    assert not scene.book.members["p_mum"].under_way
    scene.say("p_mum", "m_4", "early", "t_toy")
    assert scene.verdict().is_good
