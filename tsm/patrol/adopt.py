"""Adopting a process of the system that tsm did not start."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from tsm.errors import Broken, Failed, Refused, TsmError, Usage
from tsm.model import Run
from tsm.osproc import preflight, table
from tsm.osproc.stranger import ancestors, launched_as
from tsm.patrol import guard
from tsm.patrol.define import settled
from tsm.patrol.notes import note_begin
from tsm.patrol.process import load
from tsm.policy import effects, words
from tsm.policy.changes import changed_spec
from tsm.policy.environ import composed
from tsm.record import changed
from tsm.spec import Spec
from tsm.store import definitions, lock, log_paths, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.model import Identity
    from tsm.osproc.stranger import Stranger
    from tsm.patrol.process import Process
    from tsm.policy.changes import Changes
    from tsm.store.home import Home


def definition(who: Stranger, name: str | None, changes: Changes) -> Spec:
    """What would run it again as it is now. Raises Usage; Refused if it could not be run again."""
    spec = Spec(
        name=words.full_name(words.default_name(who.argv) if name is None else name, None),
        argv=_argv(who),
        command=" ".join(who.argv),
        cwd=who.cwd if changes.cwd is None else os.path.abspath(changes.cwd),
        umask=who.umask,
    )
    if os.geteuid() == 0 != who.uid:  # as root it would have other rights
        spec = changed(spec, limits=changed(spec.limits, user=str(who.uid), group=str(who.gid)))
    spec = settled(changed_spec(spec, changes))
    what = effects.idle(spec, effects.unusual(spec, changes.settings))
    if what is not None:
        raise Usage(what)
    try:
        preflight.check(spec, environ_of(spec, who))
    except Refused as refusal:
        if spec.restart.when != "no":
            message = f"{refusal}: it could not be restarted; with restart=no it may be attached"
            raise Refused(message) from refusal
    return spec


def _argv(who: Stranger) -> tuple[str, ...]:
    """Its argv, with the file of its program where the first word is no name of one (`-bash`)."""
    first, path = who.argv[0], os.fsdecode(who.environ.get(b"PATH", os.fsencode(os.defpath)))
    titled = len(first.split()) > 1  # it has written over its argv: nobody knows the words
    if titled or preflight.found(first, path, who.cwd) is not None:
        return who.argv
    return (who.program, *who.argv[1:])


def environ_of(spec: Spec, who: Stranger) -> dict[bytes, bytes]:
    """The environment of the next run: the one it was born with, and what was set."""
    return composed(spec, who.environ, {})


def adopt(home: Home, spec: Spec, who: Stranger, lock_timeout_s: float) -> Process:
    """Make it the child of a new process, which is online from then on. Raises Failed, Busy.

    The process appears with its run: a command that is killed leaves none that a patrol would
    start a second time.
    """
    with (
        lock.held(home, lock.ATTACH, lock_timeout_s),
        guard.held(home, spec.name, lock_timeout_s) as held,
    ):
        if definitions.exists(home, spec.name):
            message = f"{spec.name}: there is a process of that name: give another --name"
            raise Failed(message)
        try:
            _check_free(home, who)
            log_paths.check(home, spec)
            definitions.create(home, spec, environ_of(spec, who), run=_run(who))
        except (TsmError, OSError):
            held.retire()
            raise
        return note_begin(home, load(home, spec.name))


def _run(who: Stranger) -> Run:
    """Its life so far, as a run that no launcher knows of.

    A TSM_RUN that it carries from elsewhere is kept: its descendants carry the same.
    """
    carried = who.environ.get(b"TSM_RUN", b"").decode("ascii", "replace")
    known = len(carried) == 16 and carried.isascii() and carried.isalnum()
    return Run(
        id=carried if known else os.urandom(8).hex(),
        boot=who.identity.boot,
        time_s=time.time() - table.uptime_s(who.identity.ticks),
        why="attach",
        child=who.identity,
    )


def _check_free(home: Home, who: Stranger) -> None:
    """Raise Failed if a run has it already, or if it has a run itself."""
    pid, boot = who.identity.pid, who.identity.boot
    for name, run in _living(home, boot).items():
        if _belongs(who, run):
            message = f"pid {pid}: belongs to the process {name} already"
            raise Failed(message)
        if run.child is not None and pid in ancestors(run.child.pid):
            message = (
                f"pid {pid}: is a parent of the process {name}, which would be stopped with it"
            )
            raise Failed(message)
    elsewhere = launched_as(who.ancestors)
    if elsewhere is not None:
        message = f"pid {pid}: belongs to the process {elsewhere} of another home of tsm"
        raise Failed(message)


def _living(home: Home, boot: str) -> Mapping[str, Run]:
    found = {}
    for name in home.names():
        with suppress(Broken):
            run = runs.read(home, name)
            if run is not None and run.boot == boot and run.ended_s is None:
                found[name] = run
    return found


def _belongs(who: Stranger, run: Run) -> bool:
    ones: list[Identity] = [one for one in (run.child, run.launcher) if one is not None]
    ones = [one for one in ones if table.alive(one, run.boot)]
    carried = who.environ.get(b"TSM_RUN", b"") == run.id.encode("ascii", "replace")
    sessions = [run.child.pid] if run.child in ones and run.child is not None else []
    return carried or who.session in sessions or any(one.pid in who.ancestors for one in ones)
