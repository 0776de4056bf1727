"""EvaluationSpec: every argument that moves a number of an evaluation.

Made by the doors and flows/assess.py; read by evaluate (to compute) and by flows/reproduce.py (to compute again).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Task = Literal["binary", "multiclass", "multilabel", "regression", "survival"]
Aggregate = Literal["max", "mean", "last", "first-alert"]
Share = Annotated[float, Field(gt=0, lt=1)]


class UnitSpec(BaseModel):
    """One result per encounter or patient instead of per row."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    column: str = Field(description="The column that identifies the encounter or patient")
    aggregate: Aggregate = Field(description="How the rows of one unit become one score")
    index_time: str | None = Field(default=None, description="When each row was scored")
    onset: str | None = Field(default=None, description="When the event began; rows after it are not judged")
    exclude_after: str | None = Field(default=None, description="Rows scored after this time are left out")
    time_unit: Literal["seconds", "minutes", "hours", "days"] = "hours"  # of numeric time columns


class ChosenThreshold(BaseModel):
    """A threshold chosen on rows named as such, never on the rows that are judged."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    rule: Literal["sensitivity", "alert_rate", "cost_ratio"]
    target: float = Field(
        gt=0, description="Wanted sensitivity or alert rate; or harm of a miss over harm of a false alarm"
    )
    rows: str = Field(
        description="Name of the input the threshold was chosen on; 'judged rows' makes verdicts inconclusive"
    )
    threshold: float | None = Field(default=None, description="What was chosen")


def _in_canonical_order(score: str | list[str] | dict[str, str]) -> str | list[str] | dict[str, str]:
    """Classes as canonical JSON sorts them: of equal probabilities the first is called, now and when reproduced."""
    if isinstance(score, dict):
        return dict(sorted(score.items(), key=lambda item: item[0].encode("utf-16-be", "surrogatepass")))
    return score


class EvaluationSpec(BaseModel):
    """What was asked of an evaluation; with the inputs, enough to compute the same numbers again."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    task: Task
    label: str | list[str] = Field(description="Column of what happened; several for multilabel")
    score: Annotated[str | list[str] | dict[str, str], AfterValidator(_in_canonical_order)] = Field(
        description="Column of the score; per label or per class where several, the classes in the order of RFC 8785"
    )
    positive: str | None = Field(
        default=None, description="The label's value that means the event, where it is not 0/1 or true/false"
    )
    by: list[list[str]] = Field(default_factory=list, description="Groupings; several columns make an intersection")
    bands: dict[str, list[float]] = Field(
        default_factory=dict, description="Edges that cut a numeric column into bands"
    )
    thresholds: list[float] = Field(default_factory=list)
    chosen: list[ChosenThreshold] = Field(default_factory=list)
    reference: dict[str, str] = Field(
        default_factory=dict, description="Group each difference is taken against, by column"
    )
    subject: str | None = Field(
        default=None, description="Column that identifies the patient; rows of one are not independent"
    )
    weight: str | None = Field(default=None, description="Column of sampling weights")
    unit: UnitSpec | None = None
    time: str | None = Field(default=None, description="Survival: follow-up time")
    time_unit: Literal["days", "weeks", "months", "years"] = "days"
    horizons: list[float] = Field(default_factory=list, description="In the time column's unit")
    survival: dict[str, str] = Field(default_factory=dict, description="Horizon to the column of S(t)")
    censoring_from: str | None = Field(default=None, description="Name of the input the censoring weights come from")
    prediction_set: str | None = Field(default=None, description="Column of prediction sets (list of classes)")
    interval_columns: tuple[str, str] | None = Field(default=None, description="Columns of a stated interval's ends")
    abstain: str | None = Field(default=None, description="Column that is true where the model declines to judge")
    metrics: list[str] | None = Field(default=None, description="Only these metrics; null is all of the task's")
    interval: Literal["analytic", "percentile", "bca"] = "analytic"
    replicates: int = Field(default=2000, ge=100, description="Bootstrap replicates, where interval is not analytic")
    auroc_interval: Literal["delong-logit", "delong"] = "delong-logit"
    level: Share = 0.95
    suppression: Literal["standard", "strict"] = "standard"
    seed: int = 7
