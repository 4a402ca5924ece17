"""Becoming the resident patrol: the only one of its home, in the background or not."""

from __future__ import annotations

import signal

from tsm.patrol import presence
from tsm.patrol.resident_log import say
from tsm.store import attendance

_LEAVE_S = 20.0  # how long another one may take to end

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home


def stay(home: Home, *, daemon: bool) -> bool:
    """Be the resident patrol; False if another is at work already, and this is one more `daemon`.

    A daemon leaves when nothing needs it. One in the foreground stays, in the stead of any other.
    """
    from tsm.patrol import resident

    if not daemon:
        presence.dismiss(home, signal.SIGTERM, _LEAVE_S)
        place = resident.place(home)
        if place is not None:
            resident.serve(home, place, say, stays=True)
        return place is not None
    import daemon as python_daemon

    if attendance.ring(home, ()):
        return False
    log = open(attendance.log_file(home), "ab", buffering=0)  # noqa: SIM115 - it stays
    with python_daemon.DaemonContext(
        working_directory=home.runtime,
        umask=0o077,
        stdout=log,
        stderr=log,
        prevent_core=False,  # children would inherit it
        signal_map={},
    ):
        place = resident.place(home)
        if place is not None:
            resident.serve(home, place, say, stays=False)
    return True
