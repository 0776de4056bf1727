"""Decision curve: whether acting on the model does more good than acting on everybody or nobody."""

from __future__ import annotations

import math
from typing import Any

from codman.report import words
from codman.report.document import Figure, numbers, table
from codman.report.figures import look
from codman.report.figures.curves import points_of, thin
from codman.report.reading import Reading

_ALL_NAMES = ("all", "treat_all", "y_all")


def decision(reading: Reading) -> Figure | None:
    """Net benefit over thresholds, beside treating all and treating none."""
    curve = reading.curve("decision")
    if curve is None:
        return None
    all_name = next((name for name in _ALL_NAMES if name in (curve.model_extra or {})), None)
    points = points_of(curve, ("lower", "upper", *filter(None, (all_name,))))
    if not points:
        return None
    for p in points:
        p["all"] = p.pop(all_name, None) if all_name and all_name != "all" else p.get("all")
    top = max(max(p["y"] for p in points), *(p["all"] for p in points if p["all"] is not None), 1e-4) * 1.1
    shown = _worth_showing(points, top)
    return Figure(
        key="decision",
        title="Decision curve",
        caption=(
            "Net benefit: true positives per patient, less false positives at the odds of the threshold at which a "
            "clinician would act. Treating nobody is 0." + (" The band is the interval." if _band(shown) else "")
        ),
        alt=_alternative(points),
        spec=_spec(shown, top),
        table=table(
            "decision-table",
            "Decision curve: net benefit"
            + (
                f" ({len(thin(points))} of {len(points)} thresholds; the statement has all)"
                if len(thin(points)) < len(points)
                else ""
            ),
            numbers("Threshold", "The model", "Interval", "Treat all"),
            [
                (
                    words.short(p["x"]),
                    words.number(p["y"]),
                    words.NONE
                    if p.get("lower") is None or p.get("upper") is None
                    else f"{words.number(p['lower'])} to {words.number(p['upper'])}",
                    words.number(p["all"]),
                )
                for p in thin(points)
            ],
        ),
    )


def _band(points: list[dict[str, Any]]) -> bool:
    return all(p.get("lower") is not None and p.get("upper") is not None for p in points)


def _worth_showing(points: list[dict[str, Any]], top: float) -> list[dict[str, Any]]:
    """Up to where net benefit has sunk into the axis; the table keeps the rest."""
    last = max((p["x"] for p in points if abs(p["y"]) > 0.02 * top), default=points[-1]["x"])
    end = min(1.0, math.ceil(10 * last + 0.2) / 10)
    return [p for p in points if p["x"] <= end + 1e-9]


def _alternative(points: list[dict[str, Any]]) -> str:
    better = [p["x"] for p in points if p["y"] > 0 and (p["all"] is None or p["y"] > p["all"] + 1e-12)]
    if not better:
        return "Decision curve: at no threshold does the model do more good than treating everybody or nobody."
    best = max(points, key=lambda p: p["y"] - max(0.0, p["all"] or 0.0))
    contiguous = sum(min(better) <= p["x"] <= max(better) for p in points) == len(better)
    against = f" against {words.number(best['all'])} for treating everybody" if best["all"] is not None else ""
    return (
        f"Decision curve: the model does more good than treating everybody or nobody at "
        f"{'' if contiguous else 'most '}thresholds from {words.short(min(better))} to {words.short(max(better))}. "
        f"The gain is largest at {words.short(best['x'])}: net benefit {words.number(best['y'])}{against}."
    )


def _spec(points: list[dict[str, Any]], top: float) -> dict[str, Any]:
    end = points[-1]["x"]
    bottom = -0.25 * top
    names = ["The model", "Treat all", "Treat none"]
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [0, end], "nice": False},
        "axis": {"title": "Threshold at which a clinician would act", "tickCount": 5},
    }
    y = {
        "field": "y",
        "type": "quantitative",
        "scale": {"domain": [bottom, top], "nice": False},
        "axis": {"title": "Net benefit per patient", "tickCount": 5},
    }
    rows = [
        *({"x": p["x"], "y": max(p["all"], 2 * bottom), "series": names[1]} for p in points if p["all"] is not None),
        *({"x": v, "y": 0.0, "series": names[2]} for v in (0, end)),
        *({"x": p["x"], "y": p["y"], "series": names[0]} for p in points),
    ]
    used = [n for n in names if any(r["series"] == n for r in rows)]
    layers: list[dict[str, Any]] = []
    if _band(points):
        layers.append(
            {
                "data": look.values(points),
                "mark": {"type": "area", "color": look.WASH, "opacity": 1, "clip": True},
                "encoding": {"x": x, "y": {**y, "field": "lower"}, "y2": {"field": "upper"}},
            }
        )
    layers.append(
        {
            "data": look.values(rows),
            "mark": {"type": "line", "strokeWidth": 2, "clip": True},
            "encoding": {
                "x": x,
                "y": y,
                "color": {
                    "field": "series",
                    "type": "nominal",
                    "sort": used,
                    "scale": {"domain": used, "range": [look.ACCENT, look.UNMET, look.QUIET][: len(used)]},
                },
                "strokeDash": {
                    "field": "series",
                    "type": "nominal",
                    "sort": used,
                    "scale": {"domain": used, "range": [[1, 0], [6, 3], [2, 2]][: len(used)]},
                },
            },
        }
    )
    return look.chart(layers, height=look.SQUARE_HEIGHT + 44)
