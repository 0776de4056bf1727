"""How many more patients would decide a requirement that is inconclusive.

An interval's half-width shrinks with the square root of the number of patients. If the estimate stayed where it is, the
end that crosses the limit would come back to it at n × (half-width / distance to the limit)².
"""

from __future__ import annotations

from codman.review.policy.bound import Bound

TOO_MANY = 10_000.0  # times as many: nobody will ever measure that, so it is said so


def growth(value: float, lower: float, upper: float, bound: Bound) -> float | None:
    """How many times as many patients until the interval lies on one side of the limit.

    Returns:
        At least 1; None where no number would do, because the estimate is on the limit.
    """
    if bound.keeps(value):
        needed = [_shrink(value - lower, value - low) for low in (bound.low,) if low is not None and lower < low] + [
            _shrink(upper - value, high - value) for high in (bound.high,) if high is not None and upper > high
        ]
    elif bound.low is not None and value < bound.low:
        needed = [_shrink(upper - value, bound.low - value)]
    else:
        needed = [_shrink(value - lower, value - bound.high)] if bound.high is not None else []
    if not needed or any(n is None for n in needed):
        return None
    times = max(n for n in needed if n is not None)
    return max(1.0, times) if times <= TOO_MANY else None


def _shrink(half_width: float, distance: float) -> float | None:
    if distance <= 0:
        return None
    ratio = half_width / distance
    return ratio * ratio if ratio < TOO_MANY else TOO_MANY * 2
