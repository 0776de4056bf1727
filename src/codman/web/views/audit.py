"""The audit log: its list with filters, and one entry with the proof that it is in the log, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from codman.evidence.merkle import proves_inclusion
from codman.flows.audit_pages import Inclusion, LogEntry
from codman.registry.access import ACTIONS, is_reading
from codman.registry.log import Written
from codman.registry.records import Page
from codman.web.render import words
from codman.web.views.erasures import WordsLine
from codman.web.views.forms import Ask, Asked, Option, shown
from codman.web.views.history import Event, done, event
from codman.web.views.marks import Tag

FILTERS = ("action", "about_kind", "about", "actor")
_KINDS = tuple(
    Option(kind, words(kind))
    for kind in (
        "use",
        "product",
        "version",
        "vendor",
        "deployment",
        "site",
        "person",
        "grant",
        "document",
        "fact",
        "statement",
        "key",
        "token",
        "entry",
        "erasure",
        "emergency",
    )
)


def _actions() -> tuple[Option, ...]:
    changing = (action for action in ACTIONS if not is_reading(action))
    return tuple(sorted((Option(action, done(action)) for action in changing), key=lambda one: one.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """The list."""

    events: tuple[Event, ...]
    asked: tuple[Asked, ...]
    whole: bool
    size: int
    first: str
    next: str


def audit_view(
    page: Page[Any],
    values: Mapping[str, str],
    named: Mapping[str, str],
    actor: Ask,
    *,
    size: int,
    after: bool,
) -> AuditView:
    """A page of the log.

    Args:
        page: The entries, the newest first.
        values: The filters that hold, as the form writes them.
        named: Names by id.
        actor: The question who may have done something.
        size: How many entries the log has.
        after: Whether it is a later page.
    """
    asks = (
        Ask(name="action", label="What was done", kind="choice", options=_actions(), unsaid="anything"),
        Ask(name="about_kind", label="About", kind="choice", options=_KINDS, unsaid="anything"),
        Ask(name="about", label="Which one, by its id"),
        actor,
        Ask(name="since", label="From", kind="day"),
        Ask(name="until", label="To the end of", kind="day"),
    )
    pairs = [(name, value) for name, value in values.items() if value]
    address = "/audit" + (f"?{urlencode(pairs)}" if pairs else "")
    return AuditView(
        events=tuple(event(written(one), named) for one in page.items),
        asked=shown(asks, values, {}),
        whole=not pairs,
        size=size,
        first=address if after else "",
        next=f"/audit?{urlencode([*pairs, ('after', page.next)])}" if page.next else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """One entry."""

    event: Event
    raw: str
    leaf: str
    root: str
    size: int
    proof: tuple[str, ...]
    proven: Tag
    request: str
    sealed: tuple[WordsLine, ...]
    last: bool


def entry_view(entry: LogEntry, proof: Inclusion, named: Mapping[str, str], sealed: tuple[WordsLine, ...]) -> EntryView:
    """One entry, its proof checked as the page is made."""
    holds = proves_inclusion(
        bytes.fromhex(proof.leaf),
        proof.index,
        proof.size,
        [bytes.fromhex(node) for node in proof.inclusion],
        bytes.fromhex(proof.root),
    )
    value: dict[str, Any] = entry.entry
    return EntryView(
        event=event(written(entry), named),
        raw=json.dumps(value, indent=2, ensure_ascii=False),
        leaf=proof.leaf,
        root=proof.root,
        size=proof.size,
        proof=tuple(proof.inclusion),
        proven=Tag("The proof holds", "met", "✓") if holds else Tag("The proof does not hold", "unmet", "×"),
        request=str(value.get("request", "")),
        sealed=sealed,
        last=entry.index + 1 >= proof.size,
    )


def written(entry: LogEntry) -> Written:
    """An entry as the history reads it."""
    return Written(index=entry.index, raw=json.dumps(entry.entry).encode(), texts=entry.texts)
