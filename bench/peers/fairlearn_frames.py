"""fairlearn's MetricFrame: eight points without intervals, one frame a grouping; or its bootstrap, on a stated part."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame
from given import NAMES, THRESHOLD, Given, say, seconds_of
from sklearn.metrics import average_precision_score, brier_score_loss, confusion_matrix, roc_auc_score


def _table(y: np.ndarray, p: np.ndarray) -> tuple[int, int, int, int]:
    (tn, fp), (fn, tp) = confusion_matrix(y, np.asarray(p) >= THRESHOLD, labels=[0, 1])
    return tp, fp, fn, tn


def sensitivity(y: np.ndarray, p: np.ndarray) -> float:
    tp, _fp, fn, _tn = _table(y, p)
    return tp / (tp + fn)


def specificity(y: np.ndarray, p: np.ndarray) -> float:
    _tp, fp, _fn, tn = _table(y, p)
    return tn / (tn + fp)


def ppv(y: np.ndarray, p: np.ndarray) -> float:
    tp, fp, _fn, _tn = _table(y, p)
    return tp / (tp + fp)


def npv(y: np.ndarray, p: np.ndarray) -> float:
    _tp, _fp, fn, tn = _table(y, p)
    return tn / (tn + fn)


def f1(y: np.ndarray, p: np.ndarray) -> float:
    tp, fp, fn, _tn = _table(y, p)
    return 2 * tp / (2 * tp + fp + fn)


FIVE = {
    "auroc": roc_auc_score,
    "auprc": average_precision_score,
    "brier": brier_score_loss,
    "sensitivity": sensitivity,
    "specificity": specificity,
}
EIGHT = {**FIVE, "ppv": ppv, "npv": npv, "f1": f1}


def frames(given: Given, metrics: dict[str, Any], **bootstrap: Any) -> list[list[float]]:
    """Everyone's values, then every group's, grouping by grouping."""
    found: list[list[float]] = []
    for columns in given.groupings():
        features = pd.DataFrame({NAMES[c]: given.codes[:, c] for c in columns})
        frame = MetricFrame(
            metrics=metrics, y_true=given.event, y_pred=given.risk, sensitive_features=features, **bootstrap
        )
        if not found:
            found.append([float(frame.overall[m]) for m in metrics])
        found += frame.by_group[list(metrics)].to_numpy(float).tolist()
    return found


def main(path: Path, task: str, most: int = 0) -> None:
    if task == "points":
        whole, small = len(Given(path).event), Given(path, 5_000)
        given = Given(path, most or None)
        seconds, values = seconds_of(lambda: frames(given, EIGHT), warm=lambda: frames(small, EIGHT))
        rows = len(given.event)
        if rows < whole:
            say(seconds=seconds * whole / rows, estimated=f"from {rows:,} rows, in proportion")
        else:
            say(seconds=seconds, values=values)
        return
    given = Given(path)
    rows = min(len(given.event), 100_000)
    part = Given(path, rows)
    alone, _ = seconds_of(lambda: frames(part, FIVE))
    once, _ = seconds_of(lambda: frames(part, FIVE, n_boot=1, ci_quantiles=[0.025, 0.975], random_state=1))
    seconds = max(once - alone, 0.5 * alone) * len(given.event) / rows * 1000
    say(seconds=seconds, estimated=f"from 1 of 1,000 replicates on {rows:,} rows")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
