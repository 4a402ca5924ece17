"""The scratch folder, the environment of what runs in it, and the mark that finds it again."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import proc
from lab.trouble import Trouble, eventually

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SOCKET_PATH_MAX = 107  # sun_path less its NUL
END_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run, with all of its environment."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path


@dataclass(frozen=True, slots=True)
class Site:
    """Where the benchmark works: `scratch` keeps the peers, `checkout` is the tsm under test."""

    scratch: Path
    checkout: Path

    def install_dir(self, peer: str) -> Path:
        """Answer where `peer` is installed; it stays between runs."""
        return self.scratch / "peers" / peer

    def run_dir(self, peer: str) -> Path:
        """Answer where `peer` works; it is emptied before each use."""
        return self.scratch / "run" / peer

    def command_log(self, peer: str) -> Path:
        """Answer where the last background command of `peer` printed."""
        return self.run_dir(peer) / "command.log"

    def mark(self, peer: str) -> str:
        """Answer the environment entry that finds every process of `peer`, and no other.

        It is HOME, because tsm's launcher clears the environment of what it runs but for a few.
        """
        return f"HOME={self.run_dir(peer)}"

    def env(self, peer: str, path: Path | None = None, **more: str) -> dict[str, str]:
        """Answer a small environment, the same for all peers but for HOME, the mark, and `more`."""
        search = os.environ.get("PATH", os.defpath)
        return {
            "PATH": f"{path}:{search}" if path else search,
            "HOME": str(self.run_dir(peer)),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            **more,
        }

    @property
    def too_long(self) -> bool:
        """Answer whether a socket of a peer would not fit into this scratch folder."""
        longest = self.run_dir("supervisor") / "home/interactor.sock"
        return len(os.fsencode(longest)) > SOCKET_PATH_MAX

    def emptied(self, peer: str) -> Path:
        """Answer the run folder of `peer`, empty and private."""
        folder = self.run_dir(peer)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "home").mkdir(parents=True, mode=0o700)
        return folder

    def end_politely(self, peer: str, daemon: str, number: signal.Signals) -> None:
        """Send `daemon` of `peer` a signal, and wait until all of the peer is gone."""
        for pid in proc.marked(self.mark(peer)):
            with proc.pidfd(pid) as fd:
                if fd is not None and proc.program(pid) == daemon:
                    signal.pidfd_send_signal(fd, number)
        self.await_end(peer)

    def await_end(self, peer: str) -> None:
        """Wait until nothing carries the mark of `peer`; raise Trouble when something stays."""
        eventually(lambda: not proc.marked(self.mark(peer)), "every process ends")

    def end_all(self, peer: str) -> int:
        """Kill whatever carries the mark of `peer`; answer how many there were.

        The oldest go first: a manager that is gone cannot replace its children. Each is
        killed by a pidfd whose mark was read after it was opened, so no stranger is hit.
        """
        ended: set[int] = set()
        deadline = time.monotonic() + END_TIMEOUT_S
        while pids := proc.marked(self.mark(peer)):
            if time.monotonic() > deadline:
                raise Trouble(f"{peer}: pids {pids} do not die")
            for pid in pids:
                with proc.pidfd(pid) as fd:
                    if fd is not None and proc.carries(pid, self.mark(peer)):
                        signal.pidfd_send_signal(fd, signal.SIGKILL)
                        ended.add(pid)
            time.sleep(0.02)
        return len(ended)
