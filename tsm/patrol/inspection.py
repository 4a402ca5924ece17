"""Verifying the files of a home against their formats, one finding for each that is wrong."""

from __future__ import annotations

import os
import stat

from tsm.errors import Broken, TsmError
from tsm.patrol.lost import lost
from tsm.patrol.process import sound_meta, sound_run, sound_saved, sound_spec
from tsm.policy.words import is_name, only, quoted
from tsm.quantities import counted
from tsm.record import Record
from tsm.spec import MERGED
from tsm.store import (
    config,
    crashes,
    cut,
    definitions,
    displaced,
    environment,
    ids,
    journal,
    lock,
    log_index,
    log_paths,
    logs,
    metrics,
    rotated,
    runs,
    saved,
)

_LINES = 100  # of a journal, that one repair takes away

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tsm.store.home import Home


class Finding(Record):
    """A file that is not as documented."""

    path: str
    problem: str
    repair: str


def findings(home: Home) -> Iterator[Finding]:
    """Every finding of the whole home. Nothing is changed, no lock is taken."""
    home.names()  # raises where there is a file in its place: such a home cannot be used
    for part in (_toolkit, _processes, _saves, _events, _samples, _crashes):
        try:
            yield from part(home)
        except NotADirectoryError as error:
            path = str(error.filename)
            yield Finding(path, str(error.strerror), _aside(path))
        except OSError as error:
            yield _unreadable(str(error.filename), error)


def _processes(home: Home) -> Iterator[Finding]:
    for name in home.names():
        yield from _process(home, name)
    for name, other in ids.given_twice(home).items():
        problem = f"tsm_id is that of {other} as well"
        yield Finding(home.file(name, "meta.json"), problem, _anew(name))
    for path in definitions.strangers(home):
        what = "not a process: its name begins with a dot"
        if not os.path.isdir(path):
            what = "not a directory, so not a process"
        yield Finding(path, what, _away(path))
    left = definitions.leftovers(home) | definitions.orphan_locks(home)
    for path, name in left.items():
        yield from _left(home, name, path, "left by a killed command")
    yield from _lost(home)


def _lost(home: Home) -> Iterator[Finding]:
    for name, pid in lost(home):
        again = name if not definitions.exists(home, name) else f"{name}-{pid}"
        problem = f"was removed, and its child, pid {pid}, runs on"
        yield Finding(home.process(name), problem, f"tsm attach {pid} --name {again}")


def _saves(home: Home) -> Iterator[Finding]:
    for save in saved.names(home):
        path = home.save_file(save)
        yield from _read(path, lambda s=save: sound_saved(home, s), _aside(path))  # type: ignore[misc]
        yield from _open_to_others(path)


def _open_to_others(path: str) -> Iterator[Finding]:
    """An environment that others may read."""
    if os.path.isfile(path) and stat.S_IMODE(os.stat(path).st_mode) & 0o077:
        what = "others may read it, and it may hold secrets"
        yield Finding(path, what, f"chmod 600 {quoted(path)}")


def _events(home: Home) -> Iterator[Finding]:
    for path in (*journal.day_files(home), *journal.history_files(home)):
        yield from _lines(path, "event", journal.unreadable_lines)
    for path, count in journal.lost(home).items():
        problem = f"{counted(count, 'event')} could not be written"
        yield Finding(path, problem, f"make room: the next event tells it, or rm {quoted(path)}")


def _samples(home: Home) -> Iterator[Finding]:
    for path in metrics.day_files(home):
        yield from _lines(path, "sample", metrics.unreadable_lines)


def _crashes(home: Home) -> Iterator[Finding]:
    if os.path.isfile(home.crashes):
        yield Finding(home.crashes, "not a directory", _aside(home.crashes))
    for name in crashes.names(home):
        for one in crashes.listed(home, name):
            yield from _read(one.path, lambda path=one.path: crashes.read(path), _away(one.path))  # type: ignore[misc]
        for path in crashes.unfinished(home, name):
            yield from _left(home, name, path)
        for path in crashes.strangers(home, name):
            yield Finding(path, "not called as a crash report is", _away(path))


def _toolkit(home: Home) -> Iterator[Finding]:
    toml = config.path(home)
    again = f"correct it, or rm {'-r ' * os.path.isdir(toml)}{quoted(toml)}"
    yield from _read(toml, lambda: config.read(home), again)
    last_id = ids.last_file(home)
    yield from _read(last_id, lambda: ids.last_given(home), f"rm {quoted(last_id)}")
    yield from _unfinished(home, lock.HOME, home.runtime)
    yield from _unfinished(home, lock.SAVED, home.saved)


def _process(home: Home, name: str) -> Iterator[Finding]:
    again = _anew(name)
    broken = [
        *_read(home.file(name, "spec.json"), lambda: sound_spec(home, name), again),
        *_read(home.file(name, "meta.json"), lambda: sound_meta(home, name), again),
        *_read(home.file(name, "run"), lambda: _run(home, name), again),
    ]
    yield from broken
    yield from _read(home.file(name, "down"), lambda: runs.wanted_down(home, name), again)
    kept = runs.unreported_file(home, name)
    yield from _read(kept, lambda: runs.unreported(home, name), _away(kept))
    given = again if broken else f"tsm restart --update-env {name}"
    yield from _read(home.file(name, "env"), lambda: environment.read(home, name), given)
    yield from _open_to_others(home.file(name, "env"))
    yield from _unfinished(home, name, home.process(name))
    for stream in logs.STREAMS:
        yield from _log(home, name, stream)


def _anew(name: str) -> str:
    """To delete what is broken; what has no name of a process can be none afterwards either."""
    delete = f"tsm delete {quoted(only(name))}"
    return f"{delete}, and start it anew" if is_name(name) else delete


def _run(home: Home, name: str) -> object:
    try:
        meta = sound_meta(home, name)
    except Broken:  # which is named for itself
        return runs.read(home, name)
    return sound_run(home, meta)


def _unfinished(home: Home, name: str, folder: str) -> Iterator[Finding]:
    for path in definitions.unfinished_files(folder):
        yield from _left(home, name, path)
    for path in definitions.in_the_way(folder):
        yield Finding(path, "a directory, where a file is to be written", _aside(path))


def _left(
    home: Home, name: str, path: str, problem: str = "left unfinished by a killed command"
) -> Iterator[Finding]:
    """What was left at the path, if nobody who has the lock of that name is at work on it."""
    if lock.holder(home, name) is None and os.path.lexists(path):
        yield Finding(path, problem, "tsm patrol")


def _log(home: Home, name: str, stream: str) -> Iterator[Finding]:
    log, note = logs.current(home, name, stream), cut.note_file(home, name, stream)
    lead = logs.lead(log)
    if lead != MERGED:
        file = log if lead is None else os.path.join(home.process(name), lead)
        again = (
            _away(log)
            if lead is None
            else f"move it away, or tsm set {quoted(name)} {stream}=ANOTHER"
        )
        yield from _read(file, lambda: log_paths.check_file(file), again)
    yield from _read(note, lambda: cut.noted(note), _away(note))
    plain = [one.path for one in rotated.files(home, name, stream) if not one.compressed]
    away = displaced.note_file(home, name, stream)
    if os.path.lexists(away) and displaced.noted(home, name, stream) is None:
        yield Finding(away, "does not tell of a log", _away(away))
    for path in (log, *plain):
        index = f"{path}.idx"
        if os.path.lexists(index) and not (os.path.isfile(index) and log_index.is_sound(index)):
            yield Finding(index, "not the index of a log", _away(index))


def _lines(path: str, noun: str, unreadable: Callable[[str], list[int]]) -> Iterator[Finding]:
    bad: list[int] = []
    yield from _read(path, lambda: bad.extend(unreadable(path)), _aside(path))
    if bad:
        lines = ";".join(f"{number}d" for number in bad[:_LINES])
        problem = f"lines that hold no {noun}, and are passed over: {len(bad)}, from {bad[0]} on"
        yield Finding(path, problem, f"sed -i '{lines}' {quoted(path)}")


def _away(path: str) -> str:
    plain = os.path.islink(path) or not os.path.isdir(path)
    return f"rm {quoted(path)}" if plain else f"rm -r {quoted(path)}"


def _aside(path: str) -> str:
    """Out of the way, and kept: it may be mended."""
    return f"mv {quoted(path)} {quoted(f'{path}.unreadable')}"


def _unreadable(path: str, error: OSError) -> Finding:
    return Finding(path, error.strerror or str(error), "see to it that you may read it")


def _read(path: str, read: Callable[[], object], repair: str) -> Iterator[Finding]:
    try:
        read()
    except TsmError as error:
        yield Finding(path, str(error).removeprefix(f"{path}: "), repair)
    except IsADirectoryError as error:
        yield Finding(path, str(error.strerror), f"rm -r {quoted(path)}")
    except OSError as error:
        yield _unreadable(path, error)
