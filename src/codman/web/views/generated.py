"""Documents made from a use's record: which there are, and how much of each somebody has answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from codman.flows.generated import FORMATS, Format
from codman.registry.coverage import State
from codman.report import model_card, source_attributes
from codman.report.told import RESTS_ON, SMALL, Told
from codman.web.render import day

_WHAT = {
    "chai": "What a developer or a hospital tells of a model, in the form that the Coalition for Health AI set.",
    "hti-1": "What 45 CFR 170.315(b)(11)(iv) asks of decision support, each answer with whose word it is.",
    "cyclonedx": "A bill of materials with the model's card, for software inventories.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One document that can be made."""

    title: str
    what: str
    counts: str  # how many of its fields rest on what; empty where it has no list of fields
    files: tuple[tuple[str, str], ...]  # address, what it is called


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedView:
    """The page."""

    name: str
    back: str
    described: str
    others: tuple[str, ...]
    offered: tuple[Offered, ...]
    evaluations: tuple[tuple[str, str], ...]  # address, which it is
    left_out: tuple[str, ...]
    small: str


def generated_view(told: Told) -> GeneratedView:
    """What can be made of a use, and from what."""
    back = f"/uses/{told.use.id}"
    return GeneratedView(
        name=told.use.name,
        back=back,
        described=told.title,
        others=told.others,
        offered=tuple(_offered(told, one, back) for one in FORMATS.values()),
        evaluations=tuple(
            (
                f"/evidence/{one.cited.digest}",
                f"Evaluation of {day(one.predicate.evaluated_at)}, origin {one.predicate.origin.value}",
            )
            for one in told.evaluations
        ),
        left_out=told.left_out,
        small=SMALL,
    )


def _offered(told: Told, one: Format, back: str) -> Offered:
    return Offered(
        title=one.title,
        what=_WHAT[one.name],
        counts=_said(_counts(told, one.name)),
        files=tuple(
            (f"{back}/documents/{one.name}{form.ending}", form.ending.removeprefix(".").upper()) for form in one.forms
        ),
    )


def _counts(told: Told, name: str) -> Mapping[State, int]:
    if name == "chai":
        return model_card.counts(told)
    if name == "hti-1":
        found = source_attributes.source_attributes(told)
        return found.counts([*found.predictive, *found.evidence_based])
    return {}


def _said(counts: Mapping[State, int]) -> str:
    if not counts:
        return ""
    tally = ", ".join(f"{counts.get(state, 0)} {RESTS_ON[state]}" for state in reversed(State))
    return f"Of {sum(counts.values())} fields, {tally}."
