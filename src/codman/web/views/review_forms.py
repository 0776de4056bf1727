"""The steps people take in a case, each a form of its own: what it asks, and what it says above the questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from codman.flows.choices import Who
from codman.flows.review.beside import LaidOut
from codman.flows.review.cases import Docket
from codman.review.committee import offered
from codman.review.unknown import nothing_known, said_of_nothing
from codman.review.votes import may_end
from codman.spine.review import CaseOutcome, Choice, Conflict, Procedure
from codman.spine.use import Stage
from codman.spine.verdict import Outcome
from codman.web.views.forms import Ask, Option
from codman.web.views.lists import Lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing somebody does in a case."""

    name: str  # the last part of its address
    title: str
    submit: str
    action: str  # what its reader must be allowed to do
    lead: str
    asks: Callable[[LaidOut, Lists], tuple[Ask, ...]]
    back: str = ""  # where on the case's page one comes back to
    hidden: tuple[str, ...] = ()


_CHOICES: Final[Mapping[Choice, str]] = {
    Choice.APPROVE: "Approve",
    Choice.WITH_CONDITIONS: "Approve with conditions",
    Choice.DEFER: "Defer: not enough is known yet",
    Choice.REJECT: "Reject",
    Choice.ABSTAIN: "Abstain: there, but counted for no quorum",
}
_OF_RETIRING: Final[Mapping[Choice, str]] = {
    **_CHOICES,
    Choice.APPROVE: "Approve that it retires",
    Choice.WITH_CONDITIONS: "Approve that it retires, with conditions",
    Choice.REJECT: "Reject that it retires",
}
_INTEREST: Final = (
    Option(Conflict.NONE.value, "I have no conflict of interest"),
    Option(Conflict.CONFLICT.value, "I have one: I ask and comment, and leave the vote to others"),
)


ANOTHER: Final = "another, written below"


def _reviewer(found: LaidOut, lists: Lists) -> tuple[Ask, ...]:
    hint = "Reviewers, chairs and officers who have no hand in the use"
    return (
        lists.ask("person", name="person", label="Who", needed=True, hint=hint, who=_voters(found)),
        *discipline_asks(found.docket),
    )


def discipline_asks(found: Docket, *, named: str = "") -> tuple[Ask, ...]:
    """As what somebody judges a case: what its votes need first, then the rest of the list, or another in words.

    Args:
        found: The case.
        named: What they are named as now.
    """
    asked = found.floor.more(found.case.quorum, found.case.disciplines).disciplines
    lists = offered(asked)
    known = {each.casefold() for ones in lists.values() for each in ones}
    options = [Option(named, named)] if named and named.casefold() not in known else []
    options += [
        Option(each, each, f"Counts as {kind}, of which a vote is needed" if kind else "Others")
        for kind, ones in lists.items()
        for each in ones
    ]
    another = "Only where the list has none that is right"
    return (
        Ask(name="discipline", label="As what they judge it", kind="choice", options=tuple(options), unsaid=ANOTHER),
        Ask(name="another", label="Another discipline", hint=another),
    )


def _interest(_found: LaidOut, _lists: Lists) -> tuple[Ask, ...]:
    return (
        Ask(name="conflict", label="Your interest in this use", kind="choice", options=_INTEREST, needed=True),
        Ask(name="note", label="What it is", kind="prose", hint="e.g. you advise the vendor, or built a rival"),
    )


def _delegation(found: LaidOut, lists: Lists) -> tuple[Ask, ...]:
    hint, who = "Somebody of the committee without a vote of their own here", _voters(found)
    own = {one.person for one in found.docket.reviewers}
    who = replace(who, but={*who.but, *own})
    said = "nobody: I vote myself"
    return (lists.ask("person", name="to", label="Who casts your vote", hint=hint, unsaid=said, who=who),)


def _voters(found: LaidOut) -> Who:
    return Who("case.vote", found.places, found.docket.interested)


_FOR_ANOTHER: Final = (
    "By casting it you say that you have no conflict of interest in this case; with one, state it instead"
)


def vote_asks(found: LaidOut, _lists: Lists | None = None) -> tuple[Ask, ...]:
    """What a vote asks; whose it is only where the reader casts others' votes."""
    choices = _OF_RETIRING if found.docket.case.leads_to is Stage.RETIRED else _CHOICES
    options = tuple(Option(choice.value, words) for choice, words in choices.items())
    asks = [
        Ask(name="choice", label="Vote", kind="choice", options=options, needed=True),
        Ask(name="reason", label="Why", kind="prose", hint="Needed to reject or defer; kept with the decision"),
    ]
    if found.hand_of:
        theirs = tuple(Option(name, found.names.get(name, name)) for name in found.hand_of)
        whose = Ask(name="of", label="Whose vote", kind="choice", options=theirs, unsaid="my own", hint=_FOR_ANOTHER)
        asks.insert(0, replace(whose, needed=found.own is None))
    return tuple(asks)


def remark_asks(found: LaidOut, _lists: Lists | None = None) -> tuple[Ask, ...]:
    """What a question or an answer asks for."""
    titles = tuple(Option(one.id, one.title) for one in found.requirements)
    return (
        Ask(name="text", label="What you ask or answer", kind="prose", needed=True, hint="Leave patients out of it"),
        Ask(name="requirement", label="About", kind="choice", options=titles, unsaid="the case as a whole"),
    )


def _condition(found: LaidOut, lists: Lists) -> tuple[Ask, ...]:
    titles = tuple(Option(one.id, one.title) for one in found.requirements)
    return (
        *_asked_for(lists),
        Ask(
            name="requirement",
            label="Closed when evidence meets",
            kind="choice",
            options=titles,
            unsaid="nothing: by hand",
        ),
        Ask(name="document", label="Or when a document of this type is filed", hint="e.g. monitoring-plan"),
    )


def _acceptance(found: LaidOut, lists: Lists) -> tuple[Ask, ...]:
    open_ones = tuple(
        Option(one.id, one.title)
        for one in found.requirements
        if one.outcome is Outcome.INCONCLUSIVE and not one.accepted
    )
    return (
        Ask(name="requirement", label="Which requirement", kind="choice", options=open_ones, needed=True),
        Ask(name="reason", label="Why it is accepted now", kind="prose", needed=True),
        *_asked_for(lists),
        Ask(
            name="patients_needed",
            label="How many more patients would decide it",
            kind="amount",
            hint="As the requirement's own sentence says",
        ),
    )


def _exclusion(found: LaidOut, _lists: Lists) -> tuple[Ask, ...]:
    missing = tuple(
        Option(one.id, one.title)
        for one in found.requirements
        if one.outcome is Outcome.MISSING and not one.asked.always_applies
    )
    return (
        Ask(name="requirement", label="Which requirement", kind="choice", options=missing, needed=True),
        Ask(
            name="why",
            label="Why it does not apply",
            kind="prose",
            needed=True,
            hint="In a sentence; it stands in the decision",
        ),
    )


def _asked_for(lists: Lists) -> tuple[Ask, ...]:
    return (
        Ask(name="sentence", label="What is asked for", kind="prose", needed=True, hint="One sentence; it is printed"),
        lists.ask("person", name="owner", label="Who owes it", needed=True),
        Ask(name="due_on", label="By when", kind="day", needed=True),
    )


def _chair(found: LaidOut, lists: Lists) -> tuple[Ask, ...]:
    docket = found.docket
    voting = {name for one in docket.reviewers for name in (one.person, one.delegate) if name is not None}
    who = Who("case.decide", found.places, {*docket.interested, *voting, docket.case.chair or ""})
    hint = "A chair or an officer who has no hand in the use and no vote here; you, to take it over"
    return (
        lists.ask("person", name="chair", label="Who presides from now on", needed=True, hint=hint, who=who),
        Ask(
            name="why", label="Why", kind="prose", needed=True, hint="e.g. the chair is away; it stands in the minutes"
        ),
    )


def _withdrawal(_found: LaidOut, _lists: Lists) -> tuple[Ask, ...]:
    return (Ask(name="why", label="Why", kind="prose", needed=True, hint="Kept in the audit log"),)


def _decision(found: LaidOut, _lists: Lists) -> tuple[Ask, ...]:
    ends = may_end(found.docket.case.leads_to)
    options = tuple(Option(one.value, one.value.capitalize()) for one in CaseOutcome if one in ends)
    outcomes = [one.outcome for one in found.requirements]
    hint = "Printed on the decision and signed"
    if found.docket.case.procedure is Procedure.EMERGENCY and nothing_known(outcomes):
        said = said_of_nothing(outcomes, now=True)
        hint = f"{said} To let it run, say in a sentence why it cannot wait; both are signed"
    asks = (
        Ask(name="outcome", label="Outcome", kind="choice", options=options, needed=True),
        Ask(name="reasons", label="Reasons", kind="prose", needed=True, hint=hint),
    )
    if found.docket.case.leads_to is Stage.RETIRED:  # which does not run out
        return asks
    until = Ask(
        name="expires_on",
        label="It stands until",
        kind="day",
        hint="Left open, as long as its procedure allows: a year, or sooner for an expedited or emergency one",
    )
    return (*asks, until)


STEPS: Final[Mapping[str, Step]] = {
    one.name: one
    for one in (
        Step(
            name="reviewers",
            title="Name a reviewer",
            submit="Name them",
            action="case.change",
            lead="Nobody who built it, submitted it, sent its evidence or answers for it may vote. Who you name first "
            "says whether they have a conflict of interest.",
            asks=_reviewer,
            back="#people",
        ),
        Step(
            name="interest",
            title="State your interest",
            submit="State it",
            action="case.vote",
            lead="Before you vote. A conflict takes the vote and not the voice; it is named in the minutes.",
            asks=_interest,
            back="#part",
        ),
        Step(
            name="delegation",
            title="Name who votes for you",
            submit="Keep it",
            action="case.vote",
            lead="They cast your vote in this case and no second one. Choose nobody to take it back.",
            asks=_delegation,
            back="#part",
        ),
        Step(
            name="votes",
            title="Vote",
            submit="Cast the vote",
            action="case.vote",
            lead="You can change it until the case is closed, never after.",
            asks=vote_asks,
            back="#part",
            hidden=("revision", "on"),
        ),
        Step(
            name="remarks",
            title="Ask or answer",
            submit="Send it",
            action="case.remark",
            lead="It stands in the minutes, under your name.",
            asks=remark_asks,
            back="#said",
            hidden=("answers",),
        ),
        Step(
            name="conditions",
            title="Add a condition",
            submit="Add it",
            action="case.change",
            lead="An approval will ask for it. Evidence that meets it closes it; a document waits to be accepted. It "
            "lapses when its day passes.",
            asks=_condition,
            back="#conditions",
        ),
        Step(
            name="acceptances",
            title="Accept what is inconclusive",
            submit="Accept it under this condition",
            action="case.accept",
            lead="Only what the evidence cannot decide yet, never what it has shown to fail; and only under a "
            "condition that will decide it: by a day, with so many patients.",
            asks=_acceptance,
            back="#requirements",
        ),
        Step(
            name="exclusions",
            title="Say that a requirement does not apply",
            submit="Say so",
            action="exclusion.create",
            lead="Only of what nothing is filed for. A second person, who presides and has no hand in the use, agrees "
            "or not. It counts neither as met nor as missing, and ends with the first change of the use.",
            asks=_exclusion,
            back="#requirements",
        ),
        Step(
            name="chair",
            title="Say who presides instead",
            submit="They preside from now on",
            action="case.decide",
            lead="For a case whose chair is away, or hands it on. Who presided until now is told by mail.",
            asks=_chair,
            back="#people",
            hidden=("revision",),
        ),
        Step(
            name="withdrawal",
            title="Withdraw this case",
            submit="Withdraw it",
            action="case.create",
            lead="It ends without a decision, and so do the conditions it would have asked for. The log keeps it.",
            asks=_withdrawal,
            hidden=("revision",),
        ),
        Step(
            name="decide",
            title="Close the case and sign the decision",
            submit="Sign the decision",
            action="case.decide",
            lead="Your signature closes the case. It is made through the notary key, and says who you are, when, and "
            "what it means.",
            asks=_decision,
            hidden=("revision", "on"),
        ),
    )
}
