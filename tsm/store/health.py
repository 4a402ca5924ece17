"""The file health.json of a process: what its probe, and it itself, have said of its run."""

from __future__ import annotations

from contextlib import suppress

from tsm.errors import Broken
from tsm.store import documents
from tsm.store.atomic import remove, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.store.home import Home


def read(home: Home, name: str, run_id: str) -> dict[str, object]:
    """What is known of that run; empty if nothing is, or the file makes no sense."""
    with suppress(Broken):
        found = documents.read_object(home.file(name, "health.json"))
        if found.get("run") == run_id:
            return found
    return {}


def write(home: Home, name: str, run_id: str, verdict: Mapping[str, object]) -> None:
    """Replace the verdict on that run. The caller holds the lock of the process."""
    _replace(home, name, run_id, {**verdict, **_watchdog(home, name, run_id)})


def write_watchdog(home: Home, name: str, run_id: str, watchdog_s: float | None) -> None:
    """Write down how long that run may be silent. The caller holds the lock of the process."""
    _replace(home, name, run_id, {**read(home, name, run_id), "watchdog_s": watchdog_s})


def watchdog_s(home: Home, name: str, run_id: str) -> float | None:
    """How long that run may be silent, if it has said so."""
    found = read(home, name, run_id).get("watchdog_s")
    return found if isinstance(found, int | float) and found > 0 else None


def forget(home: Home, name: str, run_id: str) -> None:
    """Forget the verdict on that run. The caller holds the lock of the process."""
    if _watchdog(home, name, run_id):
        write(home, name, run_id, {})
    else:
        remove(home.file(name, "health.json"))


def _watchdog(home: Home, name: str, run_id: str) -> dict[str, object]:
    known_s = watchdog_s(home, name, run_id)
    return {} if known_s is None else {"watchdog_s": known_s}


def _replace(home: Home, name: str, run_id: str, values: Mapping[str, object]) -> None:
    data = documents.object_bytes({**values, "run": run_id})
    replace(home.file(name, "health.json"), data)
