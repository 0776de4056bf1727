"""What a comparison statement says: two models, the same patients, what changed.

Made by flows/compare.py; read by evidence, review, report and flows/reproduce.py.
"""

from __future__ import annotations

from pydantic import Field

from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.measurement import Measurement
from codman.spine.statement import CriteriaRef, Curves, Input, Predicate, Rows


class ComparisonPredicate(Predicate):
    """A comparison: B against A on the same patients; every `<metric>_change` is B minus A."""

    criteria: CriteriaRef | None = None
    inputs: list[Input] = Field(min_length=2, description="The two files, named 'a' and 'b', then any others")
    rows: Rows
    spec: ComparisonSpec
    software: dict[str, str] = Field(default_factory=dict)
    measurements: list[Measurement]
    curves: Curves = Field(default_factory=Curves)
