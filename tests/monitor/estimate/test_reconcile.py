import pytest

from codman.monitor.estimate.reconcile import reconcile
from codman.spine.measurement import Measurement, Window


def pair(month, estimated, lower, upper, final, *, slice_=None):
    window = Window(start=f"2026-{month:02}-01T00:00:00Z", end=f"2026-{month + 1:02}-01T00:00:00Z")
    shared = {"window": window, "slice": slice_ or {}, "n": 100}
    return [
        Measurement(metric="estimated_auroc", value=estimated, lower=lower, upper=upper, level=0.95,
                    params={"age": "estimated"}, **shared),
        Measurement(metric="auroc", value=final, params={"age": "final"}, **shared),
    ]  # fmt: skip


def test_an_estimate_is_held_against_what_came_true():
    rows = [*pair(1, 0.80, 0.75, 0.85, 0.78), *pair(2, 0.80, 0.75, 0.85, 0.70), *pair(3, 0.81, 0.76, 0.86, 0.80)]

    coverage, bias = reconcile(rows)

    assert (coverage.metric, coverage.value, coverage.n) == ("coverage", pytest.approx(2 / 3), 3)
    assert coverage.params == {"of": "estimated_auroc", "unit": "window", "stated": 0.95}
    assert bias.value == pytest.approx((0.02 + 0.10 + 0.01) / 3)
    assert bias.params["largest"] == pytest.approx(0.10)
    assert coverage.note == (
        "Of 3 windows whose labels are all in, the AUROC came true inside its prediction interval in 2 (stated: 95% of"
        " them); on average the estimate was 0.043 too high."
    )


def test_partial_numbers_and_other_slices_are_not_what_came_true():
    estimated, final = pair(1, 0.80, 0.75, 0.85, 0.78)
    partial = final.model_copy(update={"params": {"age": "partial"}})
    elsewhere = final.model_copy(update={"slice": {"sex": "F"}})

    assert reconcile([estimated, partial, elsewhere]) == []


def test_each_slice_is_judged_on_its_own():
    rows = [*pair(1, 0.8, 0.7, 0.9, 0.8), *pair(1, 0.8, 0.7, 0.9, 0.6, slice_={"sex": "F"})]

    found = {tuple(m.slice): m.value for m in reconcile(rows) if m.metric == "coverage"}

    assert found == {(): 1.0, ("sex",): 0.0}
