"""The page of one product: its versions, its uses, its vendor and contract, what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from codman.flows.filed import Filed
from codman.flows.rights import changeable
from codman.registry.access import Reader, paths_for
from codman.registry.coverage import State
from codman.registry.coverage_product import ProductTally, product_coverage
from codman.registry.mine import how_granted
from codman.registry.names import names_of
from codman.registry.nouns import VENDORS
from codman.registry.related import MatchRow, answers_about, documents_about, matches_of, uses_of, versions_of
from codman.registry.timeline import Asked, entries_of
from codman.registry.undecided import somewhere_uncovered
from codman.spine.product import Product, Vendor, Version
from codman.web.render import brief, day, money
from codman.web.views import marks
from codman.web.views.answers import AnswerRow, answers_shown
from codman.web.views.documents import DocumentLine, document_lines
from codman.web.views.history import Event, events, ids_in
from codman.web.views.marks import Fact, Gap, Tag
from codman.web.views.use_evidence import Known, known


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One version."""

    id: str
    label: str
    tag: Tag
    pinned: str
    descriptor: tuple[tuple[str, str], ...]
    ehr_build: str
    released_on: str | None
    change_note: str
    pccp: str
    changeable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UseLine:
    """One use of it."""

    href: str
    name: str
    stage: Tag
    decision: Tag
    tier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchLine:
    """A device of a public list that may be this product."""

    id: str
    submission: str
    device: str
    company: str
    decided_on: str | None
    score: str
    reasons: str
    tag: Tag
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductView:
    """The whole page."""

    id: str
    name: str
    summary: str
    tags: tuple[Tag, ...]
    gaps: tuple[Gap, ...]
    facts: tuple[Fact, ...]
    contract: tuple[Fact, ...]
    versions: tuple[Edition, ...]
    uses: tuple[UseLine, ...]
    known: tuple[Known, ...]
    matches: tuple[MatchLine, ...]
    coverage: tuple[ProductTally, ...]
    coverage_sentence: str
    answers: tuple[AnswerRow, ...]
    documents: tuple[DocumentLine, ...]
    events: tuple[Event, ...]


def product_view(
    connection: Connection,
    product: Product,
    reader: Reader,
    statements: Sequence[Filed],
    *,
    today: str,
    may_change: bool,
    may_version: bool,
) -> ProductView:
    """The page of a product.

    Args:
        connection: Where to read.
        product: The product.
        reader: Who looks.
        statements: The evidence filed for it, the newest first.
        today: The day, in the house's zone.
        may_change: Whether they may change it.
        may_version: Whether they may add a version.
    """
    versions = versions_of(connection, product.id)
    theirs = changeable(connection, reader, "version", versions)
    uses = uses_of(connection, product.id, paths_for(reader, "inventory.read"))
    granted = how_granted(connection, [use.id for use in uses], today)
    bare = somewhere_uncovered(connection, [use.id for use in uses], today)
    vendor = VENDORS.get(connection, product.vendor) if product.vendor else None
    covered = product_coverage(connection, product.id)
    history = entries_of(connection, Asked(about=[product.id, *(one.id for one in versions)], limit=20)).items
    named = names_of(connection, [product.embedded_in, *ids_in(history)])
    return ProductView(
        id=product.id,
        name=product.name,
        summary=product.summary or "",
        tags=_tags(product),
        gaps=_gaps(product, versions, statements, may_change=may_change, may_version=may_version),
        facts=_facts(product, versions, vendor, named),
        contract=contract(vendor) if vendor else (),
        versions=tuple(_edition(one, changeable=one.id in theirs) for one in versions),
        uses=tuple(
            UseLine(
                href=f"/uses/{use.id}",
                name=use.name,
                stage=marks.mode(use.stage),
                decision=marks.decision(use.decision, granted.get(use.id), partly=use.id in bare),
                tier=use.tier.value if use.tier else "",
            )
            for use in uses
        ),
        known=tuple(known(one) for one in statements),
        matches=tuple(_match(one) for one in matches_of(connection, product.id)),
        coverage=tuple(covered),
        coverage_sentence=_covered(covered),
        answers=answers_shown(answers_about(connection, product.id)),
        documents=document_lines(
            documents_about(connection, product.id, *(one.id for one in versions)),
            {one.id: one.label for one in versions},
        ),
        events=events(history, named),
    )


def _covered(found: Sequence[ProductTally]) -> str:
    asked = sum(one.fields for one in found)
    missing = sum(one.counts[State.MISSING] for one in found)
    claims = sum(one.counts[State.CLAIM] for one in found)
    shown = asked - missing - claims
    others = (
        f"{shown:,} have a document or evidence behind them" if shown else "none has a document or evidence behind it"
    )
    return (
        f"Of {asked:,} fields that {len(found)} frameworks ask of the product itself, {missing:,} are missing and "
        f"{claims:,} rest on somebody's word alone; {others}."
    )


def contract(vendor: Vendor) -> tuple[Fact, ...]:
    """What the contract with a vendor says."""
    agreed = {True: "signed", False: "not signed", None: ""}[vendor.baa]
    return (
        Fact("Vendor", vendor.name, href=f"/vendors/{vendor.id}"),
        Fact("Contact", vendor.contact or ""),
        Fact("Contract starts", day(vendor.contract_starts) if vendor.contract_starts else ""),
        Fact("Contract ends", day(vendor.contract_ends) if vendor.contract_ends else ""),
        Fact("Business associate agreement", agreed),
        Fact("Rights to the hospital's data", vendor.data_rights or ""),
        Fact("Duty to tell of changes", vendor.change_notice or ""),
        Fact("Annual cost", money(vendor.annual_cost) if vendor.annual_cost is not None else ""),
    )


def _tags(product: Product) -> tuple[Tag, ...]:
    tags = [Tag(product.kind.value.capitalize()) if product.kind else Tag("How it came is not said", "unsure", "?")]
    if product.generative:
        tags.append(Tag("Generative"))
    if product.submission:
        tags.append(Tag(f"FDA {product.submission}"))
    return tuple(tags)


def _gaps(
    product: Product, versions: Sequence[Version], statements: Sequence[Filed], *, may_change: bool, may_version: bool
) -> tuple[Gap, ...]:
    form = f"/products/{product.id}/edit" if may_change else ""
    found = []
    if not versions:
        found.append(Gap("No version is known", f"/versions/new?product={product.id}" if may_version else ""))
    unpinned = [one for one in versions if one.digest is None and not one.descriptor]
    if unpinned:
        found.append(Gap(f"{len(unpinned)} of {len(versions)} versions have neither a digest nor a descriptor"))
    if not statements:
        found.append(Gap("No evidence is filed for it"))
    if product.vendor is None and product.kind is not None and product.kind.value in ("bought", "embedded"):
        found.append(Gap("Who supplies it is not said", form and f"{form}#f-vendor"))
    if product.summary is None:
        found.append(Gap("What it does is not said", form and f"{form}#f-summary"))
    return tuple(found)


def _facts(
    product: Product, versions: Sequence[Version], vendor: Vendor | None, named: Mapping[str, str]
) -> tuple[Fact, ...]:
    newest = versions[0].label if versions else "None known"
    part_of = named.get(product.embedded_in or "", "")
    return (
        Fact("Newest version", newest, detail=f"{len(versions)} known" if versions else ""),
        Fact("Supplied by", vendor.name if vendor else "Nobody named", href=f"/vendors/{vendor.id}" if vendor else ""),
        Fact("Kind of model", product.model_type or "Not said"),
        Fact("Part of", part_of or "Stands alone", href=f"/products/{product.embedded_in}" if part_of else ""),
    )


def _edition(one: Version, *, changeable: bool) -> Edition:
    tag = Tag("Pinned", "met", "✓") if one.digest else Tag("Opaque", "unsure", "?")
    return Edition(
        id=one.id,
        label=one.label,
        tag=tag,
        pinned=f"sha256:{brief(one.digest)}" if one.digest else "",
        descriptor=tuple((one.descriptor or {}).items()),
        ehr_build=one.ehr_build or "",
        released_on=one.released_on,
        change_note=one.change_note or "",
        pccp=one.pccp or "",
        changeable=changeable,
    )


_MATCHES: Final = {
    "proposed": Tag("Waits for a person", "unsure", "?"),
    "confirmed": Tag("Confirmed", "met", "✓"),
    "rejected": Tag("Not this one", "plain", "×"),
}


def _match(one: MatchRow) -> MatchLine:
    return MatchLine(
        id=one.id,
        submission=one.submission,
        device=one.device,
        company=one.company,
        decided_on=one.decided_on,
        score=f"{one.score:.2f}",
        reasons="; ".join(one.reasons),
        tag=_MATCHES.get(one.state, Tag(one.state)),
        open=one.state == "proposed",
    )
