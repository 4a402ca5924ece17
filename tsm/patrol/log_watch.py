"""What the resident patrol does for log files: their indexes, and the care that is due."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress

from tsm.errors import TsmError, refused
from tsm.osproc.aside import aside
from tsm.osproc.inotify import Growth
from tsm.patrol import log_care
from tsm.patrol.log_restore import LastWords
from tsm.patrol.process import sound_spec
from tsm.patrol.resident_log import say
from tsm.policy import rotation
from tsm.store import log_index, logs, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tsm.store.config import Config
    from tsm.store.home import Home

_NOTE_S = 0.25  # after a write, and so no more often than that
_COPY_S = 1.0  # between two copies of what a child writes to a file that has lost its name
_RETRY_S = 10.0  # after what could not be done
_GUARD_S = 60.0  # between two looks at the room on the disk
_HOUR_S = 3600.0


class LogWatch:
    """Is told when a log grows: a log that nobody writes to costs nothing."""

    def __init__(self, home: Home, settings: Callable[[], Config]) -> None:
        """Raises OSError when the kernel's limit of watchers is reached."""
        self.home = home
        self._settings = settings
        self._growth = Growth()
        self._files: dict[str, tuple[str, str]] = {}  # path -> name, stream
        self._inodes: dict[str, int] = {}  # path -> that of its file
        self._task = asyncio.ensure_future(self._hourly())
        self._busy: set[str] = set()  # names whose logs are being looked after
        self._again: set[str] = set()  # names for which there was reason to meanwhile
        self._running: set[asyncio.Task[None]] = set()
        self._last_words: dict[str, LastWords] = {}  # of those who write to a file without a name
        asyncio.get_running_loop().add_reader(self._growth.fd, self._grown)

    def watch(self, name: str) -> None:
        """Follow the growth of the logs of a process that is up."""
        for stream in logs.streams(self.home, name):
            path = logs.current(self.home, name, stream)
            self._files[path] = (name, stream)
            self._note(path, told=False)  # also of a known one: another file may have its name

    def reread(self) -> None:
        """The settings have changed."""
        self._task.cancel()
        self._task = asyncio.ensure_future(self._hourly())

    def save_last_words(self, name: str) -> None:
        """Where a child has ended that wrote to a file without a name, add the rest of it."""
        words = self._last_words.get(name)
        if words is not None and words.over:
            del self._last_words[name]
            words.save()

    def close(self) -> None:
        """The end of it."""
        asyncio.get_running_loop().remove_reader(self._growth.fd)
        for words in self._last_words.values():
            words.close()
        for task in (self._task, *self._running):
            task.cancel()
        self._growth.close()

    def _grown(self) -> None:
        for path in self._growth.grown():
            asyncio.get_running_loop().call_later(_NOTE_S, self._note, path)

    def _note(self, path: str, *, told: bool = True) -> None:
        """Note how far a log has come, and have it rotated if that is due."""
        name, stream = self._files.get(path, ("", ""))
        if not name or not logs.is_kept(path):  # it is merged into the other from this run on
            self._forget(path)
            return
        try:
            self._growth.arm(path)  # first: what comes from now on is told again
            if self._is_another(path):
                self._care(name)
                return
            now_s = time.time()
            size, begun_s = log_index.noted(self.home, name, stream, now_s, told=told)
            rule = rotation.settled(sound_spec(self.home, name).logs, self._settings().logs)
        except FileNotFoundError:
            self._forget(path)
            self._care(name)  # deleted, perhaps, from under its child
            return
        except (TsmError, OSError):  # whoever looks at the process tells
            self._forget(path)
            return
        lost = log_index.lost(self.home, name, stream)
        if lost or rotation.due(rule, size, begun_s, now_s):
            self._care(name)

    def _forget(self, path: str) -> None:
        self._files.pop(path, None)
        self._inodes.pop(path, None)

    def _is_another(self, path: str) -> bool:
        """Whether somebody has put another file there since the last time."""
        now = os.stat(path).st_ino
        before, self._inodes[path] = self._inodes.get(path, now), now
        return before != now

    def _care(self, name: str) -> None:
        if name in self._busy:
            self._again.add(name)
            return
        self._busy.add(name)
        self._hold(name)  # first: a child may end while its log is being restored
        task = asyncio.ensure_future(self._look_after([name]))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _look_after(self, names: Sequence[str]) -> None:
        try:
            acts, problems = await aside(lambda: log_care.look_after_all(self.home, names))
        except OSError as error:
            say(str(refused(error)))
            return
        finally:
            self._busy.difference_update(names)
        again = self._again.intersection(names)
        self._again -= again
        for name in again:
            self._care(name)
        for act in acts:
            if act.action in ("restore", ""):
                wait_s = _RETRY_S
                if act.action:
                    wait_s = _COPY_S
                    self._hold(act.name)
                asyncio.get_running_loop().call_later(wait_s, self._care, act.name)
            else:
                say(f"{act.name}: {act.action} {act.file} ({act.reason})")
        for problem in problems:
            say(str(problem))

    def _hold(self, name: str) -> None:
        """Keep open what the child of a process writes to without a name, as long as it lives."""
        if name in self._last_words:
            return
        with suppress(TsmError, OSError):
            run = runs.read(self.home, name)
            if run is not None and run.child is not None:
                words = LastWords(self.home, name, run.child)
                if words.any:
                    self._last_words[name] = words

    async def _hourly(self) -> None:
        """What is due by the clock, or for want of room; at first what was left undone."""
        while True:
            await self._look_after(self.home.names())
            guarded = self._settings().disk_free_bytes is not None
            left_s = _HOUR_S - time.time() % _HOUR_S + 1.0
            await asyncio.sleep(min(left_s, _GUARD_S) if guarded else left_s)
