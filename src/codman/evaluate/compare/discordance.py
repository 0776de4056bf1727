"""McNemar's test on one slice: whether two models judge different patients rightly, clustered where patients repeat."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from codman.evaluate.compare.change import Change, undefined
from codman.evaluate.compare.cohort import Group
from codman.evaluate.compare.kinds import EVENT, FLAG_A, FLAG_B, Kinds
from codman.evaluate.compare.paired_proportions import mcnemar
from codman.evaluate.distributions import norm_ppf, two_sided_p

NO_WEIGHTS: Final = "weights have no place in McNemar's test; see accuracy_change"
ONLY_A: Final = (FLAG_A == EVENT) & (FLAG_B != EVENT)
ONLY_B: Final = (FLAG_B == EVENT) & (FLAG_A != EVENT)


def mcnemar_of(metric: str, threshold: float, kinds: Kinds, group: Group, level: float) -> Change:
    """Odds that a patient whom only one model judges rightly is B's, with the test that they are even.

    Args:
        metric: mcnemar.
        threshold: Positive is score >= threshold.
        kinds: The slice's rows at that threshold, unweighted.
        group: The slice.
        level: Of the odds ratio's interval.

    Returns:
        `value` is the patients only B judges rightly over those only A does: above 1 speaks for B.
    """
    if group.weighted:
        return undefined(metric, threshold, group, NO_WEIGHTS)
    ours, theirs = kinds.count(ONLY_B), kinds.count(ONLY_A)
    note = None
    if ours + theirs == 0:
        note = "both models judge every patient alike, so there are no odds"
    elif theirs == 0:
        note = "A alone judges no patient rightly, so the odds have no finite value"
    base = Change(
        metric=metric,
        threshold=threshold,
        value=ours / theirs if theirs else math.nan,
        n=group.n,
        positives=group.positives,
        note=note,
    )
    params: dict[str, float] = {"only_a": theirs, "only_b": ours}
    if not group.clustered:
        found = mcnemar(ours, theirs, level)
        if found.p_value_mid is not None:
            params |= {"p_value_mid": found.p_value_mid}
        return _filled(base, found.lower, found.upper, found.p_value, found.method, params)
    surplus = ONLY_B.astype(np.float64) - ONLY_A
    spread = kinds.product(surplus, surplus)
    p_value = two_sided_p((ours - theirs) / math.sqrt(spread)) if spread > 0.0 else 1.0
    lower = upper = math.nan
    if ours and theirs:
        moved = ONLY_B / ours - ONLY_A / theirs
        error = math.sqrt(kinds.product(moved, moved) * group.patients / (group.patients - 1))
        reach = norm_ppf(0.5 + level / 2) * error
        lower, upper = ours / theirs * math.exp(-reach), ours / theirs * math.exp(reach)
    return _filled(base, lower, upper, p_value, "mcnemar:clustered", params)


def _filled(base: Change, lower: float, upper: float, p_value: float, method: str, params: dict[str, float]) -> Change:
    return Change(
        metric=base.metric,
        threshold=base.threshold,
        value=base.value,
        lower=lower,
        upper=upper,
        p_value=p_value,
        n=base.n,
        positives=base.positives,
        method=method,
        params=params,
        note=base.note,
    )
