"""Metrics that are a sum over a sum: what each row adds to the top and to the bottom.

Sensitivity is flagged patients with the event over patients with the event; net benefit and Brier score are means. So
one linearisation, one sandwich and one bootstrap serve them all. A row may also stand for all rows of its kind, with
their weight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import FloatArray

SMALLEST_RISK: Final = 1e-12  # stated risks of 0 and 1 are clipped to it before a logarithm


@dataclass(frozen=True, slots=True)
class Ratio:
    """Rows' contributions to a metric that is Σ top / Σ bottom."""

    top: FloatArray  # (n,)
    bottom: FloatArray  # (n,)

    def value(self, weight: FloatArray | None) -> float:
        """The metric; NaN where nothing stands at the bottom."""
        top, bottom = self._sums(weight)
        return top / bottom if bottom > 0 else float("nan")

    def influence(self, weight: FloatArray | None) -> FloatArray:
        """(n,) how far each unit of a row's weight moves the metric; with the weights, sums to zero."""
        _, bottom = self._sums(weight)
        moved: FloatArray = (self.top - self.value(weight) * self.bottom) / bottom
        return moved

    def _sums(self, weight: FloatArray | None) -> tuple[float, float]:
        if weight is None:
            return float(self.top.sum()), float(self.bottom.sum())
        return float(weight @ self.top), float(weight @ self.bottom)


def _number(which: BoolArray) -> FloatArray:
    return which.astype(np.float64)


def _net_benefit(event: BoolArray, flag: BoolArray, threshold: float) -> FloatArray:
    harm_per_false_alarm = threshold / (1.0 - threshold)  # odds at which the clinician is torn
    return _number(flag & event) - harm_per_false_alarm * _number(flag & ~event)


Flagged = Callable[[BoolArray, BoolArray, float], Ratio]
Scored = Callable[[BoolArray, FloatArray], Ratio]

AT_THRESHOLD: Final[dict[str, Flagged]] = {  # (event, flag, threshold)
    "sensitivity": lambda event, flag, _: Ratio(_number(event & flag), _number(event)),
    "specificity": lambda event, flag, _: Ratio(_number(~event & ~flag), _number(~event)),
    "ppv": lambda event, flag, _: Ratio(_number(event & flag), _number(flag)),
    "npv": lambda event, flag, _: Ratio(_number(~event & ~flag), _number(~flag)),
    "accuracy": lambda event, flag, _: Ratio(_number(event == flag), np.ones(len(event))),
    "f1": lambda event, flag, _: Ratio(2.0 * _number(event & flag), _number(event) + _number(flag)),
    "alert_rate": lambda event, flag, _: Ratio(_number(flag), np.ones(len(event))),
    "net_benefit": lambda event, flag, t: Ratio(_net_benefit(event, flag, t), np.ones(len(event))),
    "standardized_net_benefit": lambda event, flag, t: Ratio(_net_benefit(event, flag, t), _number(event)),
}


def brier(event: BoolArray, risk: FloatArray) -> Ratio:
    """Squared distance of each stated risk from what happened."""
    return Ratio((risk - event) ** 2, np.ones(len(event)))


def log_loss(event: BoolArray, risk: FloatArray) -> Ratio:
    """Surprise at what happened, natural log; risks of 0 and 1 clipped at 1e-12."""
    clipped = np.clip(risk, SMALLEST_RISK, 1.0 - SMALLEST_RISK)
    return Ratio(-np.where(event, np.log(clipped), np.log1p(-clipped)), np.ones(len(event)))


OF_RISK: Final[dict[str, Scored]] = {"brier": brier, "log_loss": log_loss}

SAME_PATIENTS: Final = (
    "sensitivity",
    "specificity",
    "accuracy",
    "alert_rate",
)  # both models share the bottom: paired proportions
NEEDS_RISK_THRESHOLD: Final = ("net_benefit", "standardized_net_benefit")  # a threshold outside (0, 1) has no odds
