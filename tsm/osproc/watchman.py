"""A shell that waits beside a task, and runs a command of tsm if the task is killed."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress

from tsm.osproc import offspring, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# The end of the pipe without the word is that of the task. Other lines are pids.
_SCRIPT = """
stopped=
while read -r line; do
    [ "$line" = done ] && exit
    stopped=$line
done
"$@" || exec kill -CONT $stopped
"""


@contextmanager
def beside(home: str, words: Sequence[str]) -> Iterator[Callable[[Sequence[int]], None]]:
    """Have `tsm WORDS...` run if this process is killed within. Raises OSError.

    It is to let those go on whose pids were told; if it fails, the shell itself does.
    """
    theirs, ours = os.pipe2(os.O_CLOEXEC)
    try:
        _spawn(theirs, home, words)
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)

    def tell(line: str) -> None:
        with suppress(BrokenPipeError):
            os.write(ours, f"{line}\n".encode("ascii"))

    try:
        yield lambda pids: tell(" ".join(map(str, pids)))
    finally:
        tell("done")
        os.close(ours)


def _spawn(pipe: int, home: str, words: Sequence[str]) -> None:
    spawn.close_on_exec()
    kept = ("PATH", "HOME", "PYTHONPATH")
    environ = {key: os.environ[key] for key in kept if key in os.environ} | {"TSM_HOME": home}
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", _SCRIPT, "sh", sys.executable, "-P", "-m", "tsm", *words],
        environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, pipe, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE],
    )
    offspring.leave(pid)
