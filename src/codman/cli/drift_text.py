"""A drift report as plain text: what moved and what it does first, then every column."""

from __future__ import annotations

from collections.abc import Iterator

from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import ESTIMATED, word

_COLUMNS = ("ks", "chi2", "wasserstein", "psi", "js_distance", "missing_rate_difference")
_TOGETHER = ("domain_auroc", "mmd", "reconstruction_error")
_SAID = {"quiet": "nothing moved by more than matters", "watch": "something may have moved by more than matters",
         "alarm": "something moved by more than matters", "blind": "there was nothing to judge"}  # fmt: skip


def lines(report: MonitoringPredicate) -> Iterator[str]:
    """What a person reads."""
    everyone = [m for m in report.measurements if not m.slice]
    before = next((one.rows for one in report.inputs if one.name == "reference"), None)
    rows = report.rows.evaluated if report.rows else 0
    of = "" if before is None else f" against {before:,} of the reference"
    yield f"{rows:,} rows{of}: {_SAID.get(report.state or 'blind')}"
    if report.alarms:
        yield ""
        yield from report.alarms
    together = [m for m in everyone if m.metric in _TOGETHER or (m.metric.startswith(ESTIMATED) and m.feature is None)]
    rates = [m for m in everyone if m.metric in ("alert_rate_difference", "prevalence_difference")]
    if together or rates:
        yield ""
        yield from (_told(m) for m in (*rates, *together))
    yield ""
    yield from _table([_head(), *_rows(everyone)])
    slices = {tuple(sorted(m.slice.items())) for m in report.measurements if m.slice}
    if slices:
        yield ""
        yield f"{len(slices):,} groups besides: --format json or --out has them all"
    notes = dict.fromkeys(f"{m.feature or word(m.metric).label}: {m.note}" for m in everyone if m.note)
    if notes or report.note:
        yield ""
        yield from notes
        yield from (report.note or "").split("; ")


def _told(m: Measurement) -> str:
    return (
        str(m)
        + ("" if m.p_value is None else f", p {_p(m.p_value)}")
        + (f" ({m.note})" if m.value is not None and m.note else "")
    )


def _head() -> tuple[str, ...]:
    return ("column", "rows", *(word(metric).label for metric in _COLUMNS), "p")


def _rows(everyone: list[Measurement]) -> Iterator[tuple[str, ...]]:
    features = list(dict.fromkeys(m.feature for m in everyone if m.feature is not None))
    for feature in features:
        of = {m.metric: m for m in everyone if m.feature == feature}
        test = of.get("ks") or of.get("chi2")
        cells = [_number(of[metric].value) if metric in of else "" for metric in _COLUMNS]
        n = "" if test is None or test.n is None else f"{test.n:,}"
        yield (feature, n, *cells, "" if test is None or test.p_value is None else _p(test.p_value))


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.3g}" if abs(value) >= 100 else f"{value:.3f}"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
