"""Margins: is B better, no worse by more than was agreed, worse, or is it unknown?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from codman.errors import BadInput
from codman.evaluate.compare.change import Change
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import Better, word

SUPERIOR: Final = "superior"
NON_INFERIOR: Final = "non-inferior"
INFERIOR: Final = "inferior"
INCONCLUSIVE: Final = "inconclusive"


class BadMargin(BadInput):
    """A margin that cannot be judged."""


def check_margins(margins: Mapping[str, float]) -> None:
    """Refuse a margin that is not a harm that would be accepted.

    Raises:
        UnknownMetric: The metric is not in the vocabulary.
        BadMargin: The metric has no better and worse, or the margin is on the better side of no change.
    """
    for name, margin in margins.items():
        better = word(name).better
        if better not in (Better.HIGHER, Better.LOWER):
            raise BadMargin(
                what=f"{name} cannot have a margin",
                why="it has no better and worse direction",
                fix="give a margin for a metric of merit, for example auroc=-0.02",
            )
        harm = -margin if better is Better.HIGHER else margin
        if not 0.0 <= harm < math.inf:
            raise BadMargin(
                what=f"the margin {name}={margin:g} cannot be judged",
                why=f"a margin is the loss that would be accepted, and {better} is better",
                fix=f"write {name}={-margin:g}" if math.isfinite(margin) else "give a finite number",
            )


def conclude(metric: str, lower: float, upper: float, margin: float) -> str:
    """What the interval of a change says about a margin.

    Args:
        metric: The models' own metric; its word says which way is better.
        lower: Lower end of the change (B minus A); NaN where it could not be computed.
        upper: Upper end.
        margin: The change that would still be no worse: −0.02 where higher is better, 0.02 where lower is.

    Returns:
        `superior` when all of the interval is better than no change, `non-inferior` when all of it is better than the
        margin, `inferior` when all of it is worse than the margin, else `inconclusive`.

    Source: Piaggio et al. 2012 (CONSORT for non-inferiority), doi:10.1001/jama.2012.87802.
    """
    if math.isnan(lower) or math.isnan(upper):
        return INCONCLUSIVE
    if word(metric).better is Better.LOWER:
        lower, upper, margin = -upper, -lower, -margin
    if lower > 0.0:
        return SUPERIOR
    if lower > margin:
        return NON_INFERIOR
    return INFERIOR if upper < margin else INCONCLUSIVE


def judged(change: Change, margin: float, level: float) -> dict[str, Any]:
    """What stands in the params of a change that has a margin."""
    lower_is_better = word(change.metric).better is Better.LOWER
    said: dict[str, Any] = {
        "margin": margin,
        "conclusion": conclude(change.metric, change.lower, change.upper, margin),
        "one_sided_alpha": round((1.0 - level) / 2.0, 12),
    }
    if change.p_above is not None:
        above = change.p_above(margin)
        said["p_value_margin"] = 1.0 - above if lower_is_better else above
    return said


def sentence(row: Measurement) -> str:
    """One sentence a clinician understands, for a `<metric>_change` row with a margin."""
    of = word(row.metric.removesuffix("_change"))
    margin, conclusion = row.params["margin"], row.params["conclusion"]
    who = "" if not row.slice else " for " + ", ".join(f"{k} {v}" for k, v in row.slice.items())
    at = f" at threshold {row.params['threshold']:g}" if "threshold" in row.params else ""
    if row.value is None or row.lower is None or row.upper is None:
        return f"{_start(of.label)}{at}{who}: nothing can be concluded ({row.note})."
    ends = f"{row.value:+.3f} ({row.lower:+.3f} to {row.upper:+.3f})"
    limit = f"the margin is {margin:+g}"
    worse = (row.upper < 0.0) if of.better is Better.HIGHER else (row.lower > 0.0)
    verdict = {
        SUPERIOR: "B is better",
        NON_INFERIOR: "B is worse, by less than the margin" if worse else "B is no worse than the margin allows",
        INFERIOR: "B is worse by more than the margin",
        INCONCLUSIVE: "it is not known whether B is worse by more than the margin",
    }[conclusion]
    return f"{_start(of.label)}{at}{who}: B minus A is {ends}; {limit}: {verdict} ({conclusion})."


def _start(label: str) -> str:
    return label[:1].upper() + label[1:]
