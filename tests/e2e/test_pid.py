"""tsm pid: plain pids of what lives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.machine import alive, kill, kill_with_launcher
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm


def test_a_pid_is_a_plain_line_in_a_pipe(tsm: Tsm) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    result = tsm("pid", "web")
    assert (result.out, result.err) == (f"{pid}\n", "")
    assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\0001000\0"


def test_a_pid_is_a_plain_line_on_a_terminal(tsm: Tsm) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    assert tsm.on_terminal("pid", "web").out == f"{pid}\n"


@pytest.mark.parametrize("word", ["web-4711", "web", "1", "we*", "all"])
def test_a_process_is_named_as_everywhere(tsm: Tsm, word: str) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web", "--port", "4711").row["pid"]
    assert tsm("pid", word).out == f"{pid}\n"


def test_several_come_in_the_order_of_their_ids(tsm: Tsm) -> None:
    pids = [tsm("start", "sleep 1000", "--name", name).row["pid"] for name in ("z", "a", "m")]
    assert tsm("pid", "a", "m", "z").out.split() == [str(pid) for pid in pids]


def test_one_that_is_down_is_1_and_the_others_are_printed(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "down")
    pid = tsm("start", "sleep 1000", "--name", "up").row["pid"]
    tsm("stop", "down")
    result = tsm("pid", "all", ok=False)
    assert (result.status, result.out) == (1, f"{pid}\n")
    assert result.err == "tsm pid: down: not running\n"


def test_a_dead_child_has_no_pid_whatever_the_files_say(tsm: Tsm) -> None:
    pid = tsm("start", "sleep 1000", "--name", "web").row["pid"]
    kill_with_launcher(tsm, "web")
    assert (tsm.home / "runtime/pids/web.pid").read_text() == f"{pid}\n"
    result = tsm("pid", "web", ok=False)
    assert (result.status, result.out) == (1, "")


def test_after_a_crash_it_is_the_pid_of_the_new_child(tsm: Tsm) -> None:
    old = tsm("start", "sleep 1000", "--name", "web", "--min-uptime", "0").row["pid"]
    kill(old)
    new = int(eventually(lambda: tsm("pid", "web", ok=None).out))
    assert new != old
    assert alive(new)


def test_an_unknown_name_is_3_with_a_hint(tsm: Tsm) -> None:
    tsm("start", "sleep 1000", "--name", "web")
    result = tsm("pid", "wev", ok=False)
    assert (result.status, result.out) == (3, "")
    assert result.err == "tsm pid: wev: no such process: did you mean web?\n"
