"""Two proportions of the same patients: Tango's score interval for their difference, McNemar's test.

Of n patients, `only_b` have it under B alone and `only_a` under A alone; the rest agree and do not move the difference.
Counts may be fractions: clustered rows enter as an effective number of independent ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from codman.evaluate.distributions import beta_ppf, norm_ppf, two_sided_p

FEW_DISCORDANT: Final = 25  # below it McNemar's chi-square is replaced by the exact binomial test
_HALVINGS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemar:
    """Whether B and A differ in which patients they judge rightly."""

    odds_ratio: float  # only_b / only_a; NaN or infinite where nothing or everything is on one side
    lower: float
    upper: float
    p_value: float
    p_value_mid: float | None  # None where the chi-square is used
    method: str


def tango_z(only_b: float, only_a: float, n: float, change: float) -> float:
    """How many standard errors the data lie above a supposed change, with the variance that fits best at that change.

    Args:
        only_b: Patients with it under B alone.
        only_a: Patients with it under A alone.
        n: All patients.
        change: The supposed change (B minus A), in (−1, 1).

    Source: Tango 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B.
    """
    distance = only_b - only_a - n * change
    a = 2.0 * n
    b = -only_b - only_a + (2.0 * n - only_b + only_a) * change
    c = -only_a * change * (1.0 - change)
    share_only_a = (math.sqrt(max(b * b - 4.0 * a * c, 0.0)) - b) / (2.0 * a)
    variance = n * (2.0 * share_only_a + change * (1.0 - change))
    if variance <= 0.0:
        return 0.0 if distance == 0.0 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def tango_interval(only_b: float, only_a: float, n: float, level: float) -> tuple[float, float]:
    """Score interval for the change of a proportion (B minus A) in the same n patients.

    Keeps its level with few patients and at no discordance, where the plain interval has no width.

    Args:
        only_b: Patients with it under B alone.
        only_a: Patients with it under A alone.
        n: All patients, above 0.
        level: Of the interval, e.g. 0.95.

    Returns:
        Lower and upper end, in [−1, 1].

    Source: Tango 1998.
    """
    z = norm_ppf(0.5 + level / 2.0)
    change = (only_b - only_a) / n
    return _crossing(only_b, only_a, n, -1.0, change, z), _crossing(only_b, only_a, n, change, 1.0, -z)


def _crossing(only_b: float, only_a: float, n: float, low: float, high: float, z: float) -> float:
    """Where the falling function tango_z passes z, between low and high."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if tango_z(only_b, only_a, n, middle) > z:
            low = middle
        else:
            high = middle
        if high - low < 1e-15:
            break
    return (low + high) / 2.0


def mcnemar(only_b: int, only_a: int, level: float) -> McNemar:
    """McNemar's test: exact binomial under 25 discordant patients, else chi-square without continuity correction.

    Args:
        only_b: Patients that B alone judges rightly.
        only_a: Patients that A alone judges rightly.
        level: Of the interval of the odds ratio only_b / only_a (from Clopper–Pearson).

    Source: McNemar 1947, doi:10.1007/BF02295996; mid-p: Fagerland, Lydersen & Laake 2013, doi:10.1186/1471-2288-13-91.
    """
    discordant = only_b + only_a
    if discordant == 0:
        return McNemar(
            odds_ratio=math.nan, lower=math.nan, upper=math.nan, p_value=1.0, p_value_mid=1.0, method="mcnemar-exact"
        )
    tail = (1.0 - level) / 2.0
    share_low = beta_ppf(tail, only_b, only_a + 1) if only_b else 0.0
    share_high = beta_ppf(1.0 - tail, only_b + 1, only_a) if only_a else 1.0
    exact = discordant < FEW_DISCORDANT
    if exact:
        p_value, p_mid = _binomial_p(min(only_b, only_a), discordant)
    else:
        p_value, p_mid = two_sided_p((only_b - only_a) / math.sqrt(discordant)), None
    return McNemar(
        odds_ratio=only_b / only_a if only_a else math.inf,
        lower=share_low / (1.0 - share_low),
        upper=share_high / (1.0 - share_high) if share_high < 1.0 else math.inf,
        p_value=p_value,
        p_value_mid=p_mid,
        method="mcnemar-exact" if exact else "mcnemar",
    )


def _binomial_p(fewer: int, discordant: int) -> tuple[float, float]:
    """Two-sided exact and mid p value of a fair coin that fell `fewer` times on its rarer side."""
    at = math.comb(discordant, fewer) / 2.0**discordant
    tail = sum(math.comb(discordant, k) for k in range(fewer + 1)) / 2.0**discordant
    exact = min(1.0, 2.0 * tail)
    # with as many on either side, twice the tail counts the middle twice: one half of it is taken back either way
    mid = min(1.0, 2.0 * tail - at) if 2 * fewer < discordant else 1.0 - at / 2.0
    return exact, mid
