"""Records and people: read, add, change or remove one, with who-may-do-what, in one change that stands in the log.

Every door comes through here, so that a page and a program meet the same rules. The rules of each kind: record_rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, or_, select

from codman.errors import BadInput, nearest
from codman.flows.accepting import still_decided
from codman.flows.deployment_rules import accepted_by, edit_fits, mode_fits, stops_only, with_what_follows
from codman.flows.house import House
from codman.flows.planning import as_seen, refuse_planned, with_planned
from codman.flows.record_rules import (
    KINDS,
    Kind,
    actions_of,
    an_administrator_stays,
    decided_on_entry,
    may_name,
    move_what_is_below,
)
from codman.registry.access import NotAllowed, Reader, may, paths_for, require, require_any
from codman.registry.accounts_people import deactivate
from codman.registry.database import Change
from codman.registry.fixed_fields import entry_decides_nothing, judge_stays, takes_another
from codman.registry.linking import NAMED_BY, link_waiting
from codman.registry.namesakes import refuse_namesake
from codman.registry.nouns import DEPLOYMENTS, PRODUCTS
from codman.registry.records import AlreadyThere, BadField, NoSuchRecord, Page
from codman.registry.requests import Once, remember, reply_to
from codman.spine.record import Fields, Record
from codman.spine.site import Deployment

MISSING: Final = "(missing)"


class BadListing(BadInput):
    """A filter or an order that a list does not have."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        super().__init__(
            what=f"the list of {kind} records cannot be asked for {name[:60]!r}",
            why="it has no such field",
            fix=nearest(name, known),
        )
        self.field = name[:60]


def get(house: House, reader: Reader, kind: str, name: str) -> Any:
    """One record, as far as somebody may see it.

    Args:
        house: The open house.
        reader: Who asks.
        kind: Its word: vendor, product, version, site, person, grant, use, deployment, document, fact.
        name: Its id.

    Raises:
        NotAllowed: They may read none of this kind.
        NoSuchRecord: There is none of that name within their reach.
    """
    with house.database.reading() as connection:
        return as_seen(connection, reader, kind, _seen(connection, reader, KINDS[kind], name))


def get_to_change(house: House, reader: Reader, kind: str, name: str) -> Any:
    """One record, for somebody who may change some of it.

    Raises:
        NotAllowed: They may change nothing of it.
        NoSuchRecord: There is none of that name within their reach.
    """
    rules = KINDS[kind]
    with house.database.reading() as connection:
        record = _seen(connection, reader, rules, name)
        if kind == "use" and all(may(reader, "use.decide", [at]) for at in rules.places(connection, record) or ("/",)):
            return record
        _reached(connection, reader, rules, rules.change, record)
        return record


def page(
    house: House,
    reader: Reader,
    kind: str,
    *,
    where: Mapping[str, Sequence[str]] | None = None,
    words: str | None = None,
    order: str = "id",
    descending: bool = False,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Any]:
    """Some of the records somebody may see, a page at a time.

    Args:
        house: The open house.
        reader: Who asks.
        kind: Which kind.
        where: Field to the values it may have; `(missing)` is an empty one.
        words: Looked for in the names; all of them must be found.
        order: The field to sort by.
        descending: The largest first.
        limit: How many, 1 to 500.
        cursor: What the page before gave as `next`.

    Raises:
        NotAllowed: They may read none of this kind.
        BadListing: A filter or the order is no field of it.
    """
    rules = KINDS[kind]
    table = rules.records.table
    conditions = [rules.seen(_reach(reader, rules.read), reader)]
    for name, values in (where or {}).items():
        if name not in rules.filters:
            raise BadListing(kind, name, rules.filters)
        conditions.append(_one_of(table.c[name], values))
    for word in (words or "").split()[:8]:
        conditions.append(or_(*(table.c[column].icontains(word, autoescape=True) for column in rules.words)))
    if order not in rules.records.record.model_fields or order not in table.c:
        raise BadListing(kind, order, sorted(rules.records.record.model_fields))
    with house.database.reading() as connection:
        return rules.records.page(
            connection, select(table).where(*conditions), order=order, descending=descending, limit=limit, cursor=cursor
        )


def create(
    house: House,
    reader: Reader,
    kind: str,
    fields: Fields | Mapping[str, Any],
    *,
    why: str | None = None,
    request: str | None = None,
    name: str | None = None,
    once: Once | None = None,
    another: bool = False,
) -> Any:
    """Put a new record into the book.

    Args:
        house: The open house.
        reader: Who does it.
        kind: Which kind.
        fields: What it says: the kind's fields, or plain values.
        why: The reason they give.
        request: The request it came with, for the log.
        name: The id to give it; a fresh one without. The same again with the same fields changes nothing.
        once: Makes a repeated request find what the first one made.
        another: A product is another one, although one of that name and vendor is there.

    Raises:
        NotAllowed: They may not, there.
        BadField: A field cannot hold what was given, or names what is not there, or an id is not theirs to give.
        AlreadyThere: It, or another of that id, is in the book already.
        Namesake: A product of its name and vendor is.
        KeyReused: The request's key came with another body.
    """
    rules = KINDS[kind]
    require(reader, rules.create)
    made = rules.records.validated(fields.model_dump(mode="json") if isinstance(fields, Fields) else fields)
    with house.database.changing(reader.author(request), why) as change:
        if once is not None and (reply := reply_to(change.connection, once)) is not None:
            return rules.records.record.model_validate(reply)
        record = create_within(change, reader, kind, made, name, another=another)
        if once is not None:
            remember(change, once, record.model_dump(mode="json"))
        return record


def create_within(
    change: Change, reader: Reader, kind: str, fields: Any, name: str | None = None, *, another: bool = False
) -> Any:
    """The same inside a change that is already open, so that many records are made as one."""
    rules = KINDS[kind]
    made: Any = fields if isinstance(fields, Fields) else rules.records.validated(fields)
    _refer(change.connection, reader, rules, made)
    _reached(change.connection, reader, rules, rules.create, made)
    rules.check(change.connection, made)
    if kind == "use":
        judge_stays(change.connection, made.owner, reader.person)
        refuse_planned(change.connection, reader, made.planned)
    if kind == "use" and decided_on_entry(change.connection, made):
        require(reader, "use.decide", rules.places(change.connection, made))
        entry_decides_nothing(change.connection, made, reader.person)
    if kind == "version":  # its label decides what evidence is about: one of those who use the product may give it
        product = PRODUCTS.get(change.connection, made.product)
        require(reader, rules.create, KINDS["product"].places(change.connection, product))
    if kind == "deployment":
        mode_fits(change, made)
    there = _same(change.connection, reader, rules, name, made)
    if there is not None:
        return there
    if kind == "product" and not another:
        refuse_namesake(change.connection, made)
    record = rules.records.add(change, made, name)
    _link_what_waits(change, kind, record)
    return record


def change(
    house: House,
    reader: Reader,
    kind: str,
    name: str,
    patch: Mapping[str, Any],
    revision: int,
    *,
    why: str | None = None,
    request: str | None = None,
) -> Any:
    """Change some fields of a record; the others stay.

    Args:
        house: The open house.
        reader: Who does it.
        kind: Which kind.
        name: Its id.
        patch: New values by field; None empties one (JSON Merge Patch, RFC 7396).
        revision: The revision they saw.
        why: The reason they give.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They see it, and may not change it; by a right taken in an emergency, what runs is stopped only.
        Stale: It was changed meanwhile.
        BadField: A field is unknown, or cannot hold its value.
    """
    require_any(reader, KINDS[kind].change, *(["use.decide"] if kind == "use" else []))
    with house.database.changing(reader.author(request), why) as transaction:
        changed = change_within(transaction, reader, kind, name, patch, revision)
        return as_seen(transaction.connection, reader, kind, changed)


def change_within(
    transaction: Change, reader: Reader, kind: str, name: str, patch: Mapping[str, Any], revision: int | None
) -> Any:
    """The same inside a change that is already open, so that many records change as one."""
    rules, connection = KINDS[kind], transaction.connection
    old = _seen(connection, reader, rules, name)
    patch = with_planned(connection, reader, old, patch) if kind == "use" else patch
    new = rules.records.validated({**rules.records.plain(old), **patch})
    patch = with_what_follows(kind, old, new, patch)
    before, after = rules.records.plain(old), new.model_dump(mode="json")
    changed = {field for field in after if after[field] != before[field]}
    # as it will be with what follows: an edit stands on no acceptance that it ends
    standing = rules.standing(old, rules.records.validated({**before, **patch}))
    _refer(connection, reader, rules, new, changed)
    for action in actions_of(kind, rules, changed):
        _reached(connection, reader, rules, action, old)
        _reached(connection, reader, rules, action, standing)
    rules.check(connection, standing)
    if kind == "deployment":
        edit_fits(transaction, old, standing)
        stops_only(reader, rules.places(connection, old) or (), new, changed)
    if kind == "product" and changed & {"name", "vendor"}:
        refuse_namesake(connection, new, but=old.id)
    if rules.stays is not None:
        rules.stays(connection, old, {field: after[field] for field in changed})
    takes_another(connection, kind, old, {field: after[field] for field in changed}, reader.person)
    with an_administrator_stays(connection):
        record = rules.records.change(transaction, name, patch, revision)
    if kind == "site":
        move_what_is_below(connection, old, record)
    if NAMED_BY.get(kind) in changed or (kind == "use" and "product" in changed):
        _link_what_waits(transaction, kind, record, old)
    if kind == "person" and old.active and not record.active:
        deactivate(transaction, name)  # it is closed already: this ends its sessions and tokens
    return record


def remove(
    house: House,
    reader: Reader,
    kind: str,
    name: str,
    revision: int,
    *,
    why: str | None = None,
    request: str | None = None,
) -> None:
    """Take a grant back. Other records are never removed: they end, retire or are superseded.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They see it, and may not take it back.
        Stale: It was changed meanwhile.
        LastAdministrator: It would leave nobody to administer the house.
    """
    rules = KINDS[kind]
    require(reader, rules.change)
    with house.database.changing(reader.author(request), why) as transaction:
        old = _seen(transaction.connection, reader, rules, name)
        _reached(transaction.connection, reader, rules, rules.change, old)
        with an_administrator_stays(transaction.connection):
            rules.records.remove(transaction, name, revision)


def accept_deployment(
    house: House,
    reader: Reader,
    name: str,
    revision: int,
    *,
    on: str | None = None,
    why: str | None = None,
    request: str | None = None,
) -> Deployment:
    """Accept a deployment as the accountable clinician of its site; `on` is the case of the decision they read, if any.

    Raises:
        DecidedMeanwhile: Another decision is in force there than `on`.
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They are not the clinician it names, or have a hand in the use.
        Stale: It was changed meanwhile.
    """
    require(reader, "deployment.accept")
    with house.database.changing(reader.author(request), why) as transaction:
        rules = KINDS["deployment"]
        old = _seen(transaction.connection, reader, rules, name)
        _reached(transaction.connection, reader, rules, "deployment.accept", old)
        accepted_by(transaction.connection, old, reader.person)
        if on is not None:
            still_decided(transaction.connection, old, on, transaction.at, transaction.zone)
        return DEPLOYMENTS.change(transaction, name, {"accepted_at": transaction.at}, revision)


def _link_what_waits(change: Change, kind: str, *records: Any) -> None:
    """Evidence may come before the record it names; a name given up may leave another record the only one."""
    if kind in NAMED_BY:
        link_waiting(change, kind, {name for one in records for name in (one.id, getattr(one, NAMED_BY[kind]))})


def _reach(reader: Reader, action: str) -> tuple[str, ...]:
    within = paths_for(reader, action)
    if not within:
        raise NotAllowed(action, "anywhere")
    return within


def _seen(connection: Connection, reader: Reader, rules: Kind, name: str) -> Any:
    """What somebody may not see is not there for them: no difference tells them that it is."""
    table = rules.records.table
    within = _reach(reader, rules.read)
    row = connection.execute(select(table).where(table.c.id == name, rules.seen(within, reader))).one_or_none()
    if row is None:
        raise NoSuchRecord(rules.records.kind, name)
    return rules.records.read(row)


def _reached(connection: Connection, reader: Reader, rules: Kind, action: str, what: Any) -> None:
    """Every site a change reaches must be within reach: half of a hierarchy is not enough to change all of it."""
    places = rules.places(connection, what)
    if places is None:
        require(reader, action)
    for place in places or ():
        require(reader, action, [place])


def _refer(connection: Connection, reader: Reader, rules: Kind, fields: Any, changed: set[str] | None = None) -> None:
    """Every record that is named must be there, and within the reader's sight."""
    for column in rules.records.table.c:
        named = getattr(fields, column.name, None)
        if not column.foreign_keys or named is None or (changed is not None and column.name not in changed):
            continue
        target = next(iter(column.foreign_keys)).column.table
        other = next(kind for kind in KINDS.values() if kind.records.table is target)
        seen = other.seen(_reach(reader, other.read), reader)
        if connection.execute(select(target.c.id).where(target.c.id == named, seen)).one_or_none() is None:
            raise BadField(rules.records.kind, column.name, f"there is no such {other.records.kind}")


def _same(connection: Connection, reader: Reader, rules: Kind, name: str | None, made: Fields) -> Record | None:
    """A record of that id that says the same, where there is one.

    Raises:
        AlreadyThere: There is one, and it says something else.
    """
    if name is None:
        return None
    may_name(reader, rules.records.kind)
    try:
        there: Record = rules.records.get(connection, name)
    except NoSuchRecord:
        return None
    if rules.records.plain(there) != made.model_dump(mode="json"):
        raise AlreadyThere(rules.records.kind, f"the id {name} belongs to another one")
    return _seen(connection, reader, rules, name)  # type: ignore[no-any-return]


def _one_of(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    given = [value for value in values if value != MISSING]
    return or_(column.in_(given), *([column.is_(None)] if MISSING in values else []))
