"""The programs that set a child up: each does one thing and then becomes the next."""

from __future__ import annotations

import errno
import os

from tsm.errors import Refused
from tsm.osproc import accounts, privileges

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tsm.spec import Limits, Spec

_FOLDERS = ("/usr/bin", "/bin", "/usr/local/bin")
_PACKAGES = {"nice": "coreutils", "timeout": "coreutils", "choom": "util-linux 2.33 or newer"}
_UNFOLDED = "/usr/bin/env"  # what launch.sh puts in front of the chain

# Joins the cgroup $1, then unfolds $2 variables as launch.sh does: a shell that they were given
# to would drop or change them.
_JOIN = r"""
echo 0 >"$1/cgroup.procs" || exit 126
TSM_FOLD_=$2
shift 2
[ "$TSM_FOLD_" = 0 ] || while :; do
    eval "set -- \"\$TSM_FOLD_$TSM_FOLD_\" \"\$@\"; unset TSM_FOLD_$TSM_FOLD_"
    TSM_FOLD_=$((TSM_FOLD_ - 1))
    [ "$TSM_FOLD_" = 0 ] && set -- /usr/bin/env -- "$@" && break
done
unset TSM_FOLD_
exec "$@"
"""
_JOINER = "cgroup"  # what that shell is called in its complaints


def chain(spec: Spec) -> list[str]:
    """What becomes the child: the programs that set it up, then its argv.

    Privileges go last but one; setsid is the last, so that a signal to the child's group
    meets nobody who is still being set up. Raises Refused for what cannot be set up.
    """
    limits, words = spec.limits, []
    if limits.oom_score_adj is not None:
        words += [program("choom"), "-n", str(limits.oom_score_adj), "--"]
    if limits.rlimits:
        given = (f"--{name}={limit}" for name, limit in sorted(limits.rlimits.items()))
        words += [program("prlimit"), *given, "--"]
    if limits.nice is not None:  # it adds to what there is
        words += [program("nice"), "-n", str(limits.nice - privileges.niceness()), "--"]
    return [*words, *as_account(limits), program("setsid"), "--", *spec.argv]


def as_account(limits: Limits) -> list[str]:
    """What runs the words after it as the user and group of the limits; nothing if none are set."""
    who = accounts.account(limits)
    if who is None:
        return []
    groups = f"--groups={','.join(map(str, who.groups))}" if who.groups else "--clear-groups"
    return [program("setpriv"), f"--reuid={who.uid}", f"--regid={who.gid}", groups, "--"]


def joining(group: str, folded_count: int) -> list[str]:
    """What puts the words after it into the cgroup at that path, and unfolds variables."""
    return ["/bin/sh", "-c", _JOIN, _JOINER, group, str(folded_count)]


def under_way(words: Sequence[str], spec: Spec) -> bool:
    """Whether a process with that command line is still being set up to become the child."""
    if not words or words[0] == _UNFOLDED or words[1:3] == ["-c", _JOIN]:
        return True
    argv = list(spec.argv)
    links = ("choom", "prlimit", "nice", "setpriv", "setsid")
    folder, _, name = words[0].rpartition("/")
    return (
        name in links
        and folder in _FOLDERS
        and len(words) > len(argv)
        and list(words[-len(argv) :]) == argv
    )


def complaint(line: str, spec: Spec, *, executed: bool) -> str | None:
    """What the line, from a child's standard error, says has failed; None if no link wrote it.

    Where the child has been `executed`, only nice can have failed: it goes on all the same.
    """
    path, _, rest = line.partition(": ")
    folder, _, link = path.rpartition("/")
    reason = _in_words(rest.rpartition(": ")[2])
    limits = spec.limits
    if not rest or folder not in ("", *_FOLDERS) or (executed and link != "nice"):
        return None
    if link == "setsid":
        return f"cannot execute {spec.argv[0]}: {reason}{_of_whom(reason, spec)}"
    if link == "choom" and limits.oom_score_adj is not None:
        return f"cannot set oom-score-adj {limits.oom_score_adj}: {reason}"
    if link == "prlimit" and limits.rlimits:
        given = " ".join(f"{name}={limit}" for name, limit in limits.rlimits.items())
        return f"cannot set rlimit {given}: {rest}"
    if link == "nice" and limits.nice is not None:
        return f"cannot set nice {limits.nice}: {reason}"
    if link == "setpriv" and (limits.user is not None or limits.group is not None):
        who = " ".join(
            f"{key} {word}"
            for key, word in (("user", limits.user), ("group", limits.group))
            if word is not None
        )
        return f"cannot run as {who}: {rest}"
    if link == _JOINER and limits.cgroup:
        return f"cannot join its cgroup: {reason}"
    return None


def _of_whom(reason: str, spec: Spec) -> str:
    """What is not there, where the program itself is."""
    missing = reason == os.strerror(errno.ENOENT)
    there = missing and os.path.exists(os.path.join(spec.cwd, spec.argv[0]))
    return " (its interpreter or loader)" if there else ""


def _in_words(reason: str) -> str:
    """The reason, also where a program that may open no file has but its number."""
    word, _, number = reason.partition(" ")
    return os.strerror(int(number)) if word == "Error" and number.isdecimal() else reason


def program(name: str) -> str:
    """The absolute path of a program that every system has, whatever PATH says."""
    for directory in _FOLDERS:
        path = f"{directory}/{name}"
        if os.access(path, os.X_OK):
            return path
    package = _PACKAGES.get(name, "util-linux")
    message = f"{name}: not found in {', '.join(_FOLDERS)}: install {package}"
    raise Refused(message)
