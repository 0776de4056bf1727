"""tokens: a program's way in, made by its owner or by an administrator, and taken back by either."""

from __future__ import annotations

from collections.abc import Sequence

from codman.errors import CodmanError
from codman.flows.house import House
from codman.registry.access import OWN_WORD, NotAllowed, Reader, covers, require
from codman.registry.accounts_tokens import USUAL_DAYS, Issued, Token, issue, revoke, token_named, tokens_of
from codman.registry.nouns import PEOPLE
from codman.registry.records import BadField, NoSuchRecord
from codman.spine.person import Role


def list_tokens(house: House, reader: Reader, person: str) -> Sequence[Token]:
    """Somebody's tokens, the newest first; never the secrets.

    Raises:
        NotAllowed: They are somebody else's, and the reader administers nothing.
        NoSuchRecord: There is no such person.
    """
    _own_or_administrator(reader, "token.create", person)
    with house.database.reading() as connection:
        PEOPLE.get(connection, person)
        return tokens_of(connection, person)


def create_token(
    house: House,
    reader: Reader,
    person: str,
    scopes: Sequence[str],
    *,
    name: str,
    days: int = USUAL_DAYS,
    why: str | None = None,
    request: str | None = None,
) -> Issued:
    """Make a token; its secret is known this one time.

    A token that makes a token gives it no scope that it has not itself.

    Raises:
        NotAllowed: It is for somebody else, and the reader does not administer the whole house, or the token would
            speak where only the person themselves may.
        NoSuchRecord: There is no such person.
        BadField: They may not come in any more, or the scopes go beyond the reader's own.
        BadScope: A scope names no action.
        BadDays: Too many days, or none.
    """
    _own_or_administrator(reader, "token.create", person)
    if reader.person != person:
        _refuse_their_own_word(scopes)
    if reader.scopes is not None and not set(scopes) <= reader.scopes and "*" not in reader.scopes:
        raise BadField(
            "token",
            "scopes",
            "a token makes no token that may do more than itself",
            fix="ask for less, or sign in and make it",
        )
    with house.database.changing(reader.author(request), why) as change:
        if not PEOPLE.get(change.connection, person).active:
            raise BadField(
                "token", "person", "this account was closed", fix="make it for somebody whose account is open"
            )
        return issue(change, person, scopes, house.database.clock(), days=days, name=name)


def revoke_token(
    house: House, reader: Reader, person: str, name: str, *, why: str | None = None, request: str | None = None
) -> Token:
    """Make a token worthless from here on.

    Raises:
        NotAllowed: It is somebody else's, and the reader does not administer the whole house.
        NoSuchRecord: This person has no such token.
    """
    _own_or_administrator(reader, "token.revoke", person)
    with house.database.changing(reader.author(request), why) as change:
        if token_named(change.connection, name).person != person:
            raise NoSuchRecord("token", name)
        return revoke(change, name)


def read_token(house: House, reader: Reader, person: str, name: str) -> Token:
    """One token, never the secret.

    Raises:
        NotAllowed: It is somebody else's, and the reader does not administer the whole house.
        NoSuchRecord: This person has no such token.
    """
    _own_or_administrator(reader, "token.create", person)
    with house.database.reading() as connection:
        found = token_named(connection, name)
    if found.person != person:
        raise NoSuchRecord("token", name)
    return found


class TheirOwnWord(NotAllowed):
    """A token for somebody else that would decide, accept or give rights in their name."""

    def __init__(self, action: str) -> None:
        CodmanError.__init__(
            self,
            what="this token is not yours to make",
            why=f"with it you would do '{action}' in somebody else's name, and two people would be one",
            fix="name the scopes a program needs, e.g. evidence.* and *.read; or let them make it themselves",
        )


def _refuse_their_own_word(scopes: Sequence[str]) -> None:
    for action in sorted(OWN_WORD):
        if covers(scopes, action):
            raise TheirOwnWord(action)


def _own_or_administrator(reader: Reader, action: str, person: str) -> None:
    require(reader, action)
    if reader.person == person:
        return
    # a token carries all its owner holds, anywhere: who makes one for another must administer all of it
    if not any(held.role is Role.ADMIN and held.path == "/" for held in reader.held):
        raise NotAllowed(action, "for somebody else")
