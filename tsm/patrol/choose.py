"""Which processes the words of a command line mean."""

from __future__ import annotations

import os

from tsm.errors import Broken, NoSuchProcess
from tsm.policy.words import is_name, selected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.store.home import Home

_UP = ("launching", "online", "paused", "stopping", "waiting", "errored")


def chosen(home: Home, words: Sequence[str]) -> list[str]:
    """The names that `words` mean. Raises NoSuchProcess, Usage."""

    def id_of(name: str) -> int | None:
        from tsm.store import documents

        try:
            return documents.read_meta(home, name).tsm_id
        except Broken:
            return None

    return selected(words, home.names(), id_of)


def wanted_up(home: Home) -> bool:
    """Whether there is a process that is not down for good, as last written."""
    from tsm.store import documents

    for name in home.names():
        try:
            if documents.read_meta(home, name).status in _UP:
                return True
        except Broken:
            continue
    return False


def chosen_ever(home: Home, words: Sequence[str]) -> list[str]:
    """As `chosen`, but a word may also be the full name of a process that was deleted."""
    from tsm.store import journal

    found: set[str] = set()
    for word in words:
        try:
            found.update(chosen(home, [word]))
        except NoSuchProcess:
            if not is_name(word) or not os.path.exists(journal.history_file(home, word)):
                raise
            found.add(word)
    return sorted(found)
