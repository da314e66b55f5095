"""`toybackend library …`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.commands.running import Done, call
from tests.test_covers import picture

CLIPS = Path(__file__).parents[1] / "clips"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def listed(data: Path) -> list[dict[str, Any]]:
    found = json.loads(call("library", "list", "--json", "--data", data).out)
    assert isinstance(found, list)
    return found


def add(data: Path, *arguments: object) -> Done:
    return call("library", "add", *arguments, "--data", data)


def kept(data: Path) -> set[str]:
    return {file.name for file in (data / "audio" / "kept").rglob("*") if file.is_file()}


def test_a_song_is_added_listed_and_removed(data: Path) -> None:
    done = add(data, CLIPS / "hello.mp3", "--title", "小熊", "--category", "songs")
    assert (done.code, done.err) == (0, "")
    [song] = listed(data)
    assert (song["title"], song["category"], song["state"], song["has_cover"]) == ("小熊", "songs", "ready", False)
    assert song["duration_ms"] == pytest.approx(3450, abs=100)
    assert done.out.split() == [song["id"], "3.5", "s", "songs", "小熊"]
    assert kept(data) == {f"{song['id']}.mp3"}
    gone = call("library", "remove", song["id"], "--data", data)
    assert (gone.code, gone.out) == (0, f"小熊 ({song['id']}) is gone\n")
    assert (listed(data), kept(data)) == ([], set())


def test_several_are_called_what_their_files_are_called(data: Path) -> None:
    done = add(data, CLIPS / "hello.ogg", CLIPS / "hello.flac", CLIPS / "hello_wb.amr", "--json")
    assert done.code == 0
    assert [one["title"] for one in json.loads(done.out)] == ["hello", "hello", "hello_wb"]
    assert len(listed(data)) == 3


def test_a_title_goes_with_one_file(data: Path) -> None:
    done = add(data, CLIPS / "hello.ogg", CLIPS / "hello.wav", "--title", "Both")
    assert done.code == 2
    assert not data.exists()


def test_a_cover_goes_with_it(data: Path, tmp_path: Path) -> None:
    cover = tmp_path / "cover.png"
    cover.write_bytes(picture(60, 60))
    assert add(data, CLIPS / "hello.mp3", "--cover", cover).code == 0
    assert listed(data)[0]["has_cover"]


def test_a_bad_file_is_named_and_the_others_go_on(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "page\x1b[2J.mp3"
    page.write_text("<html>")
    done = add(data, page, CLIPS / "hello.mp3")
    assert done.code == 1
    assert "page\N{REPLACEMENT CHARACTER}[2J.mp3: bad_audio: " in done.err
    assert [one["title"] for one in listed(data)] == ["hello"]
    assert len(kept(data)) == 1


def test_what_is_too_long_is_refused(data: Path) -> None:
    done = call("library", "add", CLIPS / "hello.mp3", "--data", data, MAX_ITEM_SECONDS="2")
    assert (done.code, done.out) == (1, "")
    assert "audio_too_long" in done.err
    assert (listed(data), kept(data)) == ([], set())


def test_a_file_that_is_not_there_is_wrong_usage(data: Path) -> None:
    assert add(data, "nowhere.mp3").code == 2


def test_an_unknown_id_fails(data: Path) -> None:
    done = call("library", "remove", "i_unknown", "--data", data)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("toybackend: not_found: ")
    assert call("library", "remove", "i_unknown", "--data", data, "--json").code == 1


def test_removing_answers_in_json(data: Path) -> None:
    song = json.loads(add(data, CLIPS / "hello.mp3", "--json").out)[0]
    gone = call("library", "remove", song["id"], "--json", "--data", data)
    assert json.loads(gone.out) == {"id": song["id"], "title": "hello"}
