"""Measurement: one number, with its uncertainty, about one slice of patients in one window of time.

Made by evaluate, monitor, simulate and lab; read by review, report, registry and portfolio.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, overload

from pydantic import BaseModel, ConfigDict, Field

from codman.spine.vocabulary import UnknownMetric, word

SUPPRESSED: Final = "suppressed"
PARAM_TOLERANCE: Final = 1e-12  # thresholds written as 0.2 and 0.20000000000000001 are the same threshold
_NAMING: Final = ("threshold", "horizon", "class", "label", "kind", "unit", "model")
_ALWAYS_WRITTEN: Final = frozenset(
    {"metric", "slice", "value", "lower", "upper", "level", "n", "positives", "method", "params"}
)


# finite or null with a note: infinity and NaN have no JSON
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Window(BaseModel):
    """A span of time, end exclusive, ISO 8601."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    start: str
    end: str


class Measurement(BaseModel):
    """One number about one slice of patients, with its interval."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    metric: str = Field(description="A name from the vocabulary")
    feature: str | None = Field(default=None, description="The column it is about; null for the prediction as a whole")
    slice: dict[str, str] = Field(default_factory=dict, description="The patients it is about; {} is everyone")
    window: Window | None = Field(default=None, description="The time it is about")
    value: Finite | None = Field(description="Null where it cannot be computed; note says why")
    lower: Finite | None = Field(default=None, description="Lower end of the interval")
    upper: Finite | None = Field(default=None, description="Upper end of the interval")
    level: float | None = Field(default=None, strict=True, gt=0, lt=1, description="Level of the interval, e.g. 0.95")
    p_value: float | None = Field(default=None, strict=True, ge=0, le=1)
    n: int | None = Field(default=None, strict=True, ge=0, description="Rows it rests on; null when suppressed")
    positives: int | None = Field(
        default=None, strict=True, ge=0, description="Rows with the event; null when suppressed"
    )
    method: str = Field(default="", description="How value and interval were computed")
    params: dict[str, Any] = Field(default_factory=dict, description="What else names it, e.g. {'threshold': 0.2}")
    note: str | None = Field(default=None, description="A warning for a reader")

    @property
    def suppressed(self) -> bool:
        """True where the group is too small to show (fewer than 11 patients)."""
        return self.value is None and self.note is not None and self.note.startswith(SUPPRESSED)

    def __str__(self) -> str:
        """As a sentence says it: `AUROC 0.712 (0.691 to 0.731), n 2,872, 923 events`."""
        try:
            said = word(self.metric).label
        except UnknownMetric:
            said = self.metric
        said += f" of {self.feature}" if self.feature else ""
        at = [f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in self._naming()]
        said += "".join(f", {one}" for one in at)
        said += "".join(f", {column} {level}" for column, level in self.slice.items())
        said += f"{',' if at or self.slice else ''} " + ("no value" if self.value is None else _figure(self.value))
        if self.lower is not None and self.upper is not None:
            said += f" ({_figure(self.lower)} to {_figure(self.upper)})"
        said += "" if self.n is None else f", n {self.n:,}"
        said += "" if self.positives is None else f", {self.positives:,} events"
        return said + (f": {self.note}" if self.value is None and self.note else "")

    def _naming(self) -> Iterator[tuple[str, Any]]:
        return ((key, self.params[key]) for key in _NAMING if self.params.get(key) is not None)

    def row(self) -> dict[str, Any]:
        """Every field as plain JSON types, nulls included."""
        return self.model_dump()

    def written(self) -> dict[str, Any]:
        """The row as a statement carries it: optional fields only where they say something."""
        return {k: v for k, v in self.model_dump().items() if v is not None or k in _ALWAYS_WRITTEN}

    def named(self, params: Mapping[str, Any]) -> bool:
        """True when every given parameter stands in `params` with that value (numbers to 1e-12)."""
        return all(key in self.params and same_param(self.params[key], want) for key, want in params.items())


def _figure(x: float) -> str:
    if abs(x) >= 1000:
        return f"{x:,.0f}"
    return f"{x:.3f}" if abs(x) >= 0.001 or x == 0 else f"{x:.1e}"


def same_param(a: Any, b: Any) -> bool:
    """Whether two parameter values name the same thing; numbers agree to 1e-12."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=0.0, abs_tol=PARAM_TOLERANCE)
    return bool(a == b)


class Measurements(Sequence[Measurement]):
    """An immutable sequence of Measurements that can be asked for some of them."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[Measurement] = ()) -> None:
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Measurement: ...
    @overload
    def __getitem__(self, index: slice) -> Measurements: ...
    def __getitem__(self, index: int | slice) -> Measurement | Measurements:
        return Measurements(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Measurements) and self._items == other._items

    def __hash__(self) -> int:
        return hash(tuple(m.metric for m in self._items))

    def __repr__(self) -> str:
        return f"Measurements({len(self._items)} rows, {len({m.metric for m in self._items})} metrics)"

    def where(
        self,
        metric: str | None = None,
        *,
        slice: Mapping[str, str] | None = None,  # noqa: A002 (the field's own name)
        feature: str | None = None,
        **params: Any,
    ) -> Measurements:
        """Those about this metric, exactly this slice, this feature, and with these parameters.

        `slice={}` asks for everyone; leaving it out asks for any slice.
        """
        return Measurements(
            m
            for m in self._items
            if (metric is None or m.metric == metric)
            and (slice is None or m.slice == slice)
            and (feature is None or m.feature == feature)
            and m.named(params)
        )

    def one(self, metric: str, *, slice: Mapping[str, str] | None = None, **params: Any) -> Measurement:  # noqa: A002
        """The only measurement that matches; everyone when no slice is named.

        Raises:
            LookupError: None or several match.
        """
        found = self.where(metric, slice={} if slice is None else slice, **params)
        if len(found) != 1:
            raise LookupError(f"{len(found)} measurements of {metric} match; name its slice and parameters")
        return found[0]

    def rows(self) -> list[dict[str, Any]]:
        """Plain dicts, one a measurement: `polars.DataFrame(ms.rows())` works."""
        return [m.row() for m in self._items]
