"""Bound: which measurements a policy reads, and the limits they must keep."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, field_validator

from codman.spine.measurement import Measurement, same_param
from codman.spine.policy import Ask, Name
from codman.spine.vocabulary import DIFFERENCE, WORDS

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True, ge=0)]
Text = Annotated[str, Field(max_length=200)]
NAMED_BY_PARAMS = ("threshold", "horizon", "class", "label", "unit", "kind")


class Bound(Ask):
    """What `measurement:` holds."""

    metric: Name
    slice: dict[Text, Text] = Field(default_factory=dict, description="Exactly these patients; {} is everyone")
    by: tuple[Name, ...] | None = Field(default=None, min_length=1, description="The grouping of a difference or ratio")
    threshold: Number | None = None
    horizon: Number | None = None
    class_: Name | None = Field(default=None, alias="class", description="Of a multiclass outcome")
    label: Name | None = Field(default=None, description="Of a multilabel outcome")
    unit: Name | None = Field(default=None, description="The unit of analysis: params.unit")
    kind: Name | None = Field(default=None, description="params.kind, e.g. joint")
    feature: Name | None = Field(default=None, description="The column, for drift and data quality")
    at_least: Number | None = None
    at_most: Number | None = None
    between: tuple[Number, Number] | None = None
    min_n: Count | None = None
    min_positives: Count | None = None
    min_negatives: Count | None = None
    min_subjects: Count | None = None

    @field_validator("by", mode="before")
    @classmethod
    def _one_column(cls, by: Any) -> Any:
        return [by] if isinstance(by, str) else by

    @cached_property
    def low(self) -> float | None:
        """The least value allowed; None is no limit."""
        lows = [x for x in (self.at_least, self.between[0] if self.between else None) if x is not None]
        return max(lows, default=None)

    @cached_property
    def high(self) -> float | None:
        """The largest value allowed; None is no limit."""
        highs = [x for x in (self.at_most, self.between[1] if self.between else None) if x is not None]
        return min(highs, default=None)

    @cached_property
    def place(self) -> tuple[str, frozenset[tuple[str, str]]]:
        """Metric and patients, as exhibits index their measurements."""
        return (self.metric, frozenset(self.slice.items()))

    @cached_property
    def wanted(self) -> tuple[tuple[str, float | str], ...]:
        """What params must say."""
        return tuple((key, want) for key, want in zip(NAMED_BY_PARAMS, self.named(), strict=True) if want is not None)

    @cached_property
    def asks_for_many(self) -> bool:
        """Whether it sets a least number of patients at all."""
        return any((self.min_n, self.min_positives, self.min_negatives, self.min_subjects))

    @cached_property
    def between_groups(self) -> bool:
        """Whether it bounds a difference between groups, whose absolute value is judged."""
        # missing_rate_difference is a word of its own: now against the reference, signed
        return self.metric.endswith(DIFFERENCE) and self.metric not in WORDS

    def keeps(self, *numbers: float) -> bool:
        """Whether numbers are all within the limits, ends included."""
        low, high = self.low, self.high
        return (low is None or min(numbers) >= low) and (high is None or max(numbers) <= high)

    def beyond(self, lower: float, upper: float) -> bool:
        """Whether the whole interval lies outside the limits, on one side."""
        low, high = self.low, self.high
        return (low is not None and upper < low) or (high is not None and lower > high)

    def picks(self, m: Measurement) -> bool:
        """Whether a measurement of the metric, about these patients, is one that is meant."""
        if self.feature is not None and m.feature != self.feature:
            return False
        if self.by is not None and not _same_grouping(self.by, m.params.get("by")):
            return False
        params = m.params
        for key, want in self.wanted:
            found = params.get(key)
            if type(found) is type(want) and found == want:  # as almost always
                continue
            if key not in params or not _same(want, found):
                return False
        return True

    def named(self) -> tuple[float | str | None, ...]:
        """What it says of each of NAMED_BY_PARAMS."""
        return (self.threshold, self.horizon, self.class_, self.label, self.unit, self.kind)

    @cached_property
    def selection(self) -> tuple[Any, ...]:
        """What it picks, for comparing two bounds."""
        by = None if self.by is None else frozenset(self.by)
        return (self.metric, tuple(sorted(self.slice.items())), by, self.feature, *self.named())


def _same(want: float | str, found: Any) -> bool:
    if isinstance(want, str) and not isinstance(found, str):
        return level(found) == want  # a class 1 in the evidence is `class: 1` in a policy
    return same_param(want, found)


def level(value: Any) -> str:
    """A value as slices print it: booleans as true and false."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same_grouping(want: tuple[str, ...], found: Any) -> bool:
    # columns make the same groups in any order
    return isinstance(found, (list, tuple)) and all(isinstance(f, str) for f in found) and sorted(found) == sorted(want)
