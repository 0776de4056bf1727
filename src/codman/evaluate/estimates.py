"""Estimates: one metric on every slice, with an interval at any level.

Made by the tasks; read by differences.py (which needs intervals at adjusted levels) and by rows.py (which writes
Measurements). Only inside evaluate; what leaves the room is a Measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Bounds = Callable[[float], tuple[FloatArray, FloatArray]]


class SliceBounds(Protocol):
    """Bounds that cost work in each slice, so that only those asked for are made."""

    def __call__(self, level: float) -> tuple[FloatArray, FloatArray]:
        """(S,) lower and (S,) upper of every slice."""

    def of(self, level: float, members: IntArray) -> tuple[FloatArray, FloatArray]:
        """The same, right for these slices only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """One metric on S slices.

    NaN in `value`, or in what `bounds` returns, is written as null; `notes` says why.
    """

    metric: str  # a word of the vocabulary
    value: FloatArray  # (S,)
    bounds: Bounds | None = None  # level -> (S,) lower, (S,) upper; None: this metric has no interval
    n: IntArray | None = None  # (S,) rows it rests on; None: all rows of the slice
    positives: IntArray | None = None  # (S,) rows with the event; None: those of the slice
    method: str | list[str] = ""  # one for all, or one a slice
    params: Mapping[str, Any] = field(default_factory=dict)
    slice_params: Mapping[str, list[Any]] = field(default_factory=dict)  # params that differ by slice
    p_value: FloatArray | None = None  # (S,)
    notes: Mapping[int, str] = field(default_factory=dict)  # slice -> a warning for a reader
    compared: bool = True  # False: no difference between groups is formed

    def bounds_among(self, level: float, members: IntArray) -> tuple[FloatArray, FloatArray]:
        """(S,) bounds, right for these slices; the rest may be of another method."""
        assert self.bounds is not None  # noqa: S101 (callers checked)
        of = getattr(self.bounds, "of", None)
        lower, upper = self.bounds(level) if of is None else of(level, members)
        return lower, upper

    def method_of(self, s: int) -> str:
        """How slice s was computed."""
        return self.method if isinstance(self.method, str) else self.method[s]
