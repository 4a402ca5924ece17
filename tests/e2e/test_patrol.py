"""`tsm patrol`: one look puts right what is not, and says so; where all is right it is silent."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import Files, below
from tests.e2e.kernel import children, long_sleep, running, send
from tests.machine import alive, kill, reboot
from tests.proc import argv_of
from tests.running import PROGRAM
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm
    from tests.waiting import Gate


def started(tsm: Tsm, *options: str) -> Files:
    """A process `web` that is up."""
    tsm("start", "--name", "web", *options, "--", *long_sleep())
    return Files(tsm.home, "web")


def everything(tsm: Tsm) -> dict[str, bytes]:
    """Every file of the home, to the byte."""
    files = (tsm.home / path for path in below(tsm.home))
    return {str(path): path.read_bytes() for path in files if path.is_file()}


class TestAllRight:
    def test_prints_nothing_and_writes_nothing(self, tsm: Tsm) -> None:
        started(tsm)
        tsm("start", "--name", "down", "--", *long_sleep())
        tsm("stop", "down")
        tsm("start", "true", "--name", "done", "--restart", "no")
        eventually(lambda: Files(tsm.home, "done").meta["status"] == "completed")
        before = everything(tsm)
        result = tsm("patrol")
        assert (result.out, result.err) == ("", "")
        assert everything(tsm) == before

    def test_prints_nothing_in_a_home_that_is_empty_or_not_there(self, tsm: Tsm) -> None:
        for home in (tsm.home, tsm.cwd / "none"):
            result = tsm("patrol", env={"TSM_HOME": str(home)})
            assert (result.out, result.err) == ("", "")
        assert below(tsm.home) == []
        assert not (tsm.cwd / "none").exists()

    def test_leaves_the_child_of_a_killed_launcher_alone(self, tsm: Tsm) -> None:
        files = started(tsm)
        kill(files.launcher)
        assert tsm("patrol").out == ""
        assert tsm("ls").row["pid"] == files.child

    def test_leaves_a_restart_that_is_not_due_yet(self, tsm: Tsm, gate: Gate) -> None:
        tsm("start", gate.command, "--name", "web", "--delay", "1h", "--max-delay", "1h")
        files = Files(tsm.home, "web")
        kill(files.launcher)
        gate.open(3)
        eventually(lambda: not alive(files.child))
        for _ in range(2):
            assert tsm("patrol").out == ""
            assert tsm("ls").row["status"] == "waiting"


class TestCrash:
    def test_nobody_saw_is_followed_by_a_restart(self, tsm: Tsm) -> None:
        files = started(tsm, "--min-uptime", "0")
        kill(files.launcher, files.child)
        row = tsm("patrol").row
        assert (row["name"], row["action"]) == ("web", "restart")
        assert row["reason"] == "ended with an unknown exit code"
        assert files.event_names() == ["start", "crash", "restart"]
        assert tsm("ls").row["status"] == "online"
        assert tsm("patrol").out == ""

    def test_is_a_sentence_on_a_terminal(self, tsm: Tsm) -> None:
        files = started(tsm, "--min-uptime", "0")
        kill(files.launcher, files.child)
        assert tsm.on_terminal("patrol").out == ("web: restart (ended with an unknown exit code)\n")

    @pytest.mark.parametrize(
        ("options", "status"),
        [(("no",), "stopped"), (("on-failure", "--min-uptime", "0"), "online")],
        ids=["no", "on-failure"],
    )
    def test_nobody_saw_counts_as_failure(
        self, tsm: Tsm, options: tuple[str, ...], status: str
    ) -> None:
        files = started(tsm, "--restart", *options)
        kill(files.launcher, files.child)
        assert len(tsm("patrol").rows) == 1
        assert tsm("ls").row["status"] == status
        assert tsm("patrol").out == ""

    def test_ends_who_is_left_of_the_run(self, tsm: Tsm, gate: Gate) -> None:
        argv = long_sleep()
        text = f"{' '.join(argv)} & read x <{gate.path}"
        tsm("start", "--name", "web", "--restart", "no", "--", "sh", "-c", text)
        files = Files(tsm.home, "web")
        eventually(lambda: len(running(*argv)) == 1)
        kill(files.launcher, files.child)
        assert tsm("patrol").row["action"] == "stopped"
        assert running(*argv) == []

    def test_looks_only_at_the_names_that_are_given(self, tsm: Tsm) -> None:
        for name in ("a", "b"):
            tsm("start", "--name", name, "--min-uptime", "0", "--", *long_sleep())
            kill(Files(tsm.home, name).launcher, Files(tsm.home, name).child)
        assert [row["name"] for row in tsm("patrol", "b").rows] == ["b"]
        assert tsm("ls", "a").row["status"] == "waiting"
        assert tsm("patrol", "else", ok=False).status == 3


class TestReboot:
    def test_starts_what_is_wanted_up_and_counts_no_restart(self, tsm: Tsm) -> None:
        files = started(tsm)
        tsm("restart", "web")
        tsm("start", "--name", "down", "--", *long_sleep())
        tsm("stop", "down")
        reboot(tsm)
        statuses = {row["name"]: (row["status"], row["reason"]) for row in tsm("ls").rows}
        assert statuses == {
            "web": ("waiting", "the machine was rebooted, next try at the next patrol"),
            "down": ("stopped", "by command"),
        }
        assert tsm("patrol").rows == [
            {"name": "web", "action": "start", "reason": "the machine was rebooted"}
        ]
        row = tsm("ls", "web").row
        assert (row["status"], row["restarts"], row["unstable_restarts"]) == ("online", 1, 0)
        exit_, start = files.events[-2:]
        assert (exit_["event"], exit_["reason"], exit_["code"]) == ("exit", "reboot", None)
        assert start["event"] == "start"
        assert tsm("patrol").out == ""

    def test_is_survived_by_no_status_that_was_true_before(self, tsm: Tsm) -> None:
        """Meta names a pid and start time that somebody else may have now."""
        files = started(tsm)
        reboot(tsm)
        assert files.meta["status"] == "online"
        assert tsm("ls").row["pid"] is None

    def test_is_the_end_where_nothing_is_restarted(self, tsm: Tsm) -> None:
        started(tsm, "--restart", "no")
        reboot(tsm)
        row = tsm("ls").row
        assert (row["status"], row["reason"]) == ("stopped", "the machine was rebooted")
        tsm("patrol")
        assert tsm("ls").row["status"] == "stopped"
        assert tsm("patrol").out == ""

    def test_ends_the_wait_for_a_restart(self, tsm: Tsm, gate: Gate) -> None:
        tsm("start", gate.command, "--name", "web", "--restart", "on-failure", "--delay", "50ms")
        files = Files(tsm.home, "web")
        kill(files.launcher)
        gate.open(3)
        eventually(lambda: not alive(files.child))
        reboot(tsm)
        eventually(lambda: tsm("patrol").rows)
        assert tsm("ls").row["status"] == "online"
        assert tsm("ls").row["restarts"] == 0

    def test_is_met_by_start_and_stop_as_well(self, tsm: Tsm) -> None:
        files = started(tsm)
        reboot(tsm)
        assert tsm("start", "web").row["action"] == "start"
        assert files.event_names() == ["start", "exit", "start"]
        reboot(tsm)
        tsm("stop", "web")
        assert tsm("ls").row["status"] == "stopped"
        assert tsm("patrol").out == ""


class TestCutShort:
    @pytest.mark.parametrize("text", ["", "\n", "stop\n", "whatever\n"])
    def test_stop_is_finished(self, tsm: Tsm, text: str) -> None:
        files = started(tsm)
        child = files.child
        (files.folder / "down").write_text(text)
        assert tsm("ls").row["status"] == "stopping"
        assert tsm("patrol").row["action"] == "stop"
        assert not alive(child)
        assert tsm("ls").row["status"] == "stopped"
        assert files.event_names() == ["start", "stop"]
        assert tsm("patrol").out == ""

    def test_stop_of_what_has_ended_meanwhile_is_finished(self, tsm: Tsm) -> None:
        files = started(tsm)
        (files.folder / "down").touch()
        os.kill(files.child, signal.SIGTERM)
        eventually(lambda: "exit" in files.run)
        tsm("patrol")
        assert tsm("ls").row["status"] == "stopped"
        assert files.event_names() == ["start", "stop"]
        assert files.meta["status"] == "stopped"

    def test_restart_is_finished(self, tsm: Tsm) -> None:
        files = started(tsm)
        child = files.child
        (files.folder / "down").write_text("restart\n")
        assert tsm("patrol").row["action"] == "restart"
        assert not alive(child)
        row = tsm("ls").row
        assert (row["status"], row["restarts"]) == ("online", 1)
        assert files.event_names() == ["start", "stop", "restart"]

    def test_restart_is_finished_where_the_old_run_has_ended(self, tsm: Tsm) -> None:
        files = started(tsm)
        tsm("stop", "web")
        (files.folder / "down").write_text("restart\n")
        assert tsm("ls").row["status"] == "waiting"
        assert tsm("patrol").row["action"] == "restart"
        assert tsm("ls").row["status"] == "online"

    def test_start_is_finished(self, tsm: Tsm) -> None:
        files = started(tsm)
        tsm("stop", "web")
        (files.folder / "down").unlink()
        assert tsm("ls").row["status"] == "waiting"
        assert tsm("patrol").row["action"] == "start"
        assert tsm("ls").row["status"] == "online"
        assert tsm("ls").row["restarts"] == 0

    def test_start_without_any_run_is_finished(self, tsm: Tsm) -> None:
        files = started(tsm)
        tsm("stop", "web")
        (files.folder / "down").unlink()
        (files.folder / "run").unlink()
        assert tsm("patrol").row["action"] == "start"
        assert tsm("ls").row["status"] == "online"

    def test_leftovers_are_cleared_away(self, tsm: Tsm) -> None:
        files = started(tsm)
        before = below(tsm.home)
        for name in (".else.new", ".else.gone", ".web.new", ".web.gone"):
            folder = files.folder.with_name(name)
            folder.mkdir()
            (folder / "meta.json.new").write_text("{")
        (files.folder / "meta.json.new").write_text("{")
        files.lock.with_name("else.lock").touch()
        assert tsm("ls").row["name"] == "web"
        assert tsm("patrol").out == ""
        assert below(tsm.home) == before

    def test_leftovers_of_who_is_at_work_are_left(self, tsm: Tsm) -> None:
        files = started(tsm)
        folder = files.folder.with_name(".web.new")
        folder.mkdir()
        with files.lock.open() as lock:
            subprocess.run(["flock", str(lock.fileno())], check=True, pass_fds=[lock.fileno()])
            tsm("patrol")
            assert folder.exists()
        tsm("patrol")
        assert not folder.exists()


class TestBeside:
    def test_others_leaves_to_them_what_they_hold(self, tsm: Tsm) -> None:
        files = started(tsm, "--min-uptime", "0")
        kill(files.launcher, files.child)
        with files.lock.open() as lock:
            subprocess.run(["flock", str(lock.fileno())], check=True, pass_fds=[lock.fileno()])
            assert tsm("patrol").out == ""
        assert len(tsm("patrol").rows) == 1

    def test_itself_starts_one(self, tsm: Tsm) -> None:
        argv = long_sleep()
        tsm("start", "--name", "web", "--min-uptime", "0", "--", *argv)
        files = Files(tsm.home, "web")
        kill(files.launcher, files.child)
        patrols = tsm.at_once([("patrol",)] * 8)
        assert [one.status for one in patrols] == [0] * 8
        assert "".join(one.out for one in patrols).count('"restart"') == 1
        assert "".join(one.err for one in patrols) == ""
        eventually(lambda: running(*argv))  # a patrol does not wait for the exec
        assert running(*argv) == [files.child]

    def test_a_launcher_starts_one(self, tsm: Tsm, gate: Gate) -> None:
        tsm("start", gate.command, "--name", "web", "--min-uptime", "0")
        files = Files(tsm.home, "web")
        argv = argv_of(files.child)
        launcher = files.launcher
        send(launcher, signal.SIGSTOP)
        gate.open(3)
        patrols = [tsm.spawn("patrol") for _ in range(4)]
        send(launcher, signal.SIGCONT)
        for program in patrols:
            program.communicate()
        files.await_event("restart")
        eventually(lambda: not alive(launcher) and not children(launcher))
        eventually(lambda: running(*argv))  # a patrol does not wait for the exec
        assert running(*argv) == [files.child]
        assert files.event_names() == ["start", "crash", "restart"]


class TestEnvironment:
    def test_may_be_that_of_cron(self, tsm: Tsm) -> None:
        files = started(tsm, "--min-uptime", "0", "--env", "A=1")
        before = files.env
        kill(files.launcher, files.child)
        env = {"HOME": str(tsm.cwd), "PATH": "/usr/bin:/bin", "TSM_HOME": str(tsm.home)}
        words = ["env", "-i", *(f"{key}={value}" for key, value in env.items()), str(PROGRAM)]
        done = subprocess.run(
            [*words, "patrol"], cwd="/", capture_output=True, check=True, timeout=30
        )
        assert b'"restart"' in done.stdout
        assert done.stderr == b""
        assert files.env == before
        os.kill(files.child, signal.SIGKILL)  # what it has launched can call it again
        files.await_event("restart", 2)

    def test_of_the_launchers_patrol_is_not_the_childs(self, tsm: Tsm) -> None:
        odd = {"PYTHONHOME": "/nowhere", "PYTHONSTARTUP": "/nowhere", "LD_PRELOAD": ""}
        options = [word for key, value in odd.items() for word in ("--env", f"{key}={value}")]
        files = started(tsm, "--delay", "0", *options)
        os.kill(files.child, signal.SIGKILL)
        files.await_event("restart")


def test_runs_where_a_child_is_python_and_its_modules_would_shadow_ours(tsm: Tsm) -> None:
    folder = tsm.cwd / "shadow"
    folder.mkdir()
    for name in ("argparse", "json", "tsm", "os"):
        (folder / f"{name}.py").write_text("raise SystemExit(9)\n")
    tsm(
        "start",
        app("context.py", tsm.cwd / "said"),
        "--name",
        "web",
        "--cwd",
        "shadow",
        "--delay",
        "0",
    )
    files = Files(tsm.home, "web")
    eventually((tsm.cwd / "said").exists)
    os.kill(files.child, signal.SIGKILL)
    files.await_event("restart")


@pytest.mark.parametrize("names", [(), ("web",)])
def test_settings_that_make_no_sense_are_told_once(tsm: Tsm, names: tuple[str, ...]) -> None:
    for name in names:
        tsm("start", "sleep 1000", "--name", name)
    path = tsm.home / "config.toml"
    path.write_text("patrol = 3\n")
    result = tsm("patrol", ok=False)
    assert (result.status, result.err.count(str(path))) == (6, 1)
