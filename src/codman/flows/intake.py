"""Journey: a use is proposed page by page, saved as typed; a draft is found again on another day, under its edition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.intake_named import NAMES_A, with_ids
from codman.flows.likely import likely
from codman.flows.record_rules import KINDS
from codman.registry.access import NotAllowed, Reader, paths_for, require
from codman.registry.governance import INTAKES, seen
from codman.registry.nouns import PRODUCTS, VENDORS
from codman.registry.places import inside
from codman.registry.records import BadField, NoSuchRecord, Page, Stale
from codman.registry.related import answers_about
from codman.registry.requests import Once, remember, reply_to
from codman.registry.schema_review import intakes
from codman.review.intake.answer import is_blank, planned_in
from codman.review.intake.duplicates import Candidate, Duplicate
from codman.review.intake.fields import FromBook, answers_of
from codman.review.intake.form import Fault, Filled, fill
from codman.review.intake.question import Form, Kind, current_form, form_of
from codman.spine.intake import Intake, IntakeFields, IntakeState

_LONGEST: Final = 60_000  # characters of one answer, kept as typed even where fewer fit
_MOST_ITEMS: Final = 200
_LARGEST: Final = 1e15  # of a number; beyond it JSON means different ones to different readers
# controls, and halves of characters, which no database keeps
_UNKEEPABLE: Final = {code: None for code in (*range(0x20), 0x7F, *range(0xD800, 0xE000)) if code not in (0x09, 0x0A)}


class IntakeClosed(CodmanError):
    """A step on a proposal that was sent in or withdrawn."""

    exit_code = 2

    def __init__(self, state: IntakeState) -> None:
        super().__init__(
            what="this proposal is closed",
            why=f"it is {state.value}; what it said stays as it was said",
            fix="take it up again"
            if state is IntakeState.WITHDRAWN
            else "change the use itself, or begin a new proposal from it",
        )


class NotYourIntake(NotAllowed):
    """A step on somebody else's proposal."""

    def __init__(self) -> None:
        CodmanError.__init__(
            self,
            what="this proposal is not yours to change",
            why="only who began it fills it in and sends it in",
            fix="ask them, or begin one of your own",
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A proposal, its form as the answers make it, and what the book has to say of it."""

    intake: Intake
    filled: Filled
    known: FromBook  # what the book says already of the chosen product, and so is not asked
    duplicates: tuple[Duplicate, ...]  # uses of the book that it may be

    @property
    def title(self) -> str:
        """What it is called so far."""
        return title_of(self.intake)


def title_of(intake: Intake) -> str:
    """What a proposal is called so far."""
    name = intake.answers.get("name")
    return name.strip()[:300] if isinstance(name, str) and name.strip() else "A proposal without a name yet"


def begin(
    house: House,
    reader: Reader,
    answers: Mapping[str, Any] | None = None,
    *,
    source: str = "form",
    sources: Mapping[str, str] | None = None,
    carried: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    use: str | None = None,
    owner: str | None = None,
    request: str | None = None,
    once: Once | None = None,
) -> Intake:
    """Begin a proposal under the current edition of the questions.

    Args:
        house: The open house.
        reader: Who proposes.
        answers: Answers to begin with, as typed; the name of one record becomes its id.
        source: What it was begun from: form, api, chai, row, mlflow.
        sources: Whose word an answer is, by question.
        carried: What else the source says, by a framework's field.
        notes: What a person should look at of it.
        use: The use of the book it is about; none is a new one.
        owner: Who proposes, where an administrator begins it for them.
        request: The request it came with, for the log.
        once: Makes a repeated request find what the first one made.

    Raises:
        NotAllowed: They may propose nothing, or not for another.
        BadField: An answer is to no question, or cannot be kept.
    """
    require(reader, "intake.create")
    if owner is not None and owner != reader.person:
        require(reader, "person.change")
    form = current_form()
    typed = _kept(form, answers or {})
    with house.database.changing(reader.author(request)) as change:
        if once is not None and (reply := reply_to(change.connection, once)) is not None:
            return Intake.model_validate(reply)
        typed = with_ids(change.connection, reader, form, typed)
        made = INTAKES.add(
            change,
            IntakeFields(
                edition=form.edition,
                answers=typed,
                sources={id_: whose for id_, whose in (sources or {}).items() if id_ in typed},
                carried=dict(carried or {}),
                notes=list(notes)[:500],
                owner=owner or reader.person,
                source=source,
                use=use,
            ),
        )
        if once is not None:
            remember(change, once, made.model_dump(mode="json"))
        return made


def keep(
    house: House,
    reader: Reader,
    name: str,
    answers: Mapping[str, Any],
    revision: int,
    *,
    whole: bool = False,
    request: str | None = None,
) -> Intake:
    """Save answers as they were typed, right or wrong; the others stay.

    Args:
        house: The open house.
        reader: Who proposes.
        name: The proposal.
        answers: By question; an empty one takes an answer back, and the name of one record becomes its id.
        revision: The revision they saw.
        whole: These are all the answers: what is not among them is taken back.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is no such proposal within their reach.
        NotAllowed: It is not theirs.
        IntakeClosed: It was sent in or withdrawn.
        Stale: It was changed meanwhile.
        BadField: An answer is to no question, or cannot be kept.
    """
    with house.database.changing(reader.author(request)) as change:
        intake = own_intake(change.connection, reader, name, revision)
        form = form_of(intake.edition)
        typed = with_ids(change.connection, reader, form, _kept(form, answers))
        cleared = {id_ for id_, answer in answers.items() if is_blank(answer)}
        before = {} if whole else {id_: said for id_, said in intake.answers.items() if id_ not in cleared}
        after = {**before, **typed}
        # an answer that somebody changed is theirs, and no longer the source's
        sources = {id_: whose for id_, whose in intake.sources.items() if after.get(id_) == intake.answers.get(id_)}
        return INTAKES.change(change, name, {"answers": after, "sources": sources}, revision)


def open_intake(house: House, reader: Reader, name: str) -> Opened:
    """A proposal as it stands: what it asks, what is wrong or missing, what it may be a duplicate of.

    Raises:
        NoSuchRecord: There is no such proposal within their reach.
    """
    with house.database.reading() as connection:
        intake = visible_intake(connection, reader, name)
        return opened(house, connection, reader, intake)


def opened(house: House, connection: Connection, reader: Reader, intake: Intake) -> Opened:
    """The same on a connection that is already open."""
    form = form_of(intake.edition)
    known = _known(connection, form, intake.answers)
    filled = fill(form, intake.answers, known.values, house.database.today())
    filled = _with_missing_records(connection, reader, filled)
    candidate = _candidate(connection, filled, intake)
    within = paths_for(reader, "inventory.read")
    found = likely(house, connection, candidate, within) if candidate is not None else []
    return Opened(intake, filled, known, tuple(found))


def list_intakes(
    house: House,
    reader: Reader,
    *,
    where: Mapping[str, Sequence[str]] | None = None,
    mine: bool = False,
    order: str = "updated_at",
    descending: bool = True,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Intake]:
    """Proposals that somebody may see, a page at a time: their own, and others' where they see the whole house.

    Args:
        house: The open house.
        reader: Who asks.
        where: Values that `state`, `source` or `use` may have.
        mine: Only their own.
        order: The field to sort by.
        descending: The largest first.
        limit: How many, 1 to 500.
        cursor: What the page before gave as `next`.

    Raises:
        NotAllowed: They may read none.
    """
    query = select(intakes).where(_theirs(reader))
    if mine:
        query = query.where(intakes.c.owner == reader.person)
    for field, values in (where or {}).items():
        query = query.where(intakes.c[field].in_(list(values)))
    with house.database.reading() as connection:
        return INTAKES.page(connection, query, order=order, descending=descending, limit=limit, cursor=cursor)


def drafts_of(connection: Connection, person: str) -> Sequence[Intake]:
    """What somebody began and has not sent in, the last touched first."""
    query = select(intakes).where(intakes.c.owner == person, intakes.c.state == IntakeState.DRAFT.value)
    rows = connection.execute(query.order_by(intakes.c.updated_at.desc(), intakes.c.id).limit(200))
    return [INTAKES.read(row) for row in rows]


def visible_intake(connection: Connection, reader: Reader, name: str) -> Intake:
    """A proposal that somebody may see.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They may read none.
    """
    row = connection.execute(select(intakes).where(intakes.c.id == name, _theirs(reader))).one_or_none()
    if row is None:
        raise NoSuchRecord("intake", name)
    return INTAKES.read(row)


def own_intake(
    connection: Connection, reader: Reader, name: str, revision: int, state: IntakeState = IntakeState.DRAFT
) -> Intake:
    """A proposal that somebody may work on, in the state that this takes.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: It is not theirs.
        IntakeClosed: It was sent in or withdrawn.
        BadField: It is a draft, and this takes one that was withdrawn.
        Stale: It was changed meanwhile.
    """
    require(reader, "intake.change")
    intake = visible_intake(connection, reader, name)
    if intake.owner != reader.person:
        raise NotYourIntake
    if intake.state is not state:
        if intake.state is IntakeState.DRAFT:
            raise BadField("intake", "state", "it is a draft: nobody withdrew it", fix="go on with the draft")
        raise IntakeClosed(intake.state)
    if intake.revision != revision:
        raise Stale("intake", name, revision, intake.revision)
    return intake


def _theirs(reader: Reader) -> Any:
    within = paths_for(reader, "intake.read")
    if not within:
        raise NotAllowed("intake.read", "anywhere")
    return or_(intakes.c.owner == reader.person, seen(INTAKES, within))


def _known(connection: Connection, form: Form, answers: Mapping[str, Any]) -> FromBook:
    """What the book says of the chosen product, its vendor, and in frameworks' fields."""
    chosen = str(answers.get("product") or "").strip()
    product = PRODUCTS.get_many(connection, [chosen]).get(chosen)
    if product is None:
        return FromBook({}, {})
    vendor = VENDORS.get(connection, product.vendor) if product.vendor is not None else None
    facts = {fact.field: fact.value for fact in answers_about(connection, product.id)}
    return answers_of(
        form,
        product=PRODUCTS.plain(product),
        vendor=VENDORS.plain(vendor) if vendor is not None else None,
        facts=facts,
    )


def _with_missing_records(connection: Connection, reader: Reader, filled: Filled) -> Filled:
    """The form, saying where an answer names nobody and nothing that the reader sees in the book."""
    faults: list[Fault] = []
    for question in filled.asked:
        kind = NAMES_A.get(question.kind)
        value = filled.settled.values.get(question.id)
        if kind is None or value is None:
            continue
        rules = KINDS[kind]
        table = rules.records.table
        sight = rules.seen(paths_for(reader, rules.read), reader)
        if question.kind is Kind.PLANNED:  # where one plans, one sees more than a name above one's own sites
            sight = inside(paths_for(reader, rules.read))
        named = set(planned_in(value)) if isinstance(value, tuple) else {value}
        if set(connection.execute(select(table.c.id).where(table.c.id.in_(named), sight)).scalars()) != named:
            faults.append(Fault(question.id, f"{question.ask} There is no such {kind} in the book."))
    return replace(filled, faults=(*filled.faults, *faults)) if faults else filled


def _candidate(connection: Connection, filled: Filled, intake: Intake) -> Candidate | None:
    """The proposal as far as it is compared with others; None while it has no name."""
    said = {id_: value for id_, value in filled.settled.values.items() if isinstance(value, str)}
    if "name" not in said:
        return None
    product = PRODUCTS.get_many(connection, [said.get("product", "")]).get(said.get("product", ""))
    return Candidate(
        name=said["name"],
        purpose=said.get("purpose"),
        product=product.name if product is not None else said.get("product_name"),
        product_id=product.id if product is not None else None,
        vendor=said.get("vendor"),
        id=intake.use or "",
    )


def _kept(form: Form, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as they were typed, without what no database keeps; the empty ones left out."""
    kept = {}
    for id_, answer in answers.items():
        if id_ not in form.by_id:
            raise BadField("intake", f"answers.{id_[:60]}", f"the questions of {form.edition} have none of that name")
        if not is_blank(answer):
            kept[id_] = _plain(id_, answer)
    return kept


def _plain(id_: str, answer: Any) -> Any:
    if isinstance(answer, bool) or (isinstance(answer, int | float) and abs(answer) <= _LARGEST):
        return answer
    if isinstance(answer, date):
        return answer.isoformat()
    if isinstance(answer, str) and len(answer) <= _LONGEST:
        return answer.replace("\r\n", "\n").replace("\r", "\n").translate(_UNKEEPABLE)
    is_list = isinstance(answer, list | tuple) and len(answer) <= _MOST_ITEMS
    if is_list and all(isinstance(item, str) and len(item) <= _LONGEST for item in answer):
        return [_plain(id_, item) for item in answer]
    raise BadField("intake", f"answers.{id_[:60]}", "an answer is text, a list of texts, a number, yes or no")
