"""The resident patrol: the same looks at processes, taken when something happens.

It holds nothing that the files do not hold as well: once it is killed, cron or the launcher of
whoever ends next looks in its place, and the next command brings another.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tsm.errors import Broken, Busy, Refused, TsmError, refused
from tsm.osproc import notify, offspring, spawn, table
from tsm.patrol.end import dismiss_launchers
from tsm.patrol.reconcile import Done, reconcile
from tsm.patrol.resident_log import rotate_log
from tsm.patrol.surroundings import Surroundings
from tsm.patrol.ward import Ward
from tsm.quantities import counted
from tsm.store import attendance, lock, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from tsm.store.home import Home
    from tsm.store.lock import Lock

_BEAT_S = 10.0
_LOCK_S = 5.0  # how long a look waits for a command that is at work on the process
_LOOKS = 32  # so many at once: each may have to wait for a process to end
_PLACE_S = 30.0  # how long a predecessor may take to leave
_UP = ("online", "launching", "paused", "waiting")


class Resident:
    """The loop. All but the looks themselves is done in its one thread."""

    def __init__(self, home: Home, say: Callable[[str], None], *, stays: bool) -> None:
        self.home = home
        self.say = say
        self._stays = stays  # also where there is nothing to wait for
        self._wards: dict[str, Ward] = {}
        self._looks = ThreadPoolExecutor(_LOOKS, "look")
        self._over = asyncio.Event()
        self._dismissed = False  # by a signal, or the home is gone
        self._fifo = -1
        self._surroundings = Surroundings(home, self._wards.values)

    async def serve(self) -> None:
        """Look after all processes until nothing is left to wait for, or SIGTERM comes."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._dismiss)
        loop.add_signal_handler(signal.SIGHUP, self._reread)
        loop.add_signal_handler(signal.SIGCHLD, offspring.bury)
        me = table.lookup(os.getpid())
        attendance.write(self.home, os.getpid(), me.ticks if me is not None else 0)
        self._beat()
        self._surroundings.open()
        while True:
            self._listen()
            self._look_at_all()
            notify.tell("READY=1")
            self._leave_if_idle()
            await self._over.wait()
            self._listen_no_more()  # from here on, whoever rings is told that nobody is there
            if self._dismissed or not any(self._overlooked()):
                break
            self._over.clear()
        notify.tell("STOPPING=1")
        for ward in self._wards.values():
            ward.let_go()
            ward.unsupervise()
        self._surroundings.close()
        self._looks.shutdown(wait=True, cancel_futures=True)

    def look(self, name: str) -> None:
        """Look at one process soon; what happens during a look leads to another."""
        ward = self._wards.get(name)
        if ward is None:
            ward = self._wards[name] = Ward(name, self._woken)
        self._woken(ward)

    def _woken(self, ward: Ward) -> None:
        if ward.looking:
            ward.again = True
            return
        if self._over.is_set():
            return
        ward.looking = True
        act = (
            ward.acts.pop(0)
            if ward.acts
            else partial(reconcile, self.home, ward.name, _LOCK_S, ward.sample)
        )
        try:
            future = self._looks.submit(self._acted, ward.name, act)
        except RuntimeError as error:  # no more threads
            ward.looking = False
            self._complain(ward, Refused(f"{ward.name}: {error}"))
            return
        tell = asyncio.get_running_loop().call_soon_threadsafe
        future.add_done_callback(lambda done: tell(self._looked, ward, done))

    def _acted(self, name: str, act: Callable[[], Done]) -> Done:
        """One act, in a thread of its own; the launcher of a run that is over is sent home."""
        self._surroundings.save_last_words(name)
        done = act()
        if done.over is not None:
            dismiss_launchers([done.over])
        return done

    def _looked(self, ward: Ward, future: Future[Done]) -> None:
        ward.looking = False
        if future.cancelled() or self._dismissed:
            return
        ward.let_go()
        try:
            self._attend(ward, future.result())
        except Busy:
            self._woken(ward)
            return
        except (TsmError, OSError) as error:
            self._complain(ward, error)
        if ward.again or ward.acts:
            ward.again = False
            if self._wards.setdefault(ward.name, ward) is ward:
                self._woken(ward)
        self._leave_if_idle()

    def _attend(self, ward: Ward, done: Done) -> None:
        """Arrange to be woken for the process when there is something to be done."""
        ward.done = done
        if done.action:
            self.say(f"{ward.name}: {done.action} ({done.reason})")
        if done.process is None:
            ward.unsupervise()
            self._wards.pop(ward.name, None)
            return
        if done.due_s is not None:
            ward.wake_in(done.due_s - time.time())
        run = done.process.run
        if done.status in _UP and run is not None and not (done.due_s and done.status == "waiting"):
            one = run.launcher if run.child is None else run.child
            if one is not None and one.boot == table.boot_id():
                ward.await_end(one)
        self._surroundings.supervise(ward, done)
        ward.succeeded()

    def _complain(self, ward: Ward, error: TsmError | OSError) -> None:
        text = str(error if isinstance(error, TsmError) else refused(error))
        if text != ward.trouble:
            ward.trouble = text
            self.say(text)
        if not isinstance(error, Broken):  # that needs somebody who mends it
            ward.failed()

    def _leave_if_idle(self) -> None:
        if not (self._stays or any(ward.needed for ward in self._wards.values())):
            self._over.set()

    def _overlooked(self) -> Iterator[str]:
        """The processes that are not as they were at the last look, though nobody has rung.

        A command was killed before it could, or it did when nobody listened any more.
        """
        for name in self._names():
            ward = self._wards.get(name)
            if ward is None:
                yield name
                continue
            if ward.done is None or ward.done.process is None:
                continue
            was, paused = ward.done.process, ward.done.status == "paused"  # kill -CONT ends that
            try:
                run, down = runs.read(self.home, name), runs.wanted_down(self.home, name)
            except Broken:
                continue
            if paused or (run and run.id, down) != (was.run and was.run.id, was.down):
                yield name

    def _listen(self) -> None:
        fifo = attendance.listen(self.home)
        self._listen_no_more()
        self._fifo = fifo
        asyncio.get_running_loop().add_reader(fifo, self._rung)

    def _listen_no_more(self) -> None:
        if self._fifo >= 0:
            asyncio.get_running_loop().remove_reader(self._fifo)
            os.close(self._fifo)
            self._fifo = -1

    def _rung(self) -> None:
        names = attendance.heard(self._fifo)
        for name in self._names() if names is None else names:
            self.look(name)

    def _names(self) -> list[str]:
        """The processes there are; those that were there before, where that cannot be read."""
        try:
            return self.home.names()
        except OSError as error:
            self.say(str(refused(error)))
            return list(self._wards)

    def _catch_up(self) -> None:
        if not attendance.listens(self.home, self._fifo):
            self._listen()  # somebody has removed it: nobody could ring
            self._look_at_all()
            return
        for name in self._overlooked():
            if lock.holder(self.home, name) is None:  # else that command is to ring
                self.look(name)

    def _dismiss(self) -> None:
        self._dismissed = True
        self._over.set()

    def _reread(self) -> None:
        self._surroundings.reread()
        self._look_at_all()

    def _look_at_all(self) -> None:
        for name in self._names():
            self.look(name)

    def _beat(self) -> None:
        """Show that it lives, and see to what it needs for that. Goes on whatever fails."""
        asyncio.get_running_loop().call_later(_BEAT_S, self._beat)
        notify.tell(f"WATCHDOG=1\nSTATUS=looks after {counted(len(self._wards), 'process', 'es')}")
        try:
            if not attendance.beat(self.home, os.getpid()):
                self._dismiss()  # the home is gone, or somebody else's
                return
            if self._fifo >= 0:
                self._catch_up()
            rotate_log(self.home)
        except OSError as error:
            self.say(str(refused(error)))


def serve(home: Home, place: Lock, say: Callable[[str], None], *, stays: bool) -> None:
    """Be the resident patrol of the home; `place` is the lock that makes it the only one.

    With `stays` until it is told to end, else until there is nothing to wait for.
    """
    import tsm.patrol.unreported  # noqa: F401 - the first crash does not wait for it

    spawn.get_ready()  # nor for this
    gc.freeze()  # what is loaded by now stays: it need not be looked through for garbage
    try:
        asyncio.run(_serve(home, say, stays=stays))
    finally:
        attendance.leave(home, os.getpid())
        place.release()


async def _serve(home: Home, say: Callable[[str], None], *, stays: bool) -> None:
    await Resident(home, say, stays=stays).serve()


def place(home: Home) -> Lock | None:
    """The lock of the resident; None if another is at work, and stays."""
    deadline_s = time.monotonic() + _PLACE_S
    while True:
        try:
            return lock.take(home, attendance.LOCK, 0.0)
        except Busy:
            if attendance.ring(home, ()) or time.monotonic() > deadline_s:
                return None
            time.sleep(0.02)
