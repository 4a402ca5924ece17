"""Children that run on though somebody has removed their process directories."""

from __future__ import annotations

from contextlib import suppress

from tsm.errors import Broken, Refused
from tsm.osproc import stranger
from tsm.store import runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from tsm.store.home import Home


def lost(home: Home) -> Iterator[tuple[str, int]]:
    """Names and pids of them, but for those that were adopted since."""
    adopted = set()
    for name in home.names():
        with suppress(Broken):
            run = runs.read(home, name)
            adopted.add(run.child.pid if run is not None and run.child is not None else 0)
    return ((name, pid) for name, pid in stranger.lost(home.processes) if pid not in adopted)


def refusals(home: Home, names: Container[str]) -> dict[str, Refused]:
    """By name, why those of `names` must not be made anew: there would be two instances."""
    return {
        name: Refused(
            f"{name}: its directory was removed, and its child, pid {pid}, runs on: "
            f"tsm attach {pid} --name {name}, or kill {pid}"
        )
        for name, pid in lost(home)
        if name in names
    }
