"""Brief: an evaluation on one screen: the report's sentences and tables, with fewer columns and no figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from codman.report import words
from codman.report.document import Block, Bullets, Column, Paragraph, Section, Table, numbers, table
from codman.report.groups import MAY_BE_CHANCE, chosen, first_gaps, panel_table, sentence
from codman.report.headline import headline, lead
from codman.report.panels import Panel, panels
from codman.report.reading import Reading, between_groups, readings
from codman.report.units import ONLY_PER_UNIT, with_unit
from codman.report.unknown import caveats, not_measured
from codman.spine.measurement import Measurement
from codman.spine.statement import EvaluationPredicate

MOST_GROUPS: Final = 12
MOST_GAPS: Final = 6
MOST_UNKNOWN: Final = 5
MOST_ACROSS: Final = 4
MOST_OTHERS: Final = 20
_LEFT_TO_REPORT: Final = frozenset({"auprc", "npv", "rmse", "balanced_accuracy", "macro_f1", "integrated_brier"})
_REST: Final = "in the report"


@dataclass(frozen=True, slots=True)
class Brief:
    """What is said, and how many of the statement's numbers that is."""

    sections: tuple[Section, ...]
    shown: int


def brief(predicate: EvaluationPredicate) -> Brief:
    """The first sentences, a table by group, one for each threshold, the widest gaps, what could not be measured."""
    reading, row_level = readings(predicate.spec, predicate.rows, predicate.measurements, predicate.curves)
    every = panels(reading)
    first = [Paragraph(one) for one in (headline(reading, every), *lead(reading))]
    sections = [Section("said", "", tuple(first))]
    shown = 0
    kinds = [(reading, "" if row_level is None else f"One result per {reading.unit}: a policy should use these")]
    if row_level is not None:
        kinds.append((row_level, "Row by row: for comparison only"))
    for one, title in kinds:
        tables, count = _tables(one)
        shown += count
        sections.append(Section("groups" if one is reading else "rows", title, tables))
    gaps = first_gaps(reading, MOST_GAPS)
    if gaps:
        said = tuple(sentence(reading, m) for m in gaps)
        sections.append(
            Section("differences", "Widest differences between groups", (Bullets(said), Paragraph(MAY_BE_CHANCE)))
        )
    unknown = list(dict.fromkeys([*not_measured(reading), *caveats(reading)]))
    if unknown:
        more = len(unknown) - MOST_UNKNOWN
        kept = unknown[:MOST_UNKNOWN] + ([f"And {more} more, {_REST}."] if more > 0 else [])
        sections.append(Section("unknown", "What to know about these numbers", (Bullets(tuple(kept)),)))
    return Brief(tuple(s for s in sections if s.blocks), shown + len(gaps))


def _tables(reading: Reading) -> tuple[tuple[Block, ...], int]:
    """The tables of one unit of analysis, and how many numbers they show."""
    if len(reading.slices) < 2:
        one, shown = _everyone(reading)
        more, also = _per_unit(reading)
        return tuple(t for t in (one, more) if t is not None), shown + also
    every = [_narrow(p) for p in panels(reading)]
    each = [p for p in every if "class" in p.params or "label" in p.params]
    blocks: list[Block] = []
    count = 0
    for i, panel in enumerate(p for p in every if p not in each):
        groups, left = chosen(reading, panel, MOST_GROUPS)
        blocks.append(panel_table(reading, panel, groups, left, sizes=i == 0, rest=_REST))
        count += sum(reading.at(m, s, **panel.params) is not None for m in panel.metrics for s in groups)
    for made, shown in (_each(reading, each), _across(reading, each), _per_unit(reading)):
        blocks += [made] if made is not None else []
        count += shown
    if not blocks:
        made, count = _others(reading)
        blocks += [made] if made is not None else []
    return tuple(blocks), count


def _everyone(reading: Reading) -> tuple[Table | None, int]:
    """A row a number, where there are no groups."""
    every = panels(reading)
    found = [m for p in every for name in p.metrics if (m := reading.at(name, {}, **p.params)) is not None]
    return _listed(found[: 2 * MOST_OTHERS]) if found else _others(reading)


def _narrow(panel: Panel) -> Panel:
    kept = tuple(m for m in panel.metrics if m not in _LEFT_TO_REPORT)
    return replace(panel, metrics=kept or panel.metrics)


def _each(reading: Reading, each: Sequence[Panel]) -> tuple[Table | None, int]:
    """Classes or labels, a row each, for everyone."""
    if not each:
        return None, 0
    metrics = list(dict.fromkeys(m for panel in each for m in panel.metrics))
    rows, count = [], 0
    for panel in each[:MOST_OTHERS]:
        found = [reading.at(m, {}, **panel.params) for m in metrics]
        count += sum(m is not None for m in found)
        sized = next((m for m in found if m is not None and m.n is not None), None)
        sizes = (words.count(sized.n), words.count(sized.positives)) if sized else (words.NONE, words.NONE)
        rows.append((panel.title, *sizes, *(words.with_interval(m) if m else words.NONE for m in found)))
    heads = numbers("Rows", "Events", *(words.capital(words.label(m)) for m in metrics))
    level = words.level(reading.measurements)
    left = f"; {len(each) - MOST_OTHERS} more {_REST}" if len(each) > MOST_OTHERS else ""
    caption = f"One against all others, everyone; values with intervals at {level}{left}"
    if "label" in each[0].params:
        caption = f"Each label, everyone; values with intervals at {level}{left}"
    return table("each", caption, [Column(""), *heads], rows), count


def _across(reading: Reading, each: Sequence[Panel]) -> tuple[Table | None, int]:
    """Labels side by side, a row a group."""
    labels = [p for p in each if "label" in p.params and "auroc" in p.metrics]
    if not labels or len(labels) > MOST_ACROSS or len(reading.slices) < 2:
        return None, 0
    groups, left = chosen(reading, labels[0], MOST_GROUPS)
    groups = [s for s in groups if s]
    found = [[reading.at("auroc", s, **p.params) for p in labels] for s in groups]
    rows = [
        (words.group(s), *(words.with_interval(m) if m else words.NONE for m in row))
        for s, row in zip(groups, found, strict=True)
    ]
    more = f"; {words.many(left, 'more group')} {_REST}" if left else ""
    heads = numbers(*(str(p.params["label"]) for p in labels))
    caption = f"AUROC by group; intervals at {words.level(reading.measurements)}{more}"
    return table("across", caption, ["Patients", *heads], rows), sum(m is not None for row in found for m in row)


def _per_unit(reading: Reading) -> tuple[Table | None, int]:
    """Warning time and burden of alerts, for everyone."""
    found = [m for m in reading.measurements if m.metric in ONLY_PER_UNIT and not m.slice]
    if reading.unit is None or not found:
        return None, 0
    rows = [(with_unit(m.metric, m.params), words.with_interval(m), m.note or "") for m in found]
    return table("alerts", "Alerts, everyone", ["Number", *numbers("Value"), "Note"], rows), len(found)


def _others(reading: Reading) -> tuple[Table | None, int]:
    """What was asked for where it stands in no panel."""
    found = [m for m in reading.measurements if not m.slice and not between_groups(m.metric)][:MOST_OTHERS]
    return _listed(found) if found else (None, 0)


def _listed(found: Sequence[Measurement]) -> tuple[Table, int]:
    rows = [(with_unit(m.metric, m.params), words.count(m.n), words.with_interval(m), m.note or "") for m in found]
    columns: list[Column | str] = ["Number", *numbers("Rows", "Value"), "Note"]
    return table("others", f"Everyone; intervals at {words.level(found)}", columns, rows), len(found)
