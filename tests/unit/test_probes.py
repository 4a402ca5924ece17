"""Probes of real servers, files and commands: what each answers, and that none holds up another."""

from __future__ import annotations

import asyncio
import os
import resource
import ssl
import subprocess
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.waiting import eventually
from tsm.model import Answer
from tsm.osproc.notify import Message, told_after
from tsm.osproc.probes import ask
from tsm.osproc.world import Seen, World
from tsm.record import changed
from tsm.spec import Probe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

BODY = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
EVIL = "(a|aa)+$"  # takes for ever on a row of a's that ends otherwise


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A run that has written nothing yet."""
    return World(
        name="web",
        cwd=str(tmp_path),
        environ={b"PATH": os.environb[b"PATH"], b"TSM_RUN": b"1f", b"COLOUR": b"blue"},
        directory=str(tmp_path),
        began_s=time.time(),
        heartbeat=str(tmp_path / "heartbeat"),
        seen=Seen(),
    )


@asynccontextmanager
async def serving(
    said: bytes, *, stays: bool = False, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that says just that to everybody, its port, and what it was asked.

    With `stays` it does not close after it.
    """
    heard: list[bytes] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(said)
            if stays:
                await over.wait()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        over.set()
        server.close()
        await server.wait_closed()


def answer(probe: Probe, world: World, *, ready: bool = False) -> Answer:
    return asyncio.run(ask(probe, world, ready=ready))


def answer_to(said: bytes, world: World, options: Mapping[str, str]) -> Answer:
    """What an HTTP probe makes of a server that says just that."""

    async def main() -> Answer:
        async with serving(said) as (port, _):
            check = f"http://127.0.0.1:{port}/health"
            return await ask(Probe(check=check, **options), world)  # type: ignore[arg-type]

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("said", "options", "ok", "output"),
    [
        (BODY % (2, b"ok"), {}, True, "HTTP 200"),
        (b"HTTP/1.0 204 No Content\r\n\r\n", {}, True, "HTTP 204"),
        (b"HTTP/1.1 301\r\nLocation: /\r\n\r\n", {}, True, "HTTP 301"),
        (b"HTTP/1.1 301 Moved\r\n\r\n", {"status": "200-299,404"}, False, "HTTP 301"),
        (b"HTTP/1.1 404 No\r\n\r\n", {"status": "200-299,404"}, True, "HTTP 404"),
        (b"HTTP/1.1 503 No\r\n\r\n\ndb is down\nor so", {}, False, "HTTP 503: db is down"),
        (b"HTTP/1.1 503 No\r\n\r\n<html>", {}, False, "HTTP 503"),
        (b"HTTP/1.1 103 Soon\r\nX: y\r\n\r\n" + BODY % (2, b"ok"), {}, True, "HTTP 200"),
        (BODY % (9, b"up\nfine"), {"body": "^fine$"}, True, "HTTP 200: fine"),
        (BODY % (2, b"ok, but cut"), {"body": "but"}, False, "no body that holds 'but'"),
        (
            CHUNKED + b"3;x=y\r\nall\r\n5\r\n fine\r\n0\r\n",
            {"body": "all fine$"},
            True,
            "HTTP 200: all fine",
        ),
        (
            CHUNKED + b"2\r\nok\r\n-9\r\n",
            {"body": "ok$"},
            True,
            "HTTP 200: ok",
        ),
        (b"HTTP/1.1 200 OK\n\n" + b"x" * 65536 + b"late", {"body": "late"}, False, "no body"),
        (b"", {}, False, "closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", {}, False, "not an HTTP answer: 'SSH-2.0-OpenSSH_9.2'"),
        (b"\x15\x03\x01", {}, False, "not an HTTP answer: '\\x15\\x03\\x01'"),
        (b"x" * 200_000, {}, False, "not an HTTP answer: a line without an end"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300, {}, False, "more than 200 headers"),
    ],
)
def test_http_takes_status_and_body_from_whatever_a_server_says(
    said: bytes, options: dict[str, str], output: str, world: World, *, ok: bool
) -> None:
    found = answer_to(said, world, options)
    assert (found.ok, found.output) == (ok, found.output)
    assert output in found.output


def test_http_asks_as_a_client_does(world: World) -> None:
    async def main() -> tuple[Answer, bytes, int]:
        async with serving(BODY % (2, b"ok"), host="::1") as (port, heard):
            found = await ask(Probe(check=f"http://localhost:{port}?a=ü&b#part"), world)
            return found, heard[0], port

    found, heard, port = asyncio.run(main())
    assert found.ok
    assert heard.split(b"\r\n")[:2] == [
        b"GET /?a=%C3%BC&b HTTP/1.1",
        b"Host: localhost:%d" % port,
    ]
    assert b"Connection: close" in heard


def test_https_verifies_no_certificate_of_this_machine_but_all_others(
    world: World, tmp_path: Path
) -> None:
    command = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=else"
    subprocess.run(
        [*command.split(), "-keyout", "key", "-out", "cert"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert", tmp_path / "key")

    async def main() -> list[str]:
        said = BODY % (2, b"ok")
        async with (
            serving(said, tls=tls) as (here, _),
            serving(said, tls=tls, host="127.0.0.2") as (elsewhere, _),
        ):
            checks = [f"https://localhost:{here}", f"https://127.0.0.2:{elsewhere}"]
            checks.append(f"http://localhost:{here}")
            return [(await ask(Probe(check=check), world)).output for check in checks]

    local, other, plain = asyncio.run(main())
    assert local == "HTTP 200"
    assert other.startswith("its certificate is not accepted: self")
    assert plain == "closed without an answer"


def test_tcp_is_whether_somebody_accepts(world: World) -> None:
    async def main() -> list[Answer]:
        async with serving(b"", host="::1") as (port, _):
            checks = [f"tcp:{port}", f"tcp:localhost:{port}", f"tcp:[::1]:{port}"]
            checks += [f"tcp:127.0.0.1:{port}", f"tcp:{'a' * 64}:80"]
            return [await ask(Probe(check=check), world) for check in checks]

    *up, down, nobody = asyncio.run(main())
    assert up == [Answer(ok=True, output="connected")] * 3
    assert down == Answer(ok=False, output="connection refused")
    assert nobody.output == f"cannot resolve {'a' * 64!r}: no name of a host"


@pytest.mark.parametrize(
    ("command", "ok", "output"),
    [
        ("echo one; echo two >&2", True, "two"),
        ("echo $TSM_NAME $COLOUR ${TSM_RUN-none}; pwd -P >where", True, "web blue none"),
        ("echo no disk; echo; exit 2", False, "exited with 2: no disk"),
        ("exit 3", False, "exited with 3"),
        ("kill -SEGV $$", False, "killed by SIGSEGV"),
        ("head -c 1000000 /dev/zero; cat; echo; echo whole", True, "whole"),
        ("echo \udcff", True, "\ufffd"),
    ],
)
def test_command_is_its_exit_and_its_last_line(
    command: str, output: str, world: World, *, ok: bool
) -> None:
    assert answer(Probe(check=f"command:{command}"), world) == Answer(ok, output)


def test_command_runs_where_the_child_does(world: World, tmp_path: Path) -> None:
    assert answer(Probe(check="command:pwd -P"), world).output == str(tmp_path.resolve())
    lost = answer(Probe(check="command:true"), changed(world, cwd="/nowhere"))
    assert (lost.ok, lost.output) == (False, "cannot run it in /nowhere: no such file or directory")


@pytest.mark.parametrize("ends", [False, True], ids=["late", "in time"])
def test_command_leaves_nobody_behind(world: World, tmp_path: Path, *, ends: bool) -> None:
    """Not in the background, not in a session of its own, not behind an ignored signal."""
    command = """
        trap '' TERM
        sh -c 'echo $$ >a; exec sleep 1000' >/dev/null 2>&1 &
        setsid sh -c 'echo $$ >b; exec sleep 1000' >/dev/null 2>&1 &
        until [ -s a ] && [ -s b ]; do sleep 0.01; done
        echo ready
    """
    timeout_s = 30.0 if ends else 3.0
    if not ends:
        command += "sleep 1000"
    found = answer(Probe(check=f"command:{command}", timeout_s=timeout_s), world)
    assert found == (
        Answer(ok=True, output="ready")
        if ends
        else Answer(ok=False, output="timed out after 3 s: ready")
    )
    for name in "ab":
        pid = int((tmp_path / name).read_text())
        eventually(lambda pid=pid: not Path(f"/proc/{pid}/cwd").exists())  # type: ignore[misc]


def test_a_cancelled_command_leaves_nobody_behind(world: World, tmp_path: Path) -> None:
    begun = tmp_path / "pid"

    os.mkfifo(begun)

    async def main() -> str:
        probe = Probe(check="command:echo $$ >pid; exec sleep 1000", timeout_s=60.0)
        asking = asyncio.create_task(ask(probe, world))
        pid = await asyncio.to_thread(begun.read_text)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return pid.strip()

    pid = asyncio.run(main())
    assert not Path(f"/proc/{pid}").exists()


def test_log_finds_what_this_run_has_written_and_keeps_it(world: World, tmp_path: Path) -> None:
    out, err = tmp_path / "current.out", tmp_path / "current.err"
    out.write_text("listening, said the last run\n")
    world = changed(world, began_bytes={"out": out.stat().st_size, "err": 0})
    probe = Probe(check=r"log:^listening on \d+$")
    nothing = Answer(ok=False, output=r"no line of its output holds '^listening on \\d+$'")
    assert answer(probe, world) == nothing
    err.write_text("warming up\n" * 50_000 + "listening on ")
    assert answer(probe, world) == nothing
    with err.open("a") as more:
        more.write("3000\n" + "busy\n" * 50_000)
    found = Answer(ok=True, output="listening on 3000")
    assert answer(probe, world) == found
    err.write_text("")
    assert answer(probe, world) == found


def test_log_reads_on_in_a_file_that_was_emptied(world: World, tmp_path: Path) -> None:
    out = tmp_path / "current.out"
    probe = Probe(check="log:up")
    out.write_text("long before\n" * 10)
    assert not answer(probe, world).ok
    out.write_text("up\n")
    assert answer(probe, world).ok


def test_log_finds_what_was_rotated_before_anybody_looked(world: World, tmp_path: Path) -> None:
    (tmp_path / "current.out").write_text("new\n")
    written = b"of another run: up\n" + b"x" * 300_000 + b" up 1\n" + b"new\n"
    begin = len(written) - 4

    def rotated(_stream: str, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        for at in range(first, last, 4096):
            yield at, written[at : min(last, at + 4096)]

    world = changed(
        world,
        streams=("out",),
        began_bytes={"out": written.index(b"x")},
        log_begin=lambda _stream: begin,
        rotated=rotated,
    )
    assert not answer(Probe(check="log:^up|of another"), world).ok
    assert answer(Probe(check="log:x up [0-9]"), world).ok
    assert answer(Probe(check="log:^new"), world).ok
    assert not answer(Probe(check="log:^up|of another"), world).ok


def test_log_reads_no_stream_that_has_no_log_of_its_own(world: World, tmp_path: Path) -> None:
    (tmp_path / "current.err").write_text("up\n")
    assert not answer(Probe(check="log:up"), changed(world, streams=("out",))).ok


def test_heartbeat_is_a_file_touched_in_this_run_and_of_late(world: World) -> None:
    probe = Probe(check="heartbeat", interval_s=30.0, timeout_s=5.0)
    file = Path(world.heartbeat)
    assert answer(probe, world, ready=True).output.startswith("no heartbeat so far: it has not")
    file.touch()
    assert answer(probe, world).ok
    assert answer(probe, world, ready=True).ok
    os.utime(file, (world.began_s - 60, world.began_s - 60))  # left by the last run
    assert not answer(probe, world, ready=True).ok
    world = changed(world, began_s=world.began_s - 600)
    assert answer(probe, world, ready=True).ok
    late = answer(probe, world)
    assert (late.ok, late.output.partition(".")[0]) == (False, "last heartbeat 60")
    os.utime(file, (time.time() + 3600, time.time() + 3600))  # the clock has been set back
    assert answer(probe, world).output == "last heartbeat 0.0 s ago"


def test_notify_is_what_the_child_has_sent(world: World) -> None:
    probe = Probe(check="notify", interval_s=30.0, timeout_s=5.0)

    def told(message: Message, ago_s: float = 0.0) -> None:
        world.seen.told = told_after(world.seen.told, message, time.monotonic() - ago_s)

    silent = Answer(ok=False, output="has not sent WATCHDOG=1")
    assert answer(probe, world) == changed(silent, asked=False)  # nobody has listened so long
    world.seen.since_s -= 40
    assert answer(probe, world) == silent
    told(Message(1, 0, watchdog_s=50.0))
    assert answer(probe, world) == changed(silent, asked=False)
    told(Message(1, 0, status="loading"))
    assert answer(probe, world, ready=True) == Answer(
        ok=False, output="has not sent READY=1: loading"
    )
    told(Message(1, 0, ready=True, watchdog=True, status="fine"), ago_s=20)
    assert answer(probe, world, ready=True) == Answer(ok=True, output="fine")
    assert answer(probe, world) == Answer(ok=True, output="last WATCHDOG=1 20.0 s ago: fine")
    told(Message(1, 0, watchdog_s=10.0))
    assert not answer(probe, world).ok
    told(Message(1, 0, watchdog=True))
    assert answer(probe, world).ok
    told(Message(1, 0, trigger=True, status="lost the db"))
    assert answer(probe, world).output == "sent WATCHDOG=trigger: lost the db"


def test_a_probe_that_hangs_holds_up_no_other(world: World) -> None:
    """Each of them is still on its way when the quick ones have answered."""

    async def main() -> tuple[list[Answer], Answer]:
        said = BODY % (61, b"a" * 60 + b"b")
        async with serving(b"", stays=True) as (silent, _), serving(said) as (port, _):
            url = f"http://localhost:{port}"
            evil = asyncio.create_task(ask(Probe(check=url, body=EVIL, timeout_s=1.5), world))
            checks = [f"http://localhost:{silent}", "command:exec sleep 1000"]
            slow = [
                asyncio.create_task(ask(Probe(check=check, timeout_s=60.0), world))
                for check in checks
            ]
            quick = [Probe(check=f"tcp:{port}"), Probe(check=url), Probe(check="command:true")]
            answers = [await ask(probe, world) for probe in quick]
            assert not any(one.done() for one in [evil, *slow])
            for one in slow:
                one.cancel()
            await asyncio.wait(slow)
            return answers, await evil

    quick, evil = asyncio.run(main())
    assert all(one.ok for one in quick)
    assert evil == Answer(ok=False, output="timed out after 1.5 s")


def test_what_tsm_has_run_out_of_is_not_held_against_the_child(world: World) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def main() -> list[Answer]:
        next_fd = os.dup(0)
        os.close(next_fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (next_fd, hard))
        checks = ["tcp:1", "command:true"]
        return [await ask(Probe(check=check), world) for check in checks]

    try:
        answers = asyncio.run(main())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert answers == [Answer(ok=False, output="too many open files", asked=False)] * 2
