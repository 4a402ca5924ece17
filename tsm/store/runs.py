"""The run record: one life of a child, begun by tsm, carried on by the launcher.

Lines of words. tsm puts the head in place whole (`id`, `boot`, `time`, `why`, `restarts`,
`logs`, perhaps `cgroup PATH`, `past` lines), the launcher adds `launcher PID TICKS`, `pid PID
TICKS` and `exit CODE`, and tsm adds what it has taken note of: `begun`, `ready`, `stopped`,
`ended TIME`, and what commands did in between: `paused PID TICKS ...`, `resumed`, `reset`.
"""

from __future__ import annotations

import os

from tsm.errors import Broken
from tsm.model import Exit, Identity, Run
from tsm.record import changed
from tsm.store.atomic import append, remove, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home

_WORDS = {
    *("id", "boot", "time", "restarts", "logs", "cgroup", "past"),
    *("launcher", "pid", "exit"),
}


def read(home: Home, name: str) -> Run | None:
    """The record of the current or last run; None if there was none. Raises Broken."""
    path = home.file(name, "run")
    try:
        with open(path, "rb") as file:
            data = file.read()
            written_s = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise Broken(message) from error
    run = Run(id="", boot="", time_s=0.0, why="start")
    for line in data.decode("ascii", "replace").split("\n")[:-1]:  # the last may be torn
        try:
            run = _with(run, line.split(), written_s)
        except (ValueError, IndexError):
            message = f"{path}: cannot read the line {line[:60]!r}"
            raise Broken(message) from None
    if not run.id or not run.boot:
        message = f"{path}: id or boot is missing"
        raise Broken(message)
    return run


def begin(home: Home, name: str, run: Run) -> int:
    """Put the head of a new run in place, and return the record open for appending."""
    path = home.file(name, "run")
    replace(path, _head(run))
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)


def restore(home: Home, name: str, run: Run | None) -> None:
    """Replace a record that cannot be read by what is known of the run."""
    path = home.file(name, "run")
    if os.path.isdir(path):
        os.rename(path, f"{path}.unreadable")
    if run is None:
        remove(path)
        return
    lines = [
        f"{word} {one.pid} {one.ticks}\n"
        for word, one in (("launcher", run.launcher), ("pid", run.child))
        if one is not None
    ]
    replace(path, _head(run) + "".join(lines).encode("ascii"))


def note(home: Home, name: str, line: str) -> None:
    """Add a line to the record. The caller holds the lock of the process."""
    append(home.file(name, "run"), f"{line}\n".encode("ascii"))


def wanted_down(home: Home, name: str) -> str | None:
    """The reason in the file `down`: "stop", "restart" for one under way; None if wanted up."""
    try:
        with open(home.file(name, "down"), encoding="utf-8", errors="replace") as file:
            return file.read().strip() or "stop"
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{home.file(name, 'down')}: {error.strerror}"
        raise Broken(message) from error


def want_down(home: Home, name: str, reason: str) -> None:
    """Write down that the process is wanted down. The caller holds its lock.

    Without a reason the file is empty, so that it can be made on a full disk.
    """
    replace(home.file(name, "down"), f"{reason}\n".encode("ascii") if reason else b"")


def want_up(home: Home, name: str) -> None:
    """Write down that the process is wanted up. The caller holds its lock."""
    remove(home.file(name, "down"))


def publish_pid(home: Home, name: str, pid: int | None) -> None:
    """Show the child's pid to other programs, or that there is none. tsm never reads it."""
    path, link = home.pid_file(name), home.pid_link(name)
    if pid is None:
        remove(path)
        remove(link)
        return
    replace(path, f"{pid}\n".encode("ascii"))
    if not os.path.islink(link):
        os.symlink(os.path.relpath(path, os.path.dirname(link)), link)


def _head(run: Run) -> bytes:
    past = "".join(f"past {one.time_s:.3f} {one.uptime_s:.3f} {_code(one)}\n" for one in run.past)
    head = f"id {run.id}\nboot {run.boot}\ntime {run.time_s:.3f}\nwhy {run.why}\n"
    logs = f"logs {run.logs[0]} {run.logs[1]}\n" if any(run.logs) else ""
    group = f"cgroup {run.cgroup}\n" if run.cgroup else ""
    return f"{head}restarts {run.restarts}\n{logs}{group}{past}".encode("ascii")


def _with(run: Run, words: list[str], written_s: float) -> Run:  # noqa: C901, PLR0912 - a table
    match words:
        case ["id", text]:
            return changed(run, id=text)
        case ["boot", text]:
            return changed(run, boot=text)
        case ["time", seconds]:
            return changed(run, time_s=float(seconds))
        case ["why", why]:
            return changed(run, why=why)
        case ["restarts", count]:
            return changed(run, restarts=int(count))
        case ["cgroup", path]:
            return changed(run, cgroup=path)
        case ["past", time_s, uptime_s, code]:
            one = Exit(float(time_s), float(uptime_s), None if code == "?" else int(code))
            return changed(run, past=(*run.past, one))
        case ["logs", out_bytes, err_bytes]:
            return changed(run, logs=(int(out_bytes), int(err_bytes)))
        case ["launcher", pid, ticks]:
            return changed(run, launcher=Identity(run.boot, int(pid), int(ticks)))
        case ["pid", pid, ticks]:
            return changed(run, child=Identity(run.boot, int(pid), int(ticks)))
        case ["exit", code]:
            return changed(run, code=int(code), exited=True, exit_s=written_s)
        case [word, *_] if word in _WORDS:
            raise ValueError
        case _:
            return _with_note(run, words)


def _with_note(run: Run, words: list[str]) -> Run:
    match words:
        case ["begun"]:
            return changed(run, begun=True)
        case ["ready"]:
            return changed(run, ready=True)
        case ["reset"]:
            return changed(run, restarts=0, past=())
        case ["paused", *words]:
            pairs = zip(words[::2], words[1::2], strict=True)
            who = tuple(Identity(run.boot, int(pid), int(ticks)) for pid, ticks in pairs)
            return changed(run, paused=who)
        case ["resumed"]:
            return changed(run, paused=None)
        case ["stopped"]:
            return changed(run, stopped=True)
        case ["ended", seconds]:
            return changed(run, ended_s=float(seconds))
        case ["ended", *_]:
            raise ValueError
        case _:  # of a later release
            return run


def _code(one: Exit) -> str:
    return "?" if one.code is None else str(one.code)
