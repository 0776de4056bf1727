"""Made-up statements for the report's tests: worked out by scikit-learn and by hand, no engine needed."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

LEVELS = {"sex": ["F", "M"], "race": ["Asian", "Black", "Other", "White"], "age_band": ["<40", "40-64", "65-79", "80+"]}
BY = [["sex"], ["race"], ["sex", "race"]]


def cohort(n: int = 3000, seed: int = 3) -> dict[str, np.ndarray]:
    """Risks, outcomes and groups; women are missed more often, one race is very rare."""
    r = np.random.default_rng(seed)
    sex = r.choice(LEVELS["sex"], n)
    race = r.choice([*LEVELS["race"], "Native"], n, p=[0.1, 0.2, 0.1, 0.597, 0.003])
    age = r.choice(LEVELS["age_band"], n, p=[0.2, 0.35, 0.3, 0.15])
    risk = r.beta(1.2, 6, n)
    outcome = r.random(n) < np.clip(risk * np.where(sex == "F", 0.8, 1.1), 0, 1)
    return {"sex": sex, "race": race, "age_band": age, "risk": risk, "outcome": outcome}


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Wilson interval at 95 %."""
    z = 1.959963984540054
    p = hits / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def _row(metric: str, slice_: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {
        "metric": metric,
        "slice": slice_,
        "value": None,
        "lower": None,
        "upper": None,
        "level": 0.95,
        "n": None,
        "positives": None,
        "method": "",
        "params": {},
        **fields,
    }


def _of_slice(slice_: dict[str, str], y: np.ndarray, p: np.ndarray, thresholds: list[float]) -> list[dict[str, Any]]:
    names = ["auroc", "auprc", "brier", "oe_ratio", "calibration_slope"]
    at = ["sensitivity", "specificity", "ppv", "npv", "alert_rate"]
    n, events = len(y), int(y.sum())
    if n < 11:
        return [_row(m, slice_, note="suppressed") for m in names] + [
            _row(m, slice_, note="suppressed", params={"threshold": t}) for t in thresholds for m in at
        ]
    size = {"n": n, "positives": events}
    rows = []
    if 0 < events < n:
        auroc = float(roc_auc_score(y, p))
        half = 0.9 / math.sqrt(min(events, n - events))
        rows.append(
            _row(
                "auroc",
                slice_,
                value=auroc,
                lower=max(0.0, auroc - half),
                upper=min(1.0, auroc + half),
                method="delong-logit",
                **size,
            )
        )
        rows.append(
            _row(
                "auprc",
                slice_,
                value=float(average_precision_score(y, p)),
                lower=0.05,
                upper=0.6,
                method="logit",
                **size,
            )
        )
        slope = (
            {"value": 1.04, "lower": 0.8, "upper": 1.3}
            if events > 20
            else {"value": None, "note": "too few events to fit"}
        )
        rows.append(_row("calibration_slope", slice_, method="wald", **size, **slope))
    else:
        rows += [_row(m, slice_, note="one class only", **size) for m in ("auroc", "auprc", "calibration_slope")]
    ratio = events / p.sum()
    rows.append(_row("oe_ratio", slice_, value=ratio, lower=ratio * 0.8, upper=ratio * 1.25, method="log", **size))
    rows.append(
        _row("brier", slice_, value=float(np.mean((p - y) ** 2)), lower=0.05, upper=0.2, method="log-sandwich", **size)
    )
    rows.append(
        _row(
            "ece",
            slice_,
            value=0.02,
            method="ten bins",
            params={"expected_if_calibrated": 0.011},
            **{**size, "level": None},
        )
    )
    for t in thresholds:
        flag = p >= t
        for metric, hits, of in (
            ("sensitivity", int((flag & y).sum()), events),
            ("specificity", int((~flag & ~y).sum()), n - events),
            ("ppv", int((flag & y).sum()), int(flag.sum())),
            ("npv", int((~flag & ~y).sum()), int((~flag).sum())),
            ("alert_rate", int(flag.sum()), n),
        ):
            if of:
                low, high = wilson(hits, of)
                rows.append(
                    _row(
                        metric,
                        slice_,
                        value=hits / of,
                        lower=low,
                        upper=high,
                        method="wilson",
                        params={"threshold": t},
                        **size,
                    )
                )
            else:
                rows.append(_row(metric, slice_, note="no row to count", params={"threshold": t}, **size))
    return rows


def _differences(rows: list[dict[str, Any]], by: list[list[str]], thresholds: list[float]) -> list[dict[str, Any]]:
    found = []
    for grouping, (metric, params) in itertools.product(
        by, [("auroc", {}), *(("sensitivity", {"threshold": t}) for t in thresholds)]
    ):
        members = [r for r in rows if r["metric"] == metric and r["params"] == params and list(r["slice"]) == grouping]
        seen = sorted((r for r in members if r["value"] is not None), key=lambda r: r["value"])
        hidden = [{"slice": r["slice"], "why": r.get("note", "")} for r in members if r["value"] is None]
        low, high = seen[0], seen[-1]
        gap = high["value"] - low["value"]
        more = {
            "by": grouping,
            "highest": high["slice"],
            "lowest": low["slice"],
            "p_holm": 0.031,
            **({"not_judged": hidden} if hidden else {}),
        }
        found.append(
            _row(
                f"{metric}_difference",
                {},
                value=gap,
                lower=max(0.0, gap - 0.1),
                upper=gap + 0.1,
                n=rows[0]["n"],
                positives=rows[0]["positives"],
                method="mover",
                p_value=0.02,
                params={**params, **more},
            )
        )
        if metric == "sensitivity":
            found.append(
                _row(
                    "sensitivity_ratio",
                    {},
                    value=low["value"] / high["value"],
                    lower=0.0,
                    upper=1.0,
                    n=rows[0]["n"],
                    method="mover",
                    params={**params, **more},
                )
            )
    return found


def measurements(data: dict[str, np.ndarray], by: list[list[str]], thresholds: list[float]) -> list[dict[str, Any]]:
    """Everyone and every group, then the differences."""
    y, p = data["outcome"], data["risk"]
    rows = _of_slice({}, y, p, thresholds)
    for grouping in by:
        for levels in sorted({tuple(row) for row in zip(*(data[c] for c in grouping), strict=True)}):
            here = np.logical_and.reduce([data[c] == v for c, v in zip(grouping, levels, strict=True)])
            rows += _of_slice(dict(zip(grouping, map(str, levels), strict=True)), y[here], p[here], thresholds)
    return rows + (_differences(rows, by, thresholds) if by else [])


def curves(data: dict[str, np.ndarray], by: list[list[str]]) -> dict[str, list[dict[str, Any]]]:
    """Curves of everyone, ROC by the first grouping as well."""
    y, p = data["outcome"], data["risk"]
    grid = np.linspace(0, 1, 101)

    def roc_of(slice_: dict[str, str], here: np.ndarray) -> dict[str, Any]:
        fpr, tpr, _ = roc_curve(y[here], p[here])
        return {"slice": slice_, "x": grid.tolist(), "y": np.interp(grid, fpr, tpr).tolist()}

    precision, recall, _ = precision_recall_curve(y, p)
    order = np.argsort(recall)
    bins = np.array_split(np.argsort(p), 10)
    bounds = [wilson(int(y[b].sum()), len(b)) for b in bins]
    smooth = np.linspace(0.01, 0.7, 60)
    thresholds = np.round(np.linspace(0.01, 0.99, 99), 2)
    net = np.array([np.mean((p >= t) & y) - t / (1 - t) * np.mean((p >= t) & ~y) for t in thresholds])
    treat_all = y.mean() - thresholds / (1 - thresholds) * (1 - y.mean())
    everyone = np.ones(len(y), bool)
    return {
        "roc": [roc_of({}, everyone)]
        + [roc_of({c: str(v)}, data[c] == v) for (c,) in by[:1] for v in sorted(set(data[c]))],
        "precision_recall": [
            {"slice": {}, "x": grid.tolist(), "y": np.interp(grid, recall[order], precision[order]).tolist()}
        ],
        "calibration": [
            {
                "slice": {},
                "kind": "equal-mass",
                "x": [float(p[b].mean()) for b in bins],
                "y": [float(y[b].mean()) for b in bins],
                "lower": [lo for lo, _ in bounds],
                "upper": [hi for _, hi in bounds],
                "n": [len(b) for b in bins],
            },
            {
                "slice": {},
                "kind": "loess",
                "x": smooth.tolist(),
                "y": (smooth * 0.98).tolist(),
                "lower": (smooth * 0.88).tolist(),
                "upper": (smooth * 1.06).tolist(),
            },
        ],
        "decision": [
            {
                "slice": {},
                "x": thresholds.tolist(),
                "y": net.tolist(),
                "lower": (net - 0.01).tolist(),
                "upper": (net + 0.01).tolist(),
                "all": treat_all.tolist(),
                "none": [0.0] * len(net),
            }
        ],
    }


def statement(**changes: Any) -> dict[str, Any]:
    """An evaluation statement as plain JSON; `changes` replace fields of its predicate."""
    by, thresholds = changes.pop("by", BY), changes.pop("thresholds", [0.2])
    data = changes.pop("data", None) or cohort()
    n = len(data["outcome"])
    predicate = {
        "product": "flc-mortality",
        "version": "1.2.0",
        "use": "olmsted-clinic",
        "origin": "local",
        "evaluated_at": "2026-11-20T10:00:00Z",
        "criteria": None,
        "inputs": [
            {
                "name": "predictions",
                "uri": "predictions.parquet",
                "digest": {"sha256": hashlib.sha256(b"rows").hexdigest()},
                "rows": n,
                "table_version": None,
            }
        ],
        "rows": {"eligible": n + 195, "scored": n + 195, "excluded": {"censored before 5 years": 195}, "evaluated": n},
        "spec": {
            "task": "binary",
            "label": "died",
            "score": "risk",
            "by": by,
            "thresholds": thresholds,
            "subject": "patient_id",
        },
        "software": {"codman": "0.1.0", "python": "3.11.7"},
        "measurements": measurements(data, by, thresholds),
        "curves": curves(data, by),
        **changes,
    }
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "flc-mortality@1.2.0", "digest": {"sha256": "ab" * 32}}],
        "predicateType": "https://codman.dev/evidence/evaluation/v1",
        "predicate": predicate,
    }


def written(folder: Path, value: dict[str, Any], name: str = "evaluation.json") -> Path:
    """The statement as a file."""
    path = folder / name
    path.write_text(json.dumps(value), "utf-8")
    return path
