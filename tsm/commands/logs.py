"""show, search or follow what processes write"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import partial
from itertools import islice

from tsm.errors import Failed, TsmError, Usage
from tsm.patrol.log_feeds import Alarm, Feeds
from tsm.patrol.log_notices import notices
from tsm.policy import selection
from tsm.policy.levels import LEVELS, at_least
from tsm.policy.selection import Picker, Selection
from tsm.policy.words import can_mean_several
from tsm.record import Record
from tsm.store import logs
from tsm.view import text
from tsm.view.arguments import add_names, moment, number
from tsm.view.log_lines import LinePrinter, LogLine, Look, as_export, as_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tsm.context import Context
    from tsm.osproc.patterns import Finder
    from tsm.patrol.log_feeds import Feed
    from tsm.policy.selection import Shown
    from tsm.store.follower import Chunk, Follower

    Show = Callable[[LogLine], bytes]

_SEARCH_S = 2.0  # that a pattern may take for one line
_PAUSE_S = 0.04  # between two looks at what is written all the time
_LONG_BYTES = 1 << 26  # who reads so much is told how far that is, after a second
_PROGRESS_S = 1.0
_LINES = 100


class _Part(Record):
    """Which part of each log is shown."""

    since_s: float | None
    until_s: float | None
    lines: int | None  # the last ones of those that are selected; None: all
    whole: bool  # a last line without its newline is no part of it


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    add_names(parser, least="*")
    add = parser.add_argument
    add("-f", "--follow", action="store_true", help="go on as lines are added")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--out", action="store_true", help="standard output alone")
    which.add_argument("--err", action="store_true", help="standard error alone")
    part = parser.add_argument_group("which part").add_argument
    part("-n", "--lines", type=number, metavar="N", help="the last N of each stream; default: 100")
    part("--since", metavar="TIME", help="10m: so long ago; or 2026-11-20T12:30 (UTC)")
    part("--until", metavar="TIME", help="and not after that")
    part("--all-history", action="store_true", help="from the very first line that is kept")
    lines = parser.add_argument_group("which lines").add_argument
    lines("--grep", metavar="RE", help="those in which the regular expression is found")
    lines("--invert", action="store_true", help="those in which it is not")
    lines("--level", choices=LEVELS, help="those that say they are so severe, or more")
    lines("-C", "--context", type=number, default=0, metavar="N", help="and N around each of them")
    forms = parser.add_argument_group("in which form")
    form, one_of = forms.add_argument, forms.add_mutually_exclusive_group().add_argument
    form("-t", "--timestamps", action="store_true", help="with their times (UTC) in front")
    form("--highlight", action="store_true", help="paint what is found, and by level")
    one_of("--json", action="store_true", help="one JSON object a line")
    one_of("--export", choices=("json", "text"), help="all that is kept, with times and names")


def run(opts: Namespace, context: Context) -> int:
    """Print lines in the order of time: of one process as they are, of several with its name."""
    part, find = _part(opts), _finder(opts.grep)
    wish = _selection(opts, find)
    streams = [
        s for s in logs.STREAMS if (s == "out" or not opts.out) and (s == "err" or not opts.err)
    ]
    feeds = Feeds(context.home, opts.names or ["all"], streams)
    found = feeds.gather(wait=opts.follow)
    for name in feeds.names:
        for notice in notices(context.home, name, streams):
            context.say(f"tsm logs: {notice}")
    if _is_plain(opts, feeds) and sum(feed.follower.end() > 0 for feed in found) < 2:
        for feed in found:
            chunks = feed.follower.back(feed.follower.end())
            context.write_bytes(selection.tail(chunks, part.lines or 0))
        return _report(found, context)
    import heapq

    show = _form(opts, context, feeds, find)
    told = _attended(opts, context)
    past = [_past(feed, part, wish, context, told=told) for feed in found]
    for one in heapq.merge(*past, key=lambda one: one.time_s):
        context.write_bytes(show(one))
        if context.lost is not None:
            return 0
    context.flush()
    status = _report(found, context)
    if opts.follow:
        _follow(feeds, found, wish, show, context)
    return status


def _report(feeds: Sequence[Feed], context: Context) -> int:
    """Say which rotated files could not be read, each once; the exit status."""
    problems = {str(one): one for feed in feeds for one in feed.follower.problems}
    return context.report(list(problems.values()))


def _is_plain(opts: Namespace, feeds: Feeds) -> bool:
    """Whether the last lines of one process are asked for, and nothing else."""
    more = (opts.since, opts.until, opts.all_history, opts.grep, opts.level, opts.context)
    forms = (opts.timestamps, opts.highlight, opts.json, opts.export)
    return len(feeds.names) == 1 and not any((opts.follow, *more, *forms))


def _attended(opts: Namespace, context: Context) -> bool:
    """Whether a resident sees what comes, so that the time of the last is known; if that counts."""
    if not (opts.timestamps or opts.json or opts.export or opts.until):
        return False
    from tsm.patrol import presence

    return presence.attended(context.home)


def _past(
    feed: Feed, part: _Part, wish: Selection, context: Context, *, told: bool
) -> Iterator[LogLine]:
    """The lines of one log that are there; what comes after them is left for those who follow."""
    from tsm.store.log_times import Times

    follower = feed.follower
    there = end = follower.end()
    times = Times(follower.path, there, told=told)
    first = 0
    if part.since_s is not None:
        first = _line_begin(follower, times.since(part.since_s), there)
    if part.until_s is not None:
        end = _line_begin(follower, times.until(part.until_s), there)
    elif part.whole:
        end = follower.line_begin(end)
    if part.lines is None:
        chunks = follower.forth(first, end)
        found: Iterable[Shown] = selection.shown(wish, _watched(chunks, first, end, context))
    else:
        chunks = follower.back(end, first)
        found = selection.last(wish, _watched(chunks, end, first, context), part.lines)
        follower.seek(end)
    for one in found:
        mark = times.at(min(one.end, there))  # the last may have no newline yet
        if mark is None:
            yield _line(feed, one, 0.0, told=False)
        else:
            yield _line(feed, one, mark.time_s, told=mark.told)


def _line_begin(follower: Follower, position: int, end: int) -> int:
    """Where the line begins that has that position; `end` for what is not there yet."""
    return follower.line_begin(position) if position < end else end


def _line(feed: Feed, one: Shown, time_s: float, *, told: bool) -> LogLine:
    return LogLine(feed.name, feed.stream, one.begin, one.line, time_s, told, one.around)


def _watched(chunks: Iterable[Chunk], first: int, last: int, context: Context) -> Iterator[Chunk]:
    """`chunks`, while whoever watches a terminal is told how far the search has come."""
    told_s, size = time.monotonic(), abs(last - first)
    for begin, chunk in chunks:
        if size > _LONG_BYTES and time.monotonic() > told_s + _PROGRESS_S:
            context.progress(f"{abs(begin - first) / size:.0%} of {text.size(size)} read")
            told_s = time.monotonic()
        yield begin, chunk
    context.end_progress()


def _follow(
    feeds: Feeds, found: Sequence[Feed], wish: Selection, show: Show, context: Context
) -> None:
    """Print what comes, until nobody reads it."""
    alarm, pickers = Alarm(context.home), {feed: _primed(feed, wish) for feed in found}
    alarm.add(found)
    for error in feeds.missing:
        context.say(f"tsm logs: {error}; it is waited for")
    while True:
        due, arrivals = alarm.due()
        for feed in due:
            for chunk in feed.follower.chunks():
                now_s = round(time.time(), 3)
                for one in pickers[feed].pick(chunk):
                    context.write_bytes(show(_line(feed, one, now_s, told=True)))
        context.flush()
        new: Sequence[Feed] = ()
        if arrivals:
            with suppress(TsmError):  # a word that means several now
                new = feeds.gather(wait=True)
                pickers |= {feed: Picker(wish) for feed in new}
                alarm.add(new)
        if new:
            continue
        if context.reader_gone(_PAUSE_S) or context.reader_gone(alarm.timeout_s, alarm.fd):
            return


def _primed(feed: Feed, wish: Selection) -> Picker:
    """One for what comes, which knows what came just before."""
    picker = Picker(wish)
    for chunk in islice(feed.follower.back(feed.follower.position), min(1, wish.context)):
        list(picker.pick(chunk))
    return picker


def _part(opts: Namespace) -> _Part:
    """Raises Usage for what makes no sense together."""
    now_s = time.time()
    since_s, until_s = (
        None if when is None else moment(when, now_s) for when in (opts.since, opts.until)
    )
    if since_s is not None and until_s is not None and since_s > until_s:
        message = f"--since {opts.since} is later than --until {opts.until}"
        raise Usage(message)
    if opts.follow and (until_s is not None or opts.export):
        message = f"--follow has no end: give it without {'--export' if opts.export else '--until'}"
        raise Usage(message)
    ranged = opts.since or opts.until or opts.all_history or opts.export
    lines = opts.lines if ranged or opts.lines is not None else _LINES
    return _Part(since_s, until_s, lines, whole=opts.follow)


def _selection(opts: Namespace, find: Finder | None) -> Selection:
    if opts.invert and find is None:
        message = "--invert: give the expression that is not to be found, with --grep"
        raise Usage(message)
    if opts.context and find is None and opts.level is None:
        message = "--context: choose the lines that it is to be around, by --grep or --level"
        raise Usage(message)
    tests: list[Callable[[bytes], bool]] = []
    if find is not None:
        tests.append(partial(_found, find, opts.grep, invert=opts.invert))
    if opts.level is not None:
        tests.append(at_least(opts.level))
    wanted = (lambda line: all(test(line) for test in tests)) if tests else None
    quick = find.lines if find is not None and not opts.invert else None
    return Selection(wanted, quick, opts.context)


def _finder(expression: str | None) -> Finder | None:
    if expression is None:
        return None
    from tsm.osproc.patterns import Finder

    try:
        return Finder(os.fsencode(expression), _SEARCH_S)
    except ValueError as error:
        message = f"--grep '{text.printable(expression)}': not a regular expression: {error}"
        raise Usage(message) from error


def _found(find: Finder, expression: str, line: bytes, *, invert: bool) -> bool:
    try:
        return find(line) is not invert
    except Failed as failure:
        message = f"--grep '{text.printable(expression)}': {failure}"
        raise Failed(message) from None


def _form(opts: Namespace, context: Context, feeds: Feeds, find: Finder | None) -> Show:
    if opts.json or opts.export == "json":
        return as_json
    if opts.export == "text":
        return as_export
    return LinePrinter(
        lambda: feeds.names,
        Look(
            colour=context.colour,
            timestamps=opts.timestamps,
            separate=opts.context > 0,
            named=len(feeds.names) > 1 or (opts.follow and can_mean_several(opts.names)),
            highlight=opts.highlight and context.colour,
            find=None if find is None or opts.invert else find.first,
        ),
    )
