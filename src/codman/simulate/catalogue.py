"""The catalogue: which invented vendors there are, and which sorts of clinical AI a hospital runs."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from codman.spine.product import ProductKind
from codman.spine.use import DecisionRole, Impact, Tier
from codman.spine.yaml_text import read_yaml

Share = Annotated[float, Field(gt=0, lt=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Outcome(_Strict):
    """What a product's predictions can be held against, and how good such models usually are."""

    task: Literal["binary", "multiclass", "survival"]
    label: str
    auroc: Annotated[float, Field(gt=0.5, lt=1)]
    prevalence: Share | None = Field(default=None, description="Share with the event, over the follow-up")
    threshold: Share | None = Field(default=None, description="Risk at which somebody acts")
    classes: list[str] = []
    shares: list[Share] = []
    horizons: list[int] = Field(default=[], description="Days")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.task == "multiclass" and (len(self.classes) != len(self.shares) or abs(sum(self.shares) - 1) > 1e-9):
            raise ValueError("each class needs a share, and the shares add up to 1")
        if self.task != "multiclass" and self.prevalence is None:
            raise ValueError("an event needs its prevalence")
        if (self.task == "binary" and self.threshold is None) or (self.task == "survival" and not self.horizons):
            raise ValueError("a binary outcome needs a threshold, survival its horizons")
        return self


class Sort(_Strict):
    """One sort of clinical AI; several products of it are on the market."""

    key: str
    name: str = Field(description="Of the product, after its vendor's")
    use: str
    sort: str = Field(description="Which vendors sell it")
    ways: list[ProductKind] = Field(min_length=1, description="One product each")
    topic: str
    model: str
    generative: bool = False
    purpose: str
    population: str
    setting: str
    role: DecisionRole
    autonomy: str
    users: str
    destination: str
    downtime: str
    inputs: list[str]
    tier: Tier
    impact: Impact
    units: list[str] = Field(min_length=1, description="Where in a hospital it runs")
    outcome: Outcome | None = None


class InventedVendor(_Strict):
    """A vendor that does not exist."""

    name: str
    sort: str


class Catalogue(_Strict):
    """Everything the demo hospital is made from."""

    vendors: list[InventedVendor]
    kinds: list[Sort]


@cache
def read_catalogue() -> Catalogue:
    """The catalogue that ships with the package."""
    text = files("codman.simulate").joinpath("catalogue.yaml").read_text(encoding="utf-8")
    return Catalogue.model_validate(read_yaml(text))
