"""A statement as a person reads it: a headline, its rows, its measurements as a table."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from codman.cli.comparison_text import lines as comparison_lines
from codman.cli.layout import print_line as _print
from codman.cli.layout import print_sections
from codman.evidence.statements import ReadStatement
from codman.report.brief import brief
from codman.report.headline import headline as sentence
from codman.report.panels import panels
from codman.report.reading import readings
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.measurement import Measurement
from codman.spine.statement import EvaluationPredicate, Predicate, Rows
from codman.spine.vocabulary import RATIO, UnknownMetric, word

_HEADS: Final = ("metric", "slice", "value", "interval", "n", "positives", "note")
_NUMERIC: Final = frozenset({"value", "interval", "n", "positives"})
_NARROW: Final = 60  # the longest a cell is in a table; the JSON has it whole


def print_statement(read: ReadStatement) -> None:
    """Write a statement's headline, facts and measurements to standard output."""
    said = read.predicate
    _print(headline(read))
    said_of = list(facts(read))
    rows: Rows | None = getattr(said, "rows", None)
    if rows is not None:
        said_of.append(("rows", rows_line(rows)))
    wide = max((len(name) for name, _ in said_of), default=0) + 2
    for name, value in said_of:
        _print(f"  {name + ':':<{wide}}{value}")
    _print("")
    if isinstance(said, EvaluationPredicate):
        short = brief(said)
        print_sections(short.sections)
        more = len(said.measurements) - short.shown
        if more > 0:
            _print("")
            first = "--out FILE and " if read.path is None else ""  # only a file can be reported
            _print(f"{more:,} more numbers: --format json, or {first}codman report")
        return
    if isinstance(said, ComparisonPredicate):
        for line in comparison_lines(said):
            _print(line)
        return
    measurements: Sequence[Measurement] | None = getattr(said, "measurements", None)
    if measurements:
        print_measurements(measurements)


def summary(said: EvaluationPredicate) -> str:
    """The sentence a report opens with."""
    reading, _ = readings(said.spec, said.rows, said.measurements, said.curves)
    return sentence(reading, panels(reading))


def print_measurements(measurements: Sequence[Measurement]) -> None:
    """Write measurements as a table: with colour on a terminal, plain in a pipe."""
    table = [
        [
            m.metric + (f" of {m.feature}" if m.feature else "") + _params(m),
            _patients(m),
            _number(m.value),
            "" if m.lower is None or m.upper is None else f"{_number(m.lower)} to {_number(m.upper)}",
            "" if m.n is None else f"{m.n:,}",
            "" if m.positives is None else f"{m.positives:,}",
            _note(m),
        ]
        for m in measurements
    ]
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        _rich(table)
    else:
        _plain(table)


def headline(read: ReadStatement) -> str:
    """One line: what it is about, whose word it is, when, and whether anybody signed it."""
    said = read.statement.predicate
    name = read.statement.subject[0].name
    signed = "not signed"
    if read.envelope is not None:
        count = len(read.envelope.signatures)
        signed = f"{count} signature{'s' if count > 1 else ''}, not checked here"
    when = said.get("evaluated_at") or said.get("committed_at")
    origin = f", {said['origin']}" if "origin" in said else ""
    return f"{read.kind.value.capitalize()} of {name}{origin}, {when} ({signed})"


def facts(read: ReadStatement) -> Iterable[tuple[str, str]]:
    """What else a reader needs to know it by."""
    said = read.statement.predicate
    yield "digest", f"sha256:{read.digest}"
    if isinstance(read.predicate, Predicate) and read.predicate.use:
        yield "use", read.predicate.use
    for name in ("document", "policy", "edition", "file", "media_type", "checkpoint", "outcome", "category"):
        if isinstance(said.get(name), str):
            yield name.replace("_", " "), said[name]
    for one in said.get("inputs", []):
        rows = "" if one.get("rows") is None else f", {one['rows']:,} rows"
        yield one["name"].replace("-", " "), f"{one['uri']}{rows} (sha256 {one['digest']['sha256'][:12]}…)"
    for one in said.get("spec", {}).get("chosen", []):
        if one.get("threshold") is not None:
            kind = ": too kind, and a policy does not accept it" if one["rows"] == "judged rows" else ""
            yield (
                "threshold",
                f"{one['threshold']:g}, chosen for {one['rule']} {one['target']:g} on the {one['rows']}{kind}",
            )
    criteria = said.get("criteria")
    if criteria:
        receipt = "with a log's receipt" if criteria.get("receipt") else "no receipt"
        yield "criteria", f"committed {criteria['committed_at']}, {receipt}"
    if said.get("note"):
        yield "note", said["note"]


def rows_line(rows: Rows) -> str:
    """Where every row went."""
    left_out = "".join(f", {count:,} left out: {reason}" for reason, count in rows.excluded.items())
    of = "" if rows.patients is None else f" (of {rows.patients:,} patients)"
    return f"{rows.eligible:,} eligible, {rows.evaluated:,} evaluated{of}{left_out}"


# what these say stands in another column, or is the family's bookkeeping
_ELSEWHERE: Final = frozenset({"by", "family", "expected_if_calibrated", "subjects"})


def _params(m: Measurement) -> str:
    """The unit and what was asked for, behind the metric's name: (hours; threshold 0.2)."""
    named = _unit(m.metric)
    named += [
        f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in m.params.items()
        if isinstance(value, (str, int, float)) and key not in _ELSEWHERE
    ]
    return f" ({'; '.join(named)})" if named else ""


def _unit(metric: str) -> list[str]:
    try:
        unit = word(metric).unit
    except UnknownMetric:
        return []
    if not unit or unit in metric or metric.endswith(RATIO):
        return []  # a name may say its unit; a ratio has none
    return [f"unit {unit}" if unit.startswith("of ") else unit]


def _patients(m: Measurement) -> str:
    """Whose number it is; for a difference, between the groups of which columns."""
    by = m.params.get("by")
    if isinstance(by, (list, tuple)) and not m.slice:
        return f"between groups of {', '.join(map(str, by))}"
    return _level(m.slice) or "everyone"


def _level(slice_: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in slice_.items())


def _note(m: Measurement) -> str:
    """Which groups differ, what chance alone would give, then the note itself."""
    said = []
    highest, lowest = m.params.get("highest"), m.params.get("lowest")
    if isinstance(highest, Mapping) and isinstance(lowest, Mapping):
        said.append(f"highest {_level(highest)}, lowest {_level(lowest)}")
    if isinstance(m.params.get("expected_if_calibrated"), float):
        said.append(f"{_number(m.params['expected_if_calibrated'])} if the risks were right")
    return "; ".join([*said, *([m.note] if m.note else [])])


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if size >= 0.001 or value == 0 else f"{value:.1e}"


def _plain(table: list[list[str]]) -> None:
    # the last column pushes nothing aside, so a note stays whole
    shortened = [
        [*(cell if len(cell) <= _NARROW else cell[: _NARROW - 1] + "…" for cell in row[:-1]), row[-1]] for row in table
    ]
    cells = [list(_HEADS), *shortened]
    widths = [max(len(row[i]) for row in cells) for i in range(len(_HEADS))]
    for row in cells:
        line = "  ".join(
            cell.rjust(width) if head in _NUMERIC else cell.ljust(width)
            for head, cell, width in zip(_HEADS, row, widths, strict=True)
        )
        _print(line.rstrip())


def _rich(table: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, header_style="bold", pad_edge=False)
    for head in _HEADS:
        shown.add_column(head, justify="right" if head in _NUMERIC else "left", no_wrap=head in _NUMERIC)
    for row in table:
        shown.add_row(*(Text(cell) for cell in row))  # as text: a level may look like markup
    Console().print(shown)
