"""A change of a use about which nothing is decided yet: it reopens nothing, and here is what counts instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from codman.errors import BadInput
from codman.flows import records
from codman.flows.change_control import shift_asked
from codman.flows.house import House
from codman.flows.review.evidence import exhibits_of, judged
from codman.flows.review.exclusions import excluded_in, standing_of
from codman.flows.review.grounds import decisions_in_force
from codman.flows.review.opening import policy_of
from codman.flows.review.setting import setting_of
from codman.registry.access import Reader
from codman.registry.nouns import PRODUCTS
from codman.registry.related import deployments_of
from codman.review.changes import Decided, Settled, ground_of, touched
from codman.spine.policy import Checkpoint
from codman.spine.reopening import Changed
from codman.spine.site import Mode
from codman.spine.use import Stage, Use
from codman.spine.verdict import Outcome

# what a use that nothing was decided about stands before
NEXT: Final[Mapping[Stage, Checkpoint]] = {
    Stage.PROPOSED: Checkpoint.VALIDATION,
    Stage.TRIAGED: Checkpoint.VALIDATION,
    Stage.IN_REVIEW: Checkpoint.VALIDATION,
    Stage.SILENT: Checkpoint.SILENT,
    Stage.PILOT: Checkpoint.PILOT,
    Stage.LIVE: Checkpoint.GO_LIVE,
    Stage.PAUSED: Checkpoint.GO_LIVE,
}


@dataclass(frozen=True, slots=True)
class WouldStand:
    """One requirement that evidence meets today, and whether it would after the change."""

    requirement: str
    title: str
    evidence: str | None  # digest
    stands: bool


@dataclass(frozen=True, slots=True)
class NothingDecided:
    """That nothing is decided, what will be asked, and which evidence a change would leave standing."""

    checkpoint: Checkpoint | None  # the next; none of a use that is retired
    policy: str  # by which it is judged there; empty where no pack has one
    asks: tuple[str, ...] = ()  # what the checkpoint asks for and nothing meets yet, as the policy calls it
    met: tuple[WouldStand, ...] = ()


def nothing_decided(
    house: House, reader: Reader, use: str, changed: Changed | None = None, to: str | None = None
) -> NothingDecided | None:
    """What stands instead of a decision; None where one is in force.

    Args:
        house: The open house.
        reader: Who asks.
        use: Which use.
        changed: What would change; nothing without.
        to: What it would become.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        BadField: The change cannot be asked about, or `to` is missing or unknown.
    """
    found: Use = records.get(house, reader, "use", use)
    now = house.database.clock()
    with house.database.reading() as connection:
        if decisions_in_force(connection, use, house.database.today().isoformat()):
            return None
        shift = None if changed is None else shift_asked(connection, reader, found, changed, to)
    checkpoint = NEXT.get(found.stage)
    if checkpoint is None:
        return NothingDecided(None, "")
    try:
        policy = policy_of(house, reader, use, checkpoint).policy
    except BadInput:  # no pack has one for it, or two have: which is for a case to say
        return NothingDecided(checkpoint, "")
    with house.database.reading() as connection:
        product = PRODUCTS.get(connection, found.product)
        exhibits = exhibits_of(house, connection, found)
        runs = [one for one in deployments_of(connection, use) if one.mode is not Mode.ENDED]
        setting = setting_of(connection, found)
        excluded = excluded_in(connection, policy, standing_of(connection, [use]).get(use, []))
    verdict = judged(exhibits, policy, found, product, at=now, chosen=True, setting=setting, excluded=excluded)
    by_digest = {one.digest: one for one in exhibits}
    # as if it were decided today: what each number that is met rests on
    about = Decided(
        case="", policy=policy, version=verdict.version, sites=frozenset(one.site for one in runs), builds={}
    )
    asked = {one.id: one for one in policy.requires}
    met = []
    for result in verdict.results:
        if result.outcome is not Outcome.MET:
            continue
        shown = by_digest.get(result.finding.evidence or "")
        ground = ground_of(about, Settled(requirement=asked[result.id], evidence=shown))
        gone = shift is not None and bool(touched([ground], shift))
        met.append(WouldStand(result.id, result.title, result.finding.evidence, not gone))
    open_ones = tuple(r.title for r in verdict.results if r.outcome not in (Outcome.MET, Outcome.NOT_APPLICABLE))
    return NothingDecided(checkpoint, f"{policy.policy}, edition {policy.edition}", open_ones, tuple(met))
