"""Ten million rows: counts stay exact, ties stay blocks, every row lands in one slice of each grouping."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from codman.evaluate import evaluate


@pytest.mark.soak
def test_ten_million_rows_give_the_exact_area_under_the_curve_of_everyone_and_of_each_group(whole):
    rows = 10_000_000 if whole else 1_000_000
    r = np.random.default_rng(10)
    sex = r.integers(0, 2, rows)
    score = np.floor(r.random(rows) * 1000) / 1000  # a thousand values: every one of them is a tie of thousands
    event = r.random(rows) < 0.02 + 0.2 * score * (1 + sex) / 2
    table = pl.DataFrame({"died": event, "risk": score, "sex": np.where(sex == 1, "F", "M")})

    measured = evaluate(table, label="died", score="risk", by=[["sex"]], metrics=["auroc", "brier", "prevalence"])

    for slice_, rows_of in (({}, slice(None)), ({"sex": "F"}, sex == 1), ({"sex": "M"}, sex == 0)):
        (auroc,) = measured.where(metric="auroc", slice=slice_)
        y, s = event[rows_of], score[rows_of]
        # with a thousand score values the pairs can be counted whole, in integers
        events = np.bincount(np.rint(s[y] * 1000).astype(int), minlength=1001).tolist()
        others = np.bincount(np.rint(s[~y] * 1000).astype(int), minlength=1001).tolist()
        below, twice = 0, 0
        for with_event, without in zip(events, others, strict=True):
            twice += with_event * (2 * below + without)
            below += without
        assert auroc.value == pytest.approx(twice / (2 * sum(events) * sum(others)), rel=1e-12)
        assert (auroc.n, auroc.positives) == (len(y), int(y.sum()))
        (brier,) = measured.where(metric="brier", slice=slice_)
        assert brier.value == pytest.approx(float(np.mean((s - y) ** 2)), rel=1e-9)
