"""The machine and the versions, in one line under the table."""

from __future__ import annotations

import datetime as dt
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def machine_line(scratch: Path, versions: Mapping[str, str], load: float) -> str:
    """Answer the day, the machine, its load (`load` before, and now), and what was compared."""
    day = dt.datetime.now(tz=dt.UTC).date().isoformat()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    facts = [
        day,
        f"{processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB",
        f"load {load:.1f} before, {os.getloadavg()[0]:.1f} after",
        f"Linux {platform.release()}, {file_system(scratch)}",
        f"Python {platform.python_version()}",
    ]
    return "; ".join([*facts, *(f"{name} {version}" for name, version in versions.items())])


def processor() -> str:
    """Answer the processor's name as the kernel gives it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def file_system(path: Path) -> str:
    """Answer the type of the file system that holds `path`."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    holding = [mount for mount in mounts if path.is_relative_to(mount[1])]
    return max(holding, key=lambda mount: len(mount[1]))[2] if holding else "unknown"
