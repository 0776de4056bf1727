"""What the book holds of a use's tier: the records of it, what people set, and what the rules would give today."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from codman.flows import records
from codman.flows.house import House
from codman.registry import governance
from codman.registry.access import Reader, require
from codman.registry.interests import hand_in
from codman.registry.nouns import PRODUCTS, USES, VENDORS
from codman.registry.related import answers_about
from codman.registry.schema_review import determinations, triages
from codman.review.intake.condition import Settled
from codman.review.intake.fields import answers_of
from codman.review.intake.form import fill
from codman.review.triage.determination import needed
from codman.review.triage.override import Override, tier_of
from codman.review.triage.rules import Rules, current_rules
from codman.review.triage.tier import ORDER, Triage, triage
from codman.spine.determination import Determination
from codman.spine.intake import TriageRecord, TriageState
from codman.spine.use import Tier, Use

UNKEPT: Final = "intake/"  # a fact under it, and a question's name: an answer that its home could not take
_MOST: Final = 100  # reasons and questions that a record holds


@dataclass(frozen=True, slots=True)
class Triaged:
    """What is known of a use's tier."""

    use: Use
    standing: TriageRecord | None  # the record that holds
    pending: TriageRecord | None  # a lower tier that waits for the second person
    fresh: Triage  # what the rules give today
    would_be: Tier  # the tier that would hold if it were triaged again today
    history: Sequence[TriageRecord]  # the newest first
    determination: Determination | None  # the last one
    determination_needed: bool | None  # None until the answers say
    asks: Mapping[str, str]  # the words of each question
    hand_in: Mapping[str, str]  # who may lower nothing, and why

    @property
    def changed(self) -> bool:
        """Whether answers or rules have changed since it was triaged."""
        return self.standing is not None and not says_the_same(self.standing, self.fresh)


def look(house: House, reader: Reader, use: str) -> Triaged:
    """What is known of a use's tier, and what the rules would give today.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may read no reviews.
    """
    require(reader, "review.read")
    found: Use = records.get(house, reader, "use", use)
    with house.database.reading() as connection:
        history = history_of(connection, use)
        rules = current_rules()
        fresh = triage(rules, settled_of(connection, rules, found))
        made: list[Determination] = governance.every(connection, "determination", determinations.c.use == use)
        return Triaged(
            use=found,
            standing=standing_in(history),
            pending=pending_in(history),
            fresh=fresh,
            would_be=tier_of(fresh, overrides(history)),
            history=history[::-1],
            determination=max(made, key=lambda one: (one.determined_on, one.created_at), default=None),
            determination_needed=needed(fresh),
            asks={question.id: question.ask for question in rules.form.questions},
            hand_in=hand_in(connection, found, PRODUCTS.get(connection, found.product)),
        )


def settled_of(connection: Connection, rules: Rules, use: Use) -> Settled:
    """What the book answers of the questions that the rules read."""
    product = PRODUCTS.get(connection, use.product)
    vendor = VENDORS.get(connection, product.vendor) if product.vendor is not None else None
    facts: dict[str, str] = {}
    for about in (product.id, use.id):
        said = sorted(answers_about(connection, about), key=lambda one: (one.updated_at, one.id))
        facts |= {fact.field: fact.value for fact in said}
    book = answers_of(
        rules.form,
        use=USES.plain(use),
        product=PRODUCTS.plain(product),
        vendor=VENDORS.plain(vendor) if vendor is not None else None,
        facts=facts,
    )
    spare = {
        q.id: facts[UNKEPT + q.id] for q in rules.form.questions if q.home != UNKEPT + q.id and UNKEPT + q.id in facts
    }
    return fill(rules.form, {**spare, **book.typed}).settled


def overrides(history: Collection[TriageRecord]) -> list[Override]:
    """What people set, as records tell it: each raise, and each lower tier that a second person agreed to."""
    return [
        Override(
            rules_gave=one.computed,
            held=one.held,
            to=one.asked,
            reason=one.why,
            by=one.asked_by,
            second=one.agreed_by,
            at=one.created_at,
            rules=one.edition,
        )
        for one in history
        if one.held is not None
        and one.asked is not None
        and one.asked_by is not None
        and (one.agreed_by is not None or rank(one.asked) > rank(one.held))
    ]


def history_of(connection: Connection, use: str) -> list[TriageRecord]:
    """Every record of a use's tier, the oldest first."""
    return governance.every(connection, "triage", triages.c.use == use)


def standing_in(history: Collection[TriageRecord]) -> TriageRecord | None:
    """The record that holds."""
    return next((one for one in history if one.state is TriageState.STANDING), None)


def pending_in(history: Collection[TriageRecord]) -> TriageRecord | None:
    """The record that waits for a second person."""
    return next((one for one in history if one.state is TriageState.ASKED), None)


def reasons_of(fresh: Triage) -> list[dict[str, Any]]:
    """The reasons of a triage as a record keeps them."""
    return [
        {
            "rule": one.rule,
            "why": one.why,
            "cited": one.cited,
            "pushes_to": one.pushes_to.value,
            "because_of": list(one.because_of),
            "forbids": one in fresh.forbidden,
        }
        for one in fresh.reasons[:_MOST]
    ]


def unknown_of(fresh: Triage) -> list[str]:
    """The questions whose answers could still raise it, as a record keeps them."""
    return [one.question for one in fresh.unknown[:_MOST]]


def says_the_same(record: TriageRecord, fresh: Triage) -> bool:
    """Whether the rules give today what a record says."""
    return (record.edition, record.computed, record.reasons, record.unknown, record.classes) == (
        fresh.edition,
        fresh.binding,
        reasons_of(fresh),
        unknown_of(fresh),
        fresh.settled_classes,
    )


def rank(tier: Tier) -> int:
    """How high a tier is."""
    return ORDER.index(tier)
