"""Client: the API of a Codman server as Python. Every operation of its OpenAPI document is a method here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx

from codman.client.answers import (
    BatchReply,
    Consistency,
    Doubt,
    Evidence,
    Filed,
    ImportReport,
    Inclusion,
    KeptMapping,
    Key,
    LogEntry,
    NamedMapping,
    Proposal,
    Row,
    Said,
    Token,
    Verification,
    View,
)
from codman.client.collections import Addable, Collection, Readable
from codman.client.problems import NotJson
from codman.client.sending import Sender
from codman.evidence.receipt import Receipt
from codman.spine.person import Grant, Person
from codman.spine.product import Product, Vendor, Version
from codman.spine.site import Deployment, Site
from codman.spine.use import Use

_EVENTS: Final = "application/cloudevents-batch+json"
_BYTES: Final = "application/octet-stream"
_LONG_SECONDS: Final = 600.0  # a long list takes its time, and is brought in before it is answered


class Deployments(Collection[Deployment]):
    """Where uses run."""

    def accept(self, deployment: Deployment, *, why: str | None = None) -> Deployment:
        """Accept one, as the clinician it names."""
        reply = self._sender.send(
            "POST", f"{self._path}/{deployment.id}/acceptance", etag=f'"{deployment.revision}"', why=why
        )
        return self._read(reply)


class Uses(Collection[Use]):
    """Uses, and where each runs."""

    def deployments(self, use: str) -> list[Deployment]:
        """Every deployment of a use within reach."""
        return self._all(self._sender.send("GET", f"{self._path}/{use}/deployments"))

    def deploy(
        self, use: str, sites: Sequence[str], fields: Mapping[str, Any], *, why: str | None = None
    ) -> list[Deployment]:
        """Deploy a use at many sites as one action; where it runs already, nothing changes."""
        body = {"sites": list(sites), "fields": dict(fields)}
        return self._all(self._sender.send("POST", f"{self._path}/{use}/deployments", json=body, why=why, again=True))

    def change_everywhere(
        self, use: str, patch: Mapping[str, Any], *, sites: Sequence[str] | None = None, why: str | None = None
    ) -> list[Deployment]:
        """Change a use at all its sites within reach, or at some, as one action on what is there now."""
        now = self._sender.send("GET", f"{self._path}/{use}/deployments").headers["ETag"]
        body = {"sites": None if sites is None else list(sites), "patch": dict(patch)}
        return self._all(self._sender.send("PATCH", f"{self._path}/{use}/deployments", json=body, etag=now, why=why))

    def made_document(self, use: str, document: str) -> bytes:
        """A document made of a use from the registry as it stands.

        Args:
            use: Which use.
            document: chai (XML), hti-1 (JSON), hti-1.html or cyclonedx (JSON).
        """
        return self._sender.send("GET", f"{self._path}/{use}/documents/{document}").content

    def _all(self, reply: httpx.Response) -> list[Deployment]:
        return [Deployment.model_validate(one) for one in reply.json()["items"]]


class People(Collection[Person]):
    """People, the roles they hold, and their tokens."""

    def grants(self, person: str) -> Addable[Grant]:
        """Somebody's roles: list, get, create."""
        return Addable(self._sender, f"{self._path}/{person}/grants", Grant)

    def take_back(self, grant: Grant, *, why: str | None = None) -> None:
        """Take a role back."""
        path = f"{self._path}/{grant.person}/grants/{grant.id}"
        self._sender.send("DELETE", path, etag=f'"{grant.revision}"', why=why)

    def tokens(self, person: str) -> list[Token]:
        """Somebody's tokens, never their secrets."""
        reply = self._sender.send("GET", f"{self._path}/{person}/tokens").json()
        return [Token.model_validate(one) for one in reply["items"]]

    def token(self, person: str, name: str) -> Token:
        """One token, never its secret."""
        return Token.model_validate(self._sender.send("GET", f"{self._path}/{person}/tokens/{name}").json())

    def create_token(self, person: str, scopes: Sequence[str], *, name: str, days: int = 90) -> Token:
        """Make a token; its secret is in the answer and nowhere else."""
        body = {"name": name, "scopes": list(scopes), "days": days}
        return Token.model_validate(self._sender.send("POST", f"{self._path}/{person}/tokens", json=body).json())

    def revoke_token(self, person: str, name: str, *, why: str | None = None) -> None:
        """Make a token worthless."""
        path = f"{self._path}/{person}/tokens/{name}"
        self._sender.send("DELETE", path, etag=self._sender.send("GET", path).headers["ETag"], why=why)


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


class Client:
    """A Codman server.

    Args:
        server: Its address, e.g. https://codman.hospital.org; http only to this machine.
        token: Whose rights the requests have; without one only what is open.
        transport: How requests travel; the network without.

    Raises:
        BadServer: The address is none a token may be sent to.
    """

    def __init__(self, server: str, token: str | None = None, *, transport: httpx.BaseTransport | None = None) -> None:
        self._sender = Sender(server, token, transport=transport)
        self.products = Collection(self._sender, "/products", Product)
        self.versions = Collection(self._sender, "/versions", Version)
        self.vendors = Collection(self._sender, "/vendors", Vendor)
        self.uses = Uses(self._sender, "/uses", Use)
        self.deployments = Deployments(self._sender, "/deployments", Deployment)
        self.sites = Collection(self._sender, "/sites", Site)
        self.people = People(self._sender, "/people", Person)
        self.facts = Collection(self._sender, "/facts", Said)
        self.documents = Documents(self._sender, "/documents", Said)
        self.evidence = EvidenceOf(self._sender, "/evidence", Filed)
        self.keys = Keys(self._sender, "/keys", Key)
        self.inventory = Inventory(self._sender, "/inventory", Row)
        self.mappings = Mappings(self._sender)
        self.views = Views(self._sender, "/views", View)
        self.audit = Audit(self._sender, "/audit", LogEntry)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._sender.close()

    def submit(self, body: bytes | str | Mapping[str, Any]) -> Receipt:
        """Send a statement or its envelope; the same again gives the same receipt.

        Args:
            body: Its JSON as bytes or text, or as plain types.

        Raises:
            NotJson: It is none of them.
            NotTaken: A signature, a subject or a number is refused.
            Refused: It is no statement, or the token is not good for it.
            NoAnswer: The server does not answer.
        """
        # stored once, by digest: sending it again is safe by itself
        reply = self._sender.send("POST", "/evidence", content=_bytes(body), media_type="application/json", again=True)
        return Receipt.model_validate(reply.json())

    def submit_batch(self, events: bytes) -> BatchReply:
        """Send a batch of CloudEvents (JSON); each is filed or refused by itself."""
        reply = self._sender.send("POST", "/evidence", content=events, media_type=_EVENTS, again=True)
        return BatchReply.model_validate(reply.json())

    def health(self) -> dict[str, Any]:
        """Whether the server and its database answer."""
        reply: dict[str, Any] = self._sender.send("GET", "/health").json()
        return reply

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of the server."""
        reply: dict[str, Any] = self._sender.send("GET", "/openapi.json").json()
        return reply

    def documentation(self) -> str:
        """The same as a page."""
        return self._sender.send("GET", "/docs").text

    def documentation_style(self) -> str:
        """The page's style sheet."""
        return self._sender.send("GET", "/docs.css").text

    def schema(self, kind: str) -> dict[str, Any]:
        """What a kind of statement may say, as JSON Schema."""
        reply: dict[str, Any] = self._sender.send("GET", f"/schemas/{kind}/v1.json").json()
        return reply


def _bytes(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if not isinstance(body, Mapping):
        raise NotJson(f"it is of the type {type(body).__name__}")
    try:
        return json.dumps(dict(body), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError):
        raise NotJson("something in it has no form in JSON") from None
