"""Thresholds chosen by a rule, on rows named as such: never the ones that are judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from codman.errors import BadInput
from codman.evaluate.columns import BoolArray, label, numbers
from codman.evaluate.estimates import FloatArray
from codman.evaluate.sample import read_table
from codman.spine.evaluation_spec import ChosenThreshold, EvaluationSpec
from codman.tables.source import Source

JUDGED_ROWS: Final = "judged rows"  # a threshold chosen here makes a policy's verdict inconclusive


def threshold_for(rule: str, target: float, event: BoolArray, score: FloatArray) -> float:
    """The threshold that a rule picks.

    Args:
        rule: `sensitivity`: the highest threshold that still reaches the target. `alert_rate`: the lowest that flags no
            more than the target share. `cost_ratio`: the one with the least expected harm, when a missed event is
            `target` times as bad as a false alarm.
        target: A share in (0, 1], or a ratio above 0.
        event: (n,) True where the event happened.
        score: (n,) higher is likelier.

    Raises:
        BadInput: The target cannot be reached or the rows hold one class only.
    """
    if rule != "alert_rate" and (not event.any() or event.all()):
        raise BadInput(
            what=f"no threshold can be chosen for {rule}",
            why="the rows to choose on hold one class only",
            fix="choose on rows with and without the event",
        )
    if rule != "cost_ratio" and not 0 < target <= 1:
        raise BadInput(
            what=f"target {target} of {rule} is out of range",
            why="it is a share",
            fix="give a number above 0, at most 1",
        )
    cuts = np.unique(score)
    order = np.argsort(score)
    events_below = np.concatenate([[0], np.cumsum(event[order])])
    first = np.searchsorted(score[order], cuts, side="left")  # rows below each cut
    flagged = len(score) - first
    hits = events_below[-1] - events_below[first]
    if rule == "sensitivity":
        return float(cuts[np.flatnonzero(hits >= target * events_below[-1] - 1e-9)[-1]])
    if rule == "alert_rate":
        within = np.flatnonzero(flagged <= target * len(score) + 1e-9)
        if len(within) == 0:
            raise BadInput(
                what=f"no threshold flags at most {target:.4g} of the rows",
                why="too many rows share the highest score",
                fix="raise the target, or use a finer score",
            )
        return float(cuts[within[0]])
    harm = (flagged - hits) + target * (events_below[-1] - hits)
    return float(cuts[int(np.argmin(harm))])


def chosen(spec: EvaluationSpec, others: Mapping[str, Source], judged: tuple[BoolArray, FloatArray]) -> EvaluationSpec:
    """The spec with every rule's threshold filled in and added to `thresholds`.

    Args:
        spec: What was asked.
        others: Inputs by name; each rule names the rows it is chosen on.
        judged: Events and scores of the rows under judgement, used only where a rule says so in words.
    """
    if not spec.chosen:
        return spec
    filled = []
    for rule in spec.chosen:
        event, score = judged if rule.rows == JUDGED_ROWS else _named_rows(rule, spec, others)
        filled.append(rule.model_copy(update={"threshold": threshold_for(rule.rule, rule.target, event, score)}))
    thresholds = dict.fromkeys([*spec.thresholds, *(r.threshold for r in filled if r.threshold is not None)])
    return spec.model_copy(update={"chosen": filled, "thresholds": list(thresholds)})


def _named_rows(
    rule: ChosenThreshold, spec: EvaluationSpec, others: Mapping[str, Source]
) -> tuple[BoolArray, FloatArray]:
    if rule.rows not in others:
        raise BadInput(
            what=f"the rows {rule.rows!r} that a threshold is chosen on were not given",
            why="a threshold is chosen on rows of its own",
            fix="give them with --choose-on FILE",
        )
    source = others[rule.rows]
    outcome, column = str(spec.label), str(spec.score)
    table = read_table(source, [outcome, column])
    event, missing = label(table, outcome, source, positive=spec.positive)
    score = numbers(table, column, source)
    keep = ~missing & ~np.isnan(score)
    return event[keep], score[keep]
