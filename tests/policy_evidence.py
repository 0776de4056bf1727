"""Evidence and policies small enough to read, for judging."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codman.evidence.canonical import parse
from codman.evidence.statements import ReadStatement, build, canonical_statement, from_value
from codman.review.policy.load import policy_of_bytes
from codman.spine.policy import Policy
from codman.spine.statement import Digest, Kind, Statement, Subject

MODEL = Subject(name="flc@1.2", digest=Digest(sha256="a" * 64))


def measured(
    metric: str, value: float | None, lower: float | None = None, upper: float | None = None, **more: Any
) -> dict[str, Any]:
    """One row of measurements; what is not a field of the format goes into params."""
    fields = {
        "n": 2000,
        "positives": 200,
        "level": 0.95,
        "slice": {},
        "method": "by hand",
        "note": None,
        "feature": None,
    }
    row = {"metric": metric, "value": value, "lower": lower, "upper": upper}
    row |= {key: more.pop(key, default) for key, default in fields.items()}
    return {
        **{k: v for k, v in row.items() if v is not None or k in ("value", "lower", "upper")},
        "params": more.pop("params", {}) | more,
    }


def evaluation(*rows: dict[str, Any], spec: dict[str, Any] | None = None, **said: Any) -> Statement:
    """An evaluation that holds these measurements."""
    predicate = {
        "product": "flc",
        "version": "1.2",
        "use": "clinic",
        "origin": "local",
        "evaluated_at": "2026-11-20T10:00:00Z",
        "inputs": [],
        "rows": {"eligible": 2000, "scored": 2000, "excluded": {}, "evaluated": 2000},
        "spec": {"task": "binary", "label": "died", "score": "risk"} | (spec or {}),
        "measurements": list(rows),
    }
    return build(Kind.EVALUATION, MODEL, predicate | said)


def document(kind: str, **said: Any) -> Statement:
    """A document statement of a type."""
    predicate = {
        "product": "flc",
        "origin": "local",
        "evaluated_at": "2026-11-10T10:00:00Z",
        "document": kind,
        "file": "card.pdf",
        "digest": {"sha256": "b" * 64},
        "size": 10,
        "media_type": "application/pdf",
    }
    return build(Kind.DOCUMENT, MODEL, predicate | said)


def read(statement: Statement, name: str = "e.json") -> ReadStatement:
    """A statement as if it had been read from a file."""
    value = parse(canonical_statement(statement), name=name)
    return from_value(value, name=name, path=Path(name))


def policy_text(requires: str, top: str = "") -> str:
    """A whole policy around its requirements."""
    return f"policy: p\nedition: 2026-11\ncheckpoint: validation\n{top}requires:\n{requires}"


def bound_text(bound: str, more: str = "") -> str:
    """A whole policy of one bound."""
    return policy_text(f"  - id: r\n    evidence: evaluation\n    measurement: {bound}\n{more}")


def loaded(text: str) -> Policy:
    """A policy's text as a Policy."""
    return policy_of_bytes(text.encode(), "p.yaml")
