"""What a proposal's pages are made of: questions with what was typed, links, faults, what is shown before sending."""

from __future__ import annotations

from dataclasses import dataclass

from codman.web.views.forms import Asked
from codman.web.views.marks import Tag
from codman.web.views.planning import SiteRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer to tick."""

    id: str
    value: str
    text: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedNow:
    """A question with what was typed: a field, or answers to tick."""

    id: str
    name: str
    label: str
    field: Asked | None  # None where answers are ticked
    many: bool
    options: tuple[Option, ...]
    hint: str
    error: str
    needed: bool
    whose: str  # whose word the answer is, where nobody typed it
    kept: str  # after a conflict, what stands in the book
    sites: tuple[SiteRow, ...] = ()  # of planned sites: the tree, with the modes to choose from


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLink:
    """One page of the form in the list of them."""

    href: str
    title: str
    open: int  # questions that still need an answer, or another one
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultLine:
    """Something to mend, and where."""

    text: str
    href: str
    with_href: str  # the other answer, where two contradict each other
    ask: str  # the question alone, where nothing is wrong but that it is not answered; empty otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelyLine:
    """A use of the book that the proposed one may be."""

    href: str
    name: str
    reasons: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPage:
    """One page of questions."""

    title: str
    name: str  # of the proposal
    why: str
    action: str
    back: str
    pages: tuple[PageLink, ...]
    asked: tuple[AskedNow, ...]
    faults: tuple[FaultLine, ...]  # shown once the page was sent
    revision: int
    likely: tuple[LikelyLine, ...]
    conflict: bool
    more: int  # questions that the answers just given brought up
    is_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidLine:
    """An answer as it stands before it is sent in."""

    ask: str
    answer: str
    whose: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidPage:
    """A page's answers."""

    title: str
    lines: tuple[SaidLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A proposal as a whole."""

    id: str
    name: str
    state: str
    draft: bool
    mine: bool
    edition: str
    use_href: str
    pages: tuple[PageLink, ...]
    said: tuple[SaidPage, ...]
    known: tuple[SaidLine, ...]  # what the book says of the chosen product
    aside: tuple[SaidLine, ...]
    faults: tuple[FaultLine, ...]
    likely: tuple[LikelyLine, ...]
    notes: tuple[str, ...]
    carried: int
    go_on: str  # where the form is resumed
    revision: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeLine:
    """A proposal in the list of them."""

    href: str
    name: str
    tag: Tag
    who: str
    source: str
    at: str
    use_href: str  # of the use it became, once it was sent in
