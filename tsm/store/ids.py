"""The ids of processes: given once, in order, never again."""

from __future__ import annotations

from tsm.errors import Broken
from tsm.store.atomic import replace
from tsm.store.documents import read_meta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home


def allot(home: Home) -> int:
    """The next tsm_id. The caller holds the lock of the home."""
    path = f"{home.runtime}/last_id"
    try:
        with open(path, "rb") as file:
            last = int(file.read())
    except (FileNotFoundError, ValueError):
        last = _highest(home)
    replace(path, b"%d\n" % (last + 1), durable=True)
    return last + 1


def _highest(home: Home) -> int:
    ids = [0]
    for name in home.names():
        try:
            ids.append(read_meta(home, name).tsm_id)
        except Broken:
            continue
    return max(ids)
