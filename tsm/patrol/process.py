"""One process as it stands: its files, and what the kernel says of them."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from functools import lru_cache

from tsm.errors import Broken
from tsm.model import Identity, Meta
from tsm.osproc import members, signals, table
from tsm.policy import limits, restart
from tsm.policy.state import Situation
from tsm.record import Record, changed
from tsm.spec import Spec
from tsm.store import definitions, documents, runs, saved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.model import OsProcess, Run
    from tsm.store.home import Home


class Process(Record):
    """What the files of one process say."""

    spec: Spec
    meta: Meta
    run: Run | None
    down: str | None

    @property
    def name(self) -> str:
        """The full name, that of the process directory."""
        return self.spec.name

    @property
    def begun(self) -> Meta | None:
        """What meta is to be for the run that has begun; None once that is noted, or before."""
        run, spec = self.run, self.spec
        if run is None or run.begun or run.child is None:
            return None
        return changed(
            self.meta,
            pid=run.child.pid,
            ticks=run.child.ticks,
            boot=run.boot,
            status="online" if spec.ready.check is None else "launching",
            start_time=round(run.time_s, 3),
            health=None if spec.health.check is None else "unknown",
            due=None,
            restarts=run.restarts,
            unstable_restarts=restart.short_runs(spec.restart, run.past) if run.past else 0,
        )


def load(home: Home, name: str) -> Process:
    """Read all files of a process. Raises Broken, naming the file, when one makes no sense."""
    spec, meta = sound_spec(home, name), sound_meta(home, name)
    return Process(spec, meta, sound_run(home, meta), runs.wanted_down(home, name))


def sound_run(home: Home, meta: Meta) -> Run | None:
    """The record of the run. Raises Broken also where it is missing while there is a child."""
    run = runs.read(home, meta.name)
    if run is None and living_child(meta, table.boot_id()) is not None:
        path = home.file(meta.name, "run")
        message = f"{path}: is missing, and the child, pid {meta.pid}, lives"
        raise Broken(message)
    return run


def salvaged(home: Home, name: str) -> Process:
    """What of a broken process is needed to end its run, before it is removed.

    A run record that cannot be read is written anew from what the kernel says; what is no file
    and in the way of one is put aside. The caller holds the lock.
    """
    spec = Spec(name=name, argv=("?",), command="", cwd="/")
    with suppress(Broken):
        spec = sound_spec(home, name)
    meta = definitions.described(definitions.blank(0, "broken"), spec)
    with suppress(Broken):
        meta = sound_meta(home, name)
    run = None
    with suppress(Broken):
        run = runs.read(home, name)
    runs.make_way(home, name)
    if run is None:
        run = members.run_within(home.process(name))
        runs.restore(home, name, run)
    return Process(spec, meta, run, runs.wanted_down(home, name))


def sound_spec(home: Home, name: str) -> Spec:
    """The definition, its values checked as those of a command line are. Raises Broken."""
    path = home.file(name, "spec.json")
    return _sound_spec(path, name, documents.content(path))


@lru_cache(1024)  # a resident reads the same ones again and again
def _sound_spec(path: str, name: str, data: bytes) -> Spec:
    spec = documents.decoded(Spec, documents.parsed(data, path), path)
    what = problem(spec)
    if what is None and spec.name != name:
        what = f"name {spec.name!r}: should be {name!r}, like the directory"
    if what is not None:
        message = f"{path}: {what}"
        raise Broken(message)
    return spec


def sound_meta(home: Home, name: str) -> Meta:
    """The meta of the process of that name. Raises Broken."""
    path = home.file(name, "meta.json")
    return _sound_meta(path, name, documents.content(path))


@lru_cache(1024)  # as above
def _sound_meta(path: str, name: str, data: bytes) -> Meta:
    meta = documents.meta(data, path)
    if meta.name != name:
        message = f"{path}: name {meta.name!r}: should be {name!r}, like the directory"
        raise Broken(message)
    return meta


def child_pid(home: Home, name: str) -> int | None:
    """The pid of the child that meta.json names, if it lives; None also if that makes no sense."""
    try:
        row = living_child(documents.read_meta(home, name), table.boot_id())
    except (Broken, OSError):
        return None
    return None if row is None else row.pid


def living_child(meta: Meta, boot: str) -> OsProcess | None:
    """The child that meta names, if it lives."""
    if meta.pid is None or meta.ticks is None or meta.boot is None:
        return None
    return table.living(Identity(meta.boot, meta.pid, meta.ticks), boot)


def sound_saved(home: Home, save: str) -> list[saved.Saved]:
    """What a saved file holds. Raises Broken if any part of it makes no sense."""
    found = saved.read(home, save)
    names = Counter(one.spec.name for one in found)
    for one in found:
        what = "is there more than once" if names[one.spec.name] > 1 else problem(one.spec)
        if what is not None:
            message = f"{home.save_file(save)}: {one.spec.name}: {what}"
            raise Broken(message)
    return found


def problem(spec: Spec) -> str | None:
    """What is wrong with the definition, with the value and what would do; None if nothing."""
    if signals.number(spec.stop_signal) is None:
        return f"stop-signal {spec.stop_signal!r}: no such signal: try TERM, INT or QUIT"
    return limits.problem(spec)


def situation(process: Process, boot: str, *, attended: bool = False) -> Situation:
    """What the policy needs to know, with the kernel asked just now."""
    run, spec = process.run, process.spec
    child = table.living(run.child if run is not None else None, boot)
    job = spec.schedule.job is not None
    return Situation(
        rule=spec.restart,
        down=process.down,
        run=run,
        boot=boot,
        child_lives=child is not None,
        launcher_lives=run is not None and table.alive(run.launcher, boot),
        now_s=time.time(),
        paused=child is not None and child.state == "T",
        awaits_ready=spec.ready.check is not None,
        schedule=spec.schedule,
        armed_s=process.meta.start_time or 0.0 if job else 0.0,
        attended=attended,
    )
