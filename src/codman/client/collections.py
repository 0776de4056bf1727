"""Collections: the records of one kind on a server, read into the same nouns that the server keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

import httpx
from pydantic import BaseModel

from codman.client.sending import Sender
from codman.spine.record import Fields, Record

R = TypeVar("R", bound=BaseModel)
K = TypeVar("K", bound=Record)

_MERGE = "application/merge-patch+json"


class Readable(Generic[R]):
    """What can be listed and read.

    Args:
        sender: How requests go out.
        path: The collection's, after /api/v1.
        model: What one of them is.
    """

    def __init__(self, sender: Sender, path: str, model: type[R]) -> None:
        self._sender = sender
        self._path = path
        self._model = model

    def list(self, *, limit: int = 200, **where: Any) -> Iterator[R]:
        """All of them that fit, page after page.

        Args:
            limit: How many a page.
            where: Filters, `q` and `order`, as the API's documentation names them; a list means any of its values.
        """
        cursor: str | None = None
        while True:
            page = self._sender.send("GET", self._path, query={**where, "limit": limit, "cursor": cursor}).json()
            yield from map(self._model.model_validate, page["items"])
            cursor = page["next"]
            if cursor is None:
                return

    def get(self, name: str) -> R:
        """One of them.

        Raises:
            NotThere: There is none of that name within reach.
        """
        return self._read(self._sender.send("GET", f"{self._path}/{name}"))

    def _read(self, reply: httpx.Response) -> R:
        return self._model.model_validate(reply.json())


class Addable(Readable[R]):
    """What can also be added."""

    def create(self, fields: Fields | Mapping[str, Any], *, id: str | None = None, why: str | None = None) -> R:  # noqa: A002
        """Add one; sent again after a lost connection, it is added once.

        Args:
            fields: What it says.
            id: A name of one's own for it.
            why: The reason, for the audit log.

        Raises:
            Conflict: Its id, or what may stand once, is taken.
            Refused: A field cannot be kept.
        """
        plain = fields.model_dump(mode="json") if isinstance(fields, Fields) else dict(fields)
        body = plain if id is None else {**plain, "id": id}
        return self._read(self._sender.send("POST", self._path, json=body, why=why, once=True))


class Collection(Addable[K]):
    """What can also be changed."""

    def change(
        self, record: K | str, patch: Mapping[str, Any], *, etag: str | None = None, why: str | None = None
    ) -> K:
        """Change some fields.

        Args:
            record: The record as it was read; or its id, with the ETag it had.
            patch: New values by field; None empties one.
            etag: The revision the change is made on, where only the id is given.
            why: The reason, for the audit log.

        Raises:
            ChangedMeanwhile: Somebody else changed it.
            Refused: A field cannot be kept.
        """
        name, tag = (record, etag) if isinstance(record, str) else (record.id, etag or f'"{record.revision}"')
        reply = self._sender.send(
            "PATCH", f"{self._path}/{name}", json=dict(patch), media_type=_MERGE, etag=tag, why=why
        )
        return self._read(reply)
