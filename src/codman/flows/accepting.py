"""What waits to be accepted at a site, and what is accepted there: the decision, its conditions, the version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import groupby
from typing import Final

from sqlalchemy import Connection

from codman.errors import CodmanError
from codman.flows.decided import accepted_at, decisions_of
from codman.registry import governance
from codman.registry.governance import CASES
from codman.registry.mine import named_as_clinician
from codman.registry.names import names_of
from codman.registry.nouns import USES
from codman.registry.records import Stale
from codman.registry.schema_review import conditions
from codman.review.stages import in_force_at
from codman.spine.review import Case, Condition, ConditionState
from codman.spine.site import Deployment, Mode
from codman.spine.statement import when
from codman.spine.use import Stage, Use

_BINDS: Final = [one.value for one in (ConditionState.OPEN, ConditionState.HANDED_IN, ConditionState.LAPSED)]
UNDECIDED: Final = "undecided"  # what is read where no decision is in force


class DecidedMeanwhile(Stale):
    """An acceptance of a decision that is no longer the one in force there."""

    def __init__(self) -> None:
        CodmanError.__init__(
            self,
            what="what is accepted here was decided anew meanwhile",
            why="another decision is in force at this site than on the page that was read",
            fix="read what is decided now, and accept that",
        )
        self.current = None


@dataclass(frozen=True, slots=True)
class ToAccept:
    """A site that its clinician has not accepted since the decision that lets the use run there."""

    deployment: Deployment
    case: Case | None  # the decision; none where nothing in force lets it run there
    conditions: tuple[Condition, ...]  # of that decision, those that are open and those that lapsed
    version: str  # the label of what runs, or is to run; empty where it is not said
    before: bool  # it was accepted, before this was decided


def waits_at(
    connection: Connection, use: Use, there: Sequence[Deployment], at: str, zone: tzinfo
) -> dict[str, ToAccept]:
    """Where a use waits to be accepted, by the id of the deployment.

    Args:
        connection: Where to read.
        use: The use.
        there: Its deployments that are looked at; what has ended waits for nobody.
        at: When, ISO 8601.
        zone: Of the house's days.
    """
    runs = [one for one in there if one.mode is not Mode.ENDED]
    standing = decisions_of(connection, use, zone)
    given = accepted_at(connection, use, runs)
    labels = names_of(connection, [one.version for one in runs])
    found = {}
    for one in runs:
        binding = in_force_at(
            standing, one.site, Stage.PILOT, at, version=one.version
        )  # nobody accepts what runs unseen
        if one.site in given and (binding is None or when(given[one.site]) >= when(binding.at)):
            continue
        decided = binding or in_force_at(standing, one.site, Stage.SILENT, at, version=one.version)
        asked = conditions.c.case == (None if decided is None else decided.case)
        found[one.id] = ToAccept(
            deployment=one,
            case=None if decided is None else CASES.get(connection, decided.case),
            conditions=tuple(governance.every(connection, "condition", asked, conditions.c.state.in_(_BINDS))),
            version=labels.get(one.version or "", ""),
            before=one.accepted_at is not None,
        )
    return found


def to_accept(connection: Connection, person: str, at: str, zone: tzinfo) -> list[ToAccept]:
    """What waits for somebody to accept it, as the accountable clinician of a site; the oldest first.

    Args:
        connection: Where to read.
        person: Who.
        at: When, ISO 8601.
        zone: Of the house's days.
    """
    named = sorted(named_as_clinician(connection, person), key=lambda one: one.use)
    found: list[ToAccept] = []
    for use, runs in groupby(named, key=lambda one: one.use):
        found.extend(waits_at(connection, USES.get(connection, use), list(runs), at, zone).values())
    return sorted(found, key=lambda one: one.deployment.created_at)


def still_decided(connection: Connection, deployment: Deployment, on: str, at: str, zone: tzinfo) -> None:
    """Refuse an acceptance of another decision than the one in force at the site.

    Args:
        connection: Where to read.
        deployment: What is accepted.
        on: The case of the decision that was read; `undecided` where there was none.
        at: When, ISO 8601.
        zone: Of the house's days.

    Raises:
        DecidedMeanwhile: Another one is in force.
    """
    standing = decisions_of(connection, USES.get(connection, deployment.use), zone)
    site, version = deployment.site, deployment.version
    held = (in_force_at(standing, site, stage, at, version=version) for stage in (Stage.PILOT, Stage.SILENT))
    now = next((one for one in held if one is not None), None)
    if on != (UNDECIDED if now is None else now.case):
        raise DecidedMeanwhile
