"""What hooks have written: the file hooks.log of a process directory."""

from __future__ import annotations

import os
import re

from tsm.store import follower
from tsm.store.atomic import remove, set_aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.store.home import Home

_OWN = re.compile(rb"[0-9TZ:-]* tsm: ")  # begins the line that is not the hook's
_BLOCK_BYTES = 65536
_LOG_BYTES = 1 << 20


def opened(home: Home, name: str) -> int:
    """The log, open for appending; begun anew once it is large. The caller holds the lock.

    The former one stays beside it, and hooks that still run write to that.
    """
    path = _path(home, name)
    set_aside(path, _LOG_BYTES)
    return _open(path, 0)


def opened_apart(home: Home, name: str) -> int:
    """A file for the output of one hook alone. The caller holds the lock of the process."""
    return _open(_unfinished(home, name), os.O_TRUNC)


def gathered(home: Home, name: str) -> str:
    """Put at the end of the log what was written apart; the last line that the hook wrote.

    Of more than a log may hold, the end alone. The caller holds the lock.
    """
    path = _unfinished(home, name)
    lines = [line for line in follower.last_lines(path, 2) if not _OWN.match(line)]
    log = opened(home, name)
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_BYTES))
            while block := file.read(_BLOCK_BYTES):
                os.write(log, block)
    finally:
        os.close(log)
    remove(path)
    return lines[-1].decode("utf-8", "replace").strip() if lines else ""


def there(home: Home, name: str) -> bool:
    """Whether the process has ever had a hook run."""
    return os.path.exists(_path(home, name)) or unfinished(home, name)


def unfinished(home: Home, name: str) -> bool:
    """Whether something was written apart and not gathered: whoever was to do it was killed."""
    return os.path.exists(_unfinished(home, name))


def _path(home: Home, name: str) -> str:
    return home.file(name, "hooks.log")


def _unfinished(home: Home, name: str) -> str:
    return f"{_path(home, name)}.new"


def _open(path: str, flags: int) -> int:
    mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
    return os.open(path, mode | flags, 0o600)
