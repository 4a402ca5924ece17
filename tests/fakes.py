"""What a test must not really change: programs of the machine, and the machine's own user."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import PROGRAM, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import Tsm

_NOBODY = 65534

# Keeps the table beside itself. Like cron's own, it refuses a last line without newline, and,
# like Debian's, a command of more than 998 characters. A file `fails` makes it fail as it says.
_CRONTAB = r"""#!/bin/sh
here=$(dirname "$0")
[ -e "$here/fails" ] && { cat "$here/fails" >&2; exit 1; }
case "$1" in
-l)
    [ -e "$here/tab" ] || { echo "no crontab for $(id -un)" >&2; exit 1; }
    exec cat "$here/tab" ;;
-)
    cat >"$here/new"
    if [ -s "$here/new" ] && [ "$(tail -c 1 "$here/new" | wc -l)" = 0 ]; then
        echo "new crontab file is missing newline before EOF, can't install." >&2; exit 1
    fi
    if LC_ALL=C grep -q '.\{1012,\}' "$here/new"; then
        echo "command too long; errors in crontab file, can't install." >&2; exit 1
    fi
    exec mv "$here/new" "$here/tab" ;;
*) echo "usage error: $*" >&2; exit 1 ;;
esac
"""
_WRITES_ITS_CALLS = r"""#!/bin/sh
echo "${0##*/} $*" >>"$(dirname "$0")/calls"
"""


class Machine:
    """A folder of programs that comes first on PATH."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder = folder
        self.path = f"{folder}:{path}"
        self.tab = folder / "tab"
        folder.mkdir()

    def with_cron(self, table: bytes | None = None) -> None:
        """Have a `crontab`, with that table in it."""
        self.program("crontab", _CRONTAB)
        if table is not None:
            self.tab.write_bytes(table)

    def with_systemd(self) -> None:
        """Have a `systemctl` and a `loginctl` that do nothing."""
        self.program("systemctl", _WRITES_ITS_CALLS)
        self.program("loginctl", _WRITES_ITS_CALLS)

    @property
    def calls(self) -> list[str]:
        """How systemctl and loginctl were called, in order."""
        return (self.folder / "calls").read_text().splitlines()

    def program(self, name: str, script: str) -> Path:
        """Put a program there."""
        path = self.folder / name
        path.write_text(script)
        path.chmod(0o755)
        return path


class User:
    """Somebody who is not root, with a folder, and a machine whose systemd only pretends."""

    def __init__(self, tsm: Tsm, folder: Path) -> None:
        uid = os.geteuid() or _NOBODY
        self.folder = folder
        self.units = folder / "config/systemd/user"
        self.machine = Machine(folder / "bin", tsm.env["PATH"])
        self.machine.with_systemd()
        self._env = tsm.env | {
            "HOME": str(folder),
            "PATH": self.machine.path,
            "XDG_CONFIG_HOME": str(folder / "config"),
        }
        self._prefix: list[str] = []
        if os.geteuid() == 0:
            self._prefix = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        for path in (folder, folder / "bin"):
            os.chown(path, uid, -1)

    def __call__(self, home: str, *argv: str) -> Result:
        """Run `tsm ARGV...` for that home of the user's."""
        done = subprocess.run(
            [*self._prefix, str(PROGRAM), *argv],
            env=self._env | {"TSM_HOME": str(self.folder / home)},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback (most recent call last)" not in done.stderr, done.stderr
        return Result(argv, done.returncode, done.stdout, done.stderr)

    @property
    def installed(self) -> dict[str, str]:
        """The units that are there, by file name."""
        return {path.name: path.read_text() for path in self.units.iterdir()}


@contextmanager
def ordinary_user(tsm: Tsm) -> Iterator[User]:
    """Somebody whose units can be installed without harm; skips the test where there is nobody."""
    with tempfile.TemporaryDirectory() as folder:
        user = User(tsm, Path(folder))
        if user("home", "--version").status:
            pytest.skip("no other user may run what is in this checkout")
        yield user
