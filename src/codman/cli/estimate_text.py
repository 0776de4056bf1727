"""Windows of performance as plain text: each metric's windows, estimated, partial and final side by side."""

from __future__ import annotations

from collections.abc import Iterator

from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import ESTIMATED, word

_HEAD = ("window", "rows", "estimated", "will lie in", "partial", "interval", "final", "interval")
_AGES = ("estimated", "partial", "final")


def lines(report: MonitoringPredicate) -> Iterator[str]:
    """What a person reads: a table a metric, then how good the estimates have been, then what must be known."""
    rows = report.rows
    if rows is not None:
        left_out = "".join(f"; {count:,} left out: {reason}" for reason, count in rows.excluded.items())
        yield f"{rows.evaluated:,} rows in windows{left_out}"
    everyone = [m for m in report.measurements if not m.slice and "unit" not in m.params]
    metrics = dict.fromkeys((m.metric.removeprefix(ESTIMATED), m.params.get("threshold")) for m in everyone)
    for metric, threshold in metrics:
        of = [m for m in everyone if _about(m) == (metric, threshold)]
        yield ""
        yield word(metric).label + ("" if threshold is None else f" at {threshold:g}")
        yield from _table(of)
    groups = {tuple(sorted(m.slice.items())) for m in report.measurements if m.slice}
    if groups:
        yield ""
        yield f"{len(groups):,} groups besides: --format json or --out has them all"
    judged = [m for m in report.measurements if m.metric == "coverage" and not m.slice and m.note]
    if judged:
        yield ""
        yield from (str(m.note) for m in judged)
    notes = dict.fromkeys(part for m in everyone for part in (m.note or "").split("; ") if part)
    if notes:
        yield ""
        yield from notes


def _about(m: Measurement) -> tuple[str, float | None]:
    return m.metric.removeprefix(ESTIMATED), m.params.get("threshold")


def _table(of: list[Measurement]) -> Iterator[str]:
    windows: dict[str, dict[str, Measurement]] = {}
    for m in of:
        windows.setdefault(_window(m), {})[m.params.get("age", "final")] = m
    table = [_HEAD, *(_row(name, by_age) for name, by_age in windows.items())]
    kept = [k for k in range(len(_HEAD)) if k < 2 or any(row[k] for row in table[1:])]
    widths = [max(len(row[k]) for row in table) for k in kept]
    for row in table:
        cells = (row[k].ljust(w) if k == 0 else row[k].rjust(w) for k, w in zip(kept, widths, strict=True))
        yield "  " + "  ".join(cells).rstrip()


def _row(name: str, by_age: dict[str, Measurement]) -> tuple[str, ...]:
    n = max((m.n for m in by_age.values() if m.n is not None), default=None)
    cells = [name, "" if n is None else f"{n:,}"]
    for age in _AGES:
        m = by_age.get(age)
        cells.append("" if m is None else "no value" if m.value is None else f"{m.value:.3f}")
        bounded = m is not None and m.lower is not None and m.upper is not None
        cells.append(f"{m.lower:.3f} to {m.upper:.3f}" if m is not None and bounded else "")
    return tuple(cells)


def _window(m: Measurement) -> str:
    if "rows" in m.params:
        return f"rows {m.params['rows'].replace('-', ' to ')}"
    return "all" if m.window is None else f"{m.window.start[:10]} to {m.window.end[:10]}"
