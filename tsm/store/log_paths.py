"""Where the streams of a child go: current.out and current.err, and what they lead to.

Each is a file, or a symbolic link: to a file of the user's, to current.out from current.err
where both streams are one, to /dev/null where nothing is kept. It is put in place before a run
begins and stays until another does, so it tells of the last run, whatever was set since.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress

from tsm.errors import Broken, Refused
from tsm.spec import MERGED, NOWHERE
from tsm.store import documents, lock, log_index, logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tsm.spec import Spec
    from tsm.store.home import Home

_LOCK_S = 10.0


def carrier(home: Home, name: str, stream: str) -> str:
    """The stream whose log holds `stream`: "out" for both where they are merged."""
    merged = logs.lead(logs.current(home, name, stream)) == MERGED
    return logs.STREAMS[0] if merged else stream


def place(home: Home, name: str, stream: str) -> str | None:
    """The file that holds `stream`; None where nothing is kept."""
    path = logs.current(home, name, carrier(home, name, stream))
    return (logs.lead(path) or path) if logs.is_kept(path) else None


def ends(home: Home, name: str) -> tuple[int, int]:
    """How far both streams have come, each in the log that holds it."""
    out, err = (log_index.end(home, name, carrier(home, name, one)) for one in logs.STREAMS)
    return out, err


def among(home: Home, paths: Iterable[str]) -> frozenset[str]:
    """Those of `paths` that any process writes its log to."""
    found = {os.path.realpath(path) for name in home.names() for path in _leads(home, name)}
    return frozenset(path for path in paths if os.path.realpath(path) in found)


def check(home: Home, spec: Spec) -> None:
    """Raise Refused, naming the file, if a child could not write its logs where they are to go."""
    for stream, lead in zip(logs.STREAMS, spec.logs.leads, strict=True):
        path = logs.current(home, spec.name, stream)
        if logs.lead(path) is None:
            check_file(path, room_for_link=lead is not None)
    for path in spec.logs.own:
        try:
            what = _problem(home, path)
        except OSError as error:
            what = str(error.strerror)
        if what is not None:
            raise _unfit(spec.name, path, what)
    if len(spec.logs.own) == 2:
        _check_apart(spec)


def check_file(path: str, *, room_for_link: bool = False) -> None:
    """Raise Refused if that is no file that a child could write to, or that could make room."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode) or stat.S_ISSOCK(mode) or (room_for_link and not stat.S_ISREG(mode)):
        message = f"{path}: not a file that a log can be written to: move it away"
        raise Refused(message)


@contextmanager
def reserved(home: Home, specs: Sequence[Spec]) -> Iterator[None]:
    """Hold off other definitions while these are written down. Raises Refused, as `check_free`."""
    if not any(spec.logs.own for spec in specs):
        yield
        return
    with lock.held(home, lock.HOME, _LOCK_S):
        check_free(home, specs)
        yield


def check_free(home: Home, specs: Sequence[Spec]) -> None:
    """Raise Refused, naming the other, if two processes would write to one file of the user's.

    The caller holds the lock of the home. Files that are none, such as terminals, may be shared.
    """
    mine = {spec.name for spec in specs}
    if not any(spec.logs.own for spec in specs):
        return
    taken: dict[object, str] = {}
    for name in home.names():
        if name not in mine:
            taken |= dict.fromkeys(map(_key, _written(home, name)), name)
    for spec in specs:
        for path in spec.logs.own:
            other = taken.setdefault(_key(path), spec.name)
            if other != spec.name and _is_log(path):
                message = f"{spec.name}: {path} is the log of {other}: give another file"
                raise Refused(message)


def is_laid(home: Home, spec: Spec) -> bool:
    """Whether both names lead to where the definition has them."""
    now = (logs.lead(logs.current(home, spec.name, stream)) for stream in logs.STREAMS)
    return tuple(now) == spec.logs.leads


def made(home: Home, spec: Spec) -> tuple[int, int]:
    """Make the files that there are not yet, for a child to write to; the inodes of both.

    Those of the user's are as the child itself would make them, others are the owner's alone.
    Raises Refused where one of the user's cannot be made.
    """
    found = []
    for stream, lead in zip(logs.STREAMS, spec.logs.leads, strict=True):
        own = lead if lead in spec.logs.own else None
        try:
            mode = 0o600 if own is None else 0o666 & ~int(spec.umask, 8)
            found.append(_made(logs.current(home, spec.name, stream), mode))
        except OSError as error:
            if own is not None:
                raise _unfit(spec.name, own, str(error.strerror)) from error
            found.append(0)  # the launcher will fail as well
    out, err = found
    return out, err


def _made(path: str, mode: int) -> int:
    there = os.path.exists(path)
    if there and not stat.S_ISREG(os.stat(path).st_mode):
        return 0  # such as a FIFO, whose reader would see an end where we close it
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(path, flags, mode)
    try:
        if not there:
            with suppress(OSError):
                os.fchmod(fd, mode)
        return os.fstat(fd).st_ino
    finally:
        os.close(fd)


def _unfit(name: str, path: str, why: str) -> Refused:
    return Refused(f"{name}: cannot write its log to {path}: {why}")


def _problem(home: Home, path: str) -> str | None:
    """What keeps tsm from adding to a file of the user's; None if nothing. Raises OSError."""
    real, root = os.path.realpath(path), os.path.realpath(home.root)
    if f"{real}/".startswith(f"{root}/"):
        return f"it lies in {home.root}, where tsm keeps its own: give a file outside of it"
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        folder = os.path.dirname(real)
        if not os.path.isdir(folder):
            return f"there is no directory {folder}: make it"
        return None if os.access(folder, os.W_OK | os.X_OK) else f"{folder} may not be written to"
    if stat.S_ISDIR(mode):
        return "it is a directory: give a file in it"
    if stat.S_ISREG(mode):  # as the launcher opens it: the kernel protects some from O_CREAT
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return None
    if stat.S_ISSOCK(mode) or not os.access(path, os.W_OK):
        return "it may not be written to"
    return None


def _check_apart(spec: Spec) -> None:
    """Raise Refused if both streams go to one file, by two ways."""
    out, err = spec.logs.own
    if _key(out) == _key(err) and _is_log(out):
        message = f"{spec.name}: {err} would be the log of both its streams: use merge-logs"
        raise Refused(message)


def _written(home: Home, name: str) -> frozenset[str]:
    """The files of the user's that a process writes to, or will with its next run."""
    with suppress(Broken):
        return _leads(home, name) | frozenset(documents.read_spec(home, name).logs.own)
    return _leads(home, name)


def _leads(home: Home, name: str) -> frozenset[str]:
    """The files of the user's that its last run writes to."""
    leads = (logs.lead(logs.current(home, name, stream)) for stream in logs.STREAMS)
    return frozenset(lead for lead in leads if lead and lead not in (MERGED, NOWHERE))


def _key(path: str) -> object:
    """What is the same for each way to one file."""
    try:
        found = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def _is_log(path: str) -> bool:
    """Whether it is a file, or will be."""
    return os.path.isfile(path) or not os.path.exists(path)
