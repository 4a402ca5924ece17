"""The log of the resident patrol: its standard error, begun anew once it is large."""

from __future__ import annotations

import os
import sys
import time

from tsm.store import attendance
from tsm.store.atomic import is_named, set_aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home

_LOG_BYTES = 1 << 20


def say(text: str) -> None:
    """Add a line, with the time."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stderr.write(f"{when} {text}\n")
    sys.stderr.flush()


def rotate_log(home: Home) -> None:
    """Begin the log anew once it is large; the former one stays beside it."""
    path = attendance.log_file(home)
    if is_named(2, path) and set_aside(path, _LOG_BYTES):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(fd, 1)
        os.dup2(fd, 2)
        os.close(fd)
