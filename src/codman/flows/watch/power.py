"""power and replay: what would be noticed and how soon, and how many alarms a history would have raised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from codman.errors import BadInput
from codman.evaluate.columns import label, numbers
from codman.evaluate.sample import read_table
from codman.evidence.statements import read_statement
from codman.monitor.alarms.watch import Rules
from codman.monitor.power.notice import Answer, Question, notice
from codman.monitor.power.replay import Replay
from codman.monitor.power.replay_measured import BASELINE, replay_measured
from codman.monitor.power.replay_rows import Asked, replay_rows
from codman.monitor.power.world import World, binormal, observed
from codman.spine.measurement import Measurement
from codman.tables.source import Source


def measure_power(
    question: Question,
    *,
    auroc: float | None = None,
    prevalence: float | None = None,
    threshold: float | None = None,
    source: Source | None = None,
    score: str | None = None,
    outcome: str | None = None,
    positive: str | None = None,
) -> Answer:
    """How long until a fall is noticed, from earlier predictions or from an AUROC and a prevalence.

    Args:
        question: What falls by how much, at which volume, watched how.
        auroc: Of the model now, where no predictions are given; 0.8 unless said.
        prevalence: Share of patients with the event; needed without predictions, another than theirs with them.
        threshold: Alerted is a score at or above it.
        source: Earlier predictions, whose scores are taken as they are.
        score: Their column of the score.
        outcome: Their column of what happened; without it the scores are taken as risks, at their word.
        positive: The value that means the event.

    Raises:
        BadInput: A column is missing, or the question cannot be asked of these scores.
    """
    return notice(_world(auroc, prevalence, threshold, source, score, outcome, positive), question)


def _world(
    auroc: float | None, prevalence: float | None, threshold: float | None, source: Source | None, score: str | None,
    outcome: str | None, positive: str | None,
) -> World:  # fmt: skip
    if source is None:
        if prevalence is None:
            raise BadInput(
                what="--prevalence is missing",
                why="how many patients have the event decides what can be noticed",
                fix="give --prevalence X, or earlier predictions with --from FILE --score COL",
            )
        return binormal(0.8 if auroc is None else auroc, prevalence, threshold)
    if score is None:
        raise BadInput(what="--score is missing", why="--from needs its column of scores", fix="add --score COL")
    if auroc is not None:
        raise BadInput(
            what="--auroc and --from contradict", why="the predictions have their own", fix="give one of them"
        )
    table = read_table(source, [score, *([outcome] if outcome is not None else [])])
    scores = numbers(table, score, source)
    keep, happened = ~np.isnan(scores), None
    if outcome is not None:
        event, missing = label(table, outcome, source, positive=positive)
        keep &= ~missing
        happened = event[keep]
    return observed(scores[keep], happened, prevalence=prevalence, threshold=threshold, name=source.uri)


def replay_predictions(reference: Source, current: Source, asked: Asked, rules: Rules) -> Replay:
    """The alarms that a history of predictions would have raised.

    Args:
        reference: Rows of before.
        current: The history.
        asked: What is watched.
        rules: How alarms go on and off.

    Raises:
        BadInput: A column, a value or a question cannot be used.
    """
    return replay_rows(reference, current, asked, rules)


def replay_statements(
    files: Sequence[Path],
    rules: Rules,
    *,
    deltas: Mapping[str, float] | None = None,
    standards: Mapping[str, float] | None = None,
    baseline: int = BASELINE,
    owner: str = "owner",
    budget: int = 4,
) -> Replay:
    """The alarms that measurements by window would have raised, read from statements of any kind and origin.

    Args:
        files: Statements, signed or not.
        rules: How alarms go on and off.
        deltas: Metric to the largest shift that does not matter.
        standards: Metric to what it should be.
        baseline: How many first windows a metric without a standard is held against.
        owner: Whom all are told to.
        budget: Incidents a month that the owner will look at.

    Raises:
        BadInput: A file is no statement, or holds nothing that can be watched.
    """
    measured: list[Measurement] = []
    for file in files:
        rows = read_statement(file).statement.predicate.get("measurements", [])
        measured.extend(Measurement.model_validate(row) for row in rows)
    return replay_measured(
        measured, rules, deltas=deltas, standards=standards, baseline=baseline, owner=owner, budget=budget
    )
