"""The file health.json of a process: what its probe has last said of the current run."""

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


def write(home: Home, name: str, values: Mapping[str, object]) -> None:
    """Replace it. The caller holds the lock of the process."""
    replace(home.file(name, "health.json"), documents.object_bytes(values))


def forget(home: Home, name: str) -> None:
    """Remove it, for a process that is asked no more. The caller holds the lock."""
    remove(home.file(name, "health.json"))
