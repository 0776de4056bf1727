"""What runs without a decision: no decision in force names the site, reaches the mode and is about the version.

A use that its record calls approved, and about which no case was ever decided here, was decided elsewhere: that holds
for what is no more exposed than the use itself. No page, file or program enters one so (`fixed_fields`); only the house
itself does, for its demonstration. Which decisions are in force is `review.stages`' rule; here it is asked
of thousands of deployments at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Text, and_, case, cast, exists, func, literal, or_, select

from codman.registry.nouns import DEPLOYMENTS
from codman.registry.schema import deployments, uses
from codman.registry.schema_review import cases, reopenings
from codman.spine.policy import LETS_RUN, Checkpoint
from codman.spine.reopening import Changed, ReopeningState, SettledVersion
from codman.spine.review import EXPEDITED_TIERS, GRANTED, CaseOutcome, CaseState, Procedure
from codman.spine.site import Deployment
from codman.spine.use import FAVOURABLE, RUNNING, Decision, Stage

UNDECIDED: Final = (Decision.UNDECIDED.value, Decision.LEGACY.value)
_RUNS: Final = tuple(sorted(stage.value for stage in RUNNING))
_EXPOSURE: Final = {Stage.SILENT.value: 0, Stage.PILOT.value: 1, Stage.LIVE.value: 2}
_LESS: Final = (Stage.SILENT.value, Stage.PILOT.value)  # what a site may be planned as below what is asked for
_STRICT: Final = {Procedure.EMERGENCY.value: 0, Procedure.EXPEDITED.value: 1, Procedure.FULL.value: 2}
_GRANTING: Final = tuple(sorted(one.value for one in (*LETS_RUN, Checkpoint.CHANGE)))
OF: Final = uses.alias("of_deployment")  # the use of a deployment
JOINED: Final = deployments.join(OF, OF.c.id == deployments.c.use)
_decided = cases.alias("decided")
_granted = cases.alias("granted")
_changed = cases.alias("changed")  # the decision that a change is of
_besides = cases.alias("besides")  # another that was in force then
_refused = cases.alias("refused")
_retired = cases.alias("retired")


def _some(of: Any, *which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is one such row of this table, for the deployment and the decisions that are asked about around it.

    Left to itself, a question within a question would ask of any deployment in the book.
    """
    return exists(select(of.c.id).where(*which).correlate_except(of))


def _exposed(column: Any) -> ColumnElement[int]:
    return case(_EXPOSURE, value=column, else_=-1)


def _strict(column: Any) -> ColumnElement[int]:
    return case(_STRICT, value=column, else_=0)


def running() -> ColumnElement[bool]:
    """Deployments whose output somebody, or a log, gets."""
    return deployments.c.mode.in_(_RUNS)


def uncovered(today: str) -> ColumnElement[bool]:
    """Whether a running deployment has no decision that covers it, on a day; asked of `JOINED`.

    Args:
        today: The day, ISO 8601.
    """
    here = _in_force(_granted, today)
    reopened = _some(
        reopenings,
        reopenings.c.use == deployments.c.use,
        reopenings.c.changed == Changed.VERSION.value,
        reopenings.c.became == deployments.c.version,
        reopenings.c.state == ReopeningState.OPEN.value,
    )
    whichever = and_(_granted.c.version.is_(None), ~reopened)
    of_version = or_(whichever, _granted.c.version == deployments.c.version, _change_settled())
    grounded = or_(_granted.c.checkpoint != Checkpoint.CHANGE.value, _what_it_changed_stands(today))
    covered = _some(_granted, *here, _names_site(_granted.c.sites), of_version, grounded)
    # one list, worked out once: few of thousands of uses have come before a committee yet
    decided = deployments.c.use.in_(
        select(_decided.c.use).where(
            _decided.c.state == CaseState.DECIDED.value,
            _exposed(_decided.c.leads_to) >= 0,
            or_(_decided.c.checkpoint.in_(_GRANTING), _decided.c.outcome == CaseOutcome.REJECTED.value),
        )
    )
    elsewhere = and_(
        OF.c.decision.in_([one.value for one in FAVOURABLE]), _exposed(OF.c.stage) >= _exposed(deployments.c.mode)
    )
    return and_(running(), or_(and_(~decided, ~elsewhere), and_(decided, ~covered)))


def _names_site(sites: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a case is about the site of a deployment: it names it, or none at all."""
    said = cast(sites, Text)
    # taken out, it is shorter: a pattern would take the signs of one in a site's id for such
    names_it = func.replace(said, literal('"') + deployments.c.site + '"', "") != said
    return or_(func.replace(said, " ", "") == "[]", names_it)


def _planned_as(granted: Any, mode: str) -> ColumnElement[bool]:
    """Whether a case planned the site of a deployment in this mode."""
    said = func.replace(cast(granted.c.planned, Text), " ", "")
    return func.replace(said, literal('"') + deployments.c.site + literal(f'":"{mode}"'), "") != said


def _what_it_changed_stands(today: str) -> ColumnElement[bool]:
    """Whether the decision that a granted change was added to is in force: the first of those in force at that time.

    Before others goes one that names the site, then one of the whole committee, then the newest.
    """
    change_at = _granted.c.decided_at
    order = (_order(_besides) > _order(_changed), _order(_besides) == _order(_changed))
    ahead = _some(
        _besides,
        *_in_force(_besides, func.substr(change_at, 1, 10), change_at),
        _besides.c.checkpoint != Checkpoint.CHANGE.value,
        or_(order[0], and_(order[1], _besides.c.decided_at > _changed.c.decided_at)),
    )
    return _some(
        _changed,
        *_in_force(_changed, today),
        _changed.c.checkpoint != Checkpoint.CHANGE.value,
        _changed.c.decided_at <= change_at,
        ~ahead,
    )


def _order(one: Any) -> ColumnElement[int]:
    here = case((_names_site(one.c.sites), 2), else_=0)
    return here + case((one.c.procedure == Procedure.FULL.value, 1), else_=0)


def _in_force(granted: Any, today: Any, by: Any = None) -> tuple[ColumnElement[bool], ...]:
    """That a case lets the use of a deployment run as the deployment does: granted, not ended, refused or retired.

    On a day, by what was decided until now, or until `by`.
    """
    until = [] if by is None else [granted.c.decided_at <= by]
    refused_until = [] if by is None else [_refused.c.decided_at <= by]
    refused_since = _some(
        _refused,
        _refused.c.use == granted.c.use,
        _refused.c.state == CaseState.DECIDED.value,
        _refused.c.outcome == CaseOutcome.REJECTED.value,
        *refused_until,
        # only a decision come to as strictly undoes a rejection
        or_(
            _refused.c.decided_at >= granted.c.decided_at,
            _strict(_refused.c.procedure) > _strict(granted.c.procedure),
        ),
        _exposed(_refused.c.leads_to) >= 0,
        _exposed(_refused.c.leads_to) <= _exposed(deployments.c.mode),
        # what names another site is here only what a change may have been added to: any rejection ends that
        or_(_names_site(_refused.c.sites), ~_names_site(granted.c.sites)),
        # a refused change refuses what it would have brought; what ran before it goes on as it was decided
        or_(
            _refused.c.checkpoint != Checkpoint.CHANGE.value,
            _refused.c.version.is_(None),
            _refused.c.version == deployments.c.version,
        ),
    )
    retired_since = _some(
        _retired,
        _retired.c.use == granted.c.use,
        _retired.c.state == CaseState.DECIDED.value,
        _retired.c.outcome == CaseOutcome.RETIRED.value,
        _retired.c.decided_at >= granted.c.decided_at,
    )
    return (
        granted.c.use == deployments.c.use,
        granted.c.state == CaseState.DECIDED.value,
        *until,
        granted.c.outcome.in_([one.value for one in GRANTED]),
        granted.c.checkpoint.in_(_GRANTING),
        or_(granted.c.expires_on.is_(None), granted.c.expires_on > today),
        _exposed(granted.c.leads_to) >= _exposed(deployments.c.mode),
        *(or_(~_planned_as(granted, mode), _exposed(deployments.c.mode) <= _EXPOSURE[mode]) for mode in _LESS),
        # a few decide only about what is looked at so little; of a tier that rose since, all of them do
        or_(
            granted.c.procedure != Procedure.EXPEDITED.value,
            OF.c.tier.in_([one.value for one in EXPEDITED_TIERS]),
        ),
        ~refused_since,
        ~retired_since,
    )


def _change_settled() -> ColumnElement[bool]:
    """Whether change control reopened what this version touched of the policy, since its decision, and all is shown."""
    of_it = (
        reopenings.c.use == deployments.c.use,
        reopenings.c.changed == Changed.VERSION.value,
        reopenings.c.became == deployments.c.version,
        reopenings.c.policy == _granted.c.policy,
        reopenings.c.created_at >= _granted.c.decided_at,
    )
    return and_(_some(reopenings, *of_it), ~_some(reopenings, *of_it, _UNSHOWN))


# Still open, or closed because the version went away again, and not shown since
_since = reopenings.alias("since")
_UNSHOWN: Final = or_(
    reopenings.c.state == ReopeningState.OPEN.value,
    and_(
        reopenings.c.closed_by.is_(None),
        ~exists(
            select(_since.c.id).where(
                _since.c.use == reopenings.c.use,
                _since.c.policy == reopenings.c.policy,
                _since.c.requirement == reopenings.c.requirement,
                _since.c.changed == reopenings.c.changed,
                _since.c.became == reopenings.c.became,
                _since.c.closed_by.is_not(None),
                _since.c.created_at >= reopenings.c.created_at,
            )
        ),
    ),
)


def settled_versions(connection: Connection, use: str) -> tuple[frozenset[SettledVersion], frozenset[str]]:
    """What change control found of the versions of a use.

    Returns:
        By version and policy, where all that was reopened was shown again or is in plan; and the versions of which
        something stands open.
    """
    unshown = func.sum(case((_UNSHOWN, 1), else_=0))
    open_ones = func.sum(case((reopenings.c.state == ReopeningState.OPEN.value, 1), else_=0))
    rows = connection.execute(
        select(reopenings.c.became, reopenings.c.policy, func.min(reopenings.c.created_at), unshown, open_ones)
        .where(
            reopenings.c.use == use,
            reopenings.c.changed == Changed.VERSION.value,
            reopenings.c.became.is_not(None),
        )
        .group_by(reopenings.c.became, reopenings.c.policy)
    ).all()
    settled = frozenset(SettledVersion(version, policy, since) for version, policy, since, left, _ in rows if not left)
    return settled, frozenset(version for version, _, _, _, still in rows if still)


def without_decision(today: str) -> ColumnElement[bool]:
    """Uses that run without a decision: as a whole, or anywhere, in any way, in any version that none covers.

    Args:
        today: The day, ISO 8601.
    """
    # one list, worked out once; not a question asked of every use
    somewhere = select(deployments.c.use).select_from(JOINED).where(uncovered(today))
    as_a_whole = and_(uses.c.stage.in_(_RUNS), uses.c.decision.in_(UNDECIDED))
    return or_(as_a_whole, uses.c.id.in_(somewhere))


def uncovered_of(connection: Connection, use: str, today: str) -> Sequence[Deployment]:
    """The deployments of a use that no decision covers, in the order of their ids."""
    rows = connection.execute(
        select(deployments)
        .select_from(JOINED)
        .where(deployments.c.use == use, uncovered(today))
        .order_by(deployments.c.id)
    )
    return [DEPLOYMENTS.read(row) for row in rows]


def uncovered_by_use(connection: Connection, today: str, *which: ColumnElement[bool]) -> dict[str, list[Deployment]]:
    """The same of many uses, by use; `which` narrows them, by the columns of `OF` and of deployments."""
    rows = connection.execute(
        select(deployments)
        .select_from(JOINED)
        .where(uncovered(today), *which)
        .order_by(deployments.c.use, deployments.c.id)
    )
    found: dict[str, list[Deployment]] = {}
    for row in rows:
        found.setdefault(row.use, []).append(DEPLOYMENTS.read(row))
    return found


def somewhere_uncovered(connection: Connection, names: Sequence[str], today: str) -> set[str]:
    """Those of these uses that run somewhere, in any way, though no decision covers it."""
    rows = connection.execute(
        select(deployments.c.use).select_from(JOINED).where(deployments.c.use.in_(names), uncovered(today)).distinct()
    )
    return set(rows.scalars())
