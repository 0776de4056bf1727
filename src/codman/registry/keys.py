"""Keys: whose they are, what they may claim, from when to when; a signature counts as far as its key's role goes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator
from sqlalchemy import Connection, select

from codman.evidence.keys import VerifyingKey, parse_verifying_key
from codman.registry.database import Change, instant
from codman.registry.records import AlreadyThere, BadField, Records, Stale
from codman.registry.schema import keys
from codman.spine.record import Fields, Id, Line, Record
from codman.spine.statement import Instant, Origin, Sha256, when

ALWAYS: Final = "1970-01-01T00:00:00.000000Z"

BookTime = Annotated[Instant, AfterValidator(lambda text: instant(when(text)))]


class OwnerKind(StrEnum):
    """Who signs with a key."""

    PIPELINE = "pipeline"
    VENDOR = "vendor"
    LAB = "lab"
    NOTARY = "notary"  # this server's own: people sign through it


class KeyFields(Fields):
    """A public key, its owner, and what it may say."""

    keyid: Sha256
    name: Line
    owner_kind: OwnerKind
    owner: Line = Field(description="Which pipeline, vendor or lab")
    origins: Annotated[list[Origin], Field(min_length=1, max_length=4)] = Field(description="What it may claim")
    products: Annotated[list[Line], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Names or identifiers of the products it may speak about; all where empty"
    )
    site: Id | None = Field(default=None, description="It speaks about uses at this site and below only")
    public_pem: str = Field(max_length=2000)
    valid_from: BookTime = ALWAYS
    valid_to: BookTime | None = Field(default=None, description="Rotated: from then on it signs nothing new")
    revoked_from: BookTime | None = Field(default=None, description="What reached the log from then on counts no more")
    replaced_by: Id | None = None

    @model_validator(mode="after")
    def _vendors_do_not_speak_for_the_hospital(self) -> Self:
        if self.owner_kind is OwnerKind.VENDOR and Origin.LOCAL in self.origins:
            raise ValueError("a vendor's key cannot claim 'local': that is this hospital's own word")
        return self


class Key(Record, KeyFields):
    """A key as the book has it."""

    @property
    def verifying(self) -> VerifyingKey:
        """The key itself."""
        return parse_verifying_key(self.public_pem.encode(), self.name)


KEYS: Final = Records("key", keys, KeyFields, Key)


def register(change: Change, fields: KeyFields) -> Key:
    """Take a key into the book.

    Raises:
        AlreadyThere: It is there already, perhaps revoked: a revoked key never comes back.
        BadField: Its identifier is not that of its public half.
    """
    if parse_verifying_key(fields.public_pem.encode(), fields.name).keyid != fields.keyid:
        raise BadField("key", "keyid", "it is not the sha256 of this public key")
    if by_keyid(change.connection, [fields.keyid]):
        raise AlreadyThere("key", "the same public key is registered")
    return KEYS.add(change, fields)


def rotate(change: Change, old: str, pem: bytes, name: str, revision: int | None = None) -> Key:
    """Put a new key in an old one's place: the same owner, the same reach; the old one signs nothing new from now on.

    Args:
        change: The transaction.
        old: The key that goes.
        pem: The public half of the one that comes.
        name: What people call it.
        revision: The revision of the old one that the caller looked at; None takes whatever is there.

    Raises:
        Stale: The old one was changed meanwhile.
        NoSuchRecord: There is no such key.
        BadField: The old one is rotated or revoked already.
        AlreadyThere: The new one is registered already.
    """
    before = KEYS.get(change.connection, old)
    if revision not in (None, before.revision):
        raise Stale("key", old, revision, before.revision)
    if before.valid_to is not None or before.revoked_from is not None:
        raise BadField(
            "key", "valid_to", "this key is rotated or revoked already", fix="rotate the key that took its place"
        )
    public = parse_verifying_key(pem, name)
    same = {field: getattr(before, field) for field in ("owner_kind", "owner", "origins", "products", "site")}
    made = register(
        change,
        KeyFields(keyid=public.keyid, name=name, public_pem=public.pem, valid_from=change.at, **same),
    )
    KEYS.change(change, old, {"valid_to": change.at, "replaced_by": made.id}, before.revision)
    return made


def revoke(change: Change, name: str, since: str | None, revision: int | None = None) -> Key:
    """Stop trusting a key from a moment on; what it signed and the log has from before stands.

    Args:
        change: The transaction.
        name: Which key.
        since: From when, ISO 8601 with a zone; now without it. May lie in the past: the day it was lost.
        revision: The revision the caller looked at.

    Raises:
        NoSuchRecord: There is no such key.
        BadField: It is revoked from an earlier moment already, which no later one undoes.
        Stale: It was changed meanwhile.
    """
    before = KEYS.get(change.connection, name)
    moment = change.at if since is None else instant(when(since))
    if before.revoked_from is not None and before.revoked_from <= moment:
        raise BadField("key", "revoked_from", f"it is revoked from {before.revoked_from} already")
    return KEYS.change(change, name, {"revoked_from": moment}, revision)


def by_keyid(connection: Connection, keyids: Sequence[str]) -> list[Key]:
    """The registered keys of these identifiers, in the order given."""
    rows = connection.execute(select(keys).where(keys.c.keyid.in_(keyids))).all()
    found = {row.keyid: KEYS.read(row) for row in rows}
    return [found[keyid] for keyid in dict.fromkeys(keyids) if keyid in found]


def every_key(connection: Connection) -> list[Key]:
    """All registered keys."""
    return [KEYS.read(row) for row in connection.execute(select(keys).order_by(keys.c.id))]


def why_not_now(key: Key, at: str) -> str | None:
    """Why a key's signature, reaching the log at a moment, does not count; None where it does."""
    if key.revoked_from is not None and at >= key.revoked_from:
        return f"the key '{key.name}' is revoked from {key.revoked_from}, and this reached the log at {at}"
    if key.valid_to is not None and at > key.valid_to:
        return f"the key '{key.name}' was rotated at {key.valid_to}, and this reached the log at {at}"
    if at < key.valid_from:
        return f"the key '{key.name}' is good from {key.valid_from} on, and this reached the log at {at}"
    return None
