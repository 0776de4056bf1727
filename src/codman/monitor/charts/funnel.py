"""Funnel plot: sites side by side, each against limits that allow for how many patients it has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from codman.evaluate.distributions import norm_cdf, norm_ppf, two_sided_p
from codman.evaluate.estimates import BoolArray, FloatArray
from codman.monitor.charts.chart import FEWEST, SUPPRESSED, ChartImpossible, as_floats, number
from codman.monitor.charts.exact_limits import binomial_limits, poisson_limits

INNER, OUTER = 0.95, 0.998
Overdispersion = Literal["none", "additive", "multiplicative"]
_TRIM: Final = 0.1  # of the sites at each end, whose z is drawn in before dispersion is judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """Sites against a target. Rows are sites; NaN where a site is hidden."""

    sites: tuple[str, ...]
    value: FloatArray  # (S,) share, or observed over expected
    n: FloatArray  # (S,) patients, or expected events
    target: float
    limits: dict[float, tuple[FloatArray, FloatArray]]  # level -> (S,) lower, (S,) upper
    z: FloatArray  # (S,) distance from the target in the limits' own sigmas
    p: FloatArray  # (S,) two-sided
    outside: dict[float, BoolArray]  # level -> (S,)
    hidden: BoolArray  # (S,) under 11 patients
    dispersion: float  # φ: 1 where sites differ no more than chance
    between: float  # τ: standard deviation between sites, on the value's scale; 0 unless additive
    method: str
    notes: tuple[str, ...]


def funnel(
    sites: Sequence[str],
    events: Sequence[float] | FloatArray,
    n: Sequence[float] | FloatArray,
    *,
    kind: Literal["share", "ratio"] = "share",
    target: float | None = None,
    overdispersion: Overdispersion = "none",
) -> Funnel:
    """Compare sites by a share of patients, or by observed over expected events.

    Args:
        sites: (S,) names.
        events: (S,) patients with the event (`share`), or events that happened (`ratio`).
        n: (S,) patients (`share`), or events foretold (`ratio`).
        kind: `share` with binomial limits, `ratio` (as O:E by site) with Poisson limits.
        target: What a site is held against; without it all sites together (`share`), or 1 (`ratio`).
        overdispersion: What to do where sites differ by more than chance: nothing; `additive` widens by a spread
            between sites, right where sites really differ a little; `multiplicative` widens all by one factor.

    Raises:
        ChartImpossible: Rows that differ in length, counts below 0 or over n, or a target that cannot be.

    Source: Spiegelhalter 2005, doi:10.1002/sim.1970 (exact limits A.1.1; overdispersion, winsorised at 10 %);
    additive limits Spiegelhalter 2005, doi:10.1136/qshc.2005.013755.
    """
    events, n = as_floats(events), as_floats(n)
    _possible(sites, events, n, kind)
    hidden = (n > 0) & (n < FEWEST) if kind == "share" else np.zeros(len(n), dtype=np.bool_)
    held = float(events.sum() / n.sum()) if target is None and kind == "share" else 1.0 if target is None else target
    if held <= 0 or (kind == "share" and held >= 1):
        raise ChartImpossible(what="the target cannot be", why=f"it is {held:g}", fix="give a share inside (0, 1)")
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(hidden | (n <= 0), np.nan, events / n)
        se = np.sqrt((held * (1 - held) if kind == "share" else held) / n)
        raw = (value - held) / se
    seen = np.isfinite(raw)
    phi = _dispersion(raw[seen])
    tau = _between(se[seen], phi) if overdispersion == "additive" else 0.0
    wide = np.sqrt(se**2 + tau**2) * (math.sqrt(max(phi, 1.0)) if overdispersion == "multiplicative" else 1.0)
    limits = {level: _limits(level, kind, held, n, wide, exact=overdispersion == "none") for level in (INNER, OUTER)}
    z = (value - held) / wide
    with np.errstate(invalid="ignore"):
        outside = {level: (value < low) | (value > high) for level, (low, high) in limits.items()}
    return Funnel(
        sites=tuple(sites), value=value, n=n, target=held, limits=limits, z=z,
        p=np.array([two_sided_p(x) if math.isfinite(x) else math.nan for x in z]), outside=outside, hidden=hidden,
        dispersion=phi, between=tau, method=f"{kind}:{'exact' if overdispersion == 'none' else overdispersion}",
        notes=_notes(int(seen.sum()), phi, overdispersion, int(hidden.sum())),
    )  # fmt: skip


def site_rows(chart: Funnel) -> list[dict[str, Any]]:
    """The funnel's points for drawing, one dict a site, widest first: `site value n target z p limits outside note`."""
    drawn = []
    for i in np.argsort(-chart.n, kind="stable"):
        hidden = bool(chart.hidden[i])
        outside = [level for level in (OUTER, INNER) if chart.outside[level][i]]
        drawn.append(
            {
                "site": chart.sites[i],
                "value": number(chart.value[i]),
                "n": None if hidden else number(chart.n[i]),
                "target": chart.target,
                "z": number(chart.z[i]),
                "p": number(chart.p[i]),
                "limits": {
                    f"{level:g}": [None if hidden else number(end[i]) for end in ends]
                    for level, ends in chart.limits.items()
                },
                "outside": f"outside {outside[0]:.1%} limits" if outside else None,
                "note": SUPPRESSED if hidden else None,
            }
        )
    return drawn


def _limits(
    level: float, kind: str, target: float, n: FloatArray, wide: FloatArray, *, exact: bool
) -> tuple[FloatArray, FloatArray]:
    reach = norm_ppf(0.5 + level / 2)
    if exact:
        share = np.full(len(n), target)
        return (binomial_limits if kind == "share" else poisson_limits)(share, n, norm_cdf(-reach), smooth=True)
    lower, upper = np.maximum(target - reach * wide, 0.0), target + reach * wide
    return lower, np.minimum(upper, 1.0) if kind == "share" else upper


def _dispersion(z: FloatArray) -> float:
    """φ: mean squared z of the sites, the tenth at each end drawn in so that a real outlier does not hide itself."""
    if len(z) == 0:
        return math.nan
    low, high = np.quantile(z, [_TRIM, 1 - _TRIM])
    return float(np.mean(np.clip(z, low, high) ** 2))


def _between(se: FloatArray, phi: float) -> float:
    """τ by moments (DerSimonian & Laird 1986) from the winsorised dispersion."""
    sites = len(se)
    if sites < 2 or sites * phi <= sites - 1:
        return 0.0
    w = 1 / se**2
    return math.sqrt((sites * phi - (sites - 1)) / (w.sum() - (w**2).sum() / w.sum()))


def _notes(sites: int, phi: float, overdispersion: str, hidden: int) -> tuple[str, ...]:
    notes = [
        f"of {sites} sites that are all alike, {sites * (1 - INNER):.1f} are expected outside the 95% limits "
        f"and {sites * (1 - OUTER):.2f} outside the 99.8% limits"
    ]
    if overdispersion == "none" and sites > 2 and phi > 1 + 2 * math.sqrt(2 / sites):
        notes.append(f"sites differ {phi:.1f} times as much as chance explains: allow for overdispersion")
    if hidden:
        notes.append(f"{hidden} sites have fewer than {FEWEST} patients and are not shown")
    return tuple(notes)


def _possible(sites: Sequence[str], events: FloatArray, n: FloatArray, kind: str) -> None:
    if not len(sites) == len(events) == len(n):
        raise ChartImpossible(
            what="the rows do not fit",
            why=f"{len(sites)} sites, {len(events)} and {len(n)} counts",
            fix="give one of each",
        )
    if not (np.all(np.isfinite(events) & np.isfinite(n)) and np.all(events >= 0) and np.all(n >= 0)):
        raise ChartImpossible(what="a count is no count", why="it is below 0 or not a number", fix="check the counts")
    if kind == "share" and np.any(events > n):
        raise ChartImpossible(what="more events than patients", why="a share is at most 1", fix="check the counts")
    if n.sum() <= 0:
        raise ChartImpossible(what="no site has patients", why="there is nothing to compare", fix="give counts above 0")
