"""The launcher of a run, from before that begins until it has the word."""

from __future__ import annotations

import os

from tsm.errors import Refused
from tsm.osproc import cgroups, notify, spawn, table, younger
from tsm.patrol import presence
from tsm.policy import signs
from tsm.record import changed
from tsm.store import attendance, environment, runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.model import Run
    from tsm.patrol.process import Process
    from tsm.spec import Spec
    from tsm.store.home import Home


class Launch:
    """The launcher of the next run of a process. The caller holds the lock of that.

    It can be spawned while the end of the last run is still being seen to, so that it has
    started up when its child gets the word. Closed without that, it ends: nothing has begun.
    """

    def __init__(self, home: Home, process: Process) -> None:
        self.run_id = os.urandom(8).hex()
        self.tasks = 0
        self.cgroup: str | None = None
        self._home = home
        self._process = process
        self._pid = 0
        self._record = self._word = -1
        self._begun = False

    def spawn(self) -> None:
        """Spawn it, unless that was done; its child waits. Raises Broken, Refused, OSError."""
        if self._word >= 0:
            return
        home, name, spec = self._home, self._process.name, self._process.spec
        environ = environment.read(home, name)
        environ.update(_signs(home, spec, environ))
        environ[b"TSM_RUN"] = self.run_id.encode("ascii")
        self.tasks = younger.tasks_made()
        if spec.limits.cgroup and self.cgroup is None:
            self.cgroup = cgroups.made(spec.limits.cgroup, name, self.run_id)
        if self._record < 0:
            self._record = runs.prepare(home, name)
        directory = home.process(name)
        self._pid, self._word = spawn.launch(spec, environ, directory, self._record, self.cgroup)

    def go(self, head: Run) -> None:
        """Put the head of the run in place, and let the child begin. Raises Refused, OSError."""
        home, name = self._home, self._process.name
        launcher = table.identity(self._pid, head.boot)
        if launcher is None:
            message = f"{name}: its launcher has ended: out of processes or memory?"
            raise Refused(message)
        runs.begin(home, name, self._record, changed(head, launcher=launcher))
        runs.want_up(home, name)
        spawn.give_word(self._word)
        self._begun = True

    def close(self) -> None:
        """Leave it to itself; without the word, nothing of it is to stay."""
        for fd in (self._word, self._record):
            if fd >= 0:
                os.close(fd)
        if self._record >= 0 and not self._begun:
            runs.give_up(self._home, self._process.name)
        if self.cgroup is not None and not self._begun:
            cgroups.remove(self.cgroup)


def _signs(home: Home, spec: Spec, environ: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """How the child can tell of itself, where somebody is there to listen."""
    address = None
    if signs.checks(spec, "notify") and presence.stays(home):
        presence.require(home)
        to_user = spec.limits.user is not None
        address = notify.address(attendance.notify_file(home), abstract=to_user)
    return signs.signs(spec, environ, address, home.file(spec.name, "heartbeat"))
