"""The users and groups of the machine that a child may run as."""

from __future__ import annotations

import os

from tsm.errors import Refused
from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from tsm.spec import Limits

    Entry = TypeVar("Entry")


VARIABLES = ("HOME", "LOGNAME", "SHELL", "USER")  # what an environment says of its user


class Account(Record):
    """As whom a child runs."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()  # supplementary
    name: str = ""
    home: str = "/"
    shell: str = "/bin/sh"


def account(limits: Limits) -> Account | None:
    """Who `user` and `group` mean, each a name or a number; None if neither is set.

    A number need not be known to the system, but then has no group of its own. A group alone
    takes the place of the caller's, supplementary ones included. Raises Refused.
    """
    if limits.user is None:
        return None if limits.group is None else Account(os.geteuid(), _gid(limits.group))
    import pwd

    entry = _entry(limits.user, pwd.getpwnam, pwd.getpwuid)
    if entry is None:
        if not limits.user.isdecimal():
            message = f"user {limits.user!r}: there is no such user on this machine"
            raise Refused(message)
        if limits.group is None:
            message = f"user {limits.user}: has no account, and so no group: name a --group as well"
            raise Refused(message)
        return Account(int(limits.user), _gid(limits.group), (), limits.user)
    gid = entry.pw_gid if limits.group is None else _gid(limits.group)
    groups = tuple(os.getgrouplist(entry.pw_name, gid))
    return Account(entry.pw_uid, gid, groups, entry.pw_name, entry.pw_dir, entry.pw_shell)


def variables(limits: Limits) -> dict[bytes, bytes]:
    """What the environment says of the user, as sudo(8) and systemd set it; empty without one.

    Raises Refused.
    """
    who = account(limits) if limits.user is not None else None
    if who is None:
        return {}
    told = dict(zip(VARIABLES, (who.home, who.name, who.shell, who.name), strict=True))
    return {os.fsencode(key): os.fsencode(value) for key, value in told.items() if value}


def _gid(group: str) -> int:
    import grp

    entry = _entry(group, grp.getgrnam, grp.getgrgid)
    if entry is not None:
        return entry.gr_gid
    if not group.isdecimal():
        message = f"group {group!r}: there is no such group on this machine"
        raise Refused(message)
    return int(group)


def _entry(
    word: str, by_name: Callable[[str], Entry], by_number: Callable[[int], Entry]
) -> Entry | None:
    try:
        return by_name(word)
    except KeyError:
        pass
    try:
        return by_number(int(word))
    except (KeyError, ValueError, OverflowError):
        return None
