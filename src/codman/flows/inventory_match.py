"""Journey: bought products held against a public list of devices, and a person's word on each proposal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, insert, or_, select, update

from codman.errors import BadInput
from codman.flows.house import House
from codman.registry.access import Reader, require
from codman.registry.database import Change
from codman.registry.identifiers import new_id
from codman.registry.imports.reading import read_list
from codman.registry.log import Entry
from codman.registry.matching import LISTS, Candidate, DeviceList, Match, devices_of
from codman.registry.nouns import PRODUCTS
from codman.registry.records import NoSuchRecord
from codman.registry.schema import products, submission_matches, uses, vendors

PROPOSED: Final = "proposed"
CONFIRMED: Final = "confirmed"
REJECTED: Final = "rejected"
_WORDS_READ: Final = 2_000
_KINDS_ON_LISTS: Final = ("bought", "embedded")  # what a hospital built itself is on no list


class BadPair(BadInput):
    """A match that is not written as PRODUCT=SUBMISSION."""

    def __init__(self, given: str) -> None:
        super().__init__(
            what=f"{given[:80]!r} names no match",
            why="it has no = between a product's id and a submission number",
            fix="write it as product-01…=K253532; see the list without --confirm",
        )


class UnknownList(BadInput):
    """A public list that is not known."""

    def __init__(self, name: str) -> None:
        super().__init__(
            what=f"there is no list {name[:40]!r}", why="it is not known here", fix=f"choose from: {', '.join(LISTS)}"
        )


@dataclass(frozen=True, slots=True)
class Proposed:
    """A match as the book has it."""

    product_id: str
    product_name: str
    submission: str
    device: str
    company: str
    decided_on: str | None
    score: float
    reasons: tuple[str, ...]
    state: str

    def answer(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "product": self.product_id,
            "name": self.product_name,
            "submission": self.submission,
            "device": self.device,
            "company": self.company,
            "decided_on": self.decided_on,
            "score": self.score,
            "reasons": list(self.reasons),
            "state": self.state,
        }


def match_list(house: House, reader: Reader, list_name: str, path: Path) -> int:
    """Hold every product that may stand on a list against it; proposals from before that nobody decided are made anew.

    A product that carries a submission number is linked by it; what rests on names waits for a person.

    Returns:
        How many links and proposals are new.

    Raises:
        UnknownList: The list is not known.
        UnreadableList: The file cannot be read, or is another list.
    """
    require(reader, "match.decide", ["/"])
    _known(list_name)
    listed = DeviceList(devices_of(read_list(path), path.name))
    with house.database.reading() as connection:
        candidates = _candidates(connection)
    found = [match for candidate in candidates for match in listed.matches(candidate)]
    with house.database.changing(reader.author(), f"match with the list {list_name}") as change:
        return _propose(change, list_name, found)


def decide(house: House, reader: Reader, list_name: str, pair: str, *, confirmed: bool) -> None:
    """Take a person's word on a proposal: confirmed, the product carries the number, and its other proposals fall.

    Raises:
        BadPair: It is not PRODUCT=SUBMISSION.
        NoSuchRecord: There is no such proposal.
    """
    require(reader, "match.decide", ["/"])
    _known(list_name)
    product, equals, submission = (part.strip() for part in pair.partition("="))
    if not (product and equals and submission):
        raise BadPair(pair)
    table = submission_matches
    with house.database.changing(reader.author()) as change:
        row = change.connection.execute(
            select(table).where(table.c.product == product, table.c.list == list_name, table.c.submission == submission)
        ).one_or_none()
        if row is None:
            raise NoSuchRecord("match", pair)
        _set(change, row, CONFIRMED if confirmed else REJECTED)
        if confirmed:
            PRODUCTS.change(change, product, {"submission": submission}, None)
            others = and_(table.c.product == product, table.c.list == list_name, table.c.id != row.id)
            for other in change.connection.execute(select(table).where(others, table.c.state != REJECTED)).all():
                _set(change, other, REJECTED)


def proposals(house: House, reader: Reader, list_name: str) -> list[Proposed]:
    """Every match of a list, the undecided ones first and the best of them first."""
    require(reader, "inventory.read", ["/"])
    _known(list_name)
    table = submission_matches
    order = {PROPOSED: 0, CONFIRMED: 1, REJECTED: 2}
    with house.database.reading() as connection:
        rows = connection.execute(
            select(table, products.c.name.label("product_name"))
            .join(products, products.c.id == table.c.product)
            .where(table.c.list == list_name)
        ).all()
    made = [
        Proposed(
            product_id=row.product,
            product_name=row.product_name,
            submission=row.submission,
            device=row.device,
            company=row.company,
            decided_on=row.decided_on,
            score=row.score,
            reasons=tuple(row.reasons),
            state=row.state,
        )
        for row in rows
    ]
    return sorted(made, key=lambda m: (order.get(m.state, 3), -m.score, m.product_id, m.submission))


def _known(list_name: str) -> None:
    if list_name not in LISTS:
        raise UnknownList(list_name)


def _candidates(connection: Connection) -> list[Candidate]:
    said: dict[str, str] = {}
    for product, purpose in connection.execute(
        select(uses.c.product, uses.c.purpose).where(uses.c.purpose.is_not(None))
    ):
        said[product] = (said.get(product, "") + " " + purpose)[:_WORDS_READ]
    rows = connection.execute(
        select(products, vendors.c.name.label("vendor_name"))
        .outerjoin(vendors, vendors.c.id == products.c.vendor)
        .where(or_(products.c.kind.in_(_KINDS_ON_LISTS), products.c.submission.is_not(None)))
    )
    return [
        Candidate(
            id=row.id,
            name=row.name,
            vendor=row.vendor_name,
            submission=row.submission,
            words=f"{row.name} {row.summary or ''} {said.get(row.id, '')}"[:_WORDS_READ],
        )
        for row in rows
    ]


def _propose(change: Change, list_name: str, found: list[Match]) -> int:
    table = submission_matches
    change.connection.execute(delete(table).where(table.c.list == list_name, table.c.state == PROPOSED))
    decided = {
        (row.product, row.submission)
        for row in change.connection.execute(
            select(table.c.product, table.c.submission).where(table.c.list == list_name)
        )
    }
    new = [match for match in found if (match.product, match.device.submission) not in decided]
    if new:
        change.connection.execute(insert(table), [_row(change, list_name, match) for match in new])
    linked = [f"{match.product}={match.device.submission}" for match in new if match.by_number]
    change.record(
        Entry("match.propose", "list", list_name, after={"linked": linked, "proposed": len(new) - len(linked)})
    )
    return len(new)


def _row(change: Change, list_name: str, match: Match) -> dict[str, Any]:
    return {
        "id": new_id("match"),
        "revision": 1,
        "created_at": change.at,
        "updated_at": change.at,
        "product": match.product,
        "list": list_name,
        "submission": match.device.submission,
        "device": match.device.device[:300],
        "company": match.device.company[:300],
        "decided_on": match.device.decided_on,
        "score": match.score,
        "reasons": list(match.reasons),
        "state": CONFIRMED if match.by_number else PROPOSED,
    }


def _set(change: Change, row: Any, state: str) -> None:
    table = submission_matches
    change.connection.execute(
        update(table).where(table.c.id == row.id).values(state=state, revision=row.revision + 1, updated_at=change.at)
    )
    change.record(
        Entry(
            "match.decide",
            "product",
            row.product,
            before={"submission": row.submission, "state": row.state},
            after={"submission": row.submission, "state": state},
        )
    )
