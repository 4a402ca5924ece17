"""Clearing away what killed commands have left half made."""

from __future__ import annotations

import os
from contextlib import suppress

from tsm.errors import Busy
from tsm.store import crashes, definitions, lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home


def tidy(home: Home) -> list[str]:
    """Remove half-made files and directories, and locks of processes that are no more.

    What somebody is at work on is left alone. Returns the names.
    """
    names = {name for name in home.names() if definitions.unfinished_files(home.process(name))}
    names.update(definitions.leftovers(home).values(), definitions.orphan_locks(home).values())
    names.update(name for name in crashes.names(home) if crashes.unfinished(home, name))
    cleared = []
    for name in sorted(names):
        try:
            with lock.held(home, name, 0.0) as held:
                definitions.clear_leftovers(home, name)
                crashes.clear_unfinished(home, name)
                if not definitions.exists(home, name):
                    held.retire()
                cleared.append(name)
        except Busy:
            continue
    _clear_unfinished(home, lock.HOME, home.runtime)
    _clear_unfinished(home, lock.SAVED, home.saved)
    return cleared


def _clear_unfinished(home: Home, name: str, folder: str) -> None:
    if not definitions.unfinished_files(folder):
        return
    with suppress(Busy), lock.held(home, name, 0.0):
        for path in definitions.unfinished_files(folder):
            os.unlink(path)
