"""What must hold once the storm is over, each fault in a line."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from scene import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chaos import Ledger
    from scene import Member, Scene

_BEGINS, _ENDS = ("start", "restart"), ("exit", "crash", "stop")
_TERM, _KILL = 143, 137
_SETTLE_S = 120.0
_LEAVE_S = 30.0  # for launchers, their patrols and the resident to follow the last child
_MOVING = ("waiting", "launching", "stopping")
_KEPT_LOCKS = {".home.lock", ".saved.lock", ".patrol.lock"}


class Verdict:
    """The checks, in the order in which they are to be made."""

    def __init__(self, scene: Scene, ledger: Ledger) -> None:
        self._scene = scene
        self._ledger = ledger
        self.counts: Counter[str] = Counter()

    def pass_on(self) -> None:
        """Let things settle, check, delete all, and check again."""
        if self._scene.has_pause:
            self._scene.tsm("resume", "all")
        if not eventually(self._quiet, _SETTLE_S):
            self._blame(f"not quiet after {_SETTLE_S:g} s: {self._scene.tsm('ls').out}")
        self._ledger.see(self._scene.members())
        events = {path.stem: list(self._events(path)) for path in self._histories()}
        for fault in (*self._instances(events), *self._days()):
            self._blame(fault)
        checked = self._scene.tsm("check")
        if checked.status:
            self._blame(f"check: {checked.out}")
        deleted = self._scene.tsm("delete", "all")
        if deleted.status:
            self._blame(f"delete all: {deleted.status}: {deleted.err}")
        for fault in self._left():
            self._blame(fault)
        for path in self._histories():
            for fault in self._life(path.stem, list(self._events(path))):
                self._blame(fault)
        for fault in self._lost():
            self._blame(fault)

    def _blame(self, fault: str) -> None:
        self._ledger.blame(fault)

    def _quiet(self) -> bool:
        """Whether patrol has nothing to do, and nothing is on its way elsewhere."""
        done, listed = self._scene.tsm("patrol"), self._scene.tsm("ls")
        rows = [json.loads(line) for line in listed.out.splitlines()]
        moving = [row for row in rows if row["status"] in _MOVING]
        return done.out == "" and done.status == listed.status == 0 and not moving

    def _instances(self, events: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
        """One for each that is wanted up, none else."""
        living = Counter(one.name for one in self._scene.members() if one.kind == "child")
        statuses = {row["name"]: row["status"] for row in map(json.loads, self._ls())}
        for name, policy in self._scene.policies.items():
            expected = int(self._wanted(name, policy, events.get(name, [])))
            if living[name] != expected:
                yield f"{name} ({policy}): {living[name]} instances, not {expected}"
            if (statuses.get(name) == "online") != bool(expected):
                yield f"{name} ({policy}): ls says {statuses.get(name)}, {expected} expected"
            self.counts["online"] += expected

    def _wanted(self, name: str, policy: str, events: list[dict[str, Any]]) -> bool:
        """Whether a child is to be there, from the definition, `down`, and the last run."""
        folder = self._scene.home / "runtime/processes" / name
        if not folder.is_dir() or (folder / "down").exists():
            return False
        lives = [one["event"] for one in events if one["event"] in (*_BEGINS, *_ENDS)]
        if policy in ("always", "unless-stopped") or not lives or lives[-1] in _BEGINS:
            return True
        return policy == "on-failure" and lives[-1] == "crash"

    def _ls(self) -> list[str]:
        return self._scene.tsm("ls").out.splitlines()

    def _histories(self) -> list[Path]:
        return sorted(self._scene.files("db/history/*.jsonl"))

    def _events(self, path: Path) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                event: dict[str, Any] = json.loads(line)
            except ValueError:
                self._blame(f"{path.name}:{number}: not JSON: {line!r}")
            else:
                yield event

    def _days(self) -> Iterator[str]:
        """Whether the day files hold what the histories hold."""
        own = Counter(line for path in self._histories() for line in _lines(path))
        days = Counter(
            line for path in self._scene.files("db/events/*.jsonl") for line in _lines(path)
        )
        for line in own - days:
            if '"run"' in line:  # nobody finds a delete unfinished that was cut short just there
                yield f"in its history alone: {line}"
        for line in days - own:
            yield f"in the file of its day alone: {line}"

    def _life(self, name: str, events: list[dict[str, Any]]) -> Iterator[str]:
        """Whether runs begin and end in turn, in the order of time, with the right codes."""
        open_run, before_s = None, 0.0
        for event in events:
            where = f"{name}: {json.dumps(event)}"
            if event["time"] < before_s:
                yield f"{where}: earlier than the event before"
            before_s = event["time"]
            if event["event"] in _BEGINS:
                self.counts["runs"] += 1
                if open_run is not None:
                    yield f"{where}: {open_run} has not ended"
                open_run = event["run"]
            elif event["event"] in _ENDS and "code" in event:
                self.counts[f"{event['event']} events"] += 1
                if open_run != event["run"]:
                    yield f"{where}: ends, but {open_run} runs"
                open_run = None
                yield from (f"{where}: {what}" for what in self._code(event))
        if open_run is not None:
            yield f"{name}: {open_run} has no end, and all is deleted"

    def _code(self, event: dict[str, Any]) -> Iterator[str]:
        """Whether the exit code is that of the child."""
        run, code = event["run"], event["code"]
        path = self._scene.codes / run
        text = path.read_text().strip() if path.exists() else ""
        allowed = {int(text)} if text else set()
        if run in self._ledger.killed:
            allowed.add(_KILL)
        if event["event"] == "stop":
            allowed.update({_TERM, _KILL} if "killed" in event else {_TERM})
        if code is None:
            self.counts["unknown codes"] += 1
            if run not in self._ledger.unwatched:
                yield "no code, and nobody killed its launcher"
        elif code not in allowed:
            yield f"code {code}, not one of {sorted(allowed)}"

    def _lost(self) -> Iterator[str]:
        """Whether the journal knows of every run that was seen, and of every one that exited."""
        rows = [
            (path.stem, event["run"], event["event"])
            for path in self._histories()
            for event in self._events(path)
            if "run" in event
        ]
        begun = {f"{name}/{run}" for name, run, event in rows if event in _BEGINS}
        ended = {run for _, run, event in rows if event in _ENDS}
        yield from (f"{one}: lived, and is not in the journal" for one in self._ledger.seen - begun)
        for path in self._scene.codes.iterdir():
            if path.name not in ended:
                yield f"{path.name}: exited, and is not in the journal"

    def _staying(self) -> list[Member]:
        """Who is there, but for the naps of launchers that were killed: they end by themselves."""
        return [
            one
            for one in self._scene.members()
            if one.kind != "nap" or one.run not in self._ledger.unwatched
        ]

    def _left(self) -> Iterator[str]:
        """What is left after `delete all`."""
        if not eventually(lambda: not self._staying(), _LEAVE_S):
            yield f"still there after delete all: {self._staying()}"
        for pattern in ("runtime/processes/*", "runtime/pids/*", "runtime/locks/*", "**/*.new"):
            for path in self._scene.files(pattern):
                if path.name not in _KEPT_LOCKS:
                    yield f"left after delete all: {path}"


def _lines(path: Path) -> list[str]:
    return list(filter(None, path.read_text().splitlines()))
