"""However odd the patients: no error, no warning, no interval that leaves out its value, no number without a reason."""

from __future__ import annotations

import numpy as np
from binary_cohorts import binary
from hypothesis import given, settings
from hypothesis import strategies as st

SCORES = (0.0, 1e-300, 1e-12, 0.1, 0.25, 0.5, 0.5000000000000001, 0.9, 1 - 1e-12, 1.0)
WILD = (-np.inf, -1e300, -3.5, 0.0, 0.5, 7.0, 1e300, np.inf, np.nan)


@st.composite
def odd(draw: st.DrawFn) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    n = draw(st.integers(12, 80))
    r = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([SCORES, SCORES, SCORES[3:8], SCORES[3:4], WILD]))
    risk = r.choice(levels, n)
    risk[0] = 0.5
    died = (r.uniform(size=n) < draw(st.sampled_from([0.0, 0.05, 0.3, 1.0]))).astype(int)
    if draw(st.booleans()):
        died = (risk > np.nanmedian(risk)).astype(int)  # perfect separation
    columns = {
        "died": died, "risk": risk, "sex": r.choice(["F", "M", "X"], n, p=[0.5, 0.4, 0.1]),
        "patient": r.integers(0, draw(st.sampled_from([1, 3, n, 3 * n])), n),
        "w": 10.0 ** r.uniform(-draw(st.integers(0, 8)), draw(st.integers(0, 8)), n),
    }  # fmt: skip
    asked: dict[str, object] = {
        "by": draw(st.sampled_from([[], [["sex"]]])),
        "thresholds": draw(st.sampled_from([[], [0.5], [0.0, 0.25, 1.0]])),
        "weight": draw(st.sampled_from([None, "w"])),
        "subject": draw(st.sampled_from([None, "patient"])),
        "suppression": draw(st.sampled_from(["standard", "strict"])),
        "level": draw(st.sampled_from([0.5, 0.95, 0.9999])),
        "auroc_interval": draw(st.sampled_from(["delong-logit", "delong"])),
    }
    return columns, asked


def whole(columns: dict[str, np.ndarray], asked: dict[str, object]) -> None:
    for row in binary(columns, **asked):
        if row.value is None:
            assert row.note, row
            assert row.lower is None, row
            assert row.upper is None, row
            continue
        assert (row.lower is None) == (row.upper is None) == (row.level is None), row
        if row.lower is not None:
            slack = 1e-9 * max(1.0, abs(row.value))
            assert row.lower - slack <= row.value <= row.upper + slack, row


@settings(max_examples=80)
@given(odd())
def test_every_number_has_an_interval_around_it_or_a_reason(case):
    whole(*case)


@settings(max_examples=5)
@given(odd(), st.sampled_from(["percentile", "bca"]))
def test_the_bootstrap_withstands_odd_patients_too(case, interval):
    columns, asked = case
    for row in binary(columns, **asked, interval=interval, replicates=100):
        assert row.value is not None or row.note
        assert (row.lower is None) == (row.upper is None)
        assert row.lower is None or row.lower <= row.upper
