"""What holds for each kind of record beyond its fields: who sees it, who may change it, what must fit together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, exists, false, func, literal, or_, select, true, update

from codman.flows.deployment_rules import deployment_fits
from codman.registry import nouns
from codman.registry.access import Reader, paths_for
from codman.registry.accounts_invitations import has_administrator
from codman.registry.accounts_people import LastAdministrator, refuse_same_mailbox
from codman.registry.fixed_fields import DECIDED as DECIDED
from codman.registry.fixed_fields import RAN_BEFORE, deployment_stays, fact_stays, use_stays, version_stays
from codman.registry.inventory import visible
from codman.registry.namesakes import why_not_as_before
from codman.registry.places import at_site, inside
from codman.registry.records import BadField, NoSuchRecord, Records
from codman.registry.schema import deployments, documents, facts, grants, people, sites, uses
from codman.spine.site import Site, SiteLevel
from codman.spine.use import Decision, Stage, UseFields

_LEVELS: Final = list(SiteLevel)

Within = Sequence[str]
Seen = Callable[[Within, Reader], ColumnElement[bool]]
Places = Callable[[Connection, Any], Sequence[str] | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record, and the actions and rules that go with it."""

    records: Records[Any, Any]
    read: str
    create: str
    change: str
    seen: Seen  # which rows somebody with these sites sees
    places: Places  # the sites a change reaches: every one must be within reach; None is: anywhere will do
    fits: Callable[[Connection, Any], None] | None = None
    stays: Callable[[Connection, Any, Mapping[str, Any]], None] | None = None  # refuses to edit what others rely on
    filters: tuple[str, ...] = ()
    words: tuple[str, ...] = ("name",)  # columns a search looks in

    def check(self, connection: Connection, record: Any) -> None:
        """Refuse what does not fit together."""
        if self.fits is not None:
            self.fits(connection, record)

    def standing(self, old: Any, fields: Any) -> Any:
        """The record as it will be once these fields are written."""
        return self.records.record.model_validate({**old.model_dump(), **fields.model_dump()})


def site_path(connection: Connection, site: str | None, kind: str) -> str:
    """Where a record of this site belongs; without a site it is the whole house's.

    Raises:
        BadField: There is no such site.
    """
    if site is None:
        return "/"
    try:
        return nouns.SITES.get(connection, site).path
    except NoSuchRecord:
        raise BadField(kind, "site", "there is no such site") from None


def decided_on_entry(connection: Connection, made: UseFields) -> bool:
    """Whether a new use says something that only a review may say. That it ran before anybody asked is no decision.

    Of a product that a committee had before it, that is paused or about which harm is open, nobody says so by
    themselves: what was refused or stopped would go on by another name.
    """
    ran = made.stage in RAN_BEFORE and made.decision is Decision.LEGACY
    if ran:
        ran = why_not_as_before(connection, made.product) is None
    proposed = made.stage is Stage.PROPOSED and made.decision is Decision.UNDECIDED
    return not (ran or proposed) or made.tier is not None or made.impact is not None


def _everyone(within: Within, _reader: Reader) -> ColumnElement[bool]:
    return true() if within else false()


def _sites_seen(within: Within, _reader: Reader) -> ColumnElement[bool]:
    """One's own sites, all below them, and those above, so that a place in the hierarchy has a name."""
    if "/" in within:
        return true()
    above = (func.substr(literal(path), 1, func.length(sites.c.path)) == sites.c.path for path in within)
    return or_(inside(within), *above)


def _grants_seen(within: Within, reader: Reader) -> ColumnElement[bool]:
    return or_(grants.c.person == reader.person, at_site(grants.c.site, within))


def _about_seen(table: Any) -> Seen:
    """What is said of a product or a version everyone sees; what is said of a use, who sees the use."""

    def seen(within: Within, _reader: Reader) -> ColumnElement[bool]:
        if "/" in within:
            return true()
        of_a_use = and_(table.c.about_kind == "use", table.c.about == uses.c.id, visible(within))
        return or_(table.c.about_kind != "use", exists(select(uses.c.id).where(of_a_use)))

    return seen


def _use_places(connection: Connection, use: Any) -> Sequence[str]:
    """The site that answers for it; without one, all it runs at; else the whole house."""
    if use.site is not None:
        return [site_path(connection, use.site, "use")]
    name = getattr(use, "id", None)
    return _running_at(connection, deployments.c.use == name) or ["/"]


def _product_places(connection: Connection, product: Any) -> Sequence[str] | None:
    """Every site it is used at: it is changed for all of them. What nobody uses yet may be changed by any keeper."""
    name = getattr(product, "id", None)
    found = connection.execute(select(uses).where(uses.c.product == name)).all() if name else []
    places = {place for row in found for place in _use_places(connection, row)}
    return sorted(places) or None


def _version_places(connection: Connection, version: Any) -> Sequence[str] | None:
    """All that its product reaches, and wherever else it runs. A new edition changes nothing that runs."""
    if getattr(version, "id", None) is None:
        return None
    of_product = _product_places(connection, nouns.PRODUCTS.get(connection, version.product)) or ()
    return sorted({*of_product, *_running_at(connection, deployments.c.version == version.id)}) or None


def _running_at(connection: Connection, which: ColumnElement[bool]) -> list[str]:
    query = select(sites.c.path).join(deployments, deployments.c.site == sites.c.id).where(which).distinct()
    return sorted(connection.execute(query).scalars())


def _deployment_places(connection: Connection, deployment: Any) -> Sequence[str]:
    return [site_path(connection, deployment.site, "deployment")]


def _site_places(connection: Connection, site: Any) -> Sequence[str]:
    """A new site belongs to the one above it; one that is there, to itself and the one above."""
    above = site_path(connection, site.parent, "site")
    name = getattr(site, "id", None)
    return [above if name is None else f"{above.rstrip('/')}/{name}/"]


def _person_places(connection: Connection, person: Any) -> Sequence[str] | None:
    """Everywhere they hold a role: who may not touch the role may not touch the person."""
    name = getattr(person, "id", None)
    held = connection.execute(select(grants.c.site).where(grants.c.person == name)).scalars().all()
    return [site_path(connection, site, "person") for site in held] or None


def _grant_places(connection: Connection, grant: Any) -> Sequence[str]:
    return [site_path(connection, grant.site, "grant")]


def _about_places(connection: Connection, said: Any) -> Sequence[str] | None:
    try:
        about = getattr(nouns, f"{said.about_kind.upper()}S").get(connection, said.about)
    except NoSuchRecord:
        raise BadField("fact", "about", f"there is no such {said.about_kind}") from None
    if said.about_kind == "use":
        return _use_places(connection, about)
    if getattr(said, "id", None) is None:
        return None  # one more answer takes nobody's back
    product = about if said.about_kind == "product" else nouns.PRODUCTS.get(connection, about.product)
    return _product_places(connection, product)


def _vendor_places(_connection: Connection, vendor: Any) -> Sequence[str] | None:
    """A contract binds the whole house; a new name binds nobody."""
    return None if getattr(vendor, "id", None) is None else ["/"]


def _no_circle(records: Records[Any, Any], column: str) -> Callable[[Connection, Any], None]:
    """A record that is a part of, or made from, another is never its own ancestor."""

    def fits(connection: Connection, record: Any) -> None:
        own, above = getattr(record, "id", None), getattr(record, column)
        while above is not None:
            if above == own:
                raise BadField(records.kind, column, "it would stand above itself")
            above = getattr(records.get(connection, above), column)

    return fits


def _version_fits(connection: Connection, version: Any) -> None:
    _no_circle(nouns.VERSIONS, "parent")(connection, version)
    if version.parent is not None and nouns.VERSIONS.get(connection, version.parent).product != version.product:
        raise BadField("version", "parent", "it is a version of another product")


def _person_fits(connection: Connection, person: Any) -> None:
    """Nobody's address leads to somebody else's mail; one that is there already stays until it is changed."""
    own = getattr(person, "id", None)
    had = connection.execute(select(people.c.email).where(people.c.id == own)).scalar_one_or_none()
    if person.email is not None and person.email != had:
        refuse_same_mailbox(connection, person.email, but=own)


def move_what_is_below(connection: Connection, old: Site, new: Site) -> None:
    """Have the paths below a site follow it.

    Raises:
        BadField: Its level no longer stands above its children's.
    """
    children = connection.execute(select(sites.c.level).where(sites.c.parent == new.id)).scalars()
    if any(_LEVELS.index(SiteLevel(child)) <= _LEVELS.index(new.level) for child in children):
        raise BadField("site", "level", "a site below it stands at that level or above")
    if old.path == new.path:
        return
    below = select(sites.c.id, sites.c.path).where(sites.c.path.startswith(old.path, autoescape=True))
    for row in connection.execute(below.where(sites.c.id != new.id)).all():
        moved = new.path + row.path.removeprefix(old.path)
        connection.execute(update(sites).where(sites.c.id == row.id).values(path=moved))


def actions_of(kind: str, rules: Kind, changed: set[str]) -> list[str]:
    """What somebody must be allowed to do to change these fields."""
    if kind != "use" or not changed & DECIDED:
        return [rules.change]
    return ["use.decide", rules.change] if changed - DECIDED else ["use.decide"]


@contextmanager
def an_administrator_stays(connection: Connection) -> Iterator[None]:
    """Undo what would leave the house with nobody who can let anybody in.

    Raises:
        LastAdministrator: There was one before, and there is none after.
    """
    could = has_administrator(connection)
    yield
    if could and not has_administrator(connection):
        raise LastAdministrator


KINDS: Final[Mapping[str, Kind]] = {
    "vendor": Kind(nouns.VENDORS, "inventory.read", "vendor.create", "vendor.change", _everyone, _vendor_places),
    "product": Kind(
        nouns.PRODUCTS,
        "inventory.read",
        "product.create",
        "product.change",
        _everyone,
        _product_places,
        _no_circle(nouns.PRODUCTS, "embedded_in"),
        filters=("kind", "vendor", "embedded_in", "submission"),
        words=("name", "summary"),
    ),
    "version": Kind(
        nouns.VERSIONS,
        "inventory.read",
        "version.create",
        "version.change",
        _everyone,
        _version_places,
        _version_fits,
        version_stays,
        filters=("product", "digest", "ehr_build", "parent"),
        words=("label",),
    ),
    "site": Kind(
        nouns.SITES,
        "inventory.read",
        "site.create",
        "site.change",
        _sites_seen,
        _site_places,
        filters=("level", "parent"),
    ),
    "person": Kind(
        nouns.PEOPLE,
        "person.read",
        "person.create",
        "person.change",
        _everyone,
        _person_places,
        _person_fits,
        filters=("discipline",),
        words=("name", "email"),
    ),
    "grant": Kind(
        nouns.GRANTS,
        "person.read",
        "grant.create",
        "grant.remove",
        _grants_seen,
        _grant_places,
        filters=("person", "role", "site"),
        words=(),
    ),
    "use": Kind(
        nouns.USES,
        "inventory.read",
        "use.create",
        "use.change",
        lambda within, _reader: visible(within),
        _use_places,
        stays=use_stays,
        filters=(),
    ),
    "deployment": Kind(
        nouns.DEPLOYMENTS,
        "inventory.read",
        "deployment.create",
        "deployment.change",
        lambda within, _reader: at_site(deployments.c.site, within),
        _deployment_places,
        deployment_fits,
        deployment_stays,
        filters=("use", "site", "version", "mode", "clinician"),
        words=(),
    ),
    "document": Kind(
        nouns.DOCUMENTS,
        "document.read",
        "document.create",
        "document.create",
        _about_seen(documents),
        _about_places,
        filters=("about_kind", "about", "type", "digest"),
        words=("title",),
    ),
    "fact": Kind(
        nouns.FACTS,
        "inventory.read",
        "fact.create",
        "fact.change",
        _about_seen(facts),
        _about_places,
        stays=fact_stays,
        filters=("about_kind", "about", "field", "basis", "source"),
        words=("field", "value"),
    ),
}


def may_name(reader: Reader, kind: str) -> None:
    """Refuse an id of the sender's own by who sees a part of such records: whether it is taken would be told by that.

    Raises:
        BadField: They see a part of them.
    """
    rules = KINDS[kind]
    if rules.seen is not _everyone and "/" not in paths_for(reader, rules.read):
        raise BadField(
            kind,
            "id",
            "an id of your own is for who sees the whole house: leave it out, and one is given",
            fix="leave it out",
        )
