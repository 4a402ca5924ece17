"""Probes at work: online once ready, healthy as long as well, and what follows when not."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.e2e.files import Files
from tests.e2e.kernel import long_sleep, send
from tests.machine import alive, kill
from tests.ports import free_port
from tests.waiting import eventually
from tsm.osproc.notify import address as abstract
from tsm.store.attendance import ring
from tsm.store.home import Home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running import Tsm

OFTEN = ("--health-interval", "0.1", "--health-retries", "2")
READY_OFTEN = ("--ready-interval", "0.1")


def exists(path: Path) -> str:
    """A probe that succeeds as long as there is that file."""
    return f"command:test -e {path} || {{ echo no file; exit 3; }}"


def await_row(tsm: Tsm, **values: object) -> dict[str, object]:
    """The row of ls, once it has these values."""

    def there() -> dict[str, object]:
        row: dict[str, object] = tsm("ls").row
        return row if values.items() <= row.items() else {}

    return eventually(there)


class TestReadiness:
    def test_is_waited_for_and_journaled(self, resident: Tsm) -> None:
        path = resident.cwd / "ready"
        argv = ("--name", "web", "--ready", exists(path), *READY_OFTEN, "--", *long_sleep())
        assert resident("start", *argv).row["status"] == "launching"
        row = eventually(lambda: _with_reason(resident))
        assert row["reason"] == "ready probe: exited with 3: no file"
        done = resident("wait", "--until", "ready", "--timeout", "0.1", "web", ok=False)
        assert done.status == 5
        assert "not ready within" in done.err
        path.touch()
        resident("wait", "--until", "ready", "web")
        files = Files(resident.home, "web")
        assert files.event_names() == ["start", "online"]
        assert files.meta["status"] == "online"
        resident("restart", "web")
        files.await_event("online", 2)

    def test_leaves_nothing_of_why_it_was_late(self, resident: Tsm) -> None:
        path = resident.cwd / "ready"
        seldom = ("--health", "command:true", "--health-interval", "1h")
        argv = ("--name", "web", "--ready", exists(path), *READY_OFTEN, *seldom)
        resident("start", *argv, "--", *long_sleep())
        eventually(lambda: _with_reason(resident))
        path.touch()
        resident("wait", "--until", "ready", "web")
        row = resident("ls").row
        assert (row["status"], row["health"], row["reason"]) == ("online", "unknown", "")

    def test_is_asked_by_start_itself_where_nobody_stays(self, tsm: Tsm) -> None:
        path = tsm.cwd / "ready"
        argv = ("--name", "web", "--ready", exists(path), "--wait-ready")
        done = tsm("start", *argv, "0.2", "--", *long_sleep(), ok=False)
        assert done.status == 5
        assert "not ready within 0.2 s: ready probe: exited with 3: no file" in done.err
        path.touch()
        tsm("wait", "--until", "ready", "web")
        assert tsm("ls").row["status"] == "online"

    def test_of_one_that_ends_instead_is_a_failure(self, resident: Tsm) -> None:
        argv = ("--name", "web", "--restart", "no", "--ready", "tcp:1", "--", "sh", "-c", "exit 3")
        resident("start", *argv)
        done = resident("wait", "--until", "ready", "web", ok=False)
        assert (done.status, done.err.split(":")[2].strip()) == (1, "stopped")

    def test_is_an_answer_with_the_status_and_body_that_are_wanted(self, resident: Tsm) -> None:
        port = free_port()
        url = f"http://127.0.0.1:{port}/"
        wanted = ("--ready-status", "200", "--ready-body", "^welcome$")
        argv = (app("server.py"), "--name", "web", "--port", str(port), "--ready", url)
        resident("start", *argv, *wanted, *READY_OFTEN)
        row = eventually(lambda: _with_reason(resident, "no body"))
        assert row["reason"] == "ready probe: HTTP 200, but no body that holds '^welcome$'"
        resident("set", "web", "ready-body=^hello$")
        resident("wait", "--until", "ready", "web")

    def test_is_heard_where_nobody_has_looked_at_the_run_so_far(self, resident: Tsm) -> None:
        resident("start", "--name", "other", "--", *long_sleep())
        eventually(lambda: ring(Home(str(resident.home)), ()))  # it listens
        patrol = int(_resident(resident).read_text().split()[0])
        fifo = resident.cwd / "fifo"
        _mkfifo(fifo)
        send(patrol, signal.SIGSTOP)
        try:
            resident("start", app("notifies.py", fifo), "--name", "web", "--ready", "notify")
            fifo.write_text("READY=1\n")
            fifo.write_text("STATUS=up\n")  # it is opened again once the first was sent
        finally:
            send(patrol, signal.SIGCONT)
        resident("wait", "--until", "ready", "web", "--timeout", "60")

    def test_is_told_by_the_child_and_by_nobody_else(self, resident: Tsm) -> None:
        fifo = resident.cwd / "fifo"
        _mkfifo(fifo)
        argv = ("--name", "web", "--ready", "notify", app("notifies.py", fifo))
        assert resident("start", *argv).row["status"] == "launching"
        address = eventually(lambda: resident("env", "web", "--reveal").out and _socket(resident))
        _tell(address, "READY=1")  # by the test, which is not of the run
        fifo.write_text("STATUS=warming up\n")
        eventually(lambda: Files(resident.home, "web").child)
        assert resident("ls").row["status"] == "launching"
        fifo.write_text("READY=1\n")
        resident("wait", "--until", "ready", "web", "--timeout", "60")


class TestLiveness:
    def test_goes_and_comes_back(self, resident: Tsm) -> None:
        path, said = resident.cwd / "well", resident.cwd / "said"
        path.touch()
        argv = ("--name", "web", "--health", exists(path), *OFTEN)
        hook = f'echo "$TSM_EVENT $TSM_REASON" >>{said}'
        resident("start", *argv, "--on-unhealthy", hook, "--", *long_sleep())
        await_row(resident, health="healthy", reason="")
        path.unlink()
        why = "health probe: exited with 3: no file"
        await_row(resident, health="unhealthy", status="online", reason=why)
        eventually(lambda: said.read_text() == "on_unhealthy exited with 3: no file\n")
        described = resident("describe", "web").row
        assert described["health"] == "unhealthy"
        assert described["reason"] == why
        shown = resident("describe", "web", "--table").out
        assert "status        online\n" in shown
        assert f"health        unhealthy ({why})\n" in shown
        assert f"web: unhealthy: {why}\n" in resident("ls", "--table").out
        path.touch()
        await_row(resident, health="healthy", reason="")
        files = Files(resident.home, "web")
        assert files.event_names() == ["start", "unhealthy", "healthy"]
        assert files.await_event("unhealthy")[0]["reason"] == "exited with 3: no file"
        (report,) = resident("crashes", "web").rows
        assert report["kind"] == "unhealthy"

    def test_that_is_unknown_has_no_reason_whatever_the_probe_says(self, resident: Tsm) -> None:
        often = ("--health-interval", "0.1", "--health-retries", "1000")
        argv = ("--name", "web", "--health", "command:exit 9", *often)
        resident("start", *argv, "--", *long_sleep())
        path = Files(resident.home, "web").folder / "health.json"
        eventually(lambda: path.exists() and "exited with 9" in path.read_text())
        row = resident("ls").row
        assert (row["status"], row["health"], row["reason"]) == ("online", "unknown", "")
        assert "exited" not in resident("ls", "--table").out
        assert "exited" not in resident("describe", "web", "--table").out

    def test_that_is_lost_leads_to_a_restart_if_asked_for(self, resident: Tsm) -> None:
        path = resident.cwd / "well"
        argv = ("--name", "web", "--health", exists(path), *OFTEN, "--health-restart")
        resident("start", *argv, "--", *long_sleep())
        files = Files(resident.home, "web")
        files.await_event("restart")
        path.touch()
        await_row(resident, health="healthy")
        names = files.event_names()
        assert names[:4] == ["start", "unhealthy", "stop", "restart"]

    def test_that_is_lost_ends_no_run_that_could_not_begin_again(self, resident: Tsm) -> None:
        path = resident.cwd / "well"
        path.touch()
        argv = ("--name", "web", "--health", exists(path), *OFTEN, "--health-restart")
        child = resident("start", *argv, "--", *long_sleep()).row["pid"]
        log = Files(resident.home, "web").folder / "current.err"
        log.unlink()
        log.mkdir()
        path.unlink()
        said = resident.home / "runtime/patrol/patrol.log"
        eventually(lambda: "current.err: not a file" in said.read_text())
        assert alive(child)
        log.rmdir()
        Files(resident.home, "web").await_event("restart")

    def test_is_forgotten_when_it_is_asked_no_more(self, resident: Tsm) -> None:
        argv = ("--name", "web", "--health", "command:true", *OFTEN, "--", *long_sleep())
        resident("start", *argv)
        await_row(resident, health="healthy")
        files = Files(resident.home, "web")
        assert files.meta["health"] == "healthy"
        resident("set", "web", "health=")
        await_row(resident, health=None, status="online")
        assert files.meta["health"] is None

    def test_is_looked_at_by_each_patrol_where_nobody_stays(self, tsm: Tsm) -> None:
        path = tsm.cwd / "well"
        argv = ("--name", "web", "--health", exists(path), *OFTEN, "--", *long_sleep())
        tsm("start", *argv)
        assert tsm("ls").row["health"] == "unknown"
        for expected in ("unknown", "unhealthy"):
            assert tsm("patrol").out == ""
            assert tsm("ls").row["health"] == expected
        files = Files(tsm.home, "web")
        known = json.loads((files.folder / "health.json").read_text())
        stale = {**known, "time": time.time() - 3600}
        (files.folder / "health.json").write_text(json.dumps(stale))
        assert tsm("ls").row["health"] == "unknown"

    def test_is_shown_by_a_heartbeat(self, resident: Tsm) -> None:
        beat = resident.cwd / "beat"
        _mkfifo(beat)
        text = f'exec 3<>{beat}; while read x <&3; do touch "$TSM_HEARTBEAT"; done'
        argv = ("--health-interval", "0.2", "--health-timeout", "0.2", "--health-retries", "1")
        resident("start", text, "--name", "web", "--health", "heartbeat", *argv)

        def healthy() -> bool:
            beat.write_text("now\n")
            return bool(resident("ls").row["health"] == "healthy")

        eventually(healthy)
        await_row(resident, health="unhealthy")

    def test_of_one_that_tells_of_itself_is_kept_by_the_next_resident(self, resident: Tsm) -> None:
        fifo = resident.cwd / "fifo"
        _mkfifo(fifo)
        options = ("--health-interval", "0.1", "--health-timeout", "0.1", "--health-retries", "1")
        probes = ("--ready", "notify", "--health", "notify", "--health-restart", *options)
        resident("start", app("notifies.py", fifo), "--name", "web", *probes)
        fifo.write_text("READY=1\nWATCHDOG_USEC=3600000000\nWATCHDOG=1\n")
        known = Files(resident.home, "web").folder / "health.json"

        def said(word: str) -> dict[str, object]:
            found: dict[str, object] = json.loads(known.read_text())
            return found if word in str(found["output"]) and "watchdog_s" in found else {}

        assert eventually(lambda: said("last WATCHDOG=1"))["watchdog_s"] == 3600
        kill(int(_resident(resident).read_text().split()[0]))
        resident("patrol", "--daemon")
        assert eventually(lambda: said("has not sent WATCHDOG=1"))["state"] == "healthy"
        fifo.write_text("WATCHDOG=1\n")
        assert eventually(lambda: said("last WATCHDOG=1"))["state"] == "healthy"
        assert "unhealthy" not in Files(resident.home, "web").event_names()

    def test_a_probe_that_hangs_holds_up_no_other(self, resident: Tsm) -> None:
        options = ("--health-interval", "0.1", "--health-retries", "1")
        hangs = ("--health", "command:exec sleep 1000", "--health-timeout", "1h")
        resident("start", "--name", "a", *options, *hangs, "--", *long_sleep())
        resident("start", "--name", "b", *options, "--health", "command:true", "--", *long_sleep())
        eventually(lambda: resident("ls", "b").row["health"] == "healthy")
        assert resident("ls", "a").row["health"] == "unknown"

    def test_of_a_paused_process_is_not_asked(self, resident: Tsm) -> None:
        path = resident.cwd / "well"
        path.touch()
        argv = ("--name", "web", "--health", exists(path), *OFTEN, "--", *long_sleep())
        resident("start", *argv)
        await_row(resident, health="healthy")
        resident("pause", "web")
        path.unlink()
        assert resident("ls").row["status"] == "paused"
        resident("resume", "web")
        await_row(resident, health="unhealthy", status="online")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--health", "ftp://x", "not a probe"),
        ("--health", "tcp:0", "not such as tcp:3000"),
        ("--ready", "log:(", "in its pattern"),
        ("--health-interval", "0", "not within 0.01 to 86400 s"),
        ("--health-status", "900", "not such as 200-299,404"),
        ("--schedule", "61 * * * *", "makes no sense"),
        ("--timezone", "Mars/Base", ""),
        ("--max-memory", "lots", "not a size, such as 200M"),
        ("--max-cpu", "0", "not within"),
        ("--overlap", "both", "not one of skip, queue, kill"),
    ],
)
def test_nonsense_is_refused_with_the_value_and_an_example(
    tsm: Tsm, option: str, value: str, said: str
) -> None:
    more = ("--schedule", "* * * * *") if option == "--timezone" else ()
    done = tsm("start", "true", option, value, *more, ok=False)
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert value in done.err
    assert said in done.err
    assert not (tsm.home / "runtime/processes").exists() or not list(
        (tsm.home / "runtime/processes").iterdir()
    )


def _with_reason(tsm: Tsm, why: str = "exited") -> dict[str, object]:
    row: dict[str, object] = tsm("ls").row
    return row if row["status"] == "launching" and why in str(row["reason"]) else {}


def _resident(tsm: Tsm) -> Path:
    return tsm.home / "runtime/patrol/resident"


def _socket(tsm: Tsm) -> str:
    return str(tsm.home / "runtime/patrol/notify")


def _tell(address: str, text: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        try:
            one.connect(address)
        except OSError:  # the path was too long for a socket
            one.connect("\0" + abstract(address)[1:])
        one.send(text.encode())


def _mkfifo(path: Path) -> None:
    os.mkfifo(path)
