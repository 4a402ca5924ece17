"""Reading a page of mdoc(7): its sections, and the items of their lists."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What may stand in the head of an item and is no word of its text.
_MACROS = {
    *("Ao", "Ac", "Aq", "Ar", "Bo", "Bc", "Bq", "Cm", "Do", "Dc", "Dq", "Dv", "Em", "Er", "Ev"),
    *("Fl", "Ic", "Li", "Nm", "No", "Ns", "Oo", "Oc", "Op", "Pa", "Po", "Pc", "Pq", "Ql", "Qo"),
    *("Qc", "Qq", "So", "Sc", "Sq", "Sy", "Ta", "Va", "Vt", "Xo", "Xc", "Xr"),
}


def named(page: Path) -> str:
    """The one-line description of the NAME section."""
    (line,) = [line for line in _lines(page) if line.startswith(".Nd ")]
    return line.removeprefix(".Nd ").strip().strip('"')


def items(page: Path, *sections: str) -> Iterator[list[str]]:
    """The words of every list item's head in these sections, macros among them."""
    section = ""
    lines = _lines(page)
    for line in lines:
        if line.startswith(".Sh "):
            section = line.removeprefix(".Sh ").strip().strip('"')
        elif section in sections and line.startswith(".It "):
            head = _words(line.removeprefix(".It "))
            if "Xo" in head:  # the head goes on up to Xc
                for more in lines:
                    if more.startswith(".Xc"):
                        break
                    head += _words(more.removeprefix("."))
            yield head


def options(page: Path) -> set[str]:
    """The options that the page's lists describe, with their hyphens."""
    found = set()
    for head in items(page, "DESCRIPTION", "OPTIONS"):
        macro = ""
        for word in head:
            if word in _MACROS:
                macro = word
            elif macro == "Fl" and (match := re.match(r"-?\w[-\w]*", word)):
                found.add(f"-{match[0]}")
            elif word not in {",", "|", "="}:
                macro = ""
    return found


def variables(page: Path) -> set[str]:
    """All that the page calls a variable: the keys of its objects."""
    found = set()
    for line in _lines(page):
        words = _words(line.removeprefix(".")) if line.startswith(".") else []
        macro = ""
        for word in words:
            if word in _MACROS or word == "It":
                macro = word
            elif macro == "Va" and word != ",":
                found.add(word)
    return found


def files(page: Path) -> set[str]:
    """The paths that the lists of its FILES section describe."""
    return {_plain(head) for head in items(page, "FILES")}


def _plain(head: list[str]) -> str:
    """The text of an item's head, as it is rendered."""
    text = ""
    space = ""
    for word in head:
        if word == "Ns":
            space = ""
        elif word not in _MACROS:
            text += space + word
            space = " "
    return text


def _lines(page: Path) -> Iterator[str]:
    return (
        line.replace(r"\-", "-").replace(r"\&", "")
        for line in page.read_text().splitlines()
        if not line.startswith('.\\"')
    )


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.quotes = '"'
    lexer.escape = ""
    return list(lexer)
