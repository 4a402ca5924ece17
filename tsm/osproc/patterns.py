"""Searching text for a user's pattern, which may take for ever and still hold up nobody."""

from __future__ import annotations

import re
import warnings
from functools import partial

from tsm.errors import Failed
from tsm.osproc.aside import aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Nearly every search ends in a fraction of that; it saves them the thread.
_AT_ONCE_S = 0.005
_REPEATING = set(b"*+?{(")  # who has none of these cannot backtrack for long


def finder(pattern: bytes, timeout_s: float) -> Callable[[bytes], bool]:
    """What tells whether the pattern is found in a line.

    Raises ValueError for a pattern that makes no sense; what it returns raises Failed when
    one line has taken `timeout_s`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a later Python might take for something else
        try:
            plain = re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(str(error)) from error
        if _REPEATING.isdisjoint(pattern):
            return lambda line: plain.search(line) is not None
        import regex

        try:
            bounded = regex.compile(pattern)
        except regex.error as error:
            raise ValueError(str(error)) from error

    def found(line: bytes) -> bool:
        try:
            return bounded.search(line, timeout=timeout_s) is not None
        except TimeoutError:
            message = f"takes more than {timeout_s:g} s for a line of {len(line)} bytes"
            raise Failed(message) from None

    return found


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
