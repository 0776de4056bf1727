"""How many concerns one address may send without an account, so that a flood hides none.

Counted in memory and forgotten with it: who warns must not be found by their address afterwards.
"""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta
from typing import Final

from codman.errors import CodmanError
from codman.jobs.times import Clock

WITHIN: Final = timedelta(minutes=10)
MOST_OF_ONE: Final = 20  # a whole hospital may come from one address
MOST_OF_ALL: Final = 200
_MOST_ADDRESSES: Final = 10_000


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
    """Counts what came, by address.

    Args:
        clock: Gives the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._all: deque[datetime] = deque()
        self._of: dict[str, deque[datetime]] = {}

    def pass_one(self, address: str) -> None:
        """Let one through, and count it.

        Raises:
            TooManyConcerns: It would be one too many.
        """
        now = self._clock()
        with self._lock:
            _forget(self._all, now)
            for known in [one for one, times in self._of.items() if not _forget(times, now)]:
                del self._of[known]
            mine = self._of.get(address, deque())
            for times, most in ((mine, MOST_OF_ONE), (self._all, MOST_OF_ALL)):
                if len(times) >= most:
                    raise TooManyConcerns(int((times[-most] + WITHIN - now).total_seconds()) + 1)
            if len(self._of) < _MOST_ADDRESSES:
                self._of[address] = mine
            mine.append(now)
            self._all.append(now)


def _forget(times: deque[datetime], now: datetime) -> int:
    while times and times[0] + WITHIN <= now:
        times.popleft()
    return len(times)
