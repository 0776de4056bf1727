"""A form being filled: what is asked next, what is wrong, what is missing. Pure: the same answers, the same form.

Answers are kept as they were typed, by question. What is no longer asked counts for nothing and is never thrown away:
who changes an earlier answer back finds the later ones again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from codman.review.intake.answer import Unclear, is_not_known, value_of
from codman.review.intake.condition import Settled, Value
from codman.review.intake.question import Form, Page, Question

Typed = Mapping[str, Any]  # by question, as typed: text, a list of texts, or plain JSON
Known = Mapping[str, Value]  # what the book says already, e.g. of the chosen product

_NOTHING: Final[Known] = {}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with an answer, in words for the person who gave it."""

    question: str
    message: str
    with_question: str | None = None  # the other question, where two answers contradict each other
    missing: bool = False  # it was not answered yet


@dataclass(frozen=True, slots=True)
class Filled:
    """A form with its answers, looked at once.

    Made by `fill`; read by the doors, fields.py and triage.
    """

    form: Form
    asked: tuple[Question, ...]  # in order
    settled: Settled  # what counts
    typed: Mapping[str, Any]  # answers to what is asked, as typed
    aside: Mapping[str, Any]  # answers to what is not asked any more, as typed
    faults: tuple[Fault, ...]

    @property
    def complete(self) -> bool:
        """Whether it can be sent in."""
        return not self.faults

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages that ask something, with what they ask."""
        asked = {question.id for question in self.asked}
        trimmed = (
            page.model_copy(update={"questions": tuple(q for q in page.questions if q.id in asked)})
            for page in self.form.pages
        )
        return tuple(page for page in trimmed if page.questions)

    def next_page(self, after: str | None = None) -> Page | None:
        """The page to show: the one after the page just filled, the first one with a fault after the last one.

        Args:
            after: The id of the page just filled; without it the form is resumed at its first fault.

        Returns:
            None when there is nothing left to ask.
        """
        order = [page.id for page in self.form.pages]
        faulty = {self.form.page_of[fault.question].id for fault in self.faults if fault.question in self.form.page_of}
        if after in order:
            if after in faulty:
                return next(page for page in self.pages if page.id == after)
            later = next((page for page in self.pages if order.index(page.id) > order.index(after)), None)
            if later is not None:
                return later
        return next((page for page in self.pages if page.id in faulty), None)


def fill(form: Form, typed: Typed, known: Known = _NOTHING, today: date | None = None) -> Filled:
    """Look at a form and its answers.

    Args:
        form: The edition it began with.
        typed: Every answer so far, as typed.
        known: What the book says already; such a question is not asked again, and its answer counts.
        today: The day from which future days are told.
    """
    asked: list[Question] = []
    faults: list[Fault] = []
    values: dict[str, Value] = {}
    closed: set[str] = set()
    so_far = Settled(values, closed)  # grows with every question
    for question in form.questions:
        if question.id in known:
            values[question.id] = known[question.id]
            continue
        held = question.when.holds(so_far)
        if held is False:
            closed.add(question.id)
        if held is not True:
            continue
        asked.append(question)
        given = typed.get(question.id)
        value = value_of(question, given, today)
        if isinstance(value, Unclear):
            faults.append(Fault(question.id, f"{question.ask} {_sentence(value.why)}"))
        elif value is not None:
            values[question.id] = value
        elif question.required and not is_not_known(question, given):
            faults.append(Fault(question.id, f"{question.ask} This is still to be answered.", missing=True))
    live = {question.id for question in asked}
    settled = Settled(dict(values), frozenset(closed))
    faults += _contradictions(form, asked, settled)
    faults += [
        Fault(id_, f"The questions of {form.edition} have none called {id_[:60]!r}.")
        for id_ in typed
        if id_ not in form.by_id
    ]
    return Filled(
        form=form,
        asked=tuple(asked),
        settled=settled,
        typed={id_: answer for id_, answer in typed.items() if id_ in live},
        aside={id_: answer for id_, answer in typed.items() if id_ not in live},
        faults=tuple(faults),
    )


def _contradictions(form: Form, asked: list[Question], settled: Settled) -> list[Fault]:
    found = []
    for question in asked:
        if question.id not in settled.values:
            continue
        for contradiction in question.contradicts:
            if contradiction.when.holds(settled):
                other = next(q for q in form.questions if q.id in contradiction.when.mentions() - {question.id})
                message = f"“{question.ask}” and “{other.ask}” contradict each other: {_sentence(contradiction.says)}"
                found.append(Fault(question.id, message, with_question=other.id))
    return found


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
