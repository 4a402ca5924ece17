"""Verifying the files of a home against their formats, one finding for each that is wrong."""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass

from tsm.errors import TsmError
from tsm.patrol.process import sound_meta, sound_spec
from tsm.store import definitions, environment, journal, runs, saved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tsm.store.home import Home


@dataclass(frozen=True, slots=True)
class Finding:
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
        path = home.save_file(save)
        yield from _read(path, lambda save=save: saved.read(home, save), f"tsm save {save}")  # type: ignore[misc]
    for path in definitions.strangers(home):
        yield Finding(path, "not a directory, so not a process", f"rm {path}")
    for path in definitions.leftovers(home):
        yield Finding(path, "left half made or half removed by a killed command", "tsm patrol")
    for path in (*journal.day_files(home), *journal.history_files(home)):
        yield from _journal(path)
    yield from _locks(home)


def _toolkit(home: Home) -> Iterator[Finding]:
    config = f"{home.root}/config.toml"
    try:
        with open(config, "rb") as file:
            tomllib.load(file)
    except FileNotFoundError:
        pass
    except (ValueError, OSError) as error:
        yield Finding(config, str(error), "correct it, or remove it")
    last_id = f"{home.runtime}/last_id"
    try:
        with open(last_id, "rb") as file:
            int(file.read())
    except FileNotFoundError:
        pass
    except ValueError:
        yield Finding(last_id, "not a number", f"rm {last_id} (the next start makes it anew)")


def _process(home: Home, name: str) -> Iterator[Finding]:
    again = f"tsm delete {name}, and start it anew"
    yield from _read(home.file(name, "spec.json"), lambda: sound_spec(home, name), again)
    yield from _read(home.file(name, "meta.json"), lambda: sound_meta(home, name), again)
    yield from _read(home.file(name, "run"), lambda: runs.read(home, name), again)
    yield from _read(
        home.file(name, "env"),
        lambda: environment.read(home, name),
        f"tsm restart --update-env {name}",
    )
    env = home.file(name, "env")
    if os.path.exists(env) and stat.S_IMODE(os.stat(env).st_mode) & 0o077:
        yield Finding(env, "others may read it, and it may hold secrets", f"chmod 600 {env}")
    for path in definitions.unfinished_files(home, name):
        yield Finding(path, "left unfinished by a killed command", "tsm patrol")


def _journal(path: str) -> Iterator[Finding]:
    bad = journal.unreadable_lines(path)
    if bad:
        problem = f"{len(bad)} lines do not parse (passed over), the first is line {bad[0]}"
        yield Finding(path, problem, f"remove those lines: sed -i '{bad[0]}d' {path}")


def _locks(home: Home) -> Iterator[Finding]:
    for name in definitions.orphan_locks(home):
        yield Finding(home.lock_file(name), "the lock of a process that is no more", "tsm patrol")


def _read(path: str, read: Callable[[], object], repair: str) -> Iterator[Finding]:
    try:
        read()
    except TsmError as error:
        yield Finding(path, str(error).removeprefix(f"{path}: "), repair)
    except OSError as error:
        yield Finding(path, error.strerror or str(error), "see to it that you may read it")
