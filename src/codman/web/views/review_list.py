"""The list of cases: what each asks for, how far it is, who presides, by when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from codman.registry.records import Page
from codman.spine.review import Case
from codman.web.views import marks
from codman.web.views.marks import Tag

SHOWN: Final = 50
SHOWS: Final = (("", "Open"), ("decided", "Decided"), ("withdrawn", "Withdrawn"), ("all", "All"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """One case."""

    href: str
    use: str
    checkpoint: str
    asks_for: str
    procedure: str
    tag: Tag
    chair: str
    day: str | None  # due, or decided
    expires_on: str | None
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseList:
    """The whole page."""

    lines: tuple[CaseLine, ...]
    shows: tuple[tuple[str, str, bool], ...]  # link, words, whether it is this one
    which: str
    narrowed: str
    first: str
    next: str


def review_list(
    page: Page[Case], named: Mapping[str, str], which: str, use: str, *, after: bool, today: str
) -> CaseList:
    """A page of cases."""

    def link(**changed: Any) -> str:
        asked = {"show": which, "use": use, **changed}
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"/reviews?{query}" if query else "/reviews"

    return CaseList(
        lines=tuple(_line(one, named, today) for one in page.items),
        shows=tuple((link(show=value), words, value == which) for value, words in SHOWS),
        which=which,
        narrowed=named.get(use, use) if use else "",
        first=link() if after else "",
        next=link(after=page.next) if page.next else "",
    )


def _line(one: Case, named: Mapping[str, str], today: str) -> CaseLine:
    version = named.get(one.version or "", "")
    return CaseLine(
        href=f"/reviews/{one.id}",
        use=named.get(one.use, one.use) + (f", version {version}" if version else ""),
        checkpoint=one.checkpoint.value,
        asks_for=one.leads_to.value.replace("-", " "),
        procedure=one.procedure.value,
        tag=marks.case(one.state.value, None if one.outcome is None else one.outcome.value, one.procedure.value),
        chair=named.get(one.chair or "", ""),
        day=one.decided_at or one.due_on,
        expires_on=one.expires_on,
        late=one.decided_at is None and one.due_on is not None and one.due_on < today,
    )
