"""Forest plot: one metric's value and interval for each group of patients, everyone first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from codman.report import words
from codman.report.document import Figure, numbers, table
from codman.report.figures import look
from codman.report.reading import Reading, slice_key
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import Better

ROW_HEIGHT: Final = 22
LOG_SCALE: Final = ("oe_ratio", "oe_ratio_t", "likelihood_ratio_positive", "likelihood_ratio_negative")
_PERFECT: Final = {Better.NEAR_ONE: 1.0, Better.NEAR_ZERO: 0.0}


def forest(
    reading: Reading, metric: str, slices: Sequence[Mapping[str, str]], params: Mapping[str, Any]
) -> Figure | None:
    """One metric by group; None where fewer than two groups have a value."""
    found = [(s, m) for s in slices if (m := reading.at(metric, s, **params)) is not None]
    shown = [(s, m) for s, m in found if m.value is not None]
    if len(shown) < 2:
        return None
    name = f"{words.capital(words.named(metric, params))}, by group"
    key = "-".join(("forest", metric, *(words.short(v) if isinstance(v, float) else str(v) for v in params.values())))
    return Figure(
        key=key,
        title=name,
        caption=_caption(reading, metric, shown),
        alt=alternative(metric, params, found),
        spec=_spec(metric, found),
        table=table(
            f"{key}-table",
            f"{name}: the numbers",
            ["Patients", *numbers("Rows", "Value", "Interval")],
            [(words.group(s), words.count(m.n), _value(m), words.span(m)) for s, m in found],
        ),
    )


def _value(m: Measurement) -> str:
    return words.number(m.value) if m.value is not None else words.with_interval(m)


def _caption(reading: Reading, metric: str, shown: Sequence[tuple[Mapping[str, str], Measurement]]) -> str:
    word = words.meaning(metric)
    direction = (
        {
            Better.HIGHER: "Higher is better.",
            Better.LOWER: "Lower is better.",
            Better.NEAR_ONE: "Nearer to 1 is better.",
            Better.NEAR_ZERO: "Nearer to 0 is better.",
        }.get(word.better, "")
        if word
        else ""
    )
    bars = "Dots are values, bars their intervals; the dotted line is everyone."
    del reading
    return " ".join(filter(None, (f"{word.meaning}." if word else "", direction, bars, _level(shown))))


def _level(shown: Sequence[tuple[Mapping[str, str], Measurement]]) -> str:
    if any(m.lower is None for _, m in shown):
        return "A dot without a bar has no valid interval."
    return f"Intervals at {words.level([m for _, m in shown])}."


def alternative(metric: str, params: Mapping[str, Any], found: Sequence[tuple[Mapping[str, str], Measurement]]) -> str:
    """What the plot shows, from its numbers: everyone, the highest and the lowest group, and who is not shown."""
    everyone = next((m for s, m in found if not s), None)
    groups = [(s, m) for s, m in found if s and m.value is not None]
    hidden = [words.group(s) for s, m in found if m.value is None]
    parts = [f"{words.capital(words.named(metric, params))}, by group of patients."]
    if everyone is not None and everyone.value is not None:
        parts.append(f"Everyone {words.with_interval(everyone)}.")
    if groups:
        low, high = min(groups, key=_number), max(groups, key=_number)
        parts.append(
            f"Lowest: {words.group(low[0])}, {words.with_interval(low[1])}; "
            f"highest: {words.group(high[0])}, {words.with_interval(high[1])}."
        )
    if hidden:
        parts.append(f"Not shown: {words.listed(hidden, most=5)}.")
    return " ".join(parts)


def _number(pair: tuple[Mapping[str, str], Measurement]) -> float:
    return pair[1].value if pair[1].value is not None else 0.0


def _spec(metric: str, found: Sequence[tuple[Mapping[str, str], Measurement]]) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    order: list[str] = []
    seen: set[tuple[tuple[str, str], ...]] = set()
    for s, m in found:
        if slice_key(s) in seen:
            continue
        seen.add(slice_key(s))
        name = _axis_name(s, order)
        order.append(name)
        rows.append({"group": name, "value": m.value, "lower": m.lower, "upper": m.upper, "all": not s})
    log = metric in LOG_SCALE and all(r["value"] is None or r["value"] > 0 for r in rows)
    rows_shown = [dict(r) for r in rows if r["value"] is not None]
    low, high = _domain(rows_shown, log)
    for r in rows_shown:  # a bar that leaves the plot is cut at its edge, and the table has its end
        r["lower"], r["upper"] = _cut(r["lower"], low, high), _cut(r["upper"], low, high)
    hidden = [{"group": r["group"], "value": low} for r in rows if r["value"] is None]
    y: dict[str, Any] = {
        "field": "group",
        "type": "nominal",
        "sort": order,
        "scale": {"domain": order},
        "axis": {
            "title": None,
            "labelColor": look.INK,
            "labelLimit": 145,
            "ticks": False,
            "domain": False,
            "grid": False,
        },
    }
    scale: dict[str, Any] = {"domain": [low, high], "nice": False, "zero": False}
    if log:
        scale["type"] = "log"
    axis: dict[str, Any] = {"title": words.label(metric), "grid": True, "tickCount": 5}
    if log:
        axis["format"] = "~g"
        axis["values"] = _log_ticks(low, high)
    x = {"field": "value", "type": "quantitative", "scale": scale, "axis": axis}
    layers: list[dict[str, Any]] = []
    everyone = next((r["value"] for r in rows_shown if r["all"]), None)
    if everyone is not None:
        layers.append(_rule(everyone, look.QUIET, [2, 3], x))
    word = words.meaning(metric)
    perfect = _PERFECT.get(word.better) if word else None
    if perfect is not None and low <= perfect <= high:
        layers.append(_rule(perfect, look.QUIET, [1, 0], x))
    colour = {"condition": {"test": "datum.all", "value": look.INK}, "value": look.ACCENT}
    layers += [
        {
            "data": look.values(rows_shown),
            "transform": [{"filter": "isValid(datum.lower) && isValid(datum.upper)"}],
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"y": y, "x": {**x, "field": "lower"}, "x2": {"field": "upper"}, "color": colour},
        },
        {
            "data": look.values(rows_shown),
            "mark": {"type": "point", "filled": True, "size": 56, "opacity": 1},
            "encoding": {"y": y, "x": x, "color": colour},
        },
    ]
    if hidden:
        layers.append(
            {
                "data": look.values(hidden),
                "mark": {
                    "type": "text",
                    "align": "left",
                    "dx": 4,
                    "text": words.NOT_SHOWN,
                    "color": look.QUIET,
                    "fontSize": 11,
                },
                "encoding": {"y": y, "x": x},
            }
        )
    return look.chart(layers, height=52 + ROW_HEIGHT * len(order))


def _rule(at: float, colour: str, dash: list[int], x: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": look.values([{"value": at}]),
        "mark": {"type": "rule", "strokeDash": dash, "color": colour, "strokeWidth": 1},
        "encoding": {"x": x},
    }


def _axis_name(slice_: Mapping[str, str], taken: Sequence[str]) -> str:
    """The group as the axis prints it; two that would look alike after cutting stay apart by a count."""
    name = words.group(slice_) if len(slice_) <= 1 else " · ".join(slice_.values())
    return name if name not in taken else f"{name} ({taken.count(name) + 1})"


def _log_ticks(low: float, high: float) -> list[float]:
    """The coarsest round numbers of which at least three lie on the axis."""
    decades = [10.0**k for k in range(-3, 4)]
    shown: list[float] = []
    for steps in ((1, 10), (1, 2, 5), (1, 1.25, 2, 3, 5, 8), (1, 1.1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)):
        ticks = sorted({round(d * s, 6) for d in decades for s in steps})
        shown = [t for t in ticks if low <= t <= high]
        if len(shown) >= 3:
            break
    return shown


def _cut(end: float | None, low: float, high: float) -> float | None:
    return None if end is None else min(max(end, low), high)


def _domain(rows: Sequence[Mapping[str, Any]], log: bool) -> tuple[float, float]:
    """Wide enough for every value and for all but the widest intervals, which would flatten the rest."""
    values = [r["value"] for r in rows]
    ends = [e for r in rows for e in (r["lower"], r["upper"]) if e is not None]
    inner_low, inner_high = min(values), max(values)
    reach = max(inner_high - inner_low, 0.02 * max(abs(inner_low), abs(inner_high)), 1e-6)
    if log:
        floor = min([e for e in ends if e > 0], default=inner_low)
        low = max(min(floor, inner_low), inner_low / 4)
        high = min(max([*ends, inner_high]), inner_high * 4)
        return low / 1.08, high * 1.08
    low = max(min([*ends, inner_low]), inner_low - 3 * reach)
    high = min(max([*ends, inner_high]), inner_high + 3 * reach)
    margin = 0.04 * (high - low) or 0.05
    return low - margin, high + margin
