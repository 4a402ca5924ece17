"""`tsm ls`: what is, at this moment, for people and for programs."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import Files, below
from tests.e2e.kernel import children, long_sleep
from tests.machine import alive, kill
from tests.ports import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm
    from tests.waiting import Gate

KEYS = [
    *("tsm_id", "name", "pid", "port", "status", "uptime_s", "health", "next"),
    *("restarts", "unstable_restarts", "cpu", "mem", "command", "cwd", "reason"),
]


def names(tsm: Tsm, *argv: str) -> list[str]:
    return [row["name"] for row in tsm("ls", *argv).rows]


def unmoved(row: dict[str, object]) -> dict[str, object]:
    """What of a row does not change by the moment."""
    return {key: row[key] for key in KEYS if key not in ("uptime_s", "cpu", "mem")}


def started(tsm: Tsm, *names: str) -> None:
    for name in names:
        tsm("start", "--name", name, "--", *long_sleep())


class TestEmpty:
    def test_home_prints_nothing_and_makes_no_file(self, tsm: Tsm) -> None:
        result = tsm("ls")
        assert (result.status, result.out) == (0, "")
        assert below(tsm.home) == []

    def test_home_on_a_terminal_tells_how_to_begin(self, tsm: Tsm) -> None:
        assert "tsm start" in tsm.on_terminal("ls").out

    def test_home_that_is_not_there_stays_so(self, tsm: Tsm) -> None:
        home = tsm.cwd / "none"
        assert tsm("ls", env={"TSM_HOME": str(home)}).out == ""
        assert not home.exists()

    def test_home_is_in_the_users_own_where_none_is_named(self, tsm: Tsm) -> None:
        env = {"TSM_HOME": None, "HOME": str(tsm.cwd)}
        (tsm.cwd / ".tsm").symlink_to(tsm.home)
        started(tsm, "web")
        assert tsm("ls", env=env).row["name"] == "web"
        assert tsm("ls", env={**env, "TSM_HOME": ""}).row["name"] == "web"


class TestRows:
    def test_have_these_keys_and_values(self, tsm: Tsm) -> None:
        port = free_port()
        pid = tsm("start", "sleep 86399", "--name", "web", "--port", str(port)).row["pid"]
        row = tsm("ls").row
        assert list(row) == KEYS
        assert row["uptime_s"] >= 0
        assert row["mem"] > 10_000
        assert row["cpu"] >= 0
        del row["uptime_s"], row["mem"], row["cpu"]
        assert row == {
            "tsm_id": 1,
            "name": f"web-{port}",
            "pid": pid,
            "port": port,
            "status": "online",
            "health": None,
            "next": None,
            "restarts": 0,
            "unstable_restarts": 0,
            "command": "sleep 86399",
            "cwd": str(tsm.cwd),
            "reason": "",
        }

    def test_have_no_pid_uptime_and_usage_when_down(self, tsm: Tsm) -> None:
        started(tsm, "web")
        tsm("stop", "web")
        row = tsm("ls").row
        assert list(row) == KEYS
        assert [row[key] for key in ("pid", "uptime_s", "cpu", "mem")] == [None] * 4

    def test_count_the_memory_of_descendants(self, tsm: Tsm) -> None:
        floods = app("forks.py", tsm.cwd / "pids")
        tsm("start", floods, "--name", "web", "--stop-timeout", "0")
        eventually((tsm.cwd / "pids").exists)
        pid = tsm("ls").row["pid"]
        assert len(children(pid)) == 1
        rss = int((tsm.cwd / f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGE_SIZE"
        )
        assert tsm("ls").row["mem"] > rss

    @pytest.mark.parametrize("word", ["list", "status", "ps"])
    def test_come_by_other_names_of_the_command(self, tsm: Tsm, word: str) -> None:
        started(tsm, "web")
        assert tsm(word).row["name"] == "web"


class TestSelection:
    def test_is_by_name_id_short_name_and_glob(self, tsm: Tsm) -> None:
        started(tsm, "a1", "a2", "b")
        tsm("start", "--name", "web", "--port", "1", "--", *long_sleep())
        assert names(tsm, "b") == ["b"]
        assert names(tsm, "2", "1") == ["a1", "a2"]
        assert names(tsm, "web") == ["web-1"]
        assert names(tsm, "a?", "b") == ["a1", "a2", "b"]
        assert names(tsm, "[ab]*") == ["a1", "a2", "b"]
        assert names(tsm, "all") == ["a1", "a2", "b", "web-1"]

    def test_of_nobody_is_3(self, tsm: Tsm) -> None:
        started(tsm, "web")
        result = tsm("ls", "wbe", ok=False)
        assert (result.status, result.out) == (3, "")
        assert "did you mean web?" in result.err


class TestSort:
    def test_is_by_id_unless_told_otherwise(self, tsm: Tsm) -> None:
        started(tsm, "b", "a", "c")
        assert names(tsm) == ["b", "a", "c"]
        assert names(tsm, "--sort", "name") == ["a", "b", "c"]

    def test_by_key_puts_what_has_no_value_last(self, tsm: Tsm) -> None:
        for port, name in ((3, "x"), (1, "y")):
            tsm("start", "--name", name, "--port", str(port), "--", *long_sleep())
        started(tsm, "plain")
        tsm("stop", "y-1")
        tsm("restart", "plain")
        assert names(tsm, "--sort", "port") == ["y-1", "x-3", "plain"]
        assert names(tsm, "--sort", "restarts") == ["plain", "x-3", "y-1"]
        assert names(tsm, "--sort", "status") == ["x-3", "plain", "y-1"]
        assert names(tsm, "--sort", "uptime") == ["x-3", "plain", "y-1"]
        assert names(tsm, "--sort", "pid")[-1] == "y-1"
        assert names(tsm, "--sort", "mem")[-1] == "y-1"
        assert names(tsm, "--sort", "cpu")[-1] == "y-1"

    def test_by_an_unknown_key_is_2_and_names_the_keys(self, tsm: Tsm) -> None:
        result = tsm("ls", "--sort", "size", ok=False)
        assert result.status == 2
        assert "uptime" in result.err


class TestShape:
    def test_is_a_table_on_a_terminal(self, tsm: Tsm) -> None:
        started(tsm, "web")
        pid = Files(tsm.home, "web").child
        heads, row = tsm.on_terminal("ls").out.splitlines()
        assert heads.split() == [
            *("ID", "Name", "PID", "Port", "Status", "Uptime", "Restarts", "CPU", "Mem"),
        ]
        assert row.split()[:4] == ["1", "web", str(pid), "-"]
        assert "\x1b[32monline\x1b[0m" in row

    def test_has_no_colour_under_no_color_nor_in_a_pipe(self, tsm: Tsm) -> None:
        started(tsm, "web")
        assert "\x1b" not in tsm.on_terminal("ls", env={"NO_COLOR": "1"}).out
        assert "\x1b" not in tsm("ls", "--table").out

    def test_is_json_on_a_terminal_when_asked_for(self, tsm: Tsm) -> None:
        started(tsm, "web")
        assert tsm.on_terminal("ls", "--json").row["name"] == "web"

    def test_is_a_table_in_a_pipe_when_asked_for(self, tsm: Tsm) -> None:
        started(tsm, "web")
        assert tsm("ls", "--table").out.startswith("ID  Name")

    def test_is_not_both(self, tsm: Tsm) -> None:
        assert tsm("ls", "--json", "--table", ok=False).status == 2

    def test_ends_quietly_when_the_reader_has_gone(self, tsm: Tsm) -> None:
        started(tsm, "web")
        assert tsm.shell("tsm ls --json | true; tsm ls --table | true").out == ""

    def test_escapes_what_would_harm_a_terminal(self, tsm: Tsm) -> None:
        tsm("start", "sh -c 'exit 3'", "--name", "web", "--max-retries", "0")
        eventually(lambda: tsm("ls").row["status"] == "errored")
        meta = Files(tsm.home, "web").folder / "meta.json"
        meta.write_text('{"\\u001b[31m')
        assert "\x1b[31m{" not in tsm.on_terminal("ls", env={"NO_COLOR": "1"}).out


class TestTruth:
    def test_is_told_right_after_child_and_launcher_were_killed(self, tsm: Tsm) -> None:
        started(tsm, "web")
        files = Files(tsm.home, "web")
        kill(files.launcher, files.child)
        row = tsm("ls").row
        assert (row["status"], row["pid"]) == ("waiting", None)
        assert files.meta["status"] == "online"  # as last written: nobody has looked

    def test_is_told_of_a_child_without_its_launcher(self, tsm: Tsm) -> None:
        started(tsm, "web")
        files = Files(tsm.home, "web")
        kill(files.launcher)
        assert tsm("ls").row["pid"] == files.child

    def test_is_that_of_a_run_whose_begin_was_not_noted_yet(self, tsm: Tsm) -> None:
        started(tsm, "web")
        tsm("restart", "web")
        files, now = Files(tsm.home, "web"), tsm("ls").row
        record = files.folder / "run"
        record.write_text(record.read_text().replace("begun\n", ""))
        files.edit("meta.json", pid=1, restarts=0)
        before = files.content()
        assert now["restarts"] == 1
        assert unmoved(tsm("ls").row) == unmoved(now)
        assert tsm("describe", "web").row["restarts"] == 1
        assert files.content() == before

    def test_is_told_of_a_stop_that_was_cut_short(self, tsm: Tsm) -> None:
        started(tsm, "web")
        (Files(tsm.home, "web").folder / "down").touch()
        assert tsm("ls").row["status"] == "stopping"

    def test_online_always_comes_with_the_pid_of_somebody_alive(self, tsm: Tsm, gate: Gate) -> None:
        """The child is a zombie for as long as its launcher stands still."""
        tsm("start", gate.command, "--name", "web", "--restart", "no")
        files = Files(tsm.home, "web")
        child = files.child
        os.kill(files.launcher, signal.SIGSTOP)
        gate.open(3)
        eventually(lambda: not alive(child))
        row = tsm("ls").row
        os.kill(files.launcher, signal.SIGCONT)
        assert (row["status"], row["pid"]) != ("online", child)

    def test_writes_nothing_and_waits_for_no_lock(self, tsm: Tsm) -> None:
        started(tsm, "web")
        files = Files(tsm.home, "web")
        kill(files.launcher, files.child)
        before = (below(tsm.home), files.content())
        shown = tsm.shell(f"flock {files.lock} tsm ls --json")
        assert shown.row["status"] == "waiting"
        assert (below(tsm.home), files.content()) == before

    def test_is_told_from_a_home_that_may_not_be_written(self, tsm: Tsm) -> None:
        started(tsm, "web")
        folders = [tsm.home, tsm.home / "runtime", tsm.home / "runtime/processes"]
        for folder in folders:
            folder.chmod(0o500)
        try:
            assert tsm("ls").row["status"] == "online"
        finally:
            for folder in folders:
                folder.chmod(0o700)
