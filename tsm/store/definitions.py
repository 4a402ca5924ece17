"""Process directories: they appear whole and disappear whole."""

from __future__ import annotations

import os
from contextlib import ExitStack

from tsm.errors import Refused, TsmError
from tsm.model import NAME, Meta
from tsm.record import changed
from tsm.store import config, documents, environment, ids, journal, lock, log_paths, runs
from tsm.store.atomic import remove as remove_file
from tsm.store.atomic import replace, sync

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.model import Run
    from tsm.spec import Spec
    from tsm.store.home import Home

_UNFINISHED = ".new"
_GONE = ".gone"
_REPLACED = ("env", "run", "down", "hooks.log", "last_id")  # beside .json files


def exists(home: Home, name: str) -> bool:
    """Whether there is a process directory of that name."""
    return os.path.isdir(home.process(name))


def create(
    home: Home,
    spec: Spec,
    environ: Mapping[bytes, bytes],
    *,
    down: bool = False,
    run: Run | None = None,
) -> Meta:
    """Make the directory of a new process, durably. The caller holds its lock.

    It is filled under another name first, so nobody sees it half made. `run` is one that is
    under way already. Raises Refused where config.toml allows no more processes, or where
    another one writes its log to the same file.
    """
    most = config.read(home).max_processes
    unfinished = f".{spec.name}{_UNFINISHED}"
    _clear(home.process(unfinished))
    os.mkdir(home.process(unfinished), 0o700)
    try:
        with ExitStack() as counted:
            counted.enter_context(lock.held(home, lock.HOME, 10.0))
            _check_room(home, most)
            log_paths.check_free(home, [spec])
            tsm_id = ids.allot(home)
            if most is None and not spec.logs.own:
                counted.close()  # nobody counts: others need not wait until this one is there
            meta = described(blank(tsm_id, "stopped" if down else "launching"), spec)
            _fill(home, unfinished, meta, spec, environ)
            if run is not None:
                runs.restore(home, unfinished, run)
            if down:
                runs.want_down(home, unfinished, "")
            os.rename(home.process(unfinished), home.process(spec.name))
    except (OSError, TsmError):
        _clear(home.process(unfinished))
        raise
    sync(home.processes)
    return meta


def _fill(
    home: Home, directory: str, meta: Meta, spec: Spec, environ: Mapping[bytes, bytes]
) -> None:
    parts = {
        "spec.json": documents.object_bytes(documents.encoded(spec)),
        "meta.json": documents.meta_bytes(meta),
        "env": environment.entries(environ),
    }
    for file, data in parts.items():
        replace(home.file(directory, file), data)
    for file in parts:
        sync(home.file(directory, file))
    sync(home.process(directory))


def _check_room(home: Home, most: int | None) -> None:
    """Raise Refused if there are as many processes as may be. The caller holds the home's lock."""
    there = 0 if most is None else len(home.names())
    if most is not None and there >= most:
        message = (
            f"{config.path(home)} says max_processes = {most}, and the home has {there}: "
            "delete one, or raise that"
        )
        raise Refused(message)


def described(meta: Meta, spec: Spec) -> Meta:
    """`meta` with what it repeats of the definition."""
    return changed(
        meta,
        name=spec.name,
        command=spec.command,
        cwd=spec.cwd,
        interpreter=spec.interpreter,
        port=spec.port,
        env_file=spec.env_file,
    )


def remove(home: Home, name: str) -> None:
    """Remove the directory of a process that is down, but not its history."""
    runs.publish_pid(home, name, None)
    gone = home.process(f".{name}{_GONE}")
    _clear(gone)
    os.rename(home.process(name), gone)
    _clear(gone)


def forget(home: Home, name: str) -> None:
    """Remove a process, and journal that it was deleted. The caller holds its lock."""
    if not NAME.fullmatch(name):
        remove(home, name)  # it never was a process, so nothing tells of it
        return
    try:
        journal.record(home, name, "delete", {})
    except OSError:  # a full disk has room for it once the directory is gone
        remove(home, name)
        journal.record(home, name, "delete", {})
    else:
        remove(home, name)


def leftovers(home: Home) -> dict[str, str]:
    """What killed commands have half made or half removed: paths, and the processes' names."""
    found = {}
    for entry in os.listdir(home.processes) if os.path.isdir(home.processes) else []:
        stem, dot, end = entry.rpartition(".")
        if stem.startswith(".") and dot + end in (_UNFINISHED, _GONE):
            found[home.process(entry)] = stem[1:]
    return found


def strangers(home: Home) -> list[str]:
    """The paths of what lies among the process directories and is none."""
    try:
        entries = list(os.scandir(home.processes))
    except FileNotFoundError:
        return []
    unfinished = leftovers(home)
    names = home.names()
    return sorted(e.path for e in entries if e.name not in names and e.path not in unfinished)


def orphan_locks(home: Home) -> dict[str, str]:
    """Locks that a killed command has left of processes that are no more: paths, and names."""
    folder = os.path.dirname(home.lock_file(""))
    entries = os.listdir(folder) if os.path.isdir(folder) else []
    there = {entry.removesuffix(".lock") for entry in entries if not entry.startswith(".")}
    return {home.lock_file(name): name for name in sorted(there.difference(home.names()))}


def clear_leftovers(home: Home, name: str) -> None:
    """Remove what killed commands have left unfinished. The caller holds the lock of `name`."""
    for suffix in (_UNFINISHED, _GONE):
        _clear(home.process(f".{name}{suffix}"))
    for path in unfinished_files(home.process(name)):
        os.unlink(path)


def unfinished_files(*folders: str) -> list[str]:
    """The temporaries in folders; those whose lock is held may be in the making."""
    found = (entry for folder in folders for entry in _unfinished(folder))
    return [entry.path for entry in found if not entry.is_dir(follow_symlinks=False)]


def in_the_way(*folders: str) -> list[str]:
    """The directories in folders that have the name of a temporary, so that none can be made."""
    found = (entry for folder in folders for entry in _unfinished(folder))
    return [entry.path for entry in found if entry.is_dir(follow_symlinks=False)]


def _unfinished(folder: str) -> list[os.DirEntry[str]]:
    entries = os.scandir(folder) if os.path.isdir(folder) else ()
    return [entry for entry in entries if _is_unfinished(entry.name)]


def _is_unfinished(entry: str) -> bool:
    """Whether it is a temporary of tsm's own, and not a file that just has such a suffix."""
    name = entry.removesuffix(_UNFINISHED)
    return name != entry and (name.endswith(".json") or name in _REPLACED)


def blank(tsm_id: int, status: str) -> Meta:
    """A meta without a process yet; `described` gives it one."""
    return Meta(
        tsm_id=tsm_id,
        name="",
        pid=None,
        command="",
        cwd="",
        interpreter=None,
        port=None,
        status=status,
        start_time=None,
        restarts=0,
        unstable_restarts=0,
        env_file=None,
    )


def _clear(directory: str) -> None:
    """Remove whatever has that name; what a link leads to is left alone."""
    if os.path.islink(directory) or not os.path.isdir(directory):
        remove_file(directory)
        return
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        os.chmod(directory, 0o700)  # some programs keep caches that are read-only
    for entry in list(os.scandir(directory)):
        if entry.is_dir(follow_symlinks=False):
            _clear(entry.path)
        else:
            os.unlink(entry.path)
    os.rmdir(directory)
