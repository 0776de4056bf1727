"""A row and a mapping make a use's fields, its product's, and facts; what cannot be converted is kept as it was."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from typing import Any, Final

from codman.registry.imports.dates import read_day, reads_both_ways
from codman.registry.imports.mapping import TARGETS, Conversion, Mapping, Source
from codman.registry.imports.table import Row, normal, one_line
from codman.registry.imports.values import (
    answers_nothing,
    impact_of,
    kind_of,
    list_of,
    role_of,
    stage_of,
    submission_of,
    tier_of,
    vendor_names,
    without_marker,
    yes_or_no,
)
from codman.spine.use import RUNNING, Decision, Stage

_LONGEST_LINE: Final = 300
_LONGEST_TEXT: Final = 20_000
_LONGEST_FACT: Final = 50_000
_SLUG: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LEGACY: Final = RUNNING | {Stage.PAUSED}  # it ran before anybody here decided


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know about one row."""

    row: int
    column: str
    why: str


@dataclass(slots=True)
class Converted:
    """One row, ready to be written."""

    row: int
    fields: dict[str, Any] = field(default_factory=dict)  # by target, as JSON types
    facts: dict[str, str] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    own_id: str | None = None  # the file's identifier of it
    product_named: bool = False  # the file says which product; else it is the row's own
    identity: str = ""
    other_identity: str = ""  # what an earlier edition of the file may have known it by

    def of(self, noun: str) -> dict[str, Any]:
        """What it says of one noun, by the noun's own field names."""
        start = f"{noun}."
        return {target.removeprefix(start): v for target, v in self.fields.items() if target.startswith(start)}

    @property
    def digest(self) -> str:
        """Changes when anything the row says changes."""
        body = json.dumps([self.fields, self.facts], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(body.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Known:
    """People and sites of the book by the names a file may use; a name two of them have is left out."""

    people: Dict[str, str] = field(default_factory=dict)
    sites: Dict[str, str] = field(default_factory=dict)


def convert(
    row: Row,
    mapping: Mapping,
    headings: Dict[str, str],
    known: Known,
    day_first: Dict[str, bool] | None = None,
) -> Converted | str:
    """One row of a file as the book will have it.

    Args:
        row: The row.
        mapping: What its columns mean.
        headings: The file's heading for each column the mapping names.
        known: Who and what the book has by name.
        day_first: Targets whose column says by itself whether the day stands before the month.

    Returns:
        The row converted, or why it cannot be a use.
    """
    made = Converted(row.number)
    own_id = row.cells.get(headings.get(mapping.id or "", ""), "")
    made.own_id = None if answers_nothing(own_id) else one_line(own_id)[:200]
    used: set[str] = set()
    for target, source in mapping.fields.items():
        _fill(made, row, target, source, mapping, headings, known, (day_first or {}).get(target))
        used |= {headings[c] for c in source.read if c in headings}
    if mapping.id is not None and mapping.id in headings:
        used.add(headings[mapping.id])
        if made.own_id:
            made.facts[_fact_field(mapping, mapping.id)] = made.own_id
    _name(made)
    if "use.name" not in made.fields:
        return "it has neither a name nor an identifier of its own"
    for heading, text in row.cells.items():
        if heading not in used and any(c.isalnum() for c in text):
            _keep(made, mapping, heading, text)
    _stage(made)
    made.product_named = "product.name" in made.fields
    made.fields.setdefault("product.name", made.fields["use.name"])
    return made


def _fill(
    made: Converted,
    row: Row,
    target: str,
    source: Source,
    mapping: Mapping,
    headings: Dict[str, str],
    known: Known,
    day_first: bool | None,
) -> None:
    texts = {c: row.cells[headings[c]] for c in source.read if c in headings and row.cells.get(headings[c])}
    said = source.value if source.value is not None else "\n\n".join(texts.values())
    if not said or not any(c.isalnum() for c in said):
        return
    meant = _meant(said, source)
    conversion = source.conversion or TARGETS[target]
    value, why = (
        (None, None) if answers_nothing(meant) else _converted(meant, target, conversion, mapping, known, day_first)
    )
    if value is None and not (meant == "" and said):  # an empty meaning is the mapping's own way to pass a value over
        why = why or ("it answers nothing" if answers_nothing(said) else f"it is no {_WORDS[conversion]}")
    if why:
        made.notes.append(Note(row.number, next(iter(texts), target), f"{target}: {why}"))
    if value is not None:
        made.fields[target] = value
    if (value is None or why or source.keep) and source.value is None:
        for column, text in texts.items():
            _keep(made, mapping, headings[column], text)


def _meant(said: str, source: Source) -> str:
    if not source.values:
        return said
    plain = normal(said)
    return next((v for k, v in source.values.items() if normal(k) == plain), said)


def _converted(
    text: str, target: str, conversion: Conversion, mapping: Mapping, known: Known, day_first: bool | None
) -> tuple[Any, str | None]:
    """The value, or None; and what a person should know about it."""
    if target in ("use.owner", "use.site"):
        people = target == "use.owner"
        name = (known.people if people else known.sites).get(normal_name(text))
        return name, None if name else f"the book has no {'person' if people else 'site'} of that name"
    if conversion == "day":
        order = mapping.day_first if day_first is None else day_first
        read = read_day(text, day_first=order)
        if read is None:
            return None, None
        unsettled = day_first is None and reads_both_ways(text)
        guessed = f"read as {'day/month' if order else 'month/day'}" if unsettled else None
        return read.day, "; ".join(filter(None, (guessed, read.assumed))) or None
    if conversion == "vendor":
        names = vendor_names(text)
        more = f"it names {len(names)} vendors; the first is kept as the vendor" if len(names) > 1 else None
        return (names[0][:_LONGEST_LINE], more) if names else (None, "it names no vendor")
    if conversion == "list":
        items = list_of(text)
        return None if items is None else [item[:_LONGEST_LINE] for item in items[:50]], None
    if conversion == "text":
        return _short(text.strip(), _LONGEST_TEXT)
    if conversion == "line":
        return _short(one_line(without_marker(text) if target == "use.topic" else text), _LONGEST_LINE)
    if conversion == "first-part":
        return _short(one_line(re.split(r"[/\\>|]", text, maxsplit=1)[0]), _LONGEST_LINE)
    value = _BY_WORD[conversion](text)
    return (value if isinstance(value, bool | str | None) else str(value)), None


def _short(text: str, longest: int) -> tuple[str | None, str | None]:
    if len(text) <= longest:
        return text or None, None
    return text[: longest - 1] + "…", f"it is longer than {longest:,} characters; the whole is kept as a fact"


def _name(made: Converted) -> None:
    if "use.name" not in made.fields and made.own_id:
        made.fields["use.name"] = f"(unnamed) {made.own_id}"[:_LONGEST_LINE]
        made.notes.append(Note(made.row, "use.name", "use.name: it has none; its identifier stands for it"))


def _stage(made: Converted) -> None:
    """What already runs was decided by nobody here; a date tells since when only of what runs."""
    if "use.stage" not in made.fields:
        made.notes.append(Note(made.row, "use.stage", "use.stage: it says none; proposed is assumed"))
    stage = Stage(made.fields.setdefault("use.stage", Stage.PROPOSED.value))
    made.fields["use.decision"] = (Decision.LEGACY if stage in _LEGACY else Decision.UNDECIDED).value
    if stage not in _LEGACY:
        made.fields.pop("use.stage_since", None)


def _keep(made: Converted, mapping: Mapping, heading: str, text: str) -> None:
    if len(text) > _LONGEST_FACT:
        made.notes.append(Note(made.row, heading, f"it is longer than {_LONGEST_FACT:,} characters and was cut"))
    made.facts[_fact_field(mapping, heading)] = text[:_LONGEST_FACT]


def _fact_field(mapping: Mapping, heading: str) -> str:
    named = mapping.facts.get(heading)
    if named is None:
        named = next((v for k, v in mapping.facts.items() if normal(k) == normal(heading)), None)
    return named.field if named else f"{mapping.rest or mapping.mapping}/{slug(heading, mapping.reads)}"


def slug(heading: str, reads: str = "table") -> str:
    """A heading as part of a fact's name; a card's paths keep their slashes."""
    parts = heading.split("/") if reads != "table" else [heading]
    return "/".join(_SLUG.sub("-", part).strip("-")[:80] or "column" for part in parts)[:130]


def normal_name(text: str) -> str:
    """A person's or a site's name, or an e-mail address, to compare by."""
    return one_line(text).casefold()


_BY_WORD: Final[dict[str, Any]] = {
    "yes-no": yes_or_no,
    "stage": stage_of,
    "impact": impact_of,
    "kind": kind_of,
    "role": role_of,
    "tier": tier_of,
    "submission": submission_of,
}
_WORDS: Final[dict[Conversion, str]] = {
    "text": "text",
    "line": "text",
    "first-part": "text",
    "vendor": "vendor",
    "day": "date that is known",
    "yes-no": "yes or no",
    "list": "list",
    "stage": "stage that is known",
    "impact": "answer on impact that is known",
    "kind": "way of coming into the house that is known",
    "role": "role in a decision that is known",
    "tier": "risk tier",
    "submission": "text with one FDA submission number",
}
