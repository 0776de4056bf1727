"""ROC, precision-recall and calibration: how the scores rank patients and whether the risks are right."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

from codman.report import words
from codman.report.document import Figure, numbers, table
from codman.report.figures import look
from codman.report.reading import Reading
from codman.spine.statement import Curve

MOST_TABLE_ROWS: Final = 25
MOST_GROUPS: Final = 5


def roc(reading: Reading) -> Figure | None:
    """The ROC curve of everyone, and of the groups of the first grouping where they are few."""
    curve = reading.curve("roc")
    if curve is None:
        return None
    groups = _groups(reading, "roc")
    auroc = reading.at("auroc")
    seen = [
        f"at a false positive rate of {words.short(x)} the sensitivity is {words.number(y)}"
        for x in (0.1, 0.2)
        if (y := _near(curve, x)) is not None
    ]
    alt = f"ROC curve: {words.listed(seen)}." if seen else "ROC curve."
    if auroc is not None and auroc.value is not None:
        alt += f" The area under it is {words.with_interval(auroc)}."
    return Figure(
        key="roc",
        title="ROC curve",
        caption="Sensitivity against the false positive rate over all thresholds. The diagonal is chance."
        + _named(groups),
        alt=alt + _groups_alt(groups),
        spec=_lines(curve, groups, "False positive rate", "Sensitivity", diagonal=True),
        table=_table("roc", "ROC curve: points", ("False positive rate", "Sensitivity"), curve),
    )


def precision_recall(reading: Reading) -> Figure | None:
    """The precision-recall curve of everyone, with the prevalence as its floor."""
    curve = reading.curve("precision_recall")
    if curve is None:
        return None
    prevalence = _prevalence(reading)
    auprc = reading.at("auprc")
    seen = [
        f"to find {words.in_hundred(x)} of the events, {words.in_hundred(y)} flagged patients have the event"
        for x in (0.5, 0.8)
        if (y := _near(curve, x)) is not None
    ]
    alt = "Precision-recall curve" + (f": {words.listed(seen)}." if seen else ".")
    if auprc is not None and auprc.value is not None:
        alt += f" Average precision is {words.with_interval(auprc)}"
        alt += f", prevalence {words.number(prevalence)}." if prevalence is not None else "."
    floor = " The dotted line is the prevalence: what flagging at random would give." if prevalence is not None else ""
    groups = _groups(reading, "precision_recall")
    return Figure(
        key="precision-recall",
        title="Precision-recall curve",
        caption="Share of flagged patients who have the event (PPV) against share of events found (sensitivity)."
        + floor
        + _named(groups),
        alt=alt + _groups_alt(groups),
        spec=_lines(curve, groups, "Recall (sensitivity)", "Precision (PPV)", floor=prevalence),
        table=_table("precision-recall", "Precision-recall curve: points", ("Recall", "Precision"), curve),
    )


def calibration(reading: Reading) -> Figure | None:
    """Observed against predicted risk: groups of equal size with intervals, and a smooth curve."""
    bins, smooth = reading.curve("calibration", kind="equal-mass"), reading.curve("calibration", kind="loess")
    curve = bins or smooth
    if curve is None:
        return None
    points = _points(bins, ("lower", "upper", "n")) if bins else []
    line = _points(smooth, ("lower", "upper")) if smooth else []
    top = max([max(p["x"], p.get("upper") or p["y"]) for p in [*points, *line]], default=1.0)
    top = min(1.0, max(0.05, top * 1.04))
    x = _axis("x", "Predicted risk", top)
    y = _axis("y", "Observed share with the event", top)
    layers: list[dict[str, Any]] = [_diagonal(top)]
    if line:
        if all(p.get("lower") is not None for p in line):
            layers.append(
                {
                    "data": look.values(line),
                    "mark": {"type": "area", "color": look.WASH, "opacity": 1, "clip": True},
                    "encoding": {"x": x, "y": {**y, "field": "lower"}, "y2": {"field": "upper"}},
                }
            )
            layers.append(layers.pop(0))  # the diagonal stays visible on the band
        layers.append(
            {
                "data": look.values(line),
                "mark": {"type": "line", "color": look.ACCENT, "strokeWidth": 2, "clip": True},
                "encoding": {"x": x, "y": y},
            }
        )
    if points:
        bars = [p for p in points if p.get("lower") is not None and p.get("upper") is not None]
        layers.append(
            {
                "data": look.values(bars),
                "mark": {"type": "rule", "color": look.INK, "strokeWidth": 1.5, "clip": True},
                "encoding": {"x": x, "y": {**y, "field": "lower"}, "y2": {"field": "upper"}},
            }
        )
        layers.append(
            {
                "data": look.values(points),
                "mark": {"type": "point", "filled": True, "color": look.INK, "size": 46, "opacity": 1, "clip": True},
                "encoding": {"x": x, "y": y},
            }
        )
    parts = ["The diagonal is perfect calibration: above it risks are too low, below it too high."]
    if points:
        parts.append("Dots are groups of equal size, bars their intervals.")
    if line:
        parts.append("The line is a smooth (LOESS) curve.")
    return Figure(
        key="calibration",
        title="Calibration",
        caption=" ".join(parts),
        alt=_calibration_alt(points or line, bool(points)),
        spec=look.chart(layers),
        table=_calibration_table(points or line),
    )


def _calibration_alt(points: Sequence[dict[str, Any]], grouped: bool) -> str:
    if not points:
        return "Calibration curve without points."
    farthest = max(points, key=lambda p: abs(p["y"] - p["x"]))
    first, last = points[0], points[-1]
    alt = (
        f"Calibration: from a predicted risk of {words.number(first['x'])} (observed {words.number(first['y'])}) "
        f"to {words.number(last['x'])} (observed {words.number(last['y'])}). "
        f"Farthest apart at {words.number(farthest['x'])} predicted, {words.number(farthest['y'])} observed."
    )
    if grouped and all(p.get("lower") is not None for p in points):
        off = sum(not p["lower"] <= p["x"] <= p["upper"] for p in points)
        alt += f" In {off} of {len(points)} groups the interval leaves out the predicted risk."
    return alt


def _calibration_table(points: Sequence[dict[str, Any]]) -> Any:
    return table(
        "calibration-table",
        "Calibration: points",
        numbers("Predicted risk", "Observed share", "Interval", "Rows"),
        [
            (
                words.number(p["x"]),
                words.number(p["y"]),
                words.NONE if p.get("lower") is None else f"{words.number(p['lower'])} to {words.number(p['upper'])}",
                words.count(None if p.get("n") is None else round(p["n"])),
            )
            for p in thin(points)
        ],
    )


def thin(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most MOST_TABLE_ROWS of the points, evenly spaced, first and last kept."""
    if len(points) <= MOST_TABLE_ROWS:
        return list(points)
    step = (len(points) - 1) / (MOST_TABLE_ROWS - 1)
    return [points[round(i * step)] for i in range(MOST_TABLE_ROWS)]


def _points(curve: Curve | None, extras: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The curve's points that have a value, with the extra columns that stand beside them."""
    if curve is None:
        return []
    more = curve.model_extra or {}
    held = {name: more[name] for name in extras if isinstance(more.get(name), list) and len(more[name]) == len(curve.x)}
    return [
        {"x": x, "y": y, **{name: column[i] for name, column in held.items()}}
        for i, (x, y) in enumerate(zip(curve.x, curve.y, strict=False))
        if y is not None
    ]


points_of = _points


def _near(curve: Curve, x: float) -> float | None:
    """y at x, between the two nearest points."""
    points = sorted((p["x"], p["y"]) for p in _points(curve))
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 <= x <= x1:
            return float(y0 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0))
    return None


def _prevalence(reading: Reading) -> float | None:
    stated = reading.at("prevalence")
    if stated is not None:
        return stated.value
    size = reading.size({})
    return size.positives / size.n if size and size.n and size.positives is not None else None


def _groups(reading: Reading, name: str) -> list[tuple[str, Curve]]:
    """Curves of the first single-column grouping that has few enough groups to tell apart."""
    by_column: dict[str, list[tuple[str, Curve]]] = {}
    for slice_ in reading.slices:
        if len(slice_) == 1 and (curve := reading.curve(name, slice_)) is not None:
            by_column.setdefault(next(iter(slice_)), []).append((words.group(slice_), curve))
    return next((group for group in by_column.values() if 2 <= len(group) <= MOST_GROUPS), [])


def _named(groups: Sequence[tuple[str, Curve]]) -> str:
    return "" if not groups else f" Everyone and {words.many(len(groups), 'group')}."


def _groups_alt(groups: Sequence[tuple[str, Curve]]) -> str:
    return "" if not groups else f" Also drawn: {words.listed(name for name, _ in groups)}."


def _axis(field: str, title: str, top: float = 1.0, **axis: Any) -> dict[str, Any]:
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": [0, top], "nice": False},
        "axis": {"title": title, "tickCount": 5, **axis},
    }


def _diagonal(top: float) -> dict[str, Any]:
    ends: list[dict[str, Any]] = [{"x": 0, "y": 0}, {"x": top, "y": top}]
    return {
        "data": look.values(ends),
        "mark": {"type": "line", "color": look.QUIET, "strokeDash": [2, 3], "strokeWidth": 1},
        "encoding": {"x": {"field": "x", "type": "quantitative"}, "y": {"field": "y", "type": "quantitative"}},
    }


def _lines(
    curve: Curve,
    groups: Sequence[tuple[str, Curve]],
    x_title: str,
    y_title: str,
    *,
    diagonal: bool = False,
    floor: float | None = None,
) -> dict[str, Any]:
    series = [(words.EVERYONE, curve), *groups]
    names = [name for name, _ in series]
    rows = [
        {"x": p["x"], "y": p["y"], "series": name, "order": i}
        for name, one in reversed(series)  # everyone last, so that it lies on top
        for i, p in enumerate(_points(one))
    ]
    layers: list[dict[str, Any]] = [_diagonal(1.0)] if diagonal else []
    if floor is not None:
        layers.append(
            {
                "data": look.values([{"y": floor}]),
                "mark": {"type": "rule", "color": look.QUIET, "strokeDash": [2, 3], "strokeWidth": 1},
                "encoding": {"y": {"field": "y", "type": "quantitative"}},
            }
        )
    encoding: dict[str, Any] = {"x": _axis("x", x_title), "y": _axis("y", y_title), "order": {"field": "order"}}
    mark: dict[str, Any] = {"type": "line", "strokeWidth": 2, "clip": True}
    if groups:
        domain = {"domain": names, "range": list(look.SERIES[: len(names)])}
        dashes = {"domain": names, "range": list(look.DASHES[: len(names)])}
        encoding["color"] = {"field": "series", "type": "nominal", "scale": domain, "sort": names}
        encoding["strokeDash"] = {"field": "series", "type": "nominal", "scale": dashes, "sort": names}
    else:
        mark["color"] = look.ACCENT
    layers.append({"data": look.values(rows), "mark": mark, "encoding": encoding})
    return look.chart(layers, height=look.SQUARE_HEIGHT + (22 * ((len(names) + 1) // 2) if groups else 0))


def _table(key: str, caption: str, titles: tuple[str, str], curve: Curve) -> Any:
    points = _points(curve)
    kept = thin(points)
    told = f" ({len(kept)} of {len(points)} points; the statement has all)" if len(kept) < len(points) else ""
    return table(
        f"{key}-table", caption + told, numbers(*titles), [(words.number(p["x"]), words.number(p["y"])) for p in kept]
    )
