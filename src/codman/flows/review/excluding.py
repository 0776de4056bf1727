"""Say that a requirement does not apply to a use: one person says so with a reason, a second agrees.

Only of what nothing is filed for: what was measured is judged, whatever people say of it. The second person presides
and has no hand in the use. It counts neither as met nor as missing, stands in the signed decision with its reason and
both names, and ends with the first change of the use.
"""

from __future__ import annotations

from sqlalchemy import Connection

from codman.errors import BadInput, CodmanError
from codman.flows.house import House
from codman.flows.review.cases import Docket, NotYours, docket_within, require_impartial, working
from codman.flows.review.exclusions import asks_of, moved
from codman.flows.review.voting import verdict_of
from codman.registry import governance
from codman.registry.access import Reader, may, paths_for, require
from codman.registry.governance import EXCLUSIONS
from codman.registry.inventory import paths_of
from codman.registry.log import size_of
from codman.registry.records import AlreadyThere, BadField, Stale
from codman.review.triage.override import LEAST_REASON
from codman.spine.exclusion import Exclusion, ExclusionState
from codman.spine.policy import Requirement
from codman.spine.verdict import Outcome


class MustApply(BadInput):
    """A requirement that may not be passed over."""

    def __init__(self, why: str, fix: str = "bring the evidence") -> None:
        super().__init__("this requirement is not passed over", why, fix)


class ExclusionSettled(CodmanError):
    """An answer to somebody who no longer asks."""

    exit_code = 2

    def __init__(self, state: ExclusionState) -> None:
        super().__init__(
            what="nobody asks any more whether this requirement applies",
            why=f"it is {state.value}",
            fix="look at the case as it is now",
        )


def say_not_applicable(
    house: House, reader: Reader, case: str, requirement: str, why: str, *, request: str | None = None
) -> Exclusion:
    """Say that a requirement of a case does not apply to its use; it waits for the second person.

    Args:
        house: The open house.
        reader: Who says so: whoever answers for the use, or somebody of the committee.
        case: Which case.
        requirement: Which requirement of its policy.
        why: The reason, in a sentence.
        request: The request it came with, for the log.

    Raises:
        NotAllowed: They may not, for this use.
        CaseClosed: It is decided or withdrawn.
        BadField: The policy has no such requirement, or the reason is no sentence.
        MustApply: The policy says that it always applies, or something is filed for it.
        AlreadyThere: Somebody asks the same already.
    """
    with house.database.changing(reader.author(request), why) as change:
        found = working(change.connection, reader, case, "exclusion.create")
        asked = _asked(found, requirement)
        if len(why.strip()) < LEAST_REASON:
            least = f"say in a sentence of at least {LEAST_REASON} characters why it does not apply"
            raise BadField("exclusion", "why", least)
        _nothing_filed(house, change.connection, found, asked)
        waiting = next((one for one in found.exclusions if _waits(one, found, requirement)), None)
        if waiting is not None:
            raise AlreadyThere("exclusion", "somebody says so already, and it waits for a second person")
        fields = {
            "use": found.use.id,
            "case": found.case.id,
            "policy": found.case.policy,
            "requirement": requirement,
            "asks": asks_of(asked),
            "version": found.case.version,
            "sites": list(found.case.sites),
            "why": why,
            "asked_by": reader.person,
            "log_index": size_of(change.connection),
        }
        return EXCLUSIONS.add(change, EXCLUSIONS.validated(fields))


def agree(house: House, reader: Reader, name: str, revision: int, *, request: str | None = None) -> Exclusion:
    """Agree, as the second person, that a requirement does not apply.

    Args:
        house: The open house.
        reader: Who agrees: not who said it, without a hand in the use or a conflict of interest.
        name: The exclusion.
        revision: The revision they saw.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not, for this use.
        NotYours: They said it themselves, have a hand in the use, or a conflict of interest.
        CaseClosed: Its case is decided or withdrawn.
        ExclusionSettled: It was answered already.
        MustApply: Something was filed for it, or the use changed, since it was said.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request)) as change:
        connection = change.connection
        one = _within(connection, reader, name)
        found = working(connection, reader, one.case, "exclusion.agree")
        if reader.person == one.asked_by:
            raise NotYours("you said it yourself: it takes a second person", "have somebody else agree")
        require_impartial(found, reader)
        _still_asked(one, revision)
        asked = _asked(found, one.requirement)
        _nothing_filed(house, connection, found, asked)
        other = (one.version, sorted(one.sites)) != (found.case.version, sorted(found.case.sites))
        if other or moved(connection, [one]):
            raise MustApply("the use or the case changed since it was said", "have it said again of what is there now")
        agreed = {"state": ExclusionState.STANDING.value, "agreed_by": reader.person, "agreed_at": change.at}
        return EXCLUSIONS.change(change, name, agreed, revision)


def refuse(
    house: House, reader: Reader, name: str, revision: int, why: str, *, request: str | None = None
) -> Exclusion:
    """Say that a requirement does apply: to what waits, or to what was agreed on; who said it takes it back this way.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may not, for this use.
        BadField: No reason is given.
        ExclusionSettled: It is refused or ended already.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request), why) as change:
        one = _within(change.connection, reader, name)
        found = docket_within(change.connection, reader, one.case)
        places = paths_of(change.connection, found.use, found.case.sites)
        own = reader.person == one.asked_by and may(reader, "exclusion.create", places)
        require(reader, "exclusion.create" if own else "exclusion.agree", places)
        if not why.strip():
            raise BadField("exclusion", "why", "say why it applies")
        standing = one.state is ExclusionState.STANDING
        _still_asked(one, revision, standing=standing)
        patch = {"state": (ExclusionState.ENDED if standing else ExclusionState.REFUSED).value, "refused": why}
        return EXCLUSIONS.change(change, name, patch, revision)


def _within(connection: Connection, reader: Reader, name: str) -> Exclusion:
    found: Exclusion = governance.get(connection, "exclusion", name, paths_for(reader, "review.read"))
    return found


def _still_asked(one: Exclusion, revision: int, *, standing: bool = False) -> None:
    if one.state is not ExclusionState.ASKED and not standing:
        raise ExclusionSettled(one.state)
    if one.revision != revision:
        raise Stale("exclusion", one.id, revision, one.revision)


def _asked(found: Docket, name: str) -> Requirement:
    """The requirement, if anybody may say that it does not apply."""
    asked = next((one for one in found.policy.requires if one.id == name), None)
    if asked is None:
        raise BadField("exclusion", "requirement", "the case's policy has no such requirement")
    if asked.always_applies:
        raise MustApply(f"the policy says that '{asked.name}' applies to every use", "bring what it asks for")
    return asked


def _nothing_filed(house: House, connection: Connection, found: Docket, asked: Requirement) -> None:
    result = next(one for one in verdict_of(house, connection, found).results if one.id == asked.id)
    if result.outcome is Outcome.NOT_APPLICABLE:
        raise MustApply(f"'{asked.name}' is passed over already", "read the case again")
    if result.outcome is not Outcome.MISSING:
        why = f"'{asked.name}' is {result.outcome.value}: what is filed for it is judged"
        raise MustApply(why, "bring evidence that meets it, or accept in writing what is inconclusive")


def _waits(one: Exclusion, found: Docket, requirement: str) -> bool:
    return (one.state, one.case, one.requirement) == (ExclusionState.ASKED, found.case.id, requirement)
