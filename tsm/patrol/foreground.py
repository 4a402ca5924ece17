"""A process in the foreground: its output goes on to ours, the signals we get go on to it."""

from __future__ import annotations

import os
import select
import signal
import stat
from contextlib import suppress

from tsm.errors import NoSuchProcess, Refused, TsmError, refused
from tsm.osproc import duties, signals, table
from tsm.osproc.inotify import Inotify
from tsm.patrol.hold import held_all
from tsm.patrol.notes import note_status
from tsm.patrol.observe import observe
from tsm.patrol.reconcile import reconcile
from tsm.patrol.take_down import STOP, take_down
from tsm.store import follower, logs, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from tsm.model import Run
    from tsm.store.home import Home

    T = TypeVar("T")

_STOPPING = (signal.SIGTERM, signal.SIGINT)
_PASSED_ON = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)
SIGNALS = (*_STOPPING, *_PASSED_ON, signal.SIGCHLD)  # what is to be heard
_REST = ("stopped", "completed", "errored", "broken")
_LOOK_S = 1.0  # a launcher that is killed leaves no notice in the directory
_LOCK_S = 60.0
_POLL_S = 0.05  # where the kernel has no inotify left for us
_PIPE_BYTES = 4096  # a pipe that is ready takes so many without blocking (pipe(7))
_FILE_BYTES = 262144


class Foreground:
    """One process of the home, and what is passed on between it and us, in both directions."""

    def __init__(self, home: Home, name: str, heard: duties.Heard) -> None:
        """To be made before the process is started: what is written from now on is passed on."""
        self.home = home
        self.name = name
        self.asked_to_stop = False  # by a signal
        self._heard = heard
        self._flows = [
            Flow(logs.current(home, name, stream), fd) for stream, fd in (("out", 1), ("err", 2))
        ]
        self._notices: Inotify | None = None
        self._stale = True  # something but the logs has changed since the last look
        self._acting = False

    def begin_at(self, run: Run) -> None:
        """Pass on all that has been written since the begin of that run, and nothing older."""
        for flow, position in zip(self._flows, run.logs, strict=True):
            flow.go_to(position)

    def turn(self, *fds: int) -> None:
        """Pass on what there is, and wait until there is more, or something to read in `fds`."""
        if self._notices is None:
            with suppress(OSError):
                self._notices = Inotify(self.home.process(self.name))
                self._be_told()
        poll = select.poll()
        notices = [] if self._notices is None else [self._notices.fd]
        for fd in (self._heard.fd, *fds, *notices):
            poll.register(fd, select.POLLIN)
        by_fd = {flow.fd: flow for flow in self._flows if flow.waits()}
        for fd in by_fd:
            poll.register(fd, select.POLLOUT)
        ready = poll.poll((_LOOK_S if notices else _POLL_S) * 1000)
        for number in self._heard.taken():
            self._hear(number)
        names = self._notices.changed() if self._notices is not None else set()
        if not ready or any(not name.startswith("current.") for name in names):
            self._stale = True
        for fd, _ in ready:
            if fd in by_fd:
                by_fd[fd].write()

    def rests(self) -> bool:
        """Whether the process is at rest, and all about it is noted.

        Raises NoSuchProcess when it was deleted.
        """
        if not self._stale:
            return False
        self._stale = False
        self._be_told()  # another run may write to another file
        one = observe(self.home, self.name, table.boot_id())
        if one is None:
            message = f"{self.name}: was deleted meanwhile"
            raise NoSuchProcess(message)
        if one.status not in _REST or one.due_s is not None:
            return False
        done = self.aside(lambda: reconcile(self.home, self.name, _LOCK_S))
        return done.status in _REST and done.due_s is None

    def _be_told(self) -> None:
        """Be told of log files that do not lie in the process directory, too."""
        for flow in self._flows:
            lead = logs.lead(flow.path)
            if self._notices is not None and lead is not None and logs.is_kept(flow.path):
                self._notices.add(lead, os.path.basename(flow.path))

    def last(self) -> Run | None:
        """The current or last run."""
        return runs.read(self.home, self.name)

    def aside(self, act: Callable[[], T]) -> T:
        """Do something that may take its time, and go on passing on meanwhile."""
        from threading import Thread

        results: list[T] = []
        problems: list[TsmError] = []
        over = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

        def acted() -> None:
            try:
                results.append(act())
            except (TsmError, OSError) as error:
                problems.append(error if isinstance(error, TsmError) else refused(error))
            finally:
                os.eventfd_write(over, 1)

        thread = Thread(target=acted, name="act")
        self._acting = True
        thread.start()
        while thread.is_alive():
            self.turn(over)
        self._acting = False
        os.close(over)
        duties.bury()
        self._stale = True
        for problem in problems:
            raise problem
        return results[0]

    def drain(self) -> None:
        """Pass on what is left of the output, unless another signal comes that asks to stop."""
        self.asked_to_stop = False
        while not self.asked_to_stop and any(flow.waits() for flow in self._flows):
            self.turn()

    def stop(self) -> list[str]:
        """Stop the process as `tsm stop` does; who needed SIGKILL."""
        return self.aside(self._stopped)

    def _stopped(self) -> list[str]:
        with held_all(self.home, [self.name], _LOCK_S) as held:
            ended = take_down(self.home, held, STOP, lambda _text: None)
            for problem in held.problems:
                raise problem
            one = ended[self.name]
            note_status(self.home, one.process, "stopped")
            return list(one.killed)

    def _hear(self, number: int) -> None:
        if number in _STOPPING:
            self.asked_to_stop = True
        elif number == signal.SIGCHLD:
            if not self._acting:  # an act may wait for children of its own
                duties.bury()
        else:
            run = runs.read(self.home, self.name)
            if run is not None and run.child is not None:
                with suppress(Refused):
                    signals.send(run.child.pid, run.child.ticks, number)


class Flow:
    """One log file on its way into a stream of ours, never more than the stream takes."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self.fd = fd
        self._follower = follower.Follower(path)
        self._follower.seek(self._follower.end())
        self._blocks: Iterator[bytes] = iter(())
        self._rest = memoryview(b"")
        self._lost = False  # nobody reads it any more
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
        self._most = _FILE_BYTES if regular else _PIPE_BYTES

    def go_to(self, position: int) -> None:
        """Pass on what comes from that position in the stream on."""
        self._follower.go_to(position)

    def waits(self) -> bool:
        """Whether there is something that is not passed on yet."""
        if self._lost:
            return False
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        if not self._rest:
            self._blocks = self._follower.blocks()
            self._rest = memoryview(next(self._blocks, b""))
        return bool(self._rest)

    def write(self) -> None:
        """Pass some of it on; the stream is ready."""
        try:
            written = os.write(self.fd, self._rest[: self._most])
        except BlockingIOError:  # somebody else writes to it as well
            return
        except OSError:
            self._lost = True
            return
        self._rest = self._rest[written:]
