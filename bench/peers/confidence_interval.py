"""confidenceinterval on every slice: AUROC with DeLong, proportions with Wilson, F1; it has no AUPRC and no Brier."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from confidenceinterval import f1_score, npv_score, ppv_score, roc_auc_score, tnr_score, tpr_score
from given import Given, say, seconds_of


def points(given: Given, slices: list[np.ndarray]) -> list[list[float]]:
    """AUROC, sensitivity, specificity, PPV, NPV, each with its ends; F1 has one too but of another definition."""
    found = []
    for rows in slices:
        y, p, flag = given.event[rows], given.risk[rows], given.flag[rows]
        area, (low, high) = roc_auc_score(y, p, confidence_level=0.95)
        line = [area, low, high]
        for score in (tpr_score, tnr_score, ppv_score, npv_score):
            value, (low, high) = score(y, flag, confidence_level=0.95)
            line += [value, low, high]
        f1_score(y, flag, confidence_level=0.95, average="binary")
        found.append([float(x) for x in line])
    return found


def main(path: Path) -> None:
    given = Given(path)
    seconds, values = seconds_of(lambda: points(given, given.slices), warm=lambda: points(given, given.slices[-2:]))
    say(seconds=seconds, values=values)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
