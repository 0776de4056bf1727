"""Journey: a file of AI uses becomes part of the book of record, all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection, select

from codman.errors import BadInput
from codman.flows.house import House
from codman.flows.record_rules import DECIDED
from codman.registry.access import Reader, may, require
from codman.registry.database import Change
from codman.registry.imports.convert import Converted, Known, Note, convert, normal_name
from codman.registry.imports.dates import day_comes_first, reads_both_ways
from codman.registry.imports.identity import SAME_ROW, identify
from codman.registry.imports.mapping import (
    READY,
    TARGETS,
    BadMapping,
    Mapping,
    best_fitting,
    fitted,
    read_mapping,
    ready_mapping,
)
from codman.registry.imports.own_export import ANOTHER_BOOK, OWN, read_back
from codman.registry.imports.propose import Proposal, propose
from codman.registry.imports.reading import read_bytes, read_list
from codman.registry.imports.saved import every_mapping, mapping_named, save
from codman.registry.imports.table import Table
from codman.registry.imports.values import answers_nothing
from codman.registry.imports.write import Imported, Progress, write
from codman.registry.linking import link_all_waiting
from codman.registry.nouns import USES
from codman.registry.schema import people, sites


class NoneFits(BadMapping):
    """A file for which neither Codman nor anybody here has a mapping."""

    def __init__(self) -> None:
        BadInput.__init__(
            self,
            what="no mapping fits this file",
            why="no ready or saved one names columns that it has",
            fix="run: codman inventory propose FILE --out mapping.yaml",
        )


def quiet(_done: int, _all: int) -> None:
    """Progress that nobody follows."""


def propose_mapping(path: Path, name: str | None = None) -> Proposal:
    """Guess what a file's columns mean, for a person to confirm.

    Raises:
        UnreadableList: No reader takes the file.
    """
    return propose(read_list(path), name or path.stem, path.name)


def read_table(path: Path) -> Table:
    """A file's rows, before anything is known of the book.

    Raises:
        UnreadableList: No reader takes the file.
    """
    return read_list(path)


def fits_without_a_book(table: Table, mapping: str | Path | None) -> bool:
    """Whether a mapping fits that is a file or comes with Codman; what a house keeps is known only once it is open.

    Raises:
        BadMapping: It is such a one, and cannot be used.
    """
    if mapping is None:
        return best_fitting(table, [ready_mapping(name) for name in READY]) is not None
    if isinstance(mapping, str) and mapping not in READY:
        return False
    fitted(read_mapping(mapping) if isinstance(mapping, Path) else ready_mapping(mapping), table)
    return True


def import_file(
    house: House, reader: Reader, path: Path, mapping: str | Path | None = None, progress: Progress = quiet
) -> Imported:
    """Bring a file's uses into the book.

    Args:
        house: The book.
        reader: Who imports it.
        path: The file.
        mapping: A mapping's file, or the name of a ready or saved one; without, the one that fits.
        progress: Told how far it is.

    Raises:
        UnreadableList: No reader takes the file.
        BadMapping: The mapping cannot be used, or none fits.
        NotAllowed: The reader may not import.
    """
    require(reader, "inventory.import", ["/"])
    return import_table(house, reader, read_list(path), mapping, progress)


def import_bytes(
    house: House,
    reader: Reader,
    body: bytes,
    mapping: str | None = None,
    *,
    rehearse: bool = False,
    why: str | None = None,
    request: str | None = None,
) -> Imported:
    """The same from a file's bytes, as they came over the network.

    Args:
        house: The book.
        reader: Who imports it.
        body: The file.
        mapping: The name of a ready or saved mapping; without, the one that fits.
        rehearse: Only tell what would become of each row; nothing stays.
        why: The reason they give.
        request: The request it came with, for the log.

    Raises:
        UnreadableList: No reader takes the file.
        BadMapping: The mapping cannot be used, or none fits.
        NotAllowed: The reader may not import.
    """
    require(reader, "inventory.import", ["/"])
    table = read_bytes(body, "the file")
    return import_table(house, reader, table, mapping, rehearse=rehearse, why=why, request=request)


def import_table(
    house: House,
    reader: Reader,
    table: Table,
    mapping: str | Path | None = None,
    progress: Progress = quiet,
    *,
    rehearse: bool = False,
    why: str | None = None,
    request: str | None = None,
) -> Imported:
    """The same from rows that are read already (a model registry's answer)."""
    require(reader, "inventory.import", ["/"])
    with house.database.reading() as connection:
        chosen = _chosen(connection, table, mapping)
        known = known_names(connection)
    headings, missing = fitted(chosen, table)
    done = Imported(chosen.mapping, rows=len(table.rows) + sum(table.skipped.values()))
    done.reading, done.not_in_file = list(table.notes), missing
    done.notes = [Note(row, "row", said) for row, said in table.row_notes]
    opening = house.database.rehearsing if rehearse else house.database.changing
    transaction = opening(reader.author(request), why or f"import with the mapping {chosen.mapping}")
    if chosen.mapping == OWN:
        return _bring_back(transaction, reader, table, chosen, headings, known, done, progress)
    rows = _identified(_converted(table, chosen, headings, known, done), chosen, done)
    decides = may(reader, "use.decide", ["/"])
    with transaction as change:
        if isinstance(mapping, Path):
            save(change, chosen)
        write(change, rows, chosen, done, progress, decides=decides)
        link_all_waiting(change)
    return done


def _bring_back(
    transaction: AbstractContextManager[Change],
    reader: Reader,
    table: Table,
    mapping: Mapping,
    headings: dict[str, str],
    known: Known,
    done: Imported,
    progress: Progress,
) -> Imported:
    """Our own export: rows change the uses they came from."""
    decides = may(reader, "use.decide", ["/"])
    decided = frozenset() if decides else DECIDED
    with transaction as change:
        back = read_back(change.connection, table, headings, known, decided)
        done.rejected, done.skipped = back.rejected, dict(table.skipped)
        new, notes, done.identity = identify(back.new, with_ids=back.another_book)
        for reason, count in (*back.skipped.items(), (SAME_ROW, len(back.new) - len(new))):
            if count:
                done.skipped[reason] = done.skipped.get(reason, 0) + count
        done.notes += [*back.notes, *notes]
        if back.another_book:
            done.reading.append(ANOTHER_BOOK)
        write(change, new, mapping, done, progress, decides=decides)
        USES.change_many(change, back.changed)
        link_all_waiting(change)
    done.updated += len(back.changed)
    done.unchanged += back.unchanged
    return done


def _chosen(connection: Connection, table: Table, mapping: str | Path | None) -> Mapping:
    if isinstance(mapping, Path):
        return read_mapping(mapping)
    if mapping is not None:
        return mapping_named(connection, mapping)
    fitting = best_fitting(table, every_mapping(connection))
    if fitting is None:
        raise NoneFits
    return fitting


def _converted(
    table: Table, mapping: Mapping, headings: dict[str, str], known: Known, done: Imported
) -> list[Converted]:
    skipped = dict(table.skipped)
    skips = [(headings[s.column], _plain(s.values), s.reason) for s in mapping.skip if s.column in headings]
    orders = _day_orders(table, mapping, headings, done)
    rows = []
    for row in table.rows:
        reason = next((why for heading, said, why in skips if _answer(row.cells.get(heading, "")) in said), None)
        if reason is not None:
            skipped[reason] = skipped.get(reason, 0) + 1
            continue
        made = convert(row, mapping, headings, known, orders)
        if isinstance(made, str):
            done.rejected.append((row.number, made))
        else:
            done.notes += made.notes
            rows.append(made)
    done.skipped = skipped
    return rows


def _day_orders(table: Table, mapping: Mapping, headings: dict[str, str], done: Imported) -> dict[str, bool]:
    """By target, whether the day stands before the month, where a date of its own column settles it."""
    orders = {}
    for target, source in mapping.fields.items():
        if (source.conversion or TARGETS[target]) != "day" or source.column not in headings:
            continue
        texts = [row.cells.get(headings[source.column], "") for row in table.rows]
        first = day_comes_first(texts)
        if first is None:
            continue
        orders[target] = first
        if any(map(reads_both_ways, texts)):
            order = "day/month" if first else "month/day"
            done.reading.append(f"{source.column[:60]!r}: all its dates are read as {order}, as some can only be")
    return orders


def _identified(rows: list[Converted], mapping: Mapping, done: Imported) -> list[Converted]:
    kept, notes, done.identity = identify(rows, with_ids=mapping.id is not None)
    done.notes += notes
    if len(kept) < len(rows):
        done.skipped[SAME_ROW] = len(rows) - len(kept)
    return kept


def _plain(values: Sequence[str]) -> set[str]:
    return {_answer(value) for value in values}


def _answer(text: str) -> str:
    return "" if answers_nothing(text) else normal_name(text)


def known_names(connection: Connection) -> Known:
    """People and sites by name; a name that two have is nobody's."""
    names: dict[str, set[str]] = {}
    for person in connection.execute(select(people.c.id, people.c.name, people.c.email).where(people.c.active)):
        for name in filter(None, (person.name, person.email)):
            names.setdefault(normal_name(name), set()).add(person.id)
    places: dict[str, set[str]] = {}
    for site in connection.execute(select(sites.c.id, sites.c.name)):
        for name in (site.name, site.id):
            places.setdefault(normal_name(name), set()).add(site.id)
    return Known(
        people={name: next(iter(ids)) for name, ids in names.items() if len(ids) == 1},
        sites={name: next(iter(ids)) for name, ids in places.items() if len(ids) == 1},
    )
