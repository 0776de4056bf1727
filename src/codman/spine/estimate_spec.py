"""EstimateSpec: every argument that moves a number of `codman monitor estimate`.

Made by the doors; read by monitor/estimate (to compute) and by flows/reproduce.py (to compute again).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from codman.spine.evaluation_spec import EvaluationSpec, Share
from codman.spine.statement import Instant

Chunks = Annotated[str, Field(pattern=r"^(month|week|day|rows:[1-9][0-9]*)$")]


class EstimateSpec(BaseModel):
    """What was asked; with the two inputs, enough to compute the same numbers again."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    label: str = Field(description="Column of what happened; all the reference's rows, those of the window where known")
    score: str = Field(description="Column of the score")
    positive: str | None = Field(default=None, description="The label's value that means the event")
    timestamp: str | None = Field(default=None, description="Column of when the model spoke, UTC")
    window: Chunks = Field(description="month, week (from Monday), day, or rows:500")
    thresholds: list[float] = Field(default_factory=list, description="Flagged is score >= threshold")
    by: list[list[str]] = Field(default_factory=list, description="Groupings; several columns make an intersection")
    bands: dict[str, list[float]] = Field(default_factory=dict)
    subject: str | None = Field(default=None, description="Column of the patient, where rows repeat patients")
    metrics: list[str] | None = Field(default=None, description="Only these metrics")
    method: Literal["cbpe", "pape"] = "cbpe"
    features: list[str] = Field(default_factory=list, description="pape: columns the mix of patients is told by")
    calibration: Literal["isotonic", "logistic", "none"] | None = Field(default=None, description="null: found out")
    delay: str | None = Field(default=None, description="Column of days until the label was known, or of when it was")
    delay_by: list[str] = Field(default_factory=list, description="Columns within which delays are alike")
    horizon_days: float | None = Field(default=None, gt=0, description="The label is an event within so many days")
    verified: str | None = Field(default=None, description="Column of the chance with which the label was looked for")
    as_of: Instant | None = Field(default=None, description="Labels known later do not count; null: all count")
    level: Share = 0.95
    suppression: Literal["standard", "strict"] = "standard"
    seed: int = 7

    def shape(self, metrics: list[str] | None = None, *, weight: str | None = None) -> EvaluationSpec:
        """The same question of rows whose labels are known."""
        return EvaluationSpec(
            task="binary",
            label=self.label,
            score=self.score,
            positive=self.positive,
            by=self.by,
            bands=self.bands,
            thresholds=self.thresholds,
            subject=self.subject,
            weight=weight,
            metrics=metrics,
            level=self.level,
            suppression=self.suppression,
            seed=self.seed,
        )
