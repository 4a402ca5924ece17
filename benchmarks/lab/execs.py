"""When each process has executed a program, by the kernel's own clock (its process connector)."""

from __future__ import annotations

import os
import socket
import struct
from collections import defaultdict

CONNECTOR = 11  # NETLINK_CONNECTOR
DONE = 3  # NLMSG_DONE
PROCESSES = 1  # CN_IDX_PROC, which is CN_VAL_PROC as well
LISTEN = 1  # PROC_CN_MCAST_LISTEN
EXEC = 2  # PROC_EVENT_EXEC
HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
MESSAGE = struct.Struct("=IIIIHH")  # struct cn_msg
EVENT = struct.Struct("=IIQI")  # struct proc_event up to the pid: what, cpu, ns, pid
BUFFER_BYTES = 1 << 20


class Execs:
    """Hears of all execs from its making on. Raises OSError where it may not."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, CONNECTOR)
        self._heard: defaultdict[int, list[float]] = defaultdict(list)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            self._socket.bind((0, PROCESSES))
            self._socket.settimeout(0.0)
            asks = struct.pack("=I", LISTEN)
            body = MESSAGE.pack(PROCESSES, PROCESSES, 0, 0, len(asks), 0) + asks
            self._socket.send(HEADER.pack(HEADER.size + len(body), DONE, 0, 0, os.getpid()) + body)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def of(self, pid: int) -> list[float]:
        """Answer when `pid` has executed something, on the monotonic clock, as far as was heard."""
        while True:
            try:
                data = self._socket.recv(4096)
            except BlockingIOError:
                break
            what, _, at_ns, whose = EVENT.unpack_from(data, HEADER.size + MESSAGE.size)
            if what == EXEC:
                self._heard[whose].append(at_ns / 1e9)
        return self._heard[pid]


def listening() -> Execs | None:
    """Answer who hears of all execs; None if that is not for this user, or not of this kernel."""
    try:
        return Execs()
    except OSError:
        return None
