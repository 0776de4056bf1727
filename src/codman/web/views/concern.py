"""The form on which anybody says that something is wrong, what they see when it was sent, and its poster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from codman.flows.concerns.people import Circle
from codman.flows.concerns.posters import Posted, Poster, qr_code
from codman.spine.concern import ConcernCategory, ConcernSeverity
from codman.web.views.forms import Ask, Asked, shown

# what a ward calls them; the value is the record's own word
CATEGORIES: Final[Mapping[ConcernCategory, str]] = {
    ConcernCategory.WRONG_OUTPUT: "It was wrong or misleading",
    ConcernCategory.MISSED: "It missed something",
    ConcernCategory.TOO_MANY: "Too many alerts",
    ConcernCategory.SOME_PATIENTS: "It works worse for some patients",
    ConcernCategory.NOT_WORKING: "It does not work, or is not shown",
    ConcernCategory.HARD_TO_USE: "It is hard to use or confusing",
    ConcernCategory.PRIVACY: "Privacy",
    ConcernCategory.OTHER: "Something else",
}
SEVERITIES: Final[Mapping[ConcernSeverity, str]] = {
    ConcernSeverity.NO_HARM: "Nobody was harmed",
    ConcernSeverity.NEAR_MISS: "Nearly: it was caught in time",
    ConcernSeverity.HARM: "A patient was harmed",
    ConcernSeverity.SERIOUS: "A patient was seriously harmed or died",
    ConcernSeverity.UNKNOWN: "I do not know",
}
_REACHES: Final[Mapping[str, str]] = {
    Circle.CLINICIAN.value: "the accountable clinician of this site",
    Circle.OWNER.value: "the person who answers for this tool",
    Circle.OFFICERS.value: "the governance office",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Radio:
    """A question with its answers in sight."""

    name: str
    legend: str
    options: tuple[tuple[str, str], ...]  # value, words
    chosen: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernForm:
    """The form."""

    action: str
    about: str  # the use and the site by name; empty where the link says none
    lost_link: bool  # it came by a link that is none of ours any more
    what: Radio
    how_bad: Radio
    asked: tuple[Asked, ...]
    wrong: tuple[tuple[str, str], ...]  # where, what: of every question
    refused: str
    signed_in: bool
    named: bool
    looks: bool  # the words look as if they named a patient
    once: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What somebody sees who sent one."""

    number: str
    reaches: str
    see_by: str
    mailed: bool  # a mail is on its way; without one they see it when they next look
    ask: str  # to whom the number is told later


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterView:
    """The sheet for the wall."""

    use: str
    site: str
    address: str
    drawing: str  # SVG
    reaches: str
    mailed: bool
    soonest: str  # after serious harm
    at_latest: str  # whatever it is about
    public: bool


def concern_form(
    *,
    action: str,
    posted: Posted | None,
    lost_link: bool,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    asks: tuple[Ask, ...],
    today: str,
    once: str,
    signed_in: bool,
    refused: str = "",
    looks: bool = False,
) -> ConcernForm:
    """The form with what was answered.

    Args:
        action: Where it is sent.
        posted: What the link is about.
        lost_link: Whether it came by a link that is none of ours.
        values: The answers as they were typed.
        errors: What is wrong, by question.
        asks: What else is asked, such as which tool.
        today: The day that is suggested, ISO 8601.
        once: What makes this form the same if it is sent twice.
        signed_in: Whether somebody is signed in.
        refused: Why it was not taken as a whole.
        looks: Whether the words look as if they named a patient.
    """
    written = (
        *asks,
        Ask(name="happened_on", label="When", kind="day"),
        Ask(
            name="words",
            label="What happened",
            kind="prose",
            hint="Write no patient's name, number or date of birth. A few words are enough.",
        ),
        Ask(name="contact", label="How to reach you, if you like", hint="Without it nobody can ask you back."),
    )
    asked = shown(written, {"happened_on": today, **values}, errors)
    what = _radio("category", "What is wrong?", CATEGORIES, values, errors)
    how_bad = _radio("severity", "Was a patient harmed?", SEVERITIES, values, errors)
    wrong = [(f"f-{one.name}-0", f"{one.legend} {one.error}") for one in (what, how_bad) if one.error]
    wrong += [(one.id, f"{one.label}: {one.error}") for one in asked if one.error]
    return ConcernForm(
        action=action,
        about="" if posted is None else f"{posted.use}, {posted.site}",
        lost_link=lost_link,
        what=what,
        how_bad=how_bad,
        asked=asked,
        wrong=tuple(wrong),
        refused=refused,
        signed_in=signed_in,
        named=values.get("named") == "yes",
        looks=looks,
        once=once,
    )


def reaches(circle: str) -> str:
    """Who sees it, as the ward calls them."""
    return _REACHES[circle]


def poster_view(poster: Poster) -> PosterView:
    """The sheet for the wall."""
    return PosterView(
        use=poster.posted.use,
        site=poster.posted.site,
        address=poster.address,
        drawing=qr_code(poster.address),
        reaches=reaches(poster.reaches),
        mailed=poster.mailed,
        soonest=_hours(poster.within_hours[ConcernSeverity.SERIOUS]),
        at_latest=_hours(max(poster.within_hours.values())),
        public=poster.public,
    )


def _hours(number: float) -> str:
    if number < 1:
        return f"{number * 60:.0f} minutes"
    return "an hour" if number == 1 else f"{number:g} hours"


def _radio(
    name: str,
    legend: str,
    words: Mapping[ConcernCategory, str] | Mapping[ConcernSeverity, str],
    values: Mapping[str, str],
    errors: Mapping[str, str],
) -> Radio:
    options = tuple((str(value.value), said) for value, said in words.items())
    return Radio(name=name, legend=legend, options=options, chosen=values.get(name, ""), error=errors.get(name, ""))
