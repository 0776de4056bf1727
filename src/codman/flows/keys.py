"""keys: whose signature counts, for what, from when to when."""

from __future__ import annotations

from collections.abc import Sequence

from codman.evidence.keys import parse_verifying_key
from codman.flows.house import House
from codman.registry import keys
from codman.registry.access import Reader, require
from codman.registry.keys import ALWAYS, KEYS, Key, OwnerKind
from codman.registry.records import BadField
from codman.spine.statement import Origin, when


def add_key(
    house: House,
    reader: Reader,
    pem: bytes,
    *,
    name: str,
    owner_kind: OwnerKind,
    owner: str,
    origins: Sequence[Origin],
    products: Sequence[str] | None = None,
    site: str | None = None,
    valid_from: str | None = None,
    why: str | None = None,
    request: str | None = None,
) -> Key:
    """Register a public key.

    Args:
        house: The open house.
        reader: Who registers it; must hold `key.create`.
        pem: The public key, SubjectPublicKeyInfo in PEM.
        name: What people call it.
        owner_kind: Who signs with it.
        owner: Which pipeline, vendor or lab.
        origins: What it may claim.
        products: The only products it may speak about, by name or id; None is any.
        site: It speaks about uses at this site and below only.
        valid_from: What says it is from before then does not count; None is any time.
        why: The reason they give.
        request: The request it came with, for the log.

    Raises:
        NotAllowed: The reader may not.
        BadKey: It is no Ed25519 public key.
        BadField: A vendor would claim `local`, or a field cannot hold its value.
        AlreadyThere: The key is registered.
    """
    require(reader, "key.create")
    if owner_kind is OwnerKind.NOTARY:
        raise BadField("key", "owner_kind", "the notary is this server; it registers its own key")
    public = parse_verifying_key(pem, name)
    fields = KEYS.validated(
        {
            "keyid": public.keyid,
            "name": name,
            "owner_kind": owner_kind,
            "owner": owner,
            "origins": list(origins),
            "products": None if products is None else list(products),
            "site": site,
            "public_pem": public.pem,
            "valid_from": valid_from or ALWAYS,
        }
    )
    with house.database.changing(reader.author(request), why) as change:
        return keys.register(change, fields)


def rotate_key(
    house: House,
    reader: Reader,
    old: str,
    pem: bytes,
    name: str,
    *,
    why: str | None = None,
    revision: int | None = None,
    request: str | None = None,
) -> Key:
    """Put a new key in an old one's place; the old one signs nothing new from now on, what it signed stands.

    Raises:
        NotAllowed: The reader may not.
        NoSuchRecord: There is no such key.
        BadField: The old one is rotated or revoked already.
        AlreadyThere: The new one is registered already.
        Stale: The old one was changed meanwhile.
    """
    require(reader, "key.change")
    with house.database.changing(reader.author(request), why) as change:
        return keys.rotate(change, named(house, reader, old).id, pem, name, revision)


def revoke_key(
    house: House,
    reader: Reader,
    name: str,
    *,
    since: str | None = None,
    why: str | None = None,
    revision: int | None = None,
    request: str | None = None,
) -> Key:
    """Stop trusting a key from a moment on; what reached the log before stands.

    Raises:
        NotAllowed: The reader may not.
        NoSuchRecord: There is no such key.
        BadField: The moment is none, or it is revoked from an earlier one.
        Stale: It was changed meanwhile.
    """
    require(reader, "key.change")
    try:
        if since is not None and when(since).tzinfo is None:
            raise ValueError
    except ValueError:
        raise BadField("key", "revoked_from", "it is not a time with a zone, e.g. 2026-11-20T10:00:00Z") from None
    with house.database.changing(reader.author(request), why) as change:
        return keys.revoke(change, named(house, reader, name).id, since, revision)


def list_keys(house: House, reader: Reader) -> list[Key]:
    """All registered keys, the rotated and the revoked too.

    Raises:
        NotAllowed: The reader may not.
    """
    require(reader, "key.read")
    with house.database.reading() as connection:
        return keys.every_key(connection)


def named(house: House, reader: Reader, name: str) -> Key:
    """A key by its id, its name, or the beginning of its keyid.

    Raises:
        NoSuchRecord: None is called that, or more than one.
    """
    found = [
        key
        for key in list_keys(house, reader)
        if name in (key.id, key.name) or (len(name) >= _HINT and key.keyid.startswith(name.removeprefix("sha256:")))
    ]
    if len(found) == 1:
        return found[0]
    with house.database.reading() as connection:
        return KEYS.get(connection, name)


_HINT = 12  # digits of a keyid that name one key
