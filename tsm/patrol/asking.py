"""Asking and measuring once what a resident patrol asks again and again: for cron."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial

from tsm.errors import Broken, TsmError
from tsm.model import Renew
from tsm.osproc import table
from tsm.osproc.accounts import account
from tsm.osproc.world import Seen, User, World
from tsm.patrol import verdicts
from tsm.patrol.process import load, situation
from tsm.patrol.reconcile import Done, renew
from tsm.patrol.sampling import Sampler, due
from tsm.patrol.side_by_side import outcomes
from tsm.policy import excess
from tsm.policy.health import Verdict, judged, printable
from tsm.policy.supervised import asks, limited
from tsm.store import config, environment, health, log_index, logs, rotated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.model import Run
    from tsm.patrol.process import Process
    from tsm.spec import Probe
    from tsm.store.home import Home

_LOCK_S = 5.0
_TOLD = ("heartbeat", "notify")  # of these, one look tells nothing


def world(home: Home, process: Process, run: Run) -> World:
    """What the probes of one run need to know. Raises Refused if its user is no more."""
    who = account(process.spec.limits)
    return World(
        name=process.name,
        cwd=process.spec.cwd,
        environ=environment.read(home, process.name),
        directory=home.process(process.name),
        began_s=run.time_s,
        heartbeat=home.file(process.name, "heartbeat"),
        seen=Seen(health.watchdog_s(home, process.name, run.id)),
        streams=logs.streams(home, process.name),
        began_bytes=dict(zip(logs.STREAMS, run.logs, strict=True)),
        log_begin=lambda stream: log_index.begin(home, process.name, stream),
        rotated=lambda stream, first, last: rotated.between(
            logs.current(home, process.name, stream), first, last, []
        ),
        user=None if who is None else User(who.uid, who.gid, who.groups),
    )


def ask_once(home: Home, names: Sequence[str]) -> list[Done]:
    """Ask and measure each of them once, side by side; what came of it where a run was replaced.

    Takes the locks. What cannot be asked is passed over.
    """
    asked = [one for one in (_up(home, name) for name in names) if one is not None]
    over = [partial(renew, home, process, step, _LOCK_S) for process, step in _over_limits(asked)]
    done = [one for one in outcomes(over) if isinstance(one, Done)]
    probed = [one for one in asked if one.spec.ready.check or one.spec.health.check]
    if probed:
        import asyncio  # dear to import, as what is asked with it

        done += [one for one in asyncio.run(_asked(home, probed)) if one is not None]
    return done


def sample_once(home: Home) -> TsmError | None:
    """Add a sample of each process that is up, if it is time for one; what kept it from that."""
    now_s = time.time()
    try:
        settings = config.read(home)
    except Broken as error:
        return error
    if not due(home, now_s, settings.metrics_interval_s):
        return None
    return Sampler().take(home, now_s, settings.metrics_days)


def _up(home: Home, name: str) -> Process | None:
    """The process, if it is up and there is something to be asked of it."""
    with suppress(TsmError):
        process = load(home, name)
        at = situation(process, table.boot_id())
        if asks(process.spec) and at.child_lives and process.down is None and not at.paused:
            return process
    return None


def _over_limits(asked: Sequence[Process]) -> list[tuple[Process, Renew]]:
    """Who uses more memory than allowed; of processor time one sample tells nothing."""
    pids = {
        one.run.child.pid: one
        for one in asked
        if limited(one.spec) and one.run is not None and one.run.child is not None
    }
    if not pids:
        return []
    from tsm.osproc.sample import samples

    found = samples(pids, table.processes(), files=False)
    over = []
    for pid, sample in found.items():
        before = excess.Excess(memory_count=excess.SAMPLES)
        limits = pids[pid].spec.limits
        _, step = excess.measured(before, limits, sample.at_s, sample.rss_bytes, None)
        if step is not None:
            over.append((pids[pid], step))
    return over


async def _asked(home: Home, probed: Sequence[Process]) -> list[Done | None]:
    import asyncio

    return await asyncio.gather(*(_probed(home, one) for one in probed))


async def _probed(home: Home, process: Process) -> Done | None:
    run, spec = process.run, process.spec
    if run is None:
        return None
    from tsm.osproc import probes

    with suppress(TsmError):
        here = world(home, process, run)
        if spec.ready.check is not None and not run.ready:
            answer = await probes.ask(spec.ready, here, ready=True)
            if answer.ok:
                verdicts.note_ready(home, process)
            else:
                said = Verdict(output=printable(answer.output))
                verdicts.note_health(home, process, Verdict(), said)
            return None
        return await _health(home, process, spec.health, here)
    return None


async def _health(home: Home, process: Process, probe: Probe, here: World) -> Done | None:
    if probe.check is None or probe.check in _TOLD:
        return None
    import asyncio

    from tsm.osproc import probes

    former = verdicts.known(home, process)
    answer = await probes.ask(probe, here)
    verdict = judged(former, probe, max(0.0, time.time() - here.began_s), answer)
    verdicts.note_health(home, process, former, verdict)
    if verdict.state == "unhealthy" and probe.restart:
        step = Renew("unhealthy", f"{probe.check}: {verdict.output}")
        return await asyncio.to_thread(renew, home, process, step, _LOCK_S)
    return None
