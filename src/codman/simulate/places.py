"""places and people: a health system of three regions, their hospitals and units, and who works there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from codman.simulate.history import Added
from codman.spine.person import GrantFields, PersonFields, Role
from codman.spine.site import SiteFields, SiteLevel

HOUSE: Final = "site-demo"
REGIONS: Final = ("north", "coast", "valley")
_HOSPITALS: Final = (
    ("general", "General Hospital", ("emergency", "icu", "ward", "imaging", "clinic", "theatre")),
    ("university", "University Hospital", ("stroke", "oncology", "pathology", "cardiology", "labour")),
    ("children", "Children's Hospital", ("nicu", "emergency", "ward", "clinic")),
    ("community", "Community Hospital", ("emergency", "ward", "surgery", "endoscopy", "imaging")),
)
_UNITS: Final = {
    "emergency": "Emergency department",
    "icu": "Intensive care",
    "ward": "Medical wards",
    "surgery": "Surgical wards",
    "imaging": "Imaging",
    "clinic": "Primary care clinic",
    "theatre": "Operating rooms",
    "stroke": "Stroke unit",
    "oncology": "Oncology clinic",
    "pathology": "Pathology",
    "cardiology": "Cardiology",
    "labour": "Labour and delivery",
    "nicu": "Neonatal intensive care",
    "endoscopy": "Endoscopy",
}
_DISCIPLINES: Final = (
    "critical care",
    "nursing",
    "patient safety",
    "equity",
    "law and privacy",
    "IT operations",
    "radiology",
    "emergency medicine",
    "pharmacy",
    "primary care",
    "biostatistics",
    "patient representative",
)
_OWNERS: Final = (
    "imaging",
    "laboratory",
    "nursing informatics",
    "clinical informatics",
    "patient flow",
    "pharmacy",
    "oncology",
    "primary care",
    "emergency medicine",
    "documentation",
)
_CLINICIANS: Final = ("hospital medicine", "imaging", "outpatient care")


@dataclass(frozen=True, slots=True)
class Campus:
    """One hospital's site, its region's, and its units by what they are."""

    id: str
    name: str
    region: str
    units: dict[str, str]  # what it is, to its site


@dataclass(frozen=True, slots=True)
class Places:
    """The system's sites, the highest first, and its hospitals."""

    sites: tuple[Added, ...]
    hospitals: tuple[Campus, ...]


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody, by the role they are known for; clinicians by their hospital."""

    people: tuple[Added, ...]
    grants: tuple[Added, ...]
    by_role: dict[Role, tuple[str, ...]]
    clinicians: dict[str, tuple[str, ...]]


def make_places(*, small: bool) -> Places:
    """A system, its regions, hospitals and units: twelve hospitals and sixty units, or two and eleven."""
    regions = REGIONS[:1] if small else REGIONS
    sites = [Added("site", HOUSE, SiteFields(name="Demo Health System", level=SiteLevel.SYSTEM))]
    hospitals = []
    for region in regions:
        title, home = region.capitalize(), f"{HOUSE}-{region}"
        sites.append(Added("site", home, SiteFields(name=f"{title} Region", level=SiteLevel.REGION, parent=HOUSE)))
        for key, name, units in _HOSPITALS[:2] if small else _HOSPITALS:
            site = f"{home}-{key}"
            called = f"{title} {name}"
            sites.append(Added("site", site, SiteFields(name=called, level=SiteLevel.HOSPITAL, parent=home)))
            places = {unit: f"{site}-{unit}" for unit in units}
            sites += [
                Added("site", at, SiteFields(name=f"{_UNITS[unit]}, {called}", level=SiteLevel.UNIT, parent=site))
                for unit, at in places.items()
            ]
            hospitals.append(Campus(site, called, home, places))
    return Places(tuple(sites), tuple(hospitals))


def make_staff(places: Places, *, small: bool) -> Staff:
    """People in every role, each no more than a role and a number."""
    regions = [site.id for site in places.sites if isinstance(site.fields, SiteFields) and site.fields.parent == HOUSE]
    posts: list[tuple[Role, str, str | None]] = []  # role, discipline, site
    posts += [(Role.ADMIN, "IT operations", None)] * (1 if small else 2)
    posts += [(Role.OFFICER, "AI governance", None)] * (1 if small else 2)
    posts += [(Role.OFFICER, "AI governance", region) for region in ([] if small else regions)]
    posts += [(Role.CHAIR, "AI committee", None), *((Role.CHAIR, "AI committee", region) for region in regions)]
    posts += [(Role.REVIEWER, discipline, None) for discipline in _DISCIPLINES[: 3 if small else None]]
    posts += [(Role.OWNER, discipline, None) for discipline in _OWNERS[: 3 if small else None]]
    posts += [(Role.OWNER, discipline, region) for region in regions for discipline in _OWNERS[: 1 if small else 3]]
    posts += [(Role.ENGINEER, "data science", None)] * (2 if small else 4)
    posts += [(Role.ENGINEER, "interfaces", region) for region in regions]
    posts += [(Role.AUDITOR, "internal audit", None)] * (1 if small else 2)
    posts += [(Role.VIEWER, "administration", None)] + [(Role.VIEWER, "administration", h.id) for h in places.hospitals]

    people: list[Added] = []
    grants: list[Added] = []
    by_role: dict[Role, tuple[str, ...]] = {}
    for role, discipline, site in posts:
        person = _person(people, role.value, len(by_role.get(role, ())) + 1, discipline)
        grants.append(_grant(len(grants) + 1, person, role, site))
        by_role[role] = (*by_role.get(role, ()), person)
    clinicians: dict[str, tuple[str, ...]] = {}
    numbers = iter(range(1, 1000))
    for hospital in places.hospitals:
        here = [_person(people, "clinician", next(numbers), discipline) for discipline in _CLINICIANS]
        # who accepts a deployment reviews what runs in the own hospital
        grants += list(_grants(len(grants) + 1, here, Role.REVIEWER, hospital.id))
        clinicians[hospital.id] = tuple(here)
    return Staff(tuple(people), tuple(grants), by_role, clinicians)


def _person(people: list[Added], word: str, number: int, discipline: str) -> str:
    name = f"person-demo-{word}-{number:02d}"
    people.append(
        Added(
            "person",
            name,
            PersonFields(
                name=f"{word.capitalize()} {number}, {discipline}",
                email=f"{word}{number}@demo.invalid",
                discipline=discipline,
            ),
        )
    )
    return name


def _grant(number: int, person: str, role: Role, site: str | None) -> Added:
    return Added("grant", f"grant-demo-{number:03d}", GrantFields(person=person, role=role, site=site))


def _grants(first: int, people: Sequence[str], role: Role, site: str) -> Iterator[Added]:
    for offset, person in enumerate(people):
        yield _grant(first + offset, person, role, site)
