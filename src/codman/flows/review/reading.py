"""A case as somebody reads it: each requirement beside its evidence, the people, what was said, what is lacking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from codman.flows.house import House
from codman.flows.records import BadListing
from codman.flows.review.about import why_no_site
from codman.flows.review.cases import WORKING, Docket, docket_within
from codman.flows.review.deciding import blocking, verdict_of
from codman.flows.review.seats import unseated_in
from codman.flows.review.voting import count, table_of
from codman.flows.review.withdrawn import voted_before
from codman.registry import governance
from codman.registry.access import NotAllowed, Reader, paths_for
from codman.registry.places import told
from codman.registry.records import Page
from codman.spine.exclusion import Exclusion
from codman.spine.review import Acceptance, Case, Condition, Remark, Reviewer, Vote
from codman.spine.verdict import Result

FILTERS: Final = ("use", "checkpoint", "state", "procedure", "outcome")

R = TypeVar("R", bound=BaseModel)


class Requirement(BaseModel):
    """One requirement as the evidence stands now."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    id: str
    title: str
    outcome: str
    sentence: str
    severity: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    limit: str | None = None
    evidence: str | None = Field(default=None, description="sha256:… of the statement it rests on")
    controls: list[str] = Field(default_factory=list)
    accepted: bool = Field(default=False, description="Accepted in writing, under a condition")
    stops: bool = Field(default=False, description="Whether it still stops an approval")


class CaseRead(BaseModel):
    """A case and everything in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    case: Case
    requirements: list[Requirement]
    notes: list[str]
    reviewers: list[Reviewer]
    votes: list[Vote]
    table: str = Field(description="What is voted on, as a digest; a vote names it as `on`")
    stale_votes: list[str] = Field(
        description="Votes, by id, cast before what was voted on changed: they count again once they are cast again"
    )
    remarks: list[Remark]
    conditions: list[Condition]
    acceptances: list[Acceptance]
    exclusions: list[Exclusion] = Field(description="What was said not to apply to the use under this policy")
    interested: dict[str, str] = Field(description="Who may decide nothing here, and why")
    votes_lead_to: str | None
    lacking: list[str] = Field(description="What the votes still lack")
    unseated: list[str] = Field(description="Disciplines of which a vote is needed, and that nobody named has")


def read_case(house: House, reader: Reader, name: str) -> CaseRead:
    """A case as it stands.

    Raises:
        NotAllowed: They may read no case.
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        found = docket_within(connection, reader, name)
        verdict = verdict_of(house, connection, found)
        earlier = voted_before(connection, found.case)
    accepted = {one.requirement for one in found.acceptances}
    stops = {one.id for one in blocking(verdict, accepted)}
    votes = count(found, verdict)
    return CaseRead(
        case=found.case,
        requirements=[_requirement(r, accepted, stops) for r in verdict.results],
        notes=[*_first(found), *earlier, *verdict.notes],
        reviewers=list(found.reviewers),
        votes=list(found.votes),
        table=table_of(found, verdict),
        stale_votes=sorted(votes.stale),
        remarks=list(found.remarks),
        conditions=list(found.conditions),
        acceptances=list(found.acceptances),
        exclusions=list(found.exclusions),
        interested=dict(found.interested),
        votes_lead_to=None if votes.leads is None else votes.leads.value,
        lacking=list(votes.lacking),
        unseated=list(unseated_in(found)),
    )


def _first(found: Docket) -> list[str]:
    """What is said of an open case before all else: that nobody can grant it yet."""
    none = why_no_site(found.case) if found.case.state in WORKING else None
    return [] if none is None else [none]


def list_cases(house: House, reader: Reader, **asked: Any) -> Page[Any]:
    """Cases of the uses somebody sees, a page at a time; `asked` as `list_governed` takes it."""
    return list_governed(house, reader, "case", FILTERS, **asked)


def list_conditions(house: House, reader: Reader, **asked: Any) -> Page[Any]:
    """Conditions of the uses somebody sees, a page at a time."""
    return list_governed(house, reader, "condition", ("use", "case", "owner", "state"), **asked)


def list_governed(
    house: House,
    reader: Reader,
    kind: str,
    filters: Sequence[str],
    *,
    action: str = "review.read",
    where: Mapping[str, Sequence[str]] | None = None,
    order: str = "created_at",
    descending: bool = True,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Any]:
    """Records of governance that somebody sees, a page at a time.

    Args:
        house: The open house.
        reader: Who asks.
        kind: Which kind, a key of `GOVERNANCE`.
        filters: Columns that the list may be narrowed by.
        action: What they must be allowed to do.
        where: Column to the values it may have.
        order: The column to sort by.
        descending: The largest first.
        limit: How many, 1 to 500.
        cursor: What the page before gave as `next`.

    Raises:
        NotAllowed: They may read none.
        BadListing: A filter is none of the list's.
    """
    within = paths_for(reader, action)
    if not within:
        raise NotAllowed(action, "anywhere")
    unknown = next((name for name in where or {} if name not in (*filters, "state")), None)
    if unknown is not None:
        raise BadListing(kind, unknown, filters)
    table = governance.GOVERNANCE[kind].table
    conditions = [table.c[name].in_(list(values)) for name, values in (where or {}).items()]
    with house.database.reading() as connection:
        found = governance.page(
            connection, kind, within, *conditions, order=order, descending=descending, limit=limit, cursor=cursor
        )
        return Page(all_as_told(connection, reader, found.items), found.next)


def as_told(connection: Connection, reader: Reader, record: R) -> R:
    """A record with the reason it gives as the reader may know it: no site out of their reach has its name there."""
    (found,) = all_as_told(connection, reader, [record])
    return found


def all_as_told(connection: Connection, reader: Reader, records: Sequence[R]) -> list[R]:
    """The same of several records of one kind."""
    because = [getattr(one, "because", None) for one in records]
    said = iter(told(connection, paths_for(reader, "inventory.read"), [one for one in because if one is not None]))
    return [
        one if why is None else one.model_copy(update={"because": next(said)})
        for one, why in zip(records, because, strict=True)
    ]


def _requirement(result: Result, accepted: set[str], stops: set[str]) -> Requirement:
    return Requirement(
        id=result.id,
        title=result.title,
        outcome=result.outcome.value,
        sentence=result.sentence,
        severity=result.severity.value,
        value=result.finding.value,
        lower=result.finding.lower,
        upper=result.finding.upper,
        limit=result.finding.limit,
        evidence=result.evidence,
        controls=list(result.controls),
        accepted=result.id in accepted,
        stops=result.id in stops,
    )
