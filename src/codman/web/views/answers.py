"""Answers to frameworks, as a page lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codman.registry.documents import Fact as Answer
from codman.registry.frameworks import every_framework
from codman.web.views import marks
from codman.web.views.marks import Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """An answer to a framework: what it asks, what is said, what stands behind it, whose word it is."""

    asks: str
    framework: str
    field: str
    value: str
    basis: Tag
    source: str


def answers_shown(found: Sequence[Answer]) -> tuple[AnswerRow, ...]:
    """Answers to frameworks, each under the words of the field it answers."""
    asked = {f"{f.framework}/{field.id}": (f.title, field.title) for f in every_framework() for field in f.fields}
    rows = []
    for one in found:
        name, _, field = one.field.partition("/")
        framework, asks = asked.get(one.field, (name, field))
        rows.append(
            AnswerRow(
                asks=asks,
                framework=framework,
                field=field.rpartition("/")[2],
                value=one.value,
                basis=marks.basis(one.basis),
                source=one.source,
            )
        )
    return tuple(rows)
