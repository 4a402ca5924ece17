"""A child that tells tsm of itself, as sd_notify(3) does: what it reads from a FIFO, line by line.

usage: notifies.py FIFO
"""

from __future__ import annotations

import os
import socket
import sys


def main() -> None:
    """Send each line that is written to the FIFO."""
    address = os.environ["NOTIFY_SOCKET"]
    one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    where = "\0" + address[1:] if address.startswith("@") else address
    while True:
        with open(sys.argv[1], encoding="ascii") as fifo:
            for line in fifo:
                one.sendto(line.strip().encode(), where)


main()
