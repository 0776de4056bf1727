"""The kinds of records there are, each by its word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from codman.registry.documents import Document, DocumentFields, Fact, FactFields
from codman.registry.records import BadField, NoSuchRecord, Records
from codman.registry.schema import (
    deployments,
    documents,
    facts,
    grants,
    people,
    products,
    sites,
    uses,
    vendors,
    versions,
)
from codman.spine.person import Grant, GrantFields, Person, PersonFields
from codman.spine.product import Product, ProductFields, Vendor, VendorFields, Version, VersionFields
from codman.spine.site import Deployment, DeploymentFields, Site, SiteFields, SiteLevel
from codman.spine.use import Use, UseFields

_LEVELS: Final = list(SiteLevel)


def _path(connection: Connection, fields: SiteFields, name: str) -> Mapping[str, Any]:
    """A site's path: its parent's and its own name. A parent stands above it, so no site is its own ancestor."""
    if fields.parent is None:
        return {"path": f"/{name}/"}
    try:
        parent = SITES.get(connection, fields.parent)
    except NoSuchRecord:
        raise BadField("site", "parent", "there is no such site") from None
    if _LEVELS.index(parent.level) >= _LEVELS.index(fields.level):
        raise BadField("site", "parent", f"a {fields.level} cannot stand below a {parent.level}")
    return {"path": f"{parent.path}{name}/"}


VENDORS: Final = Records("vendor", vendors, VendorFields, Vendor)
PRODUCTS: Final = Records("product", products, ProductFields, Product)
VERSIONS: Final = Records("version", versions, VersionFields, Version)
SITES: Final = Records("site", sites, SiteFields, Site, whole=_path)
PEOPLE: Final = Records("person", people, PersonFields, Person)
GRANTS: Final = Records("grant", grants, GrantFields, Grant)
USES: Final = Records("use", uses, UseFields, Use)
DEPLOYMENTS: Final = Records("deployment", deployments, DeploymentFields, Deployment)
DOCUMENTS: Final = Records("document", documents, DocumentFields, Document)
FACTS: Final = Records("fact", facts, FactFields, Fact)
