"""Journey: a proposal is begun from what somebody has already: a use of the book, a model card, a row, a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from codman.errors import BadInput, nearest
from codman.flows import records
from codman.flows.house import House
from codman.flows.intake import begin
from codman.flows.inventory_import import NoneFits, known_names
from codman.flows.planning import as_words, in_sight, yet_to_run
from codman.registry.access import Reader, require
from codman.registry.imports.mapping import best_fitting
from codman.registry.imports.reading import read_bytes
from codman.registry.imports.saved import every_mapping, mapping_named
from codman.registry.imports.table import Table
from codman.registry.nouns import PRODUCTS, USES, VENDORS
from codman.registry.related import answers_about
from codman.registry.requests import Once
from codman.registry.schema_review import intakes
from codman.review.intake.fields import answers_of
from codman.review.intake.prefill import Prefilled, prefill
from codman.review.intake.question import current_form
from codman.spine.intake import Intake, IntakeState
from codman.spine.use import Use

_MOST_NAMED: Final = 20
_BOOK: Final = "the book, as it stood when this was begun"


class WhichRow(BadInput):
    """A file with several rows, of which a proposal can be begun from one."""

    def __init__(self, name: str | None, names: list[str]) -> None:
        shown = ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" if names[20:] else "")
        super().__init__(
            what="a proposal is begun from one use at a time",
            why=f"the file names {len(names):,}"
            if name is None
            else f"the file has no single one called {name[:80]!r}",
            fix=f"name one of: {shown}" if name is None else nearest(name, names),
        )


def begin_from_use(
    house: House,
    reader: Reader,
    use: str,
    *,
    answers: Mapping[str, Any] | None = None,
    request: str | None = None,
    once: Once | None = None,
) -> Intake:
    """Begin a proposal from a use of the book: what the book knows is answered already.

    Args:
        house: The open house.
        reader: Who proposes.
        use: The use, e.g. one that an import brought in and nobody ever reviewed.
        answers: Answers that take the place of the book's.
        request: The request it came with, for the log.
        once: Makes a repeated request find what the first one made.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NotAllowed: They may propose nothing.

    Returns:
        The proposal; where they have a draft for this use already, that one.
    """
    require(reader, "intake.create")
    found: Use = records.get(house, reader, "use", use)
    form = current_form()
    with house.database.reading() as connection:
        query = intakes.select().where(
            intakes.c.use == use, intakes.c.owner == reader.person, intakes.c.state == IntakeState.DRAFT.value
        )
        there = connection.execute(query).first()
        product = PRODUCTS.get(connection, found.product)
        vendor = VENDORS.get(connection, product.vendor) if product.vendor is not None else None
        said = [*answers_about(connection, product.id), *answers_about(connection, use)]
        ahead = in_sight(connection, reader, yet_to_run(connection, found))
    if there is not None:
        return Intake.model_validate(dict(there._mapping))
    book = answers_of(
        form,
        use={**USES.plain(found), "planned": as_words(ahead)},
        product=PRODUCTS.plain(product),
        vendor=VENDORS.plain(vendor) if vendor is not None else None,
        facts={fact.field: fact.value for fact in said},
    )
    given = answers or {}
    theirs = [id_ for id_ in book.typed if id_ not in given]
    whose = {fact.field: fact.source for fact in said}
    homes = {question.id: question.home for question in form.questions}
    return begin(
        house,
        reader,
        {**book.typed, **given},
        source="row",
        sources={id_: f"{_BOOK}; {whose[homes[id_]]}" if homes[id_] in whose else _BOOK for id_ in theirs},
        notes=[f"{form.by_id[id_].ask} The book says “{held[:100]}”." for id_, held in book.unread.items()],
        use=use,
        request=request,
        once=once,
    )


def begin_from_file(
    house: House,
    reader: Reader,
    body: bytes,
    *,
    row: str | None = None,
    mapping: str | None = None,
    owner: str | None = None,
    request: str | None = None,
    once: Once | None = None,
) -> Intake:
    """Begin a proposal from a file: a CHAI model card, a model registry's answer, a bill of materials, a list.

    Args:
        house: The open house.
        reader: Who proposes.
        body: The file.
        row: The name of the use or model, where the file has several.
        mapping: The name of a ready or saved mapping; without, the one that fits.
        owner: Who proposes, where an administrator begins it for them.
        request: The request it came with, for the log.
        once: Makes a repeated request find what the first one made.

    Raises:
        UnreadableList: No reader takes the file.
        BadMapping: The mapping cannot be used, or none fits.
        WhichRow: It has several rows and none was named, or none of that name.
        NotAllowed: They may propose nothing.
    """
    require(reader, "intake.create")
    table = read_bytes(body, "the file")
    return begin_from_table(house, reader, table, row=row, mapping=mapping, owner=owner, request=request, once=once)


def begin_from_table(
    house: House,
    reader: Reader,
    table: Table,
    *,
    row: str | None = None,
    mapping: str | None = None,
    owner: str | None = None,
    request: str | None = None,
    once: Once | None = None,
) -> Intake:
    """The same from rows that are read already (a model registry's answer)."""
    require(reader, "intake.create")
    with house.database.reading() as connection:
        fitting = mapping_named(connection, mapping) if mapping else best_fitting(table, every_mapping(connection))
        if fitting is None:
            raise NoneFits
        known = known_names(connection)
    begun = _one(prefill(current_form(), table, fitting, known), row)
    return begin(
        house,
        reader,
        begun.typed,
        source=fitting.mapping,
        sources={said.question: f"{said.whose} ({said.where})" if said.where else said.whose for said in begun.said},
        carried=_of_use_or_product(begun.facts, fitting.facts_about),
        notes=[f"{note.column}: {note.why}" if note.column else note.why for note in begun.notes],
        owner=owner,
        request=request,
        once=once,
    )


def _one(found: list[Prefilled], name: str | None) -> Prefilled:
    if name is None and len(found) == 1:
        return found[0]
    named = [one for one in found if name is not None and one.name.strip().casefold() == name.strip().casefold()]
    if len(named) != 1:
        raise WhichRow(name, [one.name for one in found])
    return named[0]


def _of_use_or_product(facts: Mapping[str, str], about: str) -> dict[str, str]:
    """What else the source says, each under what it is said of: `product:chai-model-card/…`."""
    return {f"{about}:{field}": value for field, value in facts.items()}
