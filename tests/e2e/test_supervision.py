"""What happens to a run by the clock, for what it uses, and for files that change."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.files import Files
from tests.e2e.kernel import long_sleep, running
from tests.machine import alive
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm
    from tests.waiting import Gate

EACH_SECOND = "* * * * * *"


def up_again(files: Files, event: str) -> list[dict[str, Any]]:
    """The life of a process once it has been restarted for what `event` says."""
    files.await_event(event)
    files.await_event("restart")
    return files.events


class TestSchedule:
    def test_a_job_runs_at_its_times_and_rests_between(self, resident: Tsm) -> None:
        words = ("--name", "job", "--schedule", EACH_SECOND, "--", "sh", "-c", "echo ran; exit 3")
        row = resident("start", *words).row
        assert (row["action"], row["pid"]) == ("schedule", None)
        files = Files(resident.home, "job")
        files.await_event("crash", 2)
        row = eventually(lambda: _of_status(resident, "waiting"))
        assert row["next"] is not None
        assert files.event_names()[:4] == ["start", "crash", "start", "crash"]
        resident("stop", "job")
        row = resident("ls").row
        assert (row["status"], row["next"]) == ("stopped", None)

    def test_a_job_runs_by_patrol_where_nobody_stays(self, tsm: Tsm) -> None:
        tsm("start", "true", "--name", "job", "--schedule", EACH_SECOND)
        files = Files(tsm.home, "job")
        eventually(lambda: tsm("patrol").status == 0 and "exit" in files.event_names())
        reason = f"scheduled '{EACH_SECOND}', next run"
        eventually(lambda: tsm("ls").row["reason"].startswith(reason))

    def test_times_are_those_of_the_machine_whoever_asks(self, tsm: Tsm) -> None:
        words = ("--name", "job", "--schedule", "0 4 * * *", "--", "true")
        tsm("start", *words, env={"TZ": "America/New_York"})
        zones = (None, "Asia/Tokyo")  # which Python looks at when it starts
        asked = [tsm.program("ls", env={"TZ": zone}).row["next"] for zone in zones]
        tsm.program("patrol", env={"TZ": "America/New_York"})
        assert [tsm("ls").row["next"]] * 2 == asked
        assert Files(tsm.home, "job").env[b"TZ"] == b"America/New_York"  # the child's own

    def test_times_within_a_run_are_passed_over(self, resident: Tsm, gate: Gate) -> None:
        told = resident.on_terminal(
            "start", gate.command, "--name", "job", "--schedule", EACH_SECOND
        )
        assert "job: scheduled (id 1)" in told.out
        assert "at the next patrol" not in told.out
        files = Files(resident.home, "job")
        first = files.await_event("start")[0]
        tick = ("--name", "tick", "--schedule", EACH_SECOND, "--", "true")
        resident("start", *tick)
        Files(resident.home, "tick").await_event("exit", 2)
        assert files.child == first["pid"]
        assert files.event_names() == ["start"]
        gate.open()
        files.await_event("start", 2)

    def test_or_end_it_where_the_next_run_goes_before(self, resident: Tsm) -> None:
        words = ("--name", "job", "--schedule", EACH_SECOND, "--overlap", "kill", "--")
        resident("start", *words, *long_sleep())
        files = Files(resident.home, "job")
        files.await_event("start", 2)
        assert files.event_names()[:4] == ["start", "overlap", "stop", "start"]

    def test_a_process_is_restarted_at_its_times(self, resident: Tsm) -> None:
        resident("start", "--name", "web", "--cron-restart", EACH_SECOND, "--", *long_sleep())
        files = Files(resident.home, "web")
        files.await_event("restart")
        assert files.event_names()[:3] == ["start", "stop", "restart"]
        eventually(lambda: resident("ls").row["next"] is not None)  # a moment after the restart


class TestLimits:
    def test_who_uses_too_much_memory_is_restarted(self, resident: Tsm) -> None:
        code = "x = b'x' * 30_000_000; import time; time.sleep(1000)"
        words = ("--name", "fat", "--max-memory", "20M", "--", "python3", "-c", code)
        resident("start", *words)
        events = up_again(Files(resident.home, "fat"), "memory-limit")
        assert [row["event"] for row in events[:4]] == ["start", "memory-limit", "stop", "restart"]
        assert "allowed are 20.0 MiB" in events[1]["reason"]
        kinds = {row["kind"] for row in resident("crashes", "fat").rows}
        assert kinds == {"memory-limit"}

    def test_also_by_patrol_where_nobody_stays(self, tsm: Tsm) -> None:
        words = ("--name", "fat", "--max-memory", "100k", "--", *long_sleep())
        tsm("start", *words)
        assert tsm("patrol").row["action"] == "restart"
        up_again(Files(tsm.home, "fat"), "memory-limit")

    def test_who_keeps_a_core_busy_for_too_long_is_restarted(self, resident: Tsm) -> None:
        limits = ("--max-cpu", "1", "--max-cpu-for", "0.1")
        busy = ("sh", "-c", "while sleep 0.01; do :; done")  # as far as neighbours let it
        resident("start", "--name", "busy", *limits, "--", *busy)
        events = up_again(Files(resident.home, "busy"), "cpu-limit")
        assert events[1]["reason"] == "has used more than 1% of a core for 0.1 s"


class TestWatch:
    def test_a_change_restarts_and_a_stopped_one_stays_down(self, resident: Tsm) -> None:
        pytest.importorskip("watchfiles")
        folder = resident.cwd / "code"
        folder.mkdir()
        options = ("--watch", str(folder), "--ignore", "*.tmp", "--watch-delay", "0.05")
        resident("start", "--name", "web", *options, "--", *long_sleep())
        files = Files(resident.home, "web")

        def restarted() -> list[dict[str, Any]]:
            (folder / "a.py").write_text("1")
            return [row for row in files.events if row["event"] == "restart"]

        eventually(restarted)
        resident("stop", "web")
        count = len(files.events)
        (folder / "a.py").write_text("2")
        resident("start", "--name", "other", "--", *long_sleep())
        assert len(files.events) == count
        assert resident("ls", "web").row["status"] == "stopped"

    def test_a_path_is_the_same_however_it_is_written(self, resident: Tsm) -> None:
        pytest.importorskip("watchfiles")
        file = resident.cwd / "a.js"
        file.touch()
        paths = ("--watch", ".", "--watch", f"../{resident.cwd.name}/./a.js")
        options = ("--ignore", "*.js", "--watch-delay", "0.05")
        resident("start", "--name", "web", *paths, *options, "--", *long_sleep())
        files = Files(resident.home, "web")
        assert files.spec["watch"]["paths"] == [str(resident.cwd), str(file)]

        def restarted() -> list[dict[str, Any]]:
            file.write_text("1")
            return [row for row in files.events if row["event"] == "restart"]

        eventually(restarted)
        for path in (".", "./", f"/{resident.cwd}/", f"{resident.cwd}/x/.."):
            resident("set", "web", f"watch={path}")
            assert files.spec["watch"]["paths"] == [str(resident.cwd)]


class TestCircuit:
    def test_an_errored_one_is_tried_again_after_its_time(self, resident: Tsm) -> None:
        options = ("--max-retries", "0", "--delay", "0", "--retry-after", "1s")
        resident("start", "sh -c 'exit 3'", "--name", "web", *options)
        files = Files(resident.home, "web")
        files.await_event("errored")
        reason = eventually(lambda: _errored(resident))
        assert reason.startswith("1 short run in a row, the last exited with 3, next try in ")
        files.await_event("restart")


class TestPaused:
    def test_the_resident_leaves_it_alone_until_it_ends(self, resident: Tsm) -> None:
        argv = long_sleep()
        resident("start", "--name", "web", "--min-uptime", "0", "--", *argv)
        files = Files(resident.home, "web")
        resident("pause", "web")
        child = files.child
        assert resident("ls").row["status"] == "paused"
        os.kill(child, signal.SIGKILL)
        eventually(lambda: not alive(child) and len(running(*argv)) == 1)
        assert resident("ls").row["status"] == "online"


def _errored(tsm: Tsm) -> str:
    return str(_of_status(tsm, "errored").get("reason", ""))


def _of_status(tsm: Tsm, status: str) -> dict[str, Any]:
    row = tsm("ls").row
    return row if row["status"] == status else {}
