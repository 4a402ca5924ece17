"""Connecting to a port without holding up anybody."""

from __future__ import annotations

from functools import partial

from tsm.errors import Failed
from tsm.osproc.aside import aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    Address = tuple[int, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]

LOCAL = ("localhost", "127.0.0.1", "::1")


async def connected(host: str, port: int) -> socket.socket:
    """A connection to the first address of the host that accepts one. The caller closes it.

    Raises OSError, that of the first address, and Failed when the host has none.
    """
    import asyncio
    import socket

    first: OSError | None = None
    for family, address in await _addresses(host, port):
        one = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            await asyncio.get_running_loop().sock_connect(one, address)
        except OSError as error:
            one.close()
            first = first or error
        except BaseException:
            one.close()
            raise
        else:
            return one
    raise first or Failed(f"cannot resolve {host}: it has no address")


async def _addresses(host: str, port: int) -> Sequence[Address]:
    """Family and socket address of each that the host has; only a real name costs a look-up."""
    import socket

    if host == "localhost":
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))]
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return [(family, (host, port))]
    look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = await aside(look_up)
    except socket.gaierror as error:
        message = f"cannot resolve {host}: {(error.strerror or str(error)).lower()}"
        raise Failed(message) from error
    except UnicodeError as error:
        message = f"cannot resolve {host!r}: no name of a host"
        raise Failed(message) from error
    return [(family, address) for family, _, _, _, address in found]
