"""All uses at once: lists, counts, files in and out, what their columns mean, kept questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from codman.client.answers import ImportReport, KeptMapping, NamedMapping, Proposal, Row, View
from codman.client.collections import Readable
from codman.client.sending import Sender

_BYTES: Final = "application/octet-stream"
_LONG_SECONDS: Final = 600.0  # a long list takes its time, and is brought in before it is answered


class Inventory(Readable[Row]):
    """All uses at once."""

    def facets(self, **where: Any) -> dict[str, Any]:
        """How many uses each value of each facet would leave."""
        reply: dict[str, Any] = self._sender.send("GET", f"{self._path}/facets", query=where).json()
        return reply

    def export(self, format: str = "csv", **where: Any) -> bytes:  # noqa: A002
        """Every use that fits as a file: csv, json or xlsx."""
        return self._sender.send("GET", f"{self._path}/export", query={**where, "format": format}).content

    def import_file(
        self, body: bytes, *, mapping: str | None = None, dry_run: bool = False, why: str | None = None
    ) -> ImportReport:
        """Bring a file's uses into the book, all or nothing; the same file again changes nothing.

        Args:
            body: The file: CSV, XLSX, JSON, a CHAI card or a CycloneDX BOM.
            mapping: The name of a ready or saved mapping; the one that fits without.
            dry_run: Only tell what would become of each row.
            why: The reason, for the audit log.

        Raises:
            Refused: It cannot be read, no mapping fits, or the token is not good for it. Nothing was changed.
        """
        query = {"mapping": mapping, "dry_run": dry_run}
        path = f"{self._path}/import"
        reply = self._sender.send(
            "POST", path, query=query, content=body, media_type=_BYTES, why=why, again=True, seconds=_LONG_SECONDS
        )
        return ImportReport.model_validate(reply.json())

    def propose_mapping(self, body: bytes, name: str | None = None) -> Proposal:
        """Guess what a file's columns mean; nothing is kept."""
        path = f"{self._path}/proposal"
        reply = self._sender.send(
            "POST",
            path,
            query={"name": name},
            content=body,
            media_type=_BYTES,
            again=True,
            seconds=_LONG_SECONDS,
        )
        return Proposal.model_validate(reply.json())


class Mappings:
    """What the columns of files mean: the ready mappings, and those saved on the server."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._path = "/mappings"

    def list(self, *, limit: int = 200) -> Iterator[NamedMapping]:
        """All of them, by name."""
        return Readable(self._sender, self._path, NamedMapping).list(limit=limit)

    def get(self, name: str) -> KeptMapping:
        """What one says."""
        reply = self._sender.send("GET", f"{self._path}/{name}")
        return KeptMapping(mapping=reply.json(), etag=reply.headers["ETag"])

    def put(self, mapping: Mapping[str, Any], *, etag: str | None = None, why: str | None = None) -> KeptMapping:
        """Keep one under the name it says.

        Args:
            mapping: What it says.
            etag: Of the one it replaces; without, there must be none of that name.
            why: The reason, for the audit log.

        Raises:
            ChangedMeanwhile: Somebody else changed it.
            Refused: It is no mapping; or there is one of that name and no ETag was given.
        """
        path = f"{self._path}/{mapping['mapping']}"
        reply = self._sender.send("PUT", path, json=dict(mapping), etag=etag, why=why)
        return KeptMapping(mapping=reply.json(), etag=reply.headers["ETag"])

    def remove(self, kept: KeptMapping, *, why: str | None = None) -> None:
        """Take one out; what was imported by it stays."""
        self._sender.send("DELETE", f"{self._path}/{kept.mapping['mapping']}", etag=kept.etag, why=why)


class Views(Readable[View]):
    """Kept questions."""

    def create(self, name: str, query: str, *, shared: bool = False) -> View:
        """Keep a question."""
        body = {"name": name, "query": query, "shared": shared}
        return self._read(self._sender.send("POST", self._path, json=body))

    def forget(self, name: str) -> None:
        """Let go of a view of one's own."""
        path = f"{self._path}/{name}"
        self._sender.send("DELETE", path, etag=self._sender.send("GET", path).headers["ETag"])
