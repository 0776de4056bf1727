"""All measurements, as they stand in the statement: one row a number, folded by grouping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from codman.report import words
from codman.report.document import Block, Column, Paragraph, Section, numbers, table
from codman.report.reading import between_groups
from codman.spine.measurement import Measurement

_SAID_ELSEWHERE: Final = frozenset({"by", "highest", "lowest", "not_judged", "family", "reference", "group"})


def all_measurements(measurements: Sequence[Measurement]) -> Section:
    """Every row of the statement in tables, one for everyone and one for each grouping."""
    tables: dict[str, list[Measurement]] = {}
    for m in measurements:
        tables.setdefault(_heading(m), []).append(m)
    blocks: list[Block] = [
        Paragraph(
            f"{words.many(len(measurements), 'number')}, as they stand in the statement. "
            "Method names say how value and interval were computed."
        )
    ]
    for i, (heading, rows) in enumerate(tables.items()):
        blocks.append(
            table(
                f"all-{i}",
                f"All measurements: {heading}",
                ["Number", *_columns(rows)],
                [_row(m, rows) for m in rows],
                folded=f"{words.capital(heading)}: {words.many(len(rows), 'number')}",
            )
        )
    return Section("all", "All measurements", tuple(blocks))


def _heading(m: Measurement) -> str:
    unit = f", one result per {m.params['unit']}" if m.params.get("unit") is not None else ""
    if between_groups(m.metric):
        return f"between groups of {' and '.join(m.params.get('by', []))}{unit}"
    return f"{'by ' + ' and '.join(m.slice) if m.slice else 'everyone'}{unit}"


def _named_by_groups(rows: Sequence[Measurement]) -> bool:
    return any(m.slice for m in rows)


def _columns(rows: Sequence[Measurement]) -> list[Column]:
    return [
        *([Column("Patients")] if _named_by_groups(rows) else []),
        *numbers("Value", "Interval"),
        *([Column("p", "number")] if any(m.p_value is not None for m in rows) else []),
        *numbers("Rows", "Events"),
        Column("Method", "code"),
        Column("Note"),
    ]


def _row(m: Measurement, rows: Sequence[Measurement]) -> list[str]:
    said = parameters(m.params)
    feature = f" of {m.feature}" if m.feature else ""
    return [
        words.capital(words.label(m.metric)) + words.in_hours(m.metric) + feature + (f", {said}" if said else ""),
        *([words.group(m.slice)] if _named_by_groups(rows) else []),
        words.number(m.value) if m.value is not None else words.with_interval(m),
        words.span(m),
        *([words.p_value(m.p_value)] if any(o.p_value is not None for o in rows) else []),
        words.count(m.n),
        words.count(m.positives),
        m.method,
        m.note or "",
    ]


def parameters(params: Mapping[str, Any]) -> str:
    """Parameters in words, those of the heading left out: `threshold 0.2, expected if calibrated 0.011`."""
    said = [words.at({k: v for k, v in params.items() if k != "unit"})]
    for name, value in params.items():
        if name in words.PLAIN_PARAMS or name in _SAID_ELSEWHERE or value is None:
            continue
        if isinstance(value, bool):
            said.append(f"{_spoken(name)}: {'yes' if value else 'no'}")
        elif isinstance(value, (int, float)):
            said.append(f"{_spoken(name)} {words.number(float(value)) if isinstance(value, float) else value}")
        elif isinstance(value, str):
            said.append(f"{_spoken(name)} {value}")
        elif isinstance(value, Mapping):
            said.append(f"{_spoken(name)} {words.listed(f'{k} {_plain(v)}' for k, v in value.items())}")
        elif isinstance(value, (list, tuple)):
            said.append(f"{_spoken(name)} {words.listed(map(_plain, value))}")
    if params.get("highest") and params.get("lowest") and isinstance(params["highest"], Mapping):
        said.append(f"highest {words.group(params['highest'])}, lowest {words.group(params['lowest'])}")
    return ", ".join(filter(None, said))


def _spoken(name: str) -> str:
    words = {"p_holm": "p (Holm)", "p_bh": "p (Benjamini–Hochberg)", "subjects": "patients"}
    return words.get(name, name.replace("_", " "))


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return words.number(value)
    if isinstance(value, Mapping):
        return words.listed(f"{k} {_plain(v)}" for k, v in value.items())
    return str(value)
