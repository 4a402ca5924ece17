"""A shell that waits beside a task, and runs a command of tsm if the task is killed."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress

from tsm.osproc import offspring, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SCRIPT = 'read -r _ || exec "$@"'  # the end of the pipe without a line is that of the task


@contextmanager
def beside(home: str, words: Sequence[str]) -> Iterator[None]:
    """Have `tsm WORDS...` run if this process is killed within. Raises OSError."""
    spawn.close_on_exec()
    theirs, ours = os.pipe2(os.O_CLOEXEC)
    kept = ("PATH", "HOME", "PYTHONPATH")
    environ = {key: os.environ[key] for key in kept if key in os.environ} | {"TSM_HOME": home}
    argv = ["sh", "-c", _SCRIPT, "sh", sys.executable, "-P", "-m", "tsm", *words]
    try:
        pid = os.posix_spawn(
            "/bin/sh",
            argv,
            environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE],
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    offspring.leave(pid)
    try:
        yield
    finally:
        with suppress(BrokenPipeError):
            os.write(ours, b"\n")
        os.close(ours)
