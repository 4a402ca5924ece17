"""Both ends of sd_notify(3): what children say of themselves, and what tsm says to systemd."""

from __future__ import annotations

import os
import stat
import sys

from tsm.errors import Refused
from tsm.osproc import table
from tsm.record import Record, changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from socket import socket

    from tsm.model import OsProcess, Run

_PATH_BYTES = 100  # sun_path has room for 107; unix(7)
_MESSAGE_BYTES = 4096  # systemd takes no longer ones either
_CREDENTIALS_BYTES = 12  # struct ucred: pid, uid, gid
_FDS_BYTES = 4 * 253  # SCM_MAX_FD
_ANCESTORS = 64


class Message(Record):
    """What one datagram says, and who sent it, as the kernel attests."""

    pid: int
    uid: int
    ready: bool = False
    stopping: bool = False
    status: str | None = None
    watchdog: bool = False  # WATCHDOG=1: it is alive
    trigger: bool = False  # WATCHDOG=trigger: it finds itself broken
    watchdog_s: float | None = None  # WATCHDOG_USEC
    main_pid: int | None = None


class Sender(Record):
    """What tells of which run the sender of a message is; it may be asked once it has gone."""

    ticks: int  # when it began, in clock ticks since boot
    session: int
    run_id: str | None  # its TSM_RUN
    line: tuple[tuple[int, int], ...]  # pid and ticks of itself and its ancestors


class Heard(Record):
    """A message with its sender, if that was still there; it may come before anybody expects it."""

    message: Message
    sender: Sender | None
    at_s: float  # monotonic


class Told(Record):
    """All that one run has said so far."""

    ready: bool = False
    stopping: bool = False
    status: str = ""
    watchdog_at_s: float | None = None  # monotonic time of the last WATCHDOG=1
    watchdog_s: float | None = None  # how long its silence may last, if it has said so
    trigger: bool = False  # it found itself broken, and has not taken that back


def told_after(told: Told, message: Message, now_s: float) -> Told:
    """What a run has said once it has said this as well, at the monotonic time `now_s`."""
    return Told(
        ready=told.ready or message.ready,
        stopping=told.stopping or message.stopping,
        status=told.status if message.status is None else message.status,
        watchdog_at_s=now_s if message.watchdog else told.watchdog_at_s,
        watchdog_s=told.watchdog_s if message.watchdog_s is None else message.watchdog_s,
        trigger=message.trigger or (told.trigger and not message.watchdog),
    )


def address(path: str, *, abstract: bool = False) -> str:
    """NOTIFY_SOCKET for a socket at `path`: the path, or `@` and a name where that is too long.

    With `abstract` always the latter: a child of another user cannot enter the home.
    """
    if not abstract and len(os.fsencode(path)) <= _PATH_BYTES:
        return path
    from hashlib import blake2b

    return f"@tsm-notify-{blake2b(os.fsencode(path), digest_size=16).hexdigest()}"


def opened(path: str, *, abstract: bool = False) -> socket:
    """A socket that receives what is sent to `address(path)`, non-blocking. The caller closes it.

    One that a killed tsm has left at `path` is replaced. Raises Refused.
    """
    import socket

    where = address(path, abstract=abstract)
    one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        if where == path:
            _clear(path)
        one.bind(_sockaddr(where))
    except OSError as error:
        one.close()
        message = f"{path}: cannot listen for notifications: {error.strerror}"
        raise Refused(message) from error
    except Refused:
        one.close()
        raise
    return one


def drained(one: socket) -> list[Message]:
    """All that has been sent and not yet received, oldest first."""
    found = []
    while (message := received(one)) is not None:
        found.append(message)
    return found


def received(one: socket) -> Message | None:
    """The next message; None if there is none now. One that is no message says nothing.

    Descriptors that come with it are closed, which is the answer to BARRIER=1; FDSTORE=1
    finds nobody who keeps them.
    """
    import socket

    room = socket.CMSG_SPACE(_CREDENTIALS_BYTES) + socket.CMSG_SPACE(_FDS_BYTES)
    try:
        data, ancillary, flags, _ = one.recvmsg(_MESSAGE_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        return None
    pid, uid = 0, -1
    for level, kind, content in ancillary:
        if level != socket.SOL_SOCKET:
            continue
        if kind == socket.SCM_CREDENTIALS:
            pid, uid = _numbers(content)[:2]
        elif kind == socket.SCM_RIGHTS:
            for fd in _numbers(content):
                os.close(fd)
    if flags & socket.MSG_TRUNC:
        data = b""
    return _parsed(data, Message(pid, uid))


def sender(pid: int) -> Sender | None:
    """Who has sent a message; None for one who has gone."""
    row = table.lookup(pid)
    if row is None:
        return None
    line = tuple((one.pid, one.ticks) for one in _line_of(row))
    return Sender(row.ticks, row.session, table.run_of(pid), line)


def of_run(who: Sender | None, run: Run, boot: str) -> bool:
    """Whether the sender is of the run; nobody who has gone is.

    It is if it descends from the child, is in its session, or carries its TSM_RUN.
    """
    child = run.child
    if child is None or child.boot != boot or who is None or who.ticks < child.ticks:
        return False
    own = who.session == child.pid or who.run_id == run.id
    return own or (child.pid, child.ticks) in who.line


def tell(text: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whoever supervises tsm itself, such as `READY=1`; False if nobody listens.

    Several assignments go one a line. Never blocks.
    """
    import socket

    where = environ.get("NOTIFY_SOCKET", "")
    if where[:1] not in ("@", "/"):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as one:
            one.sendto(text.encode("utf-8", "replace"), _sockaddr(where))
    except OSError:
        return False
    return True


def _clear(path: str) -> None:
    """Remove a socket that nobody needs any more; what is no socket is not tsm's."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        message = f"{path}: is in the way of a socket: move it away"
        raise Refused(message)
    os.unlink(path)


def _sockaddr(where: str) -> bytes:
    raw = os.fsencode(where)
    return b"\0" + raw[1:] if raw[:1] == b"@" else raw


def _numbers(content: bytes) -> list[int]:
    """The C ints of a control message."""
    return [
        int.from_bytes(content[at : at + 4], sys.byteorder, signed=True)
        for at in range(0, len(content) - 3, 4)
    ]


def _parsed(data: bytes, message: Message) -> Message:
    """The message with what the assignments in `data` say; others and nonsense are left out."""
    said: dict[str, object] = {}
    for line in data.decode("utf-8", "replace").split("\n"):
        name, _, value = line.partition("=")
        match name, value:
            case "READY", "1":
                said["ready"] = True
            case "STOPPING", "1":
                said["stopping"] = True
            case "STATUS", _:
                said["status"] = value
            case "WATCHDOG", "1":
                said["watchdog"] = True
            case "WATCHDOG", "trigger":
                said["trigger"] = True
            case "WATCHDOG_USEC", _ if number := _number(value):
                said["watchdog_s"] = number / 1e6
            case "MAINPID", _ if number := _number(value):
                said["main_pid"] = number
            case _:
                continue
    return changed(message, **said)


def _number(text: str) -> int:
    """A number of at most 18 digits; 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _line_of(row: OsProcess) -> Iterable[OsProcess]:
    """The process and its ancestors."""
    at: OsProcess | None = row
    for _ in range(_ANCESTORS):
        if at is None or at.pid <= 1:
            return
        yield at
        at = table.lookup(at.ppid)
