"""Forgetting how often a process has been restarted, and how."""

from __future__ import annotations

import signal

from tsm.osproc import signals, table
from tsm.patrol.notes import brought_up_to_date
from tsm.patrol.process import situation
from tsm.policy import state
from tsm.record import changed
from tsm.store import documents, journal, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tsm.patrol.process import Process
    from tsm.store.home import Home


def reset(home: Home, process: Process) -> int | None:
    """Count restarts and short runs from 0 on; how many restarts there were, None if all was 0.

    The caller holds the lock. A process that is errored stays down: of its record only the
    number of restarts is forgotten. The record is only ever added to: its launcher may be
    about to write the exit.
    """
    boot, name = table.boot_id(), process.name
    process = brought_up_to_date(home, process, boot)
    run, meta = process.run, process.meta
    errored = state.status(situation(process, boot))[0] == "errored"
    restarts = max(meta.restarts, run.restarts if run is not None else 0)
    past = run.past if run is not None and not errored else ()
    short = meta.unstable_restarts if errored else 0
    if not (restarts or meta.unstable_restarts != short or past):
        return None
    if run is not None:
        runs.note(home, name, "restarts 0" if errored else "reset")
    documents.write_meta(home, changed(meta, restarts=0, unstable_restarts=short))
    journal.record(home, name, "reset", {"restarts": restarts})
    return restarts


def wake_launchers(processes: Iterable[Process]) -> None:
    """Let launchers that sleep until a restart is due ask again when that is.

    The caller holds none of the locks: they ask at once.
    """
    boot = table.boot_id()
    launchers = {
        process.run.launcher.pid
        for process in processes
        if process.run is not None
        and process.run.launcher is not None
        and table.alive(process.run.launcher, boot)
        and not table.alive(process.run.child, boot)
    }
    for row in table.processes() if launchers else []:
        if row.session in launchers and row.comm == "sleep":
            signals.send(row.pid, row.ticks, signal.SIGKILL)
