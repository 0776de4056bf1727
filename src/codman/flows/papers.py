"""papers: a file about a product, a version or a use into the house's documents, by its digest, and out again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from codman.errors import CodmanError, NotProven
from codman.evidence.canonical import sha256
from codman.evidence.files import write_whole
from codman.flows import records
from codman.flows.house import House
from codman.flows.record_rules import KINDS
from codman.registry.access import NotAllowed, Reader, require
from codman.registry.documents import Document
from codman.registry.log import Author
from codman.registry.records import NoSuchRecord
from codman.registry.requests import Once, remember, reply_to
from codman.registry.schema import documents


class DocumentLost(NotProven):
    """A document whose bytes are gone, or are no longer those that were filed."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            what=f"document {name} is not what was filed",
            why=why,
            fix="restore it from backup",
        )


class Paper(NamedTuple):
    """A document and its bytes."""

    document: Document
    data: bytes


def file_paper(
    house: House,
    reader: Reader,
    data: bytes,
    *,
    about_kind: str,
    about: str,
    type: str,  # noqa: A002 - the field's own name
    title: str,
    media_type: str,
    why: str | None = None,
    request: str | None = None,
    once: Once | None = None,
) -> Document:
    """File a document.

    Args:
        house: The open house.
        reader: Who files it; must hold `document.create` where the thing it is about belongs.
        data: Its bytes.
        about_kind: product, version or use.
        about: Which one.
        type: What sort of document, e.g. model-card.
        title: What people call it.
        media_type: e.g. application/pdf.
        why: The reason they give.
        request: The request it came with, for the log.
        once: Makes a repeated request find what the first one made.

    Raises:
        NotAllowed: They may not.
        BadField: A field cannot hold what was given, or names what is not there.
        KeyReused: The request's key came with another body.
        CannotWrite: The folder of documents cannot be written.
    """
    require(reader, "document.create")
    digest = sha256(data)
    fields = {
        "about_kind": about_kind,
        "about": about,
        "type": type,
        "title": title,
        "digest": digest,
        "size": len(data),
        "media_type": media_type,
    }
    checked = KINDS["document"].records.validated(fields)
    try:
        with house.database.changing(reader.author(request), why) as change:
            if once is not None and (reply := reply_to(change.connection, once)) is not None:
                return Document.model_validate(reply)
            made: Document = records.create_within(change, reader, "document", checked)
            keep_bytes(house, data, digest)  # before the book says so, and only once the book would take it
            if once is not None:
                remember(change, once, made.model_dump(mode="json"))
    except BaseException:
        take_back(house, reader.author(), digest)
        raise
    return made


def read_paper(house: House, reader: Reader, name: str) -> Paper:
    """A document with its bytes, checked against its digest.

    Raises:
        NotAllowed: They may read none.
        NoSuchRecord: There is none of that id within their reach.
        DocumentLost: Its bytes are gone, or are others.
    """
    document: Document = records.get(house, reader, "document", name)
    try:
        data = _place(house, document.digest).read_bytes()
    except OSError as error:
        raise DocumentLost(name, error.strerror or "it cannot be read") from None
    if sha256(data) != document.digest:
        raise DocumentLost(name, "its bytes have another digest")
    return Paper(document, data)


def paper_with(house: House, reader: Reader, digest: str) -> str | None:
    """The document that has these bytes, within their reach: findings cite a document by its digest too."""
    with house.database.reading() as connection:
        names = connection.execute(select(documents.c.id).where(documents.c.digest == digest)).scalars().all()
    for name in names:
        with suppress(NotAllowed, NoSuchRecord):
            records.get(house, reader, "document", name)
            return str(name)
    return None


def keep_bytes(house: House, data: bytes, digest: str) -> None:
    """Put a document's bytes on the disk, durably; inside the change that writes its record.

    Raises:
        CannotWrite: The folder of documents cannot be written.
    """
    place = _place(house, digest)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, data, durable=True)


def take_back(house: House, author: Author, digest: str) -> None:
    """Leave no bytes of a document that the book did not take, unless another one has the same."""
    # inside a change, so that nobody files the same meanwhile
    with suppress(CodmanError, OSError), house.database.changing(author) as change:
        named = select(documents.c.id).where(documents.c.digest == digest).limit(1)
        if change.connection.execute(named).first() is None:
            place = _place(house, digest)
            place.unlink(missing_ok=True)
            place.parent.rmdir()  # where it is empty


def _place(house: House, digest: str) -> Path:
    return house.documents / digest[:2] / digest
