"""document: a file in, a statement out that it exists, in these bytes; never what it says."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Final

from codman.errors import BadInput
from codman.evidence.statements import build
from codman.flows.provenance import now
from codman.spine.record_statements import DocumentPredicate
from codman.spine.statement import Digest, Kind, Origin, Statement, Subject
from codman.tables.file_digest import sha256_of_file

# the machine's own list of media types differs from one to the next; evidence must not
_MEDIA_TYPES: Final = {
    ".pdf": "application/pdf",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".csv": "text/csv",
    ".xml": "application/xml",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}


class EmptyDocument(BadInput):
    """A document of no bytes proves nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(what=f"{path} is empty", why="it holds no bytes", fix="give the document itself")


def document(
    path: Path,
    *,
    type: str,  # noqa: A002 (the word of the command line)
    product: str,
    version: str | None = None,
    use: str | None = None,
    origin: Origin = Origin.LOCAL,
    at: str | None = None,
) -> Statement:
    """State that a document exists, by its digest, size and media type.

    Args:
        path: The document.
        type: What sort it is: model-card, protocol, agreement.
        product: The product it is about.
        version: The version it is about.
        use: The use it is about.
        origin: Whose word this is.
        at: When, ISO 8601 with a zone; now without it.

    Raises:
        UnreadableFile: It is not there, or a folder.
        EmptyDocument: It has no bytes.
    """
    digest, size = sha256_of_file(path), path.stat().st_size
    if size == 0:
        raise EmptyDocument(path)
    predicate = DocumentPredicate(
        product=product,
        version=version,
        use=use,
        origin=origin,
        evaluated_at=at or now(),
        document=type,
        file=path.name,
        digest=Digest(sha256=digest),
        size=size,
        media_type=_media_type(path),
    )
    name = product if version is None else f"{product}@{version}"
    return build(Kind.DOCUMENT, Subject(name=name, digest=Digest(sha256=digest)), predicate)


def _media_type(path: Path) -> str:
    known = _MEDIA_TYPES.get(path.suffix.lower())
    return known or mimetypes.types_map.get(path.suffix.lower(), "application/octet-stream")
