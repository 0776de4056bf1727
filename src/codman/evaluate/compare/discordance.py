"""McNemar's test on one slice: whether two models judge different patients rightly, clustered where patients repeat."""

from __future__ import annotations

import math

import numpy as np

from codman.evaluate.compare.change import Change
from codman.evaluate.compare.paired_proportions import mcnemar
from codman.evaluate.compare.pairs import Pairs
from codman.evaluate.distributions import norm_ppf, two_sided_p


def mcnemar_of(threshold: float, pairs: Pairs, level: float) -> Change:
    """Odds that a patient whom only one model judges rightly is B's, with the test that they are even.

    Args:
        threshold: Positive is score >= threshold.
        pairs: The slice's rows, unweighted.
        level: Of the odds ratio's interval.

    Returns:
        `value` is the patients only B judges rightly over those only A does: above 1 speaks for B.
    """
    right_a, right_b = (pairs.a >= threshold) == pairs.event, (pairs.b >= threshold) == pairs.event
    only_b, only_a = right_b & ~right_a, right_a & ~right_b
    ours, theirs = int(np.count_nonzero(only_b)), int(np.count_nonzero(only_a))
    note = None
    if ours + theirs == 0:
        note = "both models judge every patient alike, so there are no odds"
    elif theirs == 0:
        note = "A alone judges no patient rightly, so the odds have no finite value"
    base = Change(
        metric="mcnemar",
        threshold=threshold,
        value=ours / theirs if theirs else math.nan,
        n=pairs.n,
        positives=pairs.positives,
        note=note,
    )
    params: dict[str, float] = {"only_a": theirs, "only_b": ours}
    if not pairs.clustered or pairs.subject is None:
        found = mcnemar(ours, theirs, level)
        if found.p_value_mid is not None:
            params |= {"p_value_mid": found.p_value_mid}
        return _filled(base, found.lower, found.upper, found.p_value, found.method, params)
    by_patient_b = np.bincount(pairs.subject, weights=only_b, minlength=pairs.patients)
    by_patient_a = np.bincount(pairs.subject, weights=only_a, minlength=pairs.patients)
    spread = float(((by_patient_b - by_patient_a) ** 2).sum())
    p_value = two_sided_p((ours - theirs) / math.sqrt(spread)) if spread > 0.0 else 1.0
    lower = upper = math.nan
    if ours and theirs:
        moved = by_patient_b / ours - by_patient_a / theirs
        seen = pairs.patients
        error = math.sqrt(float(moved @ moved) * seen / (seen - 1))
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
