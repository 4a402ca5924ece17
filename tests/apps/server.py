"""Serves HTTP on 127.0.0.1:$PORT until SIGTERM, then closes and exits 0."""

import os
import signal
import socket
import sys
from contextlib import suppress

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) as server:
        print(f"listening {server.getsockname()[1]}", flush=True)
        while True:
            client, _ = server.accept()
            with client, suppress(OSError):
                client.recv(65536)
                client.sendall(_ANSWER)


if __name__ == "__main__":
    main()
