"""Who has a hand in a use, and so may not decide about it: who built it, sent its evidence, answers for it, or did.

Some of it only the log still knows: who answered for a use before, what a product was called before it was renamed
bought. It is asked by index, a handful of questions for a use, since a page and a vote wait for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from codman.registry.schema import documents, keys, log_entries, log_texts, people, statements, versions
from codman.registry.schema_review import cases, intakes, policies
from codman.spine.intake import IntakeState
from codman.spine.product import Product, ProductKind
from codman.spine.review import Case
from codman.spine.statement import Kind
from codman.spine.use import Use

_NO_WORK: Final = (Kind.DECISION.value, Kind.CONCERN.value)  # whoever votes or warns has no hand in it by that
_OWN: Final = frozenset({ProductKind.BUILT, ProductKind.OPEN})  # whose versions are made here, not bought
_SIGNED: Final = ("evidence.sign", "person.sign")  # a signature added later; one made through the notary
_NAMED: Final = ("person.create", "person.change")
_FILED: Final = ("document.create", "document.change")
_DOCUMENT: Final = "document"  # the key of a requirement that asks for one


def interested(connection: Connection, case: Case, use: Use, product: Product) -> dict[str, str]:
    """People who decide nothing in a case, each with why, as `you …` continues."""
    return hand_in(connection, use, product) | {case.proposed_by: "submitted this case"}


def hand_in(connection: Connection, use: Use, product: Product) -> dict[str, str]:
    """People who have a hand in a use, each with why, as `you …` continues."""
    found: dict[str, str] = {}
    if use.owner is not None:
        found[use.owner] = "answer for this use"
    for person, why in _others(connection, use, product):
        found.setdefault(person, why)
    return found


def _others(connection: Connection, use: Use, product: Product) -> Iterator[tuple[str, str]]:
    for person in _owners_before(connection, use):
        yield person, "answered for this use before"
    proposed = select(intakes.c.owner).where(intakes.c.use == use.id, intakes.c.state == IntakeState.SUBMITTED.value)
    for person in connection.execute(proposed).scalars():
        yield person, "proposed it"
    of_it = statements.c.use_id == use.id
    of_all = and_(statements.c.use_id.is_(None), statements.c.product_id == use.product)
    for about, what in ((of_it, "its evidence"), (of_all, "evidence about its product")):
        for person in _senders(connection, about):
            yield person, f"sent {what}"
        for person in _signers(connection, about):
            yield person, f"signed {what}"
    for person in _filers(connection, use, product):
        yield person, "filed a document that is asked for"
    if product.kind in _OWN or _was_own(connection, product):
        for person in _builders(connection, product):
            yield person, "built it"


def _owners_before(connection: Connection, use: Use) -> Iterator[str]:
    for said in _said_of(connection, "use", use.id, "owner"):
        if isinstance(said, str):
            yield said


def _was_own(connection: Connection, product: Product) -> bool:
    """Whether a product was ever one that is built here: what it is called later makes nobody impartial."""
    return any(said in _OWN for said in _said_of(connection, "product", product.id, "kind"))


def _said_of(connection: Connection, kind: str, name: str, field: str) -> Iterator[Any]:
    """Every value that a field of a record had, as the log tells."""
    wanted = log_entries.c.about == name, log_entries.c.about_kind == kind
    for raw in connection.execute(select(log_entries.c.entry).where(*wanted)).scalars():
        if f'"{field}"'.encode() not in bytes(raw):
            continue
        entry = json.loads(bytes(raw))
        for part in ("before", "after"):
            yield (entry[part] or {}).get(field)


def _senders(connection: Connection, about: ColumnElement[bool]) -> Iterable[str]:
    sent = select(statements.c.filed_by).join(people, people.c.id == statements.c.filed_by)
    return connection.execute(sent.where(about, statements.c.kind.not_in(_NO_WORK)).distinct()).scalars()


def _signers(connection: Connection, about: ColumnElement[bool]) -> Iterator[str]:
    """Who signed statements in person, and whose the keys are that signed them: by id, or a name or address of theirs.

    A key's owner is written once. Who is called otherwise since, or has another address, held it all the same.
    """
    theirs = and_(about, statements.c.kind.not_in(_NO_WORK))
    by_hand = (
        select(log_entries.c.actor)
        .join(statements, statements.c.digest == log_entries.c.about)
        .join(people, people.c.id == log_entries.c.actor)
        .where(theirs, log_entries.c.about_kind == "statement", log_entries.c.action.in_(_SIGNED))
    )
    yield from connection.execute(by_hand.distinct()).scalars()
    held = select(keys.c.owner).where(keys.c.keyid.in_(select(statements.c.keyid).where(theirs).distinct()))
    owners = set(connection.execute(held).scalars())
    if not owners:
        return
    lower = sorted(one.strip().lower() for one in owners)
    named = select(people.c.id).where(
        or_(
            people.c.id.in_(sorted(owners)),
            func.lower(people.c.email).in_(lower),
            func.lower(people.c.name).in_(lower),
        )
    )
    yield from connection.execute(named).scalars()
    once = (
        select(log_entries.c.about)
        .join(log_texts, log_texts.c.number == log_entries.c.number)
        .join(people, people.c.id == log_entries.c.about)
        .where(
            log_entries.c.action.in_(_NAMED),
            log_texts.c.field.in_(("after.email", "after.name")),
            func.lower(log_texts.c.text).in_(lower),
        )
    )
    yield from connection.execute(once.distinct()).scalars()


def _filers(connection: Connection, use: Use, product: Product) -> Iterable[str]:
    """Who filed documents of the sorts that the policies of this use's cases ask for."""
    held = select(policies.c.body).where(
        policies.c.digest.in_(select(cases.c.policy_digest).where(cases.c.use == use.id).distinct())
    )
    sorts = {sort for body in connection.execute(held).scalars() for sort in _documents_asked(body)}
    if not sorts:
        return []
    about = or_(
        documents.c.about.in_((use.id, product.id)),
        documents.c.about.in_(select(versions.c.id).where(versions.c.product == product.id)),
    )
    filed = (
        select(log_entries.c.actor)
        .join(documents, documents.c.id == log_entries.c.about)
        .join(people, people.c.id == log_entries.c.actor)
        .where(about, documents.c.type.in_(sorted(sorts)), log_entries.c.action.in_(_FILED))
    )
    return connection.execute(filed.distinct()).scalars()


def filers_of(connection: Connection, digest: str) -> frozenset[str]:
    """Who sent a file, alone or after others: who created or changed a record that ever named these bytes, as told.

    What is asked for may be made of what another filed, by a new type or title, so a change counts as a filing.
    """
    entries = select(log_entries.c.about, log_entries.c.actor, log_entries.c.entry)
    told = connection.execute(entries.where(log_entries.c.action.in_(_FILED))).all()
    named = {row.about for row in told if digest.encode() in bytes(row.entry)}
    sent = connection.execute(select(statements.c.filed_by).where(statements.c.digest == digest)).scalars()
    return frozenset({row.actor for row in told if row.about in named} | {one for one in sent if one is not None})


@lru_cache(maxsize=512)
def _documents_asked(body: str) -> frozenset[str]:
    """The sorts of documents that a kept policy asks for."""
    return frozenset(one[_DOCUMENT] for one in json.loads(body)["requires"] if isinstance(one.get(_DOCUMENT), str))


def _builders(connection: Connection, product: Product) -> Iterable[str]:
    made = (
        select(log_entries.c.actor)
        .join(versions, versions.c.id == log_entries.c.about)
        .join(people, people.c.id == log_entries.c.actor)
        .where(log_entries.c.action == "version.create", versions.c.product == product.id)
    )
    return connection.execute(made.distinct()).scalars()
