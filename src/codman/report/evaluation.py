"""An evaluation statement as a Document: the order a committee reads it in."""

from __future__ import annotations

from codman.evidence.statements import ReadStatement
from codman.evidence.verify import Verification
from codman.report import proof, words
from codman.report.document import Block, Document, Fact, Figure, Gallery, Paragraph, Section
from codman.report.everything import all_measurements
from codman.report.figures import curves
from codman.report.figures.decision import decision
from codman.report.frame import Frame
from codman.report.groups import by_group, differences, overall
from codman.report.headline import headline, lead
from codman.report.panels import panels
from codman.report.provenance import provenance
from codman.report.reading import Reading, readings
from codman.report.units import side_by_side
from codman.report.unknown import caveats, not_measured, shortened
from codman.spine.statement import EvaluationPredicate

_CURVES = (curves.roc, curves.precision_recall, curves.calibration, decision)


def evaluation(
    read: ReadStatement, predicate: EvaluationPredicate, verification: Verification | None, frame: Frame
) -> Document:
    """Lay out an evaluation.

    Args:
        read: The statement as it was read.
        predicate: What it says.
        verification: What came of checking its signature; None where it was not checked.
        frame: What every report shares.
    """
    reading, row_level = readings(predicate.spec, predicate.rows, predicate.measurements, predicate.curves)
    shown = panels(reading)
    sections = [
        frame.verdict_section(read),
        overall(reading, shown),
        by_group(reading, shown),
        differences(reading),
        side_by_side(reading, row_level, shown),
        _curves(reading, row_level),
        proof.verification_section(read, verification),
        provenance(read.statement, predicate, read.digest, frame.path),
        all_measurements(predicate.measurements),
    ]
    unknown = [
        *not_measured(reading),
        *caveats(reading),
        *frame.doubts(read, verification),
        *(["No criteria were committed before the run."] if predicate.criteria is None else []),
    ]
    return frame.document(
        read,
        predicate,
        kind="Evaluation",
        headline=headline(reading, shown),
        lead=lead(reading),
        facts=_facts(reading, predicate),
        unknown=shortened(unknown),
        sections=[s for s in sections if s is not None],
        verification=verification,
    )


def _curves(reading: Reading, row_level: Reading | None) -> Section | None:
    """One gallery of all curves: they are read together, and side by side they need least room."""
    drawn, blocks = _drawn(reading), list[Block]()
    if not drawn and row_level is not None:
        drawn = _drawn(row_level)
        blocks.append(
            Paragraph(f"These curves are row by row, not one result per {reading.unit}: for comparison only.")
        )
    if not drawn:
        return None
    return Section("curves", "Ranking, calibration and usefulness", (*blocks, Gallery(tuple(drawn))))


def _drawn(reading: Reading) -> list[Figure]:
    return [figure for make in _CURVES if (figure := make(reading)) is not None]


def _facts(reading: Reading, predicate: EvaluationPredicate) -> list[Fact]:
    size, rows = reading.size({}), predicate.rows
    facts = [
        Fact(
            "Rows",
            f"{words.count(rows.evaluated)} evaluated"
            + ("" if rows.patients is None else f", of {words.many(rows.patients, 'patient')}"),
            words.where_rows_went(rows.eligible, rows.evaluated, rows.excluded),
        )
    ]
    if reading.unit is not None and size is not None:
        facts.append(Fact("One result per", reading.unit, f"{words.count(size.n)} results"))
    if size is not None and size.positives is not None and size.n:
        facts.append(
            Fact(
                "With the event",
                words.count(size.positives),
                f"{words.per_cent(size.positives / size.n)} of {words.count(size.n)}: {_event(predicate)}",
            )
        )
    groups = [s for s in reading.slices if s]
    hidden = sum(reading.suppressed(s) for s in groups)
    if groups:
        facts.append(
            Fact(
                "Groups of patients",
                words.count(len(groups)),
                f"{words.many(hidden, 'group')} too small to show" if hidden else "all of them large enough to show",
            )
        )
    subject = predicate.spec.subject
    facts.append(
        Fact("Rows of one patient", f"joined by {subject}", "intervals allow for repeats")
        if subject
        else Fact("Rows of one patient", "taken as independent", "no patient column was named")
    )
    for one in predicate.spec.chosen:
        if one.threshold is not None:
            rule = words.RULE[one.rule].format(target=words.short(one.target))
            facts.append(Fact("Threshold chosen", words.short(one.threshold), f"{rule}, on {one.rows}"))
    return facts


def _event(predicate: EvaluationPredicate) -> str:
    label = predicate.spec.label
    name = label if isinstance(label, str) else words.listed(label, most=4)
    return f"{name} is {predicate.spec.positive}" if predicate.spec.positive else name
