"""Cases: a use brought before a checkpoint; who reviews it, who may not, what is asked and answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.planning import refuse_planned
from codman.flows.review.about import as_it_runs, last_changed, what_it_is_about, why_not_one_version
from codman.flows.review.changing import judged_by
from codman.flows.review.exclusions import Excluded, excluded_in
from codman.flows.review.policies import keep, kept
from codman.flows.review.setting import setting_of
from codman.registry import governance
from codman.registry.access import ACTIONS, NotAllowed, Reader, may, paths_for, reaches, require
from codman.registry.database import Change
from codman.registry.governance import CASES, CONDITIONS
from codman.registry.interests import interested
from codman.registry.inventory import paths_of, visible
from codman.registry.nouns import PRODUCTS, USES, VERSIONS
from codman.registry.officers import who_may
from codman.registry.places import inside
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord, Stale
from codman.registry.requests import Once, remember, reply_to
from codman.registry.schema import grants, people, uses
from codman.registry.schema import sites as site_rows
from codman.registry.schema_review import acceptances, cases, conditions, exclusions, remarks, reviewers, votes
from codman.review.committee import Floor, floor_for
from codman.review.votes import FEWEST
from codman.spine.exclusion import Exclusion
from codman.spine.person import Role
from codman.spine.policy import Policy
from codman.spine.product import Product
from codman.spine.review import (
    Acceptance,
    Case,
    CaseState,
    Condition,
    ConditionState,
    Conflict,
    Procedure,
    Remark,
    Reviewer,
    Vote,
)
from codman.spine.site import PlannedMode
from codman.spine.use import RUNNING, Stage, Use

WORKING: Final = frozenset({CaseState.OPEN, CaseState.VOTING})


class CaseClosed(CodmanError):
    """A step in a case that is decided or withdrawn."""

    exit_code = 2

    def __init__(self, state: CaseState) -> None:
        super().__init__(
            what="this case is closed",
            why=f"it is {state.value}; what was decided stays as it was decided",
            fix="open a new case for this use and checkpoint",
        )


class NotYours(NotAllowed):
    """A step in a case by somebody who has a hand in it, or is not named for it."""

    def __init__(self, why: str, fix: str = "let somebody without a hand in it do this") -> None:
        CodmanError.__init__(self, what="this step in the review is not yours to take", why=why, fix=fix)


class CannotDecide(CodmanError):
    """An outcome that the votes or the evidence do not carry."""

    exit_code = 3

    def __init__(
        self, why: str, fix: str = "wait for what is missing, have reviewers change their votes, or withdraw it"
    ) -> None:
        super().__init__(what="the case cannot be closed like this", why=why.rstrip(". "), fix=fix)


@dataclass(frozen=True, slots=True)
class Docket:
    """A case and everything in it."""

    case: Case
    use: Use
    product: Product
    reviewers: Sequence[Reviewer]
    votes: Sequence[Vote]
    remarks: Sequence[Remark]
    acceptances: Sequence[Acceptance]
    conditions: Sequence[Condition]
    interested: Mapping[str, str]  # who may decide nothing, and why
    policy: Policy
    floor: Floor  # the least that a use of its tier takes, and its policy asks
    setting: str | None  # where care is given, as policies name it
    gone: frozenset[str]  # of those who voted: whose account is closed, or who may no longer vote here
    exclusions: Sequence[Exclusion] = ()  # what was said not to apply to the use under this policy, in any state
    excluded: Mapping[str, Excluded] = field(default_factory=dict)  # of those, what does not apply now
    about: tuple[
        str | None, ...
    ] = ()  # what else is on the table: artefact, names, population, change plans laid before it
    presiding: str | None = None  # who was named to preside, as long as they may close it; anybody who presides without
    changed_at: str = ""  # when somebody last changed what it stands on beside the case itself, once it is voted on


def open_case(
    house: House,
    reader: Reader,
    policy: Policy,
    *,
    use: str,
    leads_to: Stage,
    sites: Sequence[str] = (),
    planned: Mapping[str, PlannedMode] | None = None,
    version: str | None = None,
    procedure: Procedure = Procedure.FULL,
    quorum: int = 3,
    disciplines: Sequence[str] = (),
    chair: str | None = None,
    due_on: str | None = None,
    why: str | None = None,
    request: str | None = None,
    once: Once | None = None,
) -> Case:
    """Bring a use before a checkpoint.

    Args:
        house: The open house.
        reader: Who submits it, and so will not decide it.
        policy: What it is judged by; kept word for word. A change that adds a version or a site is judged by what was
            asked to let the use run too (`changing.judged_by`).
        use: Which use.
        leads_to: The stage it asks for.
        sites: Sites that the decision will name; without, those where it runs, and where it is planned (`as_it_runs`).
        planned: Of them those where it is yet to run, with the mode meant there; as the use has it without.
        version: The version it is about; without, the one that runs or is to run there, where it is one (`as_it_runs`).
        procedure: Full, expedited or emergency.
        quorum: Least votes of a full case; no fewer than its tier takes and its policy asks.
        disciplines: Disciplines that must have voted, beyond those that its tier takes.
        chair: Who presides.
        due_on: When it should be decided.
        why: The reason they give.
        request: The request it came with, for the log.
        once: Makes a repeated request find what the first one made.

    Raises:
        NotAllowed: They may not, for this use.
        NoSuchRecord: There is no such use within their reach.
        AlreadyThere: A case of this use and checkpoint is open.
        BadField: A site, version or person is not there, one of several versions is not named, or fewer would vote
            than its tier takes.
    """
    require(reader, "case.create")
    with house.database.changing(reader.author(request), why) as change:
        if once is not None and (reply := reply_to(change.connection, once)) is not None:
            return CASES.record.model_validate(reply)
        connection = change.connection
        found = _use_to(
            connection, reader, use, "case.create" if procedure is not Procedure.EMERGENCY else "case.emergency"
        )
        _refer(connection, reader, found, sites, version)
        refuse_planned(connection, reader, planned or (), use, kind="case")
        reach = as_it_runs(connection, found, policy.checkpoint, sites, planned, version)
        sites, version = reach.sites, reach.version
        if leads_to in RUNNING and (why_not := why_not_one_version(connection, found, sites, version)) is not None:
            raise BadField("case", "version", why_not)
        policy = judged_by(connection, found, policy, leads_to=leads_to, sites=sites, version=version, day=change.today)
        _enough(found, policy, procedure, quorum)
        fields = CASES.validated(
            {
                "use": use,
                "checkpoint": policy.checkpoint,
                "procedure": procedure,
                "leads_to": leads_to,
                "version": version,
                "sites": list(sites),
                "planned": dict(reach.planned),
                "policy": policy.policy,
                "edition": policy.edition,
                "policy_digest": keep(change, policy),
                "proposed_by": reader.person,
                "chair": chair,
                "quorum": quorum if procedure is Procedure.FULL else FEWEST[procedure],
                "disciplines": list(disciplines),
                "due_on": due_on,
            }
        )
        if chair is not None:
            require_seat(connection, chair, found, "case.decide", "chair", sites)
        there = select(cases.c.id).where(
            cases.c.use == use,
            cases.c.checkpoint == policy.checkpoint.value,
            cases.c.state.in_([state.value for state in WORKING]),
        )
        if (other := connection.execute(there).scalars().first()) is not None:
            raise AlreadyThere("case", f"{other} is open for this use and checkpoint")
        case = CASES.add(change, fields)
        if found.stage in (Stage.PROPOSED, Stage.TRIAGED):
            USES.change(change, use, {"stage": Stage.IN_REVIEW.value, "stage_since": change.today}, None)
        if once is not None:
            remember(change, once, case.model_dump(mode="json"))
        return case


def docket(house: House, reader: Reader, case: str) -> Docket:
    """A case and everything in it, as far as somebody may see it.

    Raises:
        NotAllowed: They may read no case.
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        return docket_within(connection, reader, case)


def docket_within(connection: Connection, reader: Reader, name: str) -> Docket:
    """The same on a connection that is already open."""
    within = paths_for(reader, "review.read")
    if not within:
        raise NotAllowed("review.read", "anywhere")
    case: Case = governance.get(connection, "case", name, within)
    use = USES.get(connection, case.use)
    product = PRODUCTS.get(connection, use.product)
    policy = kept(connection, case.policy_digest)
    cast: Sequence[Vote] = governance.every(connection, "vote", votes.c.case == name)
    voters = {person for one in cast for person in (one.person, one.cast_by)}
    said = governance.every(connection, "exclusion", exclusions.c.use == case.use, exclusions.c.policy == policy.policy)
    named: Sequence[Reviewer] = governance.every(connection, "reviewer", reviewers.c.case == name)
    hands = interested(connection, case, use, product)
    return Docket(
        case=case,
        use=use,
        product=product,
        reviewers=named,
        votes=cast,
        remarks=governance.every(connection, "remark", remarks.c.case == name),
        acceptances=governance.every(connection, "acceptance", acceptances.c.case == name),
        conditions=governance.every(connection, "condition", conditions.c.case == name),
        interested=hands,
        policy=policy,
        floor=floor_for(use.tier, policy),
        setting=setting_of(connection, use),
        gone=frozenset(voters - _still_vote(connection, voters, paths_of(connection, use, case.sites))),
        exclusions=said,
        excluded=excluded_in(connection, policy, said, case),
        about=what_it_is_about(connection, case, use, product),
        presiding=_presiding(connection, case, use, named, hands),
        changed_at=last_changed(connection, case, use) if cast and case.state in WORKING else "",
    )


def _still_vote(connection: Connection, persons: Collection[str], places: Sequence[str]) -> set[str]:
    """Which of some people have an open account, and a role that votes where a use belongs."""
    able = who_may(connection, "case.vote", persons)
    return {person for person, paths in able.items() if any(place.startswith(tuple(paths)) for place in places)}


def _presiding(
    connection: Connection, case: Case, use: Use, named: Sequence[Reviewer], hands: Collection[str]
) -> str | None:
    """Who was named to preside, while nothing stands in their way: a case must not wait for who can never close it."""
    out = {one.person for one in named if one.conflict is Conflict.CONFLICT}
    if case.chair is None or case.chair in out or case.chair in hands:
        return None
    able = who_may(connection, "case.decide", [case.chair]).get(case.chair, ())
    return case.chair if reaches(able, "case.decide", paths_of(connection, use, case.sites)) else None


def working(connection: Connection, reader: Reader, name: str, action: str, revision: int | None = None) -> Docket:
    """A case that is still open, for somebody who may do this in it.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not do this for its use.
        CaseClosed: It is decided or withdrawn.
        Stale: It was changed since they looked.
    """
    found = docket_within(connection, reader, name)
    require(reader, action, paths_of(connection, found.use, found.case.sites))
    if found.case.state not in WORKING:
        raise CaseClosed(found.case.state)
    if revision is not None and revision != found.case.revision:
        raise Stale("case", name, revision, found.case.revision)
    return found


def require_impartial(found: Docket, reader: Reader) -> None:
    """Refuse somebody whose word cannot count in a case: they have a hand in the use, or a conflict of interest.

    Raises:
        NotYours: They do.
    """
    why = why_partial(found, reader.person)
    if why is not None:
        raise NotYours(why)


def why_partial(found: Docket, person: str) -> str | None:
    """Why somebody's word cannot count in a case; None where it can."""
    if person in found.interested:
        return f"you {found.interested[person]}: others decide"
    own = next((one for one in found.reviewers if one.person == person), None)
    if own is not None and own.conflict is Conflict.CONFLICT:
        return "you declared a conflict of interest in this case"
    return None


def withdraw(house: House, reader: Reader, case: str, revision: int, *, why: str, request: str | None = None) -> Case:
    """Take a case back; its conditions go with it. Once somebody voted, who submitted it does not.

    Raises:
        NotAllowed: They neither submitted it nor preside.
        NotYours: Votes were cast, and they have a hand in the use, or a conflict of interest.
        BadField: Votes were cast, and no reason is given.
        CaseClosed: It is decided or withdrawn.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request), why) as change:
        found = docket_within(change.connection, reader, case)
        voting = found.case.state is CaseState.VOTING
        own = found.case.proposed_by == reader.person and not voting
        found = working(change.connection, reader, case, "case.create" if own else "case.change", revision)
        if voting:
            require_impartial(found, reader)
            if not why.strip():
                raise BadField("case", "why", "people voted in it: say why it ends without a decision")
        drop_conditions(change, found)
        return CASES.change(change, case, {"state": CaseState.WITHDRAWN.value}, revision)


def drop_conditions(change: Change, found: Docket) -> None:
    """Withdraw what a case would have asked for: it ended without asking."""
    for one in found.conditions:
        if one.state is ConditionState.OPEN:
            CONDITIONS.change(change, one.id, {"state": ConditionState.WITHDRAWN.value, "closed_at": change.at}, None)


def _use_to(connection: Connection, reader: Reader, name: str, action: str) -> Use:
    within = paths_for(reader, "inventory.read")
    row = connection.execute(select(uses.c.id).where(uses.c.id == name, visible(within))).one_or_none()
    if row is None:
        raise NoSuchRecord("use", name)
    use = USES.get(connection, name)
    require(reader, action, paths_of(connection, use))
    return use


def _refer(connection: Connection, reader: Reader, use: Use, sites: Sequence[str], version: str | None) -> None:
    """Refuse a site or a version that is not there; one out of the reader's reach is as if it were not."""
    within = inside(paths_for(reader, "inventory.read"))
    there = select(site_rows.c.id).where(site_rows.c.id.in_(sites), within)
    missing = set(sites) - set(connection.execute(there).scalars())
    if missing:
        raise BadField("case", "sites", f"there is no site {sorted(missing)[0][:60]!r}")
    if version is None:
        return
    found = VERSIONS.get_many(connection, [version]).get(version)
    if found is None or found.product != use.product:
        raise BadField("case", "version", "the use's product has no such version")


def _enough(use: Use, policy: Policy, procedure: Procedure, quorum: int) -> None:
    """Refuse a case that fewer would decide than a use of its tier takes."""
    floor = floor_for(use.tier, policy)
    if procedure is Procedure.FULL and quorum < floor.voters:
        tier = "without a tier" if use.tier is None else f"of {use.tier.value} risk"
        why = f"a use {tier} takes {floor.voters} votes at least by its policy; ask for as many, or more"
        raise BadField("case", "quorum", why)


def require_seat(
    connection: Connection, person: str, use: Use, action: str, field: str, named: Sequence[str] = ()
) -> None:
    """Refuse to name somebody who could not do this for the use, at the sites that its case names."""
    held = connection.execute(
        select(grants.c.role, site_rows.c.path)
        .join(people, people.c.id == grants.c.person)
        .outerjoin(site_rows, site_rows.c.id == grants.c.site)
        .where(grants.c.person == person, people.c.active)
    ).all()
    able = [path or "/" for role, path in held if Role(role) in ACTIONS[action]]
    if not reaches(able, action, paths_of(connection, use, named)):
        roles = ", ".join(sorted(ACTIONS[action]))
        why = f"they hold none of the roles {roles} where this use belongs"
        raise BadField("case", field, why, "name somebody who holds one of them there")


def may_decide(connection: Connection, reader: Reader, found: Docket) -> bool:
    """Whether somebody could close a case; for a page that shows who may."""
    places = paths_of(connection, found.use, found.case.sites)
    return may(reader, "case.decide", places) and reader.person not in found.interested
