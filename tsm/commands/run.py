"""run a command in the foreground, as containers want it"""

from __future__ import annotations

import argparse

from tsm.context import LOCK_S
from tsm.errors import Failed, Usage
from tsm.osproc import duties
from tsm.patrol import presence
from tsm.patrol.define import wished
from tsm.patrol.establish import establish, specified
from tsm.patrol.foreground import SIGNALS, Foreground
from tsm.view.arguments import add_definition, add_settings, settings_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping

    from tsm.context import Context
    from tsm.model import Run
    from tsm.spec import Spec

_UNKNOWN_CODE = 1


def configure(parser: ArgumentParser) -> None:
    """Add the arguments. What is not given is absent, so that it can be told from a default."""
    parser.argument_default = argparse.SUPPRESS
    parser.usage = "tsm run [OPTIONS] 'COMMAND' | WORD... | -- ARGV..."
    parser.add_argument("words", nargs="*", metavar="COMMAND", help="what to run")
    add_definition(parser)
    add_settings(parser)


def run(opts: Namespace, context: Context) -> int:
    """Start it, pass on what it writes and what signals come, and end as it does."""
    given = dict(vars(opts))
    if not given.get("words") and not opts.argv:
        message = "nothing to run: give a command (see tsm run --help)"
        raise Usage(message)
    if len(given.get("words", [])) > 1:
        given["words"], given["argv"] = [], [*given["words"], *(opts.argv or [])]
    settings = {"restart": "no", **settings_of(given)}
    wish = wished(given, settings, context.umask)
    spec, environ = specified(wish, context.environ)
    duties.adopt_orphans()
    with duties.Heard(SIGNALS) as heard:
        stage = Foreground(context.home, spec.name, heard)
        began = _started(spec, environ, context)
        if began is not None:
            stage.begin_at(began)
        return _through(stage, context)


def _started(spec: Spec, environ: Mapping[bytes, bytes], context: Context) -> Run | None:
    """Start it; its run, unless it is a job that waits for its time."""
    launched = establish(context.home, spec, environ, LOCK_S)
    for problem in launched.problems:
        raise problem
    if launched.up:
        message = f"{spec.name}: is up already: tsm logs -f {spec.name} follows it"
        raise Failed(message)
    context.warn(presence.unattended(context.home, spec))
    presence.attend(context.home, [spec.name])
    return next((one.run for one in launched.started), None)


def _through(stage: Foreground, context: Context) -> int:
    """See the process through to its rest; the exit code of its last run."""
    while not stage.rests():
        stage.turn()
        if stage.asked_to_stop:
            killed = stage.stop()
            if killed:
                context.say(f"tsm run: {', '.join(killed)} needed SIGKILL")
            stage.asked_to_stop = False
    stage.drain()
    last = stage.last()
    if last is None:
        return 0  # a job whose time never came
    if last.code is None:
        context.say(f"tsm run: {stage.name}: its exit code is unknown")
        return _UNKNOWN_CODE
    return last.code
