"""CycloneDX ML-BOM, 1.5 to 1.7: one row for each component that is a machine-learning model.

Source: CycloneDX specification, component.modelCard. Metric values are text there and stay text: a BOM proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from codman.registry.imports.table import UnreadableList

_MODEL: Final = "machine-learning-model"
_DEEPEST: Final = 8


def bom_rows(bom: Mapping[str, Any], name: str) -> list[dict[str, str]]:
    """The models of a BOM, each as one row; headings are the paths inside the component.

    Raises:
        UnreadableList: It holds no such component.
    """
    rows = [_row(component) for component in _components(bom)]
    if not rows:
        raise UnreadableList(name, f"it holds no component of the type {_MODEL}", "give a BOM with a modelCard")
    return rows


def _components(bom: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    metadata = bom.get("metadata")
    main = metadata.get("component") if isinstance(metadata, dict) else None
    listed = bom.get("components")
    waiting = [main, *(listed if isinstance(listed, list) else [])]
    depth = 0
    while waiting and depth < _DEEPEST:
        deeper: list[Any] = []
        for component in waiting:
            if isinstance(component, dict):
                if component.get("type") == _MODEL:
                    yield component
                inner = component.get("components")
                deeper += inner if isinstance(inner, list) else []
        waiting, depth = deeper, depth + 1


def _row(component: Mapping[str, Any]) -> dict[str, str]:
    row: dict[str, str] = {}
    for key, value in component.items():
        if key == "hashes" and isinstance(value, list):
            row |= {
                f"hashes/{h['alg']}": str(h.get("content", "")) for h in value if isinstance(h, dict) and "alg" in h
            }
        elif key != "components":
            row |= dict(_leaves(value, key, 0))
    return row


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Objects open into paths; a list of plain values is one cell, a list of objects one cell a line each."""
    if isinstance(value, dict) and depth < _DEEPEST:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}", depth + 1)
    elif isinstance(value, list):
        yield path, "\n".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in value)
    elif value is not None:
        yield path, "Yes" if value is True else "No" if value is False else str(value)
