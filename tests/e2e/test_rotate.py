"""Log files are rotated while children write to them, by a command, by patrols, by themselves."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pytest

from tests.e2e.files import Files
from tests.e2e.kernel import long_sleep
from tests.waiting import Gate, eventually
from tsm.store import compression

if TYPE_CHECKING:
    from tests.running import Tsm

COUNTING = "i=0; while [ $i -lt {} ]; do echo line $i; i=$((i+1)); done; exec sleep 1000"


def start_counting(tsm: Tsm, count: int, *options: str) -> Files:
    """A child that writes so many lines, and then sleeps."""
    tsm("start", "--name", "web", *options, "--", "sh", "-c", COUNTING.format(count))
    files = Files(tsm.home, "web")
    last = f"line {count - 1}\n"
    eventually(lambda: written(files).endswith(last.encode()))
    return files


def rotated(files: Files) -> list[Path]:
    """The rotated files of standard output, oldest first."""
    found = files.folder.glob("????-??-??-*.out*")
    return sorted(path for path in found if path.suffix in (".out", ".gz", ".zst"))


def written(files: Files) -> bytes:
    """All that the child has written: the rotated files and the current one."""
    parts = [read(path) for path in rotated(files)]
    return b"".join([*parts, (files.folder / "current.out").read_bytes()])


def read(path: Path) -> bytes:
    with compression.opened(str(path)) as file:
        return file.read()


def lines(count: int) -> bytes:
    return "".join(f"line {number}\n" for number in range(count)).encode()


def test_force_rotates_what_is_there_and_the_child_writes_on(tsm: Tsm, gate: Gate) -> None:
    command = f"sh -c 'echo one; read code <{gate.path}; echo two; exec sleep 1000'"
    tsm("start", command, "--name", "web")
    files = Files(tsm.home, "web")
    eventually(lambda: written(files) == b"one\n")
    row = tsm("rotate", "--force", "web").row
    assert (row["name"], row["action"], row["stream"], row["bytes"]) == ("web", "rotate", "out", 4)
    assert (files.folder / row["file"]).read_bytes() == b"one\n"
    assert (files.folder / "current.out").read_bytes() == b""
    gate.open()
    eventually(lambda: (files.folder / "current.out").read_bytes() == b"two\n")
    (event,) = [one for one in files.events if one["event"] == "rotate"]
    assert (event["file"], event["bytes"], event["reason"]) == (row["file"], 4, "asked for")
    assert tsm("check").out == ""


def test_nothing_is_done_that_is_not_due(tsm: Tsm) -> None:
    files = start_counting(tsm, 10)
    assert tsm("rotate").out == ""
    assert rotated(files) == []
    assert tsm("logs", "web").out == lines(10).decode()


def test_patrol_rotates_what_has_grown_and_keeps_so_many(tsm: Tsm) -> None:
    files = start_counting(tsm, 1000, "--log-size", "4k", "--log-keep", "2")
    assert [row["action"] for row in tsm("patrol").rows] == ["rotate"]
    for _ in range(3):
        tsm("rotate", "--force")
        with (files.folder / "current.out").open("ab") as more:
            more.write(b"more\n")
    assert len(rotated(files)) == 2
    events = [one["event"] for one in files.events]
    assert events.count("log-removed") == events.count("rotate") - 2 > 0
    assert not list(files.folder.glob("*-00.out*"))


def test_a_patrol_that_stays_rotates_by_itself_and_loses_nothing(resident: Tsm) -> None:
    count = 30_000
    files = start_counting(resident, count, "--log-size", "32k", "--log-keep", "1000")
    eventually(lambda: rotated(files))
    eventually(lambda: (files.folder / "current.out").stat().st_size < 32768)
    eventually(lambda: written(files) == lines(count))
    assert all(read(path).endswith(b"\n") for path in rotated(files))


WITHOUT_ZSTANDARD = """
from importlib import util
find = util.find_spec
util.find_spec = lambda name, *more: None if name == "zstandard" else find(name, *more)
"""


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_rotated_files_are_compressed_and_the_same_within(tsm: Tsm, how: str) -> None:
    files = start_counting(tsm, 100, "--log-compress", how)
    rows = tsm("rotate", "--force").rows
    assert [row["action"] for row in rows] == ["rotate", "compress"]
    assert [path.suffix for path in rotated(files)] == [compression.SUFFIXES[how]]
    assert written(files) == lines(100)


def test_a_library_that_is_missing_is_told_to_who_asks_for_it(tsm: Tsm) -> None:
    (tsm.cwd / "sitecustomize.py").write_text(WITHOUT_ZSTANDARD)
    env = {"PYTHONPATH": str(tsm.cwd)}
    words = ("start", "sleep 1000", "--name", "web")
    refused = tsm.program(*words, "--log-compress", "zstd", ok=False, env=env)
    said = "log-compress zstd needs a library: pip install zstandard\n"
    assert (refused.status, refused.err) == (7, f"tsm start: {said}")
    assert tsm("ls").rows == []
    tsm(*words)
    refused = tsm.program("set", "web", "log-compress=zstd", ok=False, env=env)
    assert (refused.status, refused.err) == (7, f"tsm set: {said}")
    tsm("set", "web", "log-compress=zstd")
    files = Files(tsm.home, "web")
    (files.folder / "current.out").write_text("one\n")
    failed = tsm.program("rotate", "--force", "--table", ok=False, env=env)
    assert (failed.status, failed.err) == (7, f"tsm rotate: web: out: not compressed: {said}")
    assert len(failed.out.splitlines()) == 1  # it was rotated
    assert tsm.program("set", "web", "nice=5", env=env).err == ""


def test_a_compression_that_was_killed_is_done_again(tsm: Tsm) -> None:
    files = start_counting(tsm, 100)
    tsm("rotate", "--force")
    (path,) = rotated(files)
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.with_name(f"{path.name}.gz.new").write_bytes(b"half")
    tsm("set", "web", "log-compress=gzip")
    tsm("rotate")
    assert [one.suffix for one in rotated(files)] == [".gz"]
    assert written(files) == lines(100)


def test_the_home_has_bounds_as_well(tsm: Tsm) -> None:
    files = start_counting(tsm, 100)
    for _ in range(3):
        with (files.folder / "current.out").open("ab") as more:
            more.write(b"more\n" * 100)
        tsm("rotate", "--force")
    kept = rotated(files)[1:]
    size = sum(path.stat().st_size for path in kept)
    with (tsm.home / "config.toml").open("a") as config:
        config.write(f"logs_total = {size}\n")
    (row,) = tsm("rotate").rows
    assert (row["action"], row["reason"]) == ("remove", "too much in all logs")
    assert rotated(files) == kept
    with (tsm.home / "config.toml").open("a") as config:
        config.write('disk_free = "4000T"\n')
    assert {row["reason"] for row in tsm("rotate").rows} == {"the disk is nearly full"}
    assert rotated(files) == []
    assert (files.folder / "current.out").exists()


def test_a_name_that_is_taken_is_passed_over(tsm: Tsm) -> None:
    files = start_counting(tsm, 10)
    tsm("rotate", "--force")
    (path,) = rotated(files)
    taken = path.with_name(path.name.replace("-00.", "-01."))
    taken.mkdir()
    with (files.folder / "current.out").open("ab") as more:
        more.write(b"more\n")
    assert tsm("rotate", "--force").row["file"] == taken.name.replace("-01.", "-02.")


def test_what_cannot_be_rotated_is_told_once_and_logging_goes_on(tsm: Tsm) -> None:
    files = start_counting(tsm, 10)
    (files.folder / "current.out.cut").mkdir()
    shown = tsm("rotate", "--force", "--table", ok=False)
    failed = tsm("rotate", "--force", ok=False)
    assert (failed.status, failed.row["action"]) == (7, None)
    assert failed.err == f"tsm rotate: web: out: not rotated: {failed.row['reason']}\n"
    assert (shown.status, shown.out, shown.err) == (7, "", failed.err)
    (event,) = [one for one in files.events if one["event"] == "rotate-failed"]
    assert event["stream"] == "out"
    assert "current.out.cut" in event["reason"]
    assert written(files) == lines(10)


def test_a_rotation_that_was_killed_leaves_nobody_stopped_and_loses_nothing(tsm: Tsm) -> None:
    """Though the child has written more than was there before anybody else looks."""
    argv = long_sleep()
    tsm("start", "--name", "web", "--", *argv)
    files = Files(tsm.home, "web")
    out, note = files.folder / "current.out", files.folder / "current.out.cut"
    first, more = b"one\n", b"more\n" * 9
    out.write_bytes(first)
    act, seen = 1, len(files.events)
    while tsm.killed(act, "rotate", "--force", "web"):
        eventually(lambda: tsm("ls").row["status"] == "online")
        with out.open("ab") as child:
            child.write(more)
        tsm("rotate")
        eventually(lambda: not note.exists())  # somebody else may be at it
        assert written(files) == first + more, f"killed before act {act}"
        told = [one["file"] for one in files.events[seen:] if one["event"] == "rotate"]
        assert told == [path.name for path in rotated(files)]
        seen = len(files.events)
        for path in files.folder.glob("????-??-??-*"):
            path.unlink()
        out.write_bytes(first)
        act += 1
    assert act > 5


def test_rotations_at_once_wait_for_each_other(tsm: Tsm) -> None:
    count = 20_000
    tsm("start", "--name", "web", "--log-keep", "1000", "--", "sh", "-c", COUNTING.format(count))
    files = Files(tsm.home, "web")
    eventually(lambda: written(files))
    commands = (("rotate", "--force"), ("rotate", "--force", "web"), ("patrol",), ("rotate",))
    for one in tsm.at_once(commands * 2):
        assert (one.status, one.err) == (0, ""), one
    eventually(lambda: written(files) == lines(count))
    assert rotated(files)
    assert all(read(path).endswith(b"\n") for path in rotated(files))


def test_a_line_that_never_ends_is_cut_at_the_size_by_any_patrol(tsm: Tsm) -> None:
    script = "echo first; head -c 10000 /dev/zero; exec sleep 1000"
    tsm("start", "--name", "web", "--log-size", "4k", "--", "sh", "-c", script)
    files = Files(tsm.home, "web")
    eventually(lambda: len((files.folder / "current.out").read_bytes()) == 10_006)
    assert [row["action"] for row in tsm("patrol").rows] == ["rotate"] * 3
    assert written(files) == b"first\n" + bytes(10_000)
    told = [(one["bytes"], one.get("cut_line")) for one in files.events if one["event"] == "rotate"]
    assert told == [(6, None), (4096, True), (4096, True)]
    assert tsm("patrol").rows == []
    assert tsm("check").out == ""


def test_what_is_over_can_be_told_of_a_run_whose_log_was_rotated(tsm: Tsm, gate: Gate) -> None:
    command = f"sh -c 'echo old >&2; read code <{gate.path}; echo last >&2; exit $code'"
    tsm("start", command, "--name", "web", "--restart", "no")
    files = Files(tsm.home, "web")
    eventually(lambda: (files.folder / "current.err").read_bytes() == b"old\n")
    tsm("rotate", "--force")
    gate.open(3)
    files.await_event("crash")
    eventually(lambda: tsm("crashes").rows)
    assert tsm("crashes", "--show", "web").row["err"] == ["old", "last"]


COPYING = "while read line; do echo $line; done <{}; exec sleep 1000"


@pytest.mark.parametrize("how", ["deleted", "moved"])
def test_a_log_that_was_taken_away_is_there_again_with_what_came_since(
    tsm: Tsm, tmp_path: Path, how: str
) -> None:
    lines, out = start_copying(tsm)
    lines.write("one\n")
    lines.flush()
    eventually(lambda: out.read_bytes() == b"one\n")
    tsm("rotate")  # as a patrol does: it knows the file now
    following = tsm.spawn("logs", "-f", "web")
    assert following.stdout is not None
    assert following.stdout.readline() == "one\n"
    with out.open("rb") as old:
        out.rename(tmp_path / "kept") if how == "moved" else out.unlink()
        lines.write("two\n")
        lines.flush()
        eventually(lambda: os.fstat(old.fileno()).st_size == len("one\ntwo\n"))
    assert tsm("patrol").rows[0]["action"] == "restore"
    eventually(lambda: tsm("patrol").status == 0 and out.read_bytes() == b"two\n")
    lines.write("three\n")
    lines.flush()
    eventually(lambda: tsm("patrol").status == 0 and out.read_bytes() == b"two\nthree\n")
    assert [following.stdout.readline() for _ in range(2)] == ["two\n", "three\n"]
    following.terminate()
    following.wait()
    events = [one["event"] for one in Files(tsm.home, "web").events]
    assert events.count("log-displaced") == 1
    lines.close()
    tsm("restart", "web")
    (tsm.cwd / "lines").write_text("four\n")  # once the next child reads
    eventually(lambda: out.read_bytes() == b"two\nthree\nfour\n")
    assert tsm("patrol").rows == []
    assert tsm("check").out == ""


POLITE = "trap 'echo goodbye; exit' TERM; echo hello; while :; do sleep 0.01; done"


@pytest.mark.parametrize("how", ["deleted", "moved"])
@pytest.mark.parametrize("verb", ["stop", "restart"])
@pytest.mark.parametrize("patrols", [0, 1])
def test_last_words_for_a_log_that_was_taken_away_are_there(
    tsm: Tsm, how: str, verb: str, patrols: int
) -> None:
    tsm("start", "--name", "web", "--", "sh", "-c", POLITE)
    out = Files(tsm.home, "web").folder / "current.out"
    eventually(lambda: out.read_bytes() == b"hello\n")
    tsm("rotate")
    out.rename(tsm.cwd / "kept") if how == "moved" else out.unlink()
    for _ in range(patrols):
        tsm("patrol")
    tsm(verb, "web")
    last = b"goodbye\n" + (b"hello\n" if verb == "restart" else b"")
    eventually(lambda: out.read_bytes() == last)


def test_last_words_of_who_ends_by_himself_are_there_by_the_resident(resident: Tsm) -> None:
    fifo = resident.cwd / "words"
    os.mkfifo(fifo)
    command = f"echo hello; read words <{fifo}; echo $words; exit 3"
    resident("start", "--name", "web", "--restart", "no", "--", "sh", "-c", command)
    out = Files(resident.home, "web").folder / "current.out"
    eventually(lambda: out.with_name("current.out.idx").exists())
    out.unlink()
    pid = (resident.home / "runtime/patrol/resident").read_text().split()[0]
    fds = Path(f"/proc/{pid}/fd")
    eventually(lambda: f"{out} (deleted)" in [str(fd.readlink()) for fd in fds.iterdir()])
    eventually(out.exists)
    fifo.write_text("goodbye\n")
    eventually(lambda: out.read_bytes() == b"goodbye\n")
    eventually(lambda: resident("crashes").rows)
    assert resident("crashes", "--show", "web").row["out"][-1] == "goodbye"


def start_copying(tsm: Tsm) -> tuple[TextIO, Path]:
    """A child that writes the lines it is given, where to give them, and its log."""
    fifo = tsm.cwd / "lines"
    os.mkfifo(fifo)
    tsm("start", "--name", "web", "--", "sh", "-c", COPYING.format(fifo))
    return fifo.open("w"), Files(tsm.home, "web").folder / "current.out"


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_patrol_that_stays_sees_that_at_once(resident: Tsm, how: str) -> None:
    lines, out = start_copying(resident)
    new = resident.cwd / "new"
    new.touch()  # as logrotate's `create` does
    with lines:
        lines.write("one\n")
        lines.flush()
        eventually(lambda: out.with_name("current.out.idx").stat().st_size >= 64)
        out.unlink() if how == "deleted" else new.rename(out)
        lines.write("two\n")
        lines.flush()
        eventually(lambda: out.read_bytes() == b"two\n")


def test_a_log_that_somebody_empties_is_an_event_and_goes_on(tsm: Tsm) -> None:
    lines, out = start_copying(tsm)
    with lines:
        lines.write("one\n")
        lines.flush()
        eventually(lambda: out.read_bytes() == b"one\n")
        tsm("rotate")
        os.truncate(out, 0)
        tsm("rotate")
        (event,) = [one for one in Files(tsm.home, "web").events if one["event"] == "log-emptied"]
        assert (event["stream"], event["bytes"]) == ("out", 4)
        lines.write("two\n")
        lines.flush()
        eventually(lambda: out.read_bytes() == b"two\n")
        assert tsm("rotate").rows == []
    assert tsm("check").out == ""


def test_a_log_that_somebody_empties_under_a_resident_is_an_event_at_once(resident: Tsm) -> None:
    """And what is written then has its own time, not that of what had been there."""
    lines, out = start_copying(resident)
    files, index = Files(resident.home, "web"), out.with_name("current.out.idx")
    with lines:
        lines.write("one\n" * 100)
        lines.flush()
        eventually(lambda: index.exists() and int(index.read_text()[-32:-16]) == 400)
        os.truncate(out, 0)
        (event,) = files.await_event("log-emptied")
        assert (event["stream"], event["bytes"]) == ("out", 400)
        lines.write("two\n")
        lines.flush()
        eventually(lambda: int(index.read_text()[-32:-16]) == 404)


def test_a_child_that_writes_elsewhere_is_left_alone(tsm: Tsm) -> None:
    elsewhere = tsm.cwd / "elsewhere"
    tsm("start", "--name", "web", "--", "sh", "-c", f"exec >{elsewhere}; echo one; sleep 1000")
    eventually(lambda: elsewhere.read_bytes() == b"one\n")
    assert tsm("patrol").rows == []
    assert (Files(tsm.home, "web").folder / "current.out").read_bytes() == b""


def test_settings_are_checked(tsm: Tsm) -> None:
    for option, value in (("size", "1k"), ("rotate", "weekly"), ("age", "1s"), ("compress", "xz")):
        refused = tsm("start", "true", f"--log-{option}", value, ok=False)
        assert (refused.status, f"log-{option} " in refused.err) == (2, True), refused.err
    (tsm.home / "config.toml").write_text('log_rotate = "daily@24"\n')
    assert "log_rotate = 'daily@24': should be" in tsm("rotate", ok=False).err


def test_all_is_told_of_in_json_where_nobody_looks(tsm: Tsm) -> None:
    start_counting(tsm, 10)
    row = json.loads(tsm("rotate", "--force").out)
    assert set(row) == {"name", "action", "stream", "file", "bytes", "reason", "stopped_ms"}
    assert tsm("rotate", "--force", "--table").out == ""
    assert tsm("rotate", "nobody", ok=False).status == 3


def test_nothing_is_removed_for_settings_that_cannot_be_read(tsm: Tsm) -> None:
    files = start_counting(tsm, 10)
    for number in range(40):
        (files.folder / f"2026-01-01-{number:02}.out").write_text("old\n")
    settings = tsm.home / "config.toml"
    usual = settings.read_text()
    settings.write_text(f'{usual}log_keep = 1000\nlog_size = "much"\n')
    for command in ("rotate", "patrol"):
        result = tsm(command, ok=False)
        assert result.status == 6
        assert f"{settings}: log_size" in result.err
    assert len(rotated(files)) == 40
    settings.write_text(usual)
    tsm("rotate")
    assert len(rotated(files)) == 30  # by default
