"""Which requirements do not apply to a use: what two people agreed on, until the use changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from codman.evidence.canonical import canonical, sha256
from codman.flows.house import House
from codman.flows.review.changes_seen import Seen, read_log, read_until
from codman.registry import governance
from codman.registry.database import Change
from codman.registry.governance import EXCLUSIONS
from codman.registry.log import SYSTEM, size_of
from codman.registry.names import names_of
from codman.registry.schema_review import exclusions
from codman.spine.day import written_day
from codman.spine.exclusion import Exclusion, ExclusionState
from codman.spine.policy import Policy, Requirement
from codman.spine.reopening import ReopeningFields
from codman.spine.review import Case


@dataclass(frozen=True, slots=True)
class Excluded:
    """An exclusion that holds, and what is said in place of the requirement's own sentence."""

    record: Exclusion
    sentence: str


def asks_of(requirement: Requirement) -> str:
    """What names the thing a requirement asks for: the same in two editions only where both ask it as strictly."""
    asked = requirement.model_dump(mode="json", include={"evidence", "origin", "asked_as", "asks", "severity"})
    return sha256(canonical(asked))


def excluded_in(
    connection: Connection, policy: Policy, found: Iterable[Exclusion], case: Case | None = None
) -> dict[str, Excluded]:
    """The requirements of a policy that do not apply to a use, by id.

    Args:
        connection: Where to read what changed, and names.
        policy: What the use is held to.
        found: What was said about the use, in any state.
        case: The case it is judged in: what was said of another version, or of fewer sites, is not said of it.
    """
    asked = {one.id: one for one in policy.requires}
    good = [
        one
        for one in found
        if one.state is ExclusionState.STANDING
        and one.policy == policy.policy
        and _passes_over(one, asked.get(one.requirement))
        and (case is None or _covers(one, case))
    ]
    if not good:
        return {}
    gone = moved(connection, good)
    names = names_of(connection, [name for one in good for name in (one.asked_by, one.agreed_by)])
    return {one.requirement: Excluded(one, _sentence(one, names)) for one in good if one.id not in gone}


def standing_of(connection: Connection, uses: Sequence[str] | None = None) -> dict[str, list[Exclusion]]:
    """What was agreed on about uses, by use; about all without."""
    which = [exclusions.c.state == ExclusionState.STANDING.value]
    if uses is not None:
        which.append(exclusions.c.use.in_(list(uses)))
    of_use: dict[str, list[Exclusion]] = {}
    for one in governance.every(connection, "exclusion", *which):
        of_use.setdefault(one.use, []).append(one)
    return of_use


def moved(connection: Connection, found: Sequence[Exclusion]) -> set[str]:
    """Those of a use that changed since they were said, by id.

    What changed before the last round is ended by it, where it was agreed on by then; here is what came since, so that
    none holds a moment too long.
    """
    if not found:
        return set()
    start = min(one.log_index for one in found)
    if all(one.state is ExclusionState.STANDING for one in found):
        start = max(read_until(connection), start)
    seen = read_log(connection, start, size_of(connection)).seen
    return {one.id for one in found if _first(one, seen) is not None}


def end_those_moved(house: House, seen: Sequence[Seen]) -> int:
    """End what was agreed on about uses that changed since; told of the same again, it writes nothing.

    Returns:
        How many were ended.
    """
    if not seen:
        return 0
    with house.database.reading() as connection:
        if not _to_end(connection, seen):
            return 0
    with house.database.changing(SYSTEM, "a change was seen") as change:
        ended = _to_end(change.connection, seen)
        EXCLUSIONS.change_many(
            change, [(one, {"state": ExclusionState.ENDED.value, "ended": because}) for one, because in ended]
        )
    return len(ended)


def end_those_reopened(change: Change, reopened: Iterable[ReopeningFields]) -> None:
    """End what was agreed on about requirements that a new edition reopened, of which the log does not tell."""
    because = {(one.use, one.policy, one.requirement): one.changed.value for one in reopened}
    for use, found in standing_of(change.connection, sorted({use for use, _, _ in because})).items():
        for one in found:
            changed = because.get((use, one.policy, one.requirement))
            if changed is not None:
                patch = {"state": ExclusionState.ENDED.value, "ended": f"its {changed} changed"}
                EXCLUSIONS.change(change, one.id, patch, None)


def _to_end(connection: Connection, seen: Sequence[Seen]) -> list[tuple[Exclusion, str]]:
    told = {one.use for one in seen}
    found = [one for use, each in standing_of(connection).items() if use in told for one in each]
    first = ((one, _first(one, seen)) for one in found)
    return [(one, f"its {hit.shift.changed.value} changed") for one, hit in first if hit is not None]


def _first(one: Exclusion, seen: Iterable[Seen]) -> Seen | None:
    return next((each for each in seen if each.use == one.use and each.index >= one.log_index), None)


def _passes_over(one: Exclusion, asked: Requirement | None) -> bool:
    return asked is not None and not asked.always_applies and asks_of(asked) == one.asks


def _covers(one: Exclusion, case: Case) -> bool:
    """Whether what was said in one case is said of another: of its version, and of each of its sites."""
    sites = set(case.sites) <= set(one.sites) if case.sites else not one.sites
    return one.version == case.version and sites


def _sentence(one: Exclusion, names: Mapping[str, str]) -> str:
    asker, agreer = (names.get(name or "", "somebody") for name in (one.asked_by, one.agreed_by))
    why = " ".join(one.why.split()).rstrip(".")
    return f"It does not apply here: {why}. {asker} said so, and {agreer} agreed on {written_day(str(one.agreed_at))}."
