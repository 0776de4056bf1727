"""What was filed and who vouches for it: documents, statements, keys, the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from codman.client.answers import Consistency, Doubt, Evidence, Filed, Inclusion, Key, LogEntry, Said, Verification
from codman.client.collections import Readable


class Documents(Readable[Said]):
    """Files about products, versions and uses."""

    def create(self, data: bytes, media_type: str, *, about_kind: str, about: str, type: str, title: str) -> Said:  # noqa: A002
        """File a document."""
        query = {"about_kind": about_kind, "about": about, "type": type, "title": title}
        reply = self._sender.send("POST", self._path, query=query, content=data, media_type=media_type, once=True)
        return self._read(reply)

    def content(self, name: str) -> bytes:
        """A document's bytes."""
        return self._sender.send("GET", f"{self._path}/{name}/content").content


class EvidenceOf(Readable[Filed]):
    """Filed statements."""

    def read(self, digest: str) -> Evidence:
        """A statement, its envelopes, and what it is worth now."""
        return Evidence.model_validate(self._sender.send("GET", f"{self._path}/{digest}").json())

    def statement(self, digest: str) -> bytes:
        """Its canonical bytes."""
        return self._sender.send("GET", f"{self._path}/{digest}/statement").content

    def envelope(self, digest: str) -> bytes:
        """The envelope it was signed in."""
        return self._sender.send("GET", f"{self._path}/{digest}/envelope").content

    def doubts(self) -> list[Doubt]:
        """Statements of which a person must say what they mean, because several records have the name."""
        return [Doubt.model_validate(one) for one in self._sender.send("GET", "/doubts").json()["items"]]

    def settle(self, digest: str, product: str, use: str | None = None, *, why: str | None = None) -> Evidence:
        """Say which product, and which use, a statement means."""
        body = {"product": product, "use": use}
        reply = self._sender.send("POST", f"{self._path}/{digest}/meaning", json=body, why=why)
        return Evidence.model_validate(reply.json())

    def verify(self, digest: str) -> Verification:
        """What it is worth now, and the log's receipt."""
        return Verification.model_validate(self._sender.send("GET", f"{self._path}/{digest}/verification").json())


class Keys(Readable[Key]):
    """Whose signatures count."""

    def list(self, **_where: Any) -> Iterator[Key]:
        """All of them."""
        yield from map(Key.model_validate, self._sender.send("GET", self._path).json()["items"])

    def create(self, fields: Mapping[str, Any]) -> Key:
        """Register a key; the same key twice is refused."""
        return self._read(self._sender.send("POST", self._path, json=dict(fields)))

    def rotate(self, key: Key, name: str, public_pem: str) -> Key:
        """Put a new key in its place."""
        body = {"name": name, "public_pem": public_pem}
        etag = f'"{key.revision}"'
        return self._read(self._sender.send("POST", f"{self._path}/{key.id}/rotation", json=body, etag=etag))

    def revoke(self, key: Key, *, since: str | None = None, why: str | None = None) -> Key:
        """Stop trusting it from a moment on."""
        body = {"since": since}
        etag = f'"{key.revision}"'
        return self._read(self._sender.send("POST", f"{self._path}/{key.id}/revocation", json=body, etag=etag, why=why))


class Audit(Readable[LogEntry]):
    """The audit log."""

    def checkpoint(self) -> str:
        """Its signed state: keep it elsewhere."""
        return self._sender.send("GET", f"{self._path}/checkpoint").text

    def proof(self, index: int, size: int | None = None) -> Inclusion:
        """That an entry is in it."""
        query = {"index": index, "size": size}
        return Inclusion.model_validate(self._sender.send("GET", f"{self._path}/proof", query=query).json())

    def consistency(self, older: int, newer: int | None = None) -> Consistency:
        """That nothing was taken back between two sizes."""
        query = {"older": older, "newer": newer}
        return Consistency.model_validate(self._sender.send("GET", f"{self._path}/consistency", query=query).json())
