"""All who write a file are held still and let go on, but for those who stood still before."""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.apps import app
from tests.rotating import Log, ended, forked, state_of
from tests.waiting import eventually
from tsm.errors import Refused
from tsm.model import Identity
from tsm.osproc import signals, table, writers
from tsm.osproc.writers import Stillness, go_on
from tsm.store.rotation import Current

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOBODY = 65534
PR_SET_DUMPABLE = 4


@pytest.fixture
def programs() -> Iterator[ExitStack]:
    """Those that a test runs; they end with it."""
    with ExitStack() as ends:
        yield ends


def run(programs: ExitStack, *argv: str, file: int, stopped: bool = False) -> int:
    """Run a program with that file as its standard output, and its pid."""
    program = programs.enter_context(subprocess.Popen(argv, stdout=file))
    programs.callback(program.kill)
    if stopped:
        program.send_signal(signal.SIGSTOP)
        eventually(lambda: state_of(program.pid) == "T")
    return program.pid


def opened(programs: ExitStack, path: Path, flags: int) -> int:
    fd = os.open(path, flags)
    programs.callback(os.close, fd)
    return fd


def grandchild(programs: ExitStack, file: int) -> int:
    """The pid of a program in a session of its own, whose parent has ended."""
    script = "setsid sleep 1000 2>/dev/null & echo $! >&2"
    said = subprocess.run(["sh", "-c", script], stdout=file, stderr=subprocess.PIPE, check=True)
    pid = int(said.stderr)
    programs.callback(os.kill, pid, signal.SIGKILL)
    eventually(lambda: table.command_line(pid)[:1] == ["sleep"])
    return pid


def test_all_writers_are_stopped_and_nobody_else(log: Log, programs: ExitStack) -> None:
    appending = opened(programs, log.current, os.O_WRONLY | os.O_APPEND)
    reading = opened(programs, log.current, os.O_RDONLY)
    os.link(log.current, log.folder / "link")
    linked = opened(programs, log.folder / "link", os.O_RDWR | os.O_APPEND)
    other = opened(programs, log.folder / "other", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    moving = [
        run(programs, "sleep", "1000", file=appending),
        run(programs, "sh", "-c", "exec 7>&1 >/dev/null; exec sleep 1000", file=appending),
        run(programs, "sleep", "1000", file=linked),
        grandchild(programs, appending),
    ]
    still = run(programs, "sleep", "1000", file=appending, stopped=True)
    others = [run(programs, "sleep", "1000", file=file) for file in (reading, other)]
    noted: list[Sequence[Identity]] = []
    stillness = Stillness(opened(programs, log.current, os.O_RDWR), None)
    with stillness:
        assert stillness.look()
        assert stillness.take(lambda stopped: noted.append([*stopped]))
        assert [state_of(pid) for pid in (*moving, still)] == ["T"] * 5
        assert not {state_of(pid) for pid in others} & {"T"}
        assert stillness.holds()
        os.kill(moving[0], signal.SIGCONT)
        eventually(lambda: not stillness.holds())
    assert sorted(one.pid for one in noted[-1]) == sorted(moving)
    eventually(lambda: not {state_of(pid) for pid in moving} & {"T"})
    assert state_of(still) == "T"
    assert stillness.took_s > 0


def test_who_is_born_meanwhile_is_stopped_as_well(
    log: Log, programs: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened(programs, log.current, os.O_WRONLY | os.O_APPEND)
    first, *later = [run(programs, "sleep", "1000", file=file) for _ in range(3)]
    looks = iter(([first], [first, later[0]], [first, *later], [first, *later]))
    monkeypatch.setattr(writers, "_pids", lambda: next(looks))
    with Stillness(file, None) as stillness:
        assert stillness.look()
        assert stillness.take(lambda _: None)
        assert [state_of(pid) for pid in (first, *later)] == ["T"] * 3


def test_children_go_on_before_their_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    boot = table.boot_id()
    sent: list[int] = []
    monkeypatch.setattr(signals, "send", lambda pid, *_: sent.append(pid))
    stopped = [Identity(boot, 5, 1), Identity(boot, 7, 2)]
    go_on([*stopped, Identity("another boot", 9, 2)])
    assert sent == [7, 5]


def test_who_does_not_append_is_named_and_nothing_is_done(log: Log, programs: ExitStack) -> None:
    text = b"line\n" * 10_000
    log.append(text)
    fd = os.open(log.current, os.O_WRONLY)
    pid = run(programs, "sleep", "1000", file=fd)
    os.close(fd)
    with pytest.raises(Refused, match=rf"^pid {pid} \(sleep\) has it open without O_APPEND"):
        log.rotate()
    assert log.parts == [text]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: state_of(pid) == "Z")
    assert log.rotate().pieces


def test_whose_first_thread_has_ended_is_found_and_stopped(log: Log) -> None:
    writer = log.written_by(*shlex.split(app("past_first_thread.py")))
    eventually(lambda: not Path(f"/proc/{writer.pid}/cmdline").read_bytes())
    with log.current.open("rb") as file, Stillness(file.fileno(), None) as stillness:
        assert stillness.look()
        assert stillness.take(lambda _: None)
        assert [one.pid for one in stillness.stopped] == [writer.pid]
        assert state_of(writer.pid) == "T"
    eventually(lambda: state_of(writer.pid) == "S")


def test_a_child_that_may_not_be_looked_into_is_stopped_nevertheless(log: Log) -> None:
    """As one with capabilities of its own, such as to use port 80, for a user who has none."""
    table.boot_id()  # a plain user may be unable to import what that takes
    file = os.open(log.current, os.O_RDWR | os.O_APPEND)
    assert ended(forked(lambda: stop_what_is_hidden(file))) == 0
    os.close(file)


def stop_what_is_hidden(file: int) -> None:
    """A plain user finds and stops a child whose descriptors are not to be seen."""
    if os.geteuid() == 0:
        os.setresuid(NOBODY, NOBODY, NOBODY)
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
        signal.pause()
    eventually(lambda: not os.access(f"/proc/{child}/fd", os.R_OK))
    try:
        with Stillness(file, child) as stillness:
            assert stillness.look()
            assert stillness.take(lambda _: None)
            assert state_of(child) == "T"
        eventually(lambda: state_of(child) != "T")
    finally:
        os.kill(child, signal.SIGKILL)


def test_signals_wait_until_writers_go_on(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append(b"line\n")
    sleeper = log.written_by("sleep", "1000")
    seen: list[str | None] = []
    kept = {
        number: signal.signal(number, lambda *_: seen.append(state_of(sleeper.pid)))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTSTP, signal.SIGHUP)
    }
    publish = Current.publish

    def interrupted(*args: object) -> None:
        for number in kept:
            signal.raise_signal(number)
        publish(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("tsm.store.extents.place", lambda _fd: None)
    monkeypatch.setattr(Current, "publish", interrupted)
    try:
        assert log.rotate().pieces
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert len(seen) == len(kept)
    assert "T" not in seen


@pytest.mark.parametrize("log", ["memory"], indirect=True)
@pytest.mark.parametrize("there", [True, False], ids=["tsm", "no tsm"])
def test_whoever_was_stopped_goes_on_if_all_else_is_killed(
    log: Log, *, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not there:
        monkeypatch.setattr("tsm.osproc.watchman.sys.executable", "/bin/false")
    monkeypatch.setattr(Current, "publish", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    log.append(b"line\nand")
    sleeper = log.written_by("sleep", "1000")
    assert ended(forked(log.rotate)) == -signal.SIGKILL
    eventually(lambda: state_of(sleeper.pid) != "T")
    if there:
        eventually(lambda: not (log.folder / "current.out.cut").exists())
    log.mend()
    assert log.parts == [b"line\nand"]
