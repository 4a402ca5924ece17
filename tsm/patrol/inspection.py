"""Verifying the files of a home against their formats, one finding for each that is wrong."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from shlex import quote

from tsm.errors import Broken, TsmError
from tsm.patrol.process import sound_meta, sound_saved, sound_spec
from tsm.record import Record
from tsm.store import config, crashes, definitions, environment, journal, metrics, runs, saved

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
    yield from _toolkit(home)
    for name in home.names():
        yield from _process(home, name)
    for save in saved.names(home):
        again = f"tsm save {quote(save)}"
        yield from _read(home.save_file(save), lambda s=save: sound_saved(home, s), again)  # type: ignore[misc]
    for path in definitions.strangers(home):
        yield Finding(path, "not a directory, so not a process", _away(path))
    for path in (*definitions.leftovers(home), *definitions.orphan_locks(home)):
        yield Finding(path, "left by a killed command", "tsm patrol")
    for path in (*journal.day_files(home), *journal.history_files(home)):
        yield from _lines(path, "event", journal.unreadable_lines)
    for path in metrics.day_files(home):
        yield from _lines(path, "sample", metrics.unreadable_lines)
    for name in crashes.names(home):
        yield from _reports(home, name)


def _reports(home: Home, name: str) -> Iterator[Finding]:
    for one in crashes.listed(home, name):
        yield from _read(one.path, lambda path=one.path: crashes.read(path), _away(one.path))  # type: ignore[misc]
    for path in crashes.unfinished(home, name):
        yield Finding(path, "left unfinished by a killed command", "tsm patrol")
    for path in crashes.strangers(home, name):
        yield Finding(path, "not called as a crash report is", _away(path))


def _toolkit(home: Home) -> Iterator[Finding]:
    toml = config.path(home)
    again = f"correct it, or rm {'-r ' * os.path.isdir(toml)}{quote(toml)}"
    yield from _read(toml, lambda: config.read(home), again)
    last_id = f"{home.runtime}/last_id"
    yield from _read(last_id, lambda: _number(last_id), f"rm {quote(last_id)}")
    for path in definitions.unfinished_files(home.runtime, home.saved):
        yield Finding(path, "left unfinished by a killed command", "tsm patrol")


def _process(home: Home, name: str) -> Iterator[Finding]:
    again = f"tsm delete {name}, and start it anew"
    anew = f"tsm restart --update-env {name}"
    yield from _read(home.file(name, "spec.json"), lambda: sound_spec(home, name), again)
    yield from _read(home.file(name, "meta.json"), lambda: sound_meta(home, name), again)
    yield from _read(home.file(name, "run"), lambda: runs.read(home, name), again)
    yield from _read(home.file(name, "env"), lambda: environment.read(home, name), anew)
    env = home.file(name, "env")
    if os.path.exists(env) and stat.S_IMODE(os.stat(env).st_mode) & 0o077:
        yield Finding(env, "others may read it, and it may hold secrets", f"chmod 600 {quote(env)}")
    for path in definitions.unfinished_files(home.process(name)):
        yield Finding(path, "left unfinished by a killed command", "tsm patrol")


def _lines(path: str, noun: str, unreadable: Callable[[str], list[int]]) -> Iterator[Finding]:
    bad: list[int] = []
    yield from _read(path, lambda: bad.extend(unreadable(path)), "move it away")
    if bad:
        lines = ";".join(f"{number}d" for number in bad[:_LINES])
        problem = f"lines that hold no {noun}, and are passed over: {len(bad)}, from {bad[0]} on"
        yield Finding(path, problem, f"remove them: sed -i '{lines}' {quote(path)}")


def _away(path: str) -> str:
    plain = os.path.islink(path) or not os.path.isdir(path)
    return f"rm {quote(path)}" if plain else f"rm -r {quote(path)}"


def _number(path: str) -> None:
    with suppress(FileNotFoundError), open(path, "rb") as file:
        text = file.read(32).strip()
        if not text.isdigit():
            message = "not a number"
            raise Broken(message)


def _read(path: str, read: Callable[[], object], repair: str) -> Iterator[Finding]:
    try:
        read()
    except TsmError as error:
        yield Finding(path, str(error).removeprefix(f"{path}: "), repair)
    except IsADirectoryError as error:
        yield Finding(path, str(error.strerror), f"rm -r {quote(path)}")
    except OSError as error:
        yield Finding(path, error.strerror or str(error), "see to it that you may read it")
