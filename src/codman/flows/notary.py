"""sign_as: a person signs a record through the server's notary key, after signing in afresh.

Their name, the time and what the signature means stand inside the signed bytes (21 CFR 11.50), which binds them to this
record and no other (11.70).
"""

from __future__ import annotations

from codman.errors import NotProven
from codman.evidence.envelope import Envelope, sign
from codman.evidence.statements import ReadStatement, canonical_statement, read_bytes
from codman.flows.fresh import NotFresh, require_fresh
from codman.flows.house import House
from codman.registry import keys
from codman.registry.access import Reader, require
from codman.registry.accounts_sessions import spend_proof
from codman.registry.database import Change
from codman.registry.keys import KeyFields, OwnerKind
from codman.registry.log import SYSTEM, Entry
from codman.spine.record_statements import Meaning, PersonSignature, SignedPredicate
from codman.spine.statement import Origin, Statement


class CannotBeSigned(NotProven):
    """A record that this person cannot sign through the notary."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(what="this cannot be signed", why=why, fix=fix)


def sign_as(house: House, reader: Reader, body: bytes, meaning: Meaning, *, request: str | None = None) -> Envelope:
    """Sign a document, decision or report in a person's name.

    Args:
        house: The open house.
        reader: Who signs, in person, freshly signed in.
        body: The bare statement, or the envelope with which others signed it here before.
        meaning: What the signature says.
        request: The request it came with, for the log.

    Returns:
        The envelope by the notary key; its statement names everybody who signed. File it with `file_evidence`.

    Raises:
        NotAllowed: They may not sign.
        NotFresh: Their sign-in is too old or has signed already, or a token came instead of a person.
        CannotBeSigned: The kind is not one people sign, they signed it already, or it names signatures that the notary
            never made.
        NotAStatement: It is no statement.
    """
    with house.database.changing(reader.author(request)) as change:
        return sign_within(change, house, reader, body, meaning)


def sign_within(change: Change, house: House, reader: Reader, body: bytes, meaning: Meaning) -> Envelope:
    """The same inside a change that is already open, so that a signature and what it signs are made as one."""
    require(reader, "evidence.sign")
    require_fresh(house, reader, "sign this")
    if reader.via_id and not spend_proof(change, reader.via_id):
        raise NotFresh("what you proved at your last sign-in has signed something already", "sign this")
    read = read_bytes(body, name="the record")
    signed = _signed(house, read)
    if any(one.person == reader.person for one in signed):
        raise CannotBeSigned("the same person signed it already", "let somebody else sign")
    mine = PersonSignature(person=reader.person, name=reader.name, signed_at=change.at, meaning=meaning)
    said = dict(read.statement.predicate)
    said["signed_by"] = [one.model_dump(mode="json") for one in (*signed, mine)]
    statement = read.statement.model_copy(update={"predicate": said})
    payload = canonical_statement(statement)
    whole = read_bytes(payload, name="the signed record")  # what nobody could read back is not signed
    _register(change, house)
    change.record(Entry("person.sign", "statement", whole.digest, after={"meaning": meaning.value, "of": read.digest}))
    return sign(payload, house.notary_key)


def register_notary(house: House) -> None:
    """Have the book know its own notary key."""
    with house.database.changing(SYSTEM) as change:
        _register(change, house)


def sign_as_house(change: Change, house: House, statement: Statement) -> ReadStatement:
    """Sign what the house measured by itself with its own key: nobody's name stands in it.

    Args:
        change: The change in which it is filed.
        house: The open house.
        statement: What was measured, of origin local.
    """
    payload = canonical_statement(statement)
    _register(change, house)
    return read_bytes(sign(payload, house.notary_key).to_bytes(), name="the house's own statement")


def _register(change: Change, house: House) -> None:
    public = house.notary_key.public
    if not keys.by_keyid(change.connection, [public.keyid]):
        keys.register(
            change,
            KeyFields(
                keyid=public.keyid,
                name="notary",
                owner_kind=OwnerKind.NOTARY,
                owner="this server, for the people who sign in to it",
                origins=list(Origin),
                public_pem=public.pem,
            ),
        )


def _signed(house: House, read: ReadStatement) -> list[PersonSignature]:
    """Who signed it so far; only the notary's own bytes are believed."""
    if not isinstance(read.predicate, SignedPredicate):
        raise CannotBeSigned(
            f"people sign documents, decisions and reports, not {read.kind.value} statements",
            "have the pipeline that made it sign it with its own key",
        )
    if not read.predicate.signed_by:
        return []
    envelope, notary = read.envelope, house.notary_key.public
    if envelope is None or not any(notary.signed(one.sig, envelope.pae) for one in envelope.signatures):
        raise CannotBeSigned(
            "it names people who signed, and the notary did not sign these bytes for them",
            "give the envelope that the last person's signature made",
        )
    return list(read.predicate.signed_by)
