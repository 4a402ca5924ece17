"""The programs that tests run as children; all are quick to start."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

_HERE = Path(__file__).parent


def app(name: str, *argv: str | Path) -> str:
    """The command line of a program of this folder: `app("forks.py", pids_file)`."""
    path = _HERE / name
    match path.suffix:
        case ".py":
            words = [sys.executable, "-S", str(path)]  # -S: half the start-up time
        case ".js":
            words = [shutil.which("node") or "node", str(path)]
        case _:
            words = ["/bin/sh", str(path)]
    return shlex.join([*words, *map(str, argv)])
