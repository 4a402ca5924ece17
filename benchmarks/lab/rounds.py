"""The peers set up for a row, and the rounds that visit them in turn."""

from __future__ import annotations

import statistics
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from lab.child import Door, sleeper, written
from lab.stand import Stand
from lab.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from lab.child import Kind
    from lab.site import Site
    from peers.peer import Peer

    Measure = Callable[[Stand], Mapping[str, float]]

T = TypeVar("T")

# Figures by row key, then by peer.
Figures = dict[str, dict[str, float]]


@dataclass(slots=True)
class Lab:
    """The site, the peers that are installed, and what is said under the table."""

    site: Site
    rounds: int
    peers: list[Peer] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def together(
        self, names: Sequence[str], rounds: int, measure: Measure, ready: Measure
    ) -> Figures:
        """Set all peers up, `ready` each once, and measure them in turn; answer medians.

        Each round begins with another peer, so that a drift of the machine hits all alike.
        """
        samples = Samples()
        with self.stands(self.peers, names, sleeper) as stands:
            self._visit(stands, ready, Samples())
            for number in range(rounds):
                self._visit(stands, measure, samples, turn=number)
        return samples.medians()

    def alone(
        self,
        names: Sequence[str],
        rounds: int,
        measure: Measure,
        kind: Kind,
        worst: Collection[str] = (),
    ) -> Figures:
        """Set one peer up at a time and measure it, once a round.

        Answer medians, but for the rows `worst`: the most there was of each.
        """
        samples = Samples(worst)
        for number in range(rounds):
            for peer in turned(self.peers, number):
                with self.stands([peer], names, kind) as stands:
                    self._visit(stands, measure, samples)
        return samples.medians()

    def note(self, peer: str, trouble: Trouble) -> None:
        """Put the trouble of a peer under the table."""
        line = f"{peer}: {trouble}"
        say(line)
        if line not in self.notes:
            self.notes.append(line)

    @contextmanager
    def stands(
        self, peers: Sequence[Peer], names: Sequence[str], kind: Kind
    ) -> Iterator[list[Stand]]:
        """Set `peers` up with a program for each of `names`, none of them running.

        A peer in trouble is left out. At the end all are taken down, whatever happened.
        """
        standing: list[Stand] = []
        try:
            for peer in peers:
                with self._noting(peer):
                    standing.append(self._set_up(peer, names, kind))
            yield list(standing)
        finally:
            for stand in standing:
                self._take_down(stand)
            for peer in peers:
                self.site.end_all(peer.name)

    def _set_up(self, peer: Peer, names: Sequence[str], kind: Kind) -> Stand:
        folder = self.site.emptied(peer.name)
        door = Door(folder / "door")
        scripts = folder / "children"
        scripts.mkdir()
        programs = [written(name, kind(name, door), scripts) for name in names]
        try:
            peer.up(programs)
        except Trouble:
            door.close()
            raise
        return Stand(peer, self.site, door, programs)

    def _take_down(self, stand: Stand) -> None:
        name = stand.peer.name
        with self._noting(stand.peer):
            stand.peer.down()
        if ended := self.site.end_all(name):
            say(f"{name}: {ended} processes outlived its end and were killed")
        stand.door.close()

    def _visit(
        self, stands: list[Stand], measure: Measure, samples: Samples, *, turn: int = 0
    ) -> None:
        """Measure each of `stands`, the `turn`-th first; one in trouble leaves the row."""
        for stand in turned(stands, turn):
            try:
                samples.add(stand.peer.name, measure(stand))
            except Trouble as trouble:
                self.note(stand.peer.name, trouble)
                samples.drop(stand.peer.name)
                stands.remove(stand)

    @contextmanager
    def _noting(self, peer: Peer) -> Iterator[None]:
        try:
            yield
        except Trouble as trouble:
            self.note(peer.name, trouble)


class Samples:
    """Figures as they come in."""

    def __init__(self, worst: Collection[str] = ()) -> None:
        self._worst = worst
        self._taken: dict[tuple[str, str], list[float]] = {}
        self._dropped: set[str] = set()

    def add(self, name: str, figures: Mapping[str, float]) -> None:
        """Take one figure for each row key in."""
        for key, value in figures.items():
            self._taken.setdefault((key, name), []).append(value)

    def drop(self, name: str) -> None:
        """Forget `name`: some rounds are not a result."""
        self._dropped.add(name)

    def medians(self) -> Figures:
        """Answer the median of each, or the worst; tell all three of least, median and most."""
        answer: Figures = {}
        for (key, name), values in self._taken.items():
            if name in self._dropped:
                continue
            middle = statistics.median(values)
            answer.setdefault(key, {})[name] = max(values) if key in self._worst else middle
            spread = f"{min(values):14.4f} {middle:14.4f} {max(values):14.4f}"
            say(f"{key:16} {name:12} {spread}  x{len(values)}")
        return answer


def turned(items: Sequence[T], number: int) -> list[T]:
    """Answer `items` from the `number`-th on, then those before it."""
    turn = number % len(items) if items else 0
    return [*items[turn:], *items[:turn]]


def say(line: str) -> None:
    """Tell the person who waits."""
    print(line, file=sys.stderr, flush=True)
