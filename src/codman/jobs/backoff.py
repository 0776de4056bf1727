"""How long to wait before a failed attempt is made again."""

from __future__ import annotations

from typing import Final

FIRST_S: Final = 15.0
LONGEST_S: Final = 12 * 3600.0
TRIES: Final = 23  # three to six days: what fails on a Friday evening is still tried on Monday morning


def wait_s(attempts: int, chance: float, *, first: float = FIRST_S, longest: float = LONGEST_S) -> float:
    """Seconds to wait after so many failed attempts: twice as long each time, and never all at the same moment.

    Args:
        attempts: How many have failed, at least 1.
        chance: A random number in [0, 1): the wait is between half and the whole of what the doubling gives.
        first: The whole wait after one.
        longest: No wait is longer.
    """
    whole = min(longest, first * 2.0 ** min(attempts - 1, 60))
    return whole * (0.5 + chance / 2)
