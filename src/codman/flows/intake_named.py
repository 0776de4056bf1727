"""Answers that name a record of the book: an id, an e-mail address or an exact name goes in, an id is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from codman.flows.naming import NotNamed, resolve_within
from codman.registry.access import Reader
from codman.review.intake.answer import is_not_known, items_of
from codman.review.intake.question import Form, Kind

NAMES_A: Final[Mapping[Kind, str]] = {
    Kind.PERSON: "person",
    Kind.PRODUCT: "product",
    Kind.SITE: "site",
    Kind.PLANNED: "site",
}
_LONGEST: Final = 300


def with_ids(connection: Connection, reader: Reader, form: Form, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Answers with the ids of the records that they name; what names none, or several, stays as it was typed.

    Args:
        connection: Where to read.
        reader: Who answers; only what they see is named.
        form: The questions.
        typed: Answers by question.
    """
    made = dict(typed)
    for id_, answer in typed.items():
        question = form.by_id[id_]
        kind = NAMES_A.get(question.kind)
        if kind is None or is_not_known(question, answer):
            continue
        if question.kind is Kind.PLANNED:
            if isinstance(answer, str | list):
                items = [_planned(connection, reader, item) for item in items_of(answer)]
                made[id_] = "\n".join(items) if isinstance(answer, str) else items
        elif isinstance(answer, str):
            made[id_] = _id(connection, reader, kind, answer)
    return made


def _planned(connection: Connection, reader: Reader, item: str) -> str:
    """A site with the mode meant there, such as `St Mary's: silent`."""
    site, colon, mode = item.rpartition(":")
    return f"{_id(connection, reader, 'site', site)}:{mode}" if colon else item


def _id(connection: Connection, reader: Reader, kind: str, said: str) -> str:
    if not said.strip() or len(said) > _LONGEST:
        return said
    try:
        return resolve_within(connection, reader, kind, said.strip(), field=kind)
    except NotNamed:
        return said
