"""What kinds of file a document may be, told by the file's own bytes, and how large."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LARGEST_MIB: Final = 25

_ZIP: Final = b"PK\x03\x04"
# Ending, media type, and the bytes such a file begins with; none are words, which must be UTF-8
KINDS: Final[Mapping[str, tuple[str, bytes]]] = {
    "pdf": ("application/pdf", b"%PDF-"),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", _ZIP),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _ZIP),
    "pptx": ("application/vnd.openxmlformats-officedocument.presentationml.presentation", _ZIP),
    "csv": ("text/csv", b""),
    "txt": ("text/plain", b""),
    "md": ("text/markdown", b""),
    "json": ("application/json", b""),
    "yaml": ("application/yaml", b""),
    "png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    "jpg": ("image/jpeg", b"\xff\xd8\xff"),
}


def media_type_of(name: str, data: bytes) -> str:
    """The media type of a file that a document may be.

    Raises:
        ValueError: It is of another kind, or is not what its ending says; the message is for the sender.
    """
    ending = name.rpartition(".")[2].lower().replace("jpeg", "jpg").replace("yml", "yaml")
    if "." not in name or ending not in KINDS:
        raise ValueError(f"this kind of file is not taken; send one of {', '.join(KINDS)}")
    media_type, begins = KINDS[ending]
    if not data:
        raise ValueError("the file is empty")
    if not (data.startswith(begins) if begins else _is_text(data)):
        raise ValueError(f"its contents are not those of a {ending} file")
    return media_type


def _is_text(data: bytes) -> bool:
    if b"\0" in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
