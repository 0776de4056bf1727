"""ComparisonSpec: every argument that moves a number of a comparison of two models.

Made by the doors and flows/compare.py; read by evaluate/compare (to compute) and by whoever computes it again.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codman.spine.evaluation_spec import Share


class ComparisonSpec(BaseModel):
    """What was asked of a comparison; with the two inputs, enough to compute the same numbers again."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    design: Literal["paired", "ab"] = Field(
        default="paired", description="paired: both models on the same patients; ab: each patient had one of the two"
    )
    label: str = Field(description="Column of what happened, in both files")
    score: str = Field(description="Column of the score, in both files unless score_b names B's")
    score_b: str | None = Field(default=None, description="Column of B's score, where it is called otherwise")
    id: str | None = Field(default=None, description="Column that joins the rows; null: same rows in the same order")
    positive: str | None = Field(
        default=None, description="The label's value that means the event, where not 0/1 or true/false"
    )
    by: list[list[str]] = Field(default_factory=list, description="Groupings; several columns make an intersection")
    bands: dict[str, list[float]] = Field(default_factory=dict, description="Edges that cut a numeric column")
    thresholds: list[float] = Field(default_factory=list)
    margins: dict[str, float] = Field(
        default_factory=dict,
        description="By metric, the change that is still no worse: -0.02 where higher is better",
    )
    subject: str | None = Field(default=None, description="Column of the patient; rows of one are not independent")
    weight: str | None = Field(default=None, description="Column of sampling weights")
    metrics: list[str] | None = Field(default=None, description="Only these metrics; null is all that can be compared")
    interval: Literal["analytic", "percentile", "bca", "anytime"] = Field(
        default="analytic", description="anytime holds at every look together, however often one looks"
    )
    planned: int | None = Field(
        default=None, ge=1, description="Patients at which an anytime interval is to be tightest, said beforehand"
    )
    attempt: int | None = Field(default=None, ge=1, description="How many challengers this use has tried, this one too")
    replicates: int = Field(default=2000, ge=100, description="Bootstrap replicates, where interval is not analytic")
    level: Share = 0.95
    suppression: Literal["standard", "strict"] = "standard"
    seed: int = 7

    @model_validator(mode="after")
    def _planned(self) -> ComparisonSpec:
        if (self.interval == "anytime") != (self.planned is not None):
            raise ValueError("interval anytime and planned patients belong together")
        return self

    @property
    def score_of_b(self) -> str:
        """The column of B's score."""
        return self.score_b or self.score
