"""The storm: commands, several at a time, and a killer who spares nobody."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from scene import ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from scene import Done, Member, Scene

CODES = (0, 0, 1, 2, 3, 7, 42, 100)
_BUSY, _TIMED_OUT, _BROKEN, _HUNG = 4, 5, 6, 124
_KILLED_SHARE = 0.3  # of all commands
_KILLED_WITHIN_S = 0.3  # so long does a command take on a machine that is busy
_PATROL_S = 2.0  # how often cron comes: it is a fast one
_STOPPED_S = 4.0  # the longest that a resident is left stopped, most of the time
_ACTS = {  # of the killer -> weight
    "exit": 40,
    "child": 15,
    "launcher": 8,
    "patrol": 10,
    "resident": 4,
    "stop-resident": 2,
}
_COMMANDS = {
    "start": 10,
    "restart": 5,
    "stop": 5,
    "delete": 3,
    "patrol": 1,
    "ls": 1,
    "pause": 1,
    "resume": 2,
}


class Ledger:
    """What was done, and to whom; written by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.killed: set[str] = set()  # runs whose child got SIGKILL
        self.unwatched: set[str] = set()  # runs whose launcher got SIGKILL
        self.seen: set[str] = set()  # runs that were seen alive: name/run
        self.faults: list[str] = []

    def count(self, what: str) -> None:
        """One more of that."""
        with self._lock:
            self.counts[what] += 1

    def see(self, members: list[Member]) -> None:
        """Remember which runs there are."""
        with self._lock:
            self.seen.update(f"{one.name}/{one.run}" for one in members if one.kind == "child")

    def about_to_kill(self, member: Member) -> None:
        """Whoever is killed is told of before, so that no event comes first."""
        with self._lock:
            self.killed.add(member.run)
            if member.kind == "launcher":  # or its child, which looks the same up to its exec
                self.unwatched.add(member.run)

    def blame(self, fault: str) -> None:
        """Something is not as promised."""
        with self._lock:
            self.faults.append(fault)


class Chaos:
    """The threads that make the storm."""

    def __init__(self, scene: Scene, ledger: Ledger, seed: int) -> None:
        self._scene = scene
        self._ledger = ledger
        self._seed = seed
        self._names = list(scene.policies)
        self._over = threading.Event()
        self._resumed_s = 0.0  # until when the resident stays stopped

    def rage(self, seconds: float, workers: int) -> None:
        """Let it rage for so long; returns once all threads have ended."""
        loops: list[Callable[[Random], None]] = [self._command] * workers
        loops += [self._kill, self._cron]
        dice = [Random(f"{self._seed}-{n}") for n in range(len(loops))]  # noqa: S311 # no secret
        threads = [
            threading.Thread(target=self._loop, args=pair) for pair in zip(loops, dice, strict=True)
        ]
        for thread in threads:
            thread.start()
        self._over.wait(seconds)
        self._over.set()
        for thread in threads:
            thread.join()
        self._resume()

    def _loop(self, turn: Callable[[Random], None], dice: Random) -> None:
        while not self._over.is_set():
            turn(dice)

    def _command(self, dice: Random) -> None:
        """One command, killed or not."""
        verb = _drawn(dice, _COMMANDS)
        if verb in ("pause", "resume") and not self._scene.has_pause:
            return
        name = dice.choice(self._names)
        names = dice.sample(self._names, dice.choice((1, 1, 1, 2, 3)))
        argv = self._scene.definition(name) if verb == "start" else (verb, *names)
        command = self._scene.spawn(*argv)
        self._ledger.count("commands")
        if dice.random() < _KILLED_SHARE:
            self._over.wait(dice.random() * _KILLED_WITHIN_S)
            if command.poll() is None:
                command.kill()
                self._ledger.count("commands killed")
        self._judge(ended(command))
        self._over.wait(dice.random() * 0.1)

    def _judge(self, done: Done) -> None:
        wrong = done.status in (_BUSY, _TIMED_OUT, _BROKEN, _HUNG)
        if wrong or "Traceback (most recent call last)" in done.err:
            self._ledger.blame(f"tsm {' '.join(done.argv)}: {done.status}: {done.err[-2000:]}")

    def _kill(self, dice: Random) -> None:
        """One act of the killer."""
        self._over.wait(dice.random() * 0.1)
        if 0 < self._resumed_s < time.monotonic():
            self._resume()
        act = _drawn(dice, _ACTS)
        if act == "exit":
            if self._scene.tell(dice.choice(self._names), dice.choice(CODES)):
                self._ledger.count("exits")
            return
        members = self._scene.members()
        self._ledger.see(members)
        stop = act == "stop-resident"
        victims = [one for one in members if one.kind == ("resident" if stop else act)]
        if not victims:
            return
        victim = dice.choice(victims)
        if stop:
            if self._scene.send(victim, signal.SIGSTOP):
                self._ledger.count("residents stopped")
                self._resumed_s = time.monotonic() + dice.random() * _STOPPED_S
            return
        self._ledger.about_to_kill(victim)
        if self._scene.send(victim, signal.SIGKILL):
            self._ledger.count(f"{act} killed")

    def _resume(self) -> None:
        self._resumed_s = 0.0
        for one in self._scene.members():
            if one.kind in ("resident", "patrol"):
                self._scene.send(one, signal.SIGCONT)

    def _cron(self, _dice: Random) -> None:
        self._over.wait(_PATROL_S)
        self._judge(self._scene.tsm("patrol"))


def _drawn(dice: Random, weights: dict[str, int]) -> str:
    return dice.choices(list(weights), list(weights.values()))[0]
