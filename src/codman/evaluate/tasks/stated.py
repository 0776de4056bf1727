"""What a file states about its own uncertainty beside a score: prediction sets and abstention of the binary task."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from codman.evaluate.columns import BoolArray
from codman.evaluate.estimates import Estimates, FloatArray
from codman.evaluate.metrics.probability import are_risks
from codman.evaluate.metrics.uncertainty import estimates
from codman.evaluate.prediction_sets import read_declined, read_sets
from codman.evaluate.sample import Sample
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import Source


def stated_columns(spec: EvaluationSpec) -> list[str]:
    """The columns `stated` reads."""
    return [column for column in (spec.prediction_set, spec.abstain) if column is not None]


def stated(
    table: pa.Table,
    spec: EvaluationSpec,
    source: Source,
    sample: Sample,
    keep: BoolArray,
    event: BoolArray,
    score: FloatArray,
) -> list[Estimates]:
    """Coverage and size of sets, and what abstention spares, for a score against a yes-or-no outcome.

    Selective risk and AURC ask who is misjudged, so they are given once a threshold (`params.threshold`). AURC needs a
    confidence, max(p, 1 − p): it is given where scores are risks, and only where the file states abstention or `aurc`
    is among the wanted metrics.

    Args:
        table: Holds the columns of `stated_columns`.
        spec: What to measure.
        source: Where the table came from, for errors.
        sample: The rows that are judged.
        keep: (rows of the table,) which those are.
        event: (n,) True where the event happened, of the kept rows.
        score: (n,) scores of the kept rows.
    """
    asked = spec.metrics is not None and any(name.startswith("aurc") for name in spec.metrics)
    if not stated_columns(spec) and not asked:
        return []
    sets = None
    if spec.prediction_set is not None:
        sets = read_sets(table, spec.prediction_set, str(spec.label), source).kept(keep)
    declined = None
    if spec.abstain is not None:
        abstains, known = read_declined(table, spec.abstain, source)
        declined = abstains[keep], known[keep]
    found = estimates(sample, spec, sets=sets, declined=declined)  # what needs no threshold, once
    sure = np.maximum(score, 1 - score) if are_risks(score) and (asked or declined is not None) else None
    for threshold in dict.fromkeys(spec.thresholds):
        at = estimates(
            sample,
            spec,
            error=(score >= threshold) != event,
            confidence=sure,
            declined=declined,
            params={"threshold": threshold},
        )
        found += [estimate for estimate in at if estimate.params]
    return found
