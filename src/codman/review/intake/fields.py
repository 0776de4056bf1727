"""Answers to the book's fields and facts, and back again: one home a question, so that the two ways agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

from codman.review.intake.answer import Unclear, as_items, planned_in, value_of
from codman.review.intake.condition import Value
from codman.review.intake.form import Filled
from codman.review.intake.question import NONE, Form, Kind, Question

_YES_NO: Final = {True: "yes", False: "no"}
OTHER_GROUP: Final = "other-group"  # what a list of inputs may name that no choice does


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that no field of the book holds: it becomes a fact."""

    field: str  # hti-1/3.ii
    value: str
    about: Literal["use", "product"]
    question: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a form says, as the book keeps it.

    Made by `fields_of`; read by the flow that proposes a use.
    """

    use: Mapping[str, Any]
    product: Mapping[str, Any]  # empty where a product of the book was chosen and nothing is added to it
    vendor: Mapping[str, Any]
    version: Mapping[str, Any]
    facts: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True)
class FromBook:
    """What the book says already, as the form would have it.

    Made by `answers_of`; read by `fill`, and by triage for what was never asked by a form.
    """

    values: Mapping[str, Value]
    typed: Mapping[str, Any]  # the same, as somebody would have typed it
    unread: Mapping[str, str] = field(default_factory=dict)  # by question: what the book holds that no answer means


def fields_of(filled: Filled) -> Proposed:
    """The fields and facts of what was asked and answered; what stands aside goes nowhere.

    What the form never sets: stage, decision, tier and impact belong to those who decide.
    """
    nouns: dict[str, dict[str, Any]] = {"use": {}, "product": {}, "vendor": {}, "version": {}}
    facts = []
    for question in filled.asked:
        value = filled.settled.values.get(question.id)
        if value is None:
            continue
        if question.column is None:
            facts.append(Answer(question.home, _as_text(question, value), question.about, question.id))
        else:
            noun, name = question.column
            nouns[noun][name] = _as_field(question, value)
    return Proposed(nouns["use"], nouns["product"], nouns["vendor"], nouns["version"], tuple(facts))


def answers_of(
    form: Form,
    *,
    use: Mapping[str, Any] | None = None,
    product: Mapping[str, Any] | None = None,
    vendor: Mapping[str, Any] | None = None,
    version: Mapping[str, Any] | None = None,
    facts: Mapping[str, str] | None = None,
) -> FromBook:
    """What records of the book answer already.

    Args:
        form: The questions.
        use: Fields of a use, by name, as JSON types; so for product, vendor and version.
        product: Give this alone when a product was chosen: what it says is then not asked again.
        vendor: See `use`.
        version: See `use`.
        facts: Values by field, such as `hti-1/3.ii`.

    Returns:
        Only what a question's home holds and the question can hold; the rest stands in `unread`.
    """
    nouns = {"use": use or {}, "product": product or {}, "vendor": vendor or {}, "version": version or {}}
    values: dict[str, Value] = {}
    typed: dict[str, Any] = {}
    unread: dict[str, str] = {}
    for question in form.questions:
        noun, name = question.column or ("", "")
        held = nouns[noun].get(name) if noun else (facts or {}).get(question.home)
        if held is None or held in ("", {}):
            continue
        given = as_typed(question, held)
        value = value_of(question, given)
        if isinstance(value, Unclear):
            unread[question.id] = str(held)[:300]
        elif value is not None:
            values[question.id], typed[question.id] = value, given
    return FromBook(values, typed, unread)


def as_typed(question: Question, held: Any) -> Any:
    """What the book holds as somebody would have typed it."""
    if question.kind is Kind.YES_NO:
        return _YES_NO.get(held, held) if isinstance(held, bool) else held
    if question.kind is Kind.CHOICE:
        chosen = question.meant(str(held))
        return chosen.id if chosen else str(held)
    if question.kind is Kind.PLANNED:
        return as_items(held) if isinstance(held, dict) else str(held).splitlines()
    if question.kind is not Kind.MANY:
        return str(held)
    items = held.splitlines() if isinstance(held, str) else [str(item) for item in held]
    chosen_ids = [(question.meant(item), item) for item in items if item.strip()]
    if not chosen_ids or [item.strip().casefold() for _, item in chosen_ids] == [NONE]:
        return [NONE]
    # a list that names what no choice does still says that groups are told apart: that is never lost
    other = OTHER_GROUP if question.chosen(OTHER_GROUP) else None
    return list(dict.fromkeys(choice.id if choice else other or item for choice, item in chosen_ids))


def _as_field(question: Question, value: Value) -> Any:
    if question.kind is Kind.MANY:
        return _stored(question, value)
    if question.kind is Kind.PLANNED:
        return planned_in(value if isinstance(value, tuple) else ())
    if question.kind is Kind.CHOICE:
        chosen = question.chosen(str(value))
        return chosen.kept if chosen else value
    return value.isoformat() if isinstance(value, date) else value


def _as_text(question: Question, value: Value) -> str:
    if isinstance(value, bool):
        return _YES_NO[value]
    if isinstance(value, tuple):
        return "\n".join(_stored(question, value)) or NONE
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(_as_field(question, value))


def _stored(question: Question, value: Value) -> list[str]:
    chosen = value if isinstance(value, tuple) else ()
    if question.kind is Kind.PLANNED:
        return list(chosen)
    return [choice.kept for choice in question.choices if choice.id in chosen]
