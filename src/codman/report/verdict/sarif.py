"""A verdict as SARIF 2.1.0, for code-scanning pages: each requirement a rule, each outcome a result.

Source: OASIS SARIF 2.1.0, 3.27.9 (kind) and 3.27.10 (level).
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from codman import __version__
from codman.report.verdict.words import headline
from codman.spine.verdict import Outcome, Result, Verdict

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
# what is not "fail" has no level; "open" is undecided for want of evidence, "review" needs a person
_KINDS: Final = {
    Outcome.MET: "pass",
    Outcome.NOT_MET: "fail",
    Outcome.UNVERIFIABLE: "open",
    Outcome.MISSING: "open",
    Outcome.STALE: "open",
    Outcome.INCONCLUSIVE: "review",
    Outcome.NOT_APPLICABLE: "notApplicable",
}


def sarif(verdict: Verdict) -> str:
    """The verdict as SARIF text."""
    rules = [_rule(r) for r in verdict.results]
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "Codman", "version": __version__, "rules": rules}},
        "automationDetails": {"id": f"codman/{verdict.policy}/{verdict.edition}"},
        "invocations": [{"executionSuccessful": True, "exitCode": verdict.exit_code, "endTimeUtc": verdict.judged_at}],
        "results": [_result(r, i, verdict) for i, r in enumerate(verdict.results)],
        "columnKind": "unicodeCodePoints",
        "properties": {
            "outcome": verdict.outcome.value,
            "summary": headline(verdict),
            "verified": verdict.verified,
            "checkpoint": verdict.checkpoint.value,
            "product": verdict.product or "",
            "version": verdict.version or "",
            "use": verdict.use or "",
            "notes": list(verdict.notes),
        },
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(r: Result) -> dict[str, Any]:
    return {
        "id": r.id,
        "shortDescription": {"text": r.title},
        "defaultConfiguration": {"level": "error" if r.blocks else "warning"},
        "properties": {"tags": list(dict.fromkeys(r.controls))},
    }


def _result(r: Result, index: int, verdict: Verdict) -> dict[str, Any]:
    kind = _KINDS[r.outcome]
    level = ("error" if r.blocks else "warning") if kind == "fail" else "none"
    result: dict[str, Any] = {
        "ruleId": r.id,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "message": {"text": r.sentence},
        "partialFingerprints": {"requirement/v1": f"{verdict.policy}/{r.id}"},
        "properties": {"outcome": r.outcome.value, "severity": r.severity.value, "evidence": r.evidence or ""},
    }
    if verdict.policy_file:
        place: dict[str, Any] = {"artifactLocation": {"uri": _uri(verdict.policy_file)}}
        if r.line:
            place["region"] = {"startLine": r.line}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _uri(path: str) -> str:
    pure = PurePath(path)
    return pure.as_uri() if pure.is_absolute() else quote(pure.as_posix())
