"""HTI-1 source attributes of a use: 31 and 13 in the rule's order, each with whose word its answer is.

Source: 45 CFR 170.315(b)(11)(iv). Two forms: JSON here, one HTML file in source_attributes_page.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from codman.registry.coverage import State
from codman.registry.frameworks import Framework, FrameworkField, framework
from codman.report.model_card_metrics import MOST, Sort, data_of, hidden_line, name_of, numbers
from codman.report.told import Evaluation, Told
from codman.spine.day import written_day
from codman.spine.measurement import Measurement

HTI: Final = "hti-1"
_NOT_SHOWN: Final = "A statement is filed about it; no number of it is shown here"
_OTHER_PART: Final = "A."  # ids of (iv)(A), evidence-based interventions; the others are (iv)(B), predictive ones
# what only numbers can answer: of whose evaluations, and of which sort
_MEASURED: Final[Mapping[str, tuple[tuple[str, ...], tuple[Sort, ...]]]] = {
    "7.i": (("developer",), (Sort.USEFUL, Sort.SAFE)),
    "7.ii": (("developer",), (Sort.FAIR,)),
    "7.iii": (("attested", "published"), (Sort.USEFUL, Sort.SAFE)),
    "7.iv": (("attested", "published"), (Sort.FAIR,)),
    "8.ii": (("local",), (Sort.USEFUL, Sort.SAFE)),
    "8.iv": (("local",), (Sort.FAIR,)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute of the rule, and what is known of it."""

    field: FrameworkField
    state: State
    answer: str  # the words of it, or that it is not stated
    source: str  # whose word
    evidence: str | None  # the digest of the statement that shows it
    evaluation: Evaluation | None
    measurements: Sequence[Measurement]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAttributes:
    """All of them for one use."""

    told: Told
    framework: Framework
    predictive: Sequence[Attribute]
    evidence_based: Sequence[Attribute]

    def counts(self, which: Sequence[Attribute]) -> dict[State, int]:
        """How many rest on what, the strongest first."""
        return {state: sum(one.state is state for one in which) for state in reversed(State)}


def source_attributes(told: Told) -> SourceAttributes:
    """The attributes of a use, in the rule's order."""
    rule = framework(HTI)
    every = [_attribute(told, field) for field in rule.fields]
    return SourceAttributes(
        told=told,
        framework=rule,
        predictive=[one for one in every if not one.field.id.startswith(_OTHER_PART)],
        evidence_based=[one for one in every if one.field.id.startswith(_OTHER_PART)],
    )


def as_json(told: Told) -> bytes:
    """The attributes as JSON; of what is not stated `answer` is null."""
    found = source_attributes(told)
    body = {
        "use": {"id": told.use.id, "name": told.use.name},
        "product": {"id": told.product.id, "name": told.product.name},
        "version": None if told.version is None else {"id": told.version.id, "label": told.version.label},
        "framework": {"id": HTI, "title": found.framework.title, "source": found.framework.source},
        "made_at": told.at,
        "made_by": f"Codman {told.codman}",
        "log": {"origin": told.log.origin, "size": told.log.size, "root": told.log.root.hex()},
        "statements": [
            {
                "digest": one.digest,
                "kind": one.kind,
                "origin": one.origin,
                "evaluated_at": one.evaluated_at,
                "standing": "verified",
                "why": one.why,
            }
            for one in told.statements
        ],
        "left_out": {"without_a_signature_that_counts": told.uncounted, "of_other_versions": told.of_others},
        "suppression": "strict",
        "predictive": {
            "counts": {state.value: count for state, count in found.counts(found.predictive).items()},
            "attributes": [_plain(one) for one in found.predictive],
        },
        "evidence_based": {
            "counts": {state.value: count for state, count in found.counts(found.evidence_based).items()},
            "attributes": [_plain(one) for one in found.evidence_based],
        },
    }
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def _attribute(told: Told, field: FrameworkField) -> Attribute:
    answer = told.answers[HTI, field.id]
    evaluation, found = None, list[Measurement]()
    if field.id in _MEASURED:
        origins, sorts = _MEASURED[field.id]
        evaluation = told.of_origin(*origins)
        found = [m for sort in sorts for m in numbers(evaluation, sort)] if evaluation is not None else []
    if evaluation is None or not (found or (evaluation.hidden and Sort.FAIR in _MEASURED[field.id][1])):
        said = answer.value if answer.state is not State.MISSING else None
        return Attribute(
            field=field,
            state=answer.state,
            answer=said or (told.gap if answer.state is State.MISSING else _NOT_SHOWN),
            source=_whose(answer.state, answer.source, field),
            evidence=answer.evidence,
            evaluation=None,
            measurements=(),
        )
    words = [answer.value] if answer.state is not State.MISSING and answer.value else []
    hidden = [f"{line}." for line in [hidden_line(evaluation)] if line]
    return Attribute(
        field=field,
        state=State.EVIDENCE,
        answer="\n\n".join([*words, f"{data_of(evaluation)}.", *hidden]),
        source=f"evaluation of {written_day(evaluation.predicate.evaluated_at)}, {evaluation.cited.why}",
        evidence=evaluation.cited.digest,
        evaluation=evaluation,
        measurements=found[:MOST],
    )


def _whose(state: State, source: str | None, field: FrameworkField) -> str:
    if state is State.MISSING:
        return "nobody's"
    return "the record itself" if field.column and source == field.home else source or "no source is given"


def _plain(one: Attribute) -> dict[str, Any]:
    return {
        "id": one.field.id,
        "group": one.field.group,
        "title": one.field.title,
        "state": one.state.value,
        "answer": None if one.state is State.MISSING else one.answer,
        "note": one.answer if one.state is State.MISSING else None,
        "whose_word": one.source,
        "evidence": None if one.evidence is None else f"sha256:{one.evidence}",
        "measurements": [{"name": name_of(m), **m.written()} for m in one.measurements],
    }
