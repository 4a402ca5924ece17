"""Source maps, revision 3 (tc39.es/ecma426): from a place in generated code to the original."""

from __future__ import annotations

from bisect import bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Place = tuple[str, int, int]  # source, line and column, both from 1

_DIGITS = {
    character: value
    for value, character in enumerate(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    )
}
_MAPPINGS = 1 << 20  # characters that are decoded at the most: a third of a second


def originals(
    source_map: Mapping[str, object], places: Collection[tuple[int, int]]
) -> dict[tuple[int, int], Place]:
    """The original of each of `places` (line and column, from 1) that has one.

    Raises ValueError for what is no source map, is one of maps, or is too large.
    """
    match source_map:
        case {"version": 3, "sources": list(sources), "mappings": str(mappings)}:
            pass
        case _:
            message = "not a source map of version 3"
            raise ValueError(message)
    wanted = _segments(mappings, {line - 1 for line, _ in places})
    found = {}
    for line, column in places:
        segments = wanted.get(line - 1, [])
        index = bisect_right(segments, column - 1, key=lambda one: one[0]) - 1
        if index < 0 or len(segments[index]) < 4:
            continue
        _, source, its_line, its_column = segments[index][:4]
        if 0 <= source < len(sources) and isinstance(sources[source], str):
            name = f"{source_map.get('sourceRoot') or ''}{sources[source]}"
            found[line, column] = (name, its_line + 1, its_column + 1)
    return found


def _segments(mappings: str, lines: Collection[int]) -> dict[int, list[tuple[int, ...]]]:
    """The segments of some lines, in the order of their columns.

    Each is its column and, where it has an original, the number of the source, the line and
    the column there, all from 0. Every number but the first of a line is told by how much it
    differs from the one before, so all that comes before must be decoded.
    """
    groups = mappings.split(";", max(lines) + 1)[: max(lines) + 1]
    if sum(map(len, groups)) > _MAPPINGS:
        message = "too large"
        raise ValueError(message)
    source = line = column = 0
    found: dict[int, list[tuple[int, ...]]] = {}
    for number, group in enumerate(groups):
        generated = 0
        kept: list[tuple[int, ...]] = []
        for segment in group.split(",") if group else ():
            fields = _decoded(segment)
            generated += fields[0]
            if len(fields) < 4:
                kept.append((generated,))
                continue
            source, line, column = source + fields[1], line + fields[2], column + fields[3]
            kept.append((generated, source, line, column))
        if number in lines:
            found[number] = sorted(kept, key=lambda one: one[0])
    return found


def _decoded(segment: str) -> Sequence[int]:
    """The numbers of a segment: base 64 digits of 5 bits each, the sixth says that more follow."""
    numbers, value, shift = [], 0, 0
    for character in segment:
        digit = _DIGITS.get(character)
        if digit is None or shift > 60:
            message = f"{segment[:20]!r}: not base 64 VLQ"
            raise ValueError(message)
        value |= (digit & 31) << shift
        if digit & 32:
            shift += 5
            continue
        numbers.append(-(value >> 1) if value & 1 else value >> 1)
        value = shift = 0
    if not numbers:
        message = "an empty segment"
        raise ValueError(message)
    return numbers
