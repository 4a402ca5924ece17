"""One process as it stands: its files, and what the kernel says of them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tsm.errors import Broken
from tsm.osproc import signals, table
from tsm.policy import limits
from tsm.policy.state import Situation
from tsm.store import documents, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.model import Meta, Run, Spec
    from tsm.store.home import Home


@dataclass(frozen=True, slots=True)
class Process:
    """What the files of one process say."""

    spec: Spec
    meta: Meta
    run: Run | None
    down: str | None

    @property
    def name(self) -> str:
        """The full name, that of the process directory."""
        return self.spec.name


def load(home: Home, name: str) -> Process:
    """Read all files of a process. Raises Broken, naming the file, when one makes no sense."""
    spec = documents.read_spec(home, name)
    what = limits.problem(spec)
    if what is None and spec.name != name:
        what = f"name {spec.name!r}: should be {name!r}, like the directory"
    if what is None and signals.number(spec.stop_signal) is None:
        what = f"stop_signal {spec.stop_signal!r}: no such signal"
    if what is not None:
        message = f"{home.file(name, 'spec.json')}: {what}"
        raise Broken(message)
    meta = documents.read_meta(home, name)
    return Process(spec, meta, runs.read(home, name), runs.wanted_down(home, name))


def situation(process: Process, boot: str) -> Situation:
    """What the policy needs to know, with the kernel asked just now."""
    run = process.run
    return Situation(
        rule=process.spec.restart,
        down=process.down,
        run=run,
        boot=boot,
        child_lives=run is not None and table.alive(run.child, boot),
        launcher_lives=run is not None and table.alive(run.launcher, boot),
        now_s=time.time(),
    )
