"""The page that adds or changes a record: its questions, what is wrong, and, after a conflict, both versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codman.web.views.forms import WHY, Ask, Asked, as_text, shown
from codman.web.views.papers import Group, Paper, every_ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A heading and its questions."""

    title: str
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field two people wrote differently."""

    label: str
    yours: str
    theirs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Namesaken:
    """The record that has this name already, where a new one may be another all the same."""

    name: str
    href: str
    ticked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Editing:
    """The whole page."""

    title: str
    back: str
    action: str
    parts: tuple[Part, ...]
    every: tuple[Asked, ...]
    revision: int | None
    general: str  # a problem of no one field
    differences: tuple[Difference, ...]
    conflict: bool
    namesake: Namesaken | None
    submit: str


def editing(
    paper: Paper,
    groups: Sequence[Group],
    values: Mapping[str, str],
    *,
    action: str,
    back: str,
    revision: int | None = None,
    errors: Mapping[str, str] | None = None,
    theirs: Mapping[str, Any] | None = None,
    namesake: Namesaken | None = None,
) -> Editing:
    """The page for these values.

    Args:
        paper: The record's form.
        groups: Its questions.
        values: The answers as text.
        action: Where the form goes.
        back: Where one came from.
        revision: The revision that was read; None for a new record.
        errors: What is wrong, by field.
        theirs: After a conflict, the record as somebody else left it.
        namesake: The record that has this name already.
    """
    wrong = dict(errors or {})
    asks = every_ask(groups)
    known = {ask.name for ask in asks}
    general = " ".join(f"{name or paper.noun}: {said}." for name, said in wrong.items() if name not in known)
    parts = tuple(Part(title=group.title, asked=shown(group.asks, values, wrong)) for group in groups)
    why = Part(title="For the log", asked=shown((WHY,), values, {}))
    return Editing(
        title=f"Change this {paper.noun}" if revision is not None else f"Add a {paper.noun}",
        back=back,
        action=action,
        parts=(*parts, why),
        every=tuple(one for part in parts for one in part.asked),
        revision=revision,
        general=general,
        differences=_differences(asks, values, as_text(asks, theirs)) if theirs is not None else (),
        conflict=theirs is not None,
        namesake=namesake,
        submit="Keep mine" if theirs is not None else ("Keep the change" if revision is not None else "Add it"),
    )


def _differences(asks: Sequence[Ask], yours: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[Difference, ...]:
    return tuple(
        Difference(label=ask.label, yours=_called(ask, yours.get(ask.name, "")), theirs=_called(ask, theirs[ask.name]))
        for ask in asks
        if ask.name in yours and yours[ask.name].strip() != theirs[ask.name].strip()
    )


def _called(ask: Ask, value: str) -> str:
    return next((option.text.strip() for option in ask.options if option.value == value), value)
