"""Programs of the machine that a test must not really call, as scripts on a PATH of its own."""

from __future__ import annotations

from pathlib import Path

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
