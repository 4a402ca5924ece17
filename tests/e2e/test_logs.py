"""tsm logs: what processes have written, to the byte, and what they write from now on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.following import following
from tests.machine import processes
from tests.running import PROGRAM
from tests.waiting import Gate, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running import Tsm

ALL_BYTES = bytes(byte for byte in range(256) if byte != 0x0A)
ONCE = ("--restart", "no")


def log(tsm: Tsm, stream: str = "out", name: str = "web") -> Path:
    """The file that the child writes to."""
    return processes(tsm) / name / f"current.{stream}"


def append(path: Path, data: bytes) -> None:
    """Write as a child does."""
    with path.open("ab", buffering=0) as file:
        file.write(data)


def written(tsm: Tsm, out: bytes = b"", err: bytes = b"", name: str = "web") -> None:
    """A process that has written this, and has ended."""
    tsm("start", "true", "--name", name, *ONCE)
    tsm("wait", name)
    append(log(tsm, "out", name), out)
    append(log(tsm, "err", name), err)


def raw(tsm: Tsm, *argv: str) -> bytes:
    """All bytes that `tsm logs ARGV...` prints."""
    with (tsm.cwd / "printed").open("wb") as file:
        program = tsm.spawn("logs", *argv, stdout=file.fileno())
        assert program.wait(30) == 0
    return (tsm.cwd / "printed").read_bytes()


def numbered(first: int, last: int) -> bytes:
    """Lines with these numbers."""
    return b"".join(b"%d\n" % number for number in range(first, last + 1))


def test_the_child_writes_and_logs_shows_stdout_first(tsm: Tsm) -> None:
    tsm("start", app("script.sh", "you"), "--name", "web")
    eventually(lambda: log(tsm, "err").read_text())
    assert tsm("logs", "web").out == "hello you\noops\n"


def test_a_hundred_lines_of_each_stream_are_shown(tsm: Tsm) -> None:
    written(tsm, numbered(1, 250), numbered(501, 750))
    assert raw(tsm, "web") == numbered(151, 250) + numbered(651, 750)


@pytest.mark.parametrize(("count", "first"), [("1", 250), ("249", 2), ("250", 1), ("9999", 1)])
def test_as_many_lines_as_asked_for_are_shown(tsm: Tsm, count: str, first: int) -> None:
    written(tsm, numbered(1, 250))
    assert raw(tsm, "web", "-n", count) == numbered(first, 250)


def test_no_lines_are_shown_when_none_are_asked_for(tsm: Tsm) -> None:
    written(tsm, numbered(1, 3) + b"torn", b"oops\n")
    assert raw(tsm, "web", "-n", "0") == b""


def test_out_and_err_choose_a_stream(tsm: Tsm) -> None:
    written(tsm, b"hello\n", b"oops\n")
    assert raw(tsm, "web", "--out") == b"hello\n"
    assert raw(tsm, "web", "--err") == b"oops\n"
    assert tsm("logs", "web", "--out", "--err", ok=False).status == 2


def test_every_byte_comes_through(tsm: Tsm) -> None:
    data = ALL_BYTES + b"\n\n\r\n" + ALL_BYTES[::-1] + b"\n"
    written(tsm, data)
    assert raw(tsm, "web") == data


def test_a_torn_last_line_is_shown_with_a_newline(tsm: Tsm) -> None:
    written(tsm, b"whole\ntorn")
    assert raw(tsm, "web") == b"whole\ntorn\n"
    assert raw(tsm, "web", "-n", "1") == b"torn\n"


def test_grep_comes_before_the_count(tsm: Tsm) -> None:
    written(tsm, numbered(1, 250), b"11\nx\n")
    assert raw(tsm, "web", "--grep", "^1.$", "-n", "3") == b"17\n18\n19\n11\n"
    assert raw(tsm, "web", "--grep", "nothing like it") == b""


def test_grep_finds_what_is_not_ascii_and_not_utf8(tsm: Tsm) -> None:
    written(tsm, b"caf\xc3\xa9\nbad \xff byte\nplain\n")
    assert raw(tsm, "web", "--grep", "é") == b"caf\xc3\xa9\n"
    assert raw(tsm, "web", "--grep", os.fsdecode(b"\xff")) == b"bad \xff byte\n"


def test_json_is_one_object_a_line(tsm: Tsm) -> None:
    written(tsm, b"hello\n", b"caf\xc3\xa9 \xff\x1b\n")
    assert tsm("logs", "web", "--json").rows == [
        {"name": "web", "stream": "out", "line": "hello"},
        {"name": "web", "stream": "err", "line": "café \ufffd\x1b"},
    ]


def test_lines_are_the_same_in_a_pipe_and_on_a_terminal(tsm: Tsm) -> None:
    written(tsm, b"\x1b[31mred\x1b[0m\n")
    assert tsm("logs", "web").out == tsm.on_terminal("logs", "web").out == "\x1b[31mred\x1b[0m\n"


def test_lines_of_several_have_their_names_in_front(tsm: Tsm) -> None:
    written(tsm, b"hello\n", name="web")
    written(tsm, b"\xff\n", b"oops\n", name="worker")
    assert raw(tsm) == b"web    | hello\nworker | \xff\nworker | oops\n"
    assert raw(tsm, "w*", "-n", "0") == b""
    assert "'x': not a number, such as 3" in tsm("logs", "w*", "-n", "x", ok=False).err


def test_the_names_are_coloured_on_a_terminal_alone(tsm: Tsm) -> None:
    written(tsm, b"hello\n", name="a")
    written(tsm, b"hello\n", name="b")
    lines = tsm.on_terminal("logs").out.splitlines()
    assert [line.count("\x1b[") for line in lines] == [2, 2]
    assert lines[0].replace("a", "b") != lines[1]
    assert tsm.on_terminal("logs", env={"NO_COLOR": "1"}).out == "a | hello\nb | hello\n"
    assert tsm("logs", "a", "b", env={"NO_COLOR": None}).out == "a | hello\nb | hello\n"


def test_the_last_lines_of_a_terabyte_come_without_reading_it(tsm: Tsm) -> None:
    written(tsm)
    os.truncate(log(tsm), 1 << 40)
    append(log(tsm), b"\n" + numbered(1, 250))
    assert raw(tsm, "web", "-n", "100") == numbered(151, 250)
    with following(tsm, "logs", "web", "-f", "-n", "1") as follower:
        follower.shows(b"250\n")
        append(log(tsm), b"251\n")
        follower.shows(b"250\n251\n")


def test_a_process_that_has_never_run_has_no_lines(tsm: Tsm) -> None:
    written(tsm, b"hello\n")
    tsm("save")
    tsm("delete", "web")
    tsm("resurrect")
    assert raw(tsm, "web") == b""
    with following(tsm, "logs", "-f", "web") as follower:
        append(log(tsm), b"first\n")
        follower.shows(b"first\n")


def test_no_processes_have_no_lines(tsm: Tsm) -> None:
    assert raw(tsm) == b""


def test_what_is_added_is_followed(tsm: Tsm) -> None:
    written(tsm, numbered(1, 5), b"oops\n")
    with following(tsm, "logs", "-f", "web", "-n", "2") as follower:
        follower.shows(b"4\n5\noops\n")
        append(log(tsm), b"6\n\xff\n")
        follower.shows(b"4\n5\noops\n6\n\xff\n")
        append(log(tsm, "err"), b"again\n")
        follower.shows(b"4\n5\noops\n6\n\xff\nagain\n")


def test_only_new_lines_are_followed_when_no_old_ones_are_asked_for(tsm: Tsm) -> None:
    written(tsm, numbered(1, 5))
    with following(tsm, "logs", "-fn0", "web") as follower:

        def shown_while_written() -> bytes:
            append(log(tsm), b"new\n")
            return follower.out

        eventually(shown_while_written)
        assert set(follower.out.splitlines()) == {b"new"}


def test_a_torn_line_is_followed_when_it_is_whole(tsm: Tsm) -> None:
    written(tsm, b"1\nto")
    with following(tsm, "logs", "-f", "web") as follower:
        follower.shows(b"1\n")
        append(log(tsm, "err"), b"meanwhile\n")
        follower.shows(b"1\nmeanwhile\n")
        append(log(tsm), b"rn\n")
        follower.shows(b"1\nmeanwhile\ntorn\n")


def test_grep_and_json_hold_for_what_is_followed(tsm: Tsm) -> None:
    written(tsm)
    with following(tsm, "logs", "-f", "web", "--json", "--grep", "[13]$") as follower:
        append(log(tsm), numbered(1, 3))
        eventually(lambda: follower.out.count(b"\n") == 2)
        assert [json.loads(line) for line in follower.out.splitlines()] == [
            {"name": "web", "stream": "out", "line": "1"},
            {"name": "web", "stream": "out", "line": "3"},
        ]


def test_following_survives_truncation(tsm: Tsm) -> None:
    written(tsm, numbered(1, 3))
    with following(tsm, "logs", "-f", "web") as follower:
        follower.shows(numbered(1, 3))
        os.truncate(log(tsm), 0)
        append(log(tsm), b"4\n")
        follower.shows(numbered(1, 4))
        append(log(tsm), b"5\n")
        follower.shows(numbered(1, 5))


def test_following_survives_replacement(tsm: Tsm) -> None:
    written(tsm, numbered(1, 3))
    with following(tsm, "logs", "-f", "web") as follower:
        follower.shows(numbered(1, 3))
        old = log(tsm).rename(processes(tsm) / "web/2026-11-20-00.out")
        append(old, b"4\n")
        log(tsm).write_bytes(b"5\n")
        follower.shows(numbered(1, 5))
        append(log(tsm), b"6\n")
        follower.shows(numbered(1, 6))


def test_following_survives_a_restart_and_a_crash(tsm: Tsm, gate: Gate) -> None:
    command = f"sh -c 'echo hello; read code < {gate.path}; exit $code'"
    tsm("start", command, "--name", "web", "--min-uptime", "0", "--delay", "0")
    with following(tsm, "logs", "-f", "web") as follower:
        follower.shows(b"hello\n")
        tsm("restart", "web")
        follower.shows(b"hello\n" * 2)
        gate.open(1)
        follower.shows(b"hello\n" * 3)


def test_following_survives_delete_and_a_new_start(tsm: Tsm) -> None:
    tsm("start", app("script.sh", "one"), "--name", "web")
    with following(tsm, "logs", "-f", "web", "--out") as follower:
        follower.shows(b"hello one\n")
        tsm("delete", "web")
        tsm("start", app("script.sh", "two"), "--name", "web")
        follower.shows(b"hello one\nhello two\n")


def test_several_are_followed_at_once(tsm: Tsm) -> None:
    written(tsm, name="a")
    written(tsm, name="b")
    with following(tsm, "logs", "-f") as follower:
        append(log(tsm, name="a"), b"1\n")
        follower.shows(b"a | 1\n")
        append(log(tsm, "err", name="b"), b"2\n")
        follower.shows(b"a | 1\nb | 2\n")
        append(log(tsm, name="a"), b"3\n")
        follower.shows(b"a | 1\nb | 2\na | 3\n")


@pytest.mark.parametrize("names", ["web", "all"])
def test_following_ends_with_its_reader_though_nothing_more_is_written(
    tsm: Tsm, names: str
) -> None:
    written(tsm, numbered(1, 5))
    written(tsm, name="quiet")
    result = tsm.shell(f"tsm logs -f {names} | head -2 | sed 's/.* //'; echo over")
    assert (result.status, result.out) == (0, "1\n2\nover\n")


def test_following_ends_quietly_and_with_0_when_its_reader_goes(tsm: Tsm) -> None:
    written(tsm, numbered(1, 5))
    program = tsm.spawn("logs", "-f", "web")
    assert program.stdout is not None
    assert program.stdout.readline() == "1\n"
    program.stdout.close()
    assert program.wait(30) == 0
    assert program.stderr is not None
    assert program.stderr.read() == ""


def test_a_reader_that_goes_while_much_is_written_is_met_with_silence(tsm: Tsm) -> None:
    written(tsm, numbered(1, 100_000))
    result = tsm.shell("tsm logs web -n 100000 | head -1; echo over")
    assert result.out == "1\nover\n"


def test_following_a_flood_shows_each_line_once(tsm: Tsm) -> None:
    count = 30_000
    tsm("start", app("floods.py", str(count)), "--name", "web")
    with following(tsm, "logs", "-f", "web", "--out", "-n", "999999") as follower:
        eventually(lambda: follower.out.count(b"\n") >= count)
        assert follower.out == log(tsm).read_bytes()


@pytest.mark.parametrize("expression", ["(", "*", "[z-a]", "a{99999999999999}", "(?<x"])
def test_a_bad_regular_expression_is_2_and_one_line(tsm: Tsm, expression: str) -> None:
    written(tsm, b"hello\n")
    result = tsm("logs", "web", "--grep", expression, ok=False)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"tsm logs: --grep {expression!r}: not a regular expression")
    assert len(result.err.splitlines()) == 1


def test_a_pattern_that_would_take_for_ever_is_1_and_one_line(tsm: Tsm) -> None:
    written(tsm, b"a" * 40_000 + b"!\n")
    result = tsm("logs", "web", "--grep", "(a+)+$", ok=False)
    assert (result.status, result.out) == (1, "")
    said = "takes more than 2 s for a line of 40001 bytes"
    assert result.err == f"tsm logs: --grep '(a+)+$': {said}\n"


def test_a_strange_regular_expression_is_not_commented_on(tsm: Tsm) -> None:
    written(tsm, b"[a]\n")
    assert tsm("logs", "web", "--grep", "[[a]").err == ""


@pytest.mark.parametrize("count", ["-1", "many", "1.5", ""])
def test_a_bad_count_is_2(tsm: Tsm, count: str) -> None:
    written(tsm, b"hello\n")
    result = tsm("logs", "web", f"--lines={count}", ok=False)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("argv", [("nobody",), ("-f", "nobody"), ("web", "nobody")])
def test_an_unknown_name_is_3_and_nothing_is_shown(tsm: Tsm, argv: tuple[str, ...]) -> None:
    written(tsm, b"hello\n")
    result = tsm("logs", *argv, ok=False)
    assert (result.status, result.out) == (3, "")


def test_interrupting_is_130_without_a_word(tsm: Tsm) -> None:
    written(tsm, b"hello\n")
    words = ["env", "--default-signal=INT", str(PROGRAM), "logs", "-f", "web"]
    with subprocess.Popen(
        words, env=tsm.env, cwd=tsm.cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"hello\n"
        program.send_signal(signal.SIGINT)
        assert program.communicate(timeout=30) == (b"", b"")
    assert program.returncode == 130
