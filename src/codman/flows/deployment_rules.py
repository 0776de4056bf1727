"""Rules of what runs where: which mode a site may be put in by hand, what an acceptance is of, and whose it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import cached_property
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.flows.decided import accepted_at, decisions_of
from codman.flows.harm import open_harm, untold_harm
from codman.flows.superseded import lapsed
from codman.registry import nouns
from codman.registry.access import NotAllowed, Reader, only_lent
from codman.registry.database import Change
from codman.registry.interests import hand_in
from codman.registry.names import names_of
from codman.registry.officers import who_may
from codman.registry.records import BadField
from codman.registry.schema_review import cases, conditions, reviewers
from codman.review.stages import Standing, in_force_at, other_version, to_show_again
from codman.review.superseding import exposure
from codman.spine.review import Conflict
from codman.spine.site import Mode
from codman.spine.statement import when
from codman.spine.use import FAVOURABLE, RUNNING, Stage, Use

_ACCEPTED: Final = ("use", "site", "clinician", "version")  # what a clinician's acceptance is of
_ONLY_THEN: Final = "it is set when the clinician accepts, and only then"
_STOPPED: Final = frozenset({Mode.PAUSED, Mode.ENDED})
_AT_PATIENTS: Final = frozenset({Mode.PILOT, Mode.LIVE})
_RUNNING_MODES: Final = frozenset({Mode.SILENT, Mode.PILOT, Mode.LIVE})


class NotTheClinician(NotAllowed):
    """An acceptance by somebody other than the accountable clinician of the site, or by one with a hand in the use."""

    def __init__(self, hand: str | None = None) -> None:
        CodmanError.__init__(
            self,
            what="this acceptance is not yours to give",
            why="only the clinician whom the deployment names can accept it"
            if hand is None
            else f"you {hand}: a site accepts by a clinician who has no hand in the use",
            fix="have the deployment name you as its clinician, or ask the one it names"
            if hand is None
            else "have the deployment name another clinician of the site, who accepts it",
        )


class StopsOnly(NotAllowed):
    """A change of what runs, beyond stopping it, by a right taken in an emergency."""

    def __init__(self) -> None:
        CodmanError.__init__(
            self,
            what="a right taken in an emergency changes nothing here but to stop it",
            why="it is lent to pause or end what harms; how it runs is for who answers for it",
            fix="set the mode to paused or ended, and nothing else; or ask somebody who holds the role",
        )


def stops_only(reader: Reader, places: Sequence[str], new: Any, changed: Collection[str]) -> None:
    """Refuse to change what runs at these sites by a lent right, but to stop it.

    Raises:
        StopsOnly: It would do more.
    """
    stops = set(changed) <= {"mode", "since", "note"} and ("mode" not in changed or new.mode in _STOPPED)
    if not stops and only_lent(reader, "deployment.change", places):
        raise StopsOnly


def deployment_fits(connection: Connection, deployment: Any) -> None:
    """Refuse a version of another product than the use's.

    Raises:
        BadField: It is one.
    """
    if deployment.version is None:
        return
    product = nouns.VERSIONS.get(connection, deployment.version).product
    if nouns.USES.get(connection, deployment.use).product != product:
        raise BadField("deployment", "version", "it is a version of another product than the use's")


def mode_fits(change: Change, deployment: Any) -> None:
    """Refuse to set a site going by hand beyond where the use stands, once a committee had it or somebody stopped it.

    Args:
        change: The transaction.
        deployment: As it will be; a new one has no id.

    Raises:
        BadField: It would reach patients where the use does not, or run at all where the use is paused or retired;
            the site was paused or ended; harm by it is open, or a condition lapsed; or no decision in force names it
            or is about the version, or nobody has accepted that decision there.
    """
    connection = change.connection
    name = getattr(deployment, "id", None)
    if name is None and deployment.accepted_at is not None:
        raise BadField(
            "deployment", "accepted_at", _ONLY_THEN, fix="leave it out: its clinician accepts it on the page of the use"
        )
    before = None if name is None else nouns.DEPLOYMENTS.get(connection, name).mode
    use = nouns.USES.get(connection, deployment.use)
    why = _Modes(connection, use, change.at, change.zone).why_not(deployment.mode, deployment, before)
    if why:
        raise BadField("deployment", "mode", why, fix="leave the mode as it is, or do first what the reason names")


def why_not_modes(connection: Connection, use: Use, runs: Sequence[Any], at: str, zone: tzinfo) -> dict[Mode, str]:
    """Why a use may be put in a mode by hand at none of some sites, by mode; left out where it may at one of them.

    Args:
        connection: Where to read.
        use: The use.
        runs: Its deployments there; a new site without any.
        at: When, ISO 8601.
        zone: Of the house's days.
    """
    rule = _Modes(connection, use, at, zone)
    found = {}
    for mode in Mode:
        reasons = (rule.why_not(mode, one, one.mode) for one in runs) if runs else (rule.why_not(mode, None, None),)
        first = ""
        for why in reasons:
            first = first or why
            if not why:
                break
        else:
            found[mode] = first
    return found


@dataclass(frozen=True)
class _Modes:
    """The rule of one use, that asks what holds for all of its sites once."""

    connection: Connection
    use: Use
    at: str
    zone: tzinfo

    def why_not(self, to: Mode, deployment: Any, before: Mode | None) -> str:
        """Why a site may not be put in a mode by hand; empty where it may. Without a deployment, of any new site."""
        use, mode = self.use, Stage(to.value) if to in _RUNNING_MODES else None
        if mode is None or before is to:
            return ""
        more = mode is not Stage.SILENT and (
            before not in _RUNNING_MODES or exposure(mode) > exposure(Stage(str(before)))
        )
        # what runs undecided is recorded, but over no open harm; what was stopped is set going by nobody's edit
        if not self._came and use.stage is not Stage.PAUSED and (use.stage in RUNNING or before not in _STOPPED):
            return self._held_up if more else ""
        stopped = use.stage in (Stage.PAUSED, Stage.RETIRED)
        if stopped or (mode is not Stage.SILENT and exposure(mode) > exposure(use.stage)):
            return f"the use is {use.stage.value}: its sites follow when it is moved, from its own page"
        if before is Mode.PAUSED:
            return "it was paused here: it runs again when the use is moved, from its own page"
        if before is Mode.ENDED:  # else ending what was paused would be a way around who says that it runs again
            return (
                "it was ended here: put it down as paused, and it runs again when the use is moved, from its own page"
            )
        if mode is Stage.SILENT:
            return ""
        return (self._held_up if more else "") or self._not_here(deployment, mode, more=more)

    @cached_property
    def _came(self) -> bool:
        """Whether the use ever came before a committee."""
        one = select(cases.c.id).where(cases.c.use == self.use.id).limit(1)
        return self.connection.execute(one).first() is not None

    @cached_property
    def _held_up(self) -> str:
        return _why_no_more(self.connection, self.use)

    @cached_property
    def _decided(self) -> Standing:
        return decisions_of(self.connection, self.use, self.zone)

    def _not_here(self, deployment: Any, mode: Stage, *, more: bool) -> str:
        if deployment is None:
            return "the site's clinician accepts it first: put it down as silent, and it follows once accepted"
        version = deployment.version or ""
        standing = replace(
            self._decided,
            sites=frozenset({deployment.site}),
            versions={version: names_of(self.connection, [version]).get(version, version)},
        )
        if in_force_at(standing, deployment.site, mode, self.at) is None:
            return f"no decision lets it be {mode.value} at this site: open a case that names it"
        if (other := other_version(standing, mode, self.at)) is not None:
            return f"{other}: run the version that was decided on, or open a case about this one"
        if more and (left := to_show_again(standing, mode, self.at)) is not None:
            return left
        decided = in_force_at(standing, deployment.site, mode, self.at, version=deployment.version)
        given = accepted_at(self.connection, self.use, [deployment]).get(deployment.site)
        if given is None or decided is None or when(given) < when(decided.at):
            why = "the site's clinician has not accepted it here since it was decided"
            return f"{why}: put it down as silent, and it follows once accepted"
        return ""


def _why_no_more(connection: Connection, use: Use) -> str:
    """What keeps a use from reaching more patients anywhere, as it keeps it from a stage."""
    if open_harm(connection, use.id):
        return "a concern about harm is open: close it with what was found"
    if untold_harm(connection, use.id):
        return "a concern is open of which nobody has said yet whether a patient was harmed: have it looked at and said"
    if lapsed(connection, conditions.c.use == use.id):
        return "a condition of its decision has lapsed: bring what it asks, or have it decided anew"
    return ""


def with_what_follows(kind: str, old: Any, new: Any, patch: Mapping[str, Any]) -> Mapping[str, Any]:
    """An acceptance is of this use, here, by this clinician, in this version; with another of them it is asked anew.

    So it is where it ended: whoever accepted it, accepted what is over.
    """
    if kind != "deployment":
        return patch
    if new.accepted_at is not None and new.accepted_at != old.accepted_at:
        raise BadField(
            kind, "accepted_at", _ONLY_THEN, fix="leave it out: its clinician accepts it on the page of the use"
        )
    if new.clinician is None and old.clinician is not None and {old.mode, new.mode} <= _AT_PATIENTS:
        raise BadField(
            kind,
            "clinician",
            "it reaches patients here: name another, or stop it first",
            fix="name another clinician, or pause or end it here first",
        )
    ends = new.mode is Mode.ENDED and old.accepted_at is not None
    if ends or any(getattr(new, field) != getattr(old, field) for field in _ACCEPTED):
        return {**patch, "accepted_at": None}
    return patch


def edit_fits(change: Change, old: Any, new: Any) -> None:
    """Refuse an edit of what runs at a site: a mode or a clinician that the use's decisions do not bear.

    Args:
        change: The transaction.
        old: The deployment as it is.
        new: As it will be.

    Raises:
        BadField: As for `mode_fits`; or it names a clinician who could not accept what reaches patients there.
    """
    mode_fits(change, new)
    _clinician_fits(change.connection, old, new)


def _clinician_fits(connection: Connection, old: Any, new: Any) -> None:
    if new.clinician in (None, old.clinician) or new.mode not in _AT_PATIENTS:
        return
    use = nouns.USES.get(connection, new.use)
    if use.decision not in FAVOURABLE:  # what nobody decided yet is put down as it is
        return
    path = nouns.SITES.get(connection, new.site).path
    able = who_may(connection, "deployment.accept", {new.clinician}).get(new.clinician, ())
    why = ""
    if not any(path.startswith(one) for one in able):
        why = "by no role may they accept anything at this site"
    elif _why_not_theirs(connection, new, new.clinician) is not None:
        why = "they have a hand in the use, or stated a conflict of interest"
    if why:
        raise BadField(
            "deployment",
            "clinician",
            f"it reaches patients here, and whom it names could not accept it: {why}",
            fix="name a clinician of the site who may accept it",
        )


def accepted_by(connection: Connection, deployment: Any, person: str) -> None:
    """Refuse an acceptance that is not the word of the site's clinician, or of one with a hand in it or a conflict.

    Raises:
        NotTheClinician: It would be another's, theirs who named themselves, or theirs who stated a conflict of interest
            when they last reviewed the use.
    """
    if deployment.clinician != person:
        raise NotTheClinician
    if (hand := _why_not_theirs(connection, deployment, person)) is not None:
        raise NotTheClinician(hand)


def _why_not_theirs(connection: Connection, deployment: Any, person: str) -> str | None:
    """Why a clinician may not accept a use: a hand in it, or a conflict of interest; None where nothing is known."""
    use = nouns.USES.get(connection, deployment.use)
    hands = hand_in(connection, use, nouns.PRODUCTS.get(connection, use.product))
    if person in hands:  # who answers for a use may name any clinician, and so themselves
        return hands[person]
    seats = (
        select(reviewers.c.conflict)
        .join(cases, cases.c.id == reviewers.c.case)
        .where(cases.c.use == use.id, reviewers.c.person == person)
        .order_by(reviewers.c.created_at.desc(), reviewers.c.id.desc())
    )
    conflict = connection.execute(seats.limit(1)).scalar_one_or_none() == Conflict.CONFLICT.value
    return "stated a conflict of interest when you last reviewed it" if conflict else None
