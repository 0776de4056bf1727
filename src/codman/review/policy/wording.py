"""Numbers and names as a sentence says them: never rounded so far that the words contradict the outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from codman.review.policy.bound import Bound, level
from codman.spine import vocabulary
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import Word

MOST_DIGITS = 15
EXACT = -1  # instead of decimals: every figure there is, for numbers no rounding keeps apart
_UNSPOKEN_UNITS = frozenset({"of the outcome", "of the column", "log odds"})


@cache
def word(name: str) -> Word:
    """The meaning of a metric, looked up once: derived names are put together anew each time they are asked for."""
    return vocabulary.word(name)


def digits(numbers: Sequence[float], limits: Sequence[float]) -> int:
    """Decimals that say the numbers in two or three figures and keep each on its side of each limit.

    Args:
        numbers: Value and interval.
        limits: What they are held against.
    """
    size = max((abs(x) for x in (*numbers, *limits)), default=0.0)
    if size >= 1e15:
        return EXACT
    start = 2 if size == 0 else min(MOST_DIGITS, max(0, (2 if size >= 0.1 else 1 - math.floor(math.log10(size)))))
    if size >= 100:
        start = 0
    elif size >= 10:
        start = 1
    # a limit is printed whole where that is short, so that 0.025 is not read as 0.03
    start = max([start, *(d for d in map(_decimals, limits) if d <= 4)])
    for d in range(start, MOST_DIGITS + 1):
        if _agree(numbers, limits, d):
            return d
    return EXACT


def _agree(numbers: Sequence[float], limits: Sequence[float], d: int) -> bool:
    """Whether numbers to `d` decimals stand to the limits as they truly do, and an interval still has a width."""
    shown = [round(x, d) for x in numbers]
    for limit_ in limits:
        edge = round(limit_, d)
        for x, seen in zip(numbers, shown, strict=True):
            if (seen > edge) != (x > limit_) or (seen < edge) != (x < limit_):
                return False
    # an interval that prints as 0.83 to 0.83 says nothing; six decimals are enough to see any that matters
    return d >= 6 or shown.count(shown[0]) < len(shown) or len(set(numbers)) == 1


def _decimals(x: float) -> int:
    text = repr(x)
    if "e" in text:
        return MOST_DIGITS
    return len(text.partition(".")[2].rstrip("0"))


def number(x: float, d: int) -> str:
    """A number to `d` decimals, with a true minus sign and thousands apart."""
    text = f"{x!r}" if d == EXACT else f"{x:,.{d}f}"
    if x > 0:
        return text
    if float(text.replace(",", "")) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


def interval(value: float, lower: float, upper: float, d: int) -> str:
    """`0.61 (0.52 to 0.70)`."""
    return f"{number(value, d)} ({number(lower, d)} to {number(upper, d)})"


def limit(bound: Bound, d: int) -> str:
    """The limit in words: `at least 0.75`, `at most 0.10`, `0.80 to 1.20`."""
    low, high = bound.low, bound.high
    if low is not None and high is not None:
        return f"{number(low, d)} to {number(high, d)}"
    if low is not None:
        return f"at least {number(low, d)}"
    return f"at most {number(high if high is not None else math.nan, d)}"


def group(slice_: Mapping[str, str]) -> str:
    """The patients of a slice: `race Black, age band 65+`; a patient without a value is said so."""
    return ", ".join(
        f"{column.replace('_', ' ')} {'missing' if value == '(missing)' else value}" for column, value in slice_.items()
    )


def named(params: Mapping[str, Any], feature: str | None = None) -> str:
    """What else names the number: ` of glucose at threshold 0.2 by day 365`."""
    said = "" if feature is None else f" of {feature}"
    if "class" in params:
        said += f" for class {level(params['class'])}"
    if "label" in params:
        said += f" for {level(params['label'])}"
    if isinstance(params.get("threshold"), (int, float)):
        said += f" at threshold {params['threshold']:.10g}"
    if isinstance(params.get("horizon"), (int, float)):
        said += f" at horizon {params['horizon']:.10g}"
    if "unit" in params:
        said += f" per {level(params['unit'])}"
    if "kind" in params:
        said += f" ({level(params['kind'])})"
    return said


def asked(bound: Bound, word: Word) -> str:
    """The number a bound is about, for a sentence that cannot give it."""
    params = {
        key: want
        for key, want in zip(("threshold", "horizon", "class", "label", "unit", "kind"), bound.named(), strict=True)
        if want is not None
    }
    said = word.label + named(params, bound.feature)
    if bound.by is not None:
        said += " between groups of " + " and ".join(c.replace("_", " ") for c in bound.by)
    return said + (f" for patients with {group(bound.slice)}" if bound.slice else "")


def sought(bound: Bound, word: Word) -> str:
    """The number and, in brackets, its limit, for a sentence that cannot give it: `AUROC (at least 0.75)`."""
    limits = [x for x in (bound.low, bound.high) if x is not None]
    return f"{asked(bound, word)} ({limit(bound, digits(limits, limits))}{unit(word)})"


def demanded(bound: Bound, word: Word) -> str:
    """The number and its limit: `AUROC at least 0.75`."""
    limits = [x for x in (bound.low, bound.high) if x is not None]
    return f"{asked(bound, word)} {limit(bound, digits(limits, limits))}{unit(word)}"


def of(m: Measurement, word: Word) -> str:
    """The number a measurement is, as the subject of a sentence."""
    said = word.label + named(m.params, m.feature)
    return said + (f" for patients with {group(m.slice)}" if m.slice else "")


def unit(word: Word) -> str:
    """What stands after the number: ` hours`; empty for shares and ratios."""
    return f" {word.unit}" if word.unit and word.unit not in _UNSPOKEN_UNITS else ""


def sentence(text: str) -> str:
    """First letter up, a full stop at the end."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else text + "."


def more(count: float, noun: str) -> str:
    """`about 1,900 more patients`, `1 more patient`."""
    said = about(count)
    return f"{said} more {noun.removesuffix('s') if said == '1' else noun}"


def about(count: float) -> str:
    """A number of patients to two figures, never fewer than are needed: `about 1,900`."""
    count -= 1e-6  # 6,000.0000000001 is 6,000
    if count < 100:
        return f"{max(1, math.ceil(count)):,}"
    step = 10 ** (math.floor(math.log10(count)) - 1)
    return f"about {math.ceil(count / step) * step:,}"
