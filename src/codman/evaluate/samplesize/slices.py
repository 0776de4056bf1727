"""Shares: how large a part of the patients each slice is, and how often it has the event, read off earlier patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from codman.evaluate.columns import label, numbers
from codman.evaluate.sample import Exclusions, grouping_columns, make_sample, read_table
from codman.evaluate.samplesize.linear_predictor import LinearPredictor, of_scores
from codman.evaluate.samplesize.plan import Share
from codman.evaluate.suppression import suppressed
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import Source

FEWEST_EVENTS: Final = 11  # under it a slice's own prevalence says too little, and may not be shown


def shares(
    source: Source,
    by: Sequence[Sequence[str]],
    *,
    bands: Mapping[str, Sequence[float]] | None = None,
    label_column: str | None = None,
    positive: str | None = None,
) -> list[Share]:
    """The slices that occur in a file of patients, with their shares.

    Args:
        source: One row a patient (or a prediction).
        by: Groupings; several columns make an intersection.
        bands: Edges that cut a numeric column into bands.
        label_column: What happened, so that each slice is planned at its own prevalence; None: at everyone's.
        positive: The label's value that means the event.

    Returns:
        Every slice; one with fewer than 11 patients has no share.

    Raises:
        BadInput: A column is missing or cannot be used.
    """
    spec = EvaluationSpec(
        task="binary",
        label=label_column or "",
        score="",
        by=[list(grouping) for grouping in by],
        bands={name: list(edges) for name, edges in (bands or {}).items()},
    )
    wanted = [*grouping_columns(spec), *([label_column] if label_column else [])]
    table = read_table(source, wanted)
    exclusions = Exclusions(table.num_rows)
    event = None
    if label_column is not None:
        event, missing = label(table, label_column, source, positive=positive)
        exclusions.drop(missing, "label missing")
    slices = make_sample(table, spec, source, exclusions).slices
    rows = int(np.count_nonzero(exclusions.keep))
    event = None if event is None else event[exclusions.keep]
    members = [np.flatnonzero(slices.of_rows(int(slices.grouping[s])) == s) for s in range(slices.count)]
    hidden = suppressed(slices, np.array([len(of) for of in members]))
    found: list[Share] = []
    for s in range(1, slices.count):
        name = slices.names[s]
        if hidden[s]:
            found.append(Share(slice=name, share=None, prevalence=None, note="suppressed: fewer than 11 patients"))
            continue
        prevalence, note = None, None
        if event is not None:
            events = int(np.count_nonzero(event[members[s]]))
            if min(events, len(members[s]) - events) < FEWEST_EVENTS:
                note = "too few events (or others) to know its own prevalence: planned at everyone's"
            else:
                prevalence = events / len(members[s])
        found.append(Share(slice=name, share=len(members[s]) / rows, prevalence=prevalence, note=note))
    return found


def spread_of(source: Source, score: str) -> LinearPredictor:
    """The spread of the risks a model gave to earlier patients; rows without a score are passed over.

    Raises:
        BadInput: The column is missing, or its values are no risks.
    """
    scores = numbers(read_table(source, [score]), score, source)
    return of_scores(scores[~np.isnan(scores)])


def prevalence_of(source: Source, label_column: str, *, positive: str | None = None) -> float:
    """Share of earlier patients with the event.

    Raises:
        BadInput: The column is missing or no yes-or-no label.
    """
    event, missing = label(read_table(source, [label_column]), label_column, source, positive=positive)
    return float(np.mean(event[~missing]))
