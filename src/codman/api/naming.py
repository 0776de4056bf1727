"""Fields of a body that name a record: an id, an e-mail address or an exact name goes in, an id comes out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from codman.flows.house import House
from codman.flows.naming import resolve
from codman.registry.access import Reader
from codman.spine.record import ID_PATTERN

_KINDS: Final[Mapping[str, str]] = {
    "owner": "person",
    "person": "person",
    "chair": "person",
    "clinician": "person",
    "to": "person",  # a delegate
    "of": "person",  # whose delegate
    "site": "site",
    "sites": "site",
    "parent": "site",
    "product": "product",
    "embedded_in": "product",
    "vendor": "vendor",
    "use": "use",
}
_MEANS: Final[Mapping[str, str]] = {
    "person": "A person: their id, e-mail address, or exact name",
    "site": "A site: its id or exact name",
    "product": "A product: its id or exact name",
    "vendor": "A vendor: its id or exact name",
    "use": "A use: its id or exact name",
}
_LONGEST: Final = 300


def with_ids(house: House, reader: Reader, model: type[BaseModel], body: Any) -> Any:
    """A body whose names of records became their ids; anything else is left for the model to judge.

    Args:
        house: The open house.
        reader: Who sends it.
        model: What the body must be.
        body: Plain JSON types.

    Raises:
        NotNamed: A name that nobody has, or that several have.
    """
    if not isinstance(body, dict):
        return body
    made = dict(body)
    for field, kind in references(model).items():
        said = made.get(field)
        if isinstance(said, str) and said.strip() and len(said) <= _LONGEST:
            made[field] = resolve(house, reader, kind, said, field=field)
        elif isinstance(said, list):
            made[field] = [
                resolve(house, reader, kind, one, field=f"{field}.{place}")
                if isinstance(one, str) and one.strip() and len(one) <= _LONGEST
                else one
                for place, one in enumerate(said)
            ]
    planned = made.get("planned")
    if isinstance(planned, dict) and "planned" in model.model_fields:
        made["planned"] = {
            resolve(house, reader, "site", site, field="planned")
            if site.strip() and len(site) <= _LONGEST
            else site: mode
            for site, mode in planned.items()
        }
    return made


@cache
def references(model: type[BaseModel]) -> Mapping[str, str]:
    """The fields of a body that hold an id and may hold a name, and which kind of record each names."""
    asked = model.model_json_schema().get("properties", {})
    return {field: kind for field, kind in _KINDS.items() if _pattern_of(asked.get(field, {}))}


def described(schema: dict[str, Any]) -> None:
    """Say in a body's schema that these fields take more than an id."""
    for field, kind in _KINDS.items():
        one = schema.get("properties", {}).get(field, {})
        for part in _pattern_of(one):
            part.pop("pattern")
            part |= {"minLength": 1, "maxLength": _LONGEST, "description": _MEANS[kind]}


def _pattern_of(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parts of a field's schema that ask for an id."""
    parts = [schema, schema.get("items", {}), *schema.get("anyOf", [])]
    parts += [part["items"] for part in schema.get("anyOf", []) if isinstance(part.get("items"), dict)]
    return [part for part in parts if isinstance(part, dict) and part.get("pattern") == ID_PATTERN]
