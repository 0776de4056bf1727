"""NannyML's CBPE on the same rows: fit on six months, estimate the six after them, three metrics.

Run: python nannyml_cbpe.py ARRAYS. Prints one line of JSON: seconds of fit and estimate, and each month's estimates.
With `calibrated`, the estimates of its own formulas on calibrated scores that it is given.
"""

from __future__ import annotations

import json
import sys
import warnings
from time import perf_counter

import numpy as np
import pandas as pd
from nannyml import CBPE
from nannyml.performance_estimation.confidence_based.metrics import (
    estimate_f1,
    estimate_precision,
    estimate_recall,
    estimate_roc_auc,
    estimate_specificity,
)

warnings.filterwarnings("ignore")
METRICS = {"roc_auc": "auroc", "precision": "ppv", "recall": "sensitivity"}


def estimated(stored: dict[str, np.ndarray]) -> dict[str, object]:
    """As a user calls it: monthly chunks."""
    at = pd.to_datetime(stored["at"], unit="us")
    frame = pd.DataFrame({"at": at, "risk": stored["risk"], "event": stored["event"].astype(int)})
    frame["flag"] = (frame["risk"] >= float(stored["threshold"])).astype(int)
    before = frame[at < pd.Timestamp(int(stored["cut"]), unit="us")].reset_index(drop=True)
    after = frame[at >= pd.Timestamp(int(stored["cut"]), unit="us")].drop(columns="event").reset_index(drop=True)
    estimator = CBPE(
        problem_type="classification_binary", y_pred_proba="risk", y_pred="flag", y_true="event",
        timestamp_column_name="at", metrics=list(METRICS), chunk_period="M",
    )  # fmt: skip
    start = perf_counter()
    estimator.fit(before)
    fitted = perf_counter()
    found = estimator.estimate(after).filter(period="analysis").to_df()
    done = perf_counter()
    values = {ours: found[(theirs, "value")].tolist() for theirs, ours in METRICS.items()}
    return {"fit": fitted - start, "estimate": done - fitted, "values": values}


def by_formula(stored: dict[str, np.ndarray]) -> dict[str, object]:
    """Its formulas on calibrated scores it is given, window by window."""
    values: dict[str, list[float]] = {}
    for w in range(int(stored["window"].max()) + 1):
        inside = stored["window"] == w
        risk, score = pd.Series(stored["calibrated"][inside]), pd.Series(stored["score"][inside])
        flag = (score >= float(stored["threshold"])).astype(int)
        found = {
            "auroc": estimate_roc_auc(risk, score), "ppv": estimate_precision(flag, risk),
            "sensitivity": estimate_recall(flag, risk), "specificity": estimate_specificity(flag, risk),
            "f1": estimate_f1(flag, risk),
        }  # fmt: skip
        for name, value in found.items():
            values.setdefault(name, []).append(float(value))
    return {"values": values}


if __name__ == "__main__":
    with np.load(sys.argv[1]) as held:
        arrays = dict(held)
    print(json.dumps(by_formula(arrays) if "calibrated" in arrays else estimated(arrays)))
