"""Rules that suit a window's length: a level for a year, a memory of about eight months."""

from __future__ import annotations

from typing import Final

from codman.monitor.alarms.stream import WatchImpossible
from codman.monitor.alarms.watch import Rules

A_YEAR: Final = 365.25
A_MONTH: Final = A_YEAR / 12
_REMEMBERED: Final = 224  # days: thirty-two weeks
WINDOWS: Final = {"day": 1.0, "week": 7.0, "month": A_MONTH}


def window_days(window: str) -> float:
    """How long a window is.

    Raises:
        WatchImpossible: It is not day, week or month.
    """
    if window not in WINDOWS:
        raise WatchImpossible(
            what=f"there is no window {window!r}", why="it has no length", fix="say day, week or month"
        )
    return WINDOWS[window]


def rules_for(days: float, *, level: float = 0.05) -> Rules:
    """Rules for windows of so many days.

    Up to a week, two windows of three must be beyond δ by themselves; a longer window stands alone.
    """
    longest = max(int(_REMEMBERED / days), 1)
    memory = tuple(2**k for k in range(longest.bit_length()))
    return Rules(
        level=level,
        period=max(round(A_YEAR / days), 1),
        memory=memory,
        persistence=(2, 3) if days <= 7 else (1, 1),
        quiet=3 if days <= 7 else 2,
    )
