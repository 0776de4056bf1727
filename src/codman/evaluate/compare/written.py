"""A change as a Measurement: `<metric>_change`, with its conclusion where a margin was agreed."""

from __future__ import annotations

from collections.abc import Mapping

from codman.evaluate.compare.change import Change
from codman.evaluate.compare.margins import judged
from codman.evaluate.rows import finite
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.measurement import SUPPRESSED, Measurement
from codman.spine.vocabulary import CHANGE


def hidden(metric: str, threshold: float | None, name: dict[str, str]) -> Measurement:
    """A change that too few patients hide."""
    params = {} if threshold is None else {"threshold": threshold}
    return Measurement(metric=_named(metric), slice=name, value=None, params=params, note=SUPPRESSED)


def written(change: Change, name: dict[str, str], spec: ComparisonSpec, subjects: Mapping[str, int]) -> Measurement:
    """A change of one slice.

    Args:
        change: What was found.
        name: The slice.
        spec: Its level and margins.
        subjects: How many patients it is about, where rows repeat them.
    """
    params = {} if change.threshold is None else {"threshold": change.threshold}
    params |= {**change.params, **subjects}
    if change.metric in spec.margins:
        params |= judged(change, spec.margins[change.metric], spec.level)
    lower, upper = finite(change.lower), finite(change.upper)
    bounded = lower is not None and upper is not None
    return Measurement(
        metric=_named(change.metric),
        slice=name,
        value=finite(change.value),
        lower=lower if bounded else None,
        upper=upper if bounded else None,
        level=spec.level if bounded else None,
        p_value=change.p_value,
        n=change.n,
        positives=change.positives,
        method=change.method,
        params=params,
        note=change.note,
    )


def _named(metric: str) -> str:
    return metric if metric == "mcnemar" else metric + CHANGE
