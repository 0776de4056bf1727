"""Make a report: a statement file in, one HTML or PDF file out. Start here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from codman.errors import BadInput
from codman.evidence.canonical import MAX_BYTES
from codman.evidence.files import read_whole, write_whole
from codman.evidence.keys import VerifyingKey
from codman.evidence.statements import read_bytes
from codman.report import html, pdf
from codman.report.comparison import comparison
from codman.report.document import Document
from codman.report.evaluation import evaluation
from codman.report.frame import Frame
from codman.report.generic import generic
from codman.report.proof import check
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.statement import EvaluationPredicate

FORMS: Final = {".html": html.render, ".htm": html.render, ".pdf": pdf.render}


class UnknownForm(BadInput):
    """A report was asked for in a form that there is not."""

    def __init__(self, out: Path) -> None:
        super().__init__(
            what=f"a report cannot be written as {out.name}",
            why=f"it ends in {out.suffix!r}" if out.suffix else "it has no ending",
            fix="end --out in .html or .pdf",
        )


def write_report(
    statement: Path | str, out: Path | str, *, keys: Sequence[VerifyingKey] = (), verdict: dict[str, Any] | None = None
) -> Document:
    """Write the report of a statement, whole or not at all.

    Args:
        statement: A statement, bare or in its envelope.
        out: Where; .html or .pdf.
        keys: Public keys the signature is checked with.
        verdict: What a policy makes of it, in the shape of `codman gate --format json`.

    Returns:
        What was said in it.

    Raises:
        UnknownForm: `out` ends in neither .html nor .pdf.
        NotAStatement: The file is something else.
        MissingExtra: Without the extra `report`.
        CannotWrite: The folder is missing or not ours.
    """
    out = Path(out)
    if out.suffix.lower() not in FORMS:
        raise UnknownForm(out)
    document = read_document(statement, keys=keys, verdict=verdict)
    write_whole(out, FORMS[out.suffix.lower()](document))
    return document


def read_document(
    statement: Path | str, *, keys: Sequence[VerifyingKey] = (), verdict: dict[str, Any] | None = None
) -> Document:
    """What a report of this statement says, before it is laid out."""
    path = Path(statement)
    data = read_whole(path, at_most=2 * MAX_BYTES)
    read = read_bytes(data, name=str(path), path=path)
    verification = check(read, keys)
    frame = Frame(path=path, evidence=data, verdict=verdict)
    if isinstance(read.predicate, EvaluationPredicate):
        return evaluation(read, read.predicate, verification, frame)
    if isinstance(read.predicate, ComparisonPredicate):
        return comparison(read, read.predicate, verification, frame)
    return generic(read, verification, frame)
