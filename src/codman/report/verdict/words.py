"""What every format says of a verdict in the same words."""

from __future__ import annotations

from typing import Final

from codman.spine.verdict import Outcome, Result, Verdict

WORDS: Final = {
    Outcome.MET: "met",
    Outcome.NOT_MET: "not met",
    Outcome.UNVERIFIABLE: "unverifiable",
    Outcome.MISSING: "missing",
    Outcome.STALE: "stale",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.NOT_APPLICABLE: "not applicable",
}
SIGNS: Final = {
    Outcome.MET: "✓",
    Outcome.NOT_MET: "✗",
    Outcome.UNVERIFIABLE: "!",
    Outcome.MISSING: "○",
    Outcome.STALE: "◷",
    Outcome.INCONCLUSIVE: "?",
    Outcome.NOT_APPLICABLE: "–",
}


def word(result: Result) -> str:
    """The outcome, marked where it does not block."""
    said = WORDS[result.outcome]
    return said if result.blocks or result.outcome is Outcome.MET else f"{said} (warning)"


def about(verdict: Verdict) -> str:
    """Product, version and use, as far as the evidence names them."""
    return " · ".join(
        part for part in (" ".join(p for p in (verdict.product, verdict.version) if p), verdict.use) if part
    )


def headline(verdict: Verdict) -> str:
    """The whole in one sentence."""
    counted = [r for r in verdict.results if r.blocks and r.outcome is not Outcome.NOT_APPLICABLE]
    if not counted:
        return "Nothing was left to judge."
    if verdict.outcome is Outcome.MET:
        many = "1 requirement is" if len(counted) == 1 else f"{len(counted)} requirements are"
        return f"{'The ' if len(counted) == 1 else 'All '}{many} met."
    tally = []
    for outcome in (*(o for o in WORDS if o is not Outcome.MET), Outcome.MET):
        count = sum(r.outcome is outcome for r in counted)
        if count:
            tally.append(f"{count} {WORDS[outcome]}")
    return f"Of {len(counted)} blocking requirement{'s' if len(counted) > 1 else ''}: {', '.join(tally)}."


def trust(verdict: Verdict) -> str:
    """Whether the evidence is vouched for."""
    if verdict.verified:
        return "The evidence is signed by a key that was given."
    return "The evidence was not verified against a key."
