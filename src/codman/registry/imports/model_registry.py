"""MLflow's registered models, as its REST API answers (`registered-models/search`): one row a model.

The newest version stands for the model; tags are `tag/…`, aliases and stages say where it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from codman.registry.imports.table import UnreadableList

MODELS: Final = "registered_models"


def model_rows(answer: Mapping[str, Any], name: str) -> list[dict[str, str]]:
    """The models of one or more answers, joined.

    Raises:
        UnreadableList: It does not look like MLflow's answer.
    """
    models = answer.get(MODELS)
    if not isinstance(models, list) or not all(isinstance(m, dict) and m.get("name") for m in models):
        raise UnreadableList(name, f"'{MODELS}' is no list of named models")
    return [_row(model) for model in models]


def _row(model: Mapping[str, Any]) -> dict[str, str]:
    row = {
        "name": str(model["name"]),
        "description": str(model.get("description") or ""),
        "created": _day(model.get("creation_timestamp")),
        "last_updated": _day(model.get("last_updated_timestamp")),
        "aliases": "; ".join(sorted(_pairs(model.get("aliases"), "alias", "version"))),
    }
    row |= {f"tag/{key}": value for key, value in _tags(model.get("tags"))}
    versions = [v for v in model.get("latest_versions") or [] if isinstance(v, dict)]
    stages = {str(v.get("current_stage") or "None"): v for v in versions}
    newest = max(versions, key=lambda v: int(str(v.get("version") or 0) or 0), default=None)
    row["stage"] = next((stage for stage in ("Production", "Staging", "Archived") if stage in stages), "")
    if newest is not None:
        row |= {
            "version": str(newest.get("version") or ""),
            "version/created": _day(newest.get("creation_timestamp")),
            "version/description": str(newest.get("description") or ""),
            "version/source": str(newest.get("source") or ""),
            "version/run_id": str(newest.get("run_id") or ""),
        }
        row |= {f"version/tag/{key}": value for key, value in _tags(newest.get("tags"))}
    return row


def _tags(tags: Any) -> list[tuple[str, str]]:
    return [(str(t["key"]), str(t.get("value") or "")) for t in tags or [] if isinstance(t, dict) and t.get("key")]


def _pairs(items: Any, key: str, value: str) -> list[str]:
    return [f"{i.get(key)} = version {i.get(value)}" for i in items or [] if isinstance(i, dict)]


def _day(milliseconds: Any) -> str:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
