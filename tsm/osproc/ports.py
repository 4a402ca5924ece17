"""Who listens on a port of this machine."""

from __future__ import annotations

_LISTEN = "0A"


def listening(port: int) -> bool:
    """Whether somebody listens on the TCP port, on any address (proc_net(5))."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file]
        except OSError:
            continue
        if any(row[1].endswith(wanted) and row[3] == _LISTEN for row in rows[1:]):
            return True
    return False


def holder(port: int) -> str:
    """Who listens on the port: "node (pid 123)", or "another user's process"."""
    import psutil  # dear to import, and needed only for this message

    for one in psutil.net_connections("tcp"):
        if one.status == psutil.CONN_LISTEN and one.laddr[1:] == (port,) and one.pid:
            try:
                return f"{psutil.Process(one.pid).name()} (pid {one.pid})"
            except psutil.Error:
                return f"pid {one.pid}"
    return "another user's process"
