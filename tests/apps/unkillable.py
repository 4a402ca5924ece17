"""`tsm ARGV...` where the kernel holds one process: SIGKILL does not end PID.

usage: unkillable.py PID ARGV...
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tsm import cli
from tsm.patrol import end

KILL_S = 0.2  # so long a kill is waited for


def main(held: str, *argv: str) -> int:
    """Be that command."""
    send = signal.pidfd_send_signal

    def sent(fd: int, number: int) -> None:
        info = Path(f"/proc/{os.getpid()}/fdinfo/{fd}").read_text()
        if number != signal.SIGKILL or f"Pid:\t{held}\n" not in info:
            send(fd, number)

    signal.pidfd_send_signal = sent  # type: ignore[assignment]
    vars(end)["_KILL_S"] = KILL_S
    return cli.main(argv)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
