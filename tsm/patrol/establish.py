"""Putting a command that was typed up as a process: defined, anew where it is down, and started."""

from __future__ import annotations

import os

from tsm.errors import Failed, TsmError
from tsm.osproc import preflight, table
from tsm.patrol import guard
from tsm.patrol.bring_up import check_port, start_held
from tsm.patrol.define import defined, environ_of
from tsm.patrol.lost import refusals
from tsm.patrol.process import load, situation
from tsm.patrol.take_down import is_up
from tsm.policy import words
from tsm.record import changed
from tsm.store import definitions, documents, environment, home, log_paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsm.patrol.bring_up import Launched
    from tsm.patrol.define import Wish
    from tsm.patrol.process import Process
    from tsm.spec import Spec
    from tsm.store.home import Home
    from tsm.store.lock import Lock


def specified(wish: Wish, caller: Mapping[bytes, bytes]) -> tuple[Spec, dict[bytes, bytes]]:
    """The definition that answers the wish, and the environment of the child.

    `caller` is the environment to begin with. Raises Usage, and Refused for what could not run.
    """
    spec = defined(wish, _path(wish, caller))
    environ = environ_of(spec, caller)
    preflight.check(spec, environ, words.script(spec))
    return spec, environ


def establish(
    place: Home, spec: Spec, environ: Mapping[bytes, bytes], lock_timeout_s: float
) -> Launched:
    """Define the process, anew if it exists and is not up, and start it.

    A new process that cannot be started leaves no directory behind, unless its child lives on.
    """
    home.prepare(place)
    with guard.held(place, spec.name, lock_timeout_s) as held:
        fresh = not definitions.exists(place, spec.name)
        if fresh:
            _create(place, spec, environ, held)
        else:
            process = load(place, spec.name)
            if is_up(process):
                _check_same(process, spec)
            if not situation(process, table.boot_id()).child_lives:
                _redefine(place, process, spec, environ)
        launched = start_held(place, [load(place, spec.name)])
        if launched.problems and fresh and not _has_begun(load(place, spec.name)):
            definitions.remove(place, spec.name)
            held.retire()
        return launched


def _has_begun(process: Process) -> bool:
    """Whether its child is there, or about to be."""
    now = situation(process, table.boot_id())
    unborn = now.run is not None and now.run.child is None
    return now.child_lives or (now.launcher_lives and unborn)


def _create(place: Home, spec: Spec, environ: Mapping[bytes, bytes], held: Lock) -> None:
    try:
        if os.path.exists(place.pid_file(spec.name)):  # of one that is no more
            refusal = refusals(place, (spec.name,)).get(spec.name)
            if refusal is not None:
                raise refusal
        check_port(spec)
        log_paths.check(place, spec)
        definitions.create(place, spec, environ)
    except (TsmError, OSError):
        held.retire()
        raise


def _redefine(place: Home, process: Process, spec: Spec, environ: Mapping[bytes, bytes]) -> None:
    check_port(spec)
    log_paths.check(place, spec)
    spec = _with_other(spec, process.spec)
    if spec != process.spec:
        with log_paths.reserved(place, [spec]):
            documents.write_spec(place, spec)
        documents.write_meta(place, definitions.described(process.meta, spec))
    environment.write(place, spec.name, environ)


def _with_other(spec: Spec, old: Spec) -> Spec:
    """`spec` with what a later release has added to `old`."""
    rule = changed(spec.restart, other=old.restart.other)
    return changed(spec, restart=rule, other=old.other)


def _check_same(process: Process, new: Spec) -> None:
    """Raise Failed if the process, which is up, has another definition than is asked for."""
    old = process.spec
    new = _with_other(new, old)
    if old != new:
        differs = [
            field for field in type(old).fields if getattr(old, field) != getattr(new, field)
        ]
        word = "up" if situation(process, table.boot_id()).child_lives else "waiting"
        message = (
            f"{old.name} is {word} with another definition ({', '.join(differs)} differ): "
            f"tsm stop {old.name} first, or give another --name"
        )
        raise Failed(message)


def _path(wish: Wish, caller: Mapping[bytes, bytes]) -> str:
    path = wish.env.get("PATH") or os.fsdecode(caller.get(b"PATH", b""))
    return path or os.defpath
