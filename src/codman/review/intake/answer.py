"""One answer: from what a person typed to a value, or to a plain word about what is wrong with it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from codman.review.intake.condition import Value
from codman.review.intake.question import NONE, NOT_KNOWN, Kind, Question
from codman.spine.record import ID_PATTERN
from codman.spine.site import PLANNED_MODES

_LONGEST_LINE: Final = 300  # as spine.record has them
_LONGEST_PROSE: Final = 20_000
_YES: Final = frozenset({"yes", "true", "y", "1"})
_NO: Final = frozenset({"no", "false", "n", "0"})
_MODES: Final = frozenset(mode.value for mode in PLANNED_MODES)
# controls, and halves of characters, which no database keeps
_CONTROL: Final = {code: None for code in (*range(0x20), 0x7F, *range(0xD800, 0xE000)) if code not in (0x09, 0x0A)}
_NUMBER: Final = re.compile(r"-?\d{1,15}(\.\d{1,6})?")
_THOUSANDS: Final = re.compile(r"(?<=\d)[, \u00a0](?=\d{3}(\D|$))")


@dataclass(frozen=True, slots=True)
class Unclear:
    """What somebody typed that is no answer to the question."""

    why: str


def is_blank(typed: Any) -> bool:
    """Whether nothing was typed: white space and empty list items are nothing."""
    if typed is None:
        return True
    if isinstance(typed, str):
        return not typed.translate(_CONTROL).strip()
    return isinstance(typed, list | tuple) and all(map(is_blank, typed))


def value_of(question: Question, typed: Any, today: date | None = None) -> Value | Unclear | None:
    """The value of an answer.

    Args:
        question: What was asked.
        typed: Text as a form sends it, a list of texts, or plain JSON.
        today: The day from which a future or a past day is told; any day will do without.

    Returns:
        The value; None where nothing was typed or the honest answer is `not known`; Unclear where it answers something
        else.
    """
    if is_blank(typed):
        return None
    if question.not_known and _word(typed) == NOT_KNOWN:
        return None
    if question.kind is Kind.MANY:
        return _many(question, typed)
    if question.kind is Kind.PLANNED:
        return _planned(typed)
    if isinstance(typed, list | tuple | dict):
        return Unclear("give one answer, not a list")
    if question.kind is Kind.YES_NO:
        return _yes_or_no(question, typed)
    if question.kind is Kind.NUMBER:
        return _number(question, typed)
    text = _cleaned(typed)
    if question.kind is Kind.CHOICE:
        chosen = question.meant(text)
        return chosen.id if chosen else Unclear(f"choose one of: {_choices(question)}")
    if question.kind is Kind.DATE:
        return _day(question, text, today)
    if question.kind in (Kind.PERSON, Kind.PRODUCT, Kind.SITE):
        good = re.fullmatch(ID_PATTERN, text)
        return text if good else Unclear(f"choose a {question.kind} that the book has")
    return _text(question, text)


def is_not_known(question: Question, typed: Any) -> bool:
    """Whether somebody says that they do not know, where that is an answer."""
    return question.not_known and _word(typed) == NOT_KNOWN


def items_of(typed: Any) -> list[str]:
    """The items of a list, however it came: a list, or one text with an item a line."""
    parts: Sequence[Any] = typed.splitlines() if isinstance(typed, str) else typed
    return [_cleaned(part) for part in parts if not is_blank(part)]


def _many(question: Question, typed: Any) -> tuple[str, ...] | Unclear:
    if not isinstance(typed, str | list | tuple):
        return Unclear(f"give a list of: {_choices(question)}")
    items = items_of(typed)
    if question.none_of_these is not None and any(_word(item) == NONE for item in items):
        return () if len(items) == 1 else Unclear(f"choose “{question.none_of_these}” alone, or the ones that apply")
    chosen = [question.meant(item) for item in items]
    if None in chosen:
        return Unclear(f"{items[chosen.index(None)][:60]!r} is none of: {_choices(question)}")
    # in the form's order, so that the same ticks are the same answer
    return tuple(choice.id for choice in question.choices if choice in chosen)


def planned_in(items: Iterable[str]) -> dict[str, str]:
    """The mode by site of an answer's items, such as `st-mary: silent`."""
    pairs = (item.partition(":") for item in items)
    return {site.strip(): mode.strip() for site, _, mode in pairs}


def as_items(planned: Mapping[str, str]) -> list[str]:
    """The same back again, in the order of the sites."""
    return [f"{site}: {mode}" for site, mode in sorted(planned.items())]


def _planned(typed: Any) -> tuple[str, ...] | Unclear:
    if not isinstance(typed, str | list | tuple):
        return Unclear("give a list of sites, each with its mode, like st-mary: silent")
    items = items_of(typed)
    said = planned_in(items)
    for site, mode in said.items():
        if not re.fullmatch(ID_PATTERN, site) or mode not in _MODES:
            return Unclear("give each site of the book with one of the modes silent, pilot, live, like st-mary: silent")
    if len(said) < len(items):
        return Unclear("name each site once")
    return tuple(as_items(said))


def _yes_or_no(question: Question, typed: Any) -> bool | Unclear:
    word = _word(typed)
    if word in _YES or word in _NO:
        return word in _YES
    return Unclear(f"answer yes{', no or not known' if question.not_known else ' or no'}")


def _number(question: Question, typed: Any) -> float | Unclear:
    text = _THOUSANDS.sub("", _cleaned(typed)) if not isinstance(typed, bool) else ""
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        return Unclear(f"give a number, like 1200{', or say that it is not known' if question.not_known else ''}")
    number = float(text)
    low, high = question.at_least, question.at_most
    if (low is not None and number < low) or (high is not None and number > high):
        return Unclear(
            f"give a number from {low:,.10g} to {high:,.10g}" if None not in (low, high) else _one_bound(low, high)
        )
    return number


def _one_bound(low: float | None, high: float | None) -> str:
    return f"give a number of at least {low:,.10g}" if low is not None else f"give a number of at most {high:,.10g}"


def _day(question: Question, text: str, today: date | None) -> date | Unclear:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or len(text) != 10:  # fromisoformat also takes 20261121 and week dates
        return Unclear("give a day as year-month-day, like 2026-11-21")
    if not question.future and today is not None and day > today:
        return Unclear(f"{text} lies ahead; give a day that has been")
    if not question.past and today is not None and day < today:
        return Unclear(f"{text} has passed; give a day from today on")
    return day


def _text(question: Question, text: str) -> str | Unclear:
    longest = _LONGEST_PROSE if question.kind is Kind.PROSE else _LONGEST_LINE
    if len(text) > longest:
        return Unclear(f"it has {len(text):,} characters; {longest:,} fit")
    if question.kind is Kind.LINE and "\n" in text:
        return Unclear("give one line")
    if question.pattern is not None and not re.fullmatch(question.pattern, text):
        return Unclear(question.pattern_says or "it has another form than is asked for")
    return text


def _choices(question: Question) -> str:
    names = [choice.id for choice in question.choices]
    names += [NONE] if question.none_of_these is not None else []
    names += [NOT_KNOWN] if question.not_known else []
    return ", ".join(names)


def _cleaned(typed: Any) -> str:
    return str(typed).replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROL).strip()


def _word(typed: Any) -> str:
    if isinstance(typed, list | tuple):
        return _word(typed[0]) if len(typed) == 1 else ""
    return " ".join(_cleaned(typed).casefold().replace("-", " ").replace("_", " ").split())
