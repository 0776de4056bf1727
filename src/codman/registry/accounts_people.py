"""Accounts: people who can come in, the roles they are given, and the end of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from codman.errors import BadInput
from codman.registry.accounts_invitations import has_administrator
from codman.registry.accounts_sessions import end_in
from codman.registry.accounts_tokens import revoke
from codman.registry.database import Change
from codman.registry.log import Entry
from codman.registry.nouns import GRANTS, PEOPLE
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord
from codman.registry.schema import grants, people, sites
from codman.registry.schema_accounts import credentials, identities, tokens
from codman.spine.person import Grant, GrantFields, Person, Role


class LastAdministrator(BadInput):
    """What would leave the house with nobody who can let anybody in."""

    def __init__(self) -> None:
        super().__init__(
            what="the house would have no administrator",
            why="this is the last one who can sign in and administers the whole house",
            fix="make somebody else administrator first",
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A person as `codman user list` shows them."""

    person: str
    name: str
    email: str | None
    active: bool
    roles: Sequence[str]  # `officer`, or `owner at /north/`
    signs_in_with: Sequence[str]  # password, provider


def person_with(connection: Connection, email: str) -> Person | None:
    """The person with an e-mail address, however it is capitalised."""
    wanted = email.strip().casefold()
    row = connection.execute(select(people).where(func.lower(people.c.email) == wanted).order_by(people.c.id)).first()
    return None if row is None else PEOPLE.read(row)


class SameMailbox(AlreadyThere):
    """An address that another person's mail comes to: one person would be two for every rule that takes two."""

    def __init__(self) -> None:
        super().__init__("person", "somebody's mail comes to this address, whatever stands behind its +")
        self.fix = "use the person who is there; for another one, give an address of their own"


def refuse_same_mailbox(connection: Connection, email: str, but: str | None = None) -> None:
    """Refuse an address that differs from somebody else's only by what stands behind a +: the mail is one person's.

    Raises:
        SameMailbox: It does.
    """
    if same_mailbox(connection, email, but):
        raise SameMailbox


def same_mailbox(connection: Connection, email: str, but: str | None = None) -> bool:
    """Whether an address is somebody else's, whatever stands behind a + in it."""
    local, domain = _mailbox(email)
    near = func.lower(people.c.email).like(f"{_escaped(local)}%@{_escaped(domain)}", escape="/")
    found = connection.execute(select(people.c.id, people.c.email).where(near)).all()
    return any(_mailbox(row.email) == (local, domain) for row in found if row.id != but)


def _mailbox(email: str) -> tuple[str, str]:
    local, _, domain = email.strip().lower().rpartition("@")
    return local.partition("+")[0] or local, domain


def _escaped(text: str) -> str:
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")


def add_account(
    change: Change, *, email: str, name: str, password_hash: str | None, role: Role | None, site: str | None
) -> Person:
    """Let somebody in: a person, or one the book has already without a way in, with a password and a role.

    Args:
        change: The transaction.
        email: What they sign in with.
        name: What the log and the pages call them.
        password_hash: Of `Passwords.hashed`; None where they sign in otherwise.
        role: What they are here to do; None is nobody yet.
        site: Where the role begins; None is the whole house.

    Raises:
        AlreadyThere: Somebody signs in with this e-mail already, or its mail comes to somebody else.
        BadField: The e-mail, the name or the site cannot be kept.
    """
    person = person_with(change.connection, email)
    if person is None:
        refuse_same_mailbox(change.connection, email)
        plain = {"name": name, "email": email.strip()}
        person = PEOPLE.add(change, PEOPLE.validated(plain))
    elif not person.active or can_sign_in(change.connection, person.id):
        raise AlreadyThere("account", "somebody has this e-mail address and signs in with it, or did")
    if password_hash is not None:
        set_password(change, person.id, password_hash)
    if role is not None:
        give_role(change, person.id, role, site)
    return person


def give_role(change: Change, person: str, role: Role, site: str | None) -> Grant:
    """Give somebody a role at a site and below; one they hold already is left as it is.

    Raises:
        BadField: There is no such site.
    """
    here = grants.c.site.is_(None) if site is None else grants.c.site == site
    held = change.connection.execute(
        select(grants).where(grants.c.person == person, grants.c.role == role.value, here)
    ).first()
    return (
        GRANTS.read(held) if held is not None else GRANTS.add(change, GrantFields(person=person, role=role, site=site))
    )


def take_role(change: Change, grant: str) -> None:
    """Take a role away; sessions and tokens lose it with the next request.

    Raises:
        NoSuchRecord: There is no such grant.
        LastAdministrator: Nobody could let anybody in any more.
    """
    old = GRANTS.get(change.connection, grant)
    change.connection.execute(delete(grants).where(grants.c.id == grant))
    if old.role is Role.ADMIN and not has_administrator(change.connection):
        raise LastAdministrator
    before = {"person": old.person, "role": old.role.value, "site": old.site}
    change.record(Entry("grant.remove", "grant", grant, before=before))


def set_password(change: Change, person: str, password_hash: str) -> None:
    """Give somebody a password, or another; the log says that, and nothing of the password."""
    done = change.connection.execute(
        update(credentials)
        .where(credentials.c.person == person)
        .values(password_hash=password_hash, changed_at=change.at)
    )
    if done.rowcount == 0:
        change.connection.execute(
            insert(credentials).values(person=person, password_hash=password_hash, changed_at=change.at)
        )
    change.record(Entry("password.change", "person", person))


def deactivate(change: Change, person: str) -> Person:
    """Close an account: sessions and tokens end in the same transaction; what the person did stays in the book.

    Raises:
        NoSuchRecord: There is no such person.
        LastAdministrator: Nobody could let anybody in any more.
    """
    could = has_administrator(change.connection)
    closed = PEOPLE.change(change, person, {"active": False}, None)
    if could and not has_administrator(change.connection):
        raise LastAdministrator
    end_in(change, person)
    live = select(tokens.c.id).where(tokens.c.person == person, tokens.c.revoked_at.is_(None))
    for token in change.connection.execute(live).scalars().all():
        revoke(change, token)
    return closed


def can_sign_in(connection: Connection, person: str) -> bool:
    """Whether somebody has a password or an identity at a provider."""
    ways = exists().where(credentials.c.person == person) | exists().where(identities.c.person == person)
    return bool(connection.execute(select(ways)).scalar())


def accounts(connection: Connection) -> Sequence[Account]:
    """Everybody who holds a role or can sign in, by name."""
    roles: dict[str, list[str]] = {}
    held = select(grants.c.person, grants.c.role, sites.c.path).outerjoin(sites, grants.c.site == sites.c.id)
    for person, role, path in connection.execute(held.order_by(grants.c.role, sites.c.path)):
        roles.setdefault(person, []).append(role if path is None else f"{role} at {path}")
    ways: dict[str, list[str]] = {}
    for person in connection.execute(select(credentials.c.person)).scalars():
        ways.setdefault(person, []).append("password")
    for person in connection.execute(select(identities.c.person).distinct()).scalars():
        ways.setdefault(person, []).append("provider")
    found = connection.execute(select(people).order_by(people.c.name, people.c.id))
    return [
        Account(row.id, row.name, row.email, row.active, roles.get(row.id, ()), ways.get(row.id, ()))
        for row in found
        if row.id in roles or row.id in ways
    ]


def site_named(connection: Connection, name: str) -> str:
    """A site's id, from its id, its path, or its name where only one has it.

    Raises:
        NoSuchRecord: There is none.
        BadField: Several have that name.
    """
    path = f"/{name.strip('/')}/"
    exact = connection.execute(select(sites.c.id).where((sites.c.id == name) | (sites.c.path == path))).scalars().all()
    found = exact or connection.execute(select(sites.c.id).where(sites.c.name == name)).scalars().all()
    if not found:
        raise NoSuchRecord("site", name)
    if len(found) > 1:
        raise BadField("grant", "site", f"{len(found)} sites have that name; give the id")
    return str(found[0])
