"""DriftSpec: every argument that moves a number of a drift report.

Made by the doors; read by monitor/drift (to compute) and by flows/reproduce.py (to compute again).
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from codman.spine.evaluation_spec import Share

ALL_OF_IT: Final = "all"
SAME_MONTH_LAST_YEAR: Final = "same-month-last-year"
SAME_MONTH: Final = "same-month"


class DriftSpec(BaseModel):
    """What was asked of a drift report; with the two inputs, enough to compute the same numbers again."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    columns: list[str] = Field(default_factory=list, description="Columns to compare; none named: all that can be")
    categorical: list[str] = Field(default_factory=list, description="Numeric columns to read as categories")
    numeric: list[str] = Field(default_factory=list, description="Whole-number columns to read as numbers, however few")
    label: str | None = Field(default=None, description="Column of what happened, where rows have it")
    positive: str | None = Field(default=None, description="The label's value that means the event")
    score: str | None = Field(default=None, description="Column of the score")
    thresholds: list[float] = Field(default_factory=list, description="Scores at or above which patients are flagged")
    by: list[list[str]] = Field(default_factory=list, description="Groupings; several columns make an intersection")
    bands: dict[str, list[float]] = Field(default_factory=dict, description="Edges that cut a numeric column")
    subject: str | None = Field(default=None, description="Column of the patient; rows of one are not independent")
    timestamp: str | None = Field(default=None, description="Column of when each row was scored")
    reference_window: str = Field(
        default=ALL_OF_IT,
        description="Which of the reference's rows: all, same-month-last-year, same-month, last:N days before the "
        "current rows, or START/END",
    )
    delta: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="By statistic, the distance above which a shift matters"
    )
    importance: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="By column, how much the model relies on it; empty: association with the score",
    )
    multivariate: bool = Field(default=True, description="Also judge all columns together")
    effect: bool = Field(default=True, description="Also estimate what the shift does to performance")
    level: Share = 0.95
    seed: int = 7
    summed: bool = Field(
        default=False, description="From counts that add up, so that rows may be read in any parts and places"
    )
    window: Literal["day", "week", "month"] | None = Field(
        default=None, description="Of summed counts: judge the current rows of each window by themselves"
    )

    @model_serializer(mode="wrap")
    def _where_it_says_something(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = whole(self)
        return {name: value for name, value in said.items() if name not in ("summed", "window") or value}
