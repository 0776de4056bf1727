"""One measurement held against one bound: outcome and sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from codman.review.policy import wording
from codman.review.policy.bound import Bound
from codman.review.policy.enough import growth
from codman.review.policy.exhibit import Exhibit
from codman.review.policy.wording import word
from codman.spine.measurement import PARAM_TOLERANCE, Measurement
from codman.spine.verdict import Finding, Outcome
from codman.spine.vocabulary import DIFFERENCE, RATIO, Better, Word

_LEVEL_TOLERANCE: Final = 1e-12
_LISTED: Final = 5
_ROUNDING: Final = 1e-9  # sums in another order move the last digits
_APART: Final = "the value and its interval disagree"


class _Judged(NamedTuple):  # made for every number of every use: a dataclass takes twice as long
    """The number that is held against the limits: for differences between groups, its absolute value."""

    value: float
    lower: float
    upper: float
    raw_lower: float  # of the mirrored interval, not cut at 0: how wide it really is


_Ends = Callable[[Bound, Measurement, _Judged, Exhibit, float], str]


def hold(bound: Bound, m: Measurement, exhibit: Exhibit, level: float) -> Finding:
    """Met when all of the interval keeps the bound, not met when none of it does, else inconclusive.

    Args:
        bound: The limits.
        m: The measurement they are about.
        exhibit: The statement it stands in.
        level: Least level of the interval, from the policy.
    """
    judged = _judged(bound, m)
    said: Callable[[], str]
    if judged is None:
        outcome, said, limited = Outcome.INCONCLUSIVE, partial(_unread, bound, m), None
    else:
        outcome, ends = _ruled(bound, m, judged, exhibit, level)
        said, limited = partial(_said, bound, m, judged, exhibit, level, ends), partial(_limit, bound, judged)
    return Finding(
        outcome=outcome,
        said=said,
        evidence=exhibit.digest,
        value=m.value,
        lower=m.lower,
        upper=m.upper,
        limited=limited,
    )


def outcome_of(bound: Bound, m: Measurement, exhibit: Exhibit, level: float) -> Outcome:
    """The same as `hold` for who asks only how it comes out."""
    judged = _judged(bound, m)
    return Outcome.INCONCLUSIVE if judged is None else _ruled(bound, m, judged, exhibit, level)[0]


def _ruled(bound: Bound, m: Measurement, judged: _Judged, exhibit: Exhibit, level: float) -> tuple[Outcome, _Ends]:
    """The outcome, and how its sentence ends: what is in doubt, what is lacking, what would decide it."""
    if _doubt(m, exhibit, level) is not None:
        return _DOUBTED
    if not _enough_without_words(bound, m) and any(True for _ in _too_few(bound, m, exhibit)):
        return _TOO_FEW
    value, lower, upper = judged.value, judged.lower, judged.upper
    if bound.keeps(lower, value, upper):
        return _MET if _impossible(judged, word(bound.metric)) is None else _IMPOSSIBLE
    if bound.beyond(lower, upper) and not bound.keeps(value):
        return _NOT_MET
    return _STRADDLES if lower <= value <= upper else _DISAGREES


def _said(bound: Bound, m: Measurement, judged: _Judged, exhibit: Exhibit, level: float, ends: _Ends) -> str:
    limit = _limit(bound, judged)
    asked = f"the limit is {limit.removeprefix('at most ')}" if limit.startswith("at most") else f"{limit} is required"
    told = _told(bound, m, judged, word(bound.metric), exhibit, _digits(bound, judged))
    return wording.sentence(f"{told}; {asked}{ends(bound, m, judged, exhibit, level)}" + _left_out(m))


def _limit(bound: Bound, judged: _Judged) -> str:
    return wording.limit(bound, _digits(bound, judged))


def _digits(bound: Bound, judged: _Judged) -> int:
    limits = [x for x in (bound.low, bound.high) if x is not None]
    return wording.digits([judged.value, judged.lower, judged.upper], limits)


def _nothing(*_: object) -> str:
    return ""


def _doubted(_bound: Bound, m: Measurement, _number: _Judged, exhibit: Exhibit, level: float) -> str:
    return f", but {_doubt(m, exhibit, level)}"


def _disagreeing(*_: object) -> str:
    return f", but {_APART}"


def _not_possible(bound: Bound, _m: Measurement, judged: _Judged, _exhibit: Exhibit, _level: float) -> str:
    return f", but {_impossible(judged, word(bound.metric))}"


def _lacking(bound: Bound, m: Measurement, _number: _Judged, exhibit: Exhibit, _level: float) -> str:
    few = list(_too_few(bound, m, exhibit))
    more = max(short.more for short in few)
    said = " and ".join(short.said for short in few)
    would = f"; {wording.more(more, _patients(m, exhibit))} would reach that" if math.isfinite(more) else ""
    return f", but {said}{would}"


def _straddling(bound: Bound, m: Measurement, judged: _Judged, exhibit: Exhibit, _level: float) -> str:
    return f", and the interval lies on both sides of it: {_enough(bound, m, judged, exhibit)}"


# what an outcome is said with: made once and not for each of a hundred thousand numbers
_DOUBTED: Final = (Outcome.INCONCLUSIVE, _doubted)
_TOO_FEW: Final = (Outcome.INCONCLUSIVE, _lacking)
_IMPOSSIBLE: Final = (Outcome.INCONCLUSIVE, _not_possible)
_DISAGREES: Final = (Outcome.INCONCLUSIVE, _disagreeing)
_STRADDLES: Final = (Outcome.INCONCLUSIVE, _straddling)
_MET: Final = (Outcome.MET, _nothing)
_NOT_MET: Final = (Outcome.NOT_MET, _nothing)


def _impossible(judged: _Judged, meaning: Word) -> str | None:
    """Why a number cannot have been measured: it is then no proof, however well it keeps the bound."""
    slack = _ROUNDING * max(1.0, abs(judged.value))
    if not judged.lower - slack <= judged.value <= judged.upper + slack:
        return _APART
    if (meaning.high is not None and judged.value > meaning.high + slack) or (
        meaning.low is not None and judged.value < meaning.low - slack
    ):
        return f"no {meaning.label} can be that"
    return None


def _judged(bound: Bound, m: Measurement) -> _Judged | None:
    if m.value is None or m.lower is None or m.upper is None:
        return None
    if not bound.between_groups:
        return _Judged(m.value, m.lower, m.upper, m.lower)
    value, lower, upper = (m.value, m.lower, m.upper) if m.value >= 0 else (-m.value, -m.upper, -m.lower)
    if lower >= 0:
        return _Judged(value, lower, upper, lower)
    return _Judged(value, 0.0, max(upper, -lower), lower)


def _unread(bound: Bound, m: Measurement) -> str:
    said = wording.of(m, word(bound.metric))
    if m.suppressed:
        text = f"{said} is not shown, because the group has fewer than 11 patients"
    elif m.value is None:
        text = f"{said} could not be computed" + (f": {m.note}" if m.note else "")
    else:
        d = wording.digits([m.value], [x for x in (bound.low, bound.high) if x is not None])
        text = f"{said} is {wording.number(m.value, d)}, with no interval to judge it by"
        text += f": {m.note}" if m.note else ""
    return wording.sentence(text + _left_out(m))


def _doubt(m: Measurement, exhibit: Exhibit, level: float) -> str | None:
    if m.level is None:
        return "the statement does not say at which level the interval is"
    if m.level < level - _LEVEL_TOLERANCE:
        return f"its interval is at {m.level:.4g} and the policy judges at {level:.4g}"
    if exhibit.sound:
        return None
    if exhibit.repeats(m):
        return "rows of the same patient were counted as several patients, so the interval is too narrow"
    if exhibit.chosen_on_judged_rows():
        t = m.params.get("threshold")
        if isinstance(t, (int, float)) and _own_choice(float(t), exhibit):
            return "the threshold was chosen on the rows that are judged, which flatters it"
    return None


def _own_choice(threshold: float, exhibit: Exhibit) -> bool:
    for chosen in exhibit.chosen_on_judged_rows():
        if chosen is not None and abs(chosen - threshold) <= PARAM_TOLERANCE:
            return True
        fixed = exhibit.spec.get("thresholds") or []
        # chosen without saying what: it may be any threshold that was not fixed beforehand
        if chosen is None and not any(abs(f - threshold) <= PARAM_TOLERANCE for f in fixed):
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Short:
    """A number of patients that was asked for and not reached."""

    said: str
    more: float  # patients that would be needed to reach it; infinite where that cannot be told


def _too_few(bound: Bound, m: Measurement, exhibit: Exhibit) -> Iterator[_Short]:
    if not bound.asks_for_many:
        return
    negatives = None if m.n is None or m.positives is None else m.n - m.positives
    noun = _patients(m, exhibit)
    yield from _short(bound.min_n, m.n, m.n, noun)
    yield from _short(bound.min_positives, m.positives, m.n, f"{noun} with the event")
    yield from _short(bound.min_negatives, negatives, m.n, f"{noun} without the event")
    yield from _short(bound.min_subjects, _subjects(m, exhibit), m.n, "patients")


def _enough_without_words(bound: Bound, m: Measurement) -> bool:
    """Whether only n and events are asked for and there are as many: so it is for most numbers of most uses."""
    return (
        bound.min_subjects is None
        and bound.min_negatives is None
        and m.n is not None
        and m.n >= (bound.min_n or 0)
        and (bound.min_positives is None or (m.positives is not None and m.positives >= bound.min_positives))
    )


def _short(least: int | None, there: int | None, n: int | None, noun: str) -> Iterator[_Short]:
    if least is None or (there is not None and there >= least):
        return
    if there is None:
        yield _Short(f"the number of {noun} is not stated and {least:,} are needed", math.inf)
    else:
        # as many more as keep the share that was seen
        more = math.inf if not there or n is None else n * (least / there - 1)
        yield _Short(f"only {there:,} {noun} were measured and {least:,} are needed", more)


def _subjects(m: Measurement, exhibit: Exhibit) -> int | None:
    """How many patients a measurement rests on, as far as its statement says."""
    said = m.params.get("subjects")
    if isinstance(said, int) and not isinstance(said, bool):
        return said
    if exhibit.spec.get("subject") is None:
        return m.n
    # a statement that counts patients only as a whole: that is the number where all its rows are meant, or each is one
    evaluated, patients = exhibit.counted
    if m.n is None or evaluated is None or patients is None or "unit" in m.params:
        return None
    return m.n if patients == evaluated else patients if m.n == evaluated else None


def _patients(m: Measurement, exhibit: Exhibit) -> str:
    if "unit" in m.params:
        return "results"
    return "patients" if exhibit.spec.get("subject") is None else "rows"


def _enough(bound: Bound, m: Measurement, judged: _Judged, exhibit: Exhibit) -> str:
    times = growth(judged.value, judged.raw_lower, judged.upper, bound)
    if times is None:
        return "the estimate is so near the limit that no number of patients would decide it"
    if m.n is None:
        return f"about {times:.2g} times as many patients would decide it, if the estimate stayed"
    noun, n, subjects = _patients(m, exhibit), m.n, _subjects(m, exhibit)
    if noun == "rows" and subjects is not None:
        noun, n = "patients", subjects
    events = (
        ""
        if not m.positives
        else f" ({wording.about(m.positives * (times - 1)).removeprefix('about ')} with the event)"
    )
    return f"{wording.more(n * (times - 1), noun)}{events} would decide it, if the estimate stayed"


def _told(bound: Bound, m: Measurement, judged: _Judged, meaning: Word, exhibit: Exhibit, d: int) -> str:
    if bound.between_groups and isinstance(m.params.get("by"), (list, tuple)):
        return _difference(bound, m, judged, exhibit, d)
    shown = wording.interval(judged.value, judged.lower, judged.upper, d)
    said = f"{wording.of(m, meaning)} is {shown}{wording.unit(meaning)}"
    high, low = _group(m.params.get("highest")), _group(m.params.get("lowest"))
    if bound.metric.endswith(RATIO) and high is not None and low is not None:
        said += f", {wording.group(low)} against {wording.group(high)}"
    return said


def _difference(bound: Bound, m: Measurement, judged: _Judged, exhibit: Exhibit, d: int) -> str:
    base = word(bound.metric.removesuffix(DIFFERENCE))
    gap = wording.interval(judged.value, judged.lower, judged.upper, d)
    high, low = _group(m.params.get("highest")), _group(m.params.get("lowest"))
    params = {k: v for k, v in m.params.items() if k in ("threshold", "horizon", "class", "label", "unit", "kind")}
    name = base.label + wording.named(params, m.feature)
    if high is None or low is None:
        by = " and ".join(str(c).replace("_", " ") for c in m.params["by"])
        return f"{name} differs by {gap}{wording.unit(base)} between groups of {by}"
    best, worse = (low, high) if base.better is Better.LOWER else (high, low)
    way = "above" if base.better is Better.LOWER else "below"
    other = _group(m.params.get("reference")) is not None
    if base.better in (Better.HIGHER, Better.LOWER):
        against = f"{wording.group(best)}" if other else f"the best group ({wording.group(best)})"
        own = _own_row(base.name, worse, params, exhibit)
        if own is not None and own.value is not None and own.lower is not None and own.upper is not None:
            shown = wording.interval(own.value, own.lower, own.upper, max(d, 2) if d > 1 else d)
            return (
                f"{name} for patients with {wording.group(worse)} is {shown}{wording.unit(base)}, {gap} {way} {against}"
            )
        return f"{name} for patients with {wording.group(worse)} is {gap}{wording.unit(base)} {way} {against}"
    ends = f"{wording.group(high)} (highest) and {wording.group(low)} (lowest)"
    return f"{name} differs by {gap}{wording.unit(base)} between {ends}"


def _own_row(metric: str, group: Mapping[str, str], params: Mapping[str, Any], exhibit: Exhibit) -> Measurement | None:
    """The worse-off group's own number, where the statement has exactly one."""
    found = [
        m
        for m in exhibit.about((metric, frozenset(group.items())))
        if m.named(params) and ("unit" in m.params) == ("unit" in params)
    ]
    return found[0] if len(found) == 1 else None


def _group(value: Any) -> Mapping[str, str] | None:
    whole = (
        isinstance(value, Mapping) and value and all(isinstance(part, str) for pair in value.items() for part in pair)
    )
    return value if whole else None


def _left_out(m: Measurement) -> str:
    """Groups that could not be compared are named in every fairness result."""
    left = m.params.get("not_judged")
    if not isinstance(left, list):
        return ""
    named = []
    for one in left:
        group = _group(one.get("slice")) if isinstance(one, Mapping) else None
        if group is not None:
            why = str(one.get("why") or "")
            why = "fewer than 11 patients" if why.startswith("suppressed") else why
            named.append(wording.group(group) + (f" ({why})" if why else ""))
    if not named:
        return ""
    rest = f" and {len(named) - _LISTED} more" if len(named) > _LISTED else ""
    return f"; not judged: {'; '.join(named[:_LISTED])}{rest}"
