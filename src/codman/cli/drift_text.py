"""A drift report as plain text: what moved, what that does to performance, all columns together, then every column."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence

from codman.cli import layout
from codman.report.document import Block, Bullets, Column, Paragraph, Section, Table
from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import CHANGE, ESTIMATED, word

_COLUMNS = ("ks", "chi2", "wasserstein", "psi", "js_distance", "missing_rate_difference")
_TOGETHER = ("alert_rate_difference", "prevalence_difference", "domain_auroc", "mmd", "reconstruction_error")
_SAID = {"quiet": "nothing moved by more than matters", "watch": "something may have moved by more than matters",
         "alarm": "something moved by more than matters", "blind": "there was nothing to judge"}  # fmt: skip
_NAMED = 3  # more that share a note are counted


def lines(report: MonitoringPredicate) -> Iterator[str]:
    """What a person reads, as wide as the terminal or 80 columns in a pipe."""
    width = max(40, shutil.get_terminal_size((80, 24)).columns)
    for number, block in enumerate(_blocks(report)):
        if number and not isinstance(block, Table):  # a table brings its own empty line
            yield ""
        yield from (one.text for one in layout.lines([Section("drift", "", (block,))], width))


def _blocks(report: MonitoringPredicate) -> Iterator[Block]:
    everyone = [m for m in report.measurements if not m.slice]
    before = next((one.rows for one in report.inputs if one.name == "reference"), None)
    rows = report.rows.evaluated if report.rows else 0
    of = "" if before is None else f" against {before:,} of the reference"
    yield Paragraph(f"{rows:,} rows{of}: {_SAID.get(report.state or 'blind')}")
    if report.alarms:
        yield Bullets(tuple(report.alarms))
    estimated = [m for m in everyone if m.metric.startswith(ESTIMATED) and m.feature is None]
    if estimated:
        yield _effect(estimated)
    windows = list(dict.fromkeys(m.window for m in everyone))
    for window in windows:
        of_window = [m for m in everyone if m.window == window]
        when = f", {window.start[:10]} to {window.end[:10]}" if window is not None and len(windows) > 1 else ""
        if together := [m for m in of_window if m.metric in _TOGETHER and m.feature is None]:
            yield _all_together(together)
        if found := tuple(_rows(of_window)):
            titles = ("Column", "Rows", *(_capital(word(metric).label) for metric in _COLUMNS), "p")
            yield Table("columns", f"Every column{when}", tuple(_heads(titles)), found)
    if slices := {tuple(sorted(m.slice.items())) for m in report.measurements if m.slice}:
        yield Paragraph(f"{len(slices):,} groups besides: --format json or --out has them all")
    noted = [m for m in everyone if m.value is None or not m.metric.startswith(ESTIMATED)]
    told = [*_notes(noted), *(report.note or "").split("; ")]
    if said := tuple(one for one in told if one):
        yield Bullets(said)


def _effect(estimated: Sequence[Measurement]) -> Table:
    """Each metric on today's mix of patients, with its change from the reference beside it."""
    values = {_naming(m): m for m in estimated if not m.metric.endswith(CHANGE)}
    changes = {_naming(m): m for m in estimated if m.metric.endswith(CHANGE)}
    notes = "; ".join(dict.fromkeys(m.note for m in estimated if m.note and m.value is not None))
    return Table(
        "effect",
        "What that does to performance, estimated without labels" + (f": it {notes}" if notes else ""),
        tuple(_heads(("Metric", "Today", "Change from the reference"))),
        tuple((name, _span(values.get(name)), _span(changes.get(name))) for name in {**values, **changes}),
    )


def _naming(m: Measurement) -> str:
    label = word(m.metric.removeprefix(ESTIMATED).removesuffix(CHANGE)).label
    at = m.params.get("threshold")
    return _capital(label) + (f" at {at:g}" if isinstance(at, float) else "")


def _all_together(together: Sequence[Measurement]) -> Table:
    heads = tuple(_heads(("All columns together", "Value", "p")))
    return Table("together", "", heads, tuple((_naming(m), _span(m), _p(m.p_value)) for m in together))


def _heads(titles: Sequence[str]) -> Iterator[Column]:
    yield Column(titles[0])
    yield from (Column(title, "number") for title in titles[1:])


def _rows(everyone: Sequence[Measurement]) -> Iterator[tuple[str, ...]]:
    features = list(dict.fromkeys(m.feature for m in everyone if m.feature is not None))
    for feature in features:
        of = {m.metric: m for m in everyone if m.feature == feature}
        test = of.get("ks") or of.get("chi2")
        cells = [_number(of[metric].value) if metric in of else "" for metric in _COLUMNS]
        n = "" if test is None or test.n is None else f"{test.n:,}"
        yield (feature, n, *cells, "" if test is None else _p(test.p_value))


def _notes(measured: Sequence[Measurement]) -> Iterator[str]:
    """Each note once, with what it is said of."""
    of: dict[str, dict[str, None]] = {}
    for m in measured:
        if m.note:
            of.setdefault(m.note, {})[m.feature or word(m.metric).label] = None
    for note, named in of.items():
        yield f"{', '.join(named) if len(named) <= _NAMED else f'{len(named)} of them'}: {note}"


def _span(m: Measurement | None) -> str:
    if m is None:
        return ""
    if m.lower is None or m.upper is None:
        return _number(m.value)
    return f"{_number(m.value)} ({_number(m.lower)} to {_number(m.upper)})"


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.3g}" if abs(value) >= 100 else f"{value:.3f}"


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
