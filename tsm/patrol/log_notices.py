"""What whoever reads a log has to know of it: that more is written, and where it goes."""

from __future__ import annotations

from contextlib import suppress

from tsm.errors import Broken
from tsm.spec import MERGED
from tsm.store import logs, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tsm.store.home import Home


def notices(home: Home, name: str, streams: Sequence[str]) -> Iterator[str]:
    """A sentence for each, of those `streams` of a process that are read."""
    if _writes_elsewhere(home, name):
        yield f"{name}: was attached: what it writes goes where it went, until a restart"
    for stream in streams:
        path = logs.current(home, name, stream)
        if not logs.is_kept(path):
            if logs.lead(path) != MERGED:
                yield f"{name}: {stream}: is not kept: it goes to {logs.lead(path)}"
            elif logs.STREAMS[0] not in streams:
                yield f"{name}: {stream}: is in one log with out: give --out"


def _writes_elsewhere(home: Home, name: str) -> bool:
    """Whether there is a child that tsm has not started."""
    with suppress(Broken):
        run = runs.read(home, name)
        if run is not None and run.why == "attach":
            from tsm.osproc import table  # few were

            return table.alive(run.child, table.boot_id())
    return False
