"""What people hold: roles at sites, and tokens for their programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call, NotTheSame
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, Asked, list_of
from codman.flows import records, tokens
from codman.registry.accounts_tokens import LONGEST_DAYS, USUAL_DAYS
from codman.registry.accounts_tokens import Token as Kept
from codman.registry.records import NoSuchRecord
from codman.spine.person import Grant, Role
from codman.spine.record import Id, Line


class NewGrant(BaseModel):
    """A role for a person, at a site and below."""

    model_config = CONFIG

    role: Role
    site: Id | None = Field(default=None, description="Where it begins; the whole house where left out")


class NewToken(BaseModel):
    """What a token is for."""

    model_config = CONFIG

    name: Annotated[Line, Field(max_length=200)] = Field(description="What it is for, as lists show it")
    scopes: list[Annotated[str, Field(min_length=1, max_length=60)]] = Field(
        min_length=1,
        max_length=100,
        description="Actions (evidence.submit), all of a noun (evidence.*) or verb (*.read), or *",
    )
    days: int = Field(default=USUAL_DAYS, ge=1, le=LONGEST_DAYS, strict=True, description="How long it lasts")


class Token(BaseModel):
    """A token, never its secret."""

    model_config = CONFIG

    id: str
    person: str
    name: str
    scopes: list[str]
    created_at: str
    ends_at: str
    revoked_at: str | None
    seen_at: str | None = Field(description="When it was last used, to within five minutes")


class IssuedToken(Token):
    """A token that was just made."""

    secret: str = Field(description="The token itself; it is shown this one time")


_PERSON = {"id": "The person's id"}


def operations() -> Iterator[Operation]:
    """Grants and tokens, below the person they belong to."""
    yield from _grants()
    yield from _tokens()


def _grants() -> Iterator[Operation]:
    yield Operation(
        method="GET",
        path="/people/{id}/grants",
        name="list_grants",
        tag="people",
        action="person.read",
        summary="List somebody's roles",
        description="The roles a person holds within the reader's reach; one's own always.",
        do=_list_grants,
        parameters=_PERSON,
        query=Asked,
        answers=(Answer(200, "A page of them", list_of(Grant, "GrantList")),),
    )
    yield Operation(
        method="POST",
        path="/people/{id}/grants",
        name="create_grant",
        tag="people",
        action="grant.create",
        summary="Give somebody a role",
        description="A role holds at its site and everywhere below. One can give no role beyond one's own reach.",
        do=_give,
        parameters=_PERSON,
        body=Body(NewGrant, "Which role, and where"),
        once=True,
        answers=(Answer(201, "They hold it", Grant, headers=("ETag", "Location")),),
    )
    both = {**_PERSON, "grant": "The grant's id"}
    yield Operation(
        method="GET",
        path="/people/{id}/grants/{grant}",
        name="get_grant",
        tag="people",
        action="person.read",
        summary="Read a role",
        description="One role that a person holds.",
        do=lambda call: replies.record(_grant(call)),
        parameters=both,
        answers=(Answer(200, "The role", Grant),),
    )
    yield Operation(
        method="DELETE",
        path="/people/{id}/grants/{grant}",
        name="remove_grant",
        tag="people",
        action="grant.remove",
        summary="Take a role back",
        description="Holds from the next request on. The last administrator of the house stays.",
        do=_take,
        parameters=both,
        edits=True,
        answers=(Answer(204, "They hold it no more"),),
    )


def _tokens() -> Iterator[Operation]:
    yield Operation(
        method="GET",
        path="/people/{id}/tokens",
        name="list_tokens",
        tag="people",
        action="token.create",
        summary="List somebody's tokens",
        description="One's own, or anybody's for an administrator of the whole house. Never the secrets.",
        do=_list_tokens,
        parameters=_PERSON,
        answers=(Answer(200, "All of them", list_of(Token, "TokenList")),),
    )
    yield Operation(
        method="POST",
        path="/people/{id}/tokens",
        name="create_token",
        tag="people",
        action="token.create",
        summary="Make a token",
        description="Its secret is in this reply and nowhere else. It never carries more than its owner holds when "
        "it is used, nor more than the token that made it.",
        do=_issue,
        parameters=_PERSON,
        body=Body(NewToken, "What it is for"),
        answers=(Answer(201, "The token with its secret", IssuedToken, headers=("ETag", "Location")),),
    )
    both = {**_PERSON, "token": "The token's id"}
    yield Operation(
        method="GET",
        path="/people/{id}/tokens/{token}",
        name="get_token",
        tag="people",
        action="token.create",
        summary="Read a token",
        description="What it is for and until when, never its secret.",
        do=lambda call: _token_reply(_token(call)),
        parameters=both,
        answers=(Answer(200, "The token", Token),),
    )
    yield Operation(
        method="DELETE",
        path="/people/{id}/tokens/{token}",
        name="revoke_token",
        tag="people",
        action="token.revoke",
        summary="Revoke a token",
        description="It is worthless from the next request on.",
        do=_revoke,
        parameters=both,
        edits=True,
        answers=(Answer(204, "It is revoked"),),
    )


def _list_grants(call: Call) -> Reply:
    person = call.id("person")
    records.get(call.house, call.reader, "person", person)
    found = records.page(
        call.house, call.reader, "grant", where={"person": [person]}, limit=call.query.limit, cursor=call.query.cursor
    )
    return replies.listed(found.items, found.next)


def _give(call: Call) -> Reply:
    person = call.id("person")
    records.get(call.house, call.reader, "person", person)
    fields = call.fields(NewGrant).model_dump(mode="json") | {"person": person}
    made = records.create(
        call.house, call.reader, "grant", fields, why=call.reason(), request=call.request, once=call.once()
    )
    return replies.record(made, status=201, location=f"/api/v1/people/{person}/grants/{made.id}")


def _grant(call: Call) -> Grant:
    found: Grant = records.get(call.house, call.reader, "grant", call.id("grant", "grant"))
    if found.person != call.id("person"):
        raise NoSuchRecord("grant", found.id)
    return found


def _take(call: Call) -> Reply:
    found = _grant(call)
    revision = call.revision()
    records.remove(call.house, call.reader, "grant", found.id, revision, why=call.reason(), request=call.request)
    return replies.nothing()


def _list_tokens(call: Call) -> Reply:
    found = tokens.list_tokens(call.house, call.reader, call.id("person"))
    return replies.listed([_shown(one) for one in found], None)


def _issue(call: Call) -> Reply:
    person = call.id("person")
    asked = call.fields(NewToken)
    made = tokens.create_token(
        call.house,
        call.reader,
        person,
        asked.scopes,
        name=asked.name,
        days=asked.days,
        why=call.reason(),
        request=call.request,
    )
    shown = IssuedToken(**_shown(made.token).model_dump(), secret=made.secret)
    headers = {"ETag": _tag(made.token), "Location": f"/api/v1/people/{person}/tokens/{made.token.id}"}
    return replies.plain(shown, status=201, headers=headers | {"Cache-Control": "no-store"})


def _token(call: Call) -> Kept:
    return tokens.read_token(call.house, call.reader, call.id("person"), call.id("token", "token"))


def _revoke(call: Call) -> Reply:
    given = call.if_match()
    found = _token(call)
    if given != _tag(found):
        raise NotTheSame(_tag(found))
    tokens.revoke_token(call.house, call.reader, found.person, found.id, why=call.reason(), request=call.request)
    return replies.nothing()


def _token_reply(found: Kept) -> Reply:
    return replies.plain(_shown(found), headers={"ETag": _tag(found)})


def _shown(found: Kept) -> Token:
    return Token(**{name: getattr(found, name) for name in Token.model_fields})


def _tag(found: Kept) -> str:
    """A token has no revisions: it is made, and may be revoked."""
    return replies.revision_tag(1 if found.revoked_at is None else 2)
