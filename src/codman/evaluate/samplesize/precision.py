"""How wide each metric's interval is expected to be with n patients.

Each function falls with n; solve.py's search then finds the fewest patients. Source of the criteria: Riley et al. 2021,
doi:10.1002/sim.9025; Riley et al. 2024, doi:10.1136/bmj-2023-074821 (evaluation of clinical prediction models, part 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from codman.errors import BadInput
from codman.evaluate.distributions import z_of_level
from codman.evaluate.samplesize.linear_predictor import LinearPredictor, expit


class Unexpected(BadInput):
    """Something must be expected of the model before its precision can be planned."""

    def __init__(self, metric: str, missing: str, fix: str) -> None:
        super().__init__(what=f"the precision of {metric} cannot be planned", why=f"{missing} is not known", fix=fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is expected of the model and the patients before any were seen."""

    prevalence: float  # in (0, 1)
    values: Mapping[str, float] = field(default_factory=dict)  # by metric
    threshold: float | None = None
    spread: LinearPredictor | None = None
    level: float = 0.95

    @property
    def z(self) -> float:
        """The normal quantile of the level."""
        return z_of_level(self.level)

    def of(self, metric: str) -> float:
        """The value a metric is expected to have: as given, else what the spread of risks implies.

        Raises:
            Unexpected: Neither says.
        """
        if metric in self.values:
            return self.values[metric]
        if metric in ("oe_ratio", "calibration_slope"):
            return 1.0
        if metric == "calibration_intercept":
            return 0.0
        if metric == "prevalence":
            return self.prevalence
        if metric == "alert_rate" and {"sensitivity", "specificity"} <= set(self.values):
            return self._alert_rate(self.values["sensitivity"], self.values["specificity"])
        if self.spread is not None and metric == "auroc":
            return self.spread.auroc
        if self.spread is not None and self.threshold is not None and metric in AT_THRESHOLD:
            return _implied(metric, self.spread, self.threshold)
        raise Unexpected(metric, f"its expected {metric}", f"give it with --expect {metric}=X")

    def needed_spread(self, metric: str) -> LinearPredictor:
        """The spread of risks.

        Raises:
            Unexpected: There is none.
        """
        if self.spread is None:
            raise Unexpected(
                metric,
                "how the model's risks are spread",
                "give --lp-mean and --lp-sd, --lp-beta, --predictions with --score, or --expect auroc=X",
            )
        return self.spread

    def needed_threshold(self, metric: str) -> float:
        """The threshold as a risk.

        Raises:
            Unexpected: There is none in (0, 1).
        """
        if self.threshold is None or not 0.0 < self.threshold < 1.0:
            raise Unexpected(metric, "a threshold between 0 and 1", "give it with --threshold X")
        return self.threshold

    def _alert_rate(self, sensitivity: float, specificity: float) -> float:
        return self.prevalence * sensitivity + (1.0 - self.prevalence) * (1.0 - specificity)


AT_THRESHOLD: Final = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "alert_rate")


def _implied(metric: str, spread: LinearPredictor, threshold: float) -> float:
    flag, risk, share = spread.flagged(threshold), spread.risk, spread.share
    true, false = float(share @ (flag * risk)), float(share @ (flag * (1.0 - risk)))
    missed, spared = float(share @ ((1.0 - flag) * risk)), float(share @ ((1.0 - flag) * (1.0 - risk)))
    top, bottom = {
        "sensitivity": (true, true + missed),
        "specificity": (spared, spared + false),
        "ppv": (true, true + false),
        "npv": (spared, spared + missed),
        "accuracy": (true + spared, 1.0),
        "alert_rate": (true + false, 1.0),
    }[metric]
    if bottom <= 0.0:
        raise Unexpected(metric, f"anybody on one side of threshold {threshold:g}", "give another --threshold")
    return top / bottom


def auroc_width(n: float, expected: Expected) -> float:
    """Width of the AUROC's interval.

    Source: Newcombe 2006, doi:10.1002/sim.2324 (method 4, after Hanley–McNeil), as in Riley 2021, criterion 3.
    """
    c, share = expected.of("auroc"), expected.prevalence
    half = n / 2.0 - 1.0
    variance = (
        c * (1.0 - c) * (1.0 + half * (1.0 - c) / (2.0 - c) + half * c / (1.0 + c)) / (n * n * share * (1.0 - share))
    )
    return 2.0 * expected.z * math.sqrt(variance)


def oe_width(n: float, expected: Expected) -> float:
    """Width of the O:E ratio's interval, symmetric on the log scale. Source: Riley 2021, criterion 1."""
    error = math.sqrt((1.0 - expected.prevalence) / (n * expected.prevalence))
    # past e^700 the interval is as good as infinite
    return 2.0 * expected.of("oe_ratio") * math.sinh(min(expected.z * error, 700.0))


def slope_width(n: float, expected: Expected) -> float:
    """Width of the calibration slope's interval, from the information about slope and intercept in one patient.

    Source: Riley 2021, criterion 2: SE² = Iα / (n (Iα·Iβ − Iαβ²)).
    """
    spread = expected.needed_spread("calibration_slope")
    risk = expit(expected.of("calibration_slope") * spread.log_odds)
    weight = spread.share * risk * (1.0 - risk)
    about_both = float(weight @ spread.log_odds)
    about_intercept, about_slope = float(weight.sum()), float(weight @ spread.log_odds**2)
    return 2.0 * expected.z * math.sqrt(about_intercept / (n * (about_intercept * about_slope - about_both**2)))


def intercept_width(n: float, expected: Expected) -> float:
    """Width of the calibration-in-the-large interval, slope fixed at 1. Source: Pavlou et al. 2021."""
    spread = expected.needed_spread("calibration_intercept")
    risk = expit(expected.of("calibration_intercept") + spread.log_odds)
    return 2.0 * expected.z / math.sqrt(n * float(spread.share @ (risk * (1.0 - risk))))


def brier_width(n: float, expected: Expected) -> float:
    """Width of the Brier score's interval, if the risks are right: the variance of one patient's squared distance."""
    spread = expected.needed_spread("brier")
    risk, rest = spread.risk, 1.0 - spread.risk
    mean = float(spread.share @ (risk * rest))
    square = float(spread.share @ (risk * rest**4 + rest * risk**4))
    return 2.0 * expected.z * math.sqrt((square - mean * mean) / n)


def log_loss_width(n: float, expected: Expected) -> float:
    """Width of the log loss's interval, if the risks are right."""
    spread = expected.needed_spread("log_loss")
    with_event, without = np.logaddexp(0.0, -spread.log_odds), np.logaddexp(0.0, spread.log_odds)
    mean = float(spread.share @ (spread.risk * with_event + (1.0 - spread.risk) * without))
    square = float(spread.share @ (spread.risk * with_event**2 + (1.0 - spread.risk) * without**2))
    return 2.0 * expected.z * math.sqrt((square - mean * mean) / n)


def wilson_width(share: float, patients: float, z: float) -> float:
    """Width of Wilson's interval of an expected share. Source: Wilson 1927, doi:10.1080/01621459.1927.10502953."""
    z2 = z * z
    return 2.0 * z / (patients + z2) * math.sqrt(patients * share * (1.0 - share) + z2 / 4.0)


def rate_width(metric: str) -> Callable[[float, Expected], float]:
    """Width of a rate's Wilson interval; `metric` says which patients it is a rate of."""

    def width(n: float, expected: Expected) -> float:
        event = expected.prevalence
        of_all = {
            "sensitivity": lambda: event,
            "specificity": lambda: 1.0 - event,
            "ppv": lambda: expected.of("alert_rate"),
            "npv": lambda: 1.0 - expected.of("alert_rate"),
        }.get(metric, lambda: 1.0)()
        return wilson_width(expected.of(metric), n * of_all, expected.z)

    return width


def net_benefit_width(n: float, expected: Expected) -> float:
    """Width of net benefit's interval, from what one patient adds: 1, minus the threshold's odds, or 0."""
    threshold = expected.needed_threshold("net_benefit")
    harm = threshold / (1.0 - threshold)
    true = expected.prevalence * expected.of("sensitivity")
    false = (1.0 - expected.prevalence) * (1.0 - expected.of("specificity"))
    mean = true - harm * false
    return 2.0 * expected.z * math.sqrt((true + harm * harm * false - mean * mean) / n)


def standardized_net_benefit_width(n: float, expected: Expected) -> float:
    """Width of standardised net benefit's interval.

    Source: Riley 2021, criterion 4, after Marsh et al. 2020, doi:10.1002/sim.8484.
    """
    threshold = expected.needed_threshold("standardized_net_benefit")
    sensitivity, specificity = expected.of("sensitivity"), expected.of("specificity")
    event = expected.prevalence
    harm = (1.0 - event) / event * threshold / (1.0 - threshold)
    variance = (
        sensitivity * (1.0 - sensitivity) / event
        + harm**2 * specificity * (1.0 - specificity) / (1.0 - event)
        + harm**2 * (1.0 - specificity) ** 2 / (event * (1.0 - event))
    )
    return 2.0 * expected.z * math.sqrt(variance / n)


WIDTHS: Final[Mapping[str, tuple[Callable[[float, Expected], float], str]]] = {
    "auroc": (auroc_width, "newcombe"),
    "oe_ratio": (oe_width, "log-normal"),
    "calibration_slope": (slope_width, "information"),
    "calibration_intercept": (intercept_width, "information"),
    "brier": (brier_width, "variance"),
    "log_loss": (log_loss_width, "variance"),
    "net_benefit": (net_benefit_width, "variance"),
    "standardized_net_benefit": (standardized_net_benefit_width, "marsh"),
    **{metric: (rate_width(metric), "wilson") for metric in (*AT_THRESHOLD, "prevalence")},
}


def fewest_patients(metric: str, width: float, expected: Expected) -> int:
    """The fewest patients whose expected interval is no wider than wanted.

    Args:
        metric: One of WIDTHS.
        width: Wanted, upper minus lower end, above 0.
        expected: What is expected of model and patients.

    Raises:
        Unexpected: Something it rests on is not known.
        BadInput: More than 10¹² patients would be needed.
    """
    of, _ = WIDTHS[metric]
    low, high = 1, 2
    while of(float(high), expected) > width:
        low, high = high, high * 2
        if high > 10**12:
            raise BadInput(
                what=f"{metric} cannot be measured so precisely",
                why=f"an interval {width:g} wide would take more than a million million patients",
                fix="ask for a wider interval with --width",
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if of(float(middle), expected) <= width else (middle, high)
    return high
