"""The resident patrol: it comes by itself, is one, and is not missed when it dies."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Any

from tests.apps import app
from tests.e2e.files import Files
from tests.e2e.kernel import children, long_sleep, running, start_ticks
from tests.machine import alive, kill
from tests.waiting import eventually
from tsm.patrol import presence
from tsm.store.home import Home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running import Tsm


def pid_of(tsm: Tsm) -> int:
    """The resident patrol, once there is one."""

    def there() -> int:
        pid = int((tsm.home / "runtime/patrol/resident").read_text().split()[0])
        return pid if alive(pid) else 0

    return eventually(there)


def log(tsm: Tsm) -> str:
    """What it has said."""
    return (tsm.home / "runtime/patrol/patrol.log").read_text()


def started(tsm: Tsm, name: str = "web", *options: str) -> Files:
    """A process that is up, in a home with a resident."""
    tsm("start", "--name", name, "--min-uptime", "0", *options, "--", *long_sleep())
    return Files(tsm.home, name)


class TestComing:
    def test_start_brings_it_up_and_the_last_stop_sends_it_away(self, resident: Tsm) -> None:
        started(resident)
        pid = pid_of(resident)
        resident("stop", "web")
        eventually(lambda: not alive(pid))
        assert not (resident.home / "runtime/patrol/resident").exists()
        assert resident("check").out == ""

    def test_there_is_one_however_many_commands_begin_at_once(self, resident: Tsm) -> None:
        argv = long_sleep()
        calls = [("start", "--name", f"p{number}", "--", *argv) for number in range(5)]
        assert [one.status for one in resident.at_once(calls)] == [0] * 5
        pid = pid_of(resident)
        others = running(*_command_line(pid))
        eventually(lambda: _of_home(others, resident.home) == [pid])
        kill(running(*argv)[0])
        eventually(lambda: len(running(*argv)) == 5)

    def test_a_config_that_makes_no_sense_fails_no_command_that_needs_none(self, tsm: Tsm) -> None:
        started(tsm)
        (tsm.home / "config.toml").write_text("patrol = 3\n")
        for words in (
            *(("set", "web", "stop-timeout=20"), ("pause", "web"), ("resume", "web")),
            *(("restart", "web"), ("stop", "web"), ("start", "web"), ("delete", "web")),
        ):
            assert tsm(*words).err == ""

    def test_one_that_cannot_read_its_config_says_so_and_stays(self, resident: Tsm) -> None:
        files = started(resident)
        (resident.home / "config.toml").write_text("metrics_interval = 'often'\n")
        kill(pid_of(resident))
        resident("patrol", ok=None)
        pid = pid_of(resident)
        kill(files.child)
        files.await_event("restart")
        assert "config.toml: metrics_interval = 'often'" in log(resident)
        assert pid_of(resident) == pid

    def test_one_whose_home_has_a_long_path_has_nothing_to_complain_of(self, tsm: Tsm) -> None:
        far = tsm.at(tsm.home / ("x" * 120))  # too long for the address of a socket
        far.home.mkdir(mode=0o700)
        started(far)
        pid = pid_of(far)
        far("delete", "web")
        eventually(lambda: not alive(pid))
        assert log(far) == ""

    def test_a_patrol_of_one_process_brings_it_as_well(self, resident: Tsm) -> None:
        started(resident)
        pid = pid_of(resident)
        kill(pid)
        resident("patrol", "web")
        assert pid_of(resident) != pid

    def test_nobody_comes_where_cron_patrols(self, tsm: Tsm) -> None:
        started(tsm)
        assert not (tsm.home / "runtime/patrol/resident").exists()


class TestCrash:
    def test_is_answered_by_it_and_no_launcher_is_left(self, resident: Tsm) -> None:
        files = started(resident)
        pid_of(resident)
        child, launcher = files.child, files.launcher
        os.kill(child, signal.SIGKILL)
        files.await_event("restart")
        eventually(lambda: "web: restart (killed by SIGKILL)" in log(resident))
        eventually(lambda: not alive(launcher))
        assert files.event_names() == ["start", "crash", "restart"]
        kill(files.child)
        files.await_event("restart", 2)
        eventually(lambda: not children(pid_of(resident), zombies=True)[1:])

    def test_is_answered_where_its_probes_cannot_be_set_up(self, resident: Tsm) -> None:
        files = started(resident, "web", "--health", "command:true")
        kill(pid_of(resident))
        env, away = files.folder / "env", resident.cwd / "env"
        env.rename(away)
        resident("patrol")
        eventually(lambda: f"{env}: No such file or directory" in log(resident))
        away.rename(env)
        os.kill(files.child, signal.SIGKILL)
        files.await_event("restart")
        assert "Traceback" not in log(resident)

    def test_is_answered_when_it_dies_at_the_same_time(self, resident: Tsm) -> None:
        files = started(resident)
        first = pid_of(resident)
        child = files.child
        kill(first)
        assert alive(child)
        os.kill(child, signal.SIGKILL)
        files.await_event("restart")
        assert pid_of(resident) != first
        assert files.event_names() == ["start", "crash", "restart"]

    def test_is_answered_and_no_command_waits_while_it_is_stopped(self, resident: Tsm) -> None:
        files = started(resident)
        os.kill(pid_of(resident), signal.SIGSTOP)
        os.kill(files.child, signal.SIGKILL)
        files.await_event("restart")
        resident("restart", "web")
        pid = pid_of(resident)  # another one, if the first was stopped with a lock in its hands
        os.kill(pid, signal.SIGSTOP)
        os.utime(resident.home / "runtime/patrol/resident", (1, 1))
        row = resident("patrol").row
        assert (row["action"], row["pid"]) == ("replace", pid)
        assert row["reason"].startswith("no heartbeat for ")
        assert pid_of(resident) != pid
        assert files.event_names() == ["start", "crash", "restart", "stop", "restart"]

    def test_of_many_at_once_is_answered_for_each(self, resident: Tsm) -> None:
        argv = long_sleep()
        for number in range(6):
            resident("start", "--name", f"p{number}", "--min-uptime", "0", "--", *argv)
        pid_of(resident)
        before = running(*argv)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(running(*argv)) == 6 and not set(before) & set(running(*argv)))
        assert {row["restarts"] for row in resident("ls").rows} == {1}

    def test_waits_for_its_delay_and_stop_beats_it(self, resident: Tsm) -> None:
        files = started(resident, "web", "--min-uptime", "1h", "--delay", "1h", "--max-delay", "1h")
        pid_of(resident)
        os.kill(files.child, signal.SIGKILL)
        row = eventually(lambda: _waiting(resident))
        assert row["reason"].startswith("1st short run, killed by SIGKILL, next try in 60 min")
        assert row["next"] is not None
        resident("stop", "web")
        assert resident("ls").row["status"] == "stopped"


class TestFifo:
    def test_is_made_again_by_the_resident_which_then_hears(self, resident: Tsm) -> None:
        started(resident)
        pid = pid_of(resident)
        fifo = resident.home / "runtime/patrol.fifo"
        eventually(fifo.is_fifo)
        fifo.write_text("web\n")  # blocks until somebody reads
        fifo.unlink()
        eventually(fifo.is_fifo)
        fifo.write_text("web\n")
        resident("stop", "web")
        eventually(lambda: not alive(pid))


def test_another_comes_where_all_that_shows_it_was_removed(resident: Tsm) -> None:
    started(resident)
    pid = pid_of(resident)
    eventually((resident.home / "runtime/patrol.fifo").is_fifo)
    shutil.rmtree(resident.home / "runtime/patrol")
    (resident.home / "runtime/patrol.fifo").unlink()
    assert resident("restart", "web").row["status"] == "online"
    kill(pid)  # it would leave with its next heartbeat
    other = pid_of(resident)
    assert other != pid
    resident("stop", "web")
    eventually(lambda: not alive(other))


class TestSignals:
    def test_sigterm_ends_it_and_touches_no_child(self, resident: Tsm) -> None:
        files = started(resident)
        pid, child = pid_of(resident), files.child
        assert resident("patrol", "--stop").row == {"action": "stop", "pid": pid}
        assert not alive(pid)
        assert alive(child)
        assert resident("patrol", "--stop").row == {"action": None, "pid": None}

    def test_one_that_is_stopped_goes_on_to_its_end(self, resident: Tsm) -> None:
        started(resident)
        pid = pid_of(resident)
        os.kill(pid, signal.SIGSTOP)
        assert resident("patrol", "--stop").row == {"action": "stop", "pid": pid}
        assert not alive(pid)
        assert not (resident.home / "runtime/patrol/resident").exists()  # as it left

    def test_one_that_hears_nothing_is_killed(self, tsm: Tsm) -> None:
        place = tsm.home / "runtime/patrol/resident"
        place.parent.mkdir(parents=True)
        argv = shlex.split(app("ignores_term.py"))
        with subprocess.Popen(argv, stdout=subprocess.PIPE, env=tsm.env) as program:
            assert program.stdout is not None
            assert program.stdout.readline() == b"ready\n"
            place.write_text(f"{program.pid} {start_ticks(program.pid)}\n")
            os.kill(program.pid, signal.SIGSTOP)
            gone = presence.dismiss(Home(str(tsm.home)), signal.SIGTERM, 0.1)
            try:
                assert gone is not None
                eventually(lambda: not alive(program.pid), 20)
            finally:
                program.kill()
        place.unlink()

    def test_sighup_reads_the_settings_again(self, resident: Tsm) -> None:
        started(resident)
        pid = pid_of(resident)
        metrics = resident.home / "db/metrics"
        (resident.home / "config.toml").write_text('metrics_interval = "1s"\n')
        os.kill(pid, signal.SIGHUP)
        eventually(lambda: metrics.exists() and list(metrics.iterdir()))
        assert alive(pid)

    def test_a_home_that_goes_away_takes_it_along(self, resident: Tsm) -> None:
        files = started(resident)
        pid = pid_of(resident)
        moved = resident.home.with_name("moved")
        shutil.move(resident.home, moved)
        try:
            eventually(lambda: not alive(pid))
        finally:
            shutil.move(moved, resident.home)
        assert alive(files.child)


def test_in_the_foreground_it_tells_systemd_of_itself(resident: Tsm) -> None:
    path = resident.cwd / "notify"
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.bind(str(path))
        one.settimeout(60)
        program = resident.spawn("patrol", "--foreground", env={"NOTIFY_SOCKET": str(path)})
        while not {"READY=1", "WATCHDOG=1"} <= set(heard):
            heard += one.recv(4096).decode().splitlines()
        files = started(resident)
        os.kill(files.child, signal.SIGKILL)
        files.await_event("restart")
        assert pid_of(resident) == program.pid
        resident("delete", "web")
        program.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in heard:
            heard += one.recv(4096).decode().splitlines()
    assert program.wait() == 0


def test_one_in_the_foreground_takes_the_place_of_the_other(resident: Tsm) -> None:
    started(resident)
    first = pid_of(resident)
    program = resident.spawn("patrol", "--foreground")
    eventually(lambda: pid_of(resident) == program.pid)
    assert not alive(first)
    program.send_signal(signal.SIGTERM)
    assert program.wait() == 0


def test_names_make_no_sense_for_one_that_stays(tsm: Tsm) -> None:
    done = tsm("patrol", "--daemon", "web", ok=False)
    assert done.status == 2
    assert "web" in done.err


def _waiting(tsm: Tsm) -> dict[str, Any]:
    row = tsm("ls").row
    return row if row["status"] == "waiting" and "next try in" in row["reason"] else {}


def _command_line(pid: int) -> list[str]:
    done = subprocess.run(["cat", f"/proc/{pid}/cmdline"], capture_output=True, check=True)
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


def _of_home(pids: list[int], home: Path) -> list[int]:
    entry = f"TSM_HOME={home}".encode()
    found = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
                environ = file.read().split(b"\0")
        except OSError:
            continue
        if entry in environ and alive(pid):
            found.append(pid)
    return found
