"""Feedback: files that change because of the restarts for their sake."""

from __future__ import annotations

from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

RESTARTS = 5  # so many in a row, before it is more than chance
SOON_S = 2.0  # a program that writes its own files does so as it starts
_EVEN_S = 0.25  # how far its times after the start may lie apart


class Change(Record):
    """What ended a run of a process that is watched."""

    began_s: float  # when the run began
    changed_s: float  # when the first of these changes was seen, on the same clock
    paths: frozenset[str]


def loop_suspected(changes: Sequence[Change]) -> str | None:
    """The file that the starts seem to change, from the last changes, oldest first.

    Each of the last five runs was ended by a change of the same file soon after its start,
    and always at about the same distance: a person who saves again and again keeps a time of
    his own, which has nothing to do with the starts. Who writes it is not known: the process
    itself, or another that is restarted for the same files.
    """
    last = changes[-RESTARTS:]
    if len(last) < RESTARTS:
        return None
    after_s = [one.changed_s - one.began_s for one in last]
    if min(after_s) < 0 or max(after_s) > SOON_S or max(after_s) - min(after_s) > _EVEN_S:
        return None
    common = frozenset.intersection(*(one.paths for one in last))
    return min(common, default=None)


def sentence(path: str) -> str:
    """What is said of that file."""
    return f"{path} has changed soon after each of {RESTARTS} starts: it is watched no more"
