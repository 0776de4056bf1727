"""JSON lists: an array of objects, or an object with one; CycloneDX and MLflow are known by their keys."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from codman.registry.imports.boms import bom_rows
from codman.registry.imports.model_registry import MODELS, model_rows
from codman.registry.imports.table import MOST_COLUMNS, MOST_ROWS, Row, Table, UnreadableList, distinct
from codman.registry.imports.text_files import decoded

_MOST_VALUES: Final = 2_000_000  # the smallest takes 30 times its bytes in memory
_LISTS: Final = ("items", "data", "rows", "records", "results", "value", "use_cases", "uses")


def read_json(body: bytes, name: str) -> Table:
    """The rows of a JSON file.

    Raises:
        UnreadableList: It is no JSON, or holds no list of objects.
    """
    text, notes = decoded(body, name)
    if sum(text.count(mark) for mark in ",[{") > _MOST_VALUES:
        raise UnreadableList(name, f"it holds more than {_MOST_VALUES:,} values", "split it")
    try:
        value = json.loads(text)
    except RecursionError:
        raise UnreadableList(name, "it is no whole JSON, or nested too deeply") from None
    except ValueError:
        raise UnreadableList(name, "it is no whole JSON") from None
    try:
        return _table(value, name, notes)
    except RecursionError:
        raise UnreadableList(name, "it is nested too deeply") from None


def _table(value: Any, name: str, notes: Sequence[str]) -> Table:
    if isinstance(value, dict) and value.get("bomFormat") == "CycloneDX":
        return table_of_rows("cyclonedx", bom_rows(value, name), notes)
    if isinstance(value, dict) and MODELS in value:
        return table_of_rows("mlflow", model_rows(value, name), notes)
    return table_of_rows("table", [flat(item) for item in _list(value, name)], notes)


def table_of_rows(kind: str, rows: Sequence[Mapping[str, str]], notes: Sequence[str] = ()) -> Table:
    """A table from rows of named cells, numbered from 1."""
    headings: dict[str, None] = {}
    for row in rows:
        headings.update(dict.fromkeys(row))
    if len(headings) > MOST_COLUMNS or len(rows) > MOST_ROWS:
        raise UnreadableList("the list", f"it has {len(rows):,} rows and {len(headings):,} columns", "split it")
    for number, row in enumerate(rows, 1):
        _refuse_unkeepable("\n".join((*row, *row.values())), number)
    names = dict(zip(headings, distinct(list(headings)), strict=True))
    made = [
        Row(number, {names[k]: v.strip() for k, v in row.items() if v.strip()}) for number, row in enumerate(rows, 1)
    ]
    return Table(kind, tuple(names.values()), made, {}, tuple(notes))


def _refuse_unkeepable(text: str, row: int) -> None:
    """JSON can spell what no text file can hold, and what no database keeps."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableList("the list", f"row {row} holds half of a surrogate pair", "take it out") from None
    if "\0" in text:
        raise UnreadableList("the list", f"row {row} holds a NUL character", "take it out")


def flat(value: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """An object's values as text, those inside others under `outer.inner`."""
    found: dict[str, str] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            found |= flat(item, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = as_text(item)
    return found


def as_text(value: Any) -> str:
    """A JSON value as a cell would show it; a list's items are parted by semicolons."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return "; ".join(as_text(item) for item in value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _list(value: Any, name: str) -> list[Mapping[str, Any]]:
    if isinstance(value, dict):
        lists = [value[key] for key in (*_LISTS, *value) if isinstance(value.get(key), list)]
        value = next((one for one in lists if one and isinstance(one[0], dict)), lists[0] if lists else None)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UnreadableList(name, "it is neither an array of objects nor an object with one under 'items'")
    return value
