"""A proposal as its pages show it: one page of questions at a time, then everything together before it is sent in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from codman.flows.intake import Opened
from codman.registry.access import paths_for
from codman.registry.register import tree
from codman.review.intake.answer import Unclear, is_blank, items_of, planned_in, value_of
from codman.review.intake.form import Fault
from codman.review.intake.question import NONE, NOT_KNOWN, Form, Kind, Page, Question
from codman.spine.intake import Intake, IntakeState
from codman.web.views.forms import Ask, Asked, FieldKind, shown
from codman.web.views.intake_lines import (
    AskedNow,
    FaultLine,
    FormPage,
    IntakeLine,
    LikelyLine,
    Option,
    Overview,
    PageLink,
    SaidLine,
    SaidPage,
)
from codman.web.views.lists import Lists
from codman.web.views.marks import Tag
from codman.web.views.planning import SiteRow, site_rows
from codman.web.views.sent import Form as Sent

_FIELDS: Final[Mapping[Kind, FieldKind]] = {Kind.LINE: "line", Kind.PROSE: "prose", Kind.DATE: "day"}
_RECORDS: Final[Mapping[Kind, str]] = {Kind.PERSON: "person", Kind.PRODUCT: "product", Kind.SITE: "site"}
_CHOSEN: Final = frozenset({Kind.CHOICE, Kind.YES_NO, Kind.MANY, Kind.PLANNED})
_LISTS: Final = frozenset({Kind.MANY, Kind.PLANNED})
_SOURCES: Final[Mapping[str, str]] = {"form": "the form", "row": "a use of the book"}
_STATES: Final[Mapping[IntakeState, Tag]] = {
    IntakeState.DRAFT: Tag("Draft", "unsure", "○"),
    IntakeState.SUBMITTED: Tag("Sent in", "met", "✓"),
    IntakeState.WITHDRAWN: Tag("Withdrawn", "plain", "×"),
}
_YES: Final = frozenset({"yes", "true", "y", "1"})
_NO: Final = frozenset({"no", "false", "n", "0"})


def form_page(
    found: Opened,
    page: Page,
    lists: Lists,
    *,
    typed: Mapping[str, Any] | None = None,
    tell: bool = False,
    more: int = 0,
) -> FormPage:
    """One page of questions with their answers.

    Args:
        found: The proposal as it is kept.
        page: The page, trimmed to what it asks.
        lists: The records to choose from.
        typed: After a conflict, what was typed and is not kept.
        tell: Whether to say what is wrong and missing: once the page was sent, not before.
        more: How many questions the answers just given brought up.
    """
    filled, intake = found.filled, found.intake
    here = {question.id for question in page.questions}
    faults = [fault for fault in filled.faults if fault.question in here or fault.with_question in here]
    wrong: dict[str, str] = {}
    for fault in faults if tell else ():
        for id_ in (fault.question, fault.with_question):
            if id_ in here:
                ask = filled.form.by_id[str(id_)].ask  # it stands above the answer already
                wrong.setdefault(str(id_), fault.message.removeprefix(f"{ask} "))
    answers = filled.typed if typed is None else {**filled.typed, **typed}
    ids = [one.id for one in filled.pages]
    place = ids.index(page.id)
    before = ids[place - 1] if place else None
    return FormPage(
        title=page.title,
        name=found.title,
        why=page.why or "",
        action=_page_href(intake, page.id),
        back=_page_href(intake, before) if before else f"/intakes/{intake.id}",
        pages=_pages(found, page.id),
        asked=tuple(
            _asked(
                question,
                answers.get(question.id),
                lists,
                error=wrong.get(question.id, ""),
                whose=intake.sources.get(question.id, ""),
                kept=_kept(question, filled.typed.get(question.id), typed),
            )
            for question in page.questions
        ),
        faults=_faults(found, faults) if tell else (),
        revision=intake.revision,
        likely=_likely(found),
        conflict=typed is not None,
        more=more,
        is_first=place == 0,
    )


def overview(found: Opened, reader: str, names: Mapping[str, str]) -> Overview:
    """A proposal as a whole, before it is sent in and after.

    Args:
        found: The proposal.
        reader: Who looks.
        names: What the records that answers name are called.
    """
    intake, filled = found.intake, found.filled
    resumed = filled.next_page()
    first = filled.pages[0] if filled.pages else None
    page = resumed or first
    return Overview(
        id=intake.id,
        name=found.title,
        state=intake.state.value,
        draft=intake.state is IntakeState.DRAFT,
        mine=intake.owner == reader,
        edition=intake.edition,
        use_href=f"/uses/{intake.use}" if intake.use is not None else "",
        pages=_pages(found, None),
        said=tuple(
            SaidPage(title=one.title, lines=tuple(lines))
            for one in filled.pages
            if (
                lines := [
                    _line(found, question, filled.typed[question.id], names)
                    for question in one.questions
                    if question.id in filled.typed
                ]
            )
        ),
        known=tuple(_line(found, filled.form.by_id[id_], typed, names) for id_, typed in found.known.typed.items()),
        aside=tuple(
            _line(found, filled.form.by_id[id_], typed, names)
            for id_, typed in filled.aside.items()
            if id_ in filled.form.by_id and id_ not in found.known.typed
        ),
        faults=_faults(found, filled.faults),
        likely=_likely(found),
        notes=tuple(intake.notes),
        carried=len(intake.carried),
        go_on=_page_href(intake, page.id) if page is not None else "",
        revision=intake.revision,
        complete=filled.complete,
    )


def sent_answers(page: Page, form: Sent) -> dict[str, Any]:
    """What a page's form says, by question: of what is not there at all, that it was emptied."""
    return {
        question.id: form.every.get(question.id, []) if question.kind in _LISTS else form.values.get(question.id, "")
        for question in page.questions
    }


def named_in(found: Opened) -> list[str]:
    """The records that answers name, so that a page can call them by their names."""
    typed = {**found.filled.typed, **found.filled.aside, **found.known.typed}
    return [str(typed[q.id]) for q in found.filled.form.questions if q.kind in _RECORDS and q.id in typed]


def sites_in(found: Opened) -> list[str]:
    """The sites that answers name."""
    typed = {**found.filled.typed, **found.filled.aside, **found.known.typed}
    planned = [typed[q.id] for q in found.filled.form.questions if q.kind is Kind.PLANNED and q.id in typed]
    return [site for items in planned if not is_blank(items) for site in planned_in(items_of(items))]


def intake_line(intake: Intake, title: str, who: str) -> IntakeLine:
    """A proposal in the list of them."""
    return IntakeLine(
        href=f"/intakes/{intake.id}",
        name=title,
        tag=_STATES[intake.state],
        who=who,
        source=_SOURCES.get(intake.source, intake.source),
        at=intake.updated_at,
        use_href=f"/uses/{intake.use}" if intake.use is not None and intake.state is IntakeState.SUBMITTED else "",
    )


def _asked(question: Question, typed: Any, lists: Lists, *, error: str, whose: str, kept: str) -> AskedNow:
    field = None if question.kind in _CHOSEN else _field(question, typed, lists, error)
    return AskedNow(
        id=f"f-{question.id}",
        name=question.id,
        label=question.ask,
        field=field,
        many=question.kind is Kind.MANY,
        options=_options(question, typed) if field is None else (),
        hint=question.help or "",
        error=error,
        needed=question.required,
        whose=whose,
        kept=kept,
        sites=_site_rows(question, typed, lists) if question.kind is Kind.PLANNED else (),
    )


def _site_rows(question: Question, typed: Any, lists: Lists) -> tuple[SiteRow, ...]:
    """The sites that the proposer sees; what was typed otherwise than by choosing comes back as far as it names one."""
    within = paths_for(lists.reader, "inventory.read")
    chosen = {} if is_blank(typed) else planned_in(items_of(typed))
    with lists.house.database.reading() as connection:
        return site_rows(question.id, tree(connection, within), within, chosen)


def _field(question: Question, typed: Any, lists: Lists, error: str) -> Asked:
    value = "" if typed is None else "\n".join(map(str, typed)) if isinstance(typed, list) else str(typed)
    hint = " ".join(part for part in (question.help, _or_not_known(question)) if part)
    kind = _RECORDS.get(question.kind)
    if kind is not None:
        ask = lists.ask(kind, name=question.id, label=question.ask, needed=question.required, hint=hint)
    else:
        # a number stays text: what is no number comes back as it was typed
        ask = Ask(
            name=question.id,
            label=question.ask,
            kind=_FIELDS.get(question.kind, "line"),
            hint=hint,
            needed=question.required,
        )
    return shown((ask,), {question.id: value}, {question.id: error} if error else {})[0]


def _or_not_known(question: Question) -> str:
    return "Write “not known” if nobody knows." if question.not_known else ""


def _options(question: Question, typed: Any) -> tuple[Option, ...]:
    given = items_of(typed) if isinstance(typed, list) else [] if is_blank(typed) else [str(typed)]
    words = {" ".join(one.casefold().split()) for one in given}
    chosen = {choice.id for one in given if (choice := question.meant(one)) is not None}
    options = [(choice.id, choice.says, choice.id in chosen) for choice in question.choices]
    if question.kind is Kind.YES_NO:
        options = [("yes", "Yes", bool(words & _YES)), ("no", "No", bool(words & _NO))]
    if question.none_of_these is not None:
        options.append((NONE, question.none_of_these, NONE in words))
    if question.not_known:
        options.append((NOT_KNOWN, "Not known", NOT_KNOWN in words))
    return tuple(
        Option(id=f"f-{question.id}" if number == 0 else f"f-{question.id}-{number}", value=value, text=text, on=on)
        for number, (value, text, on) in enumerate(options)
    )


def _kept(question: Question, kept: Any, typed: Mapping[str, Any] | None) -> str:
    """After a conflict, what the book has where something else was typed."""
    if typed is None or question.id not in typed or _same(typed[question.id], kept):
        return ""
    return "" if is_blank(kept) else _words(question, kept, {})


def _same(one: Any, other: Any) -> bool:
    return (is_blank(one) and is_blank(other)) or one == other


def _line(found: Opened, question: Question, typed: Any, names: Mapping[str, str]) -> SaidLine:
    form: Form = found.filled.form
    return SaidLine(
        ask=question.ask,
        answer=_words(question, typed, names),
        whose=found.intake.sources.get(question.id, ""),
        href=f"{_page_href(found.intake, form.page_of[question.id].id)}#f-{question.id}",
    )


def _words(question: Question, typed: Any, names: Mapping[str, str]) -> str:
    """An answer in the form's own words, or as it was typed."""
    value = value_of(question, typed)
    if value is None or isinstance(value, Unclear):
        return ", ".join(map(str, typed)) if isinstance(typed, list) else str(typed)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if question.kind is Kind.PLANNED and isinstance(value, tuple):
        return "; ".join(f"{names.get(site, site)}: {mode}" for site, mode in planned_in(value).items())
    if isinstance(value, tuple):
        chosen = [choice.says for choice in question.choices if choice.id in value]
        return "; ".join(chosen) or question.none_of_these or NONE
    choice = question.chosen(str(value))
    if choice is not None:
        return choice.says
    return names.get(str(value), str(typed)) if question.kind in _RECORDS else str(typed)


def _pages(found: Opened, here: str | None) -> tuple[PageLink, ...]:
    form = found.filled.form
    return tuple(
        PageLink(
            href=_page_href(found.intake, page.id),
            title=page.title,
            open=sum(
                fault.question in form.by_id and form.page_of[fault.question].id == page.id
                for fault in found.filled.faults
            ),
            here=page.id == here,
        )
        for page in found.filled.pages
    )


def _faults(found: Opened, faults: Sequence[Fault]) -> tuple[FaultLine, ...]:
    form, intake = found.filled.form, found.intake

    def href(id_: str | None) -> str:
        known = id_ is not None and id_ in form.by_id
        return f"{_page_href(intake, form.page_of[id_].id)}#f-{id_}" if id_ is not None and known else ""

    return tuple(
        FaultLine(
            text=fault.message,
            href=href(fault.question),
            with_href=href(fault.with_question),
            ask=form.by_id[fault.question].ask if fault.missing and fault.question in form.by_id else "",
        )
        for fault in faults
    )


def _likely(found: Opened) -> tuple[LikelyLine, ...]:
    return tuple(
        LikelyLine(href=f"/uses/{one.use}", name=one.name, reasons="; ".join(one.reasons) or "much of it is alike")
        for one in found.duplicates
    )


def _page_href(intake: Intake, page: str) -> str:
    return f"/intakes/{intake.id}/pages/{page}"
