"""`tsm ARGV...` on a disk that has no room for FILE.

usage: no_room.py FILE ARGV...
"""

from __future__ import annotations

import errno
import os
import sys

from tsm import cli


def main(file: str, *argv: str) -> int:
    """Be that command."""
    rename = os.rename

    def renamed(source: str, target: str) -> None:
        if target == file:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)
        rename(source, target)

    os.rename = renamed  # type: ignore[assignment]
    return cli.main(argv)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
