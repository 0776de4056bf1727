"""Statements kept by digest in a folder: each once, never changed, never half.

statements/ab/abcd….json   the canonical statement; its name is the sha256 of its bytes
envelopes/ab/abcd…/ef….json   each envelope somebody signed it in, by the sha256 of the envelope
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from codman.errors import BadInput, NotProven
from codman.evidence.canonical import parse, sha256
from codman.evidence.envelope import Envelope, from_json
from codman.evidence.files import CannotRead, CannotWrite, sync_folder, write_whole
from codman.evidence.schemas import PREDICATES
from codman.evidence.statements import ReadStatement, read_bytes
from codman.spine.statement import Kind, Statement, when

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class EvidenceTampered(NotProven):
    """Stored bytes no longer match the digest they were stored under."""

    def __init__(self, digest: str, found: str) -> None:
        super().__init__(
            what=f"evidence {digest[:12]}… changed after it was stored",
            why=f"stored under sha256 {digest[:12]}…, found {found[:12]}…",
            fix="restore it from backup; do not delete it, it shows what was changed",
        )


class NotInStore(BadInput):
    """A digest under which nothing is stored."""

    def __init__(self, digest: str) -> None:
        super().__init__(
            what=f"there is no evidence sha256:{digest[:64]}",
            why="nothing is stored under this digest",
            fix="list what there is, or store the statement first",
        )


class Store:
    """A folder of statements, by digest."""

    def __init__(self, folder: Path) -> None:
        self._statements = folder / "statements"
        self._envelopes = folder / "envelopes"

    def put(self, read: ReadStatement) -> str:
        """Keep a statement, and the envelope it came in; the same again changes nothing.

        Returns:
            Its digest.

        Raises:
            EvidenceTampered: Other bytes are stored under its digest.
            CannotWrite: The folder is not ours.
        """
        name = read.digest
        self._once(self._place(name), read.body, name)
        if read.envelope is not None:
            # the statement first: a crash in between leaves it unsigned, never a signature on nothing
            self._once(self._envelope(read), read.envelope.to_bytes(), name)
        return name

    def holds(self, read: ReadStatement) -> bool:
        """Whether a statement, and the envelope it came in, are here already."""
        return self._place(read.digest).exists() and (read.envelope is None or self._envelope(read).exists())

    def take_back(self, read: ReadStatement, *, statement: bool) -> None:
        """Take out again what was put in and then refused; whoever calls this knows that nobody else counts on it.

        Args:
            read: The statement, with the envelope that goes.
            statement: Whether the statement goes too.
        """
        if read.envelope is not None:
            _remove(self._envelope(read), 2)
        if statement:
            _remove(self._place(read.digest), 1)

    def get(self, digest: str) -> ReadStatement:
        """The statement under a digest, checked against it; with its first envelope, where it is signed.

        Raises:
            NotInStore: There is none.
            EvidenceTampered: Its bytes were changed on disk.
        """
        place = self._place(digest)
        try:
            body = place.read_bytes()
        except FileNotFoundError:
            raise NotInStore(digest) from None
        except OSError as error:
            raise CannotRead(place, error) from None
        if sha256(body) != digest:
            raise EvidenceTampered(digest, sha256(body))
        signed = next(iter(self.envelopes(digest)), None)
        return replace(read_bytes(body, name=f"evidence {digest[:12]}…", path=place), envelope=signed)

    def recall(self, digest: str) -> ReadStatement:
        """The same without its envelope, and without holding it to its schema again: that was done when it came.

        Its bytes are held to its digest as always, so what was checked then is what is read now. For judging thousands.

        Raises:
            NotInStore: There is none.
            EvidenceTampered: Its bytes were changed on disk.
        """
        place = self._place(digest)
        try:
            body = place.read_bytes()
        except OSError:
            return self.get(digest)
        if sha256(body) != digest:
            raise EvidenceTampered(digest, sha256(body))
        try:
            statement = Statement.model_validate_json(body)
            kind = statement.kind
            predicate = None if kind is None else PREDICATES[kind].model_validate(statement.predicate)
        except ValueError:  # kept by an edition that read more, or put here by hand: it is told in full what is wrong
            return self.get(digest)
        if predicate is None:
            return self.get(digest)
        return ReadStatement(
            statement=statement, envelope=None, path=place, digest=digest, predicate=predicate, body=body
        )

    def envelopes(self, digest: str) -> list[Envelope]:
        """Every envelope this statement was signed in."""
        found = []
        for path in _json_files(self._envelopes / digest[:2] / digest):
            data = path.read_bytes()
            if sha256(data) != path.stem:
                raise EvidenceTampered(digest, sha256(data))
            envelope = from_json(parse(data, name=path.name), name=path.name)
            if sha256(envelope.payload) != digest and read_bytes(data, name=path.name).digest != digest:
                raise EvidenceTampered(digest, sha256(envelope.payload))
            found.append(envelope)
        return found

    def digests(self) -> list[str]:
        """Every digest there is, sorted; what a crash left half written is not one."""
        return sorted(
            path.stem
            for shelf in (self._statements.iterdir() if self._statements.is_dir() else ())
            for path in _json_files(shelf)
        )

    def list(
        self,
        *,
        kind: Kind | None = None,
        product: str | None = None,
        version: str | None = None,
        use: str | None = None,
    ) -> list[ReadStatement]:
        """The statements about this, the newest `evaluated_at` first; each supersedes those after it."""
        found = [
            read
            for read in map(self.get, self.digests())
            if (kind is None or read.kind is kind)
            and all(
                wanted is None or read.statement.predicate.get(field) == wanted
                for field, wanted in (("product", product), ("version", version), ("use", use))
            )
        ]
        return sorted(found, key=_age, reverse=True)

    def superseded_by(self, digest: str) -> str | None:
        """The digest of the newest statement of the same kind, origin, product, version and use; None if this is it."""
        read = self.get(digest)
        same = [other for other in self.list(kind=read.kind) if _about(other) == _about(read)]
        newest = same[0]
        return None if newest.digest == digest else newest.digest

    def _place(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):  # a digest becomes a path, so nothing else may
            raise NotInStore(digest)
        return self._statements / digest[:2] / f"{digest}.json"

    def _envelope(self, read: ReadStatement) -> Path:
        data = b"" if read.envelope is None else read.envelope.to_bytes()
        return self._envelopes / read.digest[:2] / read.digest / f"{sha256(data)}.json"

    def _once(self, path: Path, data: bytes, digest: str) -> None:
        try:
            _make_durably(path.parent)
            there = path.read_bytes()
        except FileNotFoundError:
            write_whole(path, data, durable=True)
            return
        except OSError as error:
            raise CannotWrite(path, error) from None
        if there != data:
            raise EvidenceTampered(digest, sha256(there))
        sync_folder(path.parent)  # another sender may have just put it there, and we answer for it too


def _make_durably(folder: Path) -> None:
    if not folder.is_dir():
        _make_durably(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _remove(file: Path, folders: int) -> None:
    """Remove a file, and the folders above it that are empty then."""
    file.unlink(missing_ok=True)
    for folder in list(file.parents)[:folders]:
        try:
            folder.rmdir()
        except OSError:  # something else is in it, or it is gone
            return


def _json_files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(p for p in folder.iterdir() if p.suffix == ".json" and _DIGEST.fullmatch(p.stem))


def _about(read: ReadStatement) -> tuple[object, ...]:
    said = read.statement.predicate
    return tuple(said.get(field) for field in ("origin", "product", "version", "use"))


def _age(read: ReadStatement) -> tuple[datetime, str]:
    said = read.statement.predicate
    return when(said.get("evaluated_at") or said["committed_at"]), read.digest
