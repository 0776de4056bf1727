"""A verdict as JSON: the fixed shape, and what else there is."""

from __future__ import annotations

import json
from typing import Any

from codman.spine.verdict import Result, Verdict


def json_text(verdict: Verdict) -> str:
    """The verdict as JSON text."""
    return json.dumps(answer(verdict), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def answer(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain JSON types."""
    return {
        "policy": verdict.policy,
        "edition": verdict.edition,
        "checkpoint": verdict.checkpoint.value,
        "outcome": verdict.outcome.value,
        "verified": verdict.verified,
        "judged_at": verdict.judged_at,
        "product": verdict.product,
        "version": verdict.version,
        "use": verdict.use,
        "results": [_result(r) for r in verdict.results],
        "notes": list(verdict.notes),
    }


def _result(r: Result) -> dict[str, Any]:
    return {
        "id": r.id,
        "title": r.title,
        "outcome": r.outcome.value,
        "severity": r.severity.value,
        "sentence": r.sentence,
        "evidence": r.evidence,
        "value": r.finding.value,
        "lower": r.finding.lower,
        "upper": r.finding.upper,
        "limit": r.finding.limit,
        "controls": list(r.controls),
    }
