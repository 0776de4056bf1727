"""Guess a mapping for any file: by what its columns are called and by what stands in them, with the runner-up.

A guess is written for a person to read, correct and confirm; an import by it says its name.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

from codman.registry.frameworks import framework
from codman.registry.imports.convert import slug
from codman.registry.imports.dates import day_comes_first, read_day, reads_both_ways
from codman.registry.imports.mapping import TARGETS, Conversion, Mapping, as_mapping
from codman.registry.imports.table import Table, normal
from codman.registry.imports.values import (
    answers_nothing,
    impact_of,
    kind_of,
    list_of,
    role_of,
    stage_of,
    submission_of,
    tier_of,
    yes_or_no,
)
from codman.spine.yaml_text import read_yaml

SURE: Final = 0.9
_LEAST: Final = 0.5  # below this a column is no candidate
_SAMPLE: Final = 400  # cells of a column that are looked at
_BY_VALUES_ALONE: Final = 0.62  # no name says so, but nearly every cell reads as that kind
_ORGANISATION_UNIT: Final = re.compile(r"^([A-Z][A-Za-z&.]{1,11})\s*/")

_READS: Final[dict[Conversion, Callable[[str], Any]]] = {
    "day": read_day,
    "yes-no": yes_or_no,
    "list": list_of,
    "stage": stage_of,
    "impact": impact_of,
    "kind": kind_of,
    "role": role_of,
    "tier": tier_of,
    "submission": submission_of,
}

# Cells that tell by themselves what their column is; a plain yes or no does not
_TELLING: Final[dict[Conversion, Callable[[str], bool]]] = {
    "stage": lambda text: stage_of(text) is not None,
    "impact": lambda text: "impact" in text.casefold() and impact_of(text) is not None,
    "role": lambda text: role_of(text) is not None,
    "submission": lambda text: submission_of(text) is not None,
}


@dataclass(frozen=True, slots=True)
class Guess:
    """One target, the column that seems to hold it, and how sure that is."""

    target: str
    column: str
    confidence: float
    why: str
    runner_up: str | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping as guessed, its text for a person to edit, and what it rests on."""

    mapping: Mapping
    guesses: tuple[Guess, ...]
    text: str

    @property
    def unsure(self) -> list[Guess]:
        """What a person should look at first."""
        return [guess for guess in self.guesses if guess.confidence < SURE]


def propose(table: Table, name: str, file: str) -> Proposal:
    """A mapping for a table.

    Args:
        table: Its rows.
        name: What the mapping shall be called.
        file: The file, for the text's first line.
    """
    cells = {h: _sample(table, h) for h in table.headings}
    guesses = _assign({target: _candidates(target, cells) for target in ("id", *TARGETS)})
    named = {guess.column for guess in guesses}
    plain = slug(name.casefold()).strip(".-_").replace("_", "-")[:50] or "list"
    value: dict[str, Any] = {"mapping": plain if plain[0].isalnum() else f"list-{plain}", "reads": table.kind}
    days = [cells[g.column] for g in guesses if TARGETS.get(g.target) == "day"]
    if any(map(day_comes_first, days)):
        value["day_first"] = True
    unsettled = any(day_comes_first(texts) is None and any(map(reads_both_ways, texts)) for texts in days)
    fields: dict[str, Any] = {}
    for guess in guesses:
        if guess.target == "id":
            value["id"] = guess.column
            continue
        source: dict[str, Any] = {"column": guess.column, "confidence": guess.confidence}
        if guess.target == "use.organisation" and _one_organisation(cells[guess.column]):
            source |= {"conversion": "first-part", "keep": True}
        if guess.runner_up:
            source["runner_up"] = guess.runner_up
        fields[guess.target] = source
    if "use.name" not in fields:
        first = next((h for h in table.headings if h not in named and cells[h]), table.headings[0])
        fields["use.name"] = {"column": first, "confidence": 0.1}
        guesses = [Guess("use.name", first, 0.1, "no column looks like a name; the first stands in"), *guesses]
        named.add(first)
    value["fields"] = fields
    known = _known_facts()
    kept = {g.column for g in guesses if g.target != "id"}
    facts = {h: known[normal(h)] for h in table.headings if normal(h) in known and (h not in named or h in kept)}
    if facts:
        value["facts"] = {h: {"field": field, "confidence": 0.95} for h, field in facts.items()}
    value["rest"] = value["mapping"]
    mapping = as_mapping(value, name)
    return Proposal(mapping, tuple(guesses), _text(mapping, tuple(guesses), table, file, unsettled=unsettled))


def _sample(table: Table, heading: str) -> list[str]:
    """Cells of a column that answer something, from all over the file."""
    told = [row.cells[heading] for row in table.rows if not answers_nothing(row.cells.get(heading, ""))]
    return told[:: len(told) // _SAMPLE + 1]


def _candidates(target: str, cells: dict[str, list[str]]) -> list[Guess]:
    conversion: Conversion = TARGETS.get(target, "line")
    found = []
    for heading, texts in cells.items():
        confidence, word = _name_score(target, heading)
        if confidence < _LEAST and _tells(conversion, texts):
            confidence, word = _BY_VALUES_ALONE, ""
        if confidence < _LEAST:
            continue
        share = _value_share(conversion, texts)
        if share is not None and share < 0.5:
            continue
        if word:
            confidence *= 0.6 + 0.4 * share if share is not None else _text_fit(target, texts)
        if confidence >= _LEAST:
            why = (f"called {_cut(word)!r}" if word else "by its values") + (
                f"; {share:.0%} of its cells read as {conversion}" if share is not None else ""
            )
            found.append(Guess(target, heading, round(confidence, 2), why))
    return sorted(found, key=lambda g: -g.confidence)


def _tells(conversion: Conversion, texts: Sequence[str]) -> bool:
    """Whether nearly every cell says by itself what the column is, whatever it is called."""
    tells = _TELLING.get(conversion)
    return tells is not None and len(texts) >= 5 and sum(map(tells, texts)) >= 0.95 * len(texts)


def _cut(word: str) -> str:
    return word if len(word) <= 60 else word[:59] + "…"


def _assign(candidates: dict[str, list[Guess]]) -> list[Guess]:
    """Each target one column and each column one target, the surest first."""
    taken: set[str] = set()
    chosen: dict[str, Guess] = {}
    for guess in sorted((g for some in candidates.values() for g in some), key=lambda g: -g.confidence):
        if guess.target not in chosen and guess.column not in taken:
            chosen[guess.target] = guess
            taken.add(guess.column)
    made = []
    for target, guess in chosen.items():
        second = next((g for g in candidates[target] if g.column != guess.column and g.column not in taken), None)
        second = second or next((g for g in candidates[target] if g.column != guess.column), None)
        up = f"{second.column} ({second.confidence:.2f})" if second else None
        made.append(Guess(target, guess.column, guess.confidence, guess.why, up))
    order = ["id", *TARGETS]
    return sorted(made, key=lambda g: order.index(g.target))


def _name_score(target: str, heading: str) -> tuple[float, str]:
    """How near a heading is to one of a target's words, and to which; the first words are the plainest."""
    said = normal(re.sub(r"\(\d+\)$", "", heading))
    best, word = 0.0, ""
    for rank, synonym in enumerate(_synonyms().get(target, ())):
        score = _likeness(said, synonym) * (0.99 - min(0.1, 0.01 * rank))
        if score > best:
            best, word = score, synonym
    return best, word


@lru_cache(4096)
def _likeness(said: str, synonym: str) -> float:
    if said == synonym:
        return 1.0
    ours, theirs = set(said.split()), set(synonym.split())
    if not ours or not theirs:
        return 0.0
    shared = len(ours & theirs) / len(ours | theirs)
    near = shared >= 0.5 or max(len(said), len(synonym)) < 25
    spelled = difflib.SequenceMatcher(None, said, synonym, autojunk=False).ratio() if near else 0.0
    within = 0.8 if len(theirs) >= 2 and theirs <= ours and len(ours) <= len(theirs) + 3 else 0.0
    return max(0.95 * shared, 0.85 * spelled if spelled > 0.8 else 0.0, within)


def _value_share(conversion: Conversion, texts: Sequence[str]) -> float | None:
    """The share of cells that read as what the target holds; None where there is nothing to tell by."""
    read = _READS.get(conversion)
    if read is None or not texts:
        return None
    return sum(1 for text in texts if read(text) is not None) / len(texts)


def _text_fit(target: str, texts: Sequence[str]) -> float:
    """Whether texts are as long and as various as the target's are."""
    if not texts:
        return 0.9
    length = sum(map(len, texts)) / len(texts)
    various = len(set(texts)) / len(texts)
    if target in ("use.name", "id"):
        return (1.0 if various > 0.6 else 0.75) * (1.0 if length < 160 else 0.6)
    if target in ("use.organisation", "use.topic", "product.model_type", "use.care_setting"):
        return 1.0 if length < 120 else 0.6
    if target in ("use.purpose", "use.population"):
        return 1.0 if length > 15 else 0.8
    return 1.0 if length < 300 else 0.7


def _one_organisation(texts: Sequence[str]) -> bool:
    """Whether nearly all units are written below one organisation, as in HHS/CDC."""
    heads = [found[1] for text in texts if (found := _ORGANISATION_UNIT.match(text))]
    return len(heads) >= 0.95 * len(texts) > 0 and len(set(heads)) == 1


def _text(mapping: Mapping, guesses: tuple[Guess, ...], table: Table, file: str, *, unsettled: bool) -> str:
    """The mapping as YAML, each line with why, for a person to edit."""
    by_target = {guess.target: guess for guess in guesses}
    lines = [
        f"# A mapping proposed for {file}: {len(table.rows):,} rows, {len(table.headings)} columns.",
        "# Look at what is marked CHECK, correct what is wrong, then: codman inventory import FILE --mapping THIS",
        f"mapping: {mapping.mapping}",
        f"reads: {mapping.reads}",
    ]
    if unsettled:
        said = "true" if mapping.day_first else "false"
        lines.append(f"day_first: {said}  # CHECK: no date tells whether 3/4/2024 is in March or in April")
    elif mapping.day_first:
        lines.append("day_first: true  # some dates can only be read so")
    if mapping.id:
        lines.append(f"id: {_quoted(mapping.id)}  # {by_target['id'].why}")
    lines.append("fields:")
    for target, source in mapping.fields.items():
        guess = by_target[target]
        mark = "" if guess.confidence >= SURE else "CHECK: "
        lines += [f"  {target}:  # {mark}{guess.why}", f"    column: {_quoted(source.column or '')}"]
        lines.append(f"    conversion: {source.conversion or TARGETS[target]}")
        if source.conversion == "first-part":
            lines[-1] += "  # every unit stands below one organisation; delete this line to keep the units apart"
        if source.keep:
            lines.append("    keep: true  # and the whole text as a fact")
        lines.append(f"    confidence: {source.confidence:.2f}")
        if source.runner_up:
            lines.append(f"    runner_up: {_quoted(source.runner_up)}")
    missing = [target for target in TARGETS if target not in mapping.fields]
    lines.append(f"  # not found in this file: {', '.join(missing)}")
    if mapping.facts:
        lines.append("facts:  # columns that answer a framework's question")
        lines += [
            f"  {_quoted(h)}: {{field: {f.field}, confidence: {f.confidence:.2f}}}" for h, f in mapping.facts.items()
        ]
    lines.append(f"rest: {mapping.rest}  # every other column becomes a fact under this name")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@cache
def _synonyms() -> dict[str, tuple[str, ...]]:
    text = (files("codman.registry.imports") / "synonyms.yaml").read_text(encoding="utf-8")
    return {target: tuple(map(normal, words)) for target, words in read_yaml(text).items()}


@cache
def _known_facts() -> dict[str, str]:
    """Fields of the OMB inventory by their column's name and by the question they print."""
    omb = framework("omb-2025")
    named = {normal(field.id): f"omb-2025/{field.id}" for field in omb.fields if not field.identifier}
    return named | {normal(field.title): f"omb-2025/{field.id}" for field in omb.fields if not field.identifier}
