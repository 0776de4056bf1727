"""How well scores rank patients: AUROC and average precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from codman.evaluate.estimates import BoolArray, Estimates, FloatArray
from codman.evaluate.intervals import chosen, logit_scale, normal, nowhere, wilson
from codman.evaluate.kernels.library import gram, rank_influence, rank_sweep, side_by_side
from codman.evaluate.ranked import Ranked

FEWEST_MISORDERED: Final = 5
FEW_EVENTS: Final = 100  # under which average precision takes Boyd's interval
CANCELLED: Final = 1e-12  # of the parts that are subtracted: what is left under it is rounding
FEWEST_EVENTS: Final = 10  # under which it has none: Boyd's no longer holds its level
ROUNDING: Final = 1e-9  # a standard error under it is what is left of sums that cancel


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """The ranking of every slice: AUROC, average precision and their variances."""

    auroc: FloatArray  # (S,)
    auroc_variance: FloatArray
    auprc: FloatArray
    auprc_variance: FloatArray


def sweep(ranked: Ranked) -> Sweep:
    """One pass a grouping; patients' influences are summed first where rows repeat patients.

    Sources: DeLong 1988, doi:10.2307/2531595; clustered: Obuchowski 1997, doi:10.2307/2533958.
    """
    slices = ranked.slices
    out = Sweep(**{name: np.full(slices.count, np.nan) for name in Sweep.__dataclass_fields__})

    def one(g: int) -> None:
        members = slices.members(g)
        first = int(members[0])
        of_cell = np.ascontiguousarray(slices.of_cell[g] - first)
        sums = rank_sweep(ranked.sorted_code, ranked.fresh, ranked.sorted_weight, len(members), of_cell)
        found = _plain(sums) if ranked.plain or ranked.subject is None else _clustered(ranked, of_cell, sums)
        for name, value in found.items():
            getattr(out, name)[members] = value

    side_by_side(one, range(len(slices.groupings)))
    return out


def _plain(sums: FloatArray) -> dict[str, FloatArray]:
    (p, q, mann_whitney, a1, a2, b1, b2, p2, q2, ap_sum, a_total, b_total, m1p, m2p, m1n, m2n) = sums[:, :16].T
    with np.errstate(divide="ignore", invalid="ignore"):
        auroc, auprc = mann_whitney / (p * q), ap_sum / p
        kish_p, kish_q = p**2 / p2, q**2 / q2
        # squared deviations of placements, from sums of counts: exact until counts pass 2^53
        of_events = np.maximum(p2 * (1 - auroc) ** 2 - 2 * (1 - auroc) * a1 / q + a2 / q**2, 0)
        of_others = np.maximum(q2 * auroc**2 - 2 * auroc * b1 / p + b2 / p**2, 0)
        variance = of_events / p**2 * kish_p / (kish_p - 1) + of_others / q**2 * kish_q / (kish_q - 1)
        shift = a_total - auprc - b_total
        square = m2p + 2 * shift * m1p + shift**2 * p2 + m2n - 2 * b_total * m1n + b_total**2 * q2
        size = m2p + 2 * np.abs(shift * m1p) + shift**2 * p2 + m2n + 2 * np.abs(b_total * m1n) + b_total**2 * q2
        ap_variance = np.where(square > CANCELLED * size, square, 0) / p**2
    return {
        "auroc": auroc,
        "auroc_variance": variance,
        "auprc": auprc,
        "auprc_variance": ap_variance,
    }


def _clustered(ranked: Ranked, of_cell: Any, sums: FloatArray) -> dict[str, FloatArray]:
    columns = rank_influence(ranked.order, ranked.sorted_code, ranked.fresh, ranked.sorted_weight, of_cell, sums)
    _totals, moments, units = gram(columns, ranked.slices.cell, of_cell, len(sums), ranked.subject)
    with np.errstate(divide="ignore", invalid="ignore"):
        few = units / (units - 1)
        return {
            "auroc": sums[:, 2] / (sums[:, 0] * sums[:, 1]),
            "auroc_variance": moments[:, 0, 0] * few,
            "auprc": sums[:, 9] / sums[:, 0],
            "auprc_variance": moments[:, 1, 1] * few,
        }


def auroc(
    ranked: Ranked, found: Sweep, params: Mapping[str, Any], kind: Literal["delong-logit", "delong"] = "delong-logit"
) -> Estimates:
    """AUROC: the chance that a patient with the event scores above one without; ties count half.

    Interval: DeLong's variance on the logit scale. Under 30 events or non-events, or so near 0 or 1 that fewer than 5
    of the smaller class are misordered, Wilson with n = the smaller class (`wilson-min`; Birnbaum & Klose 1957,
    Annals of Mathematical Statistics 28:933-945): valid, and wider than its level.
    """
    value = np.clip(found.auroc, 0.0, 1.0)
    fewer = ranked.effective.min(axis=1)
    # as np >= 5 for a proportion: with fewer misordered patients than this the logit interval covers 90 %, not 95
    near_end = fewer * np.minimum(value, 1 - value) < FEWEST_MISORDERED
    small = ranked.few | near_end | ~(found.auroc_variance > 0)
    se = np.sqrt(found.auroc_variance)
    wide = logit_scale(value, se, ranked.df) if kind == "delong-logit" else normal(value, se, ranked.df)
    main = kind if not ranked.clustered else kind.replace("delong", "obuchowski")
    return Estimates(
        metric="auroc",
        value=value,
        bounds=chosen(small, wilson(value, fewer), wide),
        method=["wilson-min" if s else main for s in small],
        params=params,
        notes=_one_class(ranked),
    )


def auprc(ranked: Ranked, found: Sweep, params: Mapping[str, Any]) -> Estimates:
    """Average precision: the mean, over patients with the event, of the PPV at their score.

    Interval: the influence function's variance on the logit scale; under 100 events Boyd 2013's logit interval
    (doi:10.1007/978-3-642-40994-3_29), which is valid there and wider than its level; none under 10 events, where
    weights leave either class no more than 10 patients' worth, or where the variance is 0, as when all events are
    ranked above everyone else.
    """
    value = np.clip(found.auprc, 0.0, 1.0)
    too_few = rests_on_few(ranked)
    events = ranked.effective[:, 1]
    small = ranked.positives < FEW_EVENTS
    with np.errstate(divide="ignore", invalid="ignore"):
        boyd = np.sqrt(value * (1 - value) / events)
    se = np.where(small, boyd, np.sqrt(found.auprc_variance))
    # events ranked above everyone, or a weight beside which the others vanish: the variance is rounding, not certainty
    flat = ~too_few & ~(se > ROUNDING)
    bounds = logit_scale(value, se, ranked.df)
    return Estimates(
        metric="auprc",
        value=value,
        bounds=nowhere(too_few | flat, bounds),
        method=["boyd-logit" if s else "influence-logit" for s in small],
        params=params,
        notes={int(s): _too_few(ranked, int(s)) for s in np.flatnonzero(too_few)}
        | {int(s): "no interval: its variance is 0 in these patients" for s in np.flatnonzero(flat)}
        | _one_class(ranked),
    )


def rests_on_few(ranked: Ranked) -> BoolArray:
    """(S,) True where average precision has no interval: too few events, or weights under which a few rows decide.

    One heavy row without the event moves every PPV below it, so that class counts too where rows have weights.
    """
    few: BoolArray = ~(ranked.effective[:, 1] >= FEWEST_EVENTS)
    return few if ranked.weight is None else few | ~(ranked.effective[:, 0] >= FEWEST_EVENTS)


def _too_few(ranked: Ranked, s: int) -> str:
    if ranked.positives[s] < FEWEST_EVENTS or ranked.weight is None:
        return f"no interval with fewer than {FEWEST_EVENTS} events"
    worth, scarcer = min((float(ranked.effective[s, c]), c) for c in (1, 0))
    return (
        f"no interval: by their weights the patients {'with' if scarcer else 'without'} the event are worth"
        f" {worth:.1f} of equal weight, and {FEWEST_EVENTS} are needed"
    )


def _one_class(ranked: Ranked) -> dict[int, str]:
    lacking: BoolArray = (ranked.positives == 0) | (ranked.positives == ranked.n)
    return {
        int(s): "no patient has the event" if ranked.positives[s] == 0 else "every patient has the event"
        for s in np.flatnonzero(lacking)
    }
