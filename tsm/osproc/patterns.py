"""Searching text for a user's pattern, which may take for ever and still hold up nobody."""

from __future__ import annotations

import re
import warnings
from functools import partial

from tsm.errors import Failed
from tsm.osproc.aside import aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import regex

    Search = Callable[[bytes, int], re.Match[bytes] | regex.Match[bytes] | None]

# Nearly every search ends in a fraction of that; it saves them the thread.
_AT_ONCE_S = 0.005
_GLANCE_S = 0.25  # who takes longer for many lines is asked for each
_REPEATING = set(b"*+?{(")  # who has none of these cannot backtrack for long
# In these the lines before or after may decide, so that a line has to be looked at alone.
_BEYOND_A_LINE = re.compile(rb"\(\?(?!:|i\)|P?<\w)|[*+?}]\+|\\[ABGKZz]")


class Finder:
    """Finds a pattern in lines of bytes, `^` and `$` being the ends of a line."""

    def __init__(self, pattern: bytes, timeout_s: float) -> None:
        """Raises ValueError for a pattern that makes no sense."""
        self._timeout_s = timeout_s
        self._search: Search  # of a line
        self._glance: Search  # of many lines at once
        self._blockwise = _BEYOND_A_LINE.search(pattern) is None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later Python might take for something else
            try:
                self._search = self._glance = re.compile(pattern, re.MULTILINE).search
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(str(error)) from error
            if _REPEATING.isdisjoint(pattern):
                return
            import regex

            try:
                bounded = regex.compile(pattern, regex.MULTILINE)
            except regex.error as error:
                raise ValueError(str(error)) from error
        self._search = partial(_bounded, bounded, timeout_s)
        self._glance = partial(_bounded, bounded, min(timeout_s, _GLANCE_S))

    def __call__(self, line: bytes) -> bool:
        """Whether it is in that line. Raises Failed when that takes longer than the time given."""
        return self.first(line) is not None

    def first(self, line: bytes, begin: int = 0) -> tuple[int, int] | None:
        """Where it is first, from `begin` on. Raises Failed, as above."""
        try:
            match = self._search(line, begin)
        except TimeoutError:
            message = f"takes more than {self._timeout_s:g} s for a line of {len(line)} bytes"
            raise Failed(message) from None
        return match.span() if match is not None else None

    def lines(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """The lines of a chunk, with their places in it, in which it is, and perhaps others.

        Most lines are passed over without a look at each.
        """
        begin = 0
        while begin < len(chunk):
            if self._blockwise:
                try:
                    match = self._glance(chunk, begin)
                except TimeoutError:
                    self._blockwise = False
                    continue
                if match is None:
                    return
                begin = chunk.rfind(b"\n", begin, match.start()) + 1 or begin
                if begin == len(chunk):
                    return
            end = chunk.find(b"\n", begin)
            line = chunk[begin : end if end >= 0 else None]
            yield begin, line
            begin += len(line) + 1


def _bounded(
    compiled: regex.Pattern[bytes], timeout_s: float, text: bytes, begin: int
) -> regex.Match[bytes] | None:
    return compiled.search(text, begin, timeout=timeout_s)


async def found(pattern: str, text: str, timeout_s: float) -> str | None:
    """The line in which the first match begins, None if there is none.

    `^` and `$` match at every line. Raises Failed for a pattern that makes no sense,
    TimeoutError when no more can be said after `timeout_s` of computing.
    """
    import regex  # the only one that can be told to give up

    try:
        compiled = regex.compile(pattern, regex.MULTILINE)
    except regex.error as error:
        message = f"{pattern!r}: not a pattern that can be searched for: {error}"
        raise Failed(message) from error
    try:
        match = compiled.search(text, timeout=_AT_ONCE_S)
    except TimeoutError:
        search = partial(compiled.search, text, timeout=timeout_s, concurrent=True)
        match = await aside(search)
    if match is None:
        return None
    first = text.rfind("\n", 0, match.start()) + 1
    return text[first:].partition("\n")[0].strip()
