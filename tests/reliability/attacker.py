"""Somebody with a house of their own who makes backups that are rightly signed and meant to do harm."""

from __future__ import annotations

import hashlib
import sys
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "flows"))
from book import Book, bare

from codman.errors import CodmanError
from codman.evidence.archive import LIST, PAYLOAD_TYPE
from codman.evidence.canonical import canonical, parse
from codman.evidence.envelope import from_json, sign
from codman.evidence.keys import SigningKey, read_signing_key
from codman.flows.backup import backup, restore
from codman.flows.filing import file_evidence
from codman.flows.operator import OPERATOR

Apart = tuple[SigningKey, dict[str, Any], dict[str, bytes]]


@dataclass
class Attacker:
    """Somebody who knows how a backup is built and has a whole one of their own house."""

    folder: Path
    key: SigningKey
    about: dict[str, Any]
    files: dict[str, bytes]

    def archive(
        self,
        held: dict[str, bytes] | None = None,
        listed: Any = None,
        header: Callable[[tarfile.TarInfo], None] = lambda _info: None,
        **about: Any,
    ) -> Path:
        """A backup whose list says just what it holds, or what it is told to say."""
        held = self.files if held is None else held
        if listed is None:
            listed = [entry(name, data) for name, data in held.items()]
        said = {**self.about, "key": self.key.public.pem, "files": listed, **about}
        head = sign(canonical({k: v for k, v in said.items() if v is not ...}), self.key, payload_type=PAYLOAD_TYPE)
        return self.written([(LIST, head.to_bytes()), *held.items()], header)

    def written(self, members: Sequence[tuple[str, bytes]], header: Callable[[tarfile.TarInfo], None]) -> Path:
        out = self.folder / "evil.tar"
        with out.open("wb") as file:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), 0o600
                if name != LIST:
                    header(info)
                file.write(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
                file.write(data + bytes(-len(data) % 512))
            file.write(bytes(1024))
        return out


def entry(name: Any, data: bytes = b"x", size: Any = None) -> dict[str, Any]:
    return {"name": name, "size": len(data) if size is None else size, "sha256": hashlib.sha256(data).hexdigest()}


def taken_apart(folder: Path, database_url: str | None = None) -> Apart:
    """A whole backup of the attacker's own house: its key, what its list says, its files."""
    book = Book(folder, database_url)
    file_evidence(book.house, bare(measurements=[]), book.officer)
    backup(book.house, OPERATOR, folder / "good.tar")
    book.house.close()
    with tarfile.open(folder / "good.tar") as opened:
        held = {info.name: opened.extractfile(info).read() for info in opened}  # type: ignore[union-attr]
    about = parse(from_json(parse(held.pop(LIST), name="x"), name="x").payload, name="x")
    return read_signing_key(folder / "workspace" / "keys" / "log.key"), about, held


def refused(attacker: Attacker, archive: Path, **more: Any) -> CodmanError:
    """Refused with a clear error, and nothing is there that was not there before."""
    before = everything(attacker.folder)
    with pytest.raises(CodmanError) as error:
        restore(archive, attacker.folder / "new", **more)
    assert everything(attacker.folder) == before
    return error.value


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() else b"/" for p in folder.rglob("*")}
