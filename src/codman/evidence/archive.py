"""A tar file with one signed list of what is in it, and no byte that the list does not account for.

Any tar program unpacks it. `unpack` is stricter: it knows every byte that must be there, so one changed byte anywhere,
in a header or in the padding, is refused.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from codman.errors import BadInput, NotProven
from codman.evidence.canonical import canonical, parse
from codman.evidence.envelope import Envelope, from_json, sign
from codman.evidence.files import CannotRead, CannotWrite, sync_folder
from codman.evidence.keys import SigningKey, VerifyingKey, parse_verifying_key

LIST: Final = "manifest.dsse.json"
PAYLOAD_TYPE: Final = "application/vnd.codman.backup+json"
_BLOCK: Final = tarfile.BLOCKSIZE
_CHUNK: Final = 1 << 20
_END: Final = bytes(2 * _BLOCK)
_TWICE: Final = "its list names a place twice"
_LONGEST_NAME: Final = 4096  # bytes
_LONGEST_PART: Final = 255
_LARGEST_LIST: Final = 512 * 1024 * 1024


class BadArchive(NotProven):
    """An archive that is not, to the byte, what was packed."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(what=f"{path} is not whole", why=why, fix="use another backup; nothing was restored from this")


class CannotPack(BadInput):
    """A file whose name an archive cannot hold."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            what=f"{str(file)!r} cannot be packed",
            why="its name has a backslash or a letter that cannot be printed, or is too long",
            fix="rename it, or take it away",
        )


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive."""

    name: str  # its path inside, with forward slashes
    size: int  # bytes
    sha256: str


def pack(out: Path, folder: Path, about: Mapping[str, Any], key: SigningKey) -> list[Member]:
    """Write every file below a folder, and the signed list of them, into a new archive: whole or not at all.

    Args:
        out: Where it goes; its owner alone may read it.
        folder: What goes in; only plain files.
        about: What else the list says, as plain JSON types.
        key: Who signs the list; its public half goes along.

    Raises:
        CannotPack: A file's name could not come back.
        CannotWrite: The folder is missing, full or not ours.
    """
    members = [_member(folder, path) for path in sorted(p for p in folder.rglob("*") if p.is_file())]
    for member in members:
        if not _stays_inside(member.name):  # what could not come back must not go in
            raise CannotPack(folder / member.name)
    listed = [{"name": m.name, "size": m.size, "sha256": m.sha256} for m in members]
    body = canonical({**about, "key": key.public.pem, "files": listed})
    head = sign(body, key, payload_type=PAYLOAD_TYPE).to_bytes()
    beside = out.with_name(f".{out.name[:100]}.partial")
    try:
        with suppress(FileNotFoundError):
            beside.unlink()
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_header(LIST, len(head)) + head + _padding(len(head)))
            for member in members:
                file.write(_header(member.name, member.size))
                with (folder / member.name).open("rb") as source:
                    while chunk := source.read(_CHUNK):
                        file.write(chunk)
                file.write(_padding(member.size))
            file.write(_END)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(out)
        sync_folder(out.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise CannotWrite(out, error) from None
    return members


def unpack(path: Path, folder: Path, key: VerifyingKey | None = None) -> dict[str, Any]:
    """Check an archive to the last byte while laying its files into a folder; the caller removes them on an error.

    Args:
        path: The archive.
        folder: Where its files go; must be there and empty.
        key: The public key that must have signed the list; without one, that which came along is believed.

    Returns:
        What the list says beside the files.

    Raises:
        BadArchive: One byte is not as it was packed, or another key signed.
        CannotRead: It is not there.
        CannotWrite: The folder is full or not ours.
    """
    try:
        with path.open("rb") as file:
            about = _read_list(file, path, key)
            for member in _members(about, path):
                _expect(file, _header(member.name, member.size), path)
                _lay(file, folder, member, path)
                _expect(file, _padding(member.size), path)
            _expect(file, _END, path)
            if file.read(1):
                raise BadArchive(path, "something follows its end")
    except OSError as error:
        raise CannotRead(path, error) from None
    return {name: value for name, value in about.items() if name not in ("files", "key")}


def _read_list(file: BinaryIO, path: Path, key: VerifyingKey | None) -> dict[str, Any]:
    try:
        size = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict").size
    except (tarfile.HeaderError, UnicodeDecodeError):
        raise BadArchive(path, "it does not begin with a list of its files") from None
    if not 0 < size <= _LARGEST_LIST:
        raise BadArchive(path, "its list has no possible size")
    file.seek(0)
    _expect(file, _header(LIST, size), path)
    head = file.read(size)
    _expect(file, _padding(size), path)
    try:
        envelope = from_json(parse(head, name="the list", at_most=_LARGEST_LIST), name="the list")
        about: dict[str, Any] = parse(envelope.payload, name="the list", at_most=_LARGEST_LIST)
        signer = parse_verifying_key(about["key"].encode(), "the backup's key")
    except (BadInput, KeyError, TypeError, AttributeError, RecursionError, UnicodeError):
        raise BadArchive(path, "its list cannot be read") from None
    if key is not None and signer.keyid != key.keyid:
        raise BadArchive(path, f"the key sha256:{signer.keyid[:12]}… signed it, not {key.name}")
    if envelope.to_bytes() != head or not _signed(envelope, signer):
        raise BadArchive(path, "the signature does not fit its list")
    return about


def _signed(envelope: Envelope, signer: VerifyingKey) -> bool:
    if envelope.payload_type != PAYLOAD_TYPE or len(envelope.signatures) != 1:
        return False
    (only,) = envelope.signatures
    return only.keyid == signer.keyid and signer.signed(only.sig, envelope.pae)


def _members(about: Mapping[str, Any], path: Path) -> Sequence[Member]:
    """The list, judged before one byte is written: signed is not harmless, whoever signed it."""
    listed = about.get("files")
    if not isinstance(listed, list) or not all(map(_is_member, listed)):
        raise BadArchive(path, "its list cannot be read")
    members = [Member(one["name"], one["size"], one["sha256"]) for one in listed]
    if not all(_stays_inside(m.name) for m in members):
        raise BadArchive(path, "its list names a file outside the folder")
    names = {m.name for m in members}
    folders = {str(folder) for name in names for folder in PurePosixPath(name).parents}
    if len(names) < len(members) or not folders.isdisjoint(names):
        raise BadArchive(path, _TWICE)
    return members


def _is_member(one: object) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and isinstance(one.get("sha256"), str)
        and type(one.get("size")) is int
        and 0 <= one["size"] < 1 << 63
    )


def _stays_inside(text: str) -> bool:
    name = PurePosixPath(text)
    return (
        text not in ("", ".")
        and not name.is_absolute()
        and ".." not in name.parts
        and str(name) == text
        and "\\" not in text
        and text.isprintable()  # no NUL, no line end, no half of a letter
        and len(text.encode()) <= _LONGEST_NAME
        and all(len(part.encode()) <= _LONGEST_PART for part in name.parts)
    )


def _lay(file: BinaryIO, folder: Path, member: Member, path: Path) -> None:
    place = folder / member.name
    digest, left = hashlib.sha256(), member.size
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as into:
            while left:
                chunk = _chunk(file, left, path)
                if not chunk:
                    raise BadArchive(path, f"it ends inside {member.name}")
                digest.update(chunk)
                into.write(chunk)
                left -= len(chunk)
            into.flush()
            os.fsync(into.fileno())
    except (FileExistsError, NotADirectoryError):  # on a disk that takes Keys for keys
        raise BadArchive(path, _TWICE) from None
    except OSError as error:
        raise CannotWrite(folder, error) from None
    if digest.hexdigest() != member.sha256:
        raise BadArchive(path, f"{member.name} is not the file that was packed")


def _chunk(file: BinaryIO, left: int, path: Path) -> bytes:
    try:
        return file.read(min(_CHUNK, left))
    except OSError as error:
        raise CannotRead(path, error) from None


def _expect(file: BinaryIO, wanted: bytes, path: Path) -> None:
    if file.read(len(wanted)) != wanted:
        raise BadArchive(path, f"it differs from its list just before byte {file.tell():,}")


def _member(folder: Path, path: Path) -> Member:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return Member(path.relative_to(folder).as_posix(), size, digest.hexdigest())


def _header(name: str, size: int) -> bytes:
    """The tar header of a member, always the same bytes for the same name and size."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)
