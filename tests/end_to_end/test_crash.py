"""The crash bench in short, and that its verdict sees what it is there to see."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.server import Family
from trials.crash import crash
from trials.verdict import Clip, Conversation, Verdict, judge

FRAME = bytes.fromhex("fff348c4") + bytes(140)
"""One frame of our MP3, 36 ms."""
CLIP = Clip(b"", 180)


async def test_nothing_is_lost_or_doubled_when_the_server_is_killed(tmp_path: Path) -> None:
    verdict = await crash(tmp_path, kills=5, seed=7)
    assert verdict.is_good, f"\n{verdict}"
    assert verdict.received == verdict.accepted


class Scene:
    """Two families, one message each, all well: for a test to spoil."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.ours, self.theirs = (Conversation(Family(*"ptpt")) for _ in range(2))
        for folder in ("incoming", "work", "kept/00"):
            (data / "audio" / folder).mkdir(parents=True)
        self.execute("CREATE TABLE messages (id TEXT, state TEXT, duration_ms INTEGER)")
        for conversation, names in ((self.ours, ("m_1", "m_2")), (self.theirs, ("m_3",))):
            for name in names:
                conversation.promise(f"ref of {name}", name, CLIP)
                conversation.show(name, CLIP.duration_ms)
                self.execute("INSERT INTO messages VALUES (?, 'published', ?)", name, CLIP.duration_ms)
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
        return judge([self.ours, self.theirs], self.data, kills=0, seconds=0.0)


def _swap_order(scene: Scene) -> None:
    scene.ours.shown = dict(reversed(scene.ours.shown.items()))


SPOILT: dict[str, tuple[str, Callable[[Scene], object]]] = {
    "never shown": ("lost", lambda scene: scene.ours.shown.pop("m_2")),
    "a second id for one ref": ("doubled", lambda scene: scene.ours.promise("ref of m_1", "m_9", CLIP)),
    "a row that nobody was promised": (
        "doubled",
        lambda scene: scene.execute("INSERT INTO messages VALUES ('m_9', 'published', 180)"),
    ),
    "at the other family's toy": ("misdelivered", lambda scene: scene.ours.show("m_3", 180)),
    "the later one first": ("misordered", _swap_order),
    "as long as another clip": ("mixed_up", lambda scene: scene.ours.shown.update(m_1=11_120)),
    "an unknown file": ("stray_files", lambda scene: scene.file("kept/00/m_9.mp3").touch()),
    "an unfinished file": ("stray_files", lambda scene: scene.file("kept/00/m_1.mp3.part").touch()),
    "something left at work": ("stray_files", lambda scene: scene.file("work/left").mkdir()),
    "a torn MP3": ("broken_files", lambda scene: scene.file("kept/00/m_1.mp3").write_bytes(4 * FRAME + b"\xff")),
    "an MP3 too short": ("broken_files", lambda scene: scene.file("kept/00/m_1.mp3").write_bytes(2 * FRAME)),
    "no original": ("broken_files", lambda scene: scene.file("kept/00/m_1.original").unlink()),
    "never published": (
        "broken_files",
        lambda scene: scene.execute("UPDATE messages SET state = 'accepted' WHERE id = 'm_1'"),
    ),
}


def test_a_good_run_is_called_good(tmp_path: Path) -> None:
    verdict = Scene(tmp_path).verdict()
    assert verdict.is_good, f"\n{verdict}"


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
    assert not judge([], scene.data, kills=0, seconds=0.0).is_good
