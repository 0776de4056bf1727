"""How many concerns may come in a short time, so that a flood hides none: by the poster, the person, the address.

One that says a patient was harmed is never turned away; in a flood it is marked as one of it.

Counted in memory and forgotten with it: who warns must not be found by their address afterwards.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from codman.errors import CodmanError
from codman.jobs.times import Clock
from codman.registry.accounts_throttle import digest_of

WITHIN: Final = timedelta(minutes=10)
MOST_OF_ONE: Final = 20  # of one address through one door: a whole hospital may come from one address
_MOST_ADDRESSES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Door:
    """A way in with a budget of its own: a flood through one closes no other."""

    name: str
    most: int  # within ten minutes


COMMON: Final = Door("common", 200)  # the form without a poster, and links that are none of ours


def poster_door(token: str) -> Door:
    """The door behind one poster; its name keeps nothing of the link."""
    return Door(f"poster:{digest_of(token)}", 60)


def person_door(person: str) -> Door:
    """The door of somebody who is signed in."""
    return Door(f"person:{person}", 20)


class TooManyConcerns(CodmanError):
    """More concerns in a short time than people send."""

    exit_code = 4

    def __init__(self, retry_after_s: int) -> None:
        minutes = max(1, -(-retry_after_s // 60))
        super().__init__(
            what="this concern was not sent yet",
            why="more were sent from here in the last minutes than one place can have",
            fix=f"send it again in {minutes} minute{'' if minutes == 1 else 's'}; if a patient may come to harm, "
            "call the ward's senior clinician now",
        )
        self.retry_after_s = retry_after_s


class Throttle:
    """Counts what came, by door and by address.

    Args:
        clock: Gives the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._of: dict[tuple[str, str], deque[datetime]] = {}

    def pass_one(self, address: str, door: Door = COMMON, *, harm: bool = False) -> bool:
        """Let one through, and count it.

        Args:
            address: Where it comes from.
            door: The way it comes in.
            harm: It says that a patient was harmed: never turned away, however many came.

        Returns:
            Whether it came in a flood: only one that says harm does.

        Raises:
            TooManyConcerns: It would be one too many.
        """
        now = self._clock()
        with self._lock:
            for known in [one for one, times in self._of.items() if not _forget(times, now)]:
                del self._of[known]
            counted = [(key, self._of.get(key, deque())) for key in ((door.name, ""), (door.name, address))]
            for (_key, times), most in zip(counted, (door.most, MOST_OF_ONE), strict=True):
                if len(times) >= most:
                    if harm:
                        return True
                    raise TooManyConcerns(int((times[-most] + WITHIN - now).total_seconds()) + 1)
            for key, times in counted:
                times.append(now)
                if not key[1] or len(self._of) < _MOST_ADDRESSES:
                    self._of[key] = times
            return False


def _forget(times: deque[datetime], now: datetime) -> int:
    while times and times[0] + WITHIN <= now:
        times.popleft()
    return len(times)
