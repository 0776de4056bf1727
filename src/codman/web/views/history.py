"""History as people read it: who did what, when, from what to what, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from codman.registry.log import Written
from codman.web.render import brief, day, words

ERASED: Final = "(erased)"
_LONGEST: Final = 240
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")

_DONE: Final[Mapping[str, str]] = {
    "create": "added",
    "change": "changed",
    "remove": "took back",
    "file": "filed",
    "sign": "countersigned",
    "decide": "decided on",
    "accept": "accepted",
    "issue": "made",
    "revoke": "revoked",
    "rotate": "replaced",
    "register": "registered",
    "erase": "erased words of",
    "mark": "marked words of",
    "withdraw": "took back",
    "keep": "kept",
}

_ACTIONS: Final[Mapping[str, str]] = {  # said of the whole action, where verb and noun alone would mislead
    "person.sign": "signed",
    "evidence.link": "found the use and the product of the evidence",
    "evidence.none": "said that the book holds nothing that it is about:",
    "event.count": "put down who sent",
    "log.try": "tried whether it can write to",
}
_NAMELESS: Final[Mapping[str, str]] = {"system": "the house itself", "link": "whoever had the link"}
_NOUNS: Final[Mapping[str, str]] = {
    "evidence": "evidence",
    "grant": "the role",
    "audit": "the log's entry",
    "erasure": "the request to erase",
    "fact": "the answer",
    "remark": "the question or answer",
    "acceptance": "what was inconclusive:",
    "exclusion": "that a requirement does not apply:",
    "intake": "the proposal",
    "events": "the events that evidence was made of:",
}


_BY_TRIAGE: Final = frozenset({"tier", "impact", "stage", "stage_since"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field, before and after."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of the log."""

    index: int
    at: str
    who: str
    who_id: str
    what: str
    about: str
    about_id: str
    about_href: str
    changes: tuple[Change, ...]
    why: str


def events(items: Sequence[Written], named: Mapping[str, str]) -> tuple[Event, ...]:
    """Entries as events.

    Args:
        items: The entries.
        named: Names by id.
    """
    return tuple(event(item, named) for item in items)


def event(item: Written, named: Mapping[str, str]) -> Event:
    """One entry as an event."""
    value = item.value
    about = value["about"]["id"]
    actor = value["actor"]
    filed = words((value.get("after") or {}).get("kind") or "") if value["action"] == "evidence.file" else ""
    return Event(
        index=item.index,
        at=value["at"],
        who=named.get(actor["id"], _NAMELESS.get(actor["kind"], actor["id"])),
        who_id=actor["id"],
        what=f"filed evidence ({filed})"
        if filed
        else "had the use triaged"
        if by_triage(value)
        else done(value["action"]),
        about=named.get(about, brief(about)),
        about_id=about,
        about_href=place_of(value["about"]["kind"], about),
        changes=() if filed else _changes(item, value, named),  # the evidence's own page says them all
        why=_text(item.texts, "why", value.get("why")) if value.get("why") is not None else "",
    )


def by_triage(value: Mapping[str, Any]) -> bool:
    """Whether a use was changed by its triage: the rules set its tier and impact, whoever had them asked."""
    after = set(value.get("after") or {})
    return value["action"] == "use.change" and bool(after & {"tier", "impact"}) and after <= _BY_TRIAGE


def done(action: str) -> str:
    """An action as people say it was done: use.change is `changed the use`."""
    if action in _ACTIONS:
        return _ACTIONS[action]
    noun, _, verb = action.partition(".")
    return f"{_DONE.get(verb, words(verb))} {_NOUNS.get(noun, 'the ' + words(noun))}"


def ids_in(items: Sequence[Written]) -> set[str]:
    """Every id that entries mention, so that it can be shown by its name."""
    found: set[str] = set()
    for item in items:
        value = item.value
        found |= {value["actor"]["id"], value["about"]["id"]}
        for part in ("before", "after"):
            found |= {v for v in (value.get(part) or {}).values() if isinstance(v, str) and len(v) <= 64}
    return found | planned_in(items)


def planned_in(items: Sequence[Written]) -> set[str]:
    """The planned sites that entries mention."""
    told = [(item.value.get(part) or {}).get("planned") for item in items for part in ("before", "after")]
    return {site for one in told if isinstance(one, dict) for site in one}


def _changes(item: Written, value: Mapping[str, Any], named: Mapping[str, str]) -> tuple[Change, ...]:
    before, after = value.get("before") or {}, value.get("after") or {}
    sealed = set(value.get("sealed", ()))
    found = []
    for name in sorted({*before, *after}):
        pair = []
        for part, fields in (("before", before), ("after", after)):
            if f"{part}.{name}" in sealed:
                pair.append(_text(item.texts, f"{part}.{name}", fields.get(name)))
            else:
                pair.append(_plain(fields.get(name), named))
        if pair[0] != pair[1]:
            found.append(Change(field=words(name), before=pair[0], after=pair[1]))
    return tuple(found)


def _text(texts: Mapping[str, str | None], name: str, there: Any) -> str:
    if there is None:
        return ""
    said = texts.get(name)
    return ERASED if said is None else _short(said)


def _plain(value: Any, named: Mapping[str, str]) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return _short(", ".join(map(str, value)) or "none")
    if isinstance(value, dict):
        return _short("; ".join(f"{named.get(k, k)}: {v}" for k, v in value.items()))
    text = str(value)
    if _DIGEST.fullmatch(text):
        return brief(text)
    if _DAY.fullmatch(text):
        return day(text)
    return _short(named.get(text, text))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_PLACES: Final[Mapping[str, str]] = {
    "use": "/uses/{}",
    "product": "/products/{}",
    "vendor": "/vendors/{}",
    "person": "/people/{}",
    "statement": "/evidence/{}",
    "key": "/keys",
    "site": "/sites",
    "entry": "/audit/{}",
    "erasure": "/audit/erasures",
    "document": "/documents/{}/content",
}


def place_of(kind: str, name: str) -> str:
    """The page of a record; empty where it has none of its own."""
    return _PLACES.get(kind, "").format(name)
