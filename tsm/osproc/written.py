"""The log probe: what a run has written, searched once, however often it is asked."""

from __future__ import annotations

import os

from tsm.osproc import patterns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tsm.osproc.world import World

_BLOCK_BYTES = 262144
_TAIL_BYTES = 4096  # of a line without an end, for a match that is not whole yet


class Written:
    """The search for one pattern in the log files of one run; once found, it stays found."""

    def __init__(self, world: World, pattern: str) -> None:
        self.pattern = pattern
        self.line: str | None = None  # the one in which it was found
        self._world = world
        self._positions = {stream: world.began_bytes.get(stream, 0) for stream in world.streams}

    async def found(self, timeout_s: float) -> str | None:
        """The line that holds it, None if there is none so far.

        Cut off in a long file, it goes on there the next time. Raises Failed and TimeoutError
        as `patterns.found` does, and OSError.
        """
        for stream in self._world.streams:
            if self.line is None:
                self.line = await self._found_in(stream, timeout_s)
        return self.line

    async def _found_in(self, stream: str, timeout_s: float) -> str | None:
        import asyncio

        path = f"{self._world.directory}/current.{stream}"
        begin = self._world.log_begin(stream)
        line = await self._found_before(begin, stream, timeout_s)
        if line is not None:
            return line
        offset = self._positions[stream] - begin
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        try:
            if os.fstat(fd).st_size < offset:  # it was emptied
                offset = 0
            while block := os.pread(fd, _BLOCK_BYTES, offset):
                text = block.decode("utf-8", "replace")
                line = await patterns.found(self.pattern, text, timeout_s)
                if line is not None:
                    return line
                offset += _done_bytes(block)
                if len(block) < _BLOCK_BYTES:
                    break
                await asyncio.sleep(0)  # let others have their turn
        finally:
            self._positions[stream] = begin + offset
            os.close(fd)
        return None

    async def _found_before(self, begin: int, stream: str, timeout_s: float) -> str | None:
        """The same, in what has been rotated out of the file since it was looked at last."""
        import asyncio

        rest = b""
        if self._positions[stream] < begin:
            for at, data in self._world.rotated(stream, self._positions[stream], begin):
                block = rest + data
                line = await patterns.found(
                    self.pattern, block.decode("utf-8", "replace"), timeout_s
                )
                if line is not None:
                    return line
                rest = block[_done_bytes(block) :]
                self._positions[stream] = at + len(data) - len(rest)
                await asyncio.sleep(0)
            self._positions[stream] = begin
        return None


def _done_bytes(block: bytes) -> int:
    """How much of a block need not be looked at again: all but a line that has no end yet."""
    whole = block.rfind(b"\n") + 1
    return max(whole, len(block) - _TAIL_BYTES) if len(block) >= _BLOCK_BYTES else whole
