"""Where a child is to write, put in place before its run begins; and the first that it wrote."""

from __future__ import annotations

import time

from tsm.errors import Busy, refused
from tsm.store import journal, log_index, log_paths, logs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.patrol.process import Process
    from tsm.spec import Spec
    from tsm.store.home import Home

_LOCK_S = 10.0  # a rotation that waits for the lock of the process gives up before that


def prepared(home: Home, spec: Spec) -> tuple[int, int]:
    """The inodes of the files that the next run writes to, which are there from then on.

    The caller holds the lock of the process, and no run lives. Raises Refused, Busy.
    """
    try:
        if spec.logs.own:
            log_paths.check(home, spec)
        if not log_paths.is_laid(home, spec):
            _lay(home, spec)
        return log_paths.made(home, spec)
    except OSError as error:
        raise refused(error) from error


def first_line(home: Home, process: Process) -> str:
    """The first line that the run wrote to its standard error; empty if nothing is kept of it."""
    if process.run is None:
        return ""
    stream = log_paths.carrier(home, process.name, "err")
    begin = log_index.offset(home, process.name, stream, process.run.logs[1])
    return logs.line_from(logs.current(home, process.name, stream), begin)


def _lay(home: Home, spec: Spec) -> None:
    from tsm.patrol import log_care  # not for every start
    from tsm.store import log_layout, rotated

    name, now_s = spec.name, time.time()
    with rotated.lock(home, name, _LOCK_S) as had:
        if not had:
            message = f"{name}: busy: its logs are being rotated: try again"
            raise Busy(message)
        log_care.mend_streams(home, name)
        for one in log_layout.lay(home, spec, now_s):
            facts = {"stream": one.stream, "file": one.file, "bytes": one.size}
            facts["reason"] = "what follows goes elsewhere"
            journal.record_if_possible(home, name, "rotate", facts)
