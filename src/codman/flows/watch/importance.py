"""How much a model relies on each column, from a file its team has written."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any, Final

from codman.errors import BadInput
from codman.evidence.files import read_whole

_LARGEST: Final = 10_000_000  # bytes: a number a column


class BadImportance(BadInput):
    """A file of importances that cannot be read."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            what=f"{path} holds no importances",
            why=why,
            fix='write {"age": 0.3, "lactate": 0.2}, or rows of CSV: column,importance',
        )


def read_importance(path: Path) -> dict[str, float]:
    """Column to importance: a JSON object, or CSV rows of a name and a number; a header is passed over.

    Raises:
        BadImportance: It is neither, or a number is below 0 or not finite.
    """
    text = read_whole(path, at_most=_LARGEST).decode("utf-8-sig", errors="replace")
    found = _of_json(path, text) if text.lstrip().startswith("{") else _of_csv(path, text)
    for name, value in found.items():
        if not (math.isfinite(value) and value >= 0):
            raise BadImportance(path, f"that of {name!r} is not a number of 0 or more")
    if not found:
        raise BadImportance(path, "it is empty")
    return found


def _of_json(path: Path, text: str) -> dict[str, float]:
    try:
        said: dict[str, Any] = json.loads(text)
        return {str(name): _number(path, str(name), value) for name, value in said.items()}
    except json.JSONDecodeError as error:
        raise BadImportance(path, f"line {error.lineno} is no JSON") from None


def _of_csv(path: Path, text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        cells = [cell.strip() for cell in row]
        if len(cells) < 2 or not cells[0]:
            continue
        try:
            found[cells[0]] = float(cells[1])
        except ValueError:
            if number > 1:
                raise BadImportance(path, f"line {number} has no number in its second column") from None
    return found


def _number(path: Path, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadImportance(path, f"that of {name!r} is not a number")
    return float(value)
