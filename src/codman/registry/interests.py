"""Who has a hand in a use, and so may not decide about it: who built it, sent its evidence, answers for it, or did.

Some of it only the log still knows: who answered for a use before, what a product was called before it was renamed
bought. It is asked by index, a handful of questions for a use, since a page and a vote wait for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, func, or_, select

from codman.registry.schema import documents, keys, log_entries, log_texts, people, statements, versions
from codman.registry.schema_review import cases, expected_reports, intakes, links, policies
from codman.spine.intake import IntakeState
from codman.spine.product import Product, ProductKind
from codman.spine.review import Case
from codman.spine.statement import Kind
from codman.spine.use import Use

EVENTS_SENT: Final = "event.count"  # that somebody's events became evidence of a use; in the log, once for each
_NO_WORK: Final = (Kind.DECISION.value, Kind.CONCERN.value)  # whoever votes or warns has no hand in it by that
_OWN: Final = frozenset({ProductKind.BUILT, ProductKind.OPEN})  # whose versions are made here, not bought
_SIGNED: Final = ("evidence.sign", "person.sign")  # a signature added later; one made through the notary
_NAMED: Final = ("person.create", "person.change")
_FILED: Final = ("document.create", "document.change")
_DOCUMENT: Final = "document"  # the key of a requirement that asks for one

# What is asked of every use, made once: made anew for each page and vote, they cost as much as they take to answer
_of_use = statements.c.use_id == bindparam("use")
_of_all = and_(statements.c.use_id.is_(None), statements.c.product_id == bindparam("product"))
_theirs = and_(or_(_of_use, _of_all), statements.c.kind.not_in(_NO_WORK))
_is_of_use: ColumnElement[bool] = statements.c.use_id.is_not(None)
_TOLD: Final = select(log_entries.c.entry).where(
    log_entries.c.about == bindparam("name"), log_entries.c.about_kind == bindparam("kind")
)
_PROPOSED: Final = select(intakes.c.owner).where(
    intakes.c.use == bindparam("use"), intakes.c.state == IntakeState.SUBMITTED.value
)
_SENT: Final = (
    select(statements.c.filed_by, _is_of_use)
    .join(people, people.c.id == statements.c.filed_by)
    .where(_theirs)
    .distinct()
)
_BY_HAND: Final = (
    select(log_entries.c.actor, _is_of_use)
    .join(statements, statements.c.digest == log_entries.c.about)
    .join(people, people.c.id == log_entries.c.actor)
    .where(_theirs, log_entries.c.about_kind == "statement", log_entries.c.action.in_(_SIGNED))
    .distinct()
)
_COUNTED: Final = select(log_entries.c.entry).where(
    log_entries.c.about == bindparam("use"), log_entries.c.action == EVENTS_SENT
)
_HANDED_OVER: Final = (  # what came by it may be theirs: the link was shown to them, and nobody signed in to answer
    select(links.c.made_by)
    .join(expected_reports, expected_reports.c.id == links.c.about)
    .join(people, people.c.id == links.c.made_by)
    .where(links.c.purpose == "report", links.c.used_at.is_not(None), expected_reports.c.use == bindparam("use"))
    .distinct()
)
_HELD: Final = (
    select(keys.c.owner, _is_of_use).join(statements, statements.c.keyid == keys.c.keyid).where(_theirs).distinct()
)
_names: BindParameter[Any] = bindparam("names", expanding=True)
_CALLED: Final = select(people.c.id, people.c.email, people.c.name).where(
    or_(people.c.id.in_(_names), func.lower(people.c.email).in_(_names), func.lower(people.c.name).in_(_names))
)
_CALLED_BEFORE: Final = (
    select(log_entries.c.about, func.lower(log_texts.c.text))
    .join(log_texts, log_texts.c.number == log_entries.c.number)
    .join(people, people.c.id == log_entries.c.about)
    .where(
        log_entries.c.action.in_(_NAMED),
        log_texts.c.field.in_(("after.email", "after.name")),
        func.lower(log_texts.c.text).in_(_names),
    )
    .distinct()
)
_POLICIES: Final = select(policies.c.body).where(
    policies.c.digest.in_(select(cases.c.policy_digest).where(cases.c.use == bindparam("use")).distinct())
)
_FILERS: Final = (
    select(log_entries.c.actor)
    .join(documents, documents.c.id == log_entries.c.about)
    .join(people, people.c.id == log_entries.c.actor)
    .where(
        or_(
            documents.c.about.in_([bindparam("use"), bindparam("product")]),
            documents.c.about.in_(select(versions.c.id).where(versions.c.product == bindparam("product"))),
        ),
        documents.c.type.in_(bindparam("sorts", expanding=True)),
        log_entries.c.action.in_(_FILED),
    )
    .distinct()
)
_BUILT: Final = (
    select(log_entries.c.actor)
    .join(versions, versions.c.id == log_entries.c.about)
    .join(people, people.c.id == log_entries.c.actor)
    .where(log_entries.c.action == "version.create", versions.c.product == bindparam("product"))
    .distinct()
)


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
    asked = {"use": use.id, "product": product.id}
    for person in connection.execute(_PROPOSED, asked).scalars():
        yield person, "proposed it"
    sent = {(person, of_use) for person, of_use in connection.execute(_SENT, asked)}
    signed = set(_signers(connection, asked))
    for of_use, what in ((True, "its evidence"), (False, "evidence about its product")):
        yield from ((person, f"sent {what}") for person, about in sent if about is of_use)
        yield from ((person, f"signed {what}") for person, about in signed if about is of_use)
    for person in sorted(senders_of(connection, use.id)):
        yield person, "sent predictions or outcomes that its evidence is made of"
    for person in connection.execute(_HANDED_OVER, asked).scalars():
        yield person, "handed over the link that a report came by"
    for person in _filers(connection, asked):
        yield person, "filed a document that is asked for"
    if product.kind in _OWN or _was_own(connection, product):
        for person in connection.execute(_BUILT, asked).scalars():
            yield person, "built it"


def senders_of(connection: Connection, use: str) -> set[str]:
    """Who sent events of a use that the house made evidence of."""
    told = connection.execute(_COUNTED, {"use": use}).scalars()
    return {person for raw in told for person in json.loads(bytes(raw))["after"]["senders"]}


def _owners_before(connection: Connection, use: Use) -> Iterator[str]:
    for said in _said_of(connection, "use", use.id, "owner"):
        if isinstance(said, str):
            yield said


def _was_own(connection: Connection, product: Product) -> bool:
    """Whether a product was ever one that is built here: what it is called later makes nobody impartial."""
    return any(said in _OWN for said in _said_of(connection, "product", product.id, "kind"))


def _said_of(connection: Connection, kind: str, name: str, field: str) -> Iterator[Any]:
    """Every value that a field of a record had, as the log tells."""
    for raw in connection.execute(_TOLD, {"name": name, "kind": kind}).scalars():
        if f'"{field}"'.encode() not in bytes(raw):
            continue
        entry = json.loads(bytes(raw))
        for part in ("before", "after"):
            yield (entry[part] or {}).get(field)


def _signers(connection: Connection, asked: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """Who signed statements in person, and whose the keys are that signed them: by id, or a name or address of theirs.

    A key's owner is written once. Who is called otherwise since, or has another address, held it all the same.

    Yields:
        Who, and whether it was evidence of the use itself.
    """
    yield from ((person, of_use) for person, of_use in connection.execute(_BY_HAND, asked))
    held = connection.execute(_HELD, asked).all()
    if not held:
        return
    called: dict[str, set[bool]] = {}
    for owner, of_use in held:
        called.setdefault(owner, set()).add(of_use)
        called.setdefault(owner.strip().lower(), set()).add(of_use)
    theirs = {"names": sorted(called)}
    for person, *names in connection.execute(_CALLED, theirs):
        for one in {person, *(name.lower() for name in names if name)} & called.keys():
            yield from ((person, of_use) for of_use in called[one])
    for person, name in connection.execute(_CALLED_BEFORE, theirs):
        yield from ((person, of_use) for of_use in called.get(name, ()))


def _filers(connection: Connection, asked: Mapping[str, str]) -> Iterable[str]:
    """Who filed documents of the sorts that the policies of this use's cases ask for."""
    sorts = {sort for body in connection.execute(_POLICIES, asked).scalars() for sort in _documents_asked(body)}
    return connection.execute(_FILERS, {**asked, "sorts": sorted(sorts)}).scalars() if sorts else []


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
