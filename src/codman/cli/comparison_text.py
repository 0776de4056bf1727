"""A comparison as plain text: the conclusions first, then a table of the changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from codman.evaluate.compare.margins import sentence
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import CHANGE, word

_RESTS_ON = (
    "of the patients it names: with the event for sensitivity, without it for specificity, flagged by A or B for PPV, "
    "not flagged by A or by B for NPV"
)
_HEAD = ("metric", "rows", "A", "B", "B minus A", "interval", "p")


def lines(comparison: ComparisonPredicate) -> Iterator[str]:
    """What a person reads: how many rows, every conclusion, then A, B and the change of each metric and slice."""
    rows = comparison.rows
    left_out = "".join(f"; {count:,} left out: {reason}" for reason, count in rows.excluded.items())
    of = "" if rows.patients is None else f", of {rows.patients:,} patients"
    yield f"{rows.evaluated:,} of {rows.eligible:,} rows compared{of}{left_out}"
    if comparison.spec.design == "ab":
        yield "each patient had one of the two models: what differs by chance between the two groups does not cancel"
    if comparison.spec.attempt is not None:
        yield f"attempt {comparison.spec.attempt} at a better model"
    judged = [m for m in comparison.measurements if "conclusion" in m.params]
    if judged:
        alpha = judged[0].params["one_sided_alpha"]
        yield ""
        yield from (sentence(row) for row in judged)
        yield f"(each a one-sided test at {alpha:g}: the {comparison.spec.level:.0%} interval against the margin)"
    if comparison.spec.planned is not None:
        yield (
            f"The intervals hold at every look together, asymptotically; they are tightest at "
            f"{comparison.spec.planned:,} patients."
        )
    yield ""
    own: dict[_Key, dict[str, float | None]] = {}
    for m in comparison.measurements:
        if "model" in m.params:
            own.setdefault(_key(m.metric, m), {})[m.params["model"]] = m.value
    changes = [m for m in comparison.measurements if "model" not in m.params]
    yield from _table([_HEAD, *(_row(m, own) for m in changes)])
    if any(m.n != rows.evaluated for m in changes if not m.slice):
        yield ""
        yield f"rows: those a line rests on, {_RESTS_ON}"
    notes = dict.fromkeys(f"{m.metric}: {m.note}" for m in changes if m.note)
    if notes:
        yield ""
        yield from notes


_Key = tuple[str, frozenset[tuple[str, str]], float | None]


def _key(metric: str, row: Measurement) -> _Key:
    return metric, frozenset(row.slice.items()), row.params.get("threshold")


def _row(change: Measurement, own: Mapping[_Key, dict[str, float | None]]) -> tuple[str, ...]:
    at = change.params.get("threshold")
    metric = change.metric.removesuffix(CHANGE)
    label = word(metric).label + ("" if at is None else f" at {at:g}")
    who = ", ".join(f"{k} {v}" for k, v in change.slice.items()) or "everyone"
    models = own.get(_key(metric, change), {})
    return (
        f"{label}, {who}",
        "" if change.n is None else f"{change.n:,}",
        _number(models.get("a")),
        _number(models.get("b")),
        _number(change.value, signed=metric != change.metric),
        "" if change.lower is None or change.upper is None else _span(change, signed=metric != change.metric),
        "" if change.p_value is None else _p(change.p_value),
    )


def _span(m: Measurement, *, signed: bool) -> str:
    return f"{_number(m.lower, signed=signed)} to {_number(m.upper, signed=signed)}"


def _number(value: float | None, *, signed: bool = False) -> str:
    return "" if value is None else f"{value:+.3f}" if signed else f"{value:.3f}"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(_HEAD))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
