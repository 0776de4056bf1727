"""No interval of no width: what looks certain in these patients is not certain in the next."""

from __future__ import annotations

import numpy as np
import pytest
from binary_cohorts import binary


@pytest.mark.parametrize("n", [40, 1000])
def test_a_perfect_ranking_has_no_interval_of_average_precision(n):
    died = np.arange(n) % 2
    row = binary({"died": died, "risk": died * 0.8 + 0.1}, metrics=["auprc"]).one("auprc")

    assert row.value == pytest.approx(1)
    assert (row.lower, row.upper) == (None, None)
    assert "variance is 0" in str(row.note)


def test_one_weight_beside_which_all_others_vanish_gives_no_certainty():
    rng = np.random.default_rng(3)
    risk = rng.random(1000)
    died = (rng.random(1000) < risk).astype(int)
    weight = np.ones(1000)
    weight[np.flatnonzero(died == 0)[0]] = 1e9
    found = binary({"died": died, "risk": risk, "w": weight}, weight="w", metrics=["auprc", "auroc"])

    assert found.one("auprc").lower is None
    for row in found:
        assert row.lower is None or row.upper is None or row.lower < row.upper


@pytest.mark.parametrize(("threshold", "metric"), [(0.05, "positive"), (0.95, "negative")])
def test_a_likelihood_ratio_has_no_interval_where_nobody_is_on_one_side(threshold, metric):
    died = np.arange(60) % 2
    found = binary({"died": died, "risk": np.linspace(0.1, 0.9, 60)}, thresholds=[threshold])
    row = found.one(f"likelihood_ratio_{metric}")

    assert (row.value, row.lower, row.upper) == (1, None, None)
    assert "same side" in str(row.note)
