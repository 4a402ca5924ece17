"""The ids of processes: given once, in order, never again."""

from __future__ import annotations

from contextlib import suppress

from tsm.errors import Broken
from tsm.model import MOST
from tsm.store.atomic import read_whole, replace
from tsm.store.documents import read_meta

_DIGITS = len(str(MOST))

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home


def allot(home: Home) -> int:
    """The next tsm_id. The caller holds the lock of the home."""
    try:
        last = last_given(home)
    except Broken:
        last = None
    if last is None:
        last = _highest(home)
    replace(last_file(home), b"%d\n" % (last + 1), durable=True)
    return last + 1


def last_file(home: Home) -> str:
    """Where the highest tsm_id ever given is written down."""
    return f"{home.runtime}/last_id"


def last_given(home: Home) -> int | None:
    """That number; None where none is written down. Raises Broken if the file makes no sense."""
    path = last_file(home)
    try:
        text = read_whole(path).strip()
    except FileNotFoundError:
        return None
    if not text.isdigit() or len(text) > _DIGITS or int(text) >= MOST:
        message = f"{path}: not a number from 0 to {MOST - 1}"
        raise Broken(message)
    return int(text)


def given_twice(home: Home) -> dict[str, str]:
    """The names of processes whose tsm_id one before them in the alphabet has: that one's name."""
    first: dict[int, str] = {}
    found = {}
    for name in home.names():
        with suppress(Broken):
            other = first.setdefault(read_meta(home, name).tsm_id, name)
            if other != name:
                found[name] = other
    return found


def _highest(home: Home) -> int:
    ids = [0]
    for name in home.names():
        try:
            ids.append(read_meta(home, name).tsm_id)
        except Broken:
            continue
    return max(ids)
