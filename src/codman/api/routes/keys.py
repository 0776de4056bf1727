"""Keys: whose signature counts, and for what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, Field

from codman.api import replies
from codman.api.call import Call
from codman.api.operation import Answer, Body, Operation
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG, list_of
from codman.flows.keys import add_key, list_keys, named, revoke_key, rotate_key
from codman.registry.keys import Key, OwnerKind
from codman.spine.record import Id, Line
from codman.spine.statement import Instant, Origin

Pem = Annotated[str, Field(min_length=1, max_length=2000, description="An Ed25519 public key, PEM")]


class NewKey(BaseModel):
    """A public key, whose it is, and what it may say."""

    model_config = CONFIG

    name: Line
    owner_kind: OwnerKind
    owner: Line = Field(description="Which pipeline, vendor or lab")
    origins: Annotated[list[Origin], Field(min_length=1, max_length=4)] = Field(description="What it may claim")
    products: Annotated[list[Line], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Names or ids of the products it may speak about; all where left out"
    )
    site: Id | None = Field(default=None, description="It speaks about uses at this site and below only")
    public_pem: Pem
    valid_from: Instant | None = Field(default=None, description="What it signed before then does not count")


class NextKey(BaseModel):
    """The key that takes an old one's place."""

    model_config = CONFIG

    name: Line
    public_pem: Pem


class Revocation(BaseModel):
    """From when a key counts no more."""

    model_config = CONFIG

    since: Instant | None = Field(default=None, description="The day it was lost; now where left out")


def operations() -> Iterator[Operation]:
    """What can be done with keys."""
    yield Operation(
        method="GET",
        path="/keys",
        name="list_keys",
        tag="keys",
        action="key.read",
        summary="List keys",
        description="All registered public keys, the rotated and the revoked too.",
        do=lambda call: replies.listed(list_keys(call.house, call.reader), None),
        answers=(Answer(200, "All of them", list_of(Key, "KeyList")),),
    )
    yield Operation(
        method="POST",
        path="/keys",
        name="create_key",
        tag="keys",
        action="key.create",
        summary="Register a key",
        description="From then on its signature counts, for what it may say. A vendor's key cannot claim `local`.",
        do=_add,
        body=Body(NewKey, "The key"),
        problems=(409,),
        answers=(Answer(201, "It is registered", Key, headers=("ETag", "Location")),),
    )
    where = {"id": "The key's id"}
    yield Operation(
        method="GET",
        path="/keys/{id}",
        name="get_key",
        tag="keys",
        action="key.read",
        summary="Read a key",
        description="One registered public key.",
        do=lambda call: replies.record(named(call.house, call.reader, call.id("key"))),
        parameters=where,
        answers=(Answer(200, "The key", Key),),
    )
    yield Operation(
        method="POST",
        path="/keys/{id}/rotation",
        name="rotate_key",
        tag="keys",
        action="key.change",
        summary="Rotate a key",
        description="The new key takes the old one's place; the old one signs nothing new, what it signed stands.",
        do=_rotate,
        parameters=where,
        body=Body(NextKey, "The new key"),
        problems=(409,),
        edits=True,
        answers=(Answer(201, "The new key", Key, headers=("ETag", "Location")),),
    )
    yield Operation(
        method="POST",
        path="/keys/{id}/revocation",
        name="revoke_key",
        tag="keys",
        action="key.change",
        summary="Revoke a key",
        description="What reaches the log from that moment on counts no more; what it had from before stands.",
        do=_revoke,
        parameters=where,
        body=Body(Revocation, "From when"),
        edits=True,
        answers=(Answer(200, "The key as it is now", Key, headers=("ETag",)),),
    )


def _add(call: Call) -> Reply:
    asked = call.fields(NewKey)
    made = add_key(
        call.house,
        call.reader,
        asked.public_pem.encode(),
        name=asked.name,
        owner_kind=asked.owner_kind,
        owner=asked.owner,
        origins=asked.origins,
        products=asked.products,
        site=asked.site,
        valid_from=asked.valid_from,
        why=call.reason(),
        request=call.request,
    )
    return replies.record(made, status=201, location=f"/api/v1/keys/{made.id}")


def _rotate(call: Call) -> Reply:
    revision = call.revision()
    asked = call.fields(NextKey)
    made = rotate_key(
        call.house,
        call.reader,
        call.id("key"),
        asked.public_pem.encode(),
        asked.name,
        why=call.reason(),
        revision=revision,
        request=call.request,
    )
    return replies.record(made, status=201, location=f"/api/v1/keys/{made.id}")


def _revoke(call: Call) -> Reply:
    revision = call.revision()
    since = call.fields(Revocation).since
    revoked = revoke_key(
        call.house,
        call.reader,
        call.id("key"),
        since=since,
        why=call.reason(),
        revision=revision,
        request=call.request,
    )
    return replies.record(revoked)
