"""One way to keep any record: add it, find it, change it under its revision, list it page by page; all of it logged."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from codman.errors import BadInput, CodmanError
from codman.registry.database import Change
from codman.registry.identifiers import new_id
from codman.registry.log import Entry
from codman.spine.record import Fields, Record, free_text_fields

MOST_A_PAGE: Final = 500
_KEPT: Final = frozenset({"id", "revision", "created_at", "updated_at"})
_LISTED_BY: Final = {
    "use": "codman inventory list, or GET /api/v1/uses",
    "person": "codman user list, or GET /api/v1/people",
    "key": "codman key list, or GET /api/v1/keys",
    "token": "codman token list",
    "statement": "GET /api/v1/evidence",
}

F = TypeVar("F", bound=Fields)
R = TypeVar("R", bound=Record)


class NoSuchRecord(BadInput):
    """A name the book does not have, or that is not this reader's to see."""

    def __init__(self, kind: str, name: str) -> None:
        where = _LISTED_BY.get(kind, f"GET /api/v1/{kind}s")
        super().__init__(
            what=f"there is no {kind} {name[:80]!r}",
            why="the book has none of that name within your reach",
            fix=f"list them: {where}",
        )


class BadField(BadInput):
    """A field that cannot hold what was given."""

    def __init__(self, kind: str, field: str, why: str, fix: str = "correct that field") -> None:
        super().__init__(what=f"{kind}: the field '{field}' cannot be kept", why=why, fix=fix)
        self.field = field


class Stale(CodmanError):
    """Somebody else changed the record meanwhile."""

    exit_code = 2

    def __init__(self, kind: str, name: str, yours: int, theirs: int) -> None:
        super().__init__(
            what=f"{kind} {name} was changed meanwhile",
            why=f"you changed revision {yours}; it is at {theirs} now",
            fix="read it again, look at both, and repeat your change",
        )
        self.current: int | None = theirs


class AlreadyThere(CodmanError):
    """Something that may stand once stands already."""

    exit_code = 2

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(what=f"this {kind} is in the book already", why=why, fix="change the one that is there")


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Some records, and where the next ones begin."""

    items: Sequence[R]
    next: str | None


class Records(Generic[F, R]):
    """The records of one kind.

    Args:
        kind: Its word, e.g. `use`; identifiers begin with it and the log uses it.
        table: Where they are; its columns carry the model's field names.
        fields: What may be written.
        record: What is read.
        whole: Works out the columns that are not fields (a site's path).
    """

    def __init__(
        self,
        kind: str,
        table: Table,
        fields: type[F],
        record: type[R],
        whole: Callable[[Connection, F, str], Mapping[str, Any]] | None = None,
    ) -> None:
        self.kind = kind
        self.table = table
        self.fields = fields
        self.record = record
        self.words = free_text_fields(fields)
        self._whole = whole
        self._columns = [c for c in table.c if c.name in record.model_fields]

    def get(self, connection: Connection, name: str) -> R:
        """One record.

        Raises:
            NoSuchRecord: There is none of that name.
        """
        row = connection.execute(select(*self._columns).where(self.table.c.id == name)).one_or_none()
        if row is None:
            raise NoSuchRecord(self.kind, name)
        return self.read(row)

    def get_many(self, connection: Connection, names: Iterable[str]) -> dict[str, R]:
        """Those of some records that are there, by name."""
        asked = sorted(set(names))
        found: dict[str, R] = {}
        for start in range(0, len(asked), MOST_A_PAGE):
            query = select(*self._columns).where(self.table.c.id.in_(asked[start : start + MOST_A_PAGE]))
            found |= {row._mapping["id"]: self.read(row) for row in connection.execute(query)}
        return found

    def read(self, row: Row[Any]) -> R:
        """A row of the table as a record; columns that are not its own are passed over."""
        mapping = row._mapping
        return self.record.model_validate({c.name: mapping[c.name] for c in self._columns})

    def add(self, change: Change, fields: F, name: str | None = None) -> R:
        """Put a new record into the book.

        Raises:
            AlreadyThere: Its name, or what may stand once, is taken.
            BadField: It names another record that is not there.
        """
        return self.add_many(change, [fields], [name])[0]

    def add_many(self, change: Change, many: Sequence[F], names: Sequence[str | None] | None = None) -> list[R]:
        """The same for many at once, in one change."""
        made: list[dict[str, Any]] = []
        for fields, given in zip(many, names or [None] * len(many), strict=True):
            name = given or new_id(self.kind)
            plain = fields.model_dump(mode="json")
            derived = self._whole(change.connection, fields, name) if self._whole else {}
            row = {"id": name, "revision": 1, "created_at": change.at, "updated_at": change.at, **plain, **derived}
            made.append(row)
            after = {k: v for k, v in plain.items() if v is not None}
            change.record(Entry(f"{self.kind}.create", self.kind, name, after=after, words=self.words))
        if made:
            self._write(change, insert(self.table), made)
        return [self.record.model_validate(row) for row in made]

    def change(self, change: Change, name: str, patch: Mapping[str, Any], revision: int | None) -> R:
        """Change some fields of a record; the others stay.

        Args:
            change: The transaction.
            name: Which record.
            patch: New values by field; None empties one (JSON Merge Patch, RFC 7396).
            revision: The revision the change was made on; None takes whatever is there (a program's own step).

        Raises:
            NoSuchRecord: There is none of that name.
            Stale: It was changed meanwhile.
            BadField: A field is unknown, or cannot hold its value.
        """
        old = self.get(change.connection, name)
        if revision is not None and old.revision != revision:
            raise Stale(self.kind, name, revision, old.revision)
        self.change_many(change, [(old, patch)])
        return self.get(change.connection, name)

    def change_many(self, change: Change, patches: Sequence[tuple[R, Mapping[str, Any]]]) -> None:
        """Change some fields of many records that were read in the same transaction, each once.

        Raises:
            BadField: A field is unknown, or cannot hold its value.
        """
        written: dict[tuple[str, ...], list[dict[str, Any]]] = {}  # by the columns that change, one statement for each
        for old, patch in patches:
            fields = self.validated({**self.plain(old), **patch})
            before, after = self.plain(old), fields.model_dump(mode="json")
            changed = sorted(k for k in after if after[k] != before[k])
            if not changed:
                continue
            values = {k: after[k] for k in changed}
            if self._whole:
                values |= self._whole(change.connection, fields, old.id)
            values |= {"revision": old.revision + 1, "updated_at": change.at}
            bound = {f"new_{k}": value for k, value in values.items()} | {"which": old.id}
            written.setdefault(tuple(values), []).append(bound)
            change.record(
                Entry(
                    f"{self.kind}.change",
                    self.kind,
                    old.id,
                    before={k: before[k] for k in changed},
                    after={k: after[k] for k in changed},
                    words=self.words,
                )
            )
        for columns, rows in written.items():
            statement = update(self.table).where(self.table.c.id == bindparam("which"))
            self._write(change, statement.values({k: bindparam(f"new_{k}") for k in columns}), rows)

    def remove(self, change: Change, name: str, revision: int | None) -> None:
        """Take a record out of the book; the log keeps what it was.

        Raises:
            NoSuchRecord: There is none of that name.
            Stale: It was changed meanwhile.
        """
        old = self.get(change.connection, name)
        if revision is not None and old.revision != revision:
            raise Stale(self.kind, name, revision, old.revision)
        self._write(change, delete(self.table).where(self.table.c.id == name))
        change.record(Entry(f"{self.kind}.remove", self.kind, name, before=self.plain(old), words=self.words))

    def validated(self, values: Mapping[str, Any]) -> F:
        """Plain values as the kind's fields.

        Raises:
            BadField: A field is unknown, missing, or cannot hold its value.
        """
        try:
            return self.fields.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(map(str, first["loc"])) or "all"
            raise BadField(self.kind, place[:100], first["msg"].removeprefix("Value error, ")[:300]) from None

    def plain(self, record: BaseModel) -> dict[str, Any]:
        """A record's fields as JSON types, without what the book itself keeps."""
        return {k: v for k, v in record.model_dump(mode="json").items() if k in self.fields.model_fields}

    def page(
        self,
        connection: Connection,
        query: Select[Any] | None = None,
        *,
        order: str = "id",
        descending: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[R]:
        """Some of the records, in order, beginning after a cursor.

        Args:
            connection: Where to read.
            query: Which ones: `select(*columns of the table).where(…)`; all where None.
            order: The column they are sorted by; ties by id; empty values last.
            descending: The largest first.
            limit: How many, 1 to 500.
            cursor: What the page before gave as `next`.

        Raises:
            BadField: The order is no column, or the cursor is none of ours.
        """
        if order not in self.table.c:
            raise BadField(self.kind, "order", f"there is no column {order[:60]!r} to sort by")
        limit = max(1, min(limit, MOST_A_PAGE))
        query = select(*self._columns) if query is None else query
        column = self.table.c[order]
        if cursor is not None:
            query = query.where(self._after(column, cursor, descending=descending))
        direction = [column.is_(None), column.desc() if descending else column.asc(), self.table.c.id.asc()]
        rows = connection.execute(query.order_by(*direction).limit(limit + 1)).all()
        items = [self.read(row) for row in rows[:limit]]
        more = rows[limit - 1] if len(rows) > limit else None
        return Page(
            items=items, next=None if more is None else encode_cursor(more._mapping[order], more._mapping["id"])
        )

    def _after(self, column: ColumnElement[Any], cursor: str, *, descending: bool) -> ColumnElement[bool]:
        value, name = decode_cursor(cursor, self.kind)
        if value is None:
            return and_(column.is_(None), self.table.c.id > name)
        beyond = column < value if descending else column > value
        return or_(beyond, and_(column == value, self.table.c.id > name), column.is_(None))

    def _write(self, change: Change, statement: Any, values: Any = None) -> None:
        try:
            change.connection.execute(statement, values)
        except IntegrityError as error:
            reason = str(error.orig).splitlines()[0]
            if "foreign key" in reason.lower():
                raise BadField(self.kind, "reference", "it names a record that is not in the book") from None
            raise AlreadyThere(self.kind, "what may stand once stands already: " + _columns_of(reason)) from None


def encode_cursor(value: Any, name: str) -> str:
    """Where a page ended, as text for the next request."""
    return base64.urlsafe_b64encode(json.dumps([value, name]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, kind: str) -> tuple[Any, str]:
    """The value and name a page ended with.

    Raises:
        BadField: It is none of ours.
    """
    try:
        value, name = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(name, str) or not isinstance(value, str | int | float | type(None)):
            raise ValueError
    except (ValueError, binascii.Error):
        raise BadField(kind, "cursor", "it is not one that a list gave") from None
    return value, name


def _columns_of(reason: str) -> str:
    """The columns a database's message names, without the values it may show."""
    _, _, rest = reason.partition("failed: ")
    if rest:
        return rest.strip()[:200]  # SQLite: table.column
    constraint = reason.partition('constraint "')[2].partition('"')[0]
    return constraint[:200] or "its name"
