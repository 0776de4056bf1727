"""supply: invented vendors and their contracts, the products, and their versions over two years."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from codman.simulate.catalogue import Catalogue, InventedVendor, Sort
from codman.simulate.history import Added
from codman.spine.product import ProductFields, ProductKind, VendorFields, VersionFields

_EHR, _MONITOR = "Windmill EHR", "Tin Drum Devices"
_SMALL: Final = ("sepsis", "pneumothorax", "mortality", "retina", "translation")
_EHR_QUARTERS: Final = 91  # days from one EHR build to the next
_DATA_RIGHTS: Final = (
    "May use de-identified data to support this hospital; not to train models.",
    "May train on de-identified data; the hospital may object in writing.",
    "None beyond running the service.",
    "Keeps inputs for 30 days for support, then deletes them.",
)
_CHANGE_NOTICE: Final = (
    "Tells of a new version 30 days before it is switched on.",
    "Tells of a new version in the release notes on the day.",
    "Tells of changes to the algorithm 60 days ahead, with a performance report.",
    "None is written in the contract.",
)
_NOTES: Final = (
    "Trained again on data up to last year; same inputs.",
    "Threshold moved after complaints of too many alerts.",
    "New input: the last creatinine.",
    "Speed only, the maker says.",
    "Prompt and base model changed.",
)
_PCCP: Final = (
    "Retraining with the same inputs and the same indication, when sensitivity on the test set does not fall."
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A product, and what sort of AI it is."""

    id: str
    sort: Sort
    way: ProductKind
    vendor: InventedVendor | None
    fields: ProductFields


@dataclass(frozen=True, slots=True)
class Edition:
    """A version, and the day the hospital learned of it."""

    id: str
    known_on: date
    fields: VersionFields


@dataclass(frozen=True, slots=True)
class Supply:
    """Vendors, the platforms that others are embedded in, and the AI products."""

    vendors: tuple[Added, ...]
    platforms: tuple[Added, ...]
    offers: tuple[Offer, ...]


def ehr_build(on: date, first: date) -> str:
    """The EHR build that ran on a day; a new one every quarter."""
    quarter = max(0, (on - first).days) // _EHR_QUARTERS
    built = first + timedelta(days=_EHR_QUARTERS * quarter)
    return f"Windmill {built:%Y.%m}"


def make_supply(random: Random, catalogue: Catalogue, first: date, *, small: bool) -> Supply:
    """Every product of the catalogue, each with a name of its own."""
    sorts = [sort for sort in catalogue.kinds if not small or sort.key in _SMALL]
    vendor_ids = {vendor.name: f"vendor-demo-{n:02d}" for n, vendor in enumerate(catalogue.vendors, 1)}
    platforms = (
        _platform("product-demo-ehr", _EHR, vendor_ids[_EHR], "The electronic health record."),
        _platform("product-demo-monitor", f"{_MONITOR} bedside monitor", vendor_ids[_MONITOR], "Bedside monitors."),
    )
    by_sort: dict[str, list[InventedVendor]] = {}
    for seller in catalogue.vendors:
        if seller.name != _EHR:  # what it sells is embedded in it; others sell through its marketplace
            by_sort.setdefault(seller.sort, []).append(seller)
    next_of = dict.fromkeys(by_sort, 0)
    host = (InventedVendor(name=_EHR, sort="ehr"), InventedVendor(name=_MONITOR, sort="device"))
    offers: list[Offer] = []
    for sort in sorts:
        for way in sort.ways:
            vendor: InventedVendor | None = None
            if way is ProductKind.EMBEDDED:
                vendor = host[sort.sort == "device"]
            elif way is ProductKind.BOUGHT:
                choice = by_sort[sort.sort]
                vendor = choice[next_of[sort.sort] % len(choice)]
                next_of[sort.sort] += 1
            offers.append(_offer(random, f"product-demo-{len(offers) + 1:03d}", sort, way, vendor, vendor_ids))
    sold = {offer.vendor.name for offer in offers if offer.vendor} | {_EHR, _MONITOR}
    made = [
        Added("vendor", vendor_ids[vendor.name], _contract(random, vendor.name, vendor_ids[vendor.name], first))
        for vendor in catalogue.vendors
        if not small or vendor.name in sold
    ]
    return Supply(tuple(made), platforms, tuple(offers))


def editions(random: Random, offer: Offer, registered: date, first: date, until: date) -> Iterator[Edition]:
    """A product's versions: the one found when it was registered, and up to two that came since."""
    opaque = offer.way is ProductKind.EMBEDDED or (offer.way is ProductKind.BOUGHT and random.random() < 0.5)
    major = random.randint(1, 6)
    known, parent = registered, None
    for number in range(random.choice((1, 1, 2, 2, 3))):
        if number:
            known += timedelta(days=random.randint(90, 330))
            if known > until - timedelta(days=14):
                return
        released = known - timedelta(days=random.randint(3, 20) if number else random.randint(60, 700))
        build = ehr_build(known, first) if offer.way is ProductKind.EMBEDDED else None
        label = f"as found {known:%Y-%m-%d}" if opaque else f"{major}.{number}"
        name = f"version-demo-{offer.id.rpartition('-')[2]}-{number + 1}"
        fields = VersionFields(
            product=offer.id,
            label=label,
            digest=None if opaque else hashlib.sha256(f"invented artefact of {offer.id} {label}".encode()).hexdigest(),
            descriptor=_descriptor(offer, known, build, major, number) if opaque else None,
            released_on=None if opaque and number == 0 else released.isoformat(),
            parent=parent,
            change_note=random.choice(_NOTES) if number else None,
            pccp=_PCCP if offer.way is ProductKind.BOUGHT and random.random() < 0.2 else None,
            ehr_build=build,
        )
        yield Edition(name, known, fields)
        parent = name


def _descriptor(offer: Offer, seen: date, build: str | None, major: int, number: int) -> dict[str, str]:
    said = {
        "vendor": offer.vendor.name if offer.vendor else "none",
        "product": offer.fields.name,
        "build": build or f"about box says {major}.{number}",
        "configuration": "default" if number == 0 else "threshold set by the hospital",
        "observed_on": seen.isoformat(),
    }
    return said | ({"ehr_build": build} if build else {})


def _offer(
    random: Random,
    name: str,
    sort: Sort,
    way: ProductKind,
    vendor: InventedVendor | None,
    vendor_ids: dict[str, str],
) -> Offer:
    maker = {ProductKind.BUILT: "Demo Health", ProductKind.OPEN: "Open"}.get(way) or (vendor.name if vendor else "")
    embedded_in = None
    if way is ProductKind.EMBEDDED:
        embedded_in = "product-demo-monitor" if sort.sort == "device" else "product-demo-ehr"
    fields = ProductFields(
        name=f"{maker} {sort.name}",
        kind=way,
        vendor=None if vendor is None else vendor_ids[vendor.name],
        embedded_in=embedded_in,
        summary=None if random.random() < 0.15 else sort.purpose,
        model_type=None if way is not ProductKind.BUILT and random.random() < 0.25 else sort.model,
        generative=None if random.random() < 0.08 and not sort.generative else sort.generative,
        submission=None,  # a number that looks real would belong to somebody's real device
    )
    return Offer(name, sort, way, vendor, fields)


def _platform(name: str, called: str, vendor: str, summary: str) -> Added:
    return Added(
        "product",
        name,
        ProductFields(name=called, kind=ProductKind.BOUGHT, vendor=vendor, summary=summary, generative=False),
    )


def _contract(random: Random, name: str, ident: str, first: date) -> VendorFields:
    starts = first - timedelta(days=random.randint(30, 900))
    ends = starts + timedelta(days=365 * random.choice((2, 3, 3, 5)))
    written = random.random() < 0.85  # of some, nobody finds the contract
    return VendorFields(
        name=name,
        contact=f"{ident}@demo.invalid" if random.random() < 0.9 else None,
        contract_starts=starts.isoformat() if written else None,
        contract_ends=ends.isoformat() if written else None,
        baa=random.choice((True, True, True, False, None)),
        data_rights=random.choice(_DATA_RIGHTS) if written else None,
        change_notice=random.choice(_CHANGE_NOTICE) if written and random.random() < 0.8 else None,
        annual_cost=float(random.randrange(12, 900) * 1000) if written else None,
    )
