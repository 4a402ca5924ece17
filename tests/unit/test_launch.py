"""The launcher of a run: nothing begins without the word."""

from __future__ import annotations

import os
import signal
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.kernel import children, send
from tests.machine import alive, kill
from tests.waiting import eventually
from tsm.errors import Refused
from tsm.model import Run
from tsm.osproc import offspring, spawn, table
from tsm.patrol.launch import Launch
from tsm.patrol.notes import await_child, brought_up_to_date
from tsm.patrol.process import load
from tsm.spec import Spec
from tsm.store import definitions, environment, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsm.patrol.process import Process
    from tsm.store.home import Home


@pytest.fixture
def process(place: Home) -> Iterator[Process]:
    """A process whose child makes a file, and that has never run. Its launchers have to end."""
    spec = Spec("web", ("touch", "began"), "touch began", place.root)
    definitions.create(place, spec, {b"PATH": os.environb[b"PATH"]})
    before = born()

    def buried() -> bool:
        offspring.bury()
        return born() <= before

    yield load(place, "web")
    eventually(buried)


def born() -> set[int]:
    """The pids of the children of this process, zombies included."""
    return set(children(os.getpid(), zombies=True))


def head(launch: Launch) -> Run:
    return Run(id=launch.run_id, boot=table.boot_id(), time_s=1.0, why="start")


def began(place: Home) -> Path:
    return Path(place.root) / "began"


def spawned(place: Home, process: Process) -> tuple[Launch, int]:
    """A launcher that waits, and its pid."""
    launch = Launch(place, process)
    before = born()
    launch.spawn()
    (pid,) = born() - before
    return launch, pid


def test_with_the_word_the_child_begins_and_the_record_tells_of_both(
    place: Home, process: Process
) -> None:
    launch, pid = spawned(place, process)
    with closing(launch):
        launch.go(head(launch))
        eventually(lambda: (run := runs.read(place, "web")) and run.exited)
    run = runs.read(place, "web")
    assert run is not None
    assert run.launcher is not None
    assert (run.launcher.pid, run.code, run.child is not None) == (pid, 0, True)
    assert began(place).exists()


def test_left_without_the_word_it_ends_and_nothing_has_been(place: Home, process: Process) -> None:
    before = set(Path(place.process("web")).iterdir())
    launch, pid = spawned(place, process)
    assert runs.read(place, "web") is None
    launch.close()
    eventually(lambda: table.identity(pid, "") is None)
    assert set(Path(place.process("web")).iterdir()) == before
    assert not began(place).exists()


def test_with_its_head_in_place_but_no_word_no_child_is_told_of(
    place: Home, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the command is killed in between."""

    def killed(_word: int) -> None:
        raise OSError

    monkeypatch.setattr(spawn, "give_word", killed)
    launch, pid = spawned(place, process)
    with closing(launch), pytest.raises(OSError):  # noqa: PT011 - that one
        launch.go(head(launch))
    eventually(lambda: table.identity(pid, "") is None)
    run = runs.read(place, "web")
    assert run is not None
    assert run.launcher is not None
    assert (run.launcher.pid, run.child, run.exited) == (pid, None, False)
    assert not began(place).exists()


def test_without_room_for_the_pid_it_ends_and_nothing_has_been(
    place: Home, process: Process
) -> None:
    with Path("/dev/full").open("ab", buffering=0) as record:
        environ = environment.read(place, "web")
        directory = place.process("web")
        pid, word = spawn.launch(process.spec, environ, directory, record.fileno())
    spawn.give_word(word)
    os.close(word)
    eventually(lambda: table.identity(pid, "") is None)
    assert not began(place).exists()


def test_one_that_has_ended_meanwhile_is_refused(place: Home, process: Process) -> None:
    launch, pid = spawned(place, process)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: table.identity(pid, "") is None)
    with closing(launch), pytest.raises(Refused, match="web: its launcher has ended"):
        launch.go(head(launch))
    assert runs.read(place, "web") is None
    assert not began(place).exists()


@contextmanager
def bereft(launch: Launch, launcher: int) -> Iterator[int]:
    """The child of a launcher that was killed while it, not at work, may have had the word."""
    (child,) = eventually(lambda: children(launcher))
    send(child, signal.SIGSTOP)
    try:
        launch.go(head(launch))
        launch.close()
        kill(launcher)
        yield child
    finally:
        kill(child)


def test_child_that_has_the_word_and_no_launcher_is_waited_for(
    place: Home, process: Process
) -> None:
    with bereft(*spawned(place, process)) as child:
        run = brought_up_to_date(place, load(place, "web"), table.boot_id()).run
        assert run is not None
        assert run.child is not None
        assert run.child.pid == child
        eventually(began(place).exists)


def test_child_that_will_have_no_word_and_no_launcher_is_waited_for(
    place: Home, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawn, "give_word", lambda _: None)
    with bereft(*spawned(place, process)) as child:
        run = brought_up_to_date(place, load(place, "web"), table.boot_id()).run
        assert run is not None
        assert run.child is None
        assert not alive(child)
        assert not began(place).exists()


def test_child_that_ends_before_it_names_itself_is_not_waited_for(
    place: Home, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its launcher lives on for a while."""
    monkeypatch.setattr("tsm.patrol.notes._at_work", lambda *_: True)
    monkeypatch.setattr("tsm.patrol.notes._LAUNCHER_S", float("inf"))
    launch, launcher = spawned(place, process)
    (child,) = eventually(lambda: children(launcher))
    send(child, signal.SIGSTOP)
    with closing(launch):
        launch.go(head(launch))
        runs.want_down(place, "web", "")  # nobody begins another run
        kill(child)
        run = await_child(place, load(place, "web"), table.boot_id())
    assert run is not None
    assert (run.child, run.code) == (None, 128 + signal.SIGKILL)


def test_is_spawned_once(place: Home, process: Process) -> None:
    launch, _ = spawned(place, process)
    before = born()
    launch.spawn()
    assert born() <= before
    launch.close()
