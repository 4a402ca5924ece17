"""Letting current.out and current.err lead elsewhere than they did; see `log_paths`."""

from __future__ import annotations

import os
import time

from tsm.record import Record
from tsm.store import displaced, log_index, logs, rotated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tsm.spec import Spec
    from tsm.store.home import Home


class Aside(Record):
    """A current file with content that had to make room for a link, and was rotated for that."""

    stream: str
    file: str  # its name now
    size: int


def lay(home: Home, spec: Spec, now_s: float) -> Iterator[Aside]:
    """Let both names lead to where the definition has them; what was in the way is rotated.

    The caller holds the locks of the process and of rotations, and no run lives. Killed at any
    point, this does the rest when it is done again.
    """
    for stream, lead in zip(logs.STREAMS, spec.logs.leads, strict=True):
        path = logs.current(home, spec.name, stream)
        if logs.lead(path) == lead:
            continue
        size = logs.size(home, spec.name, stream) if logs.is_kept(path) else 0
        if size:
            log_index.noted(home, spec.name, stream, now_s)
        if size and not os.path.islink(path):
            yield Aside(stream, _set_aside(home, spec.name, stream, now_s), size)
        elif os.path.lexists(path):
            os.unlink(path)
        displaced.forget(home, spec.name, stream)
        index = log_index.path(home, spec.name, stream)
        if os.path.exists(index):
            log_index.restart(index, now_s)
        if lead is not None:
            os.symlink(lead, path)


def _set_aside(home: Home, name: str, stream: str, now_s: float) -> str:
    """Give the current file the name of a rotated one; nobody writes to it."""
    day = time.strftime("%Y-%m-%d", time.localtime(now_s))
    to = rotated.free(home, name, stream, day)
    log_index.copy(log_index.path(home, name, stream), home.file(name, to))
    os.rename(logs.current(home, name, stream), home.file(name, to))
    return to
