"""Which lines are shown: those that are wanted, in either direction, with what is around them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tsm.osproc.patterns import Finder
from tsm.policy.selection import Selection, last, shown, tail

if TYPE_CHECKING:
    from collections.abc import Sequence

lines = st.lists(st.sampled_from([b"", b"a", b"b", b"ab", b"long a", b"\xff"]), max_size=30)
contexts = st.integers(0, 3)


def chunks(lines: Sequence[bytes], sizes: Sequence[int]) -> list[tuple[int, bytes]]:
    """The lines in chunks of so many each, as a reader yields them."""
    found, at, rest, turn = [], 0, list(lines), 0
    while rest:
        count = sizes[turn % len(sizes)]
        data = b"".join(line + b"\n" for line in rest[:count])
        found.append((at, data))
        at, rest, turn = at + len(data), rest[count:], turn + 1
    return found


def expected(lines: Sequence[bytes], count: int | None, context: int) -> list[tuple[bytes, bool]]:
    """The lines as grep -C shows them, and whether each is there only for its neighbours.

    Of the last `count`, what is before the first of them ends where one more is wanted.
    """
    hits = [place for place, line in enumerate(lines) if b"a" in line]
    first = 0
    if count is not None and count < len(hits):
        first, hits = hits[-count - 1] + 1, hits[len(hits) - count :]
    near = {p for hit in hits for p in range(hit - context, hit + context + 1)}
    places = sorted(near.intersection(range(first, len(lines))))
    return [(lines[place], b"a" not in lines[place]) for place in places]


sizes = st.lists(st.integers(1, 5), min_size=1, max_size=3)


@given(lines=lines, sizes=sizes, context=contexts)
def test_forwards_all_are_shown_with_what_is_around_them(
    lines: list[bytes], sizes: list[int], context: int
) -> None:
    wish = Selection(lambda line: b"a" in line, None, context)
    found = list(shown(wish, chunks(lines, sizes)))
    assert [(one.line, one.around) for one in found] == expected(lines, None, context)
    data = b"".join(line + b"\n" for line in lines)
    assert all(data[one.begin : one.end] == one.line + b"\n" for one in found)


@given(lines=lines, sizes=sizes, context=contexts, count=st.integers(0, 9))
def test_backwards_the_last_are_shown_in_their_order(
    lines: list[bytes], sizes: list[int], context: int, count: int
) -> None:
    wish = Selection(lambda line: b"a" in line, None, context)
    found = last(wish, chunks(lines, sizes)[::-1], count)
    assert [(one.line, one.around) for one in found] == expected(lines, count, context)


@given(lines=lines, sizes=sizes, count=st.integers(0, 40), torn=st.booleans())
def test_the_last_as_they_are_each_with_its_newline(
    lines: list[bytes], sizes: list[int], count: int, *, torn: bool
) -> None:
    found = chunks(lines, sizes)[::-1]
    if torn and lines and lines[-1]:
        found[0] = (found[0][0], found[0][1].removesuffix(b"\n"))
    asked = lines[len(lines) - min(count, len(lines)) :]
    assert tail(found, count) == b"".join(line + b"\n" for line in asked)


@given(
    lines=st.lists(st.text("ab c\t\r", max_size=5), max_size=20),
    pattern=st.sampled_from(
        [
            *("a", "^a", "a$", "^$", "b?", "[^a]", r"\s", r"a\Z", "(?<!b)a", "a(?!b)", "(?i)A"),
            *("a++b", "[^b]*+b", r"\ba", r"\Ba", "a|^b", "^[^c]+$", "(?:ab)+", "(?P<x>a)(?P=x)"),
            *(".*", "x"),
        ]
    ),
)
def test_a_quick_look_at_many_lines_finds_what_a_look_at_each_finds(
    lines: list[str], pattern: str
) -> None:
    data = "".join(f"{line}\n" for line in lines).encode()
    find = Finder(pattern.encode(), 5.0)
    quick = [(at, line) for at, line in find.lines(data) if find(line)]
    at, each = 0, []
    for line in data.split(b"\n")[:-1]:
        if find(line):
            each.append((at, line))
        at += len(line) + 1
    assert quick == each
    if "++" not in pattern and "*+" not in pattern:
        assert [line for _, line in each] == [
            line for line in data.split(b"\n")[:-1] if re.search(pattern.encode(), line)
        ]
