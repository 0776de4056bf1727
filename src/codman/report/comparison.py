"""A comparison statement as a Document: model B against model A on the same patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from codman.evidence.statements import ReadStatement
from codman.evidence.verify import Verification
from codman.report import proof, words
from codman.report.document import (
    Block,
    Bullets,
    Checks,
    Document,
    Fact,
    Gallery,
    Item,
    Paragraph,
    Section,
    Tag,
    Tone,
    numbers,
    table,
)
from codman.report.everything import all_measurements
from codman.report.figures.forest import forest
from codman.report.frame import Frame
from codman.report.provenance import provenance
from codman.report.reading import Reading, between_versions
from codman.report.unknown import not_measured, shortened
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import CHANGE, Better

MOST_GROUPS: Final = 40
_BY_GROUP: Final = ("auroc", "sensitivity", "ppv", "brier")
_CONCLUSIONS: Final[dict[str, tuple[str, Tone]]] = {
    "superior": ("Better", "met"),
    "non-inferior": ("No worse", "met"),
    "inferior": ("Worse", "unmet"),
    "inconclusive": ("Inconclusive", "unsure"),
}


def comparison(
    read: ReadStatement, predicate: ComparisonPredicate, verification: Verification | None, frame: Frame
) -> Document:
    """Lay out a comparison of two models."""
    spec = predicate.spec
    shape = EvaluationSpec(
        task="binary", label=spec.label, score=spec.score, suppression=spec.suppression, subject=spec.subject
    )
    reading = Reading(shape, predicate.rows, predicate.measurements, predicate.curves, None)
    everyone = [m for m in predicate.measurements if between_versions(m.metric) and not m.slice]
    sections = [
        frame.verdict_section(read),
        _margins(everyone),
        _changes(reading, everyone),
        _by_group(reading, everyone),
        proof.verification_section(read, verification),
        provenance(read.statement, predicate, read.digest, frame.path),
        all_measurements(predicate.measurements),
    ]
    unknown = [
        *not_measured(reading),
        *(
            []
            if spec.margins
            else ["No margin was agreed beforehand, so nothing here says whether a loss would be acceptable."]
        ),
        *([] if spec.subject else ["No patient column was named: rows were taken as independent."]),
        *frame.doubts(read, verification),
    ]
    rows = predicate.rows
    facts = [
        Fact(
            "Rows",
            f"{words.count(rows.evaluated)} compared"
            + ("" if rows.patients is None else f", of {words.many(rows.patients, 'patient')}"),
            words.where_rows_went(rows.eligible, rows.evaluated, rows.excluded),
        ),
        *(Fact(f"Model {i.name.upper()}", i.uri, f"{words.count(i.rows)} rows") for i in predicate.inputs[:2]),
        Fact("Joined by", spec.id or "the order of the rows", "the same patients, each scored by both"),
    ]
    return frame.document(
        read,
        predicate,
        kind="Comparison of two models",
        headline=_headline(reading, everyone),
        lead=[_sentence(reading, m) for m in everyone if "conclusion" in m.params][:3],
        facts=facts,
        unknown=shortened(unknown),
        sections=[s for s in sections if s is not None],
        verification=verification,
    )


def _own(reading: Reading, m: Measurement, model: str) -> Measurement | None:
    params = {k: m.params[k] for k in ("threshold", "class", "label", "horizon") if k in m.params}
    return reading.at(m.metric.removesuffix(CHANGE), m.slice, model=model, **params)


def _name(m: Measurement) -> str:
    return words.capital(words.named(m.metric.removesuffix(CHANGE), m.params))


def _headline(reading: Reading, everyone: Sequence[Measurement]) -> str:
    first = next((m for m in everyone if m.metric == f"auroc{CHANGE}" and m.value is not None), None) or next(
        (m for m in everyone if m.value is not None and m.metric.endswith(CHANGE)), None
    )
    if first is None:
        return "Nothing could be compared on these rows."
    a, b = _own(reading, first, "a"), _own(reading, first, "b")
    own = (
        f" (A {words.number(a.value)}, B {words.number(b.value)})"
        if a and b and a.value is not None and b.value is not None
        else ""
    )
    on = f" on {words.count(first.n)} results of the same patients" if first.n is not None else ""
    return (
        f"{_direction(first)} {_name(first)} changes by {words.with_interval(first)} from model A to model B{own}{on}."
    )


def _direction(m: Measurement) -> str:
    word = words.meaning(m.metric)
    if word is None or m.lower is None or m.upper is None or word.better not in (Better.HIGHER, Better.LOWER):
        return "The two models were compared."
    good = m.lower > 0 if word.better is Better.HIGHER else m.upper < 0
    bad = m.upper < 0 if word.better is Better.HIGHER else m.lower > 0
    if good:
        return "Model B does better."
    return "Model B does worse." if bad else "The two models cannot be told apart."


def _sentence(reading: Reading, m: Measurement) -> str:
    text, _ = _CONCLUSIONS.get(str(m.params.get("conclusion")), (str(m.params.get("conclusion")), "plain"))
    margin = m.params.get("margin")
    agreed = (
        f", held against the agreed margin of {words.number(float(margin))}" if isinstance(margin, (int, float)) else ""
    )
    del reading
    return f"{_name(m)}: {text.lower()}. The change is {words.with_interval(m)}{agreed}."


def _margins(everyone: Sequence[Measurement]) -> Section | None:
    """What was agreed beforehand and what came of it."""
    judged = [m for m in everyone if "conclusion" in m.params]
    if not judged:
        return None
    items = []
    for m in judged:
        text, tone = _CONCLUSIONS.get(str(m.params["conclusion"]), (str(m.params["conclusion"]), "plain"))
        margin = m.params.get("margin")
        limit = f"; the agreed margin is {words.number(float(margin))}" if isinstance(margin, (int, float)) else ""
        items.append(Item(_name(m), Tag(text, tone), f"The change, B minus A, is {words.with_interval(m)}{limit}."))
    return Section("margins", "What was agreed, and whether it holds", (Checks(tuple(items)),))


def _changes(reading: Reading, everyone: Sequence[Measurement]) -> Section | None:
    if not everyone:
        return None
    rows = []
    for m in everyone:
        a, b = _own(reading, m, "a"), _own(reading, m, "b")
        rows.append(
            (
                _name(m),
                words.with_interval(a) if a else words.NONE,
                words.with_interval(b) if b else words.NONE,
                words.number(m.value),
                words.span(m),
                words.p_value(m.p_value),
                m.note or ("odds ratio of discordance: 1 is no difference" if m.metric == "mcnemar" else ""),
            )
        )
    note = "Each change is model B minus model A on the same rows; its interval allows for the pairing."
    blocks: tuple[Block, ...] = (
        Paragraph(note),
        table(
            "changes",
            f"Everyone; intervals at {words.level(everyone)}",
            ["Number", *numbers("Model A", "Model B", "Change", "Interval", "p"), "Note"],
            rows,
        ),
    )
    return Section("changes", "What changes", blocks)


def _by_group(reading: Reading, everyone: Sequence[Measurement]) -> Section | None:
    slices = [s for s in reading.slices if len(s) <= 1] + [s for s in reading.slices if len(s) > 1]
    if len(slices) < 2:
        return None
    left = max(0, len(slices) - MOST_GROUPS)
    figures = []
    worse: dict[str, list[str]] = {}
    for m in everyone:
        if not m.metric.endswith(CHANGE):
            continue
        params: dict[str, Any] = {k: m.params[k] for k in ("threshold",) if k in m.params}
        if m.metric.removesuffix(CHANGE) not in _BY_GROUP:
            continue
        figure = forest(reading, m.metric, slices[:MOST_GROUPS], params)
        figures += [figure] if figure is not None else []
        for s in slices[1:]:
            one = reading.at(m.metric, s, **params)
            if one is not None and _direction(one) == "Model B does worse.":
                worse.setdefault(_name(one), []).append(f"{words.group(s)}, {words.with_interval(one)}")
    blocks: list[Block] = [Paragraph("In no group does a whole interval say that model B does worse.")]
    if worse:
        blocks = [
            Paragraph("Groups where the whole interval says that model B does worse, with the change:"),
            Bullets(tuple(f"{name}: {'; '.join(groups)}." for name, groups in worse.items())),
        ]
    if left:
        blocks.append(Paragraph(f"{words.many(left, 'more group')} under All measurements."))
    if figures:
        blocks.append(Gallery(tuple(figures[:6])))
    return Section("groups", "For whom", tuple(blocks))
