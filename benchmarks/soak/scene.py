"""A scratch home with some processes, the command `tsm` in it, and who lives there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CHILD = Path(__file__).with_name("child.sh")
_HELPER = ["sleep", "86399"]  # of a child
_POLICIES = ("always", "on-failure", "unless-stopped", "no")
_COMMAND_S = 120.0  # no command may take longer: the lock is waited for 60 s


@dataclass(frozen=True, slots=True)
class Member:
    """One OS process that belongs to the home."""

    pid: int
    kind: str  # "child", "launcher", "nap" (a launcher's), "resident", "patrol", "other"
    name: str  # of the process; empty for what belongs to none
    run: str  # its TSM_RUN; empty as well


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    argv: tuple[str, ...]
    status: int  # below 0: by that signal
    out: str
    err: str


class Scene:
    """The home, and `count` names of processes, a quarter of them with each restart policy."""

    def __init__(self, scratch: Path, count: int, *, resident: bool) -> None:
        self.home = scratch / "home"
        self.codes = scratch / "codes"  # the file of each run holds its intended exit code
        self._fifos = scratch / "fifos"
        for folder in (self.home, self.codes, self._fifos):
            folder.mkdir(mode=0o700)
        if not resident:
            (self.home / "config.toml").write_text('patrol = "cron"\n')
        self.policies = {f"p{n}": _POLICIES[n % len(_POLICIES)] for n in range(count)}
        for name in self.policies:
            os.mkfifo(self._fifos / name)
        self._mark = f"TSM_HOME={self.home}".encode()
        path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
        self._env = {"HOME": str(scratch), "PATH": path, "TSM_HOME": str(self.home)}
        self.has_pause = "\n  pause " in self.tsm("--help").out

    def spawn(self, *argv: str) -> subprocess.Popen[str]:
        """Begin `tsm ARGV...`."""
        return subprocess.Popen(
            ["tsm", *argv],
            env=self._env,
            cwd=self._env["HOME"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl-C is for the soak alone
        )

    def tsm(self, *argv: str) -> Done:
        """Run `tsm ARGV...` to its end."""
        return ended(self.spawn(*argv))

    def definition(self, name: str) -> tuple[str, ...]:
        """The arguments that define and start a process; delays are short, so that much happens."""
        helpers = str(int(int(name[1:]) % 5 == 0))
        child = (*("sh", str(_CHILD), str(self._fifos / name), str(self.codes)), helpers)
        pace = ("--min-uptime", "0", "--delay", "0.1", "--max-delay", "0.5", "--stop-timeout", "5")
        return ("start", "--name", name, "--restart", self.policies[name], *pace, "--", *child)

    def tell(self, name: str, code: int) -> bool:
        """Tell the child of a process to exit with that code; False if none was listening."""
        try:
            fd = os.open(self._fifos / name, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            os.write(fd, f"{code}\n".encode())
        except BrokenPipeError:  # it was killed just now
            return False
        finally:
            os.close(fd)
        return True

    def members(self) -> list[Member]:
        """Everybody who carries the mark of the home. Zombies do not."""
        resident = self.resident()
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
        found = (self._member(pid, resident) for pid in pids)
        return [one for one in found if one is not None]

    def resident(self) -> int | None:
        """The pid that the resident patrol has written down; it may be dead."""
        with suppress(OSError, ValueError, IndexError):
            return int((self.home / "runtime/patrol/resident").read_text().split()[0])
        return None

    def send(self, member: Member, number: int) -> bool:
        """Signal it, if it is still the same one."""
        with suppress(OSError):
            fd = os.pidfd_open(member.pid)
            try:
                if self._member(member.pid, self.resident()) == member:
                    signal.pidfd_send_signal(fd, number)
                    return True
            finally:
                os.close(fd)
        return False

    def end_all(self) -> None:
        """SIGKILL everybody, and whom they start meanwhile, until there is nobody."""
        while found := self.members():
            for member in found:
                self.send(member, signal.SIGKILL)
            time.sleep(0.02)

    def files(self, pattern: str) -> Iterator[Path]:
        """The files of the home that match."""
        return self.home.glob(pattern)

    def _member(self, pid: int, resident: int | None) -> Member | None:
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
        except OSError:
            return None
        if self._mark not in environ:
            return None
        pairs = [entry.decode("utf-8", "replace").partition("=") for entry in environ]
        values = {key: value for key, _, value in pairs}
        kind = "resident" if pid == resident else _kind([os.fsdecode(word) for word in words])
        return Member(pid, kind, values.get("TSM_NAME", ""), values.get("TSM_RUN", ""))


def ended(command: subprocess.Popen[str], timeout_s: float = _COMMAND_S) -> Done:
    """Wait for a command. One that hangs is killed; its status is 124, as timeout(1) has it."""
    argv = tuple(map(str, command.args[1:])) if isinstance(command.args, list) else ()
    try:
        out, err = command.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        command.kill()
        out, err = command.communicate()
        return Done(argv, 124, out, err)
    return Done(argv, command.returncode, out, err)


def eventually(fact: Callable[[], bool], timeout_s: float) -> bool:
    """Whether `fact` came to hold in time."""
    deadline_s = time.monotonic() + timeout_s
    while not fact():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.05)
    return True


def _kind(words: list[str]) -> str:
    if len(words) > 1 and words[1].endswith("/launch.sh"):
        return "launcher"
    if words[:2] == ["sh", str(_CHILD)]:
        return "child"
    if words[:1] == ["sleep"] and words != _HELPER:
        return "nap"
    return "patrol" if "patrol" in words else "other"
