"""Our own export, edited and brought back: a row changes the use that has its identifier, and nothing else.

A cell that says what the export would say now is no change, whatever it holds. What belongs to a product or a
deployment is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from codman.registry.fixed_fields import FixedField, takes_another, use_stays, why_not_moved
from codman.registry.imports.convert import Converted, Known, Note, normal_name
from codman.registry.imports.dates import read_day
from codman.registry.imports.identity import SAME_ROW
from codman.registry.imports.table import Row, Table
from codman.registry.imports.values import impact_of, kind_of, stage_of, tier_of
from codman.registry.inventory import sites_of
from codman.registry.nouns import PEOPLE, PRODUCTS, USES, VENDORS
from codman.registry.records import BadField
from codman.spine.use import Decision, Impact, Stage, Tier, Use

OWN: Final = "codman"  # the mapping's name
ANOTHER_BOOK: Final = "no identifier in it is of this book: its rows are taken as another book's"
_OTHERS: Final[Mapping[str, str]] = {  # columns that show what another record says
    "product": "its product",
    "vendor": "its product",
    "kind": "its product",
    "sites": "its deployments",
}
_NO_XML: Final = re.compile(r"[\ufffe\uffff]")
_CLAIMS: Final = {"decision": "codman/decision", "sites": "codman/sites"}  # another book's word, as a claim
_RUNNING: Final = frozenset({Stage.SILENT, Stage.PILOT, Stage.LIVE, Stage.PAUSED})


class _Unreadable(ValueError):
    """A cell that its field cannot hold; says the column, never the cell."""


@dataclass(slots=True)
class Returned:
    """What the rows of an export mean here."""

    new: list[Converted] = field(default_factory=list)
    changed: list[tuple[Use, dict[str, Any]]] = field(default_factory=list)
    unchanged: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    another_book: bool = False


def read_back(
    connection: Connection, table: Table, headings: Mapping[str, str], known: Known, decided: frozenset[str]
) -> Returned:
    """Hold an export's rows against the book.

    Args:
        connection: Where the uses are, as they stand in the transaction that will change them.
        table: The file's rows.
        headings: The file's heading for each column of an export that it still has.
        known: People by name.
        decided: Fields that the reader may not set, because a review does.

    Returns:
        Which uses change and how, which rows are new uses, and which are refused.
    """
    made = Returned()
    cells = {row.number: {c: row.cells.get(h, "") for c, h in headings.items()} for row in table.rows}
    uses = USES.get_many(connection, {c["id"] for c in cells.values() if c.get("id")})
    made.another_book = not uses and any(c.get("id") for c in cells.values())
    shown = _Shown(connection, uses)
    first: dict[str, Row] = {}
    for row in table.rows:
        said = cells[row.number]
        name = said.get("id", "")
        earlier = first.setdefault(name, row) if name else row
        try:
            if earlier is not row and earlier.cells == row.cells:
                made.skipped[SAME_ROW] = made.skipped.get(SAME_ROW, 0) + 1
            elif earlier is not row:
                raise _Unreadable(f"it has the identifier of row {earlier.number}; empty it to add a use")
            elif name in uses:
                patch = _patch(row, said, uses[name], shown, known, made)
                _bring(connection, made, uses[name], patch, said, decided)
            elif name and not made.another_book:
                raise _Unreadable("the book has no use of its identifier; empty it to add a use")
            else:
                made.new.append(_new(row, said, known, made))
        except _Unreadable as error:
            made.rejected.append((row.number, str(error)))
    return made


class _Shown:
    """What an export says of each use now."""

    def __init__(self, connection: Connection, uses: Mapping[str, Use]) -> None:
        self.connection = connection
        self._products = PRODUCTS.get_many(connection, {use.product for use in uses.values()})
        self._vendors = VENDORS.get_many(connection, {p.vendor for p in self._products.values() if p.vendor})
        self._people = PEOPLE.get_many(connection, {use.owner for use in uses.values() if use.owner})
        names = list(uses)
        self._sites: dict[str, list[str]] = {}
        for start in range(0, len(names), 500):
            self._sites |= sites_of(connection, names[start : start + 500])

    def of(self, use: Use) -> dict[str, str]:
        """The cells of a use's row."""
        product = self._products[use.product]
        plain: dict[str, Any] = USES.plain(use) | {
            "product": product.name,
            "product_id": product.id,
            "kind": product.kind,
            "vendor": self._vendors[product.vendor].name if product.vendor else None,
            "owner": self._people[use.owner].name if use.owner else None,
            "owner_id": use.owner,
            "sites": "; ".join(self._sites.get(use.id, [])),
        }
        return {name: "" if value is None else str(value) for name, value in plain.items()}


def _patch(row: Row, said: Mapping[str, str], use: Use, shown: _Shown, known: Known, made: Returned) -> dict[str, Any]:
    """The fields that a row says differently from the book."""
    now = shown.of(use)
    different = {c: text for c, text in said.items() if c in now and _comparable(text) != _comparable(now[c])}
    patch: dict[str, Any] = {}
    for column, text in different.items():
        if column in _READ:
            patch[column] = _READ[column](text)
        elif column == "product_id":
            if not PRODUCTS.get_many(shown.connection, [text]):
                raise _Unreadable("product_id: the book has no such product")
            patch["product"] = text
        elif column == "owner":
            patch["owner"] = _owner(text, known)
        elif column == "owner_id" and "owner" not in different:
            if said.get("revision") not in (None, "", str(use.revision)):
                # the name was edited, brought in already, and the identifier beside it is the old one
                made.notes.append(
                    Note(row.number, column, "owner_id: it is not the owner's; the name beside it counts")
                )
            elif text and not PEOPLE.get_many(shown.connection, [text]):
                raise _Unreadable("owner_id: the book has no such person")
            else:
                patch["owner"] = text or None
    if "product_id" not in different:
        made.notes += [
            Note(row.number, c, f"{c}: it belongs to {_OTHERS[c]} and was left as it is")
            for c in different
            if c in _OTHERS
        ]
    return patch


def _bring(
    connection: Connection,
    made: Returned,
    use: Use,
    patch: Mapping[str, Any],
    said: Mapping[str, str],
    decided: frozenset[str],
) -> None:
    now = USES.plain(use)
    patch = {name: value for name, value in patch.items() if now[name] != value}
    if not patch:
        made.unchanged += 1
        return
    if at := said.get("revision", ""):
        if not (at.isascii() and at.isdecimal() and len(at) < 10):
            raise _Unreadable("revision: it is no number")
        if int(at) != use.revision:
            raise _Unreadable(
                f"it was exported at revision {int(at)} and the use is at {use.revision}: export it again"
            )
    if refused := sorted(decided & set(patch)):
        raise _Unreadable(f"{', '.join(refused)}: a review sets it, and you may not")
    if "product" in patch and (why := why_not_moved(connection, use.id)) is not None:
        raise _Unreadable(f"product_id: {why}")
    try:
        USES.validated(now | patch)
        use_stays(connection, use, {name: value for name, value in patch.items() if name != "product"})
        takes_another(connection, "use", use, patch, None)
    except FixedField as error:
        raise _Unreadable(f"{error.field}: {error.why}; {error.fix}") from None
    except BadField as error:
        raise _Unreadable(f"{error.field}: {error.why}") from None
    made.changed.append((use, dict(patch)))


def _new(row: Row, said: Mapping[str, str], known: Known, made: Returned) -> Converted:
    """A row as a use that the book does not have; what another book decided of it is no decision here."""
    one = Converted(row.number, own_id=said.get("id") or None, product_named=bool(said.get("product")))
    values = {c: _READ[c](said[c]) for c in _READ if c != "decision" and said.get(c)}
    one.fields = {f"use.{name}": value for name, value in values.items() if value is not None}
    if "use.name" not in one.fields:
        raise _Unreadable("name: it is empty")
    stage = one.fields.setdefault("use.stage", Stage.PROPOSED.value)
    ran = stage in _RUNNING or stage == Stage.RETIRED
    one.fields["use.decision"] = (Decision.LEGACY if ran else Decision.UNDECIDED).value
    if said.get("owner"):
        try:
            one.fields["use.owner"] = _owner(said["owner"], known)
        except _Unreadable as error:
            made.notes.append(Note(row.number, "owner", str(error)))
    one.fields["product.name"] = said.get("product") or one.fields["use.name"]
    if said.get("kind") and (kind := kind_of(said["kind"])):
        one.fields["product.kind"] = kind.value
    if said.get("vendor"):
        one.fields["vendor.name"] = said["vendor"]
    try:
        USES.validated(one.of("use") | {"product": "new"})
        PRODUCTS.validated(one.of("product"))
        VENDORS.validated({"name": one.fields.get("vendor.name", "none")})
    except BadField as error:
        raise _Unreadable(f"{error.field}: {error.why}") from None
    one.facts = {fact: said[column] for column, fact in _CLAIMS.items() if said.get(column)}
    return one


def _owner(text: str, known: Known) -> str | None:
    if not text:
        return None
    person = known.people.get(normal_name(text))
    if person is None:
        raise _Unreadable("owner: the book has no person of that name, or two")
    return person


def _comparable(text: str) -> str:
    return _NO_XML.sub("\ufffd", text).strip()  # a workbook cannot hold those two


def _text(text: str) -> str | None:
    return text or None


def _day(text: str) -> str | None:
    read = read_day(text) if text else None
    if text and read is None:
        raise _Unreadable("stage_since: it is no date that is known")
    return read.day if read else None


def _word(column: str, words: type[Any], loose: Callable[[str], Any] | None) -> Callable[[str], str | None]:
    """Reads one of the book's own words, or what people write for it."""
    own = {word.value for word in words}

    def read(text: str) -> str | None:
        if not text:
            return None
        plain = text.strip().casefold()
        found = plain if plain in own else loose(text) if loose else None
        if found is None:
            raise _Unreadable(f"{column}: it is none of {', '.join(sorted(own))}")
        return str(found)

    return read


_READ: Final[Mapping[str, Callable[[str], str | None]]] = {
    "name": _text,
    "organisation": _text,
    "monitoring": _text,
    "stage": _word("stage", Stage, stage_of),
    "stage_since": _day,
    "impact": _word("impact", Impact, impact_of),
    "tier": _word("tier", Tier, tier_of),
    "decision": _word("decision", Decision, None),
}
