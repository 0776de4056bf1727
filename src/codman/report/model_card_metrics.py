"""The key metrics of a generated model card: numbers of signed evaluations, with interval, n and origin.

Also which of an evaluation's numbers say how valid, how fair and how safe a model is, as the other documents sort them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from codman.registry.coverage import State
from codman.report import words
from codman.report.reading import NAMING, between_groups
from codman.report.told import Evaluation, Told
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import DIFFERENCE

CARD: Final = "chai-model-card"
RESULT: Final = "Results/MetricResult"
MOST: Final = 120  # numbers of one evaluation under one heading; the statement has them all


class Sort(StrEnum):
    """The three key metrics of a card, by the schema's names."""

    USEFUL = "KeyMetrics/UsefulnessUsabilityEfficacy"
    FAIR = "KeyMetrics/FairnessEquity"
    SAFE = "KeyMetrics/SafetyReliability"


_SAFE: Final = (  # whether stated risks can be relied on, what is missed, how often staff are alerted
    "npv",
    "alert_rate",
    "number_needed_to_evaluate",
    "alerts_per_100_patient_days",
    "calibration_",
    "oe_ratio",
    "brier",
    "integrated_brier",
    "log_loss",
    "spiegelhalter_z",
    "ece",
    "ici",
    "e50",
    "e90",
    "coverage",
    "set_size",
    "abstention_rate",
    "selective_risk",
    "bias",
    "limits_of_agreement_",
)
_BY_GROUP: Final = (  # of a group: how well it is found, how well ranked, how right its risks are
    "auroc",
    "sensitivity",
    "specificity",
    "ppv",
    "oe_ratio",
    "auroc_t",
    "cindex_harrell",
    "macro_auroc",
    "accuracy",
    "mae",
    "bias",
)
_DIFFERENCES: Final = frozenset(f"{metric}{DIFFERENCE}" for metric in _BY_GROUP)
_CLASSED: Final = frozenset({"multiclass", "multilabel"})
_KEPT: Final = (*NAMING, "unit", "by", "group", "reference", "highest", "lowest", "subjects")


@dataclass(frozen=True, slots=True)
class Result:
    """One line of a card's results."""

    label: str
    value: Mapping[str, Any] | str  # what stands in ValueJson

    @property
    def written(self) -> str:
        """As ValueJson holds it, on one line."""
        value = self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)
        return words_of(value)


def words_of(text: str) -> str:
    """A text on one line: a card's results are read line by line."""
    return " ".join(text.split())


def numbers(evaluation: Evaluation, sort: Sort) -> list[Measurement]:
    """Its numbers of one sort that have a value, in the statement's order; one result a unit where it has that.

    What is fair is told of groups by single columns, and by differences between groups, in a few metrics each.
    """
    found = _valued(evaluation)
    if sort is Sort.FAIR:
        groups = [m for m in found if len(m.slice) == 1 and m.metric in _BY_GROUP]
        return groups + [m for m in found if m.metric in _DIFFERENCES]
    everyone = [m for m in found if not m.slice and not between_groups(m.metric)]
    return [m for m in everyone if m.metric.startswith(_SAFE) == (sort is Sort.SAFE)]


def left_in_statement(evaluation: Evaluation, sort: Sort) -> int:
    """How many more numbers of a sort the statement has than a document shows."""
    found = numbers(evaluation, sort)
    every = [m for m in _valued(evaluation) if m.slice or between_groups(m.metric)] if sort is Sort.FAIR else found
    return len(every) - len(found[:MOST])


def _valued(evaluation: Evaluation) -> list[Measurement]:
    unit = evaluation.predicate.spec.unit
    column = None if unit is None else unit.column
    return [
        m
        for m in evaluation.measurements
        if m.value is not None and m.feature is None and m.params.get("unit") == column
    ]


def name_of(m: Measurement) -> str:
    """What a number is, and of whom: `Sensitivity at threshold 0.2, sex F`; `difference in PPV by race`."""
    said = words.capital(words.named(m.metric, m.params))
    by = m.params.get("by")
    if between_groups(m.metric) and isinstance(by, list):
        said += f" by {' and '.join(map(str, by))}".replace("_", " ")
    for whose in (m.params.get("group") if between_groups(m.metric) else None, m.slice):
        said += f", {words.group(whose)}" if isinstance(whose, dict) and whose else ""
    return said


def hidden_line(evaluation: Evaluation) -> str:
    """The groups that are too small to show, by name; empty where there are none."""
    if not evaluation.hidden:
        return ""
    named = words.listed(map(words.group, evaluation.hidden), most=len(evaluation.hidden))
    said = evaluation.predicate
    if said.spec.task in _CLASSED and not any(m.positives is not None for m in said.measurements):
        return f"Not shown, because nobody counted the patients of each class in them (`--strict` does): {named}"
    return f"Too small to show, or hidden beside one that is: {named}"


def metric_cells(told: Told, sort: Sort) -> dict[str, str]:
    """The cells of one key metric of the card, every one filled or marked as a gap."""
    shown = _shown(told, sort)
    results = [*_results(shown, sort), *_claimed(told, sort)]
    if not results:
        results = [Result(told.gap, "null")]
    cells = {
        f"{sort}/{RESULT}/Label": "\n".join(one.label for one in results),
        f"{sort}/{RESULT}/ValueJson": "\n".join(one.written for one in results),
    }
    for leaf, from_evidence in _TEXTS.items():
        made = from_evidence(shown) if shown and from_evidence else ""
        told_so = told.said(CARD, f"{sort}/{leaf}") or ""
        whose = f"The registry says as well: {told_so}" if made and told_so else told_so
        cells[f"{sort}/{leaf}"] = "\n\n".join(filter(None, (made, whose))) or told.gap
    return cells


def has_numbers(told: Told, sort: Sort) -> bool:
    """Whether an evaluation shows something under this heading."""
    return any(found for _, found in _shown(told, sort))


def _shown(told: Told, sort: Sort) -> _Shown:
    every = [(one, numbers(one, sort)) for one in told.evaluations]
    return [(one, found) for one, found in every if found or (sort is Sort.FAIR and one.hidden)]


_Shown = Sequence[tuple[Evaluation, list[Measurement]]]


def _results(shown: _Shown, sort: Sort) -> Iterator[Result]:
    for evaluation, found in shown:
        origin = evaluation.predicate.origin.value
        for m in found[:MOST]:
            yield Result(words_of(f"{name_of(m)}, {origin}"), _value(m, evaluation))
        statement = {"statement": f"sha256:{evaluation.cited.digest}"}
        if more := left_in_statement(evaluation, sort):
            said = f"{words.many(more, 'more number')} in the statement, {origin}"
            yield Result(said, {"kind": "left-out", "numbers": more, **statement})
        if sort is Sort.FAIR:
            for group in evaluation.hidden:
                said = f"{words.group(group)}: not shown, {origin}"
                yield Result(words_of(said), {"kind": "suppressed", "slice": dict(group), **statement})


def _value(m: Measurement, evaluation: Evaluation) -> dict[str, Any]:
    word = words.meaning(m.metric)
    ranged = m.lower is not None and m.upper is not None
    number = {"kind": "estimate_ci", "estimate": m.value, "lower": m.lower, "upper": m.upper, "level": m.level}
    return {
        **(number if ranged else {"kind": "single", "value": m.value}),
        "unit": word.unit if word else "",
        "n": m.n,
        "positives": m.positives,
        "metric": m.metric,
        "slice": dict(m.slice),
        "params": {key: m.params[key] for key in _KEPT if m.params.get(key) is not None},
        "method": m.method,
        "origin": evaluation.predicate.origin.value,
        "statement": f"sha256:{evaluation.cited.digest}",
    }


def _claimed(told: Told, sort: Sort) -> Iterator[Result]:
    """Results that somebody stated: kept apart by whose word they are."""
    answer = told.answers[CARD, f"{sort}/{RESULT}/Label"]
    labels = (told.said(CARD, f"{sort}/{RESULT}/Label") or "").splitlines()
    values = (told.said(CARD, f"{sort}/{RESULT}/ValueJson") or "").splitlines()
    whose = "in a document" if answer.state is not State.CLAIM else "claimed"
    for position, value in enumerate(values):
        label = labels[position] if position < len(labels) else "A result without a name"
        yield Result(words_of(f"{label} ({whose}: {answer.source or 'no source'})"), value)


def _meanings(shown: _Shown) -> str:
    """The vocabulary's own sentence on each number; no judgement."""
    found: dict[str, str] = {}
    for _, numbers_ in shown:
        for m in numbers_:
            word = words.meaning(m.metric)
            if word is not None:
                found.setdefault(words.capital(word.label), word.meaning)
    said = "; ".join(f"{label}: {meaning}" for label, meaning in found.items())
    hidden = [line for evaluation, _ in shown if (line := hidden_line(evaluation))]
    return ". ".join([*([f"What the numbers mean: {said}"] if said else []), *dict.fromkeys(hidden)]) + "."


def _tested(shown: _Shown) -> str:
    return _sentences(
        f"Evaluation of a {e.predicate.spec.task} model, {words.ORIGIN[e.predicate.origin.value]}" for e, _ in shown
    )


def _data(shown: _Shown) -> str:
    return _sentences(data_of(e) for e, _ in shown)


def data_of(evaluation: Evaluation) -> str:
    """Which data an evaluation was made on, by digest."""
    said, rows = evaluation.predicate, evaluation.predicate.rows
    patients = (
        f" of {words.many(rows.patients, 'patient')}" if rows.patients and rows.patients != rows.evaluated else ""
    )
    inputs = words.listed((f"{one.name} sha256:{one.digest.sha256}" for one in said.inputs), most=20)
    many = f"{words.many(rows.evaluated, 'row')}{patients}"
    return f"{many} evaluated at {said.evaluated_at} (origin {said.origin.value}): {inputs}"


def _validated(shown: _Shown) -> str:
    return _sentences(f"Statement sha256:{e.cited.digest}, {e.cited.why}{_methods(found)}" for e, found in shown)


def _methods(found: Sequence[Measurement]) -> str:
    methods = sorted({m.method for m in found if m.method})
    return f"; intervals at {words.level(found)}; methods: {words.listed(methods, most=20)}" if methods else ""


def _sentences(clauses: Iterable[str]) -> str:
    return "\n\n".join(f"{clause}." for clause in clauses)


_TEXTS: Final[Mapping[str, Callable[[_Shown], str] | None]] = {
    "MetricGoal": None,  # what was aimed at is somebody's word, never read out of a number
    "Interpretation": _meanings,
    "TestType": _tested,
    "TestingDataDescription": _data,
    "ValidationProcessAndJustification": _validated,
}
FROM_EVIDENCE: Final = frozenset({f"{RESULT}/Label", f"{RESULT}/ValueJson", *(k for k, made in _TEXTS.items() if made)})
