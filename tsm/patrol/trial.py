"""Processes on trial: those of `tsm dev`, which go when their command goes."""

from __future__ import annotations

from tsm.errors import Broken, NoSuchProcess, Usage
from tsm.model import Identity
from tsm.osproc import table
from tsm.patrol import begin
from tsm.patrol.bring_up import launch_held
from tsm.patrol.hold import held_all
from tsm.patrol.process import salvaged
from tsm.patrol.take_down import STOP, take_down
from tsm.record import changed
from tsm.spec import Restart, Watch
from tsm.store import definitions, documents, environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.errors import TsmError
    from tsm.patrol.process import Process
    from tsm.spec import Spec
    from tsm.store.home import Home

PREFIX = "dev-"
_OWNER = "dev"  # the key of spec.json that tells whose the process is
_LOCK_S = 60.0
_STEM = 52  # of 64 characters, so that there is room for a number and a port


def free_name(home: Home, stem: str) -> str:
    """A name for a trial of that program that no process has."""
    stem = f"{PREFIX}{stem[:_STEM]}".rstrip(".-_")
    taken = set(home.names())
    numbers = iter(range(2, len(taken) + 3))
    name = stem
    while any(one == name or one.startswith(f"{name}-") for one in taken):
        name = f"{stem}-{next(numbers)}"
    return name


def on_trial(spec: Spec, pid: int) -> Spec:
    """The definition as that of a trial: owned by the command `pid`, started by nobody else."""
    row = table.lookup(pid)
    owner = [table.boot_id(), pid, row.ticks if row is not None else 0]
    return changed(spec, restart=Restart("no"), watch=Watch(), other={_OWNER: owner})


def abandoned(home: Home) -> list[str]:
    """The trials whose command has been killed."""
    boot = table.boot_id()
    found = []
    for name in home.names():
        if not name.startswith(PREFIX):
            continue
        try:
            owner = documents.read_spec(home, name).other.get(_OWNER)
        except (Broken, Usage):
            continue
        if isinstance(owner, list) and len(owner) == 3:
            was = Identity(*owner)
            if not table.alive(was, boot):
                found.append(name)
    return found


def remove(home: Home, names: list[str]) -> list[TsmError]:
    """End them, and leave nothing of them but what the journal tells. Returns what went wrong."""
    with held_all(home, names, _LOCK_S, salvaged) as held:
        for name in take_down(home, held, STOP, lambda _text: None):
            definitions.forget(home, name)
            held.locks[name].retire()
        return [one for one in held.problems if not isinstance(one, NoSuchProcess)]


def again(home: Home, name: str) -> Process:
    """End the run and begin the next. Raises what keeps it from that.

    What can be known before leaves the run alone, else it stays down.
    """
    with held_all(home, [name], _LOCK_S) as held:
        for process in held.processes.values():
            begin.check(home, process.spec, environment.read(home, name))
        ended = take_down(home, held, STOP, lambda _text: None)
        for problem in held.problems:
            raise problem
        launched = launch_held(home, [ended[name].process], "restart")
        for problem in launched.problems:
            raise problem
        return launched.started[0]
