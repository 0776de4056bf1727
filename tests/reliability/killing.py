"""Senders that go on while the server under them is killed and started, again and again."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import httpx
from one_house import start


class Sender(threading.Thread, ABC):
    """Sends one request after another, each again until it is acknowledged."""

    path: ClassVar[str]
    media_type: ClassVar[str]

    def __init__(self, number: int, token: str) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.port = 0
        self.end = threading.Event()
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": self.media_type}
        self.refused: list[str] = []

    @abstractmethod
    def body(self) -> bytes:
        """What is to be acknowledged next."""

    @abstractmethod
    def keep(self, answer: httpx.Response) -> bool:
        """Keep what was acknowledged; False where nothing was."""

    def run(self) -> None:
        with httpx.Client(timeout=5) as client:
            while not self.end.is_set():
                url = f"http://127.0.0.1:{self.port}{self.path}"
                try:
                    answer = client.post(url, content=self.body(), headers=self.headers)
                except httpx.HTTPError:
                    self.end.wait(0.01)
                    continue
                if not self.keep(answer) and answer.status_code not in (429, 503):
                    self.refused.append(answer.text)
                    return


def kill_under(
    senders: Sequence[Sender], server: subprocess.Popen[str], kills: int, let_them_send: Callable[[], None]
) -> None:
    """Start a server and kill it so many times, and once more when everybody has ended.

    Args:
        senders: Who sends meanwhile.
        server: The parent of the servers.
        kills: How often.
        let_them_send: Waits from a server's start to its end.
    """
    try:
        for kill in range(kills + 1):
            pid, port = start(server)
            for sender in senders:
                sender.port = port
                if kill == 0:
                    sender.start()
            let_them_send()
            if kill == kills:
                for sender in senders:
                    sender.end.set()
                for sender in senders:
                    sender.join(timeout=30)
            os.kill(pid, signal.SIGKILL)
    finally:
        server.stdin.close()
        server.wait(timeout=30)
    assert [text for sender in senders for text in sender.refused] == []
