"""The HTTP probe: one GET over a connection of its own, and no more of HTTP than that needs."""

from __future__ import annotations

import re
from functools import cache

from tsm.errors import Failed
from tsm.model import Answer
from tsm.osproc import patterns
from tsm.osproc.connect import LOCAL, connected
from tsm.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    import ssl
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Mapping

    from tsm.spec import Probe

_STATUS_LINE = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})(?:[ \r\n]|$)")
_HEX = b"0123456789abcdefABCDEF"
_BODY_BYTES = 65536
_HEADERS = 200
_POLITE_S = 0.25  # for a body that nobody needs: a server may mind being cut off in it


class _Url(Record):
    host: str
    port: int
    authority: str  # as the header Host has it
    target: str
    tls: bool


async def asked(probe: Probe) -> Answer:
    """Get the URL and look at status and body. Raises OSError and Failed."""
    url = _parsed(probe.check or "")
    reader, writer = await _opened(url)
    try:
        writer.write(_request(url))
        status, fields = await _head(reader)
        good = _expected(status, probe.status)
        if not good or probe.body is None:
            text = await _soon(reader, status, fields)
            return Answer(good, f"HTTP {status}" if good else f"HTTP {status}{_hint(text)}")
        text = await _body(reader, status, fields)
        line = await patterns.found(probe.body, text, probe.timeout_s)
        if line is None:
            return Answer(ok=False, output=f"HTTP {status}, but no body that holds {probe.body!r}")
        return Answer(ok=True, output=f"HTTP {status}: {line}")
    finally:
        writer.transport.abort()


def _parsed(check: str) -> _Url:
    scheme, _, rest = check.partition("://")
    rest = rest.partition("#")[0]
    authority = re.split("[/?]", rest, maxsplit=1)[0]
    target = rest[len(authority) :]
    if not target.startswith("/"):
        target = f"/{target}"
    tls = scheme == "https"
    name = re.fullmatch(r"\[?(.+?)\]?(?::(\d+))?", authority)
    if name is None:
        message = f"{check!r}: names no host"
        raise Failed(message)
    port = int(name[2] or (443 if tls else 80))
    return _Url(name[1], port, authority, target, tls)


def _request(url: _Url) -> bytes:
    target = "".join(
        one if "!" <= one <= "~" else "".join(f"%{byte:02X}" for byte in _utf8(one))
        for one in url.target
    )
    try:
        host = url.authority.encode("ascii" if url.authority.isascii() else "idna")
    except UnicodeError as error:
        message = f"cannot resolve {url.host!r}: no name of a host"
        raise Failed(message) from error
    fields = b"User-Agent: tsm\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    return b"GET %s HTTP/1.1\r\nHost: %s\r\n%s" % (target.encode("ascii"), host, fields)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


async def _opened(url: _Url) -> tuple[StreamReader, StreamWriter]:
    import asyncio

    one = await connected(url.host, url.port)
    try:
        if not url.tls:
            return await asyncio.open_connection(sock=one)
        return await _secured(url, one)
    except BaseException:
        one.close()
        raise


async def _secured(url: _Url, one: socket.socket) -> tuple[StreamReader, StreamWriter]:
    import asyncio
    import ssl

    context = _context(verified=url.host not in LOCAL)
    try:
        return await asyncio.open_connection(sock=one, ssl=context, server_hostname=url.host)
    except ssl.SSLCertVerificationError as error:
        message = f"its certificate is not accepted: {error.verify_message}"
        raise Failed(message) from error
    except ssl.SSLError as error:
        message = f"TLS: {(error.reason or str(error)).replace('_', ' ').lower()}"
        raise Failed(message) from error


@cache  # it reads the certificates of the machine
def _context(*, verified: bool) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _head(reader: StreamReader) -> tuple[int, Mapping[bytes, bytes]]:
    """The status and the header fields of the answer proper, after those that go before it."""
    while True:
        line = await _line(reader)
        found = _STATUS_LINE.match(line)
        if found is None:
            said = line[:60].decode("latin-1").strip()
            message = f"not an HTTP answer: {said!r}" if line else "closed without an answer"
            raise Failed(message)
        fields = await _fields(reader)
        if int(found[1]) >= 200 or int(found[1]) == 101:
            return int(found[1]), fields


async def _fields(reader: StreamReader) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for _ in range(_HEADERS):
        line = await _line(reader)
        if not line.strip():
            return fields
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()
    message = f"not an HTTP answer: more than {_HEADERS} headers"
    raise Failed(message)


async def _line(reader: StreamReader) -> bytes:
    """The next line; what there is of it at the end."""
    import asyncio

    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as end:
        return end.partial
    except asyncio.LimitOverrunError as error:
        message = "not an HTTP answer: a line without an end"
        raise Failed(message) from error


async def _soon(reader: StreamReader, status: int, fields: Mapping[bytes, bytes]) -> str:
    """The body if it comes soon; nothing depends on it."""
    import asyncio

    try:
        async with asyncio.timeout(_POLITE_S):
            return await _body(reader, status, fields)
    except (OSError, Failed):  # asyncio's TimeoutError is one of these
        return ""


async def _body(reader: StreamReader, status: int, fields: Mapping[bytes, bytes]) -> str:
    """The first 64 KiB of it, or what of it came before the end."""
    length = fields.get(b"content-length", b"")
    if status in (204, 304):
        got = b""
    elif b"chunked" in fields.get(b"transfer-encoding", b"").lower():
        got = await _chunks(reader)
    elif length.isdigit() and len(length) < 6:
        got = await _bytes(reader, min(int(length), _BODY_BYTES))
    else:
        got = await _bytes(reader, _BODY_BYTES)
    return got.decode("utf-8", "replace")


async def _chunks(reader: StreamReader) -> bytes:
    got = b""
    while len(got) < _BODY_BYTES:
        digits = (await _line(reader)).partition(b";")[0].strip()
        size = int(digits, 16) if digits and not digits.strip(_HEX) else 0
        if size == 0:  # the end, or no sense in it
            break
        got += await _bytes(reader, min(size, _BODY_BYTES - len(got)))
        await _line(reader)
    return got


async def _bytes(reader: StreamReader, count: int) -> bytes:
    import asyncio

    try:
        return await reader.readexactly(count)
    except asyncio.IncompleteReadError as end:
        return end.partial


def _expected(status: int, wanted: str) -> bool:
    """Whether the status is among those of `200-299,404`."""
    for part in wanted.split(","):
        first, _, last = part.partition("-")
        if int(first) <= status <= int(last or first):
            return True
    return False


def _hint(text: str) -> str:
    """What a body that is meant for people or programs says first, as an addition."""
    line = text.strip().partition("\n")[0].strip()
    return f": {line}" if line and not line.startswith("<") else ""
