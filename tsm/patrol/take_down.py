"""Taking processes down by command: the wish is written first, then carried out."""

from __future__ import annotations

from tsm.errors import refused
from tsm.osproc import table
from tsm.patrol import hooks
from tsm.patrol.end import Ended, dismiss_launchers, end
from tsm.patrol.process import situation
from tsm.policy import state
from tsm.record import changed
from tsm.store import runs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tsm.patrol.hold import Held
    from tsm.patrol.process import Process
    from tsm.store.home import Home

STOP = ""  # the file `down` is empty: it can be made on a full disk
RESTART = "restart"  # patrol finishes what is cut short


def take_down(home: Home, held: Held, reason: str, tell: Callable[[str], None]) -> dict[str, Ended]:
    """End the runs of all that is held, keep them down, and tell by name of those that ended.

    What cannot be written, or ended, goes to `held.problems`; it keeps no other from being
    ended. `tell` as for `end`.
    """
    down = []
    for process in held.processes.values():
        try:
            runs.want_down(home, process.name, reason)
        except OSError as error:
            held.problems.append(refused(error))
            continue
        down.append(changed(process, down=reason or "stop"))
    _before_stop(home, down)
    ended = end(home, down, tell)
    held.problems += [one.problem for one in ended.values() if one.problem is not None]
    over = {name: one for name, one in ended.items() if not one.left}
    dismiss_launchers(one.process for one in over.values())
    return over


def _before_stop(home: Home, down: Sequence[Process]) -> None:
    boot = table.boot_id()
    living = [one for one in down if one.spec.hooks.pre_stop and situation(one, boot).child_lives]
    hooks.before_stop(
        home, living, "restart" if any(one.down == RESTART for one in down) else "stop"
    )


def is_up(process: Process) -> bool:
    """Whether the process is anything but down for good: online, or about to be started."""
    return status(process) in ("online", "launching", "paused", "stopping", "waiting")


def status(process: Process) -> str:
    """What the process is now."""
    word, _ = state.status(situation(process, table.boot_id()))
    return word
