"""Where processes write their logs: to files of the user's, both streams to one, or nowhere."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files, below
from tests.e2e.kernel import long_sleep, unrunnable
from tests.following import Following, following
from tests.machine import processes
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import Tsm

RAW = r"printf 'a\n\377torn'; printf 'b\n' >&2; exec sleep 1000"
BOTH = "echo 1; echo 2 >&2; echo 3; echo 4 >&2"
IN_TURN = b"1\n2\n3\n4\n"
COPYING = "exec 3<{}; while read line <&3; do echo $line; echo $line >&2; done"


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on another file system than the home's."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def start(tsm: Tsm, script: str, *options: str) -> Files:
    """A process `web` that runs a line of shell."""
    tsm("start", "--name", "web", *options, "--", "sh", "-c", script)
    return Files(tsm.home, "web")


def rotated(files: Files, stream: str) -> bytes:
    """What has been rotated out of that stream."""
    return b"".join(path.read_bytes() for path in sorted(files.folder.glob(f"*-*.{stream}")))


def shown_in_some_order(follower: Following, lines: list[bytes]) -> None:
    """Wait until it has printed these lines, and nothing else."""
    eventually(lambda: sorted(follower.out.splitlines()) == sorted(lines))


class TestOwnPaths:
    def test_are_relative_to_the_callers_directory_and_stay_raw(self, tsm: Tsm) -> None:
        for folder in ("here", "logs", "app"):
            (tsm.cwd / folder).mkdir()
        out, err = tsm.cwd / "logs/web.out", tsm.cwd / "here/web.err"
        words = ("--out", "../logs/web.out", "--err", "web.err", "--umask", "0027")
        argv = ("--cwd", tsm.cwd / "app", "--", "sh", "-c", RAW)
        tsm("start", "--name", "web", *words, *argv, cwd=tsm.cwd / "here")
        files = Files(tsm.home, "web")
        eventually(lambda: (out.read_bytes(), err.read_bytes()) == (b"a\n\xfftorn", b"b\n"))
        assert files.spec["logs"] == {"out": str(out), "err": str(err)}
        assert [oct(path.stat().st_mode)[-3:] for path in (out, err)] == ["640", "640"]
        assert (files.folder / "current.out").readlink() == out
        described = tsm("describe", "web").row
        assert (described["paths"]["out"], described["paths"]["err"]) == (str(out), str(err))
        assert described["stderr"] == ["b"]
        assert tsm("logs", "web", "--out").out == "a\n\udcfftorn\n"
        assert tsm("check").out == ""
        tsm("delete", "web")
        assert (out.read_bytes(), err.read_bytes()) == (b"a\n\xfftorn", b"b\n")

    def test_are_rotated_and_emptied_like_others(self, tsm: Tsm, memory: Path) -> None:
        own = memory / "web.out"
        own.write_bytes(b"before\n")
        files = start(tsm, "seq 1000; exec sleep 1000", "--out", str(own))
        numbers = "".join(f"{number}\n" for number in range(1, 1001)).encode()
        eventually(lambda: own.read_bytes() == b"before\n" + numbers)
        row = tsm("rotate", "--force").row
        assert (files.folder / row["file"]).read_bytes() == b"before\n" + numbers
        assert (own.read_bytes(), (files.folder / "current.out").readlink()) == (b"", own)
        own.write_bytes(b"more\n")
        assert tsm("flush", "web").row["bytes"] == 5
        assert own.read_bytes() == b""

    def test_are_rotated_by_a_patrol_that_stays(self, resident: Tsm) -> None:
        own, count = resident.cwd / "own", 5000
        script = f"seq -f %099.0f {count}; exec sleep 1000"
        files = start(resident, script, "--out", str(own), "--log-size", "64k")
        eventually(lambda: len(rotated(files, "out") + own.read_bytes()) == count * 100)
        eventually(lambda: own.stat().st_size < 65536)
        lines = (rotated(files, "out") + own.read_bytes()).splitlines()
        assert list(map(int, lines)) == list(range(1, count + 1))

    def test_one_that_logrotate_takes_away_is_written_on(self, tsm: Tsm) -> None:
        os.mkfifo(tsm.cwd / "lines")
        out, err = tsm.cwd / "web.out", tsm.cwd / "web.err"
        start(tsm, COPYING.format(tsm.cwd / "lines"), "--out", str(out), "--err", str(err))
        with (tsm.cwd / "lines").open("w") as lines:
            print("one", file=lines, flush=True)
            eventually(lambda: out.read_bytes() + err.read_bytes() == b"one\none\n")
            tsm("rotate")
            out.rename(tsm.cwd / "web.out.1")
            out.touch()
            out.chmod(0o644)
            err.chmod(0o604)
            with err.open("rb") as old:
                err.unlink()
                print("two", file=lines, flush=True)
                eventually(lambda: os.fstat(old.fileno()).st_size == len("one\ntwo\n"))
            assert {row["action"] for row in tsm("patrol").rows} == {"restore"}
            eventually(lambda: tsm("patrol").status == 0 and out.read_bytes() == b"two\n")
            eventually(lambda: tsm("patrol").status == 0 and err.read_bytes() == b"two\n")
            assert oct(err.stat().st_mode)[-3:] == "604"
            events = [one["event"] for one in Files(tsm.home, "web").events]
            assert events.count("log-displaced") == 2

    def test_of_one_whose_directory_is_gone_it_waits_and_says_so(self, tsm: Tsm) -> None:
        folder = tsm.cwd / "logs"
        folder.mkdir()
        files = start(tsm, "exec sleep 1000", "--out", "logs/out", "--delay", "0")
        (folder / "out").rename(tsm.cwd / "moved")
        folder.rmdir()
        os.kill(files.child, 9)
        reason = f"cannot write its log to {folder}/out: there is no directory {folder}: make it"
        eventually(lambda: reason in tsm("ls").row["reason"])
        folder.mkdir()
        tsm("patrol")
        assert tsm("ls").row["status"] == "online"
        assert (folder / "out").exists()

    def test_of_one_that_is_a_directory_now_is_told_by_check(self, tsm: Tsm) -> None:
        start(tsm, "exit 0", "--out", "own", "--merge-logs", "--restart", "no")
        own = tsm.cwd / "own"
        own.unlink()
        own.mkdir()
        row = tsm("check", ok=False).row
        assert row["path"] == str(own)
        assert row["problem"].startswith("not a file that a log can be written to")
        assert row["repair"] == "move it away, or tsm set web out=ANOTHER"

    def test_come_back_with_a_resurrect(self, tsm: Tsm) -> None:
        own = tsm.cwd / "own"
        files = start(tsm, "echo ran; exec sleep 1000", "--out", "own", "--merge-logs")
        eventually(lambda: own.read_bytes() == b"ran\n")
        tsm("save")
        tsm("delete", "web")
        tsm("resurrect")
        eventually(lambda: own.read_bytes() == b"ran\nran\n")
        assert (files.folder / "current.err").readlink() == Path("current.out")

    def test_may_be_a_fifo_which_is_its_readers_alone(self, tsm: Tsm) -> None:
        fifo = tsm.cwd / "fifo"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        try:
            start(tsm, f"{BOTH}; exec sleep 1000", "--out", str(fifo), "--merge-logs")
            tsm("start", "--name", "next", "--out", str(fifo), "--", *long_sleep())  # shared
            assert tsm("logs").out == tsm("rotate", "--force").out == tsm("patrol").out == ""
            assert tsm("flush", "web").row["bytes"] == 0
            assert eventually(lambda: os.read(reader, 100)) == IN_TURN
        finally:
            os.close(reader)

    def test_restart_nobody_who_watches_their_directory(self, resident: Tsm) -> None:
        source, own = resident.cwd / "src", resident.cwd / "src/web.log"
        source.mkdir()
        script = "i=0; while [ $i -lt 50 ]; do echo; i=$((i+1)); sleep 0.01; done; exec sleep 1000"
        files = start(
            resident, script, "--out", str(own), "--watch", "src", "--watch-delay", "10ms"
        )
        eventually(lambda: own.stat().st_size == 50)
        path = source / "app.py"
        eventually(lambda: path.write_text("") == 0 and "watch" in files.event_names())
        (event,) = [one for one in files.events if one["event"] == "watch"]
        assert event["reason"] == f"{path} changed"


class TestMerged:
    def test_both_streams_are_in_one_file_in_turn(self, tsm: Tsm) -> None:
        files = start(tsm, f"{BOTH}; exit 3", "--merge-logs", "--restart", "no")
        out = files.folder / "current.out"
        eventually(lambda: out.read_bytes() == IN_TURN)
        assert tsm("logs", "web").out.encode() == IN_TURN
        assert tsm("logs", "web", "--err").err == (
            "tsm logs: web: err: is in one log with out: give --out\n"
        )
        (report,) = eventually(lambda: tsm("crashes", "web").rows)
        assert (report["out"], report["err"]) == (["1", "2", "3", "4"], [])
        described = tsm("describe", "web").row
        assert described["paths"]["err"] == described["paths"]["out"] == str(out)
        assert described["stderr"] == ["1", "2", "3", "4"]
        assert tsm("rotate").out == ""
        (row,) = tsm("rotate", "--force").rows
        assert (row["stream"], row["bytes"]) == ("out", 8)
        assert not list(files.folder.glob("*.err*.idx"))
        out.write_bytes(IN_TURN)
        assert tsm("flush", "web").row["bytes"] == 8
        assert tsm("check").out == ""

    def test_who_follows_is_told_each_line_once(self, tsm: Tsm) -> None:
        os.mkfifo(tsm.cwd / "lines")
        start(tsm, COPYING.format(tsm.cwd / "lines"), "--merge-logs")
        with (
            (tsm.cwd / "lines").open("w") as lines,
            following(tsm, "logs", "-f", "web") as follower,
        ):
            for number in range(1, 4):
                print("line", file=lines, flush=True)
                follower.shows(b"line\nline\n" * number)

    def test_a_log_probe_finds_what_was_written_to_standard_error(self, resident: Tsm) -> None:
        words = ("--merge-logs", "--ready", "log:^4$", "--ready-interval", "10ms")
        start(resident, f"{BOTH}; exec sleep 1000", *words, "--wait-ready", "60s")
        assert resident("ls").row["status"] == "online"

    def test_what_cannot_be_executed_is_told(self, tsm: Tsm) -> None:
        unrunnable(tsm.cwd / "odd")
        for options in (("--merge-logs",), ("--out", "out"), ("--out", "out", "--merge-logs")):
            refused = tsm("start", "./odd", *options, ok=False)
            assert (refused.status, "odd: cannot execute ./odd" in refused.err) == (7, True)
        assert below(processes(tsm)) == []

    def test_a_child_that_keeps_one_of_them_gets_its_log_back(self, tsm: Tsm) -> None:
        elsewhere = tsm.cwd / "elsewhere"
        os.mkfifo(tsm.cwd / "lines")
        script = f"exec >{elsewhere}; {COPYING.format(tsm.cwd / 'lines')}"
        out = start(tsm, script, "--merge-logs").folder / "current.out"
        with (tsm.cwd / "lines").open("w") as lines:
            out.unlink()
            print("one", file=lines, flush=True)
            eventually(lambda: tsm("patrol").status == 0 and out.read_bytes() == b"one\n")
        assert elsewhere.read_bytes() == b"one\n"


class TestNoLogs:
    def test_keep_nothing(self, tsm: Tsm) -> None:
        files = start(tsm, f"{BOTH}; exit 3", "--no-logs", "--restart", "no")
        files.await_event("crash")
        (report,) = eventually(lambda: tsm("crashes", "web").rows)
        assert (report["out"], report["err"]) == ([], [])
        shown = tsm("logs", "web", "--err")
        assert (shown.out, shown.err) == (
            "",
            "tsm logs: web: err: is not kept: it goes to /dev/null\n",
        )
        assert tsm("rotate", "--force").out == ""
        assert tsm("flush", "web").row["bytes"] == 0
        described = tsm("describe", "web").row
        assert (described["paths"]["out"], described["stderr"]) == (None, [])
        assert tsm("run", "--name", "once", "--no-logs", "--", "sh", "-c", BOTH).out == ""
        assert tsm("check").out == ""


class TestRun:
    def test_shows_what_this_run_adds_to_a_file_of_the_users(self, tsm: Tsm) -> None:
        own = tsm.cwd / "own"
        own.write_bytes(b"before\n")
        for _ in range(2):
            result = tsm("run", "--name", "web", "--out", str(own), "--", "sh", "-c", BOTH)
            assert (result.out, result.err) == ("1\n3\n", "2\n4\n")
        merged = tsm("run", "--name", "one", "--merge-logs", "--", "sh", "-c", BOTH)
        assert (merged.out, merged.err) == (IN_TURN.decode(), "")
        assert own.read_bytes() == b"before\n" + b"1\n3\n" * 2


class TestSet:
    def test_takes_effect_with_the_next_run_and_loses_nothing(self, tsm: Tsm) -> None:
        own, number = tsm.cwd / "own", tsm.cwd / "n"
        number.write_text("1\n")
        files = start(tsm, "n=$(cat n); echo out $n; echo err $n >&2; exec sleep 1000")
        lines = [b"err 1", b"out 1"]
        changes = (("out=own",), ("merge-logs=yes",), ("no-logs=yes",), ("no-logs=", "out="))
        with following(tsm, "logs", "-f", "web") as follower:
            for run, words in enumerate((*changes, ("merge-logs=no",)), 2):
                shown_in_some_order(follower, lines)
                number.write_text(f"{run}\n")
                assert tsm("set", "web", *words).row["restart_needed"] is True
                tsm("restart", "web")
                if "no-logs=yes" not in words:
                    lines += [b"err %d" % run, b"out %d" % run]
            shown_in_some_order(follower, lines)
        assert (rotated(files, "out"), rotated(files, "err")) == (b"out 1\n", b"err 1\nerr 2\n")
        assert own.read_bytes() == b"out 2\nout 3\nerr 3\n"
        assert (files.folder / "current.out").read_bytes() == b"out 5\nerr 5\nout 6\n"
        assert (files.folder / "current.err").read_bytes() == b"err 6\n"
        assert tsm("patrol").out == tsm("check").out == ""
        told = [one for one in files.events if one["event"] not in ("start", "stop", "set")]
        kinds = [(one["event"], one.get("stream")) for one in told if one["event"] != "restart"]
        assert kinds == [("rotate", "out"), ("rotate", "err")]

    def test_is_refused_where_that_would_be_no_log(self, tsm: Tsm) -> None:
        tsm("start", "--name", "web", "--out", "own", "--", *long_sleep())
        tsm("start", "--name", "api", "--", *long_sleep())
        own = tsm.cwd / "own"
        files = Files(tsm.home, "api")
        before = files.spec
        for words, said in (
            (("api", f"err={own}"), f"api: {own} is the log of web: give another file"),
            (("all", "out=both"), f"{tsm.cwd}/both is the log of api: give another file"),
            (("api", "out=no/where"), f"there is no directory {tsm.cwd}/no: make it"),
            (("api", f"out={files.folder}/x"), f"it lies in {tsm.home}"),
            (("api", "out=/dev/tty"), "out /dev/tty: another file for each program"),
            (("api", "no-logs=yes", "err=x"), "err: has no effect with no-logs"),
            (("api", "no-logs=yes", "ready=log:up"), "log: nothing of what it writes is kept"),
        ):
            refused = tsm("set", *words, ok=False)
            assert said in refused.err
            assert len(refused.err.splitlines()) == 1
        assert files.spec == before
        assert Files(tsm.home, "web").spec["logs"] == {"out": str(own)}


REFUSED = [
    (
        ("--out", "no/where"),
        7,
        "web: cannot write its log to {cwd}/no/where: there is no directory",
    ),
    (("--out", "."), 7, "it is a directory: give a file in it"),
    (("--err", "home/x"), 7, "it lies in {cwd}/home, where tsm keeps its own"),
    (("--out", "x", "--err", "../{folder}/x"), 7, "use merge-logs"),
    (("--out", ""), 2, "--out: '': not a file, such as"),
    (("--out", "/dev/stdout"), 2, "out /dev/stdout: another file for each program"),
    (("--no-logs", "--out", "x"), 2, "--out: has no effect with --no-logs"),
    (("--merge-logs", "--err", "x"), 2, "--err: has no effect with --merge-logs"),
    (("--no-logs", "--merge-logs"), 2, "--merge-logs: has no effect with --no-logs"),
    (("--no-logs", "--health", "log:x"), 2, "log: nothing of what it writes is kept"),
]


def test_a_start_that_could_not_log_is_refused_and_leaves_nothing(tsm: Tsm) -> None:
    for options, status, said in REFUSED:
        words = [one.format(folder=tsm.cwd.name) for one in options]
        refused = tsm("start", "--name", "web", *words, "--", *long_sleep(), ok=False)
        assert (refused.status, refused.out) == (status, "")
        assert said.format(cwd=tsm.cwd) in refused.err
        assert len(refused.err.splitlines()) == 1
        assert below(processes(tsm)) == []
    assert {path.name for path in tsm.cwd.iterdir()} == {"home"}


def test_two_processes_do_not_share_a_file(tsm: Tsm) -> None:
    (tsm.cwd / "link").symlink_to(".")
    tsm("start", "--name", "web", "--out", "own", "--", *long_sleep())
    words = ("start", "--name", "api", "--merge-logs", "--out", "link/own", "--", *long_sleep())
    refused = tsm(*words, ok=False)
    assert refused.status == 7
    assert "own is the log of web: give another file" in refused.err
    tsm("set", "web", "out=")
    assert tsm(*words, ok=False).status == 7  # it still writes there
    tsm("restart", "web")
    tsm(*words)
    assert tsm("ls", "api").row["status"] == "online"
