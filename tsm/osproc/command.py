"""The command probe: a shell in a session of its own, of which nothing stays."""

from __future__ import annotations

import errno
import os
import signal
from contextlib import suppress

from tsm.errors import Failed, Refused
from tsm.model import Answer
from tsm.osproc import signals, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess

    from tsm.model import OsProcess
    from tsm.osproc.world import World

_TAIL_BYTES = 4096
_MARK = "TSM_PROBE"  # in the environment of all that one probe starts
_KILL_S = 2.0  # for the kernel to carry out a SIGKILL
_ROUNDS = 10  # of killing what starts others meanwhile
_TURN = 32  # processes looked at before others have their turn


async def asked(command: str, timeout_s: float, world: World) -> Answer:
    """Run the command by /bin/sh, as the child's user, where the child runs.

    Whatever becomes of it, a cancellation included, what it has left behind is killed.
    Raises Failed when it cannot be run, OSError when the machine has no room for it.
    """
    import asyncio

    shell = _Shell(command, world)
    try:
        async with asyncio.timeout(timeout_s):
            await shell.ended()
    except TimeoutError:
        late = True
    else:
        late = False
    finally:
        code = await shell.swept()
    line = shell.last_line()
    if late or code is None:
        what = f"timed out after {timeout_s:g} s"
    elif code == 0:
        return Answer(ok=True, output=line)
    else:
        what = f"killed by {signals.name(-code)}" if code < 0 else f"exited with {code}"
    return Answer(ok=False, output=f"{what}: {line}" if line else what)


class _Shell:
    """One command that runs, and the last of what it says."""

    def __init__(self, command: str, world: World) -> None:
        self._mark = os.urandom(8).hex()
        self._tail = b""
        self._said_all = False  # nobody has the other end of the pipe any more
        self._output, theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._output, False)
        try:
            self._process = _spawned(command, self._mark, theirs, world)
            self._pidfd = self._watched()
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(theirs)

    def _watched(self) -> int:
        """A pidfd of the shell; where there is no room for one, the shell is not left behind."""
        try:
            return os.pidfd_open(self._process.pid)
        except OSError:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise

    async def ended(self) -> None:
        """Wait for the shell to end. Its output is read as it comes: a full pipe would block."""
        import asyncio

        loop = asyncio.get_running_loop()
        end: asyncio.Future[None] = loop.create_future()

        def read() -> None:
            self._take()
            if self._said_all:
                loop.remove_reader(self._output)

        def end_it() -> None:
            if not end.done():
                end.set_result(None)

        loop.add_reader(self._output, read)
        loop.add_reader(self._pidfd, end_it)
        try:
            await end
        finally:
            loop.remove_reader(self._output)
            loop.remove_reader(self._pidfd)

    async def swept(self) -> int | None:
        """Kill all that is left of it. The exit code, -N for signal N, None if it is not dead."""
        import asyncio

        over = self._is_over()
        while over and self._take():
            pass
        # Not reaped yet, so its number is its own, as those of its group and its session are.
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        try:
            if not (over and self._said_all):
                await self._hunt()
            with suppress(TimeoutError):
                async with asyncio.timeout(_KILL_S):
                    await self.ended()
        finally:
            os.close(self._pidfd)
            os.close(self._output)
        return self._process.poll()

    def last_line(self) -> str:
        """The last line that is not empty."""
        return self._tail.decode("utf-8", "replace").strip().rpartition("\n")[2].strip()

    def _take(self) -> bool:
        """Read what is there; False if there is nothing (yet)."""
        try:
            block = os.read(self._output, 65536)
        except BlockingIOError:
            return False
        self._said_all = not block
        self._tail = (self._tail + block)[-_TAIL_BYTES:]
        return bool(block)

    def _is_over(self) -> bool:
        row = table.lookup(self._process.pid)
        return row is None or row.dead

    async def _hunt(self) -> None:
        """Kill who is in another group of the session, or has left it."""
        first = table.lookup(self._process.pid)
        oldest = first.ticks if first is not None else 0
        for _ in range(_ROUNDS):
            left = [row for row in await _rows() if row.ticks >= oldest and self._ours(row)]
            for row in left:
                with suppress(Refused):
                    signals.send(row.pid, row.ticks, signal.SIGKILL)
            if not left:
                break

    def _ours(self, row: OsProcess) -> bool:
        if row.dead:
            return False
        return row.session == self._process.pid or table.variable(row.pid, _MARK) == self._mark


async def _rows() -> list[OsProcess]:
    """The kernel's process table, as `table.processes`, with a turn for others now and then."""
    import asyncio

    rows = []
    for number, entry in enumerate(os.listdir("/proc")):
        row = table.lookup(int(entry)) if entry.isdecimal() else None
        if row is not None:
            rows.append(row)
        if number % _TURN == 0:
            await asyncio.sleep(0)
    return rows


def _spawned(command: str, mark: str, output: int, world: World) -> subprocess.Popen[bytes]:
    import subprocess

    environ = {**world.environ, b"TSM_NAME": os.fsencode(world.name), _MARK.encode(): mark.encode()}
    environ.pop(b"TSM_RUN", None)  # it is none of the run's, and `stop` need not wait for it
    user = world.user
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", os.fsencode(command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=world.cwd,
            env=environ,
            pass_fds=(output,),  # so that it stays open until the last of them has gone
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=user.groups if user else None,
        )
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.E2BIG):
            message = f"cannot run it in {world.cwd}: {(error.strerror or str(error)).lower()}"
            raise Failed(message) from error
        raise
