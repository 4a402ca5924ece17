"""The source of tsm, as the documentation tests read it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, sorted."""
    found = {}
    for path in sorted((ROOT / "tsm").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    assert found, "no module in tsm/"
    return found


@cache
def imports(name: str, path: Path) -> list[tuple[int, str]]:
    """Line and dotted name of all that a module imports, wherever in the module it does so."""
    return list(_imports(name, path))


def _imports(name: str, path: Path) -> Iterator[tuple[int, str]]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: 1 - node.level or None] if node.level else []
            source = ".".join([*parts, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)
