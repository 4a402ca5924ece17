"""Imports point down, and what decides or renders knows no operating system."""

from __future__ import annotations

from tests.docs.source import imports, modules

NOUNS = {"model", "spec", "errors", "quantities"}
MAY_IMPORT = {
    "__main__": {"cli"},
    "cli": {"commands", "context", "view", "model", "errors"},
    "context": {"store", "view", "errors"},
    "commands": {"context", "policy", "store", "osproc", "patrol", "view", *NOUNS},
    "patrol": {"policy", "store", "osproc", *NOUNS},
    "view": {"policy", *NOUNS},
    "policy": NOUNS,
    "store": NOUNS,
    "osproc": NOUNS,
    "model": {"errors"},
    "spec": set(),
    "errors": set(),
    "record": set(),
    "quantities": set(),
    "": set(),  # tsm/__init__.py, which everybody may import
}
PURE = {"policy", "model", "spec", "view", "errors", "quantities"}
WORLD = {"os", "pathlib", "time", "random", "signal", "subprocess"}


def _layer(module: str) -> str:
    return [*module.split("."), ""][1]


def _inside(imported: str) -> str | None:
    """The module of tsm that is imported: the longest known name; None for another's."""
    if imported.partition(".")[0] != "tsm":
        return None
    known = modules()
    while imported not in known:
        imported = imported.rpartition(".")[0]
    return imported


def test_every_module_is_in_a_layer() -> None:
    assert [name for name in modules() if _layer(name) not in MAY_IMPORT] == []


def test_no_import_points_up() -> None:
    upward = []
    for name, path in modules().items():
        for line, imported in imports(name, path):
            target = _inside(imported)
            if target in {None, "tsm"}:
                continue
            if _layer(str(target)) not in {
                _layer(name),
                "record",
                *MAY_IMPORT.get(_layer(name), ()),
            }:
                upward.append(f"{path}:{line}: {name} imports {target}")
    assert not upward, "\n".join(upward)


def test_no_command_imports_another() -> None:
    sideward = []
    for name, path in modules().items():
        if not name.startswith("tsm.commands."):
            continue
        for line, imported in imports(name, path):
            if (_inside(imported) or "").startswith("tsm.commands."):
                sideward.append(f"{path}:{line}: {name} imports {imported}")
    assert not sideward, "\n".join(sideward)


def test_pure_layers_import_nothing_of_the_world() -> None:
    impure = [
        f"{path}:{line}: {name} imports {imported}"
        for name, path in modules().items()
        if _layer(name) in PURE
        for line, imported in imports(name, path)
        if imported.partition(".")[0] in WORLD
    ]
    assert not impure, "\n".join(impure)
