"""Running hooks: commands in a session of their own that end, or are ended, in time."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress

from tsm.errors import Refused
from tsm.osproc.chain import as_account, program
from tsm.osproc.signals import send
from tsm.osproc.spawn import close_on_exec
from tsm.osproc.table import command_line, processes
from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tsm.spec import Spec

_SCRIPT = os.path.join(os.path.dirname(__file__), "hook.sh")
_KILL_S = 2  # after the time-out, for those who do not heed SIGTERM
_LATE_S = 10.0  # beyond that, the machine is slow or the script itself was stopped


class Call(Record):
    """One hook to be run."""

    hook: str  # one of spec.HOOKS
    command: str
    spec: Spec
    directory: str  # of the process: that is how a hook that runs is known
    environ: Mapping[bytes, bytes]


def spawned(call: Call, log_fd: int) -> int:
    """Run a hook in a session of its own, and return its pid, for `first_ended`."""
    return _spawned(_words(call), call, log_fd, session=True)


def detach(call: Call, log_fd: int) -> None:
    """Run a hook that nobody waits for, and that is not the caller's child."""
    words = [program("setsid"), "--fork", "--", *_words(call)]
    os.waitpid(_spawned(words, call, log_fd, session=False), 0)


def first_ended(deadlines_s: Mapping[int, float]) -> tuple[int, int]:
    """Wait for the first to end of hooks that were `spawned`; its pid, and its exit code.

    Each has its deadline, at which it should be over by itself: one that is late is killed.
    """
    poll = select.poll()
    pids: dict[int, int] = {}
    try:
        for pid in deadlines_s:
            fd = os.pidfd_open(pid)
            pids[fd] = pid
            poll.register(fd, select.POLLIN)
        next_s = min(deadlines_s.values()) + _KILL_S + _LATE_S
        ended = poll.poll(max(0.0, next_s - time.monotonic()) * 1000)
    finally:
        for fd in pids:
            os.close(fd)
    pid = pids[ended[0][0]] if ended else min(deadlines_s, key=deadlines_s.__getitem__)
    if not ended:
        end_session(pid)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return pid, 128 - code if code < 0 else code


def running(directory: str) -> Iterable[tuple[int, str]]:
    """The pids of the leaders of a process's hooks that have not ended, and which they are."""
    for row in processes():
        words = command_line(row.pid)
        if words[1:4] == ["--fork", "--", "/bin/sh"]:
            words = words[3:]  # just being detached
        elif row.session != row.pid:
            continue
        if words[1:3] == [_SCRIPT, directory] and len(words) > 3:
            yield row.pid, words[3]


def end_session(leader: int) -> None:
    """Kill everybody in the session of a hook."""
    for row in processes():
        if row.session == leader:
            with suppress(Refused):  # it has become another user's
                send(row.pid, row.ticks, signal.SIGKILL)


def _words(call: Call) -> list[str]:
    spec, timeout_s = call.spec, call.spec.hooks.timeout_s
    hook = [*as_account(spec.limits), "/bin/sh", "-c", call.command]
    bounded = [program("timeout"), "-k", str(_KILL_S), f"{timeout_s:.3f}", *hook]
    return ["/bin/sh", _SCRIPT, call.directory, call.hook, spec.umask, spec.cwd, *bounded]


def _spawned(words: list[str], call: Call, log_fd: int, *, session: bool) -> int:
    close_on_exec()
    try:
        return os.posix_spawn(
            words[0],
            words,
            call.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log_fd, 1),
                (os.POSIX_SPAWN_DUP2, log_fd, 2),
            ],
            setsid=session,
            setsigmask=(),
            setsigdef=signal.valid_signals(),
        )
    except OSError as error:
        message = f"{call.spec.name}: cannot run {call.hook}: {error.strerror}"
        raise Refused(message) from error
