"""What belongs to a thing: a product's versions and uses, a use's deployments, what is said and filed about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, case, select

from codman.registry.documents import Basis, Document, Fact
from codman.registry.inventory import visible
from codman.registry.nouns import DEPLOYMENTS, DOCUMENTS, FACTS, USES, VERSIONS
from codman.registry.places import inside
from codman.registry.records import NoSuchRecord
from codman.registry.schema import (
    deployments,
    documents,
    facts,
    sites,
    submission_matches,
    uses,
    versions,
)
from codman.registry.standing import FACT_BASIS
from codman.spine.product import Version
from codman.spine.site import Deployment
from codman.spine.use import Use

MOST: Final = 1000


def deployments_of(connection: Connection, use: str, within: Sequence[str] = ("/",)) -> Sequence[Deployment]:
    """Where a use runs, as far as a reader sees the sites, in the order of their paths."""
    rows = connection.execute(
        select(deployments)
        .join(sites, sites.c.id == deployments.c.site)
        .where(deployments.c.use == use, inside(within))
        .order_by(sites.c.path)
        .limit(MOST)
    )
    return [DEPLOYMENTS.read(row) for row in rows]


def versions_of(connection: Connection, product: str) -> Sequence[Version]:
    """A product's versions, the last added first."""
    rows = connection.execute(
        select(versions).where(versions.c.product == product).order_by(versions.c.created_at.desc(), versions.c.id)
    )
    return [VERSIONS.read(row) for row in rows]


def uses_of(connection: Connection, product: str, within: Sequence[str] = ("/",)) -> Sequence[Use]:
    """A product's uses that a reader may see, by name."""
    rows = connection.execute(
        select(uses).where(uses.c.product == product, visible(within)).order_by(uses.c.name).limit(MOST)
    )
    return [USES.read(row) for row in rows]


def answers_about(connection: Connection, about: str) -> Sequence[Fact]:
    """What frameworks' fields say of a thing, by field, each with what stands behind it now."""
    told = select(facts, FACT_BASIS.label("stands_as")).where(facts.c.about == about)
    rows = connection.execute(told.order_by(facts.c.field).limit(MOST))
    return [FACTS.read(row).model_copy(update={"basis": Basis(row.stands_as)}) for row in rows]


def documents_about(connection: Connection, *about: str) -> Sequence[Document]:
    """The documents filed about a thing or several, the newest first."""
    rows = connection.execute(
        select(documents).where(documents.c.about.in_(about)).order_by(documents.c.created_at.desc()).limit(MOST)
    )
    return [DOCUMENTS.read(row) for row in rows]


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A device of a public list held against a product."""

    id: str
    list: str
    product: str
    submission: str
    device: str
    company: str
    decided_on: str | None
    score: float
    reasons: Sequence[str]
    state: str


def matches_of(connection: Connection, product: str) -> Sequence[MatchRow]:
    """The devices held against a product: the confirmed first, then the proposed, the best of them first."""
    order = case({"confirmed": 0, "proposed": 1}, value=submission_matches.c.state, else_=2)
    rows = connection.execute(
        select(submission_matches)
        .where(submission_matches.c.product == product)
        .order_by(order, submission_matches.c.score.desc(), submission_matches.c.submission)
        .limit(MOST)
    )
    return [_match(row) for row in rows]


def match_named(connection: Connection, name: str) -> MatchRow:
    """One of them.

    Raises:
        NoSuchRecord: There is none of that name.
    """
    row = connection.execute(select(submission_matches).where(submission_matches.c.id == name)).one_or_none()
    if row is None:
        raise NoSuchRecord("match", name)
    return _match(row)


def _match(row: Row[Any]) -> MatchRow:
    return MatchRow(**{name: row._mapping[name] for name in MatchRow.__dataclass_fields__})
