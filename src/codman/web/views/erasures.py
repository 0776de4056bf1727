"""Requests to erase people's own words, and how the words of one entry stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from codman.registry.erasure import Erasure, ErasureState, TextMarks
from codman.registry.records import Page
from codman.web.render import day, words
from codman.web.views.history import Event
from codman.web.views.marks import Tag

_STATES: Final[Mapping[ErasureState, Tag]] = {
    ErasureState.ASKED: Tag("Waits for a second person", "unsure", "?"),
    ErasureState.DONE: Tag("Erased", "plain", "×"),
    ErasureState.WITHDRAWN: Tag("Taken back", "plain", "–"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request."""

    id: str
    index: int
    entry: str
    which: str
    asked_by: str
    asked_at: str
    why: str
    agreed_by: str
    done_at: str | None
    tag: Tag
    open: bool
    mine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasuresView:
    """The page."""

    sentence: str
    waiting: tuple[Request, ...]
    past: tuple[Request, ...]
    first: str
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsLine:
    """The words of one field of an entry."""

    field: str
    called: str
    state: Tag
    hold: bool
    erased: bool


def erasures_view(
    page: Page[Erasure],
    told: Mapping[int, Event],
    named: Mapping[str, str],
    reasons: Mapping[str, str],
    reader: str,
    *,
    after: bool,
) -> ErasuresView:
    """The page.

    Args:
        page: The requests, the newest first.
        told: The entries they are about, by index.
        named: Names by id.
        reasons: Why each was asked, by the request's id.
        reader: Who looks: nobody agrees to their own request.
        after: Whether it is a later page.
    """
    lines = [_request(one, told[one.log_index], named, reasons, reader) for one in page.items]
    waiting = tuple(line for line in lines if line.open)
    return ErasuresView(
        sentence=_sentence(len(waiting)),
        waiting=waiting,
        past=tuple(line for line in lines if not line.open),
        first="/audit/erasures" if after else "",
        next="/audit/erasures?" + urlencode({"after": page.next}) if page.next else "",
    )


def words_lines(found: Sequence[TextMarks], *, privileged_to_reader: bool) -> tuple[WordsLine, ...]:
    """How the words of an entry stand.

    Args:
        found: Their marks.
        privileged_to_reader: Whether the reader is shown privileged words.
    """
    return tuple(
        WordsLine(
            field=one.field,
            called=called(one.field),
            state=_state(one, privileged_to_reader=privileged_to_reader),
            hold=one.hold,
            erased=one.erased_at is not None,
        )
        for one in found
    )


def called(field: str | None) -> str:
    """Words of an entry as people call them: `after.purpose` is `purpose, as it became`."""
    if field is None:
        return "all words in it"
    part, _, name = field.partition(".")
    if not name:
        return "the reason given" if part == "why" else words(part)
    when = {"before": "as it was before", "after": "as it became"}.get(part, part)
    return f"{words(name)}, {when}"


def _state(one: TextMarks, *, privileged_to_reader: bool) -> Tag:
    if one.erased_at is not None:
        return Tag(f"Erased {day(one.erased_at)}", "plain", "×")
    if one.privileged:
        return Tag("Privileged", "unsure", "‖") if privileged_to_reader else Tag("Privileged, not shown", "unsure", "‖")
    return Tag("Shown here", "plain", "○")


def _request(one: Erasure, entry: Event, named: Mapping[str, str], reasons: Mapping[str, str], reader: str) -> Request:
    return Request(
        id=one.id,
        index=one.log_index,
        entry=f"{entry.who} {entry.what} {entry.about}",
        which=called(one.field),
        asked_by=named.get(one.asked_by, one.asked_by),
        asked_at=one.created_at,
        why=reasons.get(one.id, ""),
        agreed_by=named.get(one.agreed_by or "", one.agreed_by or ""),
        done_at=None if one.state is ErasureState.ASKED else one.updated_at,
        tag=_STATES[one.state],
        open=one.state is ErasureState.ASKED,
        mine=one.asked_by == reader,
    )


def _sentence(waiting: int) -> str:
    if not waiting:
        return "No request waits for a second person."
    return f"{waiting} request{' waits' if waiting == 1 else 's wait'} for a second person to agree."
