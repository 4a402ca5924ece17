"""One peer, running, and what the rows do with it while they watch."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from lab import proc
from lab.measure import spawn, told
from lab.trouble import Trouble
from lab.watch import Watch

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lab.child import Door, Program
    from lab.site import Command, Site
    from peers.peer import Peer

LOOK_S = 1.0
REST_S = 0.05  # of processor time, from look to look: a module of pm2 looks each second
SETTLE_S = 120.0


@runtime_checkable
class Resident(Protocol):
    """A peer that has managers which do not carry its mark."""

    def residents(self) -> list[int]:
        """Answer their pids."""


@dataclass(frozen=True, slots=True)
class Stand:
    """One peer, running, with the programs it knows and the door they report at."""

    peer: Peer
    site: Site
    door: Door
    programs: Sequence[Program]

    @property
    def names(self) -> list[str]:
        """Answer the names of the programs."""
        return [program.name for program in self.programs]

    def start(self, program: Program) -> Watch:
        """Start one program; answer the times, and its report with its pid."""
        with Watch(self.door) as watch:
            watch.for_reports([program.name])
            watch.begin()
            self._run(self.peer.start(program), watch)
        return watch

    def start_all(self) -> tuple[list[int], Watch]:
        """Start all programs the way this peer does many; answer their pids and the times."""
        self.peer.ready_all()
        with Watch(self.door) as watch:
            watch.for_reports(self.names)
            watch.begin()
            command = self.peer.start_all()
            if self.peer.start_all_returns:
                self._finish(["start of all"], command, watch)
            else:
                watch.wait()
        return [watch.pid(name) for name in self.names], watch

    def stop_all(self, pids: Iterable[int]) -> Watch:
        """Stop all programs, whose pids are `pids`; answer the times."""
        with Watch(self.door) as watch:
            watch.for_ends(pids)
            watch.begin()
            self._run(self.peer.stop_all(), watch)
        return watch

    def remove(self, program: Program, pid: int) -> None:
        """Undo `start`; returns when `pid` is gone."""
        with Watch(self.door) as watch:
            watch.for_ends([pid])
            self._run(self.peer.remove(program), watch)

    def managers(self, pids: Iterable[int]) -> list[int]:
        """Answer every process of the peer but its children `pids`."""
        children = set(pids)
        marked = proc.marked(self.site.mark(self.peer.name))
        if isinstance(self.peer, Resident):
            marked += self.peer.residents()
        parents = {proc.parent(pid) for pid in children} - {0, 1, os.getpid()}
        return sorted({*marked, *parents} - children)

    def managers_at_rest(self, pids: Iterable[int]) -> list[int]:
        """Wait until the peer is at rest: a start, or what it does after one, is over.

        Then answer as `managers`. Raises Trouble when it never is.
        """
        deadline_s = time.monotonic() + SETTLE_S
        children = list(pids)
        before: list[int] = []
        used_s = 0.0
        while time.monotonic() < deadline_s:
            managers = self.managers(children)
            now_s = proc.cpu_s(managers)
            if managers and managers == before and now_s - used_s <= REST_S:
                return managers
            before, used_s = managers, now_s
            time.sleep(LOOK_S)
        raise Trouble(f"not at rest after {SETTLE_S:g} s")

    def _run(self, command: Command, watch: Watch) -> None:
        self._finish(command.argv, spawn(command, self._log), watch)

    def _finish(self, argv: Sequence[str], command: subprocess.Popen[bytes], watch: Watch) -> None:
        watch.for_return(command)
        try:
            watch.wait()
        finally:
            if command.poll() is None:
                command.kill()
            status = command.wait()
        if status:
            words = self._log.read_text(errors="replace").strip().splitlines()[-1:]
            raise Trouble(f"exit {status} of {told(argv)}: {' '.join(words)}")

    @property
    def _log(self) -> Path:
        return self.site.command_log(self.peer.name)
