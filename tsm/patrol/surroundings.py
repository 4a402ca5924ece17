"""What the resident patrol shares among all that it supervises: socket, samples, settings."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from tsm.errors import TsmError, refused
from tsm.osproc import notify, table
from tsm.osproc.aside import aside
from tsm.osproc.sample import samples
from tsm.patrol.log_watch import LogWatch
from tsm.patrol.resident_log import say
from tsm.patrol.sampling import Sampler
from tsm.patrol.supervision import Supervision
from tsm.policy.supervised import asks, limited
from tsm.store import attendance, config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from socket import socket

    from tsm.patrol.reconcile import Done
    from tsm.patrol.ward import Ward
    from tsm.store.home import Home

_MEASURE_S = 2.0  # between two looks at who has a limit
_EARLY = 256  # messages that are kept


class Surroundings:
    """Opened and closed with the loop; `wards` are all processes that are looked after."""

    def __init__(self, home: Home, wards: Callable[[], Iterable[Ward]]) -> None:
        self.home = home
        self.config = config.CAREFUL
        self._configure()
        self._wards = wards
        self._sockets: list[socket] = []
        # What comes before a run is looked at, and what is of nobody.
        self._early: deque[notify.Heard] = deque(maxlen=_EARLY)
        self._sampler = Sampler()
        self._tasks: list[asyncio.Task[None]] = []
        self._limited = asyncio.Event()  # there is somebody to be measured
        self._logs: LogWatch | None = None

    def open(self) -> None:
        """Listen to what children tell, and begin to measure."""
        loop = asyncio.get_running_loop()
        path = attendance.notify_file(self.home)
        for abstract in (False, True) if notify.address(path) == path else (True,):
            try:
                one = notify.opened(path, abstract=abstract)
            except TsmError as error:
                say(str(error))
                continue
            self._sockets.append(one)
            loop.add_reader(one, self._told, one)
        try:
            self._logs = LogWatch(self.home, lambda: self.config)
        except OSError as error:
            say(f"logs are rotated by patrols alone: {refused(error)}")
        self._tasks = [asyncio.ensure_future(self._sample()), asyncio.ensure_future(self._limit())]

    def close(self) -> None:
        """The end of it."""
        if self._logs is not None:
            self._logs.close()
        for task in self._tasks:
            task.cancel()
        for one in self._sockets:
            asyncio.get_running_loop().remove_reader(one)
            one.close()

    def save_last_words(self, name: str) -> None:
        """Add to the log of a process what a child that has ended wrote elsewhere."""
        if self._logs is not None:
            self._logs.save_last_words(name)

    def reread(self) -> None:
        """Read config.toml again; one that makes no sense changes nothing."""
        self._configure()
        if self._logs is not None:
            self._logs.reread()
        self._tasks[0].cancel()
        self._tasks[0] = asyncio.ensure_future(self._sample())

    def _configure(self) -> None:
        try:
            self.config = config.read(self.home)
        except TsmError as error:
            say(str(error))

    def supervise(self, ward: Ward, done: Done) -> None:
        """Keep asking and measuring as long as the run is the same."""
        process = done.process
        up = process is not None and done.status in ("online", "launching")
        if process is None or not up or process.run is None:
            ward.unsupervise()
            return
        if self._logs is not None:
            self._logs.watch(process.name)
        if ward.supervision is not None and ward.supervision.fits(process):
            return
        ward.unsupervise()
        if asks(process.spec):
            now = ward.supervision = Supervision(self.home, ward, process, process.run)
            self._early = deque((one for one in self._early if not now.told(one)), _EARLY)
            if limited(process.spec):
                self._limited.set()

    def _told(self, one: socket) -> None:
        try:
            for message in notify.drained(one):
                heard = notify.Heard(message, notify.sender(message.pid), time.monotonic())
                supervised = (ward.supervision for ward in self._wards())
                if not any(by is not None and by.told(heard) for by in supervised):
                    self._early.append(heard)
        except OSError as error:
            say(str(refused(error)))

    async def _limit(self) -> None:
        trouble = ""
        while await self._limited.wait():
            await asyncio.sleep(_MEASURE_S)
            try:
                await self._measure()
            except OSError as error:
                trouble = _said(str(refused(error)), trouble)
            else:
                trouble = ""

    async def _measure(self) -> None:
        """Tell those who have a limit what they use; wait for others if there are none."""
        asked = [ward.supervision for ward in self._wards() if ward.supervision is not None]
        measured = [one for one in asked if limited(one.process.spec)]
        if not measured:
            self._limited.clear()
            return
        pids = {one.run.child.pid: one for one in measured if one.run.child}
        found = await aside(lambda: samples(pids, table.processes(), files=False))
        for pid, sample in found.items():
            child = pids[pid].run.child
            if child is not None and child.ticks == sample.ticks:
                pids[pid].measured(sample)

    async def _sample(self) -> None:
        trouble = ""
        while self.config.metrics_interval_s > 0:
            await asyncio.sleep(self.config.metrics_interval_s)
            days, now_s = self.config.metrics_days, time.time()
            try:
                error = await aside(lambda d=days, s=now_s: self._sampler.take(self.home, s, d))  # type: ignore[misc]
            except OSError as none:  # no more threads
                error = refused(none)
            for ward in self._wards():
                ward.sample = self._sampler.last(ward.name)
            trouble = _said(str(error or ""), trouble)


def _said(text: str, before: str) -> str:
    """The text, which is said unless it is that of before, or empty."""
    if text not in ("", before):
        say(text)
    return text
