"""beats: whether the server's rounds are still made; a thread that ended or hangs leaves no word by itself."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import Final

HANGS_S: Final = 1800.0  # no round takes this long: the longest sends 500 messages, most of them at once


@dataclass(frozen=True, slots=True)
class Beat:
    """One kind of round."""

    thread: threading.Thread
    began: float | None = None  # of the round that is being made; monotonic seconds
    ended_at: float | None = None  # of the last one; seconds since 1970


class Beats:
    """The rounds of one server; empty where none are made, as in a command."""

    def __init__(self) -> None:
        self._beats: dict[str, Beat] = {}

    def expect(self, name: str, thread: threading.Thread) -> None:
        """A thread makes this round from now on."""
        self._beats[name] = Beat(thread)

    def began(self, name: str) -> None:
        """A round has begun."""
        self._note(name, began=time.monotonic())

    def ended(self, name: str) -> None:
        """It has ended, however."""
        self._note(name, began=None, ended_at=time.time())

    def forget(self) -> None:
        """No more rounds are made."""
        self._beats = {}

    def last(self) -> dict[str, float]:
        """When each round last ended, seconds since 1970; without those that never did."""
        return {name: beat.ended_at for name, beat in self._beats.items() if beat.ended_at is not None}

    def missing(self) -> list[str]:
        """The rounds that are no longer made."""
        now = time.monotonic()
        return [
            name
            for name, beat in self._beats.items()
            if not beat.thread.is_alive() or (beat.began is not None and now - beat.began > HANGS_S)
        ]

    def _note(self, name: str, **said: float | None) -> None:
        beat = self._beats.get(name)
        if beat is not None:  # a round may outlast its server
            self._beats[name] = replace(beat, **said)  # type: ignore[arg-type]
