"""Journey: how closely a use is looked at. Rules give a tier with reasons; people may set another, down only as two."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.flows import records
from codman.flows.house import House
from codman.flows.review.staging import standing_of_use
from codman.flows.triage_record import (
    history_of,
    overrides,
    pending_in,
    rank,
    reasons_of,
    says_the_same,
    settled_of,
    standing_in,
    unknown_of,
)
from codman.registry import governance
from codman.registry.access import Reader, may, paths_for, require
from codman.registry.database import Change
from codman.registry.governance import DETERMINATIONS, TRIAGES
from codman.registry.interests import hand_in
from codman.registry.inventory import paths_of
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.records import Stale
from codman.registry.related import deployments_of
from codman.registry.schema_review import triages
from codman.review.stages import check_move
from codman.review.triage.override import OverrideRefused, override, tier_of
from codman.review.triage.rules import current_rules
from codman.review.triage.tier import Triage, triage
from codman.spine.determination import Determination
from codman.spine.intake import TriageFields, TriageRecord, TriageState
from codman.spine.use import Impact, Stage, Tier, Use

_CAME_WITH: Final = "The tier it had in the book before it was triaged."
_SOMEBODY: Final = "somebody-else"  # stands for the second person while nobody is named yet


class NothingAsked(CodmanError):
    """An answer to a request for a lower tier that is no longer there."""

    exit_code = 2

    def __init__(self, state: TriageState) -> None:
        super().__init__(
            what="nobody asks for this tier any more",
            why=f"it is {state.value}",
            fix="look at the use's triage as it is now",
        )


class NotTriaged(CodmanError):
    """A step on the tier of a use that was never triaged."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            what="this use has no triage yet",
            why="the rules were never held against what the book says of it",
            fix="triage it first",
        )


def triage_again(
    house: House, reader: Reader, use: str, *, why: str | None = None, request: str | None = None
) -> TriageRecord:
    """Hold the rules against what the book says of a use now.

    A tier that rises holds at once. One that would fall waits for a second person, as if somebody had asked for it:
    else whoever changes the answers would lower it alone.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may not triage it.
    """
    records.get(house, reader, "use", use)
    rules = current_rules()
    with house.database.changing(reader.author(request), why) as change:
        found = USES.get(change.connection, use)
        places = paths_of(change.connection, found)
        require(reader, "use.triage", places)
        fresh = triage(rules, settled_of(change.connection, rules, found))
        return triage_within(change, found, fresh, reader=reader, why=why)


def triage_what_rose(house: House) -> list[str]:
    """Triage again, by the house itself, each use whose answers or rules have come to say more since.

    What would fall stays: lowering takes two people.

    Returns:
        The uses whose record changed.
    """
    rules, changed = current_rules(), []
    with house.database.reading() as connection:
        query = select(triages.c.use).where(triages.c.state == TriageState.STANDING.value).order_by(triages.c.use)
        triaged = list(connection.execute(query).scalars())
    for name in triaged:
        with house.database.reading() as connection:
            use = USES.get(connection, name)
            standing = standing_in(history_of(connection, name))
            same = standing is not None and says_the_same(standing, triage(rules, settled_of(connection, rules, use)))
        if same:
            continue
        with house.database.changing(SYSTEM, "the answers or the rules have changed") as change:
            use = USES.get(change.connection, name)
            before = standing_in(history_of(change.connection, name))
            fresh = triage(rules, settled_of(change.connection, rules, use))
            if triage_within(change, use, fresh, reader=None) != before:
                changed.append(name)
    return changed


def triage_within(
    change: Change, use: Use, fresh: Triage, *, reader: Reader | None, why: str | None = None
) -> TriageRecord:
    """Write what the rules give a use, inside a change that is already open.

    Args:
        change: The transaction.
        use: The use as it is now.
        fresh: What the rules give.
        reader: Who triages; none is the house itself, which lowers nothing.
        why: The reason they give.

    Returns:
        The record that holds, or the one that waits for a second person.
    """
    history = history_of(change.connection, use.id)
    standing, pending = standing_in(history), pending_in(history)
    tier = tier_of(fresh, overrides(history))
    if standing is None and use.tier is not None and rank(tier) < rank(use.tier):
        # somebody gave it that tier before anybody triaged it: it stands until two people lower it
        standing = TRIAGES.add(change, _record(use, fresh, use.tier, why=_CAME_WITH))
        _follow(change, use, fresh, use.tier, reader)
    if standing is not None and rank(tier) < rank(standing.tier):
        if pending is not None and pending.asked is tier and says_the_same(pending, fresh):
            return pending
        if reader is None:
            return standing
        _supersede(change, [pending])
        said = why or "The answers or the rules have changed, and the rules give less now."
        asked = _record(
            use, fresh, standing.tier, asked=tier, state=TriageState.ASKED, asked_by=reader.person, why=said
        )
        return TRIAGES.add(change, asked)
    if standing is not None and tier is standing.tier and says_the_same(standing, fresh):
        made = standing
    else:
        _supersede(change, [standing, pending])
        made = TRIAGES.add(change, _record(use, fresh, tier))
    _follow(change, use, fresh, made.tier, reader)
    return made


def set_tier(
    house: House, reader: Reader, use: str, to: Tier, *, why: str | None = None, request: str | None = None
) -> TriageRecord:
    """Set another tier than the one that holds: up at once, down once a second person agrees.

    Args:
        house: The open house.
        reader: Who sets it.
        use: Which use.
        to: The tier.
        why: Needed to go down; kept either way.
        request: The request it came with, for the log.

    Returns:
        The record that holds now, or the one that waits for the second person.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may not, for this use.
        NotTriaged: The rules were never held against it.
        OverrideRefused: It is that tier already, or goes down without what that needs.
    """
    records.get(house, reader, "use", use)
    rules = current_rules()
    with house.database.changing(reader.author(request), why) as change:
        connection = change.connection
        found = USES.get(connection, use)
        require(reader, "triage.change", paths_of(connection, found))
        history = history_of(connection, use)
        standing, pending = standing_in(history), pending_in(history)
        if standing is None:
            raise NotTriaged
        fresh = triage(rules, settled_of(connection, rules, found))
        earlier = overrides(history)
        made = override(
            fresh,
            to,
            by=reader.person,
            at=change.at,
            reason=why,
            second=_SOMEBODY,
            involved=_involved(connection, found),
            earlier=earlier,
            stands=standing.tier,
        )
        _supersede(change, [pending])
        if made.lowers:
            asked = _record(
                found,
                fresh,
                made.held,
                held=made.held,
                asked=to,
                state=TriageState.ASKED,
                asked_by=reader.person,
                why=why,
            )
            return TRIAGES.add(change, asked)
        _supersede(change, [standing])
        tier = tier_of(fresh, [*earlier, made])
        record = _record(found, fresh, tier, held=made.held, asked=to, asked_by=reader.person, why=why)
        _follow(change, found, fresh, tier, None)
        return TRIAGES.add(change, record)


def agree(house: House, reader: Reader, name: str, revision: int, *, request: str | None = None) -> TriageRecord:
    """Agree, as the second person, to a lower tier that somebody asked for.

    Args:
        house: The open house.
        reader: Who agrees: not who asked, and without a hand in the use.
        name: The record that waits.
        revision: The revision they saw.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such record within their reach.
        NotAllowed: They may not, for this use.
        NothingAsked: It was answered already, or something else holds since.
        OverrideRefused: They asked for it themselves, have a hand in the use, or the rules say more by now.
        Stale: It was changed since they looked.
    """
    rules = current_rules()
    with house.database.changing(reader.author(request)) as change:
        connection = change.connection
        asked, use = _asked(connection, reader, name, revision)
        history = history_of(connection, use.id)
        standing = standing_in(history)
        fresh = triage(rules, settled_of(connection, rules, use))
        if fresh.binding is not asked.computed or standing is None or asked.asked is None or asked.asked_by is None:
            raise OverrideRefused(
                "the rules say something else than when it was asked for", "triage it, then ask again"
            )
        involved = _involved(connection, use)
        if asked.held is None:  # the rules themselves give less: no reason is needed, a second person is
            if reader.person == asked.asked_by:
                raise OverrideRefused("a lower tier needs a second person", "have somebody else agree")
            if reader.person in involved:
                raise OverrideRefused(f"you {involved[reader.person]}", "have somebody without a hand in it agree")
        else:
            override(
                fresh,
                asked.asked,
                by=asked.asked_by,
                at=change.at,
                reason=asked.why,
                second=reader.person,
                involved=involved,
                earlier=overrides(history),
                stands=standing.tier,
            )
        _supersede(change, [standing])
        agreed = {"state": TriageState.STANDING.value, "tier": asked.asked.value, "agreed_by": reader.person}
        made = TRIAGES.change(change, name, agreed, revision)
        _follow(change, use, fresh, made.tier, None)
        return made


def refuse(
    house: House, reader: Reader, name: str, revision: int, why: str, *, request: str | None = None
) -> TriageRecord:
    """Say no to a lower tier; who asked for it takes it back this way.

    Raises:
        As `agree`.
    """
    with house.database.changing(reader.author(request), why) as change:
        _asked(change.connection, reader, name, revision)
        return TRIAGES.change(change, name, {"state": TriageState.REFUSED.value, "refused": why}, revision)


def determine(
    house: House, reader: Reader, use: str, fields: Mapping[str, Any], *, request: str | None = None
) -> Determination:
    """Record who determined whether a use is research or quality improvement; the last one counts.

    Args:
        house: The open house.
        reader: Who records it.
        use: Which use.
        fields: outcome, determined_by, determined_on, covers, and what else the outcome needs.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may not, for this use.
        BadField: A field cannot be kept, or lies ahead.
    """
    records.get(house, reader, "use", use)
    with house.database.changing(reader.author(request)) as change:
        found = USES.get(change.connection, use)
        require(reader, "use.triage", paths_of(change.connection, found))
        made = DETERMINATIONS.validated({**fields, "use": use, "recorded_by": reader.person})
        return DETERMINATIONS.add(change, made)


def _asked(connection: Connection, reader: Reader, name: str, revision: int) -> tuple[TriageRecord, Use]:
    asked: TriageRecord = governance.get(connection, "triage", name, paths_for(reader, "review.read"))
    use = USES.get(connection, asked.use)
    action = "triage.change" if reader.person == asked.asked_by else "triage.agree"
    require(reader, action, paths_of(connection, use))
    if asked.state is not TriageState.ASKED:
        raise NothingAsked(asked.state)
    if asked.revision != revision:
        raise Stale("triage", name, revision, asked.revision)
    return asked, use


def _involved(connection: Connection, use: Use) -> dict[str, str]:
    return hand_in(connection, use, PRODUCTS.get(connection, use.product))


def _record(use: Use, fresh: Triage, tier: Tier, **more: Any) -> TriageFields:
    return TriageFields(
        use=use.id,
        edition=fresh.edition,
        computed=fresh.binding,
        tier=tier,
        reasons=reasons_of(fresh),
        unknown=unknown_of(fresh),
        classes=fresh.settled_classes,
        **more,
    )


def _supersede(change: Change, old: Collection[TriageRecord | None]) -> None:
    patch = {"state": TriageState.SUPERSEDED.value}
    TRIAGES.change_many(change, [(one, patch) for one in old if one is not None])


def _follow(change: Change, use: Use, fresh: Triage, tier: Tier, reader: Reader | None) -> None:
    """Have the use say its tier; a proposed one is triaged by it, where its reader may take it there."""
    patch: dict[str, Any] = {"tier": tier.value}
    if fresh.impact is not None and (
        use.impact is None or (fresh.impact, use.impact) == (Impact.HIGH, Impact.NOT_HIGH)
    ):
        patch["impact"] = fresh.impact.value
    if use.stage is Stage.PROPOSED and reader is not None:
        runs = deployments_of(change.connection, use.id)
        standing = replace(standing_of_use(change.connection, use, list(runs), change.zone), tier=tier)
        allowed = check_move(standing, Stage.TRIAGED, change.at)
        places = paths_of(change.connection, use)
        if allowed.allowed and allowed.transition is not None and may(reader, allowed.transition.action, places):
            patch |= {"stage": Stage.TRIAGED.value, "stage_since": change.today}
    USES.change(change, use.id, patch, None)
