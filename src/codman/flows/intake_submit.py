"""Journey: a proposal is sent in. It becomes a product, a use, facts and a tier, in one change; it opens no review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.errors import BadInput
from codman.flows import records
from codman.flows.house import House
from codman.flows.intake import Opened, opened, own_intake
from codman.flows.planning import instead
from codman.flows.proposed import tell_of_emergency
from codman.flows.triage import triage_within
from codman.flows.triage_record import UNKEPT, settled_of
from codman.registry.access import NotAllowed, Reader
from codman.registry.database import Change
from codman.registry.documents import FactFields
from codman.registry.governance import INTAKES
from codman.registry.imports.values import vendor_key
from codman.registry.nouns import FACTS, PRODUCTS, USES, VENDORS
from codman.registry.records import AlreadyThere
from codman.registry.schema import vendors, versions
from codman.review.intake.duplicates import Duplicate
from codman.review.intake.fields import Answer, Proposed, fields_of
from codman.review.intake.form import Fault
from codman.review.triage.rules import current_rules
from codman.review.triage.tier import triage
from codman.spine.intake import Intake, IntakeState, TriageRecord
from codman.spine.product import Product
from codman.spine.use import Use

_LONGEST_SOURCE: Final = 300


class IntakeIncomplete(BadInput):
    """A proposal with answers that are missing, unclear, or contradict each other."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(
            what="the proposal cannot be sent in yet",
            why=f"{faults[0].message}{more}",
            fix="answer what is open; everything typed so far is kept",
        )
        self.faults = tuple(faults)


class LikelyDuplicate(AlreadyThere):
    """A proposal that is likely a use the book has."""

    def __init__(self, found: Sequence[Duplicate]) -> None:
        first = found[0]
        super().__init__("use", f"{first.name} ({first.use}): {', '.join(first.reasons) or 'much of it is alike'}")
        self.fix = "look at it; if yours is another use, say so: another_use=true"
        self.found = tuple(found)


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a proposal became."""

    intake: Intake
    use: Use
    triage: TriageRecord


def submit(
    house: House,
    reader: Reader,
    name: str,
    revision: int,
    *,
    another_use: bool = False,
    another_product: bool = False,
    why: str | None = None,
    request: str | None = None,
) -> Submitted:
    """Send a proposal in.

    Args:
        house: The open house.
        reader: Who proposes.
        name: The proposal.
        revision: The revision they saw.
        another_use: It is another use, although the book has likely ones.
        another_product: Its product is another one, although one of that name and vendor is there.
        why: The reason they give.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such proposal within their reach.
        NotAllowed: It is not theirs, or they may add no use there.
        IntakeClosed: It was sent in or withdrawn.
        Stale: It was changed meanwhile.
        IntakeIncomplete: Answers are missing, unclear, or contradict each other.
        LikelyDuplicate: The book has likely ones, and nobody said that it is another.
        Namesake: The book has a product of its name and vendor.
        BadField: An answer cannot be kept.
    """
    rules = current_rules()  # read from its file the first time: not while others wait to write
    with house.database.changing(reader.author(request), why) as change:
        intake = own_intake(change.connection, reader, name, revision)
        found = opened(house, change.connection, reader, intake)
        if found.filled.faults:
            raise IntakeIncomplete(found.filled.faults)
        if found.duplicates and not another_use:
            raise LikelyDuplicate(found.duplicates)
        writing = _Writing(change, reader, found)
        product = writing.product(another=another_product)
        use = writing.use(product)
        writing.version(product)
        writing.facts(use, product)
        closed = INTAKES.change(change, name, {"state": IntakeState.SUBMITTED.value, "use": use.id}, revision)
        given = triage(rules, settled_of(change.connection, rules, use))
        made = triage_within(change, use, given, reader=reader, why="from what was proposed")
        tell_of_emergency(change, house, use)
        return Submitted(closed, USES.get(change.connection, use.id), made)


class _Writing:
    """A proposal on its way into the book.

    What its home cannot take, because the record is not the proposer's to change, is kept as a fact instead: triage
    reads it there, and whoever keeps the record finds it.
    """

    def __init__(self, change: Change, reader: Reader, found: Opened) -> None:
        self._change = change
        self._reader = reader
        self._intake = found.intake
        self._typed = found.filled.typed
        self._chosen = found.filled.settled.values.get("product")
        self._proposed: Proposed = fields_of(found.filled)
        self._questions = {q.home: q.id for q in found.filled.asked}
        self._unkept: dict[str, str] = {}  # by question

    def product(self, *, another: bool) -> Product:
        """The product that was chosen, completed where it says less than the answers; else a new one."""
        said = dict(self._proposed.product)
        vendor = self._vendor()
        if vendor is not None:
            said["vendor"] = vendor
        made: Product
        if self._chosen is None:
            made = records.create_within(self._change, self._reader, "product", said, another=another)
            return made
        product = PRODUCTS.get(self._change.connection, str(self._chosen))
        plain = PRODUCTS.plain(product)
        made = self._patched("product", product, {k: v for k, v in said.items() if plain.get(k) is None})
        return made

    def use(self, product: Product) -> Use:
        """The use of the book that it was begun from, changed; else a new one."""
        said = {**self._proposed.use, "product": product.id}
        if self._intake.use is None:
            made: Use = records.create_within(self._change, self._reader, "use", said)
            return made
        if "use.planned" in self._questions:  # the answer is the whole of it, an empty one too
            planned = said.get("planned", {})
            old: Use = USES.get(self._change.connection, self._intake.use)
            said["planned"] = instead(self._change.connection, self._reader, old.planned, planned)
        changed: Use = records.change_within(self._change, self._reader, "use", self._intake.use, said, None)
        return changed

    def version(self, product: Product) -> None:
        """The version that is named, once for each label."""
        label = self._proposed.version.get("label")
        if label is None:
            return
        there = select(versions.c.id).where(versions.c.product == product.id, versions.c.label == label)
        if self._change.connection.execute(there).first() is not None:
            return
        try:
            records.create_within(self._change, self._reader, "version", {"product": product.id, "label": label})
        except NotAllowed:
            self._leave("version.label", label)

    def facts(self, use: Use, product: Product) -> None:
        """Every answer that no field holds, and what else the source says, each with whose word it is."""
        about = {"use": use.id, "product": product.id}
        said: dict[tuple[str, str], FactFields] = {}
        for key, value in self._intake.carried.items():
            kind, _, field = key.partition(":")
            said[kind, field] = _fact(kind, about[kind], field, value, self._source(""))
        unkept = [Answer(UNKEPT + id_, value, "use", id_) for id_, value in self._unkept.items()]
        for one in (*self._proposed.facts, *unkept):
            said[one.about, one.field] = _fact(
                one.about, about[one.about], one.field, one.value, self._source(one.question)
            )
        FACTS.add_many(self._change, list(said.values()))

    def _vendor(self) -> str | None:
        name = self._proposed.vendor.get("name")
        there = self._supplier(self._change.connection, str(name)) if name is not None else self._chosen_vendor()
        if there is None and name is None:
            return None
        if there is None:  # a new name binds nobody; what binds is the office's
            return VENDORS.add(self._change, VENDORS.validated(self._proposed.vendor)).id
        vendor = VENDORS.get(self._change.connection, there)
        plain = VENDORS.plain(vendor)
        self._patched("vendor", vendor, {k: v for k, v in self._proposed.vendor.items() if plain.get(k) is None})
        return there

    def _chosen_vendor(self) -> str | None:
        if self._chosen is None:
            return None
        return PRODUCTS.get(self._change.connection, str(self._chosen)).vendor

    @staticmethod
    def _supplier(connection: Connection, name: str) -> str | None:
        """The vendor of that name, however its legal form is written."""
        key = vendor_key(name)
        rows = connection.execute(select(vendors.c.id, vendors.c.name).order_by(vendors.c.id))
        return next((row.id for row in rows if vendor_key(row.name) == key), None)

    def _patched(self, kind: str, record: Any, patch: Mapping[str, Any]) -> Any:
        if not patch:
            return record
        try:
            return records.change_within(self._change, self._reader, kind, record.id, patch, None)
        except NotAllowed:
            for field, value in patch.items():
                self._leave(f"{kind}.{field}", value)
            return record

    def _leave(self, home: str, value: Any) -> None:
        """Keep an answer as a fact, as it was typed: its record is not the proposer's to change."""
        question = self._questions.get(home)
        if question is not None:
            typed = self._typed.get(question, value)
            self._unkept[question] = "\n".join(typed) if isinstance(typed, list) else str(typed)

    def _source(self, question: str) -> str:
        whose = self._intake.sources.get(question) or (self._intake.source if question == "" else "")
        return f"{self._intake.id}{': ' if whose else ''}{whose}"[:_LONGEST_SOURCE]


def _fact(kind: str, about: str, field: str, value: str, source: str) -> FactFields:
    made: FactFields = FACTS.validated(
        {"about_kind": kind, "about": about, "field": field, "value": value, "source": source}
    )
    return made
