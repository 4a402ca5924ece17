"""What the machine may do to processes: kill them with their launchers, and reboot."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.proc import fields
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.running import Tsm

OLD_BOOT = "11111111-2222-3333-4444-555555555555"


def child_and_launcher(tsm: Tsm, name: str) -> tuple[int, int]:
    """The pids of the current run."""
    row = tsm("describe", name).row
    return row["pid"], row["run"]["launcher"]


def kill(*pids: int) -> None:
    """SIGKILL them one after the other, each gone before the next."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda pid=pid: not alive(pid))  # type: ignore[misc]


def kill_with_launcher(tsm: Tsm, name: str) -> None:
    """End a run so that nobody sees its end."""
    child, launcher = child_and_launcher(tsm, name)
    kill(launcher, child)


def reboot(tsm: Tsm) -> None:
    """Kill what is online, and let every file speak of the boot before."""
    for row in tsm("ls").rows:
        if row["pid"] is not None:
            kill_with_launcher(tsm, row["name"])
    boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    for directory in processes(tsm).iterdir():
        for name in ("run", "meta.json"):
            path = directory / name
            if path.exists():
                path.write_bytes(path.read_bytes().replace(boot, OLD_BOOT.encode()))


def processes(tsm: Tsm) -> Path:
    """The folder of the process directories."""
    return tsm.home / "runtime" / "processes"


def alive(pid: int) -> bool:
    """Whether a thread of that pid lives; none of a zombie does."""
    row = fields(pid)
    return bool(row) and (row[0] not in ("Z", "X") or int(row[17]) > 1)
