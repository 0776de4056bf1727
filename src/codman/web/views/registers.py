"""People, sites, vendors and keys, as lists and as single pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from sqlalchemy import Connection

from codman.registry.access import Reader, may
from codman.registry.keys import Key
from codman.registry.names import names_of
from codman.registry.register import Held, Place, roles_of, supplied_by, uses_owned, vendor_lines
from codman.registry.timeline import Asked, entries_of
from codman.spine.person import Person
from codman.spine.product import Vendor
from codman.web.render import brief
from codman.web.views.frame import ROLES
from codman.web.views.history import Event, events, ids_in
from codman.web.views.marks import Fact, Gap, Tag
from codman.web.views.product import contract


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """One person of the list."""

    href: str
    name: str
    discipline: str
    roles: str
    owns: int
    owns_href: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleView:
    """The list of people."""

    lines: tuple[PersonLine, ...]
    words: str
    first: str
    next: str


def people_view(
    connection: Connection, persons: Sequence[Person], words: str, *, first: str, next_page: str
) -> PeopleView:
    """A page of the list of people."""
    ids = [one.id for one in persons]
    roles, owned = roles_of(connection, ids), uses_owned(connection, ids)
    return PeopleView(
        lines=tuple(
            PersonLine(
                href=f"/people/{one.id}",
                name=one.name,
                discipline=one.discipline or "",
                roles="; ".join(_role(held) for held in roles.get(one.id, [])),
                owns=owned.get(one.id, 0),
                owns_href=f"/inventory?owner={one.id}",
                active=one.active,
            )
            for one in persons
        ),
        words=words,
        first=first,
        next=next_page,
    )


def _role(held: Held) -> str:
    return f"{ROLES.get(held.role, held.role)} ({held.site_name or 'whole house'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleLine:
    """A role of one person."""

    id: str
    role: str
    site: str
    revision: int
    removable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """One person."""

    id: str
    name: str
    tags: tuple[Tag, ...]
    says: tuple[Fact, ...]
    roles: tuple[RoleLine, ...]
    owns: int
    owns_href: str


def person_view(connection: Connection, person: Person, reader: Reader, *, with_email: bool) -> PersonView:
    """One person's page; their e-mail only for who may see it."""
    says = [Fact("Discipline", person.discipline or "")]
    if with_email:
        says.append(Fact("E-mail", person.email or ""))
    return PersonView(
        id=person.id,
        name=person.name,
        tags=() if person.active else (Tag("May not sign in", "unsure", "‖"),),
        says=tuple(says),
        roles=tuple(
            RoleLine(
                id=held.id,
                role=ROLES.get(held.role, held.role),
                site=held.site_name or "the whole house",
                revision=held.revision,
                removable=may(reader, "grant.remove", [held.path]),
            )
            for held in roles_of(connection, [person.id]).get(person.id, [])
        ),
        owns=uses_owned(connection, [person.id]).get(person.id, 0),
        owns_href=f"/inventory?owner={person.id}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteNode:
    """A site with those below it."""

    id: str
    name: str
    level: str
    uses: int
    href: str
    changeable: bool
    below: tuple[SiteNode, ...]


def site_nodes(places: Sequence[Place], reader: Reader) -> tuple[SiteNode, ...]:
    """Sites as a tree; each place stands after the one it is below."""
    found: list[tuple[Place, list[SiteNode]]] = []
    roots: list[SiteNode] = []
    for place in [*places, None]:
        while found and (place is None or not place.path.startswith(found[-1][0].path)):
            done, below = found.pop()
            node = SiteNode(
                id=done.id,
                name=done.name,
                level=done.level,
                uses=done.uses,
                href=f"/inventory?at={done.id}",
                changeable=may(reader, "site.change", [done.path]),
                below=tuple(below),
            )
            (found[-1][1] if found else roots).append(node)
        if place is not None:
            found.append((place, []))
    return tuple(roots)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorLine:
    """One vendor of the list."""

    href: str
    name: str
    products: int
    contract_ends: str | None
    soon: str
    baa: Tag
    cost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorsView:
    """The list of vendors."""

    sentence: str
    lines: tuple[VendorLine, ...]


def vendors_view(connection: Connection, today: str) -> VendorsView:
    """The list of vendors, and what of it cannot wait."""
    found = vendor_lines(connection)
    lines = tuple(
        VendorLine(
            href=f"/vendors/{vendor.id}",
            name=vendor.name,
            products=number,
            contract_ends=vendor.contract_ends,
            soon=_soon(vendor.contract_ends, today),
            baa=_agreed(vendor),
            cost=vendor.annual_cost,
        )
        for vendor, number in found
    )
    ended = sum(line.soon == "ended" for line in lines)
    soon = sum(line.soon.startswith("in ") for line in lines)
    unsigned = sum(vendor.baa is not True for vendor, _ in found)
    return VendorsView(
        sentence=(
            f"{_counted(len(lines), 'vendor', 'vendors')}. {_counted(ended, 'contract has', 'contracts have')} ended. "
            f"{_counted(soon, 'contract ends', 'contracts end')} within 90 days. "
            + (
                f"{_counted(unsigned, 'vendor has', 'vendors have')} no business associate agreement on record."
                if unsigned
                else "All have signed a business associate agreement."
            )
        ),
        lines=lines,
    )


def _counted(number: int, one: str, more: str) -> str:
    return f"{number or 'No'} {one if number == 1 else more}"


def _agreed(vendor: Vendor) -> Tag:
    if vendor.baa is None:
        return Tag("Not said", "unsure", "?")
    return Tag("Signed", "met", "✓") if vendor.baa else Tag("Not signed", "unmet", "×")


def _soon(ends: str | None, today: str) -> str:
    if ends is None:
        return ""
    days = (date.fromisoformat(ends) - date.fromisoformat(today)).days
    if days < 0:
        return "ended"
    return f"in {days} day{'' if days == 1 else 's'}" if days <= 90 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorView:
    """One vendor."""

    id: str
    name: str
    gaps: tuple[Gap, ...]
    contract: tuple[Fact, ...]
    products: tuple[tuple[str, str, int], ...]
    uses_href: str
    events: tuple[Event, ...]


def vendor_view(
    connection: Connection, vendor: Vendor, within: Sequence[str], today: str, *, may_change: bool
) -> VendorView:
    """One vendor's page."""
    history = entries_of(connection, Asked(about=[vendor.id], limit=20)).items
    return VendorView(
        id=vendor.id,
        name=vendor.name,
        gaps=_vendor_gaps(vendor, today, may_change=may_change),
        contract=contract(vendor)[1:],
        products=tuple(
            (f"/products/{product.id}", product.name, number)
            for product, number in supplied_by(connection, vendor.id, within)
        ),
        uses_href="/inventory?" + urlencode({"vendor": vendor.name}),
        events=events(history, names_of(connection, ids_in(history))),
    )


def _vendor_gaps(vendor: Vendor, today: str, *, may_change: bool) -> tuple[Gap, ...]:
    form = f"/vendors/{vendor.id}/edit" if may_change else ""
    found = []
    if _soon(vendor.contract_ends, today):
        said = _soon(vendor.contract_ends, today)
        found.append(Gap("The contract has ended" if said == "ended" else f"The contract ends {said}"))
    for name, said in (
        ("contract_ends", "When the contract ends is not said"),
        ("baa", "Whether a business associate agreement is signed is not said"),
        ("data_rights", "What it may do with the hospital's data is not said"),
        ("change_notice", "Whether it must tell of changes is not said"),
    ):
        if getattr(vendor, name) is None:
            found.append(Gap(said, form and f"{form}#f-{name}"))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """One key."""

    id: str
    name: str
    owner: str
    keyid: str
    origins: str
    about: str
    site: str
    tag: Tag
    valid_from: str
    until: str | None
    revision: int
    live: bool


def keys_view(keys: Sequence[Key], named: Mapping[str, str]) -> tuple[KeyLine, ...]:
    """The list of keys, those that count first."""
    lines = [
        KeyLine(
            id=key.id,
            name=key.name,
            owner=f"{key.owner_kind.value} {key.owner}",
            keyid=brief(key.keyid),
            origins=", ".join(origin.value for origin in key.origins),
            about="any product" if key.products is None else ", ".join(named.get(p, p) for p in key.products),
            site=named.get(key.site or "", "the whole house"),
            tag=_key_tag(key),
            valid_from="" if key.valid_from.startswith("1970") else key.valid_from,
            until=key.revoked_from or key.valid_to,
            revision=key.revision,
            live=key.revoked_from is None and key.valid_to is None,
        )
        for key in keys
    ]
    return tuple(sorted(lines, key=lambda line: not line.live))


def _key_tag(key: Key) -> Tag:
    if key.revoked_from is not None:
        return Tag("Revoked", "unmet", "×")
    if key.valid_to is not None:
        return Tag("Replaced", "plain", "‖")
    return Tag("Counts", "met", "✓")
