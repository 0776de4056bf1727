"""Servers on loopback for the tests: one that counts who connects, one that answers as it is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Answer = Callable[[socket.socket, bytes], Any]


class Listening:
    """A server; it hears a request's head and answers it."""

    def __init__(self, answer: Answer, host: str = "127.0.0.1", port: int = 0, wrap: Any = None) -> None:
        self.heard: list[bytes] = []
        self.connections = 0
        self._answer, self._wrap = answer, wrap
        self._door = socket.create_server((host, port))
        self.host, self.port = host, self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    def close(self) -> None:
        self._door.close()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._door.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._hear, args=(visitor,), daemon=True).start()

    def _hear(self, visitor: socket.socket) -> None:
        try:
            if self._wrap is not None:
                visitor = self._wrap(visitor)
            head = b""
            while b"\r\n\r\n" not in head and (part := visitor.recv(65536)):
                head += part
            self.heard.append(head)
            self._answer(visitor, head)
        except OSError:
            pass
        finally:
            visitor.close()


def saying(body: bytes = b"{}", status: str = "200 OK", **headers: str) -> Answer:
    """Answers every request the same."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    said = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
    return lambda visitor, _head: visitor.sendall(said)


@contextmanager
def listening(answer: Answer = saying(), **more: Any) -> Iterator[Listening]:  # noqa: B008  it holds no state
    """One server, closed when done."""
    server = Listening(answer, **more)
    try:
        yield server
    finally:
        server.close()
