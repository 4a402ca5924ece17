"""`tsm dev`: a command that is restarted when files change, and of which nothing is left."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.files import Files, below
from tests.following import Following, following
from tests.machine import alive
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.running import Tsm

QUICK = ("--watch-delay", "20ms")


@pytest.fixture
def source(tsm: Tsm) -> Path:
    """A program that says its version and lives on."""
    path = tsm.cwd / "src" / "app.sh"
    path.parent.mkdir()
    path.write_text("echo v1; exec sleep 1000\n")
    return path


@contextmanager
def developing(tsm: Tsm, source: Path, *options: str) -> Iterator[Following]:
    """Run it in dev mode, and go on once it says something."""
    with following(tsm, "dev", str(source), "--watch", "src", *QUICK, *options) as running:
        eventually(lambda: running.out)
        yield running


def save(running: Following, path: Path, text: str, shown: bytes) -> None:
    """Save the file, once: who saves it at each start would be taken for a loop."""
    path.write_text(text)
    eventually(lambda: shown in running.out)


def ended(running: Following, number: int) -> str:
    """What it has said on stderr, once it has been told to end."""
    running.program.send_signal(number)
    _, said = running.program.communicate(timeout=60)
    assert running.program.returncode == 0, said
    return str(said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_restarts_on_change_names_the_file_and_leaves_no_process(
    tsm: Tsm, source: Path, number: int
) -> None:
    with developing(tsm, source) as running:
        files = Files(tsm.home, "dev-app")
        first = files.child
        save(running, source, "echo v2; exec sleep 1000\n", b"v2\n")
        assert not alive(first)
        second = files.child
        assert "tsm dev: src/app.sh changed: restart\n" in ended(running, number)
    assert not alive(second)
    assert running.out.startswith(b"v1\n")
    assert tsm("ls").rows == []
    assert below(tsm.home / "runtime/processes") == below(tsm.home / "runtime/pids") == []


def test_a_crash_is_told_and_waits_for_the_next_change(tsm: Tsm, source: Path) -> None:
    source.write_text("echo v1; exit 3\n")
    with developing(tsm, source) as running:
        files = Files(tsm.home, "dev-app")
        files.await_event("crash")
        tsm("patrol")
        assert files.event_names() == ["start", "crash"]
        save(running, source, "echo v2; exec sleep 1000\n", b"v2\n")
        assert "tsm dev: exited with 3: waiting for a change\n" in ended(running, signal.SIGINT)


def test_one_that_was_killed_is_cleared_away_by_the_next(tsm: Tsm, source: Path) -> None:
    with developing(tsm, source) as running:
        running.program.kill()
        running.program.wait()
        left = tsm("ls").row
        assert (left["name"], left["status"]) == ("dev-app", "online")
    with developing(tsm, source) as running:
        assert not alive(left["pid"])
        assert [row["name"] for row in tsm("ls").rows] == ["dev-app"]
        with developing(tsm, source) as beside:
            names = [row["name"] for row in tsm("ls").rows]
            assert sorted(names) == ["dev-app", "dev-app-2"]
            ended(beside, signal.SIGTERM)
        ended(running, signal.SIGTERM)


def test_a_command_that_writes_what_is_watched_is_found_out(tsm: Tsm, source: Path) -> None:
    source.write_text("echo up; sleep 0.4; echo x >>src/state; exec sleep 1000\n")
    with developing(tsm, source) as running:
        assert running.program.stderr is not None
        said = [next(running.program.stderr)]
        while (
            "changed: restart" in said[-1]
        ):  # more than four times where the machine is too uneven
            said.append(next(running.program.stderr))
        assert set(said[:-1]) == {"tsm dev: src/state changed: restart\n"}
        assert said[-1].startswith("tsm dev: src/state has changed soon after each of 5 starts")
        ended(running, signal.SIGINT)


def test_what_makes_no_sense_is_refused_and_nothing_is_left(tsm: Tsm) -> None:
    for argv, status in (((), 2), (("no-such-program",), 7), (("true", "--watch-delay", "x"), 2)):
        result = tsm("dev", *argv, ok=False)
        assert (result.status, len(result.err.splitlines())) == (status, 1)
    assert below(tsm.home / "runtime/processes") == []


def test_without_watch_the_working_directory_is_watched_but_for_what_is_ignored(
    tsm: Tsm, source: Path
) -> None:
    with following(tsm, "dev", str(source), "--ignore", "*.log", *QUICK) as running:
        eventually(lambda: running.out)
        save(running, source, "echo v2; exec sleep 1000\n", b"v2\n")
        (source.parent / "a.log").write_text("1")
        save(running, source, "echo v3; exec sleep 1000\n", b"v3\n")
        assert "a.log" not in ended(running, signal.SIGINT)
