"""How a report says things: numbers, groups and intervals, each written in one place only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from codman.spine.measurement import Measurement
from codman.spine.vocabulary import UnknownMetric, Word, word

EVERYONE: Final = "Everyone"
NOT_SHOWN: Final = "not shown"
NONE: Final = "–"
PLAIN_PARAMS: Final = ("threshold", "horizon", "class", "label", "kind", "unit")


def number(value: float | None) -> str:
    """A number as every table and sentence prints it: 0.831, 12.4, 1,204; a true minus sign; `–` for none."""
    if value is None:
        return NONE
    size = abs(value)
    if size >= 1000:
        text = f"{size:,.0f}"
    elif size >= 10:
        text = f"{size:.1f}"
    elif size == 0 or size >= 0.0005:
        text = f"{size:.3f}"
    else:
        return "above −0.001" if value < 0 else "under 0.001"
    return f"−{text}" if value < 0 and float(text.replace(",", "")) != 0 else text


def count(value: int | None) -> str:
    """A count of rows or patients: 7,676."""
    return NONE if value is None else f"{value:,}"


def short(value: float) -> str:
    """A threshold, horizon or level as its owner wrote it: 0.2, 365."""
    return f"{value:.10g}"


def per_cent(share: float) -> str:
    """A share in per cent: 12.1 %."""
    return f"{100 * share:.1f} %"


def in_hundred(share: float) -> str:
    """A share in words: 69 of 100; `fewer than 1 of 100` and `more than 99 of 100` at the ends."""
    whole = round(100 * share)
    if whole == 0 and share > 0:
        return "fewer than 1 of 100"
    if whole == 100 and share < 1:
        return "more than 99 of 100"
    return f"{whole} of 100"


def span(m: Measurement) -> str:
    """An interval: `0.819 to 0.843`; `–` where there is none."""
    return NONE if m.lower is None or m.upper is None else f"{number(m.lower)} to {number(m.upper)}"


def with_interval(m: Measurement) -> str:
    """A value and its interval: `0.831 (0.819 to 0.843)`."""
    if m.value is None:
        return NOT_SHOWN if m.suppressed else "no value"
    return number(m.value) if m.lower is None else f"{number(m.value)} ({span(m)})"


def inside(m: Measurement) -> str:
    """A value and its interval within brackets: `0.903, 0.722 to 1.128`."""
    return number(m.value) if m.lower is None else f"{number(m.value)}, {span(m)}"


def first(m: Measurement) -> str:
    """The first number of a report, its level said: `0.747 (95 % interval 0.705 to 0.789)`."""
    return number(m.value) if m.lower is None else f"{number(m.value)} ({level([m])} interval {span(m)})"


def group(slice_: Mapping[str, str]) -> str:
    """The patients a number is about: `sex F · age band 65+`, as a gate says it too; `Everyone` for all."""
    return " · ".join(f"{column.replace('_', ' ')} {level}" for column, level in slice_.items()) or EVERYONE


def meaning(metric: str) -> Word | None:
    """The vocabulary's word; None for a name from a newer Codman."""
    try:
        return word(metric)
    except UnknownMetric:
        return None


def label(metric: str) -> str:
    """A metric's name as a sentence says it; the bare name where the vocabulary does not know it."""
    found = meaning(metric)
    return found.label if found else metric


def capital(text: str) -> str:
    """The same text with a capital first letter; an acronym or name stays."""
    return text[:1].upper() + text[1:]


def in_hours(metric: str) -> str:
    """Behind a name, the unit of a time: ` (hours)`; nothing for other numbers."""
    found = meaning(metric)
    return " (hours)" if found is not None and found.unit == "hours" else ""


def at(params: Mapping[str, Any]) -> str:
    """What else names a number: `threshold 0.2`, `horizon 365`, `one result per encounter`."""
    said = []
    for key in PLAIN_PARAMS:
        if key in params and params[key] is not None:
            text = _said(params[key])
            said.append(f"one result per {text}" if key == "unit" else f"{key} {text}")
    return ", ".join(said)


def named(metric: str, params: Mapping[str, Any]) -> str:
    """A number's whole name in a sentence: `sensitivity at threshold 0.2`, `AUROC by horizon 365`, `F1 for class a`."""
    said = label(metric)
    if params.get("kind") is not None:
        said += f" ({params['kind']})"
    if params.get("horizon") is not None:
        said = said.removesuffix(" at the horizon") + f" by horizon {_said(params['horizon'])}"
    for key in ("class", "label"):
        if params.get(key) is not None:
            said += f" for {key} {_said(params[key])}"
    return said + (f" at threshold {_said(params['threshold'])}" if params.get("threshold") is not None else "")


def _said(value: Any) -> str:
    return short(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def listed(names: Iterable[str], *, most: int = 8) -> str:
    """Names in a row; beyond `most` the rest are counted."""
    every = list(names)
    if len(every) > most:
        return ", ".join(every[:most]) + f" and {len(every) - most} more"
    if len(every) > 1:
        return ", ".join(every[:-1]) + f" and {every[-1]}"
    return "".join(every)


def many(n: int, one: str, several: str | None = None) -> str:
    """A count with its noun: `1 group`, `3 groups`."""
    return f"{n:,} {one if n == 1 else several or one + 's'}"


def p_value(p: float | None) -> str:
    """A p-value: `0.041`, `under 0.001`, `–`."""
    if p is None:
        return NONE
    return "under 0.001" if p < 0.001 else f"{p:.3f}"


def level(measurements: Sequence[Measurement]) -> str:
    """The level of the intervals: `95 %`."""
    levels = sorted({m.level for m in measurements if m.level is not None})
    return " and ".join(f"{100 * one:.10g} %" for one in levels) or "95 %"


def where_rows_went(eligible: int, evaluated: int, excluded: Mapping[str, int]) -> str:
    """Every row accounted for, in one sentence."""
    if not excluded:
        return f"All {count(eligible)} eligible rows were evaluated; none was left out."
    gone = listed((f"{count(n)} {reason}" for reason, n in excluded.items()), most=20)
    missing = eligible - evaluated - sum(excluded.values())
    rest = "" if missing == 0 else f" {count(abs(missing))} rows are not accounted for."
    return f"Of {count(eligible)} eligible rows, {count(evaluated)} were evaluated; left out: {gone}.{rest}"


ORIGIN: Final[dict[str, str]] = {
    "local": "measured here, on local patients",
    "developer": "claimed by who built it",
    "attested": "measured by a third party",
    "published": "taken from a publication",
}

UNIT_RULE: Final = (
    "A policy may use the results per {unit}: rows repeat patients, so row-level numbers answer another question "
    "and their rows are not independent. The row-level numbers stand beside them for comparison only."
)

CHOSEN_ON_JUDGED: Final = (
    "Threshold {threshold} was chosen on the rows that are judged here, so every number at it is too kind; "
    "a policy that bounds it comes out inconclusive."
)

RULE: Final[dict[str, str]] = {
    "sensitivity": "to reach a sensitivity of {target}",
    "alert_rate": "to flag a share of {target}",
    "cost_ratio": "for a miss {target} times as harmful as a false alarm",
}
