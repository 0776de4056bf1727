"""The stages of a use as data: which move leads where, at which checkpoint, who may make it, what it needs.

Pure: a flow asks `check_move` and writes what it allows. A checkpoint's policy is held against evidence elsewhere, and
the people's decision carries the result; here it counts whether a decision is in force and covers the move. The
checkpoint `monitoring` has no move: it comes round while a use stays where it is.

    proposed → triaged → in review → silent | pilot | live → paused → retired
    legacy: what was running before anybody asked enters where it stands, and is counted until somebody decides
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from codman.review.terms import STRICT, TERMS, DecisionKind, Terms
from codman.review.transitions import BEFORE_RUNNING, EXPOSURE, TRANSITIONS, Need, Transition
from codman.spine.day import written_day
from codman.spine.reopening import Changed, Reopening, SettledVersion
from codman.spine.statement import when
from codman.spine.use import FAVOURABLE, RUNNING, Decision, Stage, Tier

_TABLE: Final = {(one.before, one.after): one for one in TRANSITIONS}
_YEAR: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as far as stages look at it."""

    outcome: Decision
    up_to: Stage  # the most exposed stage it allows; of a rejection, the least exposed that it refuses
    at: str  # ISO 8601
    kind: DecisionKind = DecisionKind.ORDINARY
    sites: frozenset[str] | None = None  # None: every site
    expires_at: str | None = None  # when it says it ends; its kind may end it sooner
    version: str | None = None  # None: whichever
    policy: str = ""  # by which it was judged
    changes: bool = False  # a change of what another decision lets run; without that one it lets nothing run
    case: str = ""  # its id, where it is known
    less: frozenset[tuple[str, Stage]] = frozenset()  # the sites planned as less exposed, and as what

    def as_far(self, sites: frozenset[str]) -> Stage:
        """The most exposed stage it allows at all of some sites."""
        return min((self.up_to, *(stage for site, stage in self.less if site in sites)), key=EXPOSURE.index)

    def ends_at(self, terms: Mapping[DecisionKind, Terms] = TERMS) -> datetime | None:
        """When it ends by itself; None is never."""
        days = terms[self.kind].days
        ends = [when(self.expires_at)] if self.expires_at is not None else []
        ends += [when(self.at) + timedelta(days=days)] if days is not None else []
        return min(ends, default=None)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is true of a use now.

    Made by flows from the book; read here.
    """

    stage: Stage | None  # None: not in the book yet
    tier: Tier | None = None
    decisions: tuple[Decided, ...] = ()
    sites: frozenset[str] = frozenset()  # where it runs, or is to run
    accepted: Mapping[str, str] = field(default_factory=dict)  # sites whose clinician accepted it, and when
    intake_complete: bool = False
    downtime_procedure: bool = False
    harm_open: int = 0  # concerns that a patient was harmed, and that nobody has closed
    harm_untold: int = 0  # open concerns of which nobody has said yet whether a patient was harmed
    hazards_checked: bool = False
    lapsed: int = 0  # conditions of decisions that none superseded, whose day passed and which nothing has met since
    retirement_decided: bool = False  # by the case that is being closed: an older one ended an earlier life
    deployed: bool = False  # it runs somewhere, or ran, whatever its own stage
    called: Mapping[str, str] = field(default_factory=dict)  # the sites by their names, for who reads what is lacking
    versions: Mapping[str, str] = field(default_factory=dict)  # that run, or are to, by label; "" where it is not said
    unshown: frozenset[str] = frozenset()  # of these: with requirements that change control holds open
    settled: frozenset[SettledVersion] = frozenset()
    retired_at: str | None = None  # by a case: what was decided before it is over
    planned: bool = False  # it is to run at sites where it is not set up
    runs_as: Mapping[str, Stage] = field(default_factory=dict)  # how each of its sites that runs does so now
    legacy: bool = False  # it ran before anybody asked, and nobody has decided since
    reopened: tuple[Reopening, ...] = ()  # what stands open, but for lapsed conditions and versions that came
    others: tuple[Decided, ...] = ()  # decisions about other uses of the same product: a limit counts them too


@dataclass(frozen=True, slots=True)
class Lack:
    """Something a move still needs."""

    need: Need
    why: str


@dataclass(frozen=True, slots=True)
class Move:
    """A move, and what stands in its way."""

    transition: Transition | None  # None: no way leads there
    lacks: tuple[Lack, ...] = ()
    ways: tuple[Stage, ...] = field(default=())  # where it could go instead

    @property
    def allowed(self) -> bool:
        """Whether it may be made."""
        return self.transition is not None and not self.lacks


def ways_from(stage: Stage | None, *, legacy: bool = False) -> tuple[Transition, ...]:
    """Every move out of a stage, in the order of the table."""
    return tuple(one for one in TRANSITIONS if one.before == stage and one.legacy <= legacy)


def check_move(
    standing: Standing,
    to: Stage,
    at: str,
    *,
    reason: str | None = None,
    terms: Mapping[DecisionKind, Terms] = TERMS,
) -> Move:
    """Whether a use may move to a stage.

    Args:
        standing: What is true of it.
        to: The stage.
        at: When, ISO 8601: decisions end by themselves.
        reason: What the person says.
        terms: How long each kind of decision lasts here.
    """
    transition = _TABLE.get((standing.stage, to))
    if transition is None or (transition.legacy and not standing.legacy):
        return Move(None, ways=tuple(one.after for one in ways_from(standing.stage, legacy=standing.legacy)))
    lacks = (_lack(need, transition, standing, at, reason, terms) for need in Need if need in transition.needs)
    return Move(transition, tuple(lack for lack in lacks if lack is not None))


def in_force(standing: Standing, stage: Stage, at: str, terms: Mapping[DecisionKind, Terms] = TERMS) -> Decided | None:
    """The decision that lets a use run at a stage now: an ordinary one first; None where there is none.

    A rejection ends what was decided before it for the stage it refuses and those beyond: who is refused to go live may
    go on with the pilot. Only a decision come to as strictly undoes it: no emergency undoes a committee's rejection. A
    rejection that names sites ends nothing at others. A deferral ends nothing. A kind of decision counts only for the
    tiers it is good for, and only so often a year. A refused change refuses what it would have brought: what ran before
    it goes on as it was decided.
    """
    return _first(_good(standing, stage, at, terms))


def in_force_at(
    standing: Standing,
    site: str,
    stage: Stage,
    at: str,
    terms: Mapping[DecisionKind, Terms] = TERMS,
    *,
    version: str | None = None,
) -> Decided | None:
    """The same for one of its sites, whatever holds at the others; where a version is named, of those about it."""
    there = replace(standing, sites=frozenset({site}))
    good = _good(there, stage, at, terms)
    return _first(d for d in good if version is None or _covers(there, d, version))


def _first(good: Iterable[Decided]) -> Decided | None:
    return max(good, key=lambda d: (d.kind is DecisionKind.ORDINARY, d.at), default=None)


def _good(standing: Standing, stage: Stage, at: str, terms: Mapping[DecisionKind, Terms]) -> list[Decided]:
    """The decisions that let a use run at a stage now at all its sites; a change, only while what it changed stands."""
    found = _standing(standing, stage, at, terms) if stage in RUNNING else []
    held = (d for d in found if not d.changes or _changed(standing, stage, d.at, terms) in found)
    return [d for d in held if d.sites is None or standing.sites <= d.sites]


def what_it_changes(
    standing: Standing, site: str, stage: Stage, at: str, terms: Mapping[DecisionKind, Terms] = TERMS
) -> Decided | None:
    """The decision that a change of what runs at a site would be added to now; None where none is in force."""
    return _changed(replace(standing, sites=frozenset({site})), stage, at, terms)


def _changed(standing: Standing, stage: Stage, at: str, terms: Mapping[DecisionKind, Terms]) -> Decided | None:
    """The decision that a change was added to: the one in force when it was decided, at its sites if any was there."""
    then = [one for one in _standing(standing, stage, at, terms) if not one.changes]
    return _first([one for one in then if one.sites is None or standing.sites <= one.sites] or then)


def _standing(standing: Standing, stage: Stage, at: str, terms: Mapping[DecisionKind, Terms]) -> list[Decided]:
    now, exposed = when(at), EXPOSURE.index(stage)
    refused = [
        d
        for d in standing.decisions
        if d.outcome is Decision.REJECTED and EXPOSURE.index(d.up_to) <= exposed and when(d.at) <= now
    ]
    return [
        d
        for d in standing.decisions
        if d.outcome in FAVOURABLE
        and when(d.at) <= now
        and (standing.retired_at is None or when(d.at) > when(standing.retired_at))
        and all(_undoes(d, no) for no in refused if _refuses(no, d, standing.sites, d.version))
        and not has_ended(d, now, terms)
        and exposed <= EXPOSURE.index(d.as_far(standing.sites))
        and not over_the_limit(standing, d, terms)
    ]


def _undoes(decided: Decided, no: Decided) -> bool:
    """Whether a decision was come to after a rejection, and as strictly."""
    return when(decided.at) > when(no.at) and STRICT.index(decided.kind) >= STRICT.index(no.kind)


def _refuses(no: Decided, decided: Decided, sites: frozenset[str], version: str | None) -> bool:
    """Whether a rejection is of one of these sites; that of a change, also of the version that it would have brought.

    A decision about other sites is here only what a change may have been added to: any rejection ends that.
    """
    elsewhere = decided.sites is not None and not decided.sites & sites
    there = no.sites is None or not sites or elsewhere or bool(no.sites & sites)
    return there and (not no.changes or no.version is None or no.version == version)


def over_the_limit(standing: Standing, decided: Decided, terms: Mapping[DecisionKind, Terms] = TERMS) -> bool:
    """Whether a decision is of a kind that this use may not have: for its tier, or again within a year.

    Another use of the same product is the same emergency, and is counted with it.
    """
    good = terms[decided.kind]
    if decided.kind is not DecisionKind.ORDINARY and standing.tier not in good.tiers:
        return True
    if good.most_a_year is None:
        return False
    given = when(decided.at)
    every = (*standing.decisions, *standing.others)
    same = sum(1 for d in every if d.kind is decided.kind and given - _YEAR < when(d.at) <= given)
    return same > good.most_a_year


def must_stop(standing: Standing, at: str, terms: Mapping[DecisionKind, Terms] = TERMS) -> str | None:
    """Why a running use may run no longer, in a sentence; None where it may, or is legacy and not yet decided."""
    stage = standing.stage
    if stage is None or stage not in RUNNING or standing.legacy or in_force(standing, stage, at, terms):
        return None
    now = when(at)
    ended = [(end, d) for d in standing.decisions if (end := d.ends_at(terms)) is not None and end <= now]
    if ended:
        end, last = max(ended, key=lambda pair: pair[0])
        return f"Its {last.kind.value} decision ended on {written_day(end.date())}, and no other covers {stage.value}."
    return f"No decision covers {stage.value} at all its sites."


def has_ended(decided: Decided, now: datetime, terms: Mapping[DecisionKind, Terms] = TERMS) -> bool:
    """Whether a decision has ended by itself."""
    end = decided.ends_at(terms)
    return end is not None and end <= now


def _lack(
    need: Need,
    transition: Transition,
    standing: Standing,
    at: str,
    reason: str | None,
    terms: Mapping[DecisionKind, Terms],
) -> Lack | None:
    if need is Need.INTAKE:
        return None if standing.intake_complete else Lack(need, "questions of the intake are still to be answered")
    if need is Need.TIER:
        return None if standing.tier is not None else Lack(need, "it has no tier yet")
    if need is Need.DOWNTIME:
        return None if standing.downtime_procedure else Lack(need, "nobody has said what people do when it is down")
    if need is Need.NO_HARM:
        why = _harm(standing)
        return None if why is None or _stays(standing, transition) else Lack(need, why)
    if need is Need.HAZARDS:
        why = "nobody has checked who and what still depends on it since it came to the newest of its sites"
        return None if standing.hazards_checked else Lack(need, why)
    if need is Need.RETIREMENT:
        never_ran = standing.stage in BEFORE_RUNNING and not (standing.deployed or standing.legacy)
        why = "no case has decided that it retires"
        return None if standing.retirement_decided or never_ran else Lack(need, why)
    if need is Need.CONDITIONS:
        said = "a condition of its decision has" if standing.lapsed == 1 else "conditions of its decision have"
        if not standing.lapsed or _stays(standing, transition):
            return None
        return Lack(need, f"{said} lapsed and nothing came that meets {'it' if standing.lapsed == 1 else 'them'}")
    if need is Need.REASON:
        return None if (reason or "").strip() else Lack(need, "say why")
    if need is Need.ACCEPTANCE:
        return _not_accepted(need, standing, transition.after, at, terms)
    if need is Need.SHOWN:
        left = None if _stays(standing, transition) else to_show_again(standing, transition.after, at, terms)
        return None if left is None else Lack(need, left)
    good = _good(standing, transition.after, at, terms)
    if need is Need.VERSION:
        return _other_version(need, standing, good)
    if good:
        return None
    return Lack(need, f"no decision in force covers {transition.after.value} at all its sites")


def _harm(standing: Standing) -> str | None:
    """What of harm keeps a use from more patients; None where nothing does."""
    if standing.harm_open:
        one = standing.harm_open == 1
        many = "a concern about harm is" if one else "concerns about harm are"
        return f"{many} open: close {'it' if one else 'each'} with what was found"
    if standing.harm_untold:
        many = "a concern is" if standing.harm_untold == 1 else f"{standing.harm_untold:,} concerns are"
        return f"{many} open of which nobody has said yet whether a patient was harmed: have it looked at and said"
    return None


def _stays(standing: Standing, transition: Transition) -> bool:
    """Whether each of its sites runs as far by then: what stops that is a pause, and no other site is set going."""
    if transition.before is not transition.after or transition.after not in EXPOSURE:
        return False
    least = EXPOSURE.index(transition.after)
    runs = (standing.runs_as.get(site) for site in standing.sites)
    return all(one is not None and EXPOSURE.index(one) >= least for one in runs)


def _not_accepted(
    need: Need, standing: Standing, stage: Stage, at: str, terms: Mapping[DecisionKind, Terms]
) -> Lack | None:
    """Where nobody has accepted the decision that lets it run: who accepted before it never read it."""
    if not standing.sites:
        what = "none of its planned sites is set up yet" if standing.planned else "it names no site where it is to run"
        return Lack(need, what)
    given = {site: in_force_at(standing, site, stage, at, terms) for site in standing.sites & standing.accepted.keys()}
    before = {site for site, d in given.items() if d is not None and when(standing.accepted[site]) < when(d.at)}
    said = (
        (standing.sites - standing.accepted.keys(), "not accepted yet at"),
        (before, "accepted before it was decided, and not since, at"),
    )
    called = ((what, sorted(standing.called.get(site, site) for site in which)) for which, what in said)
    why = "; ".join(f"{what}: {', '.join(names)}" for what, names in called if names)
    return Lack(need, why) if why else None


def _other_version(need: Need, standing: Standing, good: Sequence[Decided]) -> Lack | None:
    """That what is to run is not what was decided on; with no decision at all, that is what is said."""
    if not good:
        return None
    others = sorted(one for one in standing.versions if not any(_covers(standing, d, one) for d in good))
    if not others:
        return None
    if others == [""]:
        return Lack(need, "its decision is about one version, and which one runs is not said")
    labels = ", ".join(sorted(standing.versions[one] for one in others if one))
    return Lack(need, f"its decision is not about version {labels}, whose change nobody has settled")


def other_version(standing: Standing, stage: Stage, at: str, terms: Mapping[DecisionKind, Terms] = TERMS) -> str | None:
    """Why the versions there may not run at a stage, in a sentence; None where they may, or nothing is decided."""
    lack = _other_version(Need.VERSION, standing, _good(standing, stage, at, terms))
    return None if lack is None else lack.why


def to_show_again(standing: Standing, stage: Stage, at: str, terms: Mapping[DecisionKind, Terms] = TERMS) -> str | None:
    """That what its decisions rest on changed, and was not shown again, in a sentence; None where nothing stands open.

    A decision made since, about what is to run and as far as this stage, was made knowing it.
    """
    if not (good := _good(standing, stage, at, terms)):
        return None
    by_version = ([d for d in good if _covers(standing, d, version)] for version in standing.versions)
    about = [those for those in by_version if those] or [good]
    since = min(max(when(_rests_on(standing, stage, d, terms).at) for d in those) for those in about)
    here = (one for one in standing.reopened if one.changed is not Changed.SITE or one.became in standing.sites)
    left = {(one.policy, one.requirement) for one in here if when(one.created_at) >= since}
    if not left:
        return None
    what = "a requirement of its decision is" if len(left) == 1 else f"{len(left)} requirements of its decision are"
    return f"{what} to be shown again, because something changed since: bring that, or have it decided anew"


def _rests_on(standing: Standing, stage: Stage, decided: Decided, terms: Mapping[DecisionKind, Terms]) -> Decided:
    """The decision itself; of a change, the one that it changed."""
    return (_changed(standing, stage, decided.at, terms) if decided.changes else None) or decided


def _covers(standing: Standing, decided: Decided, version: str) -> bool:
    """Whether a decision is about a version, or about one whose change to this was settled under its policy since."""
    changes = (d for d in standing.decisions if d.changes and d.outcome is Decision.REJECTED and d.version == version)
    if any(_refuses(no, decided, standing.sites, version) and not _undoes(decided, no) for no in changes):
        return False
    if decided.version == version:
        return True
    if decided.version is None:
        return version not in standing.unshown
    return any(
        (one.version, one.policy) == (version, decided.policy) and when(one.since) >= when(decided.at)
        for one in standing.settled
    )
