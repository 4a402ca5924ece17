"""tsm logs: what processes have written, to the byte, and what they write from now on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
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
    """A process that has written this, and was stopped."""
    tsm("start", "sleep 86399", "--name", name)
    tsm("stop", name)
    append(log(tsm, "out", name), out)
    append(log(tsm, "err", name), err)


def raw(tsm: Tsm, *argv: str) -> bytes:
    """All bytes that `tsm logs ARGV...` prints."""
    return tsm("logs", *argv).out.encode("utf-8", "surrogateescape")


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
    rows = tsm("logs", "web", "--json").rows
    assert [(row["stream"], row["line"]) for row in rows] == [
        ("out", "hello"),
        ("err", "café \ufffd\x1b"),
    ]
    assert [set(row) for row in rows] == [
        {"time", "name", "stream", "line", "level", "approximate"}
    ] * 2


def test_json_has_the_fields_of_lines_that_are_json(tsm: Tsm) -> None:
    written(tsm, b'{"level":40,"msg":"low"}\n[ERROR] x\n[1]\n{"level":50,"x":-Infinity}\n')
    rows = tsm("logs", "web", "--json").rows
    assert [row["level"] for row in rows] == ["warn", "error", None, "error"]
    data = [row.get("data") for row in rows]
    assert data == [{"level": 40, "msg": "low"}, None, None, None]  # the last is no JSON


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
        rows = [json.loads(line) for line in follower.out.splitlines()]
        assert [(row["stream"], row["line"]) for row in rows] == [("out", "1"), ("out", "3")]


def test_what_is_not_found_is_shown_when_that_is_asked_for(tsm: Tsm) -> None:
    written(tsm, numbered(1, 13))
    assert raw(tsm, "web", "--grep", "1", "--invert", "-n", "3") == b"7\n8\n9\n"
    assert "--grep" in tsm("logs", "web", "--invert", ok=False).err


def test_neighbours_are_shown_and_gaps_between_them(tsm: Tsm) -> None:
    written(tsm, numbered(1, 20))
    grep = ("--grep", "^(5|7|15)$", "-C", "1")
    shown = b"4\n5\n6\n7\n8\n--\n14\n15\n16\n"
    assert raw(tsm, "web", *grep) == raw(tsm, "web", *grep, "--all-history") == shown
    assert raw(tsm, "web", *grep, "-n", "1") == b"14\n15\n16\n"
    rows = tsm("logs", "web", "--json", *grep, "-n", "1").rows
    assert [row.get("context", False) for row in rows] == [True, False, True]


def test_neighbours_are_followed_as_well(tsm: Tsm) -> None:
    written(tsm)
    with following(tsm, "logs", "-f", "web", "--grep", "3", "-C", "1") as follower:
        append(log(tsm), numbered(1, 3))
        follower.shows(b"2\n3\n")
        append(log(tsm), numbered(4, 5))
        follower.shows(b"2\n3\n4\n")


def test_levels_choose_lines_that_say_so(tsm: Tsm) -> None:
    lines = b'[INFO] a\n[WARN] b\nc\n{"level":"error"}\nlevel=debug d\n'
    written(tsm, lines, b"fatal: e\n")
    assert raw(tsm, "web", "--level", "warn") == b'[WARN] b\n{"level":"error"}\nfatal: e\n'
    assert raw(tsm, "web", "--level", "warn", "--grep", "b") == b"[WARN] b\n"
    assert tsm("logs", "web", "--level", "loud", ok=False).status == 2


def test_what_is_found_is_painted_on_a_terminal_alone(tsm: Tsm) -> None:
    written(tsm, b"abab\n[ERROR] ab\n")
    argv = ("logs", "web", "--grep", "a", "--highlight")
    assert tsm(*argv).out == "abab\n[ERROR] ab\n"
    lines = tsm.on_terminal(*argv).out.splitlines()
    assert [line.count(";7m") for line in lines] == [2, 1]
    assert "\x1b[31m" in lines[1]
    assert tsm.on_terminal(*argv, env={"NO_COLOR": "1"}).out == "abab\n[ERROR] ab\n"


def rotated_log(tsm: Tsm) -> None:
    """A process `web` whose log is in three files, one of them compressed."""
    written(tsm, numbered(1, 3), b"oops\n")
    for first, how in ((4, "gzip"), (7, "none")):
        tsm("set", "web", f"log-compress={how}")
        tsm("rotate", "web", "--force")
        append(log(tsm), numbered(first, first + 2))


def test_history_goes_through_rotated_and_compressed_files(tsm: Tsm) -> None:
    rotated_log(tsm)
    assert {path.suffix for path in (processes(tsm) / "web").glob("2*-0*")} > {".gz", ".out"}
    assert raw(tsm, "web", "--out", "--all-history") == numbered(1, 9)
    assert raw(tsm, "web", "--out") == numbered(1, 9)  # fewer than a hundred are in the last one
    assert raw(tsm, "web", "--out", "-n", "5") == numbered(5, 9)
    assert raw(tsm, "web", "--out", "--grep", "[159]", "-n", "2") == b"5\n9\n"
    (row,) = tsm("logs", "web", "--all-history", "--err", "--json").rows
    assert (row["line"], row["stream"]) == ("oops", "err")


@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_a_rotated_file_that_is_damaged_is_named_and_the_others_are_shown(
    tsm: Tsm, damage: str
) -> None:
    rotated_log(tsm)
    (packed,) = (processes(tsm) / "web").glob("2*.out.gz")
    data = packed.read_bytes()
    packed.write_bytes(data[:-9] if damage == "cut" else b"no such thing")
    for options in (("--all-history",), ("-n", "100")):
        result = tsm("logs", "web", "--out", *options, ok=False)
        assert result.out.endswith(numbered(4, 9).decode())
        assert result.status == 6
        said = f"tsm logs: {packed}: cannot be read to its end: "
        assert (result.err.startswith(said), result.err.count("\n")) == (True, 1)


def test_an_export_has_all_that_is_kept_with_times_and_names(tsm: Tsm) -> None:
    rotated_log(tsm)
    lines = raw(tsm, "--export", "text").decode().splitlines()
    assert len(lines) == 10
    stamp = r"~?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} +web (out|err) \| \w+"
    assert all(re.fullmatch(stamp, line) for line in lines)
    rows = tsm("logs", "web", "--export", "json").rows
    assert {row["line"] for row in rows} == {"oops", *map(str, range(1, 10))}
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert tsm("logs", "web", "--export", "text", "-f", ok=False).status == 2


def timed(tsm: Tsm, stream: str, *marks: tuple[bytes, float, bool]) -> None:
    """Let that be what the stream of `web` holds: data, the age in seconds, whether it was seen."""
    path, now_s, position, told = log(tsm, stream), time.time(), 0, True
    lines, data = [b"%016d %014.3f\n" % (0, now_s - 1e6)], b""
    for more, age_s, told in marks:
        data += more
        position = len(data)
        lines.append(b"%016d%b%014.3f\n" % (position, b" " if told else b"~", now_s - age_s))
    path.write_bytes(data)
    path.with_name(f"{path.name}.idx").write_bytes(b"".join(lines))


def test_lines_are_in_the_order_of_time_and_chosen_by_it(tsm: Tsm) -> None:
    written(tsm)
    timed(tsm, "out", (b"1\n", 4000, True), (b"3\n4\n", 2000, True), (b"6\n", 30, True))
    timed(tsm, "err", (b"2\n", 3000, True), (b"5\n", 1000, False))
    assert raw(tsm, "web") == numbered(1, 6)
    assert raw(tsm, "web", "--since", "40m") == numbered(3, 6)
    assert raw(tsm, "web", "--since", "40m", "-n", "1") == b"5\n6\n"
    assert raw(tsm, "web", "--until", "40m") == b"1\n2\n5\n"  # 5 may have come long before
    assert raw(tsm, "web", "--until", "40m", "--out") == b"1\n"
    assert raw(tsm, "web", "--since", "3500", "--until", "1500s", "--out") == b"3\n4\n"
    lines = tsm("logs", "web", "--timestamps", "--since", "1h").out.splitlines()
    assert [line[-1] for line in lines] == ["2", "3", "4", "5", "6"]
    assert [line[0] == "~" for line in lines] == [False, False, False, True, False]
    rows = tsm("logs", "web", "--since", "1h", "--json").rows
    assert [row.get("approximate", False) for row in rows] == [False, False, False, True, False]
    later = tsm("logs", "web", "--since", "1m", "--until", "1h", ok=False)
    assert (later.status, later.err) == (2, "tsm logs: --since 1m is later than --until 1h\n")
    assert tsm("logs", "web", "--since", "soon", ok=False).status == 2
    assert tsm("logs", "web", "-f", "--until", "1m", ok=False).status == 2


def test_a_log_that_is_empty_ends_where_it_begins(tsm: Tsm) -> None:
    """For whoever asks up to some time as well."""
    written(tsm)
    timed(tsm, "out", (b"1\n", 30, True))
    for options in ((), ("-n", "5"), ("--grep", "."), ("--since", "1h")):
        assert raw(tsm, "web", "--until", "1s", *options) == b"1\n"
    assert raw(tsm, "web", "--until", "1m") == b""
    assert raw(tsm, "web", "--until", "1s", "--err") == b""


def test_the_time_of_a_line_without_an_end_is_that_of_its_last_byte(tsm: Tsm) -> None:
    written(tsm)
    timed(tsm, "out", (b"1\n", 300, True), (b"2", 200, True))
    os.utime(log(tsm), (time.time() - 200,) * 2)
    rows = tsm("logs", "web", "--json", "--all-history").rows
    assert [round(time.time() - row["time"], -2) for row in rows] == [300, 200]
    assert [row["line"] for row in rows] == ["1", "2"]
    assert raw(tsm, "web", "--since", "250") == b"2\n"
    assert raw(tsm, "web", "--since", "100") == b""


def test_following_begins_where_it_is_told_to(tsm: Tsm) -> None:
    written(tsm)
    timed(tsm, "out", (b"1\n", 4000, True), (b"2\n3", 30, True))
    with following(tsm, "logs", "-f", "web", "--since", "1m") as follower:
        follower.shows(b"2\n")
        append(log(tsm), b".5\n")
        follower.shows(b"2\n3.5\n")


def test_those_who_are_yet_to_come_are_followed(tsm: Tsm) -> None:
    with following(tsm, "logs", "-f", "late", "w*", "--out") as follower:
        written(tsm, b"1\n", name="other")
        written(tsm, b"1\n", name="late")
        shown = b"late | 1\n"  # with its name, as others are to come
        follower.shows(shown)
        written(tsm, b"2\n", name="web")
        follower.shows(shown + b"web  | 2\n")
        append(log(tsm, name="late"), b"3\n")
        follower.shows(shown + b"web  | 2\nlate | 3\n")


def test_who_waits_for_a_name_is_told(tsm: Tsm) -> None:
    program = tsm.spawn("logs", "-f", "web")
    assert program.stderr is not None
    line = program.stderr.readline()
    assert line == "tsm logs: web: no such process: tsm ls shows what there is; it is waited for\n"
    written(tsm, b"1\n")
    assert program.stdout is not None
    assert program.stdout.readline() == "1\n"  # though the home was empty when it began
    program.kill()
    program.wait()


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


def test_a_context_of_nothing_is_2(tsm: Tsm) -> None:
    written(tsm, b"hello\n")
    result = tsm("logs", "web", "-C", "2", ok=False)
    assert (result.status, result.out) == (2, "")
    assert "--grep or --level" in result.err


@pytest.mark.parametrize("count", ["-1", "many", "1.5", ""])
def test_a_bad_count_is_2(tsm: Tsm, count: str) -> None:
    written(tsm, b"hello\n")
    result = tsm("logs", "web", f"--lines={count}", ok=False)
    assert (result.status, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("argv", [("nobody",), ("-f", "77"), ("-f", "a b"), ("web", "nobody")])
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
