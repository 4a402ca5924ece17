"""Running a program on a terminal, as a person would."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ROWS, COLUMNS = 24, 100
_TIMEOUT_S = 30.0


def shown(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> tuple[int, str]:
    """The exit status of a program, and all that it showed on a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
    with subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=cwd, start_new_session=True
    ) as program:
        os.close(theirs)
        try:
            text = _all_of(ours, time.monotonic() + _TIMEOUT_S)
            return program.wait(_TIMEOUT_S), text.replace("\r\n", "\n")
        finally:
            os.close(ours)
            program.kill()


def _all_of(fd: int, deadline_s: float) -> str:
    """What comes until the last one who has the terminal open closes it."""
    data = b""
    while select.select([fd], [], [], max(0.0, deadline_s - time.monotonic()))[0]:
        try:
            data += os.read(fd, 65536)
        except OSError:  # EIO: closed
            return data.decode(errors="surrogateescape")
    message = f"the terminal is still open after {_TIMEOUT_S:g} s; it shows {data!r}"
    raise AssertionError(message)
