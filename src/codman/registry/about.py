"""What a statement is about: as it says it, and as the book knows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, or_, select, true

from codman.errors import NotProven
from codman.evidence.statements import ReadStatement
from codman.registry.database import instant
from codman.registry.inventory import reached, visible
from codman.registry.keys import Key, OwnerKind
from codman.registry.schema import products, sites, statements, uses, vendors, versions
from codman.registry.schema_filing import statement_signatures
from codman.spine.statement import Kind, when

ABOUT_A_MODEL: Final = frozenset({Kind.TRAINING, Kind.EVALUATION, Kind.COMPARISON, Kind.STRESS, Kind.MONITORING})
_MOST_NAMED: Final = 2000  # records of one name that are looked at


class SubjectMismatch(NotProven):
    """A statement about another artefact than the one the book has for that version."""

    def __init__(self, product: str, version: str, said: str, known: str) -> None:
        super().__init__(
            what=f"the statement is about another artefact than {product} {version}",
            why=f"it names sha256 {said[:12]}…, the book has {known[:12]}… for this version",
            fix="evaluate the artefact in use, or register the other one as its own version",
        )


@dataclass(frozen=True, slots=True)
class Said:
    """What a statement says it is about."""

    digest: str
    kind: Kind
    product: str | None
    version: str | None
    use: str | None
    origin: str | None
    at: str | None  # evaluated_at or committed_at, as the book writes times
    subjects: tuple[str, ...]  # sha256
    inputs: frozenset[str]  # sha256
    headline: str | None
    measurements: int | None
    people: bool = False  # it names people who signed it


@dataclass(frozen=True, slots=True)
class Known:
    """The same as the book knows it; None where no one record, or more than one, fits."""

    product: str | None = None
    version: str | None = None
    use: str | None = None
    artefact: str | None = None  # the version's digest


def said_by(read: ReadStatement) -> Said:
    """What a statement says it is about."""
    said, body = read.statement.predicate, read.predicate
    at = said.get("evaluated_at") or said.get("committed_at")
    measured = getattr(body, "measurements", None)
    first = next((m for m in measured or () if m.value is not None and not m.slice), None)
    return Said(
        digest=read.digest,
        kind=read.kind,
        product=said.get("product"),
        version=said.get("version"),
        use=said.get("use"),
        origin=said.get("origin") or (body.origin.value if hasattr(body, "origin") else None),
        at=None if at is None else instant(when(at)),
        subjects=tuple(subject.digest.sha256 for subject in read.statement.subject),
        inputs=frozenset(one.digest.sha256 for one in getattr(body, "inputs", ())),
        headline=None if first is None else str(first)[:400],
        measurements=None if measured is None else len(measured),
        people=bool(getattr(body, "signed_by", ())),
    )


def resolve(connection: Connection, said: Said, within: Sequence[str], signers: Sequence[Key] = ()) -> Known:
    """Find the product, version and use a statement names, where one fits it better than all others of that name.

    Args:
        connection: Where to read.
        said: What the statement says.
        within: Paths of the sites whose uses count; `/` is all.
        signers: Whose signatures it carries: what their owners may speak about tells namesakes apart.
    """
    found = products_meant(connection, said, within, signers)
    if len(found) != 1:
        return Known()
    version, artefact = version_of(connection, found[0], said.version)
    named = uses_meant(connection, found[0], said, within, signers)
    return Known(found[0], version, named[0] if len(named) == 1 else None, artefact)


def products_meant(
    connection: Connection, said: Said, within: Sequence[str], signers: Sequence[Key] = ()
) -> Sequence[str]:
    """The products a statement may mean; several only where nothing in it, and nobody who signed it, tells them apart.

    Args:
        connection: Where to read.
        said: What the statement says.
        within: Paths of the sites whose uses count; `/` is all.
        signers: Whose signatures it carries.
    """
    if said.product is None:
        return ()
    one = products.c
    found = _named(connection, one.id, one.name, said.product)
    labelled = select(versions.c.product).where(versions.c.label == said.version)
    denied = labelled.where(versions.c.digest.is_not(None), versions.c.digest.not_in(said.subjects))
    used = select(uses.c.product).where(visible(within))
    return _one_of(
        found,
        lambda ids: [name for name in ids if name == said.product],
        *(lambda ids, key=key: _theirs(connection, ids, key) for key in signers),
        lambda ids: [] if _rests_on_inputs(said) else _left(ids, _among(connection, denied, versions.c.product, ids)),
        lambda ids: _among(connection, labelled.where(versions.c.digest.in_(said.subjects)), versions.c.product, ids),
        lambda ids: _among(connection, used.where(_called(uses.c.name, said.use or "")), uses.c.product, ids),
        lambda ids: _before(connection, ids, statements.c.product_id, said, signers),
        lambda ids: _among(connection, labelled, versions.c.product, ids),
        lambda ids: _among(connection, used.where(*_places(connection, signers)), uses.c.product, ids),
    )


def uses_meant(
    connection: Connection, product: str, said: Said, within: Sequence[str], signers: Sequence[Key] = ()
) -> Sequence[str]:
    """The uses of a product a statement may mean; the rest as for products."""
    if said.use is None:
        return ()
    found = _named(connection, uses.c.id, uses.c.name, said.use, uses.c.product == product, visible(within))
    return _one_of(
        found,
        lambda ids: [name for name in ids if name == said.use],
        lambda ids: _among(connection, select(uses.c.id).where(*_places(connection, signers)), uses.c.id, ids),
        lambda ids: _before(connection, ids, statements.c.use_id, said, signers),
    )


def version_of(connection: Connection, product: str, label: str | None) -> tuple[str | None, str | None]:
    """The version of a product that has a label, and its artefact's digest; None where there is none."""
    if label is None:
        return None, None
    row = connection.execute(
        select(versions.c.id, versions.c.digest).where(versions.c.product == product, versions.c.label == label)
    ).one_or_none()
    return (None, None) if row is None else (row.id, row.digest)


def refuse_other_artefact(said: Said, known: Known) -> None:
    """Refuse a statement about a model whose subject is not the artefact the book has for that version.

    A subject pinned by the predictions alone, as its note says, names no artefact and passes.

    Raises:
        SubjectMismatch: It names another.
    """
    if known.artefact is None or said.kind not in ABOUT_A_MODEL:
        return
    if known.artefact not in said.subjects and not _rests_on_inputs(said):
        raise SubjectMismatch(said.product or "", said.version or "", said.subjects[0], known.artefact)


def _rests_on_inputs(said: Said) -> bool:
    return set(said.subjects) <= said.inputs


def _one_of(found: Sequence[str], *tests: Callable[[Sequence[str]], Sequence[str]]) -> Sequence[str]:
    """Narrow several down, one test after the other; a test that none passes tells nothing."""
    for test in tests:
        if len(found) < 2:
            break
        found = test(found) or found
    return found


def _among(connection: Connection, query: Any, column: ColumnElement[str], ids: Sequence[str]) -> list[str]:
    passed = set(connection.execute(query.where(column.in_(ids)).distinct()).scalars())
    return [name for name in ids if name in passed]


def _left(ids: Sequence[str], gone: Sequence[str]) -> list[str]:
    return [name for name in ids if name not in gone]


def _theirs(connection: Connection, ids: Sequence[str], key: Key) -> list[str]:
    """Those a key is registered for by their identifier, or that its vendor supplies."""
    registered = [name for name in ids if key.products is not None and name in key.products]
    if registered or key.owner_kind is not OwnerKind.VENDOR:
        return registered
    supplied = (
        select(products.c.id)
        .join(vendors, vendors.c.id == products.c.vendor)
        .where(or_(vendors.c.id == key.owner, _called(vendors.c.name, key.owner)))
    )
    return _among(connection, supplied, products.c.id, ids)


def _before(
    connection: Connection, ids: Sequence[str], column: ColumnElement[Any], said: Said, signers: Sequence[Key]
) -> list[str]:
    """Those that statements of the same name, version and use, signed by the same key, were about until now."""
    if not signers:
        return []
    same = (
        select(column)
        .join(statement_signatures, statement_signatures.c.digest == statements.c.digest)
        .where(
            statement_signatures.c.keyid.in_([key.keyid for key in signers]),
            statements.c.product == said.product,
            statements.c.version.is_not_distinct_from(said.version),
            statements.c.use_name.is_not_distinct_from(said.use),
        )
    )
    return _among(connection, same, column, ids)


def _places(connection: Connection, signers: Sequence[Key]) -> list[ColumnElement[bool]]:
    """Uses within the sites that every signer speaks for."""
    named = [key.site for key in signers if key.site is not None]
    if not named:
        return [true()]
    paths = connection.execute(select(sites.c.path).where(sites.c.id.in_(named))).scalars().all()
    return [uses.c.id.in_(reached([path])) for path in paths]


def _called(column: ColumnElement[Any], wanted: str) -> ColumnElement[bool]:
    return or_(column == wanted.strip(), func.lower(column) == wanted.strip().lower())


def _named(
    connection: Connection, ident: ColumnElement[Any], name: ColumnElement[Any], wanted: str, *and_: ColumnElement[bool]
) -> list[str]:
    found = select(ident).where(or_(ident == wanted, _called(name, wanted)), *and_).order_by(ident).limit(_MOST_NAMED)
    return list(connection.execute(found).scalars())
