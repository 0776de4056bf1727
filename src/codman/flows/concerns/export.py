"""export: concerns blinded and de-identified, so that others can learn from them: counts by quarter and kind alone.

No site, person, use, product, word or day leaves; a quarter is told once it is over; a count below FEWEST is not told,
and no sums are given from which it could be worked out. RUAIH element 5: voluntary, blinded reporting of safety events.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import select

from codman.flows.house import House
from codman.jobs.times import read_instant
from codman.registry import governance
from codman.registry.access import NotAllowed, Reader, paths_for
from codman.registry.governance import CONCERNS
from codman.registry.schema_review import concerns

EXPORT: Final = "concern.export"
FEWEST: Final = 5
SCHEMA: Final = "codman-concerns-by-quarter/1"
COLUMNS: Final = ("quarter", "category", "severity", "count", "suppressed")
NOTE: Final = (
    f"Counts of concerns by quarter, category and severity. Fewer than {FEWEST} are not told and no sums are given. "
    "A quarter stands here once it is over. Blinded: no site, person, product, use, words or day."
)


@dataclass(frozen=True, slots=True)
class Cell:
    """How many concerns of one kind in one quarter; None is 1 to FEWEST - 1."""

    quarter: str  # 2026-Q4
    category: str
    severity: str
    count: int | None


def cells(house: House, reader: Reader) -> list[Cell]:
    """The counts within somebody's reach, the oldest quarter first; of quarters that are over.

    Raises:
        NotAllowed: They may not export concerns.
    """
    within = paths_for(reader, EXPORT)
    if not within:
        raise NotAllowed(EXPORT, "anywhere")
    zone = house.settings.zone
    running = quarter_of(house.database.clock().astimezone(zone).date())
    query = select(concerns.c.raised_at, concerns.c.category, concerns.c.severity)
    counted: Counter[tuple[str, str, str]] = Counter()
    with house.database.reading() as connection:
        for row in connection.execute(query.where(governance.seen(CONCERNS, within))):
            quarter = quarter_of(read_instant(row.raised_at).astimezone(zone).date())
            if quarter < running:
                counted[quarter, row.category, row.severity] += 1
    return [Cell(*key, number if number >= FEWEST else None) for key, number in sorted(counted.items())]


def as_csv(found: list[Cell]) -> bytes:
    """The cells as CSV (RFC 4180): an empty count with `yes` in `suppressed` is one that is not told."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one in found:
        told = "" if one.count is None else one.count
        writer.writerow([one.quarter, one.category, one.severity, told, "yes" if one.count is None else "no"])
    return out.getvalue().encode()


def as_json(found: list[Cell]) -> bytes:
    """The cells as JSON, with what they are."""
    body = {
        "schema": SCHEMA,
        "note": NOTE,
        "fewest": FEWEST,
        "cells": [
            {
                "quarter": one.quarter,
                "category": one.category,
                "severity": one.severity,
                "count": one.count,
                "suppressed": one.count is None,
            }
            for one in found
        ],
    }
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def quarter_of(day: date) -> str:
    """The quarter of a day, e.g. 2026-Q4."""
    return f"{day.year}-Q{(day.month - 1) // 3 + 1}"
