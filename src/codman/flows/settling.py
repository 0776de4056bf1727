"""settle: a person says what a statement means: which of several of a name, or of what the book does not know.

What was signed stays as it is. What the book says of it is a person's word, with a reason, in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from codman.errors import CodmanError
from codman.flows.house import House
from codman.registry.about import Known, refuse_other_artefact, said_by, uses_meant, version_of
from codman.registry.access import NotAllowed, Reader, require
from codman.registry.database import Change
from codman.registry.filing import link
from codman.registry.interests import hand_in
from codman.registry.linking import filed_in, said_in, signers_of
from codman.registry.log import Entry
from codman.registry.namesakes import MOST, Ambiguous, ambiguous, ambiguous_named
from codman.registry.nouns import PRODUCTS, USES, VERSIONS
from codman.registry.records import BadField, NoSuchRecord
from codman.registry.related import uses_of, versions_of
from codman.registry.schema import log_entries, statements
from codman.spine.use import Use

SETTLE: Final = "evidence.settle"
OF_NONE: Final = "evidence.none"  # somebody said that a statement is about none that the book knows
_UNKNOWN: Final[ColumnElement[bool]] = or_(
    and_(statements.c.use_name.is_not(None), statements.c.use_id.is_(None)),
    and_(statements.c.version.is_not(None), statements.c.version_id.is_(None)),
)


class NotTheirsToSay(NotAllowed):
    """What evidence is about, said by somebody who filed it or has a hand in the use."""

    def __init__(self, why: str) -> None:
        CodmanError.__init__(
            self,
            what="what this evidence is about is not yours to say",
            why=why,
            fix="have somebody say it who did not file it and has no hand in the use",
        )


@dataclass(frozen=True, slots=True)
class Unknown:
    """A statement that names a use or a version which its product does not have in the book."""

    digest: str
    product: str  # id
    use: str | None  # as it names it, where the book does not know it
    version: str | None
    filed_at: str


def to_settle(house: House, reader: Reader) -> Sequence[Ambiguous]:
    """The statements that wait for a person to say what they mean, the oldest first.

    Raises:
        NotAllowed: They may not settle any.
    """
    require(reader, SETTLE)
    with house.database.reading() as connection:
        return ambiguous(connection)


def settle(
    house: House,
    reader: Reader,
    digest: str,
    product: str,
    use: str | None = None,
    *,
    why: str | None = None,
    request: str | None = None,
) -> Known:
    """Say what a statement means; its version follows from the product.

    Args:
        house: The open house.
        reader: Who says it; must hold `evidence.settle` for the whole house, and have a hand in no use it may mean.
        digest: The statement.
        product: The product's id, one of those it may mean.
        use: The use's id, where it names one.
        why: The reason they give.
        request: The request it came with, for the log.

    Raises:
        NotAllowed: They may not.
        NotTheirsToSay: They have a hand in a use that it may mean.
        NoSuchRecord: There is no such statement, or nothing about it is in doubt.
        BadField: It does not mean this product or this use, or its signers do not speak there.
        SubjectMismatch: It is about another artefact than that product's version.
    """
    require(reader, SETTLE)
    with house.database.changing(reader.author(request), why) as change:
        doubt = ambiguous_named(change.connection, digest)
        if product not in doubt.products:
            raise BadField("statement", "product", f"it may mean {', '.join(doubt.products)[:300]}")
        for may in doubt.products:
            which = [one for one in uses_of(change.connection, may) if not doubt.uses or one.id in doubt.uses]
            _no_hand(change, reader, may, which)
        row = change.connection.execute(select(statements).where(statements.c.digest == digest)).one()
        said = said_in(row)
        version, artefact = version_of(change.connection, product, said.version)
        signed = signers_of(change.connection, [digest]).get(digest, ())
        meant = uses_meant(change.connection, product, said, ("/",), signed)
        if use is not None and use not in meant:
            raise BadField("statement", "use", f"it may mean {', '.join(meant)[:300] or 'none of this product'}")
        chosen = use or (meant[0] if len(meant) == 1 else None)
        known = Known(product, version, chosen, artefact)
        refuse_other_artefact(said, known)
        if not link(change, filed_in(row), known):
            raise BadField("statement", "use", "say which of them it means; its signers may speak of none of them")
        return known


def names_unknown(connection: Connection, digest: str | None = None) -> Sequence[Unknown]:
    """The statements that wait for a person to say what they are about, the oldest first, or one of them.

    Each names a use or a version that its product does not have in the book. It counts for none until the book has one
    of that name, or somebody says which it is about. What was said to be about none is left out.

    Args:
        connection: Where to read.
        digest: Only this one, whatever was said of it.
    """
    none = select(log_entries.c.about).where(log_entries.c.action == OF_NONE)
    query = select(statements).where(statements.c.product_id.is_not(None), _UNKNOWN)
    query = query.where(statements.c.digest.not_in(none) if digest is None else statements.c.digest == digest)
    doubts = {one.digest for one in ambiguous(connection, digest)}
    rows = connection.execute(query.order_by(statements.c.log_index).limit(MOST)).all()
    return [_unknown(row) for row in rows if row.digest not in doubts]


def put_aside(connection: Connection, digest: str) -> str | None:
    """When somebody said that a statement is about none that the book has; None where nobody did."""
    said = select(func.max(log_entries.c.at)).where(log_entries.c.about == digest, log_entries.c.action == OF_NONE)
    return connection.execute(said).scalar_one_or_none()


def may_be_about(connection: Connection, one: Unknown) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The uses and the versions of its product, by id, that somebody may say such a statement is about."""
    found = {each.id: each.name for each in uses_of(connection, one.product)} if one.use is not None else {}
    labels = {each.id: each.label for each in versions_of(connection, one.product)} if one.version is not None else {}
    return found, labels


def say_about(
    house: House,
    reader: Reader,
    digest: str,
    *,
    use: str | None = None,
    version: str | None = None,
    why: str,
    request: str | None = None,
) -> None:
    """Say which use or version a statement is about that names one the book does not know; neither is about none.

    Args:
        house: The open house.
        reader: Who says it: nobody with a hand in the use, nor who filed the statement.
        digest: The statement.
        use: The use's id, where it names one that the book does not know.
        version: The version's id, likewise.
        why: What shows it.
        request: The request it came with, for the log.

    Raises:
        NotAllowed: They may not.
        NotTheirsToSay: They filed it, or have a hand in the use; of no one use, in any use of its product.
        NoSuchRecord: There is no such statement, or it names nothing that the book does not know.
        BadField: No reason is given, its product has no such use or version, or its signers do not speak there.
        SubjectMismatch: It is about another artefact than that version.
    """
    require(reader, SETTLE)
    if not why.strip():
        raise BadField("statement", "why", "say what shows it")
    with house.database.changing(reader.author(request), why) as change:
        connection = change.connection
        one = next(iter(names_unknown(connection, digest)), None)
        if one is None:
            raise NoSuchRecord("statement", digest)
        known_uses, known_versions = may_be_about(connection, one)
        if use is not None and use not in known_uses:
            raise BadField("statement", "use", "its product has no such use, or it names none that is unknown")
        if version is not None and version not in known_versions:
            raise BadField("statement", "version", "its product has no such version, or it names none that is unknown")
        row = connection.execute(select(statements).where(statements.c.digest == digest)).one()
        if use is None and version is None:
            change.record(Entry(OF_NONE, "statement", digest))
        else:
            artefact = None if version is None else VERSIONS.get(connection, version).digest
            known = Known(one.product, version, use, artefact)
            refuse_other_artefact(said_by(house.store.get(digest)), known)
            if not link(change, filed_in(row), known):
                raise BadField("statement", "use", "whose key signed it may not speak there")
        _not_theirs(change, reader, row, one.product, use)


def _not_theirs(change: Change, reader: Reader, row: Row[Any], product: str, use: str | None) -> None:
    """Refuse somebody with a hand in what it is about, now that it is; of no one use, in any use of its product."""
    if row.filed_by == reader.person:
        raise NotTheirsToSay("you filed it")
    which = uses_of(change.connection, product) if use is None else [USES.get(change.connection, use)]
    _no_hand(change, reader, product, which)


def _no_hand(change: Change, reader: Reader, product: str, which: Sequence[Use]) -> None:
    found = PRODUCTS.get(change.connection, product)
    for one in which:
        hand = hand_in(change.connection, one, found).get(reader.person)
        if hand is not None:
            raise NotTheirsToSay(f"you {hand}")


def _unknown(row: Row[Any]) -> Unknown:
    return Unknown(
        digest=row.digest,
        product=row.product_id,
        use=row.use_name if row.use_id is None else None,
        version=row.version if row.version_id is None else None,
        filed_at=row.filed_at,
    )
