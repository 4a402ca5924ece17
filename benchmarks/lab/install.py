"""The steps of an installation."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from lab.trouble import Trouble

if TYPE_CHECKING:
    from pathlib import Path


def venv(folder: Path) -> Path:
    """Make a virtual environment of this interpreter unless there is one; answer its bin folder."""
    if not (folder / "bin/python").exists():
        done([sys.executable, "-m", "venv", str(folder)])
    return folder / "bin"


def done(argv: list[str], cwd: Path | None = None) -> str:
    """Run a step of an installation; answer its stdout, or raise Trouble with its last words."""
    try:
        result = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Trouble(f"{argv[0]}: {error.strerror}") from error
    if result.returncode:
        words = (result.stderr or result.stdout).strip().splitlines()[-1:] or ["no message"]
        raise Trouble(f"{' '.join(argv[:4])}: {words[0]}")
    return result.stdout
