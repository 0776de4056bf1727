"""move: take a use to another stage, where a decision in force, its sites' acceptance and the rest allow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.flows import records
from codman.flows.decided import accepted_at, decisions_of
from codman.flows.harm import open_harm, untold_harm
from codman.flows.house import House
from codman.flows.review.cases import NotYours
from codman.flows.superseded import lapsed
from codman.flows.watched import follow_stage
from codman.registry.access import Reader, paths_for, require
from codman.registry.database import Change
from codman.registry.interests import hand_in
from codman.registry.inventory import paths_of
from codman.registry.names import names_of
from codman.registry.nouns import DEPLOYMENTS, PRODUCTS, USES
from codman.registry.places import ELSEWHERE, inside, marked
from codman.registry.records import Stale
from codman.registry.schema import deployments, documents, sites
from codman.registry.schema_review import conditions, intakes
from codman.review.stages import Decided, Lack, Move, Standing, check_move, in_force, in_force_at, must_stop, ways_from
from codman.review.superseding import exposure
from codman.spine.day import day_in
from codman.spine.intake import IntakeState
from codman.spine.policy import BESIDE, Checkpoint
from codman.spine.review import Case
from codman.spine.site import Deployment, Mode
from codman.spine.use import FAVOURABLE, RUNNING, Decision, Stage, Use

HAZARD_CHECK: Final = "hazard-check"  # the document that says who and what still depends on a use
_MODE: Final[Mapping[Stage, Mode]] = {
    Stage.SILENT: Mode.SILENT,
    Stage.PILOT: Mode.PILOT,
    Stage.LIVE: Mode.LIVE,
    Stage.PAUSED: Mode.PAUSED,
    Stage.RETIRED: Mode.ENDED,
}
_RUNS: Final = frozenset({Mode.SILENT, Mode.PILOT, Mode.LIVE})
_EXPOSURE: Final = (Stage.SILENT, Stage.PILOT, Stage.LIVE)  # the least first
_TOLD: Final = 2  # sites by name in a sentence that is kept on one line


class CannotMove(CodmanError):
    """A stage that a use cannot go to from where it is, or not yet."""

    exit_code = 3

    def __init__(self, use: Use, to: Stage, move: Move) -> None:
        if move.transition is None:
            why = f"no way leads from {use.stage.value} to {to.value}"
            fix = "it can go to: " + (", ".join(one.value for one in move.ways) or "nowhere")
        else:
            why = "; ".join(lack.why for lack in move.lacks)
            fix = "bring " + ", ".join(lack.need.value for lack in move.lacks)
        super().__init__(what=f"this use cannot go to {to.value} now", why=why, fix=fix)


@dataclass(frozen=True, slots=True)
class Way:
    """A stage a use could go to, and what is still lacking."""

    to: Stage
    lacks: tuple[str, ...]


def move(
    house: House,
    reader: Reader,
    use: str,
    to: Stage,
    revision: int,
    *,
    reason: str | None = None,
    request: str | None = None,
) -> Use:
    """Take a use to another stage; its deployments follow where the decision names their site and it accepted.

    Args:
        house: The open house.
        reader: Who does it.
        use: Which use.
        to: The stage.
        revision: The revision they saw.
        reason: Why; needed to stop, to go back, and to retire.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may not make this move.
        CannotMove: No way leads there, or something is lacking: each is named.
        NotYours: It is paused, and they have a hand in it: somebody else says that it runs again.
        Stale: It was changed since they looked.
    """
    records.get(house, reader, "use", use)
    with house.database.changing(reader.author(request), reason) as change:
        found = USES.get(change.connection, use)
        if found.revision != revision:
            raise Stale("use", use, revision, found.revision)
        paused = any(one.mode is Mode.PAUSED for one in _deployments(change.connection, use))
        moved = move_within(change, reader, found, to, reason)
        # who may not make the move at all was told so first; less of it sets nothing going
        if to in RUNNING and not _less(found.stage, to) and (found.stage is Stage.PAUSED or paused):
            _impartial(change.connection, reader, found)
        return moved


def _impartial(connection: Connection, reader: Reader, use: Use) -> None:
    own = hand_in(connection, use, PRODUCTS.get(connection, use.product)).get(reader.person)
    if own is not None:
        raise NotYours(f"you {own}: somebody else says that it runs again")


def move_within(change: Change, reader: Reader, use: Use, to: Stage, reason: str | None) -> Use:
    """The same as a part of a change that is open already, of a use as it was read in it.

    Raises:
        NotAllowed: They may not make this move.
        CannotMove: No way leads there, or something is lacking: each is named.
    """
    return _moved(change, use, to, reason, reader)


def retire_within(change: Change, use: Use, reason: str) -> Use:
    """Retire a use as its committee decided, with every deployment, as a part of the change that decides it.

    What ran is retired in no other way. The decision gives the right to; what a retirement needs beside it is looked at
    as in any other move.

    Raises:
        CannotMove: Something is lacking: each is named.
    """
    return _moved(change, use, Stage.RETIRED, reason, None)


def pause_runs(change: Change, use: Use) -> None:
    """Pause where a use runs although its own stage is not one that runs."""
    runs = [one for one in _deployments(change.connection, use.id) if one.mode in _RUNS]
    patch = {"mode": Mode.PAUSED.value, "since": change.today}
    DEPLOYMENTS.change_many(change, [(one, patch) for one in runs])


def still_runs(connection: Connection, use: Use, case: Case, at: str, zone: tzinfo) -> str | None:
    """That a use runs in spite of a case that rejected it, in a sentence that is kept; None where it does not, or may.

    It says at which sites, as `places.marked` writes them. Where a case names sites and the use runs at none of them,
    what runs elsewhere is not what was rejected.

    Args:
        connection: Where to read.
        use: The use as it is now.
        case: The case that rejected it.
        at: When, ISO 8601.
        zone: Of the house's days.
    """
    there = _deployments(connection, use.id)
    runs = [one for one in there if one.mode in _RUNS]
    named = [one for one in runs if not case.sites or one.site in case.sites]
    if runs and not named:
        return None
    standing = standing_of_use(connection, use, there, zone)
    day = day_in(case.decided_at or at, zone).isoformat()
    stops = use.stage in RUNNING and must_stop(standing, at) is not None
    if stops and not _decided_at(standing, there, use.stage, at):
        where = f" at {_listed(named)}" if case.sites and named else ""
        return f"the committee rejected it on {day}, and it is {use.stage.value}{where}"
    beyond = [one for one in named if _refused(one.mode, case)]
    brought = case.checkpoint is Checkpoint.CHANGE and case.version is not None
    if brought:
        beyond = [one for one in beyond if one.version == case.version]
    elif use.stage in RUNNING:
        beyond = [one for one in beyond if in_force_at(standing, one.site, Stage(one.mode.value), at) is None]
    if not beyond:
        return None
    return f"the committee rejected {'its change' if brought else 'it'} on {day}, and it runs at {_listed(beyond)}"


def _listed(runs: Sequence[Deployment]) -> str:
    """Sites in a sentence that is kept: all of a few, the first of many and how many more."""
    named = [marked(one.site) for one in runs[:_TOLD]]
    more = len(runs) - len(named)
    if more:
        return f"{', '.join(named)} and {more} more site{'s' * (more > 1)}"
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))


def goes_on(connection: Connection, use: Use, case: Case, at: str, zone: tzinfo) -> bool:
    """Whether a use may go on as it was decided in spite of what a case came to: everywhere, or where it names nothing.

    Args:
        connection: Where to read.
        use: The use.
        case: The case, decided.
        at: When, ISO 8601.
        zone: Of the house's days.
    """
    runs = _deployments(connection, use.id)
    standing = standing_of_use(connection, use, runs, zone)
    stage = use.stage if use.stage in RUNNING else case.leads_to
    if case.checkpoint in BESIDE:
        return in_force(standing, stage, at) is not None or bool(_decided_at(standing, runs, stage, at))
    others = [one for one in runs if case.sites and one.site not in case.sites]
    return bool(_decided_at(standing, others, stage, at))


def _decided_at(
    standing: Standing, runs: Sequence[Deployment], stage: Stage, at: str
) -> dict[Decided, list[Deployment]]:
    """Where a decision in force lets a use run at a stage, by that decision."""
    found: dict[Decided, list[Deployment]] = {}
    for one in runs:
        decided = None if one.mode is Mode.ENDED else in_force_at(standing, one.site, stage, at)
        if decided is not None:
            found.setdefault(decided, []).append(one)
    return found


def _by_site(
    standing: Standing, runs: Sequence[Deployment], to: Stage, at: str, reason: str | None = None
) -> tuple[Move, frozenset[str]]:
    """A move as each site's own decision allows it, and the sites that go.

    A site that no decision lets run so stays as it is, and keeps no other from going. Where none is decided, what all
    of them lack is told.
    """
    every = frozenset(one.site for one in runs)
    whole = check_move(standing, to, at, reason=reason)
    if whole.allowed or whole.transition is None or whole.transition.back or to not in RUNNING:
        return whole, every
    by = _decided_at(standing, runs, to, at)
    if not by:
        return whole, every
    found: dict[Lack, None] = {}
    for there in by.values():
        running = {one.version or "" for one in there}
        named = {one: label for one, label in standing.versions.items() if one in running}
        here = replace(standing, sites=frozenset(one.site for one in there), versions=named)
        found |= dict.fromkeys(check_move(here, to, at, reason=reason).lacks)
    return replace(whole, lacks=tuple(found)), frozenset(one.site for there in by.values() for one in there)


def _refused(mode: Mode, case: Case) -> bool:
    """Whether a rejection refuses how a use runs at a site: as far as it was asked for, and further."""
    asked = case.leads_to if case.leads_to in _EXPOSURE else Stage.SILENT
    return _EXPOSURE.index(Stage(mode.value)) >= _EXPOSURE.index(asked)


def _moved(change: Change, use: Use, to: Stage, reason: str | None, reader: Reader | None) -> Use:
    connection = change.connection
    runs = _deployments(connection, use.id)
    standing = standing_of_use(connection, use, runs, change.zone)
    if reader is None:  # a case decides, and nobody moves it
        standing = replace(standing, retirement_decided=to is Stage.RETIRED)
    allowed, goes = _by_site(standing, runs, to, change.at, reason)
    if reader is not None and allowed.transition is not None:
        require(reader, allowed.transition.action, paths_of(connection, use))
    if not allowed.allowed:
        raise CannotMove(use, to, allowed)
    _deployments_follow(change, standing, [one for one in runs if one.site in goes], to)
    follow_stage(change, use.id, to)
    patch = {"stage": to.value, "stage_since": change.today}
    if use.stage is Stage.RETIRED and use.decision is Decision.RETIRED:  # it comes back, and nobody decided that yet
        patch["decision"] = Decision.UNDECIDED.value
    return USES.change(change, use.id, patch, None)


@dataclass(frozen=True, slots=True)
class Ahead:
    """Where a use stands, and the ways on."""

    stage: Stage
    ways: tuple[Way, ...]
    revision: int  # of the use, which a move sends back


def ways(house: House, reader: Reader, use: str) -> Ahead:
    """Where a use could go from here, and what each way still lacks.

    Raises:
        NoSuchRecord: There is no such use within their reach.
    """
    found: Use = records.get(house, reader, "use", use)
    with house.database.reading() as connection:
        runs = _deployments(connection, use)
        known = standing_of_use(connection, found, runs, house.database.zone)
        standing = _as_seen(connection, reader, known)
    now = house.database.clock().isoformat()
    out = []
    for one in ways_from(standing.stage):
        looked, _ = _by_site(standing, runs, one.after, now, "(asked when it is done)")
        out.append(Way(one.after, tuple(lack.why for lack in looked.lacks)))
    return Ahead(found.stage, tuple(out), found.revision)


def ready_for(connection: Connection, use: Use, at: str, zone: tzinfo) -> Stage | None:
    """The stage that a decision leads a use to and that nothing keeps it from now; None where there is none.

    Args:
        connection: Where to read.
        use: The use as it is.
        at: When, ISO 8601.
        zone: Of the house's days.
    """
    if use.stage is not Stage.IN_REVIEW and use.stage not in _EXPOSURE:
        return None
    further = _EXPOSURE[_EXPOSURE.index(use.stage) + 1 :] if use.stage in _EXPOSURE else _EXPOSURE
    runs = _deployments(connection, use.id)
    standing = standing_of_use(connection, use, runs, zone)
    meant = {one.up_to for one in standing.decisions if one.outcome in FAVOURABLE}
    return next(
        (one for one in reversed(further) if one in meant and _by_site(standing, runs, one, at)[0].allowed), None
    )


def _as_seen(connection: Connection, reader: Reader, standing: Standing) -> Standing:
    """The same, with no name of a site out of the reader's reach."""
    within = paths_for(reader, "inventory.read")
    reached = select(sites.c.id).where(sites.c.id.in_(standing.sites), inside(within))
    seen = set(connection.execute(reached).scalars())
    called = {site: standing.called.get(site, site) if site in seen else ELSEWHERE for site in standing.sites}
    return replace(standing, called=called)


def standing_of_use(connection: Connection, use: Use, runs: list[Deployment], zone: tzinfo) -> Standing:
    """What is true of a use, as the stages look at it; its decisions end with the days of this zone."""
    there = [one for one in runs if one.mode is not Mode.ENDED]
    begun = connection.execute(select(intakes.c.state).where(intakes.c.use == use.id)).scalars().all()
    running = {one.version or "" for one in there}
    labels = names_of(connection, running)
    # who depends on it where it came to since, a check filed before cannot tell
    came = max((one.created_at for one in there), default="")
    checked = select(documents.c.id).where(
        documents.c.about == use.id, documents.c.type == HAZARD_CHECK, documents.c.created_at >= came
    )
    return replace(
        decisions_of(connection, use, zone),
        sites=frozenset(one.site for one in there),
        called=names_of(connection, [one.site for one in there]),
        versions={one: labels.get(one, one) for one in running},
        planned=bool(use.planned),
        runs_as={one.site: Stage(one.mode.value) for one in there if one.mode in _RUNS},
        accepted=accepted_at(connection, use, there),
        intake_complete=not begun or IntakeState.SUBMITTED.value in begun,
        downtime_procedure=use.downtime_procedure is not None,
        harm_open=len(open_harm(connection, use.id)),
        harm_untold=len(untold_harm(connection, use.id)),
        hazards_checked=connection.execute(checked).first() is not None,
        deployed=bool(runs),
        lapsed=len(lapsed(connection, conditions.c.use == use.id)),
        legacy=use.decision is Decision.LEGACY,
    )


def _deployments(connection: Connection, use: str) -> list[Deployment]:
    rows = connection.execute(select(deployments).where(deployments.c.use == use).order_by(deployments.c.id))
    return [DEPLOYMENTS.read(row) for row in rows]


def _less(before: Stage, to: Stage) -> bool:
    """Whether a move leads from what runs to what runs less exposed."""
    return before in RUNNING and to in RUNNING and exposure(to) < exposure(before)


def _deployments_follow(change: Change, standing: Standing, runs: list[Deployment], to: Stage) -> None:
    mode = _MODE.get(to)
    if mode is None:
        return
    patch: dict[str, Any] = {"mode": mode.value, "since": change.today}
    if mode is Mode.ENDED:  # whoever accepted it, accepted what is over
        patch["accepted_at"] = None
    follow = [one for one in runs if one.mode not in (Mode.ENDED, mode)]
    if standing.stage is not None and _less(standing.stage, to):
        # what is paused stays so, and what is less exposed already
        follow = [one for one in follow if one.mode in _RUNS and exposure(Stage(one.mode.value)) > exposure(to)]
    elif to in (Stage.PILOT, Stage.LIVE):
        follow = [one for one in follow if one.site in standing.accepted]
    DEPLOYMENTS.change_many(change, [(one, patch) for one in follow])
