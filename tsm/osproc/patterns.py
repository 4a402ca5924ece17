"""Searching text for a user's pattern, which may take for ever and still hold up nobody."""

from __future__ import annotations

from functools import partial

from tsm.errors import Failed
from tsm.osproc.aside import aside

# Nearly every search ends in a fraction of that; it saves them the thread.
_AT_ONCE_S = 0.005


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
