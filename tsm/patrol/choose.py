"""Which processes the words of a command line mean."""

from __future__ import annotations

from tsm.errors import Broken
from tsm.policy.words import selected
from tsm.store import documents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.store.home import Home


def chosen(home: Home, words: Sequence[str]) -> list[str]:
    """The names that `words` mean. Raises NoSuchProcess, Usage."""

    def id_of(name: str) -> int | None:
        try:
            return documents.read_meta(home, name).tsm_id
        except Broken:
            return None

    return selected(words, home.names(), id_of)
