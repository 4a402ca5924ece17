"""The logs of the processes that some words mean, now and, for those who follow, later."""

from __future__ import annotations

import os
from contextlib import suppress

from tsm.errors import NoSuchProcess
from tsm.patrol.choose import chosen
from tsm.policy.words import can_come
from tsm.store import logs
from tsm.store.follower import Follower

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.osproc.inotify import Growth
    from tsm.store.home import Home

_LOOK_S = 0.1  # where the kernel cannot be asked to tell
_RETRY_S = 0.25  # for a file that is not there


class Feed:
    """One log of one process."""

    def __init__(self, name: str, stream: str, path: str) -> None:
        self.name = name
        self.stream = stream
        self.follower = Follower(path)


class Feeds:
    """Those of several processes, in the order of their names."""

    def __init__(self, home: Home, words: Sequence[str], streams: Sequence[str]) -> None:
        self.names: list[str] = []
        self.missing: list[NoSuchProcess] = []  # for each word that means nobody yet
        self._home, self._words, self._streams = home, words, streams
        self._known: set[tuple[str, str]] = set()

    def gather(self, *, wait: bool) -> list[Feed]:
        """Those that are new since the last call.

        Raises NoSuchProcess; with `wait` only for a word that can never mean a process.
        """
        found: set[str] = set()
        self.missing = []
        for word in self._words:
            try:
                found.update(chosen(self._home, [word]))
            except NoSuchProcess as error:
                if not (wait and can_come(word)):
                    raise
                self.missing.append(error)
        self.names = sorted(found.union(self.names))
        keys = [(name, stream) for name in sorted(found) for stream in self._streams]
        new = [key for key in keys if key not in self._known]
        self._known.update(new)
        return [Feed(*key, logs.current(self._home, *key)) for key in new]


class Alarm:
    """Tells which feeds there is reason to look at; while there is none it costs nothing."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._feeds: dict[str, Feed] = {}  # by the paths of their files
        self._unarmed: set[str] = set()  # of those, whose files the kernel does not look after
        self._blind = True  # nobody tells of processes that come
        self._growth: Growth | None = None
        from tsm.osproc.inotify import Growth

        with suppress(OSError):  # without it, all are looked at again and again
            self._growth = Growth()

    @property
    def fd(self) -> int | None:
        """It can be read from when there is reason."""
        return None if self._growth is None else self._growth.fd

    @property
    def timeout_s(self) -> float | None:
        """How long to wait for that at most."""
        if self._growth is None:
            return _LOOK_S
        return _RETRY_S if self._unarmed or self._blind else None

    def add(self, feeds: Sequence[Feed]) -> None:
        """Tell of these as well; there is reason at once."""
        for feed in feeds:
            self._feeds[feed.follower.path] = feed
            self._unarmed.add(feed.follower.path)

    def due(self) -> tuple[list[Feed], bool]:
        """The feeds to look at, and whether processes may have come."""
        if self._growth is None:
            return list(self._feeds.values()), True
        told = set(self._growth.grown())
        paths = [
            path
            for path in self._feeds
            if path in self._unarmed or path in told or os.path.dirname(path) in told
        ]
        self._unarmed = {path for path in paths if not self._armed(path)}
        arrivals = self._blind or self._home.processes in told
        if arrivals:  # before they are looked for, so that none is missed
            self._blind = not self._watch(self._home.processes)
        return [self._feeds[path] for path in paths], arrivals and not self._blind

    def _armed(self, path: str) -> bool:
        self._watch(os.path.dirname(path))
        if not logs.is_kept(path):
            return True  # it leads to the other log, until its directory changes
        with suppress(OSError):
            if self._growth is not None:
                self._growth.arm(path)
                return True
        return False

    def _watch(self, directory: str) -> bool:
        """Be told when something changes there; False if there is no such directory."""
        if self._growth is not None:
            with suppress(OSError):
                self._growth.arm_directory(directory)
                return True
        return False
