"""Where a use stands: the ways on and what each lacks, the decision it runs on, what is owed, what was reopened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from codman.flows.review.policies import titles_of
from codman.flows.review.reading import all_as_told
from codman.flows.review.staging import Ahead
from codman.flows.review.standing import last_granted, standing_case
from codman.registry import governance
from codman.registry.access import Reader, may
from codman.registry.inventory import paths_of
from codman.registry.names import names_of
from codman.registry.schema_review import cases, conditions, reopenings
from codman.review.stages import ways_from
from codman.review.unknown import says_nothing_known
from codman.spine.reopening import Reopening, ReopeningState
from codman.spine.review import Case, CaseOutcome, CaseState, ConditionState, Procedure
from codman.spine.use import RUNNING, Decision, Stage, Use
from codman.spine.verdict import Outcome, Result
from codman.web.render import day
from codman.web.views import marks
from codman.web.views.forms import Option
from codman.web.views.marks import Gap, Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class WayLine:
    """A stage it could go to."""

    to: str
    tag: Tag
    lacks: tuple[str, ...]
    undecided: bool  # it lacks nothing because it is less than what runs now, and no decision lets that run either
    href: str  # where it is done, for who may


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A condition that is open."""

    sentence: str
    owner: str
    due_on: str
    late: bool
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """A requirement that must be shown again."""

    requirement: str
    because: str
    newest: str  # how its newest evidence does not show it; empty where none came
    newest_is: str  # how that came out: not met, inconclusive
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseReview:
    """The whole part."""

    first: tuple[Gap, ...]  # what its page says before all else
    ways: tuple[WayLine, ...]
    decision: str  # the one in force, in words; where none is, how the last one ended
    brought_in: str  # what was decided elsewhere, of which no case is here; empty where one is, or nothing was decided
    decision_href: str
    expires_on: str | None
    working: tuple[tuple[str, str], ...]  # cases that are open: link and words
    owed: tuple[Owed, ...]
    reopened: tuple[Reopened, ...]
    open_href: str  # where a case is opened, for who may
    past_href: str


def use_review(
    connection: Connection, use: Use, reader: Reader, ahead: Ahead, today: str, failing: Mapping[str, Result]
) -> UseReview:
    """Where a use stands, for one reader.

    Args:
        connection: Where to read.
        use: The use, within their reach.
        reader: Who looks.
        ahead: The ways on, as `flows.review.staging.ways` gives them.
        today: The day.
        failing: What is to be shown again and newest evidence does not meet, by reopening.
    """
    places = paths_of(connection, use)
    sees = may(reader, "review.read", places)
    actions = {one.after: one.action for one in ways_from(use.stage)}
    standing = standing_case(connection, use.id, today) if sees else None
    last = last_granted(connection, use.id) if sees and standing is None else None
    working = governance.every(
        connection,
        "case",
        cases.c.use == use.id,
        cases.c.state.in_([CaseState.OPEN.value, CaseState.VOTING.value]),
    )
    owed = governance.every(
        connection,
        "condition",
        conditions.c.use == use.id,
        conditions.c.state == ConditionState.OPEN.value,
        order="due_on",
    )
    reopened = governance.every(
        connection, "reopening", reopenings.c.use == use.id, reopenings.c.state == ReopeningState.OPEN.value
    )
    again = all_as_told(connection, reader, reopened)
    again.sort(key=lambda one: (one.created_at, one.policy, one.requirement, one.id))
    named = names_of(connection, [one.owner for one in owed])
    titles = titles_of(connection, [one.policy for one in again])
    open_href = f"/reviews/new?use={use.id}" if may(reader, "case.create", places) else ""
    return UseReview(
        first=_first(use, standing, working, again, open_href, failing) if sees else (),
        ways=tuple(
            WayLine(
                to=way.to.value,
                tag=marks.mode(way.to.value),
                lacks=way.lacks,
                undecided=standing is None and sees and way.to in RUNNING and use.stage in RUNNING and not way.lacks,
                href=f"/uses/{use.id}/stage?to={way.to.value}"
                if not way.lacks and way.to in actions and may(reader, actions[way.to], places)
                else "",
            )
            for way in ahead.ways
            if way.to is not use.stage
        ),
        decision=_over(last) if standing is None else _decision(standing),
        brought_in=_brought_in(connection, use) if sees and standing is None else "",
        decision_href=f"/reviews/{of.id}" if (of := standing or last) is not None else "",
        expires_on=None if standing is None else standing.expires_on,
        working=tuple((f"/reviews/{one.id}", f"{one.checkpoint.value}, {one.state.value}") for one in working)
        if sees
        else (),
        owed=tuple(
            Owed(
                sentence=one.sentence,
                owner=named.get(one.owner, one.owner),
                due_on=one.due_on,
                late=one.due_on < today,
                href=f"/reviews/{one.case}#conditions",
            )
            for one in owed
        )
        if sees
        else (),
        reopened=tuple(
            Reopened(
                requirement=titles.get((one.policy, one.requirement), one.requirement),
                because=one.because,
                newest=failing[one.id].sentence if one.id in failing else "",
                newest_is=marks.outcome(failing[one.id].outcome).text.lower() if one.id in failing else "",
                at=one.created_at,
            )
            for one in again
        )
        if sees
        else (),
        open_href=open_href,
        past_href=f"/reviews?show=all&use={use.id}" if sees else "",
    )


def _first(
    use: Use,
    standing: Case | None,
    working: Sequence[Case],
    again: Sequence[Reopening],
    open_href: str,
    failing: Mapping[str, Result],
) -> tuple[Gap, ...]:
    """What a reader must not have to look for: an emergency over nothing, what was reopened, a review that stands."""
    fails = (failing[one.id] for one in again if one.id in failing)
    not_met = {one.title: one.sentence for one in fails if one.outcome is Outcome.NOT_MET}
    found = [Gap(f"Newest evidence does not meet “{title}”: {said}", "#again") for title, said in not_met.items()]
    if standing is not None and standing.procedure is Procedure.EMERGENCY:
        known = "; nothing was known about it" if says_nothing_known(standing.reasons) else ""
        until = f", until {day(standing.expires_on)}" if standing.expires_on else ""
        found.append(Gap(f"It was approved in an emergency{until}{known}", f"/reviews/{standing.id}"))
    if again:
        number = len({(one.policy, one.requirement) for one in again})  # two changes may touch the same one
        many = "1 requirement is" if number == 1 else f"{number:,} requirements are"
        rests = "it rests" if number == 1 else "they rest"
        found.append(Gap(f"{many} to be shown again: something {rests} on has changed", "#again"))
    if use.stage is Stage.IN_REVIEW and standing is None and not working:
        ended = {Decision.DEFERRED: "It was deferred", Decision.REJECTED: "It was rejected"}.get(use.decision)
        said = f"{ended}, and no case is open" if ended else "It is in review, and no case is open"
        found.append(Gap(f"{said}: it goes on once somebody opens a review with what was missing", open_href))
    return tuple(found)


def _over(last: Case | None) -> str:
    """That nothing is in force, and how what was ended."""
    if last is None:
        return ""
    if last.outcome is CaseOutcome.RETIRED:
        return f"None: it was retired by decision on {day(last.decided_at)}"
    kind = "emergency approval" if last.procedure is Procedure.EMERGENCY else "approval"
    return f"None: the {kind} ended on {day(last.expires_on)}"


def _decision(standing: Case) -> str:
    if standing.outcome is None:
        return ""
    words, checkpoint = standing.outcome.value.capitalize(), standing.checkpoint.value
    return f"{words} at the {checkpoint} checkpoint, up to {standing.leads_to.value}"


def _brought_in(connection: Connection, use: Use) -> str:
    if use.decision in (Decision.UNDECIDED, Decision.LEGACY):
        return ""
    decided = select(cases.c.id).where(cases.c.use == use.id, cases.c.state == CaseState.DECIDED.value).limit(1)
    if connection.execute(decided).first() is not None:
        return ""
    word = use.decision.value.capitalize()
    return f"{word}, brought in from before, without its case: no requirements, votes or minutes of it are here"


def stage_option(reader: Reader, use: Use, places: Sequence[str]) -> tuple[Option, ...]:
    """The stages somebody may take a use to, as far as their rights go; what else is lacking the step says."""
    return tuple(
        Option(one.after.value, one.after.value.replace("-", " "))
        for one in ways_from(use.stage)
        if may(reader, one.action, places)
    )
