"""Who a run consisted of and what it used: now, or when somebody last looked."""

from __future__ import annotations

import time

from tsm.osproc import sample, table
from tsm.patrol.sampling import used
from tsm.store import metrics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.osproc.sample import Sample
    from tsm.patrol.process import Process
    from tsm.store.home import Home

    Tree = list[dict[str, object]]
    Usage = dict[str, object]


def last_seen(
    home: Home, process: Process, at_s: float, last: Sample | None
) -> tuple[Tree | None, Usage | None]:
    """The processes of the run, and what they used; each None where that is not known.

    Of a run that goes on it is looked up. Of one that had ended by `at_s` the tree is that of
    `last`, a sample that is still in memory, and the usage is in the file of samples.
    """
    run = process.run
    if run is None or run.child is None:
        return None, None
    child = run.child
    if table.alive(child, table.boot_id()):
        now = sample.samples([child.pid], table.processes()).get(child.pid)
        if now is not None and now.ticks == child.ticks:
            return _tree(now), {"time": round(time.time(), 3), **used(now, None)}
    tree = _tree(last) if last is not None and last.ticks == child.ticks else None
    return tree, metrics.last(home, process.name, run.time_s, at_s)


def _tree(one: Sample) -> Tree:
    return [
        {"pid": row.pid, "ppid": row.ppid, "comm": row.comm, "mem": row.rss_bytes}
        for row in one.rows
    ]
