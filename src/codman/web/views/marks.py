"""The small parts every view is made of: a state with its sign, a fact, something missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from codman.registry.mine import HowGranted
from codman.web.render import day

Tone = Literal["met", "unmet", "unsure", "plain"]


@dataclass(frozen=True, slots=True)
class Tag:
    """A state: a sign and a word, then a colour."""

    text: str
    tone: Tone = "plain"
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """What something is, the fact, and what to know beside it."""

    term: str
    value: str
    detail: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is missing, and where it can be mended."""

    text: str
    href: str = ""


_MODES: Final[Mapping[str, Tag]] = {
    "proposed": Tag("Proposed", "plain", "○"),
    "triaged": Tag("Triaged", "plain", "○"),
    "in-review": Tag("In review", "plain", "○"),
    "silent": Tag("Silent", "plain", "◐"),
    "pilot": Tag("Pilot", "plain", "◐"),
    "live": Tag("Live", "plain", "●"),
    "paused": Tag("Paused", "unsure", "‖"),
    "retired": Tag("Retired", "plain", "×"),
    "ended": Tag("Ended", "plain", "×"),
}
_DECISIONS: Final[Mapping[str, Tag]] = {
    "undecided": Tag("Undecided", "unsure", "?"),
    "undecided (legacy)": Tag("Undecided (legacy)", "unsure", "?"),
    "approved": Tag("Approved", "met", "✓"),
    "approved with conditions": Tag("Approved with conditions", "met", "✓"),
    "deferred": Tag("Deferred", "unsure", "?"),
    "rejected": Tag("Rejected", "unmet", "×"),
    "retired": Tag("Retired by decision", "plain", "×"),
}
_STANDINGS: Final[Mapping[str, Tag]] = {
    "verified": Tag("Signature verified", "met", "✓"),
    "claim": Tag("Claim, not signed", "unsure", "?"),
    "revoked": Tag("Key revoked", "unmet", "×"),
}
_BASES: Final[Mapping[str, Tag]] = {
    "evidence": Tag("Evidence", "met", "✓"),
    "document": Tag("Document", "plain", "□"),
    "claim": Tag("Claim", "unsure", "?"),
    "missing": Tag("Missing", "unmet", "–"),
}

_OUTCOMES: Final[Mapping[str, Tag]] = {
    "met": Tag("Met", "met", "✓"),
    "not-met": Tag("Not met", "unmet", "×"),
    "unverifiable": Tag("Not proven", "unsure", "?"),
    "missing": Tag("Missing", "unsure", "–"),
    "stale": Tag("Too old", "unsure", "?"),
    "inconclusive": Tag("Inconclusive", "unsure", "?"),
    "not-applicable": Tag("Not applicable", "plain", "–"),
}
_CASES: Final[Mapping[str, Tag]] = {
    "open": Tag("Open", "plain", "○"),
    "voting": Tag("Voting", "plain", "◐"),
    "withdrawn": Tag("Withdrawn", "plain", "×"),
    "retired": Tag("Retired", "plain", "×"),
}
_EMERGENCY: Final = "emergency"
# no tick: few decided, for days, and what is asked of others may all be missing
_IN_AN_EMERGENCY: Final[Mapping[str, Tag]] = {
    "approved": Tag("Approved in an emergency", "unsure", "!"),
    "approved with conditions": Tag("Approved in an emergency, with conditions", "unsure", "!"),
}
_CHOICES: Final[Mapping[str, Tag]] = {
    "approve": Tag("Approves", "met", "✓"),
    "approve with conditions": Tag("Approves with conditions", "met", "✓"),
    "defer": Tag("Defers", "unsure", "?"),
    "reject": Tag("Rejects", "unmet", "×"),
    "abstain": Tag("Abstains", "plain", "–"),
}
_CONDITIONS: Final[Mapping[str, Tag]] = {
    "open": Tag("Open", "unsure", "○"),
    "handed in": Tag("Handed in, waits for acceptance", "unsure", "○"),
    "closed": Tag("Closed", "met", "✓"),
    "lapsed": Tag("Lapsed", "unmet", "×"),
    "withdrawn": Tag("Withdrawn", "plain", "–"),
}


def mode(name: str) -> Tag:
    """A stage of a use, or a deployment's mode."""
    return _MODES.get(name, Tag(name))


def decision(name: str, how: HowGranted | None = None, *, partly: bool = False) -> Tag:
    """What was decided, that it was in an emergency or is over, and that some of what runs is not covered by it."""
    emergency = how is not None and how.emergency
    if how is not None and how.ended_on is not None and name in _IN_AN_EMERGENCY:
        return Tag(f"{'Emergency approval' if emergency else 'Approval'} ended on {day(how.ended_on)}", "unsure", "!")
    said = _IN_AN_EMERGENCY[name] if emergency and name in _IN_AN_EMERGENCY else _DECISIONS.get(name, Tag(name))
    return Tag(f"{said.text}, not for all that runs", "unsure", "!") if partly and name in _IN_AN_EMERGENCY else said


def standing(name: str) -> Tag:
    """What stands behind a statement."""
    return _STANDINGS.get(name, Tag(name))


def basis(name: str) -> Tag:
    """What stands behind an answer to a framework."""
    return _BASES.get(name, Tag(name))


def outcome(name: str) -> Tag:
    """How a requirement came out."""
    return _OUTCOMES.get(name, Tag(name))


def case(state: str, ended: str | None = None, procedure: str = "") -> Tag:
    """How far a case is; of a decided one, how it ended, and that it was an emergency."""
    if ended is not None and procedure == _EMERGENCY and ended in _IN_AN_EMERGENCY:
        return _IN_AN_EMERGENCY[ended]
    return _CASES.get(ended or state) or _DECISIONS.get(ended or state, Tag(state))


def choice(name: str) -> Tag:
    """A vote."""
    return _CHOICES.get(name, Tag(name))


def condition(name: str) -> Tag:
    """What became of a condition."""
    return _CONDITIONS.get(name, Tag(name))
