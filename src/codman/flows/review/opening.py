"""open_for: bring a use before a checkpoint by the policy that its tier, task, setting and kind ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from codman.flows import records
from codman.flows.house import House
from codman.flows.review.cases import open_case
from codman.flows.review.deciding import KIND_OF
from codman.flows.review.evidence import exhibits_of
from codman.registry.access import Reader
from codman.registry.nouns import PRODUCTS
from codman.registry.records import BadField
from codman.registry.related import answers_about
from codman.review.packs.catalog import OWN
from codman.review.packs.choose import Chosen, policies_for
from codman.review.stages import TERMS, DecisionKind
from codman.spine.policy import Checkpoint
from codman.spine.review import Case, Procedure
from codman.spine.use import Stage, Use

PATIENT_FACING: Final = "patient-facing"  # what patients talk to is held to that, wherever they meet it
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


def own_packs(house: House) -> Path:
    """The folder of the hospital's own packs."""
    return Path(house.settings.workspace) / OWN


def policy_of(house: House, reader: Reader, use: str, checkpoint: Checkpoint) -> Chosen:
    """The policy a use meets at a checkpoint today, and why that one.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NoPolicy: No pack has one for it.
    """
    found: Use = records.get(house, reader, "use", use)
    with house.database.reading() as connection:
        product = PRODUCTS.get(connection, found.product)
        tasks = {e.task for e in exhibits_of(house, connection, found) if e.task is not None}
        said = {fact.field: fact.value for fact in answers_about(connection, use)}
    return policies_for(
        found.tier,
        next(iter(tasks)) if len(tasks) == 1 else None,
        PATIENT_FACING if said.get("intake/patient_facing") == "yes" else found.care_setting,
        product.kind,
        checkpoint,
        house.database.clock(),
        generative=product.generative,
        own=own_packs(house),
    )


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
        BadField: A use of its tier is not decided by the procedure.
        As `policy_of` and `open_case`.
    """
    _suits(records.get(house, reader, "use", use), more.get("procedure", Procedure.FULL))
    chosen = policy_of(house, reader, use, checkpoint)
    return open_case(house, reader, chosen.policy, use=use, leads_to=leads_to or LEADS_TO[checkpoint], **more)


def _suits(use: Use, procedure: Procedure) -> None:
    """Refuse a procedure that could never decide such a use, before anybody spends time on the case."""
    tier, kind = use.tier, KIND_OF[procedure]
    if kind is not DecisionKind.ORDINARY and tier not in TERMS[kind].tiers:
        said = "without a tier" if tier is None else f"of {tier.value} risk"
        raise BadField("case", "procedure", f"a use {said} is not decided by {procedure.value} procedure")
