"""Product and Version: what was built or bought, and each edition of it.

Made by people, imports and pipelines; kept by registry; read by review, portfolio, report and the doors.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StrictBool, model_validator

from codman.spine.record import Day, Fields, Id, Line, Prose, Record
from codman.spine.statement import Sha256


class ProductKind(StrEnum):
    """How the hospital came by it."""

    BOUGHT = "bought"
    BUILT = "built"
    EMBEDDED = "embedded"  # switched on inside another product, such as the EHR
    OPEN = "open"


class ProductFields(Fields):
    """An AI product, whoever uses it."""

    name: Line
    kind: ProductKind | None = Field(default=None, description="Unknown until somebody says")
    vendor: Id | None = Field(default=None, description="Who sells or supplies it")
    embedded_in: Id | None = Field(default=None, description="The product it is a part of")
    summary: Prose | None = None
    model_type: Line | None = Field(default=None, description="e.g. gradient-boosted trees, large language model")
    generative: StrictBool | None = None
    submission: Annotated[str, Field(pattern=r"^(K\d{6}|DEN\d{6}|P\d{6}(/S\d{3})?)$")] | None = Field(
        default=None, description="FDA submission number, e.g. K253532"
    )


class Product(Record, ProductFields):
    """An AI product as the book has it."""


class VersionFields(Fields):
    """One edition of a product: pinned by its artefact's digest, or, where nobody has the artefact, by a descriptor."""

    product: Id
    label: Line = Field(description="As its maker names it, e.g. 3.1")
    digest: Sha256 | None = Field(default=None, description="sha256 of the artefact")
    descriptor: dict[str, Line] | None = Field(
        default=None,
        description="Of an opaque version: vendor, product, build, configuration, observed_on, ehr_build",
    )
    descriptor_statement: Sha256 | None = Field(default=None, description="The signed statement of that descriptor")
    released_on: Day | None = None
    parent: Id | None = Field(default=None, description="The version it was made from")
    change_note: Prose | None = None
    pccp: Prose | None = Field(default=None, description="What of it falls under a predetermined change control plan")
    ehr_build: Line | None = Field(default=None, description="The EHR build in which it was last seen")

    @model_validator(mode="after")
    def _pinned_once(self) -> Self:
        if self.digest is not None and self.descriptor is not None:
            raise ValueError("a version with an artefact's digest needs no descriptor: give one of the two")
        return self

    @property
    def opaque(self) -> bool:
        """True where nobody here has the artefact."""
        return self.digest is None


class Version(Record, VersionFields):
    """A version as the book has it."""


class VendorFields(Fields):
    """Who supplies a product, and what the contract says."""

    name: Line
    contact: Line | None = None
    contract_starts: Day | None = None
    contract_ends: Day | None = None
    baa: StrictBool | None = Field(default=None, description="A business associate agreement (HIPAA) is signed")
    data_rights: Prose | None = Field(default=None, description="What the vendor may do with the hospital's data")
    change_notice: Prose | None = Field(default=None, description="Its duty to tell of changes, and how early")
    annual_cost: Annotated[float, Field(ge=0, strict=True)] | None = Field(
        default=None, description="In the house's currency"
    )


class Vendor(Record, VendorFields):
    """A vendor as the book has it."""
