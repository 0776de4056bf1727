"""CHAI Applied Model Card v0.2 from the book of record: each field as somebody answered it, a gap said as a gap.

Numbers come from signed evaluations; what a developer states stands beside them, by name. The card keeps its schema,
and `codman inventory import --mapping chai` reads back what was answered and nothing of the gaps.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Final

from codman.registry.coverage import State
from codman.registry.frameworks import framework
from codman.registry.imports.cards import LISTS, write_card
from codman.report.model_card_metrics import CARD, FROM_EVIDENCE, Sort, has_numbers, metric_cells
from codman.report.told import MADE, Told

_HTI: Final = "hti-1"
_STAGE: Final = "ReleaseInfo/ReleaseStage"
_RISK: Final = "Warnings/ClinicalRiskLevel"
_SAMD: Final = "imdrf-samd"  # the triage's scheme of IMDRF N12
_REFERENCES: Final = "Resources/EvaluationReferences"
_DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_TWO_DASHES: Final = re.compile(r"-(?=-)")  # no XML comment may hold them
_NO_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0, section 2.2


def model_card(told: Told) -> bytes:
    """The card of a use as XML, valid against https://mc.chai.org/v0.2/schema.xsd."""
    body = write_card({path: clean(text) for path, text in card_cells(told).items()})
    comment = _TWO_DASHES.sub("- ", clean(told.made_from(counts(told))))
    return body.replace(_DECLARATION, _DECLARATION + f"<!-- {comment} -->\n".encode(), 1)


def card_cells(told: Told) -> dict[str, str]:
    """What stands in each leaf of the card, by its path."""
    cells = {}
    for field in framework(CARD).fields:
        if field.id.startswith(tuple(Sort)):
            continue
        _, said = _answer(told, field.id)
        if said or field.id.rpartition("/")[2] not in LISTS:
            cells[field.id] = said or told.gap
    cells[_REFERENCES] = _references(told)
    for sort in Sort:
        cells |= metric_cells(told, sort)
    return cells


def counts(told: Told) -> Mapping[State, int]:
    """How many of the card's fields rest on what; a key metric's on evidence where its numbers do."""
    found: dict[State, int] = dict.fromkeys(State, 0)
    for field in framework(CARD).fields:
        sort = next((sort for sort in Sort if field.id.startswith(sort)), None)
        shown = sort is not None and field.id.removeprefix(f"{sort}/") in FROM_EVIDENCE and has_numbers(told, sort)
        found[State.EVIDENCE if shown else _answer(told, field.id)[0]] += 1
    return found


def clean(text: str) -> str:
    """A text as XML can hold it: line ends as one, and no character that no XML file may have."""
    return _NO_XML.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _answer(told: Told, leaf: str) -> tuple[State, str]:
    """What is said of a leaf, in words; by HTI-1's answers where the frameworks' own files call the questions the same.

    Returns:
        What it rests on, the weakest where several answers make it up, and the words; none where there are none.
    """
    own = told.answers[CARD, leaf]
    if own.state is not State.MISSING and own.value:
        return own.state, own.value
    found = [told.answers[_HTI, name] for name in _same_question().get(leaf, ())]
    found = [one for one in found if one.state is not State.MISSING and one.value]
    if not found:
        said = _of_the_use(told, leaf)
        return (State.CLAIM if said else own.state), said
    order = tuple(State)
    said = "\n\n".join(dict.fromkeys(one.value or "" for one in found))
    return min((one.state for one in found), key=order.index), said


def _of_the_use(told: Told, leaf: str) -> str:
    """What the book has of the use itself where nobody answered the card's own question, and whose word that is."""
    use = told.use
    if leaf == _STAGE:
        since = f" since {use.stage_since}" if use.stage_since else ""
        return f"{use.stage.value.replace('-', ' ').capitalize()}{since} (the stage of this use in the registry)"
    if leaf != _RISK:
        return ""
    tier = [] if use.tier is None else [f"{use.tier.value.capitalize()} (the tier of this use in the registry)"]
    samd = told.classes.get(_SAMD)
    return "; ".join([*tier, *([f"IMDRF SaMD category {samd} (its triage in the registry)"] if samd else [])])


@cache
def _same_question() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for field in framework(_HTI).fields:
        for name in field.also:
            if name.startswith(f"{CARD}/"):
                found[name.removeprefix(f"{CARD}/")] += (field.id,)
    return dict(found)


def _references(told: Told) -> str:
    """What is told of evaluations, without what an earlier card said of itself, then what this one is made from."""
    _, said = _answer(told, _REFERENCES)
    kept = [part for part in said.split("\n\n") if part.strip() and not part.strip().startswith(MADE)]
    return "\n\n".join([*kept, told.made_from(counts(told))])
