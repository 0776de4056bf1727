"""A step on a page of its own: what it is about, what is asked, what went wrong; what was typed stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codman.errors import CodmanError
from codman.web.views.forms import Ask, Asked, shown
from codman.web.views.marks import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a step was not taken."""

    what: str
    why: str
    fix: str
    again: str = ""  # where to prove who one is, where that is what it needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """A question with any number of answers."""

    name: str
    title: str
    hint: str
    options: tuple[tuple[str, str, bool], ...]  # value, words, whether it is chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """The whole page."""

    title: str
    lead: str
    back: str
    back_words: str
    facts: tuple[Fact, ...]
    action: str
    submit: str
    asked: tuple[Asked, ...]
    picks: Picks | None
    hidden: tuple[tuple[str, str], ...]
    refused: Refused | None


def step_view(
    *,
    title: str,
    lead: str,
    back: tuple[str, str],
    action: str,
    submit: str,
    asks: Sequence[Ask],
    values: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
    hidden: Mapping[str, str] | None = None,
    facts: Sequence[Fact] = (),
    refused: Refused | None = None,
    picks: Picks | None = None,
) -> StepView:
    """The page for these answers.

    Args:
        title: What is done.
        lead: What it means.
        back: Where one came from, and its words.
        action: Where the form goes.
        submit: The button's words.
        asks: The questions.
        values: The answers as they were typed.
        errors: What is wrong, by question; what is of no question is said above them.
        hidden: What the form carries unseen, such as the revision that was read.
        facts: What it is about.
        refused: Why it was refused as a whole.
        picks: A question with any number of answers, below the others.
    """
    wrong = dict(errors or {})
    known = {ask.name for ask in asks}
    other = "; ".join(said for name, said in wrong.items() if name not in known)
    if other and refused is None:
        refused = Refused(what="Nothing was changed", why=other, fix="correct it, and send it again")
    return StepView(
        title=title,
        lead=lead,
        back=back[0],
        back_words=back[1],
        facts=tuple(facts),
        action=action,
        submit=submit,
        asked=shown(asks, values, wrong),
        picks=picks,
        hidden=tuple((hidden or {}).items()),
        refused=refused,
    )


def refused_by(error: CodmanError, again: str = "") -> Refused:
    """What an error says to whoever took the step."""
    return Refused(what=_capital(error.what), why=error.why, fix=error.fix, again=again)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
