"""Coming in: by password, by a one-time link, by a provider's word; and proving once more who one is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from codman.errors import CodmanError
from codman.registry import accounts_throttle as throttle
from codman.registry.access import Reader
from codman.registry.accounts_counted import counted
from codman.registry.accounts_demo import demo_person
from codman.registry.accounts_invitations import find_invitation, spend
from codman.registry.accounts_passwords import PASSWORDS, Busy, Passwords, check_password
from codman.registry.accounts_people import add_account, person_with, same_mailbox, set_password
from codman.registry.accounts_rights import held_by
from codman.registry.accounts_sessions import Opened, end_in, open_session
from codman.registry.database import Change, Database
from codman.registry.identifiers import new_id
from codman.registry.log import Author, Entry
from codman.registry.nouns import PEOPLE
from codman.registry.records import AlreadyThere, BadField
from codman.registry.schema import people
from codman.registry.schema_accounts import credentials, identities
from codman.settings import Settings
from codman.spine.person import Role


class SignInRefused(CodmanError):
    """A sign-in that failed; the same words whether the account, the password or the account's state was wrong."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            what="you are not signed in",
            why="e-mail address and password do not belong together, or the account is closed",
            fix="try again; an administrator can send you a new link",
        )


class NobodyHere(CodmanError):
    """Somebody whom the provider knows and the house does not."""

    exit_code = 2

    def __init__(self, why: str) -> None:
        super().__init__(
            what="the provider knows you, this house does not",
            why=why,
            fix="ask an administrator to enter you with the e-mail address the provider has",
        )


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a sign-in comes from."""

    address: str
    agent: str | None = None
    token: str | None = None  # the session it came with: ended, whoever's it was


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, in a provider's word."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None
    proven_at: datetime | None  # when they last typed a password there; None where the provider does not say


def sign_in(
    database: Database,
    email: str,
    password: str,
    browser: Browser,
    settings: Settings,
    passwords: Passwords = PASSWORDS,
) -> Opened:
    """Open a session for who knows the password.

    Raises:
        SignInRefused: They do not, or there is no such account, or it is closed.
        TooManyAttempts: Too many failed before.
        Busy: Too many sign in at this moment.
    """
    with counted("password"):
        person = _proven(database, email, password, browser, passwords)
        now = database.clock()
        with database.changing(Author("person", person)) as change:
            return _let_in(change, person, "password", browser, settings, now)


def prove_again(
    database: Database,
    reader: Reader,
    password: str,
    browser: Browser,
    settings: Settings,
    passwords: Passwords = PASSWORDS,
) -> Opened:
    """Prove by password who one is, in the middle of a session, so that one may sign: a new token, a fresh proof.

    Raises:
        SignInRefused: It is not theirs, or they have none.
        TooManyAttempts: Too many failed before.
        Busy: Too many sign in at this moment.
    """
    with database.reading() as connection:
        email = PEOPLE.get(connection, reader.person).email
    if email is None or reader.read_only or reader.via != "person":
        raise SignInRefused
    return sign_in(database, email, password, browser, settings, passwords)


def change_password(
    database: Database, reader: Reader, old: str, new: str, browser: Browser, passwords: Passwords = PASSWORDS
) -> None:
    """Change one's own password; every other session of theirs ends.

    Raises:
        SignInRefused: The old one is not theirs.
        WeakPassword: The new one is easily guessed.
        TooManyAttempts: Too many failed before.
        Busy: Too many sign in at this moment.
    """
    with database.reading() as connection:
        email, name = (person := PEOPLE.get(connection, reader.person)).email, person.name
    if email is None or reader.read_only or reader.via != "person":
        raise SignInRefused
    check_password(new, email=email, name=name)
    _proven(database, email, old, browser, passwords)
    kept = passwords.hashed(new)
    with database.changing(Author("person", reader.person)) as change:
        set_password(change, reader.person, kept)
        end_in(change, reader.person, but=reader.via_id)


def join(
    database: Database,
    token: str,
    *,
    name: str,
    email: str,
    password: str,
    browser: Browser,
    settings: Settings,
    passwords: Passwords = PASSWORDS,
) -> Opened:
    """Take a one-time link: an account, its role, and a session, or nothing of it.

    Raises:
        LinkSpent: The link was used, is over, or never was.
        WeakPassword: The password is easily guessed.
        BadField: The e-mail is not the one that was invited, or name or e-mail cannot be kept.
        AlreadyThere: Somebody signs in with this e-mail already, or holds more than whoever invited them could give.
        Busy: Too many sign in at this moment.
    """
    now = database.clock()
    with counted("link"), database.reading() as connection:
        invited = find_invitation(connection, token, now)
    if invited.email is not None and invited.email.casefold() != email.strip().casefold():
        raise BadField(
            "account",
            "email",
            "this link was made for another e-mail address",
            fix="use the address that the link was sent to",
        )
    PEOPLE.validated({"name": name, "email": email.strip()})
    check_password(password, email=email, name=name)
    kept = passwords.hashed(password)  # before the transaction: a third of a second is long to hold everybody up
    with database.changing(Author("invitation", invited.name)) as change:
        spent = spend(change, token, now)
        if (known := person_with(change.connection, email)) is not None:
            _refuse_more_than_the_inviters(change.connection, spent.invited_by, known.id)
        person = add_account(change, email=email, name=name, password_hash=kept, role=Role(spent.role), site=spent.site)
        change.record(Entry("invitation.use", "invitation", spent.name, after={"person": person.id}))
        return _let_in(change, person.id, "link", browser, settings, now)


def sign_in_as(
    database: Database,
    identity: Identity,
    browser: Browser,
    settings: Settings,
    *,
    must_be: str | None = None,
) -> Opened:
    """Open a session for whom a provider vouches for.

    Args:
        database: The book.
        identity: In the provider's word.
        browser: Where it comes from.
        settings: How long a session lasts; whether strangers may come in as nobody yet.
        must_be: The person who went to the provider to prove who they are; None is anybody.

    Raises:
        NobodyHere: The house does not know them, or their account is closed, or they are somebody else.
    """
    with counted("provider"), database.changing(Author("provider", identity.issuer)) as change:
        person = _linked(change, identity) or _link(change, identity, settings)
        active = change.connection.execute(select(people.c.active).where(people.c.id == person)).scalar_one()
        if not active:
            raise NobodyHere("your account here is closed")
        if must_be is not None and person != must_be:
            raise NobodyHere("somebody else signed in there than is signed in here")
        return _let_in(change, person, "provider", browser, settings, identity.proven_at)


def demo_session(database: Database, role: Role, settings: Settings, browser: Browser | None = None) -> Opened:
    """Open a read-only session in a demo house: it sees what somebody in that role sees, and changes nothing.

    Raises:
        NotADemoHouse: The house is not marked so, people have passwords in it, or nobody holds the role.
    """
    now = database.clock()
    with database.reading() as connection:
        person = demo_person(connection, role)
    with database.changing(Author("system", "demo")) as change:
        return open_session(
            change,
            person,
            "demo",
            settings,
            now,
            instead_of=None if browser is None else browser.token,
            agent=None if browser is None else browser.agent,
            role=role.value,
            read_only=True,
        )


def _let_in(
    change: Change, person: str, method: str, browser: Browser, settings: Settings, proven_at: datetime | None
) -> Opened:
    """A session in the browser's name, in place of the one it came with."""
    now = datetime.fromisoformat(change.at)
    return open_session(
        change, person, method, settings, now, proven_at=proven_at, instead_of=browser.token, agent=browser.agent
    )


def _proven(database: Database, email: str, password: str, browser: Browser, passwords: Passwords) -> str:
    """Whose password this is. Every way to fail takes the same steps, so that time tells nothing."""
    with database.unrecorded() as connection:
        attempt = throttle.begin(connection, email, browser.address, database.clock())
    with database.reading() as connection:
        row = _credential(connection, email)
    try:
        right = passwords.fits(None if row is None else row.password_hash, password)
    except Busy:
        with database.unrecorded() as connection:
            throttle.withdraw(connection, attempt)
        raise
    if not right or row is None or not row.active:
        raise SignInRefused
    renewed = passwords.hashed(password) if passwords.is_old(row.password_hash) else None
    with database.unrecorded() as connection:
        throttle.forgive(connection, attempt, database.clock())
    if renewed is not None:
        with database.changing(Author("person", row.id)) as change:
            set_password(change, row.id, renewed)
    return str(row.id)


def _refuse_more_than_the_inviters(connection: Connection, inviter: str | None, person: str) -> None:
    """A link to somebody the book knows opens all they hold: who made it must be able to give all of it.

    Raises:
        AlreadyThere: They could not.
    """
    if inviter is None:
        return
    reach = [held.path for held in held_by(connection, inviter) if held.role is Role.ADMIN]
    if not all(any(held.path.startswith(path) for path in reach) for held in held_by(connection, person)):
        raise AlreadyThere(
            "account", "somebody with this e-mail address holds more than whoever invited you could give"
        )


def _credential(connection: Any, email: str) -> Row[Any] | None:
    person = person_with(connection, email)
    wanted = "" if person is None else person.id
    query = select(people.c.id, people.c.active, credentials.c.password_hash).join(credentials)
    row: Row[Any] | None = connection.execute(query.where(people.c.id == wanted)).first()
    return row


def _linked(change: Change, identity: Identity) -> str | None:
    query = select(identities.c.person).where(
        identities.c.issuer == identity.issuer, identities.c.subject == identity.subject
    )
    found: str | None = change.connection.execute(query).scalar()
    return found


def _link(change: Change, identity: Identity, settings: Settings) -> str:
    """Remember somebody by issuer and subject: an existing person by verified e-mail, else a new one if let in."""
    email = identity.email if identity.email_verified else None
    if email is None:
        raise NobodyHere("it gives no e-mail address that it has verified")
    person = person_with(change.connection, email)
    if person is None and not settings.oidc_create_people:
        raise NobodyHere("nobody here has your e-mail address")
    if person is None:
        if same_mailbox(change.connection, email):
            raise NobodyHere("somebody else here has your e-mail address, but for what stands behind its +")
        name = PEOPLE.validated({"name": identity.name or email.partition("@")[0], "email": email})
        person = PEOPLE.add(change, name, new_id("person"))
    taken = select(identities.c.subject).where(identities.c.issuer == identity.issuer, identities.c.person == person.id)
    if change.connection.execute(taken).first() is not None:
        raise NobodyHere("your e-mail address belonged to somebody else of this provider before")
    change.connection.execute(
        insert(identities).values(
            issuer=identity.issuer, subject=identity.subject, person=person.id, linked_at=change.at
        )
    )
    after = {"issuer": identity.issuer, "person": person.id, "subject": identity.subject}
    change.record(Entry("identity.create", "person", person.id, after=after, words=frozenset({"subject"})))
    return person.id
