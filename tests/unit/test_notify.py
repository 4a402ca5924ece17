"""sd_notify(3), both ends, over real sockets."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from tsm.errors import Refused
from tsm.model import Identity, Run
from tsm.osproc import notify, table
from tsm.osproc.notify import Message, Told, told_after
from tsm.record import changed

ME = Message(os.getpid(), os.geteuid())


@pytest.fixture(params=["path", "abstract"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where to listen: a path that fits into an address, and one that does not."""
    return str(tmp_path / ("notify" if request.param == "path" else "n" * 101))


def _fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("READY=1\nSTATUS=serving = 3 ports", {"ready": True, "status": "serving = 3 ports"}),
        ("WATCHDOG=1\nWATCHDOG_USEC=1500000\n", {"watchdog": True, "watchdog_s": 1.5}),
        ("WATCHDOG=trigger", {"trigger": True}),
        ("STOPPING=1\nMAINPID=42\nX_ELSE=1", {"stopping": True, "main_pid": 42}),
        ("READY=yes\nMAINPID=-1\nWATCHDOG_USEC=soon\n\0\n=", {}),
        ("", {}),
    ],
)
def test_what_is_told_is_received_with_its_sender(
    path: str, text: str, said: dict[str, object]
) -> None:
    with notify.opened(path) as ear:
        assert notify.received(ear) is None
        environ = {"NOTIFY_SOCKET": notify.address(path)}
        assert notify.tell(text, environ)
        assert notify.tell("STATUS=next", environ)
        assert notify.drained(ear) == [changed(ME, **said), changed(ME, status="next")]


def test_descriptors_are_closed_which_lets_a_barrier_through(path: str) -> None:
    reading, writing = os.pipe()
    before = _fds()
    with notify.opened(path) as ear, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
        where = notify.address(path)
        mouth.connect(where if where == path else f"\0{where[1:]}")
        socket.send_fds(mouth, [b"BARRIER=1"], [writing])
        os.close(writing)
        assert notify.drained(ear) == [ME]
        assert os.read(reading, 1) == b""  # its last writer has gone
    os.close(reading)
    assert _fds() == before - 2


def test_a_stale_socket_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    place = tmp_path / "notify"
    notify.opened(str(place)).close()
    assert not notify.tell("READY=1", {"NOTIFY_SOCKET": str(place)})  # nobody listens
    with notify.opened(str(place)) as ear:
        assert stat.S_ISSOCK(place.stat().st_mode)
        assert notify.tell("READY=1", {"NOTIFY_SOCKET": str(place)})
        assert [one.ready for one in notify.drained(ear)] == [True]
    place.unlink()
    place.write_text("mine")
    with pytest.raises(Refused, match="is in the way of a socket"):
        notify.opened(str(place))
    assert place.read_text() == "mine"


def test_a_path_in_a_home_is_not_for_other_users_a_name_is(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with notify.opened(path, abstract=True) as ear:
        where = notify.address(path, abstract=True)
        assert where.startswith("@")
        assert not os.path.exists(path)  # noqa: PTH110 - the path is a string here
        assert notify.tell("READY=1", {"NOTIFY_SOCKET": where})
        assert len(notify.drained(ear)) == 1


@pytest.mark.parametrize("where", [None, "", "vsock:2:1", "/nowhere/notify", "@nobody-listens"])
def test_telling_nobody_is_no_error(where: str | None) -> None:
    assert not notify.tell("READY=1", {} if where is None else {"NOTIFY_SOCKET": where})


def test_a_run_is_its_child_and_who_comes_of_it() -> None:
    boot = table.boot_id()
    command = "setsid sh -c 'echo $$; read line'; :"
    with subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={"TSM_RUN": "another"},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        row = table.lookup(child.pid)
        assert row is not None
        run = Run("1f", boot, 0.0, "start", child=Identity(boot, row.pid, row.ticks))
        assert notify.of_run(notify.sender(child.pid), run, boot)
        descended = notify.sender(grandchild)
        assert notify.of_run(descended, run, boot)  # a session of its own
        assert not notify.of_run(notify.sender(os.getpid()), run, boot)
        assert not notify.of_run(notify.sender(child.pid), run, "another boot")
        child.stdin.close()
    assert not notify.of_run(notify.sender(grandchild), run, boot)
    assert notify.of_run(descended, run, boot)  # it was there when it was asked


def test_what_was_told_adds_up() -> None:
    told = Told()
    for now_s, message in enumerate(
        [
            Message(1, 0, status="starting"),
            Message(1, 0, ready=True, watchdog=True, watchdog_s=2.0),
            Message(1, 0, trigger=True),
            Message(1, 0, status="up"),
        ]
    ):
        told = told_after(told, message, now_s)
    assert told == Told(
        ready=True, status="up", watchdog_at_s=1, watchdog_s=2.0, trigger=True, stopping=False
    )
    assert not told_after(told, Message(1, 0, watchdog=True), 9.0).trigger
