"""What belongs to a thing: a product's versions and uses, a use's deployments, what is said and filed about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select

from codman.registry.documents import Document, Fact
from codman.registry.inventory import visible
from codman.registry.nouns import DEPLOYMENTS, DOCUMENTS, FACTS, USES, VERSIONS
from codman.registry.schema import (
    deployments,
    documents,
    facts,
    sites,
    uses,
    versions,
)
from codman.spine.product import Version
from codman.spine.site import Deployment
from codman.spine.use import Use

MOST: Final = 1000


def deployments_of(connection: Connection, use: str) -> Sequence[Deployment]:
    """Where a use runs, in the order of the sites' paths."""
    rows = connection.execute(
        select(deployments)
        .join(sites, sites.c.id == deployments.c.site)
        .where(deployments.c.use == use)
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
    """What frameworks' fields say of a thing, by field."""
    rows = connection.execute(select(facts).where(facts.c.about == about).order_by(facts.c.field).limit(MOST))
    return [FACTS.read(row) for row in rows]


def documents_about(connection: Connection, about: str) -> Sequence[Document]:
    """The documents filed about a thing, the newest first."""
    rows = connection.execute(
        select(documents).where(documents.c.about == about).order_by(documents.c.created_at.desc()).limit(MOST)
    )
    return [DOCUMENTS.read(row) for row in rows]
