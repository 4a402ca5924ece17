"""Source maps: places in generated code lead to the original, and nonsense to nowhere."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsm.patrol.stack_trace import mapped
from tsm.policy.source_map import originals

if TYPE_CHECKING:
    from pathlib import Path

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
SEGMENTS = st.tuples(*[st.integers(0, 10**6)] * 3, st.integers(0, 2))


def vlq(number: int) -> str:
    """The number in base 64 VLQ."""
    rest, text = (abs(number) << 1) | (number < 0), ""
    while True:
        digit, rest = rest & 31, rest >> 5
        text += DIGITS[digit | (32 if rest else 0)]
        if not rest:
            return text


def encoded(lines: list[list[tuple[int, int, int, int]]]) -> str:
    """Mappings of segments (column, original line, original column, source), all from 0."""
    source = line = column = 0
    groups = []
    for segments in lines:
        generated, words = 0, []
        for one in segments:
            numbers = (one[0] - generated, one[3] - source, one[1] - line, one[2] - column)
            words.append("".join(map(vlq, numbers)))
            generated, line, column, source = one
        groups.append(",".join(words))
    return ";".join(groups)


def source_map(lines: list[list[tuple[int, int, int, int]]]) -> dict[str, object]:
    """A map of them, with three sources."""
    return {"version": 3, "sources": ["a.ts", "b.ts", "c.ts"], "mappings": encoded(lines)}


@given(st.lists(st.lists(SEGMENTS, max_size=4, unique_by=lambda one: one[0]), max_size=4))
def test_every_segment_leads_to_its_original(lines: list[list[tuple[int, int, int, int]]]) -> None:
    lines = [sorted(segments) for segments in lines]
    wanted = {
        (number, one[0] + 1): (f"{'abc'[one[3]]}.ts", one[1] + 1, one[2] + 1)
        for number, segments in enumerate(lines, 1)
        for one in segments
    }
    assert originals(source_map(lines), wanted or {(1, 1)}) == wanted


def test_a_place_between_segments_belongs_to_the_one_before() -> None:
    whole = source_map([[(4, 9, 2, 0), (8, 9, 6, 0)]])
    assert originals(whole, {(1, 4), (1, 7), (2, 1)}) == {(1, 7): ("a.ts", 10, 3)}


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"version": 2}, "version 3"),
        ({"sources": 1}, "version 3"),
        ({"mappings": "?"}, "VLQ"),
        ({"mappings": ","}, "empty"),
        ({"mappings": "A" * 2**21}, "large"),
    ],
)
def test_nonsense_is_a_value_error(values: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        originals({**source_map([]), **values}, {(1, 1)})


def program(folder: Path, link: str, source_map: dict[str, object] | None = None) -> str:
    """The path of a script whose map is where `link` says."""
    path = folder / "app.js"
    path.write_text(f"throw 1;\n//# sourceMappingURL={link}\n")
    if source_map is not None:
        (folder / "app.js.map").write_text(json.dumps(source_map))
    return str(path)


MAP = source_map([[(0, 6, 0, 1)]])
DATA = f"data:application/json;base64,{b64encode(json.dumps(MAP).encode()).decode()}"


@pytest.mark.parametrize("link", ["app.js.map", "./app%2ejs.map", DATA])
@pytest.mark.parametrize("call", ["at f ({}:1:1)", "at async f (file://{}:1:5)", "at {}:1:1"])
def test_a_line_of_a_stack_trace_is_followed_by_the_original_place(
    tmp_path: Path, link: str, call: str
) -> None:
    line = f"    {call.format(program(tmp_path, link, MAP))}"
    assert mapped([["Error: no", line], [line]]) == [
        ["Error: no", f"{line} -> {tmp_path}/b.ts:7:1"],
        [f"{line} -> {tmp_path}/b.ts:7:1"],
    ]


@pytest.mark.parametrize("link", ["", "nowhere.map", "https://a.b/c.map", "data:,{", "fifo", "."])
def test_a_line_that_cannot_be_mapped_stays_as_it_is(tmp_path: Path, link: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    line = f"    at f ({program(tmp_path, link)}:1:1)"
    assert mapped([[line, "    at f (/nowhere.js:1:1)"]])[0][0] == line
