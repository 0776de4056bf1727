"""Unit of analysis: row by row and one result per patient or encounter, side by side, and which a policy may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codman.report import words
from codman.report.document import Block, Column, Paragraph, Section, table
from codman.report.panels import Panel
from codman.report.reading import Reading

ONLY_PER_UNIT = ("lead_time", "alerts_per_100_patient_days")


def side_by_side(reading: Reading, row_level: Reading | None, panels: list[Panel]) -> Section | None:
    """Both sets of numbers for everyone; None where there is only one set."""
    if row_level is None or reading.unit is None:
        return None
    spec = reading.spec.unit
    how = f"The rows of one {reading.unit} become one result by {spec.aggregate}. " if spec is not None else ""
    onset = f"Rows at or after {spec.onset} are not judged. " if spec is not None and spec.onset else ""
    rows = []
    for panel in panels:
        for metric in panel.metrics:
            per_unit, per_row = reading.at(metric, {}, **panel.params), row_level.at(metric, {}, **panel.params)
            if per_unit is None and per_row is None:
                continue
            rows.append(
                (
                    words.capital(words.named(metric, panel.params)),
                    words.with_interval(per_unit) if per_unit else words.NONE,
                    words.with_interval(per_row) if per_row else words.NONE,
                )
            )
    for metric in ONLY_PER_UNIT:
        for m in reading.measurements:
            if m.metric == metric and not m.slice:
                rows.append(
                    (
                        with_unit(metric, m.params),
                        words.with_interval(m),
                        words.NONE,
                    )
                )
    sizes = reading.size({}), row_level.size({})
    counted = tuple(words.count(s.n) if s else words.NONE for s in sizes)
    events = tuple(words.count(s.positives) if s else words.NONE for s in sizes)
    blocks: list[Block] = [
        Paragraph(words.UNIT_RULE.format(unit=reading.unit)),
        *([Paragraph((how + onset).strip())] if how else []),
        table(
            "units",
            f"Everyone, one result per {reading.unit} and row by row; intervals at {words.level(reading.measurements)}",
            [
                "Number",
                *(Column(t, "number") for t in (f"Per {reading.unit}: a policy may use", "Per row: for comparison")),
            ],
            [("Results", *counted), ("With the event", *events), *rows],
        ),
    ]
    return Section("units", "What counts as one result", tuple(blocks))


def with_unit(metric: str, params: Mapping[str, Any]) -> str:
    """A number's whole name with its unit: `Lead time at threshold 0.2 (hours)`."""
    return words.capital(words.named(metric, params)) + words.in_hours(metric)
