"""Cells to values: yes and no, stages, impact, tiers, lists, kinds; a cell that answers nothing is known as such."""

from __future__ import annotations

import ast
import json
import re
from typing import Final, TypeVar

from codman.registry.imports.table import normal, one_line
from codman.spine.product import ProductKind
from codman.spine.use import DecisionRole, Impact, Stage, Tier

_T = TypeVar("_T")

_MARKER: Final = re.compile(r"^\s*(?:\(?[a-z0-9]{1,2}[).]\s*)+(?=\S)", re.I)  # a), 1., b)  b)
_NEXT_MARKER: Final = re.compile(r"(?:^|(?<=\s))[a-z]\)\s*", re.I)
_DASH: Final = re.compile(r"\s+[-–—ñ:]\s*|[–—]|:\s")  # "Deployed – the use case is …": the head decides
_LEGAL: Final = re.compile(
    r"[\s,]+(inc|incorporated|llc|l\.l\.c|ltd|limited|corp|corporation|co|company|gmbh|ag|sas|s\.a\.s|s\.a|sa|bv|b\.v|plc|lp|llp|pty|srl)\.?$",
    re.I,
)
_SUBMISSION: Final = re.compile(r"\b(K\d{6}|DEN\d{6}|P\d{6}(?:/S\d{3})?)\b")

_NO_ANSWER: Final = frozenset(
    {
        "",
        "n a",
        "na",
        "n/a",
        "none",
        "null",
        "nil",
        "nan",
        "not available",
        "not applicable",
        "tbd",
        "tba",
        "to be determined",
        "to be decided",
        "to be announced",
        "unknown",
        "unkown",
        "not known",
        "not provided",
        "not specified",
        "not reported",
        "not stated",
        "pending",
        "xxx",
        "test",
        "placeholder",
        "lorem ipsum",
        "insert text here",
        "enter text here",
        "enter here",
        "click or tap here to enter text",
        "various",
        "see above",
        "same as above",
    }
)
_NOBODY: Final = frozenset(
    {"in house", "inhouse", "internal", "open source", "contractor teams", "self", "multiple", "no", "yes", "no vendor"}
)
_NO_VENDOR: Final = (
    "in house", "inhouse", "open source", "internal", "no vendor", "n a ", "third party vendor", "vendor proprietary",
    "not applicable", "not available", "purchased from", "various", "multiple",
)  # fmt: skip
_NOTHING_OF_IT: Final = frozenset({"none of the above", "none", "no", "no demographic variables", "not used"})
_YES: Final = frozenset({"y", "yes", "t", "true", "1", "x", "on", "checked", "✓", "✔"})
_NO: Final = frozenset({"n", "no", "f", "false", "0", "off", "unchecked", "✗"})

# The longest that a cell's head begins with decides, so "not deployed" is tried before "deployed"
_STAGES: Final[dict[str, Stage]] = {
    phrase: stage
    for stage, phrases in {
        Stage.PROPOSED: (
            "pre deployment", "predeployment", "planned", "planning", "proposed", "proposal", "idea", "ideation",
            "concept", "research", "acquisition", "procurement", "in development", "development", "design", "build",
            "not deployed", "not live", "not in use", "not yet", "initiated", "backlog", "requested", "new request",
            "not started", "exploration", "discovery", "preclinical", "staging", "initiation",
        ),
        Stage.TRIAGED: ("triaged", "triage"),
        Stage.IN_REVIEW: ("in review", "under review", "evaluation", "under evaluation", "assessment", "validation"),
        Stage.SILENT: ("silent", "shadow", "background"),
        Stage.PILOT: (
            "pilot", "piloting", "in pilot", "trial", "proof of concept", "poc", "limited", "beta", "testing",
        ),
        Stage.LIVE: (
            "deployed", "live", "in production", "production", "in use", "active", "operational", "operations",
            "operation and maintenance", "operation", "implemented", "go live", "gone live", "launched", "fully",
            "released", "commercial", "adopted", "clinical use", "enabled",
        ),
        Stage.PAUSED: ("paused", "suspended", "on hold", "hold", "disabled", "inactive", "not active"),
        Stage.RETIRED: (
            "retired", "retire", "decommissioned", "sunset", "sunsetted", "discontinued", "ended", "terminated",
            "no longer", "archived", "cancelled", "canceled", "withdrawn", "replaced", "stopped",
        ),
    }.items()
    for phrase in phrases
}  # fmt: skip
_KINDS: Final[dict[str, ProductKind]] = {
    phrase: kind
    for kind, phrases in {
        ProductKind.BOUGHT: (
            "purchased", "bought", "vendor", "commercial", "cots", "third party", "licensed", "external", "procured",
            "saas", "exclusively developed with contract", "developed with contracting",
        ),
        ProductKind.BUILT: (
            "developed in house", "in house", "inhouse", "built", "internal", "internally", "developed with both",
            "contracting and in house", "homegrown", "home grown", "custom", "both", "no contract", "self developed",
            "developed internally", "developed with a combination",
        ),
        ProductKind.EMBEDDED: ("embedded", "ehr", "native", "epic", "cerner", "built into", "integrated"),
        ProductKind.OPEN: ("open source", "open", "open weights", "foss"),
    }.items()
    for phrase in phrases
}  # fmt: skip
_ROLES: Final[dict[str, DecisionRole]] = {
    **dict.fromkeys(("informs", "inform", "advisory", "informational", "assistive"), DecisionRole.INFORMS),
    **dict.fromkeys(("augments", "augment", "augmentative", "supports", "recommends"), DecisionRole.AUGMENTS),
    **dict.fromkeys(("replaces", "replace", "autonomous", "automates", "automated"), DecisionRole.REPLACES),
}
_TIERS: Final[dict[str, Tier]] = {
    **dict.fromkeys(("high", "critical", "tier 1", "severe", "very high"), Tier.HIGH),
    **dict.fromkeys(("medium", "moderate", "tier 2", "mid"), Tier.MEDIUM),
    **dict.fromkeys(("low", "minimal", "tier 3", "very low", "minor"), Tier.LOW),
}


def answers_nothing(text: str) -> bool:
    """Whether a cell is empty, a dash, `N/A`, `TBD` or a template's own words."""
    plain = one_line(text).casefold().rstrip(".")
    return not any(c.isalnum() for c in plain) or plain in _NO_ANSWER or normal(plain) in _NO_ANSWER


def without_marker(text: str) -> str:
    """A choice without its letter: `c)  Deployed` is `Deployed`."""
    return _MARKER.sub("", text.replace("\xa0", " ")).strip()


def head(text: str) -> str:
    """The part of a choice before its explanation, as plain words."""
    return normal(_DASH.split(without_marker(text), maxsplit=1)[0])


def yes_or_no(text: str) -> bool | None:
    """True, False, or None where a cell says neither; `Yes - system logs may …` is a yes."""
    word = one_line(without_marker(text)).casefold()
    if word in _YES or word in _NO:
        return word in _YES
    first = head(text)
    if first in _YES or first in _NO:
        return first in _YES
    lead = word.replace(",", " ").replace(";", " ").replace("(", " ").split()
    return None if not lead or lead[0] not in ("yes", "no") else lead[0] == "yes"


def stage_of(text: str) -> Stage | None:
    """Where in its life a use is, by the word it begins with."""
    return _starting(text, _STAGES)


def kind_of(text: str) -> ProductKind | None:
    """How a product came into the house."""
    return _starting(text, _KINDS)


def role_of(text: str) -> DecisionRole | None:
    """What it does to the decision."""
    return _starting(text, _ROLES)


def tier_of(text: str) -> Tier | None:
    """The risk tier."""
    return _starting(text, _TIERS)


def impact_of(text: str) -> Impact | None:
    """OMB's three answers; a plain yes or no is the first or the last."""
    words = normal(without_marker(text))
    if words.startswith("presumed"):
        return Impact.PRESUMED
    if words.startswith(("not high impact", "non high impact", "no high impact", "not high")):
        return Impact.NOT_HIGH
    if words.startswith("high impact"):
        return Impact.HIGH
    said = yes_or_no(text)
    return None if said is None else Impact.HIGH if said else Impact.NOT_HIGH


def list_of(text: str) -> list[str] | None:
    """A list's items; empty where the cell says that there are none, None where it answers nothing."""
    items = _items(text.strip())
    if not items:
        return None
    cleaned = [one_line(without_marker(item)) for item in items]
    if all(head(item) in _NOTHING_OF_IT for item in cleaned):
        return []
    kept = [item for item in cleaned if not answers_nothing(item) and not normal(item).startswith("not applicable")]
    return list(dict.fromkeys(kept)) or None


def submission_of(text: str) -> str | None:
    """The one FDA submission number a text names; several are none, for which is meant is not ours to say."""
    found = set(_SUBMISSION.findall(text.upper()))
    return found.pop() if len(found) == 1 else None


def vendor_names(text: str) -> list[str]:
    """The vendors a cell names, the first first; nobody for `N/A`, `in-house`, `open source`."""
    parts = [p for p in re.split(r"[;\n\t]| / ", text) if p.strip()]
    if len(parts) == 1 and "," in text:
        pieces = [p.strip() for p in text.split(",") if p.strip()]
        if all(len(p.split()) <= 4 and _LEGAL.sub("", " " + p).strip() for p in pieces):  # `Aidoc Medical, Ltd.` is one
            parts = pieces
    names = [re.sub(r"\s*\(.*?\)\s*$", "", one_line(p)).strip(" ,") or one_line(p) for p in parts]
    names = [re.sub(r"^and\s+", "", n) for n in names]
    return [name for name in names if _is_a_name(name)]


def _is_a_name(name: str) -> bool:
    key = vendor_key(name)
    return not (
        answers_nothing(name)
        or key in _NOBODY
        or f"{key} ".startswith(_NO_VENDOR)
        or name.startswith("http")
        or not any(c.isalpha() for c in name)  # a number, or a date a spreadsheet made of it
    )


def vendor_key(name: str) -> str:
    """A vendor's name to compare by: without case, punctuation and legal form."""
    plain = one_line(name)
    while (shorter := _LEGAL.sub("", plain)) != plain:
        plain = shorter.rstrip(" ,")
    return normal(plain)


def _items(text: str) -> list[str]:
    if text.startswith("[") and text.endswith("]"):
        for read in (json.loads, ast.literal_eval):
            try:
                value = read(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            if isinstance(value, list):
                return [str(item) for item in value]
    if ";" in text or "\n" in text:
        return [part for part in re.split(r"[;\n]", text) if part.strip()]
    marked = [part for part in _NEXT_MARKER.split(text) if part.strip(" ,")]
    if len(_NEXT_MARKER.findall(text)) > 1:
        return [part.strip(" ,") for part in marked]
    return [part for part in text.split(",") if part.strip()]


def _starting(text: str, phrases: dict[str, _T]) -> _T | None:
    words = head(text)
    fitting = [p for p in phrases if words == p or words.startswith(p + " ")]
    return phrases[max(fitting, key=len)] if fitting else None
