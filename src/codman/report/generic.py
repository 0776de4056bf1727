"""Any other kind of statement as a Document: every field said plainly, measurements in tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from codman.evidence.statements import ReadStatement
from codman.evidence.verify import Verification
from codman.report import proof, words
from codman.report.document import Block, Document, Fact, Section, table
from codman.report.everything import all_measurements
from codman.report.frame import Frame
from codman.report.provenance import provenance, said
from codman.report.unknown import shortened
from codman.spine.article import capital_article
from codman.spine.measurement import Measurement

_ELSEWHERE: Final = frozenset(
    {
        "product",
        "version",
        "use",
        "origin",
        "evaluated_at",
        "inputs",
        "software",
        "measurements",
        "curves",
        "spec",
        "note",
        "criteria",
    }
)
MOST_FACTS: Final = 6
_LONG: Final = 60


def generic(read: ReadStatement, verification: Verification | None, frame: Frame) -> Document:
    """Lay out a statement that has no layout of its own."""
    predicate = read.predicate
    fields = {k: v for k, v in read.statement.predicate.items() if k not in _ELSEWHERE and v not in (None, [], {})}
    measurements: list[Measurement] = list(getattr(predicate, "measurements", None) or [])
    unmeasured = [m for m in measurements if m.value is None]
    kind = read.kind.value
    short = {k: v for k, v in fields.items() if not isinstance(v, (dict, list)) and len(said(v)) <= _LONG}
    facts = [Fact(_spoken(k), said(v)) for k, v in list(short.items())[:MOST_FACTS]]
    blocks: list[Block] = []
    if fields:
        blocks.append(table("fields", f"What the {kind} statement says", ["Field", "Value"], _flat(fields)))
    unknown = [
        *(
            f"No {words.label(m.metric)}{f' of {m.feature}' if m.feature else ''} for {words.group(m.slice)}: "
            f"{m.note or 'no reason was given'}."
            for m in unmeasured
        ),
        *frame.doubts(read, verification),
    ]
    sections = [
        frame.verdict_section(read),
        Section("content", "What it says", tuple(blocks)) if blocks else None,
        all_measurements(measurements) if measurements else None,
        proof.verification_section(read, verification),
        provenance(read.statement, predicate, read.digest, frame.path, reproducible=False),
    ]
    subject = words.listed((s.name for s in read.statement.subject), most=3)
    counted = f", with {words.many(len(measurements), 'measurement')}" if measurements else ""
    return frame.document(
        read,
        predicate,
        kind=words.capital(kind),
        headline=f"{capital_article(kind)} statement about {subject}{counted}.",
        lead=[],
        facts=facts,
        unknown=shortened(unknown),
        sections=[s for s in sections if s is not None],
        verification=verification,
    )


def _spoken(name: str) -> str:
    return words.capital(name.replace("_", " "))


def _flat(fields: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Nested fields as rows: `counts: rows`, so that nothing is hidden in braces."""
    rows: list[tuple[str, str]] = []
    for name, value in fields.items():
        title = f"{before}: {name.replace('_', ' ')}" if before else _spoken(name)
        if isinstance(value, Mapping) and value and len(said(value)) > _LONG:
            rows += _flat(value, title)
        elif isinstance(value, list) and any(isinstance(v, Mapping) for v in value):
            for i, inner in enumerate(value, 1):
                rows += _flat(inner, f"{title} {i}") if isinstance(inner, Mapping) else [(f"{title} {i}", said(inner))]
        else:
            rows.append((title, said(value)))
    return rows
