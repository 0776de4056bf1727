"""open_for: bring a use before a checkpoint by the policy that its tier, task, setting and kind ask for."""

from __future__ import annotations

from typing import Any, Final

from codman.errors import BadInput
from codman.flows import records
from codman.flows.house import House
from codman.flows.review.cases import open_case
from codman.flows.review.choosing import chosen_for
from codman.flows.review.choosing import own_packs as own_packs
from codman.registry import governance
from codman.registry.access import Reader
from codman.registry.records import BadField
from codman.registry.schema_review import cases
from codman.review.packs.choose import Chosen
from codman.review.terms import KIND_OF, TERMS, DecisionKind
from codman.spine.policy import BESIDE, Checkpoint
from codman.spine.review import GRANTED, Case, Procedure
from codman.spine.use import RUNNING, Stage, Use

# the stage that a checkpoint opens, where nobody says another
LEADS_TO = {
    Checkpoint.VALIDATION: Stage.IN_REVIEW,
    Checkpoint.SILENT: Stage.SILENT,
    Checkpoint.PILOT: Stage.PILOT,
    Checkpoint.GO_LIVE: Stage.LIVE,
    Checkpoint.MONITORING: Stage.LIVE,
    Checkpoint.CHANGE: Stage.LIVE,
    Checkpoint.PAUSE: Stage.PAUSED,
    Checkpoint.RETIRE: Stage.RETIRED,
}

_EXPOSURE: Final = (Stage.SILENT, Stage.PILOT, Stage.LIVE)  # the least first


class NothingRuns(BadInput):
    """A change, or a look at how it does, of a use that has not run."""

    def __init__(self) -> None:
        super().__init__(
            what="this use cannot be brought before this checkpoint",
            why="it has not run yet: there is nothing to change or to watch",
            fix="bring it before silent, pilot or go-live",
        )


def policy_of(house: House, reader: Reader, use: str, checkpoint: Checkpoint) -> Chosen:
    """The policy a use meets at a checkpoint today, and why that one.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NoPolicy: No pack has one for it.
    """
    found: Use = records.get(house, reader, "use", use)
    with house.database.reading() as connection:
        return chosen_for(house, connection, found, checkpoint, house.database.today())


def open_for(
    house: House, reader: Reader, use: str, checkpoint: Checkpoint, *, leads_to: Stage | None = None, **more: Any
) -> Case:
    """Bring a use before a checkpoint.

    Args:
        house: The open house.
        reader: Who submits it.
        use: Which use.
        checkpoint: Before which checkpoint; its policy is chosen by the packs.
        leads_to: The stage it asks for; the checkpoint's own without.
        more: What else `open_case` takes.

    Raises:
        BadField: A use of its tier is not decided by the procedure, or the stage is beyond what the checkpoint judges.
        NothingRuns: A change, or a look at how it does, of a use that has not run.
        As `policy_of` and `open_case`.
    """
    found: Use = records.get(house, reader, "use", use)
    _suits(found, more.get("procedure", Procedure.FULL))
    chosen = policy_of(house, reader, use, checkpoint)
    asked = _may_ask(house, found, checkpoint, leads_to)
    return open_case(house, reader, chosen.policy, use=use, leads_to=asked, **more)


def _may_ask(house: House, use: Use, checkpoint: Checkpoint, leads_to: Stage | None) -> Stage:
    """The stage a case may ask for: none beyond what its checkpoint's policy was written to judge."""
    most = LEADS_TO[checkpoint]
    if checkpoint in BESIDE:
        most = _reached(house, use)
    asked = leads_to or most
    within = asked is most or (most in _EXPOSURE and asked in _EXPOSURE[: _EXPOSURE.index(most)])
    if not within:
        why = f"at the {checkpoint.value} checkpoint it can ask for {most.value}: what goes further has its own"
        raise BadField("case", "leads_to", why)
    return asked


def _reached(house: House, use: Use) -> Stage:
    """The most exposed stage a use has reached: a change or a look at how it does takes it no further."""
    if use.stage in RUNNING:
        return use.stage
    with house.database.reading() as connection:
        granted: list[Case] = governance.every(
            connection, "case", cases.c.use == use.id, cases.c.outcome.in_([one.value for one in GRANTED])
        )
    had = [case.leads_to for case in granted if case.leads_to in _EXPOSURE]
    if had:
        return max(had, key=_EXPOSURE.index)
    if use.stage is Stage.PAUSED:  # it ran before anybody asked
        return Stage.LIVE
    raise NothingRuns


def _suits(use: Use, procedure: Procedure) -> None:
    """Refuse a procedure that could never decide such a use, before anybody spends time on the case."""
    tier, kind = use.tier, KIND_OF[procedure]
    if kind is not DecisionKind.ORDINARY and tier not in TERMS[kind].tiers:
        said = "without a tier" if tier is None else f"of {tier.value} risk"
        raise BadField(
            "case", "procedure", f"a use {said} is not decided by {procedure.value} procedure", fix="open a full case"
        )
