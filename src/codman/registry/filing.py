"""Filed evidence: whose signature counts, and one row a statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from codman.errors import BadInput, NotProven
from codman.evidence.envelope import PAYLOAD_TYPE, Envelope, Signature
from codman.registry.about import Known, Said
from codman.registry.database import Change
from codman.registry.inventory import paths_of
from codman.registry.keys import KEYS, Key, OwnerKind, by_keyid, every_key, why_not_now
from codman.registry.log import Entry
from codman.registry.nouns import USES
from codman.registry.schema import keys, sites, statements
from codman.registry.schema_filing import statement_signatures
from codman.spine.statement import Kind

MOST_OF_AN_OWNER: Final = 8  # signatures kept under one statement, of all the keys that one owner ever had
_TRIED_WITH_EVERY_KEY: Final = 8  # signatures without a known keyid; more would let a sender keep us busy


class SignatureRefused(NotProven):
    """A signature that does not count here: by nobody we know, or beyond what its key may say."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(what="the signature does not count here", why=why, fix=fix)


class OutOfTime(BadInput):
    """A statement that says it was made tomorrow."""

    def __init__(self, said: str, now: str) -> None:
        super().__init__(
            what="the statement is dated in the future",
            why=f"evaluated_at is {said}, and it is {now} here",
            fix="set the clock of the machine that made it, and of this server, then make it again",
        )


@dataclass(frozen=True, slots=True)
class Filed:
    """A statement's row."""

    digest: str
    kind: str
    log_index: int
    standing: str  # verified, claim: as it was filed; standing.py says what it is worth now
    keyid: str | None
    known: Known  # what it is about, as the book knew it when it was filed or linked


def signers(connection: Connection, envelope: Envelope) -> list[Key]:
    """The registered keys that signed exactly these bytes. The envelope's keyid is a hint, never a reason.

    Raises:
        SignatureRefused: None did.
    """
    if envelope.payload_type != PAYLOAD_TYPE:
        raise SignatureRefused(f"the signed type is not {PAYLOAD_TYPE}", "sign it with `codman evidence sign`")
    hinted = by_keyid(connection, [s.keyid for s in envelope.signatures if s.keyid])
    message = envelope.pae
    found = [k for k in hinted if any(k.verifying.signed(s.sig, message) for s in envelope.signatures)]
    if not found:
        few = envelope.signatures[:_TRIED_WITH_EVERY_KEY]
        found = [k for k in every_key(connection) if any(k.verifying.signed(s.sig, message) for s in few)]
    if found:
        return found
    if hinted:
        raise SignatureRefused(
            f"it names the key '{hinted[0].name}', which did not sign these bytes: they were altered after signing",
            "send the file as its signer wrote it",
        )
    raise SignatureRefused(
        "no registered key signed these bytes",
        "have the key registered (codman key add FILE.pub), or send the bare statement: it is filed as your claim",
    )


def signed_by(envelope: Envelope, found: Sequence[Key]) -> Envelope:
    """The envelope with these keys' signatures alone, one of each: what anybody put beside them is not kept."""
    message = envelope.pae
    kept = (next(s.sig for s in envelope.signatures if key.verifying.signed(s.sig, message)) for key in found)
    signed = tuple(Signature(sig, key.keyid) for key, sig in zip(found, kept, strict=True))
    return Envelope(envelope.payload, envelope.payload_type, signed)


def why_not(key: Key, said: Said, known: Known, at: str, path: str | None, use_paths: Sequence[str]) -> str | None:
    """Why a key may not say this, at this moment; None where it may.

    Args:
        key: A registered key that signed it.
        said: What it says.
        known: The same as the book knows it.
        at: When it reaches the log.
        path: The path of the key's site, where it has one.
        use_paths: Paths of the sites of the use, where one is known.
    """
    # a clock that was set back must not bring a revoked key to life: now is after the key's own last change
    late = why_not_now(key, max(at, key.updated_at))
    if late is not None:
        return late
    if said.at is not None and said.at < key.valid_from:
        return f"it says {said.at}, and the key '{key.name}' is good from {key.valid_from} on"
    if said.at is not None and key.revoked_from is not None and said.at >= key.revoked_from:
        return f"it says {said.at}, and the key '{key.name}' is revoked from {key.revoked_from}"
    if said.origin is not None and said.origin not in {origin.value for origin in key.origins}:
        may = ", ".join(origin.value for origin in key.origins)
        return f"the key '{key.name}' ({key.owner_kind.value} {key.owner}) may claim {may}, not '{said.origin}'"
    if said.people and key.owner_kind is not OwnerKind.NOTARY:
        return f"it names people who signed it, and only this house's notary vouches for that, not the key '{key.name}'"
    if said.kind is Kind.DECISION and key.owner_kind is OwnerKind.VENDOR:
        return f"the key '{key.name}' is a vendor's: what may be used here this hospital decides"
    about = {said.product, known.product} - {None}
    if key.products is not None and about and not about & set(key.products):
        return f"the key '{key.name}' may not speak about this product"
    if path is not None and use_paths and not any(one.startswith(path) for one in use_paths):
        return f"the key '{key.name}' speaks for another site"
    return None


def path_of_site(connection: Connection, site: str | None) -> str | None:
    """The path of a site."""
    if site is None:
        return None
    return connection.execute(select(sites.c.path).where(sites.c.id == site)).scalar_one_or_none()


def find(connection: Connection, digest: str) -> Filed | None:
    """The row of a statement, if it is filed."""
    row = connection.execute(select(statements).where(statements.c.digest == digest)).one_or_none()
    return None if row is None else _filed(row)


def why_no_more(connection: Connection, digest: str, key: Key, coming: Sequence[Key]) -> str | None:
    """Why no more signatures of a key's owner are kept under a statement; None where there is room.

    Args:
        connection: Where to read.
        digest: The statement.
        key: Whose signature comes.
        coming: Keys whose signatures come with it.
    """
    there = connection.execute(
        select(func.count())
        .select_from(statement_signatures)
        .join(keys, keys.c.keyid == statement_signatures.c.keyid)
        .where(
            statement_signatures.c.digest == digest,
            keys.c.owner_kind == key.owner_kind.value,
            keys.c.owner == key.owner,
        )
    ).scalar_one()
    beside = sum((one.owner_kind, one.owner) == (key.owner_kind, key.owner) for one in coming)
    if there + beside < MOST_OF_AN_OWNER:
        return None
    return f"keys of {key.owner_kind.value} {key.owner} signed it {MOST_OF_AN_OWNER} times already"


def signed_already(connection: Connection, digest: str, keyid: str) -> bool:
    """Whether the book has this key's signature under this statement."""
    return (
        connection.execute(
            select(statement_signatures.c.at).where(
                statement_signatures.c.digest == digest, statement_signatures.c.keyid == keyid
            )
        ).first()
        is not None
    )


def file(
    change: Change, said: Said, known: Known, key: Key | None, *, size: int, source: str | None, index: int
) -> None:
    """Write a statement's row and its audit entry.

    Args:
        change: The transaction.
        said: What the statement says it is about.
        known: The same as the book knows it.
        key: Whose signature counts; None files it as the sender's claim.
        size: Bytes of the canonical statement.
        source: Where it came from.
        index: The place its audit entry will have in the log.
    """
    standing = "claim" if key is None else "verified"
    row: dict[str, Any] = {
        "digest": said.digest,
        "kind": said.kind.value,
        "product": _short(said.product),
        "version": _short(said.version),
        "use_name": _short(said.use),
        "product_id": known.product,
        "version_id": known.version,
        "use_id": known.use,
        "origin": said.origin,
        "evaluated_at": said.at,
        "subject_digest": said.subjects[0],
        "keyid": None if key is None else key.keyid,
        "standing": standing,
        "measurements": said.measurements,
        "headline": said.headline,
        "size": size,
        "filed_at": change.at,
        "filed_by": change.author.id,
        "log_index": index,
    }
    change.connection.execute(insert(statements), row)
    if key is not None:
        _sign(change, said.digest, key, index)
    told = ("kind", "product", "version", "use_name", "origin", "evaluated_at", "keyid", "standing", "size")
    after = {name: row[name] for name in told} | {
        "product_id": known.product,
        "version_id": known.version,
        "use_id": known.use,
        "source": source,
    }
    change.record(Entry("evidence.file", "statement", said.digest, after={k: v for k, v in after.items() if v}))


def countersign(change: Change, filed: Filed, key: Key, index: int) -> None:
    """Write that another registered key signed a filed statement; a claim becomes verified by its first."""
    _sign(change, filed.digest, key, index)
    first = filed.keyid is None
    if first:
        change.connection.execute(
            update(statements).where(statements.c.digest == filed.digest).values(keyid=key.keyid, standing="verified")
        )
    change.record(
        Entry(
            "evidence.sign",
            "statement",
            filed.digest,
            before={"standing": filed.standing},
            after={"standing": "verified", "keyid": key.keyid},
        )
    )


def link(change: Change, filed: Filed, known: Known) -> bool:
    """Write what a filed statement is about where the book could not tell before; what it could tell stays.

    Somebody without reach to its use, or who sent it before the use was registered, must not hide it for good.

    Returns:
        Whether anything was learnt.
    """
    before = {"product_id": filed.known.product, "version_id": filed.known.version, "use_id": filed.known.use}
    now = {"product_id": known.product, "version_id": known.version, "use_id": known.use}
    learnt = {name: value for name, value in now.items() if value is not None and before[name] is None}
    if "use_id" in learnt and not _may_speak_there(change.connection, filed.digest, learnt["use_id"]):
        del learnt["use_id"]
    if not learnt or (filed.known.product is not None and filed.known.product != known.product):
        return False
    change.connection.execute(update(statements).where(statements.c.digest == filed.digest).values(**learnt))
    change.record(Entry("evidence.link", "statement", filed.digest, before=dict.fromkeys(learnt), after=learnt))
    return True


def _may_speak_there(connection: Connection, digest: str, use: str) -> bool:
    """Whether every key that signed a statement may speak about a use: its word is not carried to another site."""
    rows = connection.execute(
        select(*keys.c)
        .join(statement_signatures, statement_signatures.c.keyid == keys.c.keyid)
        .where(statement_signatures.c.digest == digest)
    )
    places = paths_of(connection, USES.get(connection, use))
    reach = [path_of_site(connection, key.site) for key in map(KEYS.read, rows)]
    return all(path is None or any(place.startswith(path) for place in places) for path in reach)


def _sign(change: Change, digest: str, key: Key, index: int) -> None:
    change.connection.execute(
        insert(statement_signatures), {"digest": digest, "keyid": key.keyid, "at": change.at, "log_index": index}
    )


def _short(text: str | None) -> str | None:
    return None if text is None else text[:400]


def _filed(row: Row[Any]) -> Filed:
    known = Known(row.product_id, row.version_id, row.use_id)
    return Filed(row.digest, row.kind, row.log_index, row.standing, row.keyid, known)
