"""file_evidence: a statement in, a receipt out; kept durably before anybody is told that it is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from codman.errors import BadInput, CodmanError
from codman.evidence.receipt import Receipt
from codman.evidence.statements import ReadStatement, read_bytes
from codman.flows.house import House
from codman.flows.receipts import receipt_for
from codman.registry.about import Known, Said, refuse_other_artefact, resolve, said_by
from codman.registry.access import Reader, paths_for, require
from codman.registry.database import Change, instant
from codman.registry.filing import (
    OutOfTime,
    SignatureRefused,
    countersign,
    file,
    find,
    link,
    path_of_site,
    signed_already,
    signed_by,
    signers,
    why_no_more,
    why_not,
)
from codman.registry.inventory import paths_of
from codman.registry.keys import Key, by_keyid
from codman.registry.log import size_of
from codman.registry.nouns import USES
from codman.registry.requests import Once, remember, reply_to

SUBMIT: Final = "evidence.submit"
_AHEAD: Final = timedelta(days=1)  # clocks and zones are mistaken by hours; a day more would outlive a policy's max_age


class TooLarge(BadInput):
    """A body beyond the house's limit."""

    def __init__(self, limit_mb: int) -> None:
        super().__init__(
            what="the statement is too large",
            why=f"it is larger than {limit_mb} MiB",
            fix="measure fewer slices at once, or raise CODMAN_MAX_BODY_MB",
        )


def file_evidence(
    house: House,
    body: bytes,
    reader: Reader,
    *,
    source: str | None = None,
    request: str | None = None,
    once: Once | None = None,
) -> Receipt:
    """File a statement: signed, by what its key may say; bare, as the sender's claim.

    Args:
        house: The book, its store and its keys.
        body: A DSSE envelope or a bare statement, JSON.
        reader: Who sends it; must hold `evidence.submit`.
        source: Where it comes from, for the log: an event's source, a folder's file.
        request: The request it came with, for the log.
        once: The event that carried it: its source and id.

    Returns:
        The receipt; sending the same again gives the same one, whatever happened to the key since.

    Raises:
        NotAllowed: The sender may not submit, or not for that use.
        TooLarge: It is beyond the limit.
        NotAStatement: It is no statement, or none of a known kind.
        BadPredicate: It does not keep its kind's schema.
        RowLevelData: It carries a value per patient.
        SignatureRefused: No registered key signed it, or its key may not say this.
        SubjectMismatch: It is about another artefact than the book has for that version.
        OutOfTime: It is dated in the future.
        KeyReused: The event's source and id came with another body before.
        NotRecorded: The log could not be written; nothing is filed.
    """
    require(reader, SUBMIT)
    if len(body) > house.settings.max_body_mb * 1024 * 1024:
        raise TooLarge(house.settings.max_body_mb)
    read = read_bytes(body, name="the statement")
    said = said_by(read)
    with house.database.reading() as connection:
        now = house.database.clock()
        if said.at is not None and said.at > instant(now + _AHEAD):
            raise OutOfTime(said.at, instant(now))
        kept = _judge(connection, read, said, reader, instant(now)).kept
    house.store.put(kept)  # on the disk before the book says so: a crash in between leaves bytes nobody was told of
    try:
        with house.database.changing(reader.author(request)) as change:
            if once is None or reply_to(change.connection, once) is None:
                kept = _write(change, read, said, reader, source)
                if not house.store.holds(kept):  # judged otherwise meanwhile, or taken back by another sender's refusal
                    house.store.put(kept)
                if once is not None:
                    remember(change, once, {"digest": read.digest})
    except BaseException:
        _take_back(house, kept, reader)
        raise
    return receipt_for(house, read.digest)


def file_own(change: Change, house: House, read: ReadStatement, known: Known, *, source: str = "review") -> str:
    """File what was signed here, inside the change it records: a decision and what it decides are made as one.

    Args:
        change: The open transaction.
        house: The book, its store and its keys.
        read: The statement in the notary's envelope.
        known: What it is about.
        source: Where it comes from, for the log.

    Returns:
        The statement's digest.
    """
    house.store.put(read)
    (notary,) = by_keyid(change.connection, [house.notary_key.public.keyid])
    index = size_of(change.connection) + len(change.entries)  # what the change recorded before stands before it
    file(change, said_by(read), known, notary, size=len(read.body), source=source, index=index)
    return read.digest


@dataclass(frozen=True, slots=True)
class _Judged:
    """What came, as the book takes it."""

    known: Known
    new: list[Key]  # whose signatures count and are not in the book yet
    kept: ReadStatement  # with an envelope of those signatures alone; without one where there are none


def _write(change: Change, read: ReadStatement, said: Said, reader: Reader, source: str | None) -> ReadStatement:
    # judged again where nobody else can change a key or a version meanwhile
    judged = _judge(change.connection, read, said, reader, change.at)
    first = size_of(change.connection)
    signing = list(judged.new)
    if find(change.connection, read.digest) is None:
        key = signing.pop(0) if signing else None
        file(change, said, judged.known, key, size=len(read.body), source=source, index=first)
    elif there := find(change.connection, read.digest):
        link(change, there, judged.known)
    for key in signing:
        if there := find(change.connection, read.digest):
            countersign(change, there, key, first + len(change.entries))
    return judged.kept


def _judge(connection: Connection, read: ReadStatement, said: Said, reader: Reader, at: str) -> _Judged:
    """What it is about as the book knows it, and the keys whose signatures count; none for a claim."""
    signed = [] if read.envelope is None else signers(connection, read.envelope)
    known = resolve(connection, said, paths_for(reader, SUBMIT), signed)
    use_paths = [] if known.use is None else paths_of(connection, USES.get(connection, known.use))
    if known.use is not None:
        require(reader, SUBMIT, at=use_paths)
    there = find(connection, read.digest)
    if there is None or there.known.version != known.version:  # what it was filed about is judged once
        refuse_other_artefact(said, known)
    bare = replace(read, envelope=None)
    if read.envelope is None:
        return _Judged(known, [], bare)
    new: list[Key] = []
    refused = None
    # the log has a word from when it counted: sent again it says nothing new
    unknown = [key for key in signed if not signed_already(connection, read.digest, key.keyid)]
    for key in unknown:
        why = why_not(key, said, known, at, path_of_site(connection, key.site), use_paths)
        why = why or why_no_more(connection, read.digest, key, new)
        if why is None:
            new.append(key)
        refused = refused or why
    if new:
        return _Judged(known, new, replace(read, envelope=signed_by(read.envelope, new)))
    if len(unknown) < len(signed):
        return _Judged(known, [], bare)
    raise SignatureRefused(refused or "", "have it signed by a key that may say this, or correct what it says")


def _take_back(house: House, kept: ReadStatement, reader: Reader) -> None:
    """Leave nothing in the store that the book did not take; where it is away, bytes stay that nobody was told of."""
    # inside a change, so that nobody files the same meanwhile
    with suppress(CodmanError, OSError), house.database.changing(reader.author()) as change:
        there = find(change.connection, kept.digest)
        signatures = () if kept.envelope is None else kept.envelope.signatures
        if not any(signed_already(change.connection, kept.digest, one.keyid or "") for one in signatures):
            house.store.take_back(kept, statement=there is None)
