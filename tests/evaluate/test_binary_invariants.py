"""What must not change: order of rows, a monotone change of scores, other groupings, being measured with others."""

from __future__ import annotations

import numpy as np
import pytest
from binary_cohorts import NAMES, binary, cohort, some
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from codman.spine.measurement import Measurement, Measurements

RANKS = ["auroc", "auprc"]


@st.composite
def patients(draw: st.DrawFn) -> dict[str, np.ndarray]:
    """Twelve to sixty patients with ties, both classes, repeated patients and two groups."""
    n = draw(st.integers(24, 60))
    tenths = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 20)))
    died = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1)))
    died[0], died[1] = 0, 1
    sex = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1)))
    who = draw(hnp.arrays(np.int64, n, elements=st.integers(0, n // 2)))
    return {"died": died, "risk": tenths / 20, "sex": np.where(sex == 1, "F", "M"), "patient": who}


def described(m: Measurement) -> tuple[object, ...]:
    """All but the numbers; a smooth's method counts its points, which are everyone's."""
    return m.metric, m.slice, m.n, m.positives, m.method.partition(":points")[0], m.note


def same(found: Measurements, reference: Measurements, close: float, *, skip: frozenset[str] = frozenset()) -> None:
    assert len(found) == len(reference)
    for a, b in zip(found, reference, strict=True):
        assert described(a) == described(b)
        if a.metric not in skip:
            agree(a, b, close)


def agree(a: Measurement, b: Measurement, close: float) -> None:
    for one, two in ((a.value, b.value), (a.lower, b.lower), (a.upper, b.upper), (a.p_value, b.p_value)):
        assert (one is None) == (two is None), (a, b)
        if one is not None:
            assert one == pytest.approx(two, rel=close, abs=close), (a, b)


@settings(max_examples=20)
@given(patients())
def test_a_monotone_change_of_scores_changes_no_rank(columns):
    plain = binary(columns, metrics=RANKS, by=[["sex"]])
    for changed in (columns["risk"] ** 3, np.exp(5 * columns["risk"]), 2 * columns["risk"] - 7):
        assert binary({**columns, "risk": changed}, metrics=RANKS, by=[["sex"]]) == plain


@settings(max_examples=20)
@given(patients())
def test_swapping_the_classes_and_turning_the_scores_round_keeps_auroc_and_swaps_the_table(columns):
    turned = {**columns, "died": 1 - columns["died"], "risk": 1 - columns["risk"]}
    a, b = (binary(c, thresholds=[t]) for c, t in ((columns, 0.525), (turned, 0.475)))
    pairs = (("auroc", "auroc"), ("sensitivity", "specificity"), ("ppv", "npv"), ("accuracy", "accuracy"))
    for one, other in (*pairs, ("brier", "brier"), ("mcc", "mcc"), ("log_loss", "log_loss")):
        agree(a.one(one), b.one(other), 1e-9)


@settings(max_examples=20)
@given(patients(), st.integers(0, 2**32 - 1), st.sampled_from([None, "patient"]))
def test_the_order_of_rows_is_of_no_account(columns, seed, subject):
    order = np.random.default_rng(seed).permutation(len(columns["died"]))
    asked = {"by": [["sex"]], "thresholds": [0.5], "subject": subject}
    shuffled = binary({k: v[order] for k, v in columns.items()}, **asked)
    reference = binary(columns, **asked)
    calibration = frozenset({m.metric for m in reference if "calibration" in m.metric})
    same(shuffled, reference, 1e-9, skip=calibration)
    for metric in ("sensitivity", "ppv", "prevalence", "alert_rate", *([] if subject else RANKS)):
        for a, b in zip(shuffled.where(metric), reference.where(metric), strict=True):
            assert a.value == b.value  # counts and ranks to the last bit


@settings(max_examples=20)
@given(patients())
def test_the_slices_of_a_grouping_add_up_to_everyone(columns):
    found = binary(columns, by=[["sex"]], thresholds=[0.5])
    parts = [m for m in found.where("brier") if m.slice]
    if any(m.suppressed for m in parts):
        return
    everyone = found.one("brier")
    assert sum(m.n for m in parts) == everyone.n
    assert sum(m.positives for m in parts) == everyone.positives
    assert sum(m.n * m.value for m in parts) == pytest.approx(everyone.n * everyone.value)


@settings(max_examples=20)
@given(patients(), st.integers(0, 2**32 - 1))
def test_auroc_lies_inside_0_and_1_with_any_weights(columns, seed):
    w = 10.0 ** np.random.default_rng(seed).uniform(-6, 6, len(columns["died"]))
    row = binary({**columns, "w": w}, weight="w", metrics=["auroc"]).one("auroc")
    assert 0 <= row.value <= 1
    if row.lower is not None:
        assert 0 <= row.lower <= row.value <= row.upper <= 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("subject", [None, "patient"])
@pytest.mark.parametrize("weight", [None, "w"])
def test_one_pass_over_all_slices_equals_each_subset_alone(name, subject, weight):
    c = cohort(name)
    columns = c.columns()
    if subject and len(np.unique(c.subject)) == len(c.subject):
        columns["patient"] = np.arange(len(c.subject)) // 3
    columns["risk"] = np.round(columns["risk"], 2)  # under 400 different risks: the smooths see the same points
    asked = {"thresholds": [round(c.threshold, 2)], "subject": subject, "weight": weight}
    found = binary(columns, by=[["sex"], ["sex", "group"]], **asked)
    where = {"sex": c.sex[0], "group": c.group[0]}
    for wanted in ({"sex": c.sex[0]}, where):
        inside = np.all([columns[k] == v for k, v in wanted.items()], axis=0)
        alone = binary({k: v[inside] for k, v in columns.items()}, **asked)
        together = Measurements(m.model_copy(update={"slice": {}}) for m in found.where(slice=wanted))
        together = Measurements(m for m in together if "by" not in m.params)
        same(together, alone, 1e-7)


@pytest.mark.parametrize("subject", [None, "patient"])
def test_another_grouping_changes_no_other_slices_numbers(subject):
    columns = some(900)
    asked = {"thresholds": [0.3], "bands": {"age": [40, 65]}, "subject": subject}
    few = binary(columns, by=[["sex"]], **asked)
    many = binary(columns, by=[["age_band"], ["sex"], ["sex", "age_band"]], **asked)
    kept = [m for m in many if "age_band" not in m.slice and "age_band" not in m.params.get("by", [])]
    same(few, Measurements(kept), 1e-9)


@pytest.mark.parametrize("subject", [None, "patient"])
def test_the_same_question_twice_gives_the_same_bits(subject):
    c = cohort("sepsis")
    asked = {"by": [["sex"], ["group"]], "thresholds": [c.threshold], "subject": subject, "weight": "w"}
    assert binary(c.columns(), **asked) == binary(c.columns(), **asked)


def test_patients_names_do_not_matter():
    columns = some(500)
    renamed = {**columns, "patient": np.array([f"p{997 * p % 1009}" for p in columns["patient"]])}
    same(
        binary(renamed, subject="patient", thresholds=[0.3]), binary(columns, subject="patient", thresholds=[0.3]), 1e-9
    )
