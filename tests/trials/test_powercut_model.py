"""What the power cuts are made of: reading a record, what a disk may hold, and what counts as a broken promise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.server import Family
from toybackend.models import DeliveryState, MessageState
from trials.powercut.disk import Dice, Disk, at_once, fates, with_its_sync
from trials.powercut.operations import (
    ROOT,
    Change,
    Enter,
    Heard,
    Leave,
    Operation,
    Reader,
    Resize,
    Said,
    Sync,
    Unclear,
    Write,
)
from trials.powercut.promises import Found, Promises, Row, Sent
from trials.powercut.replay import moments
from trials.powercut.strace import NEVER, Call, read_calls
from trials.powercut.traffic import Street

# ── reading a record ──


def as_hex(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def at(path: str) -> str:
    """A descriptor of this path, as the tracer prints it."""
    return f"7<{as_hex(path)}>"


def quoted(text: str) -> str:
    return f'"{as_hex(text)}"'


def opened(path: str, flags: str) -> str:
    return f"openat(AT_FDCWD<{as_hex('/work')}>, {quoted(path)}, {flags}, 0600) = {at(path)}"


def read(tmp_path: Path, *lines: str) -> list[Operation]:
    log = tmp_path / "life.strace"
    log.write_text("".join(f"{line}\n" if line[0].isdigit() else f"11    {line}\n" for line in lines))
    return list(Reader(Path("/root")).read(read_calls([log])))


def test_a_call_lasts_from_where_it_begins_to_where_it_is_resumed(tmp_path: Path) -> None:
    log = tmp_path / "life.strace"
    log.write_text(
        "11    fsync(3</a> <unfinished ...>\n"
        "12    write(4</b>, \"\", 0) = 0\n"
        "11    <... fsync resumed>) = 0\n"
        "12    fsync(4</b> <unfinished ...>\n"
        "12    +++ killed by SIGKILL +++\n"
    )  # fmt: skip
    assert read_calls([log, log])[2:] == [
        Call("fsync", "4</b>", "?", 4, NEVER),
        Call("fsync", "3</a>", "0", 6, 8),
        Call("write", '4</b>, "", 0', "0", 7, 7),
        Call("fsync", "4</b>", "?", 9, NEVER),
    ]


def test_a_file_is_written_renamed_and_synced(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        f"mkdir({quoted('/root/in')}, 0700) = 0",
        opened("/root/in/a", "O_WRONLY|O_CREAT|O_TRUNC"),
        f"write({at('/root/in/a')}, {quoted('one')}, 3) = 3",
        f"write({at('/root/in/a')}, {quoted('two')}, 3) = 2",
        f"pwrite64({at('/root/in/a')}, {quoted('x')}, 1, 9) = 1",
        f"fsync({at('/root/in/a')}) = 0",
        f"rename({quoted('/root/in/a')}, {quoted('/root/b')}) = 0",
        f"fdatasync({at('/root')}) = 0",
        f"ftruncate({at('/root/b')}, 1) = 0",
        f"unlinkat({at('/root')}, {quoted('b')}, 0) = 0",
    )
    assert found == [
        Enter(ROOT, "in", 1, True, begun=1, ended=1),
        Enter(1, "a", 2, begun=2, ended=2),
        Write(2, 0, b"one", begun=3, ended=3),
        Write(2, 3, b"tw", begun=4, ended=4),
        Write(2, 9, b"x", begun=5, ended=5),
        Sync(2, begun=6, ended=6),
        Leave(1, "a", begun=7, ended=7),
        Enter(ROOT, "b", 2, begun=7, ended=7),
        Sync(ROOT, begun=8, ended=8),
        Resize(2, 1, begun=9, ended=9),
        Leave(ROOT, "b", begun=10, ended=10),
    ]


def test_a_file_goes_on_where_it_was_told_to(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        opened("/root/a", "O_WRONLY|O_CREAT"),
        f"write({at('/root/a')}, {quoted('12345')}, 5) = 5",
        f"lseek({at('/root/a')}, 2, SEEK_SET) = 2",
        f"write({at('/root/a')}, {quoted('x')}, 1) = 1",
        opened("/root/a", "O_WRONLY|O_APPEND"),
        f"write({at('/root/a')}, {quoted('y')}, 1) = 1",
        opened("/root/a", "O_WRONLY|O_TRUNC"),
        f"fallocate({at('/root/a')}, 0, 0, 4) = 0",
    )
    writes = [(one.at, one.data) for one in found if isinstance(one, Write)]
    assert writes == [(0, b"12345"), (2, b"x"), (5, b"y")]
    assert [one.size for one in found if isinstance(one, Resize)] == [0, 4]


def test_what_happens_elsewhere_or_not_at_all_is_passed_over(tmp_path: Path) -> None:
    assert not read(
        tmp_path,
        opened("/elsewhere", "O_WRONLY|O_CREAT"),
        f"write({at('/elsewhere')}, {quoted('x')}, 1) = 1",
        f"write({at('/root/log')}, {quoted('by whoever started us')}, 21) = 21",
        f"rename({quoted('/x')}, {quoted('/y')}) = 0",
        f"mkdir({quoted('/root/in')}, 0700) = -1 EEXIST (File exists)",
        f"fsync({at('/root/none')}(deleted)) = 0",
        "mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, " + at("/root/data-shm") + ", 0) = 0x7f",
        f"sendfile(5<TCP:[a->b]>, {at('/root/in')}, [0], 9) = 9",
        "+++ exited with 0 +++",
    )


def test_sockets_and_pipes_are_told_apart(tmp_path: Path) -> None:
    assert read(
        tmp_path,
        f"sendto(5<TCP:[127.0.0.1:1->127.0.0.1:2]>, {quoted('hello')}, 5, 0, NULL, 0 <unfinished ...>",
        f"12 recvfrom(6<TCP:[127.0.0.1:1->127.0.0.1:3]>, {quoted('who?')}, 9, 0, NULL, NULL) = 4",
        "11 <... sendto resumed>) = 5",
        f"write(1<{as_hex('pipe:[7]')}>, {quoted('ready')}, 5) = 5",
    ) == [
        Said("TCP:[127.0.0.1:1->127.0.0.1:2]", b"hello", begun=1, ended=3),
        Heard("TCP:[127.0.0.1:1->127.0.0.1:3]", b"who?", begun=2, ended=2),
        Said("pipe:[7]", b"ready", begun=4, ended=4),
    ]


def test_what_was_there_before_is_there_for_sure() -> None:
    reader, disk = Reader(Path("/root")), Disk(with_its_sync, with_its_sync)
    before = list(reader.begin(["in", "in/deep"], {"in/deep/a": b"old"}))
    assert found_on(disk, *before) == {"in/deep/a": b"old"}
    assert disk.state().folders == {"in", "in/deep"}
    call = Call("unlink", quoted("/root/in/deep/a"), "0", 1, 1)
    assert list(reader.read([call])) == [Leave(2, "a", begun=1, ended=1)]


@pytest.mark.parametrize(
    "line",
    [
        f"rename({quoted('/root/a')}, {quoted('/elsewhere')}) = 0",
        f"rename({quoted('/root/none')}, {quoted('/root/b')}) = 0",
        f"link({quoted('/elsewhere')}, {quoted('/root/b')}) = 0",
        f"mkdir({quoted('in')}, 0700) = 0",
        f"mkdir({quoted('/root/none/in')}, 0700) = 0",
        opened("/root/none", "O_WRONLY"),
        opened("/root/a", "O_RDWR|O_TMPFILE"),
        f"write({at('/root/a')}, {quoted('x')}, 1) = 1",
        f"pwrite64({at('/root/a')}, {quoted('x')}..., 9, 0) = 9",
        f"fallocate({at('/root/a')}, FALLOC_FL_PUNCH_HOLE, 0, 9) = 0",
        f"mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, {at('/root/a')}, 0) = 0x7f",
        f"copy_file_range({at('/elsewhere')}, NULL, {at('/root/a')}, NULL, 9, 0) = 9",
        f"sendfile({at('/root/a')}, {at('/elsewhere')}, [0], 9) = 9",
        f"pwritev({at('/root/a')}, [], 0, 0) = 0",
    ],
)
def test_a_record_with_a_gap_is_refused(line: str, tmp_path: Path) -> None:
    with pytest.raises(Unclear):
        read(tmp_path, opened("/root/a", "O_RDWR|O_CREAT"), line)


# ── what a disk may hold ──

MAKE = (Enter(ROOT, "a", 1, begun=1, ended=1), Write(1, 0, b"old", begun=2, ended=2))


def found_on(disk: Disk, *operations: Change | Sync) -> dict[str, bytes]:
    for operation in operations:
        if isinstance(operation, Sync):
            disk.sync(operation)
        else:
            disk.change(operation)
    return {path: bytes(data) for path, (_, data) in disk.state().files.items()}


def test_nothing_is_there_for_sure_before_its_sync() -> None:
    assert found_on(Disk(with_its_sync, with_its_sync), *MAKE) == {}
    assert found_on(Disk(with_its_sync, at_once), *MAKE) == {"a": b""}
    assert found_on(Disk(at_once, at_once), *MAKE) == {"a": b"old"}


def test_bytes_and_names_are_synced_each_for_themselves() -> None:
    bytes_first = (*MAKE, Sync(1, begun=3, ended=3))
    assert found_on(Disk(with_its_sync, with_its_sync), *bytes_first) == {}
    assert found_on(Disk(with_its_sync, with_its_sync), *bytes_first, Sync(ROOT, begun=4, ended=4)) == {"a": b"old"}
    assert found_on(Disk(with_its_sync, with_its_sync), *MAKE, Sync(ROOT, begun=3, ended=3)) == {"a": b""}


def test_a_sync_covers_what_had_ended_before_it_began() -> None:
    late = Write(1, 0, b"new", begun=3, ended=5)
    overlapping = (*MAKE, Sync(ROOT, begun=2, ended=2), late, Sync(1, begun=4, ended=6))
    assert found_on(Disk(with_its_sync, with_its_sync), *overlapping) == {"a": b"old"}
    assert found_on(Disk(at_once, with_its_sync), *overlapping) == {"a": b"new"}
    assert found_on(Disk(with_its_sync, with_its_sync), *overlapping, Sync(1, begun=7, ended=7)) == {"a": b"new"}


def test_a_rename_may_leave_both_names() -> None:
    kept = Enter(ROOT, "kept", 2, True, begun=1, ended=1)
    made = (kept, *MAKE, Sync(1, begun=3, ended=3), Sync(ROOT, begun=4, ended=4))
    renamed = (Leave(ROOT, "a", begun=5, ended=5), Enter(2, "b", 1, begun=5, ended=5))
    assert found_on(Disk(with_its_sync, with_its_sync), *made, *renamed) == {"a": b"old"}
    both = {"a": b"old", "kept/b": b"old"}
    assert found_on(Disk(with_its_sync, with_its_sync), *made, *renamed, Sync(2, begun=6, ended=6)) == both
    assert found_on(Disk(at_once, at_once), *made, *renamed) == {"kept/b": b"old"}


def test_what_was_written_early_is_not_undone_by_an_earlier_change_that_comes_late() -> None:
    """The first of two writes stays in memory until the sync; the second was on the disk at once."""
    fate = iter([(), True])

    def second_first(change: Change) -> Any:
        return (change,) if next(fate) else ()

    writes = (Write(1, 0, b"first", begun=2, ended=2), Write(1, 2, b"2nd", begun=3, ended=3))
    disk = Disk(second_first, at_once)
    assert found_on(disk, MAKE[0], *writes) == {"a": b"\0\0" + b"2nd"}
    assert found_on(disk, Sync(1, begun=4, ended=4)) == {"a": b"fi2nd"}


def test_a_file_grows_and_shrinks() -> None:
    disk = Disk(at_once, at_once)
    assert found_on(disk, *MAKE, Resize(1, 5, begun=3, ended=3)) == {"a": b"old\0\0"}
    assert found_on(disk, Resize(1, 1, begun=4, ended=4)) == {"a": b"o"}
    assert found_on(disk, Write(1, 3, b"x", begun=5, ended=5)) == {"a": b"o\0\0x"}


def test_folders_are_found_and_go() -> None:
    disk = Disk(at_once, at_once)
    disk.change(Enter(ROOT, "one", 1, True, begun=1, ended=1))
    disk.change(Enter(1, "two", 2, True, begun=2, ended=2))
    assert disk.state().folders == {"one", "one/two"}
    disk.change(Leave(1, "two", begun=3, ended=3))
    assert disk.state().folders == {"one"}


def test_the_same_bytes_are_known_again() -> None:
    states = []
    for fate in (at_once, with_its_sync):
        disk = Disk(fate, at_once)
        found_on(disk, *MAKE)
        states.append(disk.state().files["a"][0])
        found_on(disk, Sync(1, begun=3, ended=3))
        states.append(disk.state().files["a"][0])
    assert states[0] == states[1] == states[3] != states[2]


def test_dice_tear_at_sectors_and_can_be_thrown_again() -> None:
    write = Write(1, 500, bytes(range(250)) * 8, begun=1, ended=1)
    seen = set()
    for seed in range(50):
        parts = [one for one in Dice(str(seed))(write) if isinstance(one, Write)]
        assert parts == list(Dice(str(seed))(write))
        for part in parts:
            assert write.data[part.at - 500 :].startswith(part.data)
            assert part == write or (part.at in (500, 512, 1024, 1536, 2048) and len(part.data) <= 512)
        seen.add(len(parts))
    assert {0, 1} < seen, "all, nothing, and a part of it"


def test_there_are_four_corners_and_as_many_dice_as_wanted() -> None:
    assert len(fates(0, "1")) == 4
    assert len(fates(3, "1")) == 7


def test_a_promise_counts_from_its_first_byte_and_a_sync_from_its_end() -> None:
    write, sync = Write(1, 0, b"x", begun=1, ended=2), Sync(1, begun=3, ended=7)
    said, heard = Said("client", b"!", begun=5, ended=8), Heard("client", b"?", begun=4, ended=6)
    unfinished = Sync(1, begun=9, ended=NEVER)
    assert moments([write, sync, heard, said, unfinished]) == [write, said, heard, sync]


# ── what counts as a broken promise ──

MUM, BEAR, TOKEN = "p_mum", "t_bear", "secret"
VOICE = Sent("ref-0", MUM, digest=b"sound")
TEXT = Sent("ref-1", BEAR, text="hello")
NOISE = Sent("ref-2", MUM, digest=b"noise", is_sound=False)
TORN = Sent("ref-3", MUM, digest=b"torn", is_refused=True)
FAMILY = {"person_id": MUM, "person_token": TOKEN, "toy_id": BEAR, "toy_token": "other"}


def said(*frames: dict[str, str]) -> Said:
    return Said(
        "socket", b"\x81\x40".join(json.dumps(one, separators=(",", ":")).encode() for one in frames), begun=1, ended=1
    )


def promised(*frames: dict[str, str]) -> Promises:
    """A family that moved in, its voice and its text that were accepted, and what else was said."""
    promises = Promises([VOICE, TEXT, NOISE, TORN])
    assert promises.note(Said("pipe", json.dumps([FAMILY]).encode(), begun=1, ended=1))
    accepted = ({"type": "accepted", "id": f"m_{number}", "ref": f"ref-{number}"} for number in range(3))
    assert promises.note(said(*accepted, *frames))
    return promises


def row(sent: Sent, state: MessageState, **more: Any) -> Row:
    number = sent.ref[-1]
    made = Row(
        id=f"m_{number}",
        conversation="chat",
        ref=sent.ref,
        sender_id=sent.sender_id,
        text=sent.text,
        state=state,
        duration_ms=1000 if state is MessageState.PUBLISHED and sent.digest else None,
        has_original=sent.digest is not None and state is not MessageState.FAILED,
    )
    return replace(made, **more)


def rows(*given: Row) -> dict[str, Row]:
    return {one.id: one for one in given}


PUBLISHED = row(VOICE, MessageState.PUBLISHED)
GOOD = Found(
    rows=rows(PUBLISHED, row(TEXT, MessageState.PUBLISHED), row(NOISE, MessageState.FAILED)),
    copies={("m_0", BEAR): DeliveryState.DELIVERED},
    parties=frozenset({MUM, BEAR}),
    originals={"m_0": b"sound"},
    mp3s={"m_0": 1036},
)
FRAMES = (
    {"type": "voice", "id": "m_0"},
    {"type": "delivered", "id": "m_0", "to_user": BEAR},
    {"type": "failed", "id": "m_2"},
)


def but(**changes: Any) -> Found:
    return replace(GOOD, **changes)


def with_row(changed: Row) -> Found:
    return but(rows={**GOOD.rows, changed.id: changed})


def kinds(promises: Promises, found: Found) -> set[str]:
    return {one.kind for one in promises.judge(found)}


def test_a_house_that_keeps_everything_breaks_no_promise() -> None:
    assert kinds(promised(*FRAMES), GOOD) == set()


BROKEN: dict[str, tuple[str, Found]] = {
    "it does not open": ("not opened", Found(trouble="damaged")),
    "a message is away": ("lost", but(rows={one: GOOD.rows[one] for one in ("m_1", "m_2")})),
    "a person is away": ("lost", but(parties=frozenset({BEAR}))),
    "somebody else's": ("mixed up", with_row(replace(PUBLISHED, sender_id=BEAR))),
    "another text": ("mixed up", with_row(replace(GOOD.rows["m_1"], text="bye"))),
    "twice": ("doubled", with_row(replace(PUBLISHED, id="m_9"))),
    "refused": ("never accepted", with_row(row(TORN, MessageState.ACCEPTED))),
    "unknown": ("never accepted", with_row(replace(PUBLISHED, id="m_9", ref="what"))),
    "no recording": ("silent", but(rows=rows(row(VOICE, MessageState.ACCEPTED)), originals={}, mp3s={})),
    "no MP3": ("silent", but(mp3s={})),
    "an MP3 too short": ("silent", but(mp3s={"m_0": 500})),
    "half an MP3": ("torn", but(mp3s={"m_0": None})),
    "half a recording": ("torn", but(originals={"m_0": b"sou"})),
    "it had sound": ("silent", with_row(row(VOICE, MessageState.FAILED))),
    "still waiting": ("silent", replace(with_row(row(VOICE, MessageState.ACCEPTED)), is_finished=True)),
    "not published any more": ("taken back", with_row(row(VOICE, MessageState.ACCEPTED))),
    "not failed any more": ("taken back", with_row(row(NOISE, MessageState.ACCEPTED))),
    "not delivered any more": ("taken back", but(copies={("m_0", BEAR): DeliveryState.WAITING})),
    "out of turn": ("misordered", with_row(row(VOICE, MessageState.CONVERTED))),
    "a file of nobody": ("stray", but(mp3s={**GOOD.mp3s, "m_9": 36})),
    "an upload that was under way": ("stray", but(unfinished=["0123"])),
    "a recording that was over": ("came back", with_row(replace(PUBLISHED, has_original=False))),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_seen(name: str) -> None:
    kind, found = BROKEN[name]
    assert kind in kinds(promised(*FRAMES), found)


def test_one_ref_under_two_ids_is_doubled() -> None:
    again = {"type": "accepted", "id": "m_9", "ref": "ref-0"}
    assert "doubled" in kinds(promised(again), GOOD)


def test_heard_is_not_taken_back_by_a_late_delivered() -> None:
    heard = {"type": "heard", "id": "m_0", "to_user": BEAR}
    assert kinds(promised(heard, *FRAMES), GOOD) == {"taken back"}


# ── erasing ──


def request(what: str) -> Heard:
    text = f"DELETE /api/v1/{what} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    return Heard("asker", text.encode(), begun=2, ended=2)


ANSWER = Said("asker", b"HTTP/1.1 200 OK\r\n\r\n{}", begun=3, ended=3)
WITHOUT_VOICE = but(rows={one: GOOD.rows[one] for one in ("m_1", "m_2")}, originals={}, mp3s={})
EMPTY = Found()


@pytest.mark.parametrize(("what", "without"), [("messages/m_0", WITHOUT_VOICE), ("me", EMPTY)])
def test_what_is_asked_to_go_may_be_there_or_not_until_the_answer(what: str, without: Found) -> None:
    promises = promised()
    assert kinds(promises, without) == {"lost"}
    assert promises.note(request(what))
    assert kinds(promises, without) == kinds(promises, GOOD) == set()
    assert promises.note(ANSWER)
    assert kinds(promises, without) == set()
    assert kinds(promises, GOOD) == {"came back"}


@pytest.mark.parametrize("left", [{"originals": {"m_0": b"sound"}}, {"mp3s": {"m_0": 1036}}])
def test_a_file_of_what_was_erased_has_come_back(left: dict[str, Any]) -> None:
    promises = promised()
    promises.note(request("messages/m_0"))
    promises.note(ANSWER)
    assert "came back" in kinds(promises, replace(WITHOUT_VOICE, **left))


def test_the_bytes_of_an_erased_text_have_come_back() -> None:
    promises, rest = promised(), but(rows={one: GOOD.rows[one] for one in ("m_0", "m_2")})
    promises.note(request("messages/m_1"))
    assert not promises.is_erased
    promises.note(ANSWER)
    assert promises.is_erased
    assert kinds(promises, rest) == set()
    assert kinds(promises, replace(rest, remains=frozenset({"ref-1"}))) == {"came back"}


@pytest.mark.parametrize(
    "answer", [replace(ANSWER, peer="other"), replace(ANSWER, data=b"HTTP/1.1 503 Service Unavailable\r\n")]
)
def test_only_the_answer_to_it_says_that_it_is_done(answer: Said) -> None:
    promises = promised()
    promises.note(request("messages/m_0"))
    assert not promises.note(answer)
    assert kinds(promises, GOOD) == set()


def test_in_the_next_era_nobody_waits_for_an_answer_any_more() -> None:
    promises = promised()
    promises.note(request("messages/m_0"))
    promises.expect([VOICE, TEXT, NOISE, TORN])
    assert promises.is_leaving("m_0")
    assert not promises.note(ANSWER)
    assert kinds(promises, GOOD) == set()


def test_after_a_power_cut_clients_send_again_what_nobody_accepted_and_nothing_that_goes() -> None:
    promises, family = promised(), Family(MUM, TOKEN, BEAR, "other")
    promises.note(request("messages/m_0"))
    street = Street(Random(1), [family], sent=[VOICE, NOISE], accepted={"ref-0": "m_0", "ref-9": "m_9"})
    street.offers = {MUM: {"ref-0": b"sound", "ref-2": b"noise", "ref-9": b"later"}}
    after = street.after(promises)
    assert after.offers == {MUM: {"ref-2": b"noise", "ref-9": b"later"}}
    assert after.accepted == {"ref-0": "m_0", "ref-1": "m_1", "ref-2": "m_2"}
    assert after.families == [family]
    promises.note(request("me"))
    assert street.after(promises).families == []


def test_a_record_has_all_that_clients_know() -> None:
    promises = promised()
    assert promises.cover({"ref-0": "m_0"}, [])
    assert not promises.cover({"ref-0": "m_9"}, [])
    assert not promises.cover({}, ["m_0"])
