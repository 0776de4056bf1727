"""Who has a hand in a use, and so may not decide about it: who built it, sent its evidence, answers for it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, select

from codman.registry.schema import log_entries, people, statements, versions
from codman.spine.product import Product, ProductKind
from codman.spine.review import Case
from codman.spine.use import Use

_OWN: Final = frozenset({ProductKind.BUILT, ProductKind.OPEN})  # whose versions are made here, not bought


def interested(connection: Connection, case: Case, use: Use, product: Product) -> dict[str, str]:
    """People who decide nothing in a case, each with why, as `you …` continues."""
    found = {case.proposed_by: "submitted this case"}
    if use.owner is not None:
        found.setdefault(use.owner, "answer for this use")
    sent = select(statements.c.filed_by).join(people, people.c.id == statements.c.filed_by)
    of_use = sent.where(statements.c.use_id == use.id, statements.c.kind != "decision").distinct()
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
