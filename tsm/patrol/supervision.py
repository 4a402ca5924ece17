"""What is asked and measured of one run while it goes on."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

from tsm.errors import TsmError, refused
from tsm.model import Renew
from tsm.osproc import probes, table
from tsm.osproc.notify import of_run, told_after
from tsm.osproc.sample import percent_since
from tsm.patrol import verdicts
from tsm.patrol.asking import world
from tsm.patrol.reconcile import Done, reconcile, renew
from tsm.patrol.resident_log import say
from tsm.policy import excess, feedback
from tsm.policy.health import Verdict, judged
from tsm.record import changed
from tsm.store import log_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tsm.model import Run
    from tsm.osproc.notify import Heard
    from tsm.osproc.sample import Sample
    from tsm.patrol.process import Process
    from tsm.patrol.ward import Ward
    from tsm.spec import Probe
    from tsm.store.home import Home

    Act = Callable[[], Done]

_LOCK_S = 30.0
_AGAIN_S = 10.0


class Supervision:
    """The probes, limits and watched files of one run, each in a task of its own."""

    def __init__(self, home: Home, ward: Ward, process: Process, run: Run) -> None:
        self.home = home
        self.process = process
        self.run = run
        self.verdict = verdicts.known(home, process)
        self._ward = ward
        self._world = world(home, process, run)
        self._told = asyncio.Event()
        self._watchdog_s = self._world.seen.told.watchdog_s  # as it is written down
        self._excess = excess.Excess()
        self._former: Sample | None = None
        self._renewed = False
        spec = process.spec
        parts = (
            (spec.ready.check is not None and not run.ready, self._await_ready),
            (spec.health.check is not None, self._ask_health),
            (bool(spec.watch.paths), self._watch),
        )
        self._tasks = [asyncio.ensure_future(self._guarded(part)) for on, part in parts if on]

    def fits(self, process: Process) -> bool:
        """Whether it is still about the same run, and the same definition."""
        same = process.run is not None and process.run.id == self.run.id
        return same and process.spec == self.process.spec

    def cancel(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()

    def told(self, heard: Heard) -> bool:
        """Hear what a process has said, if it is of this run; False if it is not."""
        if not of_run(heard.sender, self.run, table.boot_id()):
            return False
        self._world.seen.told = told_after(self._world.seen.told, heard.message, heard.at_s)
        self._told.set()
        return True

    def measured(self, sample: Sample) -> None:
        """Hear what the run uses."""
        percent = percent_since(self._former, sample)
        self._former = sample
        limits = self.process.spec.limits
        self._excess, step = excess.measured(
            self._excess, limits, sample.at_s, sample.rss_bytes, percent
        )
        if step is not None:
            self._renew(step)

    async def _guarded(self, part: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do a part of it, anew after what may pass: a machine that has run out of something."""
        while True:
            try:
                return await part()
            except TsmError as error:
                return say(f"{self.process.name}: {error}")
            except OSError as error:
                say(f"{self.process.name}: {refused(error)}")
            await asyncio.sleep(_AGAIN_S)

    async def _await_ready(self) -> None:
        probe, said = self.process.spec.ready, ""
        while not (verdict := await self._answer(probe, ready=True)).ready:
            if verdict.output != said:
                said = verdict.output
                self._note(Verdict(), changed(self.verdict, output=said))
            await self._pause(probe, ready=True)
        self._act(lambda: verdicts.note_ready(self.home, self.process))

    async def _ask_health(self) -> None:
        spec = self.process.spec
        while True:
            await self._pause(spec.health, ready=False)
            self._note_watchdog()
            if spec.ready.check is not None and not self._is_ready():
                continue
            former, self.verdict = self.verdict, await self._answer(spec.health, ready=False)
            if self.verdict != former:
                self._note(former, self.verdict)
            if self.verdict.state == "unhealthy" and spec.health.restart:
                self._renew(Renew("unhealthy", f"{spec.health.check}: {self.verdict.output}"))

    def _is_ready(self) -> bool:
        done = self._ward.done
        run = done.process.run if done is not None and done.process is not None else None
        return run is not None and run.ready

    def _note(self, former: Verdict, now: Verdict) -> None:
        self._act(lambda: verdicts.note_health(self.home, self.process, former, now))

    def _note_watchdog(self) -> None:
        """Write down how long the run may be silent, where that has changed."""
        said_s = self._world.seen.told.watchdog_s
        if said_s != self._watchdog_s:
            self._watchdog_s = said_s
            self._act(lambda: verdicts.note_watchdog(self.home, self.process, said_s))

    async def _answer(self, probe: Probe, *, ready: bool) -> Verdict:
        former = Verdict() if ready else self.verdict
        if self._paused():
            return former
        answer = await probes.ask(probe, self._world, ready=ready)
        uptime_s = max(0.0, time.time() - self.run.time_s)
        return former if self._paused() else judged(former, probe, uptime_s, answer)

    def _paused(self) -> bool:
        row = table.living(self.run.child, table.boot_id())
        return row is None or row.state in "Tt"

    async def _pause(self, probe: Probe, *, ready: bool) -> None:
        """Wait for the next time to ask; what a process tells of itself is not waited for."""
        self._told.clear()
        told = self._world.seen.told
        waits = probe.check == "notify" and (ready or not told.trigger)
        try:
            async with asyncio.timeout(probe.interval_s):
                if waits:
                    await self._told.wait()
                else:
                    await asyncio.sleep(probe.interval_s)
        except TimeoutError:
            pass

    async def _watch(self) -> None:
        from tsm.osproc.watch import changes

        watch = self.process.spec.watch
        async with aclosing(changes(watch, self.home.root)) as batches:
            async for batch in batches:
                paths = batch - self._ward.own
                paths -= log_paths.among(self.home, paths)  # logs restart nobody
                if paths and not self._paused() and not self._loops(paths):
                    self._renew(Renew("watch", f"{min(paths)} changed"))

    def _loops(self, paths: frozenset[str]) -> bool:
        """Whether its starts seem to change what it is restarted for: named, once."""
        history, at_s = self._ward.changes, time.time() - self.process.spec.watch.delay_s
        history.append(feedback.Change(self.run.time_s, at_s, paths))
        del history[: -feedback.RESTARTS]
        written = feedback.loop_suspected(history)
        if written is None:
            return False
        history.clear()
        self._ward.own.add(written)
        why = f"{feedback.sentence(written)}: see --ignore"
        say(f"{self.process.name}: {why}")
        self._act(lambda: verdicts.note_loop(self.home, self.process, why))
        return True

    def _renew(self, step: Renew) -> None:
        """Replace the run, once; what could not be done is tried when it is asked for again."""
        if not self._renewed:
            self._renewed = True
            self._ward.act(lambda: self._replaced(step))

    def _replaced(self, step: Renew) -> Done:
        try:
            return renew(self.home, self.process, step, _LOCK_S)
        except (TsmError, OSError):
            self._renewed = False
            raise

    def _act(self, note: Callable[[], None]) -> None:
        def act() -> Done:
            note()
            return reconcile(self.home, self.process.name, _LOCK_S, self._ward.sample)

        self._ward.act(act)
