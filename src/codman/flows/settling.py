"""settle: a person says which product and which use a statement means, where several have the name it gives."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from codman.flows.house import House
from codman.registry.about import Known, refuse_other_artefact, uses_meant, version_of
from codman.registry.access import Reader, require
from codman.registry.filing import link
from codman.registry.linking import filed_in, said_in, signers_of
from codman.registry.namesakes import Ambiguous, ambiguous, ambiguous_named
from codman.registry.records import BadField
from codman.registry.schema import statements

SETTLE = "evidence.settle"


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
        reader: Who says it; must hold `evidence.settle` for the whole house.
        digest: The statement.
        product: The product's id, one of those it may mean.
        use: The use's id, where it names one.
        why: The reason they give.
        request: The request it came with, for the log.

    Raises:
        NotAllowed: They may not.
        NoSuchRecord: There is no such statement, or nothing about it is in doubt.
        BadField: It does not mean this product or this use, or its signers do not speak there.
        SubjectMismatch: It is about another artefact than that product's version.
    """
    require(reader, SETTLE)
    with house.database.changing(reader.author(request), why) as change:
        doubt = ambiguous_named(change.connection, digest)
        if product not in doubt.products:
            raise BadField("statement", "product", f"it may mean {', '.join(doubt.products)[:300]}")
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
