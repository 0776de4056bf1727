"""Who has a hand in a use, and so may not decide about it: who built it, sent its evidence, answers for it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from codman.registry.schema import log_entries, people, statements, versions
from codman.registry.schema_review import intakes
from codman.spine.intake import IntakeState
from codman.spine.product import Product, ProductKind
from codman.spine.review import Case
from codman.spine.statement import Kind
from codman.spine.use import Use

_NO_WORK: Final = (Kind.DECISION.value, Kind.CONCERN.value)  # whoever votes or warns has no hand in it by that
_OWN: Final = frozenset({ProductKind.BUILT, ProductKind.OPEN})  # whose versions are made here, not bought


def interested(connection: Connection, case: Case, use: Use, product: Product) -> dict[str, str]:
    """People who decide nothing in a case, each with why, as `you …` continues."""
    return hand_in(connection, use, product) | {case.proposed_by: "submitted this case"}


def hand_in(connection: Connection, use: Use, product: Product) -> dict[str, str]:
    """People who have a hand in a use, each with why, as `you …` continues."""
    found: dict[str, str] = {}
    if use.owner is not None:
        found.setdefault(use.owner, "answer for this use")
    proposed = select(intakes.c.owner).where(intakes.c.use == use.id, intakes.c.state == IntakeState.SUBMITTED.value)
    for person in connection.execute(proposed).scalars():
        found.setdefault(person, "proposed it")
    sent = select(statements.c.filed_by).join(people, people.c.id == statements.c.filed_by)
    of_use = sent.where(statements.c.use_id == use.id, statements.c.kind.not_in(_NO_WORK)).distinct()
    for person in connection.execute(of_use).scalars():
        found.setdefault(person, "sent its evidence")
    if product.kind in _OWN:
        made = (
            select(log_entries.c.actor)
            .join(versions, versions.c.id == log_entries.c.about)
            .where(log_entries.c.action == "version.create", versions.c.product == product.id)
            .distinct()
        )
        for person in connection.execute(made).scalars():
            found.setdefault(person, "built it")
    return found
