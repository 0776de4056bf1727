"""Answers from what somebody has already: a CHAI card, an inventory's row, a model of MLflow's.

They are proposals for a person to look at, each with whose word it is; nothing of the source is lost.
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from codman.registry.frameworks import every_framework
from codman.registry.imports.convert import Converted, Known, Note, convert
from codman.registry.imports.mapping import Mapping, fitted
from codman.registry.imports.table import Table
from codman.review.intake.answer import Unclear, value_of
from codman.review.intake.fields import as_typed
from codman.review.intake.question import Form, Question
from codman.spine.use import RUNNING, Stage

_WHOSE: Final = {
    "chai": "the developer, in the model card",
    "mlflow": "whoever registered the model",
    "cyclonedx": "whoever wrote the bill of materials",
}
_ANYBODY: Final = "whoever filled in the list"
_ASSUMED: Final = "nobody: it is taken for granted of such a source"
_NOBODY_KNOWN: Final = Known()
_STAGE: Final = "use.stage"
_SINCE: Final = "use.stage_since"
_RUNS: Final = "intake/already_running"
_RUNS_SINCE: Final = "intake/running_since"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, and whose word it is."""

    question: str
    typed: Any  # as a person would have typed it
    whose: str  # in words
    where: str  # the column or the part of the card it stood in; empty where it is assumed


@dataclass(frozen=True, slots=True)
class Prefilled:
    """A form begun from one row of a source."""

    row: int
    name: str
    said: tuple[Said, ...]
    facts: Dict[str, str]  # everything else the row says, by field: it is kept as facts, whatever is answered
    notes: tuple[Note, ...]  # what a person should look at

    @property
    def typed(self) -> dict[str, Any]:
        """The answers, to begin a form with."""
        return {said.question: said.typed for said in self.said}


def prefill(form: Form, table: Table, mapping: Mapping, known: Known = _NOBODY_KNOWN) -> list[Prefilled]:
    """Begin a form for each row of a source.

    Args:
        form: The questions.
        table: The source, as registry.imports reads it.
        mapping: What its columns mean: a ready mapping, or one of the hospital's own.
        known: The book's people and sites by name, so that an owner is found.

    Returns:
        One for each row that can be a use.

    Raises:
        BadMapping: The mapping is for another kind of file.
    """
    headings, _ = fitted(mapping, table)
    made = []
    for row in table.rows:
        read = convert(row, mapping, headings, known)
        if isinstance(read, Converted):
            made.append(_begun(form, read, mapping, headings))
    return made


def _begun(form: Form, read: Converted, mapping: Mapping, headings: Dict[str, str]) -> Prefilled:
    said = []
    notes = [note for note in read.notes if note.column != _STAGE]
    whose = _WHOSE.get(mapping.reads, _ANYBODY)
    for question in form.questions:
        found = _of_a_field(question, read, mapping, headings) or _of_a_fact(question, read)
        found = found or _of_its_stage(question, read, mapping, headings)
        if found is None:
            continue
        held, where = found
        typed = as_typed(question, held)
        value = value_of(question, typed)
        if isinstance(value, Unclear):
            notes.append(Note(read.row, where or question.id, f"{question.id}: {value.why}"))
        elif value is not None:
            said.append(Said(question.id, typed, whose if where else _ASSUMED, where))
    return Prefilled(read.row, str(read.fields["use.name"]), tuple(said), dict(read.facts), tuple(notes))


def _of_a_field(
    question: Question, read: Converted, mapping: Mapping, headings: Dict[str, str]
) -> tuple[Any, str] | None:
    if question.column is None or question.home not in read.fields:
        return None
    source = mapping.fields.get(question.home)
    if source is None and question.home == "product.name":  # a row without a product is its own
        source = mapping.fields["use.name"]
    columns = [headings[column] for column in source.read if column in headings] if source else []
    return read.fields[question.home], ", ".join(columns)


def _of_a_fact(question: Question, read: Converted) -> tuple[str, str] | None:
    """A fact under the question's own name, or under another framework's name for the same thing."""
    name = next((name for name in (question.home, *_also_called(question.home)) if read.facts.get(name)), None)
    return None if name is None else (read.facts[name], name.partition("/")[2])


@cache
def _also_called(home: str) -> tuple[str, ...]:
    return next((f.facts_of(one) for f in every_framework() for one in f.fields if one.home == home), ())


def _of_its_stage(
    question: Question, read: Converted, mapping: Mapping, headings: Dict[str, str]
) -> tuple[Any, str] | None:
    """Whether it runs and since when, where the source gives its stage; a stage that was assumed says nothing."""
    target = {_RUNS: _STAGE, _RUNS_SINCE: _SINCE}.get(question.home, "")
    source = mapping.fields.get(target)
    if source is None or target not in read.fields or any(note.column == _STAGE for note in read.notes):
        return None
    columns = ", ".join(headings[column] for column in source.read if column in headings)
    if target == _SINCE:
        return read.fields[_SINCE], columns
    return Stage(read.fields[_STAGE]) in RUNNING | {Stage.PAUSED}, columns
