"""Panels: which numbers of a task belong together, in the order a reader asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from codman.report import words
from codman.report.reading import Reading

_AT_THRESHOLD: Final = ("sensitivity", "specificity", "ppv", "npv", "alert_rate")
_CLASS: Final = ("auroc", "auprc", "oe_ratio", "sensitivity", "ppv")


@dataclass(frozen=True, slots=True)
class Panel:
    """Metrics that share their parameters, and those of them worth a forest plot."""

    key: str
    title: str
    metrics: tuple[str, ...]
    drawn: tuple[str, ...]
    params: dict[str, Any] = field(default_factory=dict)


def panels(reading: Reading) -> list[Panel]:
    """The panels of an evaluation whose numbers are there for everyone or for any group."""
    made = {
        "binary": _binary,
        "multiclass": _multiclass,
        "multilabel": _multilabel,
        "regression": _regression,
        "survival": _survival,
    }[reading.spec.task](reading)
    return [held for panel in made if (held := _there(reading, panel)).metrics]


def _there(reading: Reading, panel: Panel) -> Panel:
    there = tuple(m for m in panel.metrics if any(reading.at(m, s, **panel.params) for s in reading.slices))
    return Panel(panel.key, panel.title, there, tuple(m for m in panel.drawn if m in there), panel.params)


def _binary(reading: Reading) -> list[Panel]:
    first = Panel(
        "ranking",
        "Ranking and calibration",
        ("auroc", "auprc", "oe_ratio", "calibration_slope"),
        ("auroc", "oe_ratio"),
    )
    return [first, *_thresholds(reading, {})]


def _thresholds(reading: Reading, params: dict[str, Any]) -> list[Panel]:
    return [
        Panel(
            f"at-{words.short(threshold)}",
            f"At threshold {words.short(threshold)}",
            _AT_THRESHOLD,
            ("sensitivity", "ppv"),
            {**params, "threshold": threshold},
        )
        for threshold in reading.parameter("threshold")
    ]


def _multiclass(reading: Reading) -> list[Panel]:
    whole = Panel(
        "all-classes",
        "All classes together",
        ("macro_auroc", "accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa"),
        ("macro_auroc", "accuracy"),
    )
    return [whole, *_each(reading, "class")]


def _multilabel(reading: Reading) -> list[Panel]:
    return _each(reading, "label")


def _each(reading: Reading, param: str) -> list[Panel]:
    return [
        Panel(f"{param}-{i}", words.capital(f"{param} {value}"), _CLASS, ("auroc",), {param: value})
        for i, value in enumerate(reading.parameter(param))
    ]


def _regression(reading: Reading) -> list[Panel]:
    del reading  # every regression has the same panel
    return [
        Panel(
            "error",
            "Error",
            ("mae", "rmse", "r2", "bias", "limits_of_agreement_lower", "limits_of_agreement_upper"),
            ("mae", "bias"),
        )
    ]


def _survival(reading: Reading) -> list[Panel]:
    whole = Panel(
        "ranking",
        "Ranking over the whole follow-up",
        ("cindex_harrell", "cindex_ipcw", "integrated_brier"),
        ("cindex_harrell",),
    )
    return [
        whole,
        *(
            Panel(
                f"horizon-{words.short(h)}",
                f"By {words.short(h)} {reading.spec.time_unit}",
                ("auroc_t", "brier_t", "oe_ratio_t", "calibration_slope_t"),
                ("auroc_t", "oe_ratio_t"),
                {"horizon": h},
            )
            for h in reading.parameter("horizon")
        ),
    ]
