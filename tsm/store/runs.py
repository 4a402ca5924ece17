"""The run record: one life of a child, begun by tsm, carried on by the launcher.

Lines of words. tsm puts the head in place whole (`id`, `boot`, `time`, `why`, `restarts`,
`logs`, `files`, `tasks`, perhaps `cgroup PATH`, `past` lines, `launcher PID TICKS`), the
launcher adds `pid PID TICKS` and `exit CODE`, and tsm adds what it has taken note of:
`begun`, `ready`, `stopped`, `ended TIME`, and what commands did in between:
`paused PID TICKS ...`, `resumed`, `reset`.
"""

from __future__ import annotations

import os

from tsm.errors import Broken
from tsm.model import Exit, Identity, Run
from tsm.store.atomic import (
    abandon,
    append,
    dated,
    finish,
    put_aside,
    read_whole,
    remove,
    replace,
    unfinished,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tsm.store.home import Home

_REASON_BYTES = 64
_WORDS = {
    *("id", "boot", "time", "restarts", "logs", "files", "tasks", "cgroup", "past"),
    *("launcher", "pid", "exit", "ended"),
}


def read(home: Home, name: str) -> Run | None:
    """The record of the current or last run; None if there was none. Raises Broken.

    One without a byte is what a power cut can leave of the first run of all.
    """
    return _read(home.file(name, "run"))


def _read(path: str) -> Run | None:
    try:
        data, written_s = dated(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise Broken(message) from error
    if not data:
        return None
    facts: dict[str, Any] = {"id": "", "boot": "", "time_s": 0.0, "why": "start", "past": []}
    for line in data.decode("ascii", "replace").split("\n")[:-1]:  # the last may be torn
        try:
            _take(facts, line.split(), written_s)
        except (ValueError, IndexError):
            message = f"{path}: cannot read the line {line[:60]!r}"
            raise Broken(message) from None
    if not facts["id"] or not facts["boot"]:
        message = f"{path}: id or boot is missing"
        raise Broken(message)
    return Run(**{**facts, "past": tuple(facts["past"])})


def prepare(home: Home, name: str) -> int:
    """Open what is to be the record of the next run, for appending.

    The caller holds the lock of the process until `begin` or `give_up`.
    """
    return unfinished(home.file(name, "run"))


def begin(home: Home, name: str, record: int, run: Run) -> None:
    """Put what `prepare` has opened in place, with the head of the new run."""
    finish(record, home.file(name, "run"), _head(run))


def give_up(home: Home, name: str) -> None:
    """Remove what `prepare` has made."""
    abandon(home.file(name, "run"))


def restore(home: Home, name: str, run: Run | None) -> None:
    """Replace a record that cannot be read by what is known of the run."""
    path = home.file(name, "run")
    if run is None:
        remove(path)
        return
    replace(path, _head(run))


def make_way(home: Home, name: str) -> None:
    """Put aside what keeps the end of a run from being written down, because it is no file.

    The caller holds the lock of the process.
    """
    for file in ("run", "run.new", "down", "down.new"):
        path = home.file(name, file)
        if os.path.lexists(path) and (os.path.islink(path) or not os.path.isfile(path)):
            put_aside(path)
    for path in (home.pid_file(name), home.pid_link(name)):
        if os.path.isdir(path) and not os.path.islink(path):
            put_aside(path)


def note(home: Home, name: str, line: str) -> None:
    """Add a line to the record. The caller holds the lock of the process."""
    append(home.file(name, "run"), f"{line}\n".encode("ascii"))


def unreported_file(home: Home, name: str) -> str:
    """Where the record of a run is kept whose end is still to be reported."""
    return home.file(name, "run.unreported")


def keep_unreported(home: Home, name: str) -> bool:
    """Keep the record beside the next ones until its end is reported; False if it cannot be.

    The caller holds the lock. What is added to the record afterwards is in both.
    """
    path = unreported_file(home, name)
    try:
        remove(path)
        os.link(home.file(name, "run"), path)
    except OSError:
        return False
    return True


def unreported(home: Home, name: str) -> Run | None:
    """The record of a run whose end is still to be reported, if there is one. Raises Broken."""
    return _read(unreported_file(home, name))


def reported(home: Home, name: str) -> None:
    """Forget the record that was kept. The caller holds the lock."""
    remove(unreported_file(home, name))


def wanted_down(home: Home, name: str) -> str | None:
    """The reason in the file `down`: "stop", "restart" for one under way; None if wanted up."""
    try:
        reason = read_whole(home.file(name, "down"))[:_REASON_BYTES]
        return reason.decode("ascii", "replace").strip() or "stop"
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
    files = f"files {run.files[0]} {run.files[1]}\n" if any(run.files) else ""
    tasks = f"tasks {run.tasks}\n" if run.tasks else ""
    group = f"cgroup {run.cgroup}\n" if run.cgroup else ""
    known = "".join(
        f"{word} {one.pid} {one.ticks}\n"
        for word, one in (("launcher", run.launcher), ("pid", run.child))
        if one is not None
    )
    facts = f"{logs}{files}{tasks}{group}{past}{known}"
    return f"{head}restarts {run.restarts}\n{facts}".encode("ascii")


def _take(facts: dict[str, Any], words: list[str], written_s: float) -> None:  # noqa: C901, PLR0912 - a table
    """Add what a line of the record says to the facts, which are fields of a Run."""
    match words:
        case ["past", time_s, uptime_s, code]:
            one = Exit(float(time_s), float(uptime_s), None if code == "?" else int(code))
            facts["past"].append(one)
        case ["id" | "boot" | "why" | "cgroup" as word, text]:
            facts[word] = text
        case ["time", seconds]:
            facts["time_s"] = float(seconds)
        case ["restarts" | "tasks" as word, count]:
            facts[word] = int(count)
        case ["logs" | "files" as word, out, err]:
            facts[word] = (int(out), int(err))
        case ["launcher", pid, ticks]:
            facts["launcher"] = Identity(facts["boot"], int(pid), int(ticks))
        case ["pid", pid, ticks]:
            facts["child"] = Identity(facts["boot"], int(pid), int(ticks))
        case ["exit", code]:
            facts |= {"code": int(code), "exited": True, "exit_s": written_s}
        case ["begun" | "ready" | "stopped" as word]:
            facts[word] = True
        case ["reset"]:
            facts |= {"restarts": 0, "past": []}
        case ["paused", *words]:
            pairs = zip(words[::2], words[1::2], strict=True)
            facts["paused"] = tuple(
                Identity(facts["boot"], int(pid), int(ticks)) for pid, ticks in pairs
            )
        case ["resumed"]:
            facts["paused"] = None
        case ["ended", seconds]:
            facts["ended_s"] = float(seconds)
        case [word, *_] if word in _WORDS:
            raise ValueError
        case _:  # of a later release
            pass


def _code(one: Exit) -> str:
    return "?" if one.code is None else str(one.code)
