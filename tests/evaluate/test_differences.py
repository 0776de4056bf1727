"""Differences between groups: MOVER, the honest interval of the largest, references, adjusted p values."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from binary_cohorts import binary, cohort, ends, some
from many_samples import replicates
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from codman.errors import BadInput
from codman.evaluate.binary import measured
from codman.evaluate.differences import between_groups, mover
from codman.evaluate.estimates import Estimates
from codman.evaluate.groups import Slices
from codman.evaluate.ranked import rank
from codman.evaluate.rows import Standing
from codman.spine.evaluation_spec import EvaluationSpec


def three_groups() -> dict[str, np.ndarray]:
    """Sensitivity 0.9, 0.7 and 0.5 of 100, 80 and 60 patients with the event, and 60 without it each."""
    died, risk, race = [], [], []
    for name, hits, events in (("A", 90, 100), ("B", 56, 80), ("C", 30, 60)):
        died += [1] * events + [0] * 60
        risk += [0.9] * hits + [0.1] * (events - hits) + [0.1] * 50 + [0.9] * 10
        race += [name] * (events + 60)
    return {"died": np.array(died), "risk": np.array(risk), "race": np.array(race)}


GROUPS = {"A": (90, 100), "B": (56, 80), "C": (30, 60)}


def pair(one: str, other: str, level: float) -> tuple[float, float]:
    """Newcombe's interval of a difference of two Wilson shares, which MOVER generalises."""
    (a, n), (b, m) = GROUPS[one], GROUPS[other]
    (al, au), (bl, bu) = (proportion_confint(k, t, alpha=1 - level, method="wilson") for k, t in ((a, n), (b, m)))
    p, q = a / n, b / m
    return p - q - np.hypot(p - al, bu - q), p - q + np.hypot(au - p, q - bl)


def test_the_largest_difference_names_its_groups_and_is_honest_about_having_searched():
    row = binary(three_groups(), by=[["race"]], thresholds=[0.5]).one("sensitivity_difference")
    assert row.value == pytest.approx(0.4)
    assert (row.params["highest"], row.params["lowest"]) == ({"race": "A"}, {"race": "C"})
    assert row.params["by"] == ["race"]
    pairs = list(itertools.permutations("ABC", 2))
    assert row.lower == pytest.approx(max(0, *(pair(a, b, 1 - 0.05 / 3)[0] for a, b in pairs)), abs=1e-9)
    assert row.upper == pytest.approx(max(pair(a, b, 0.95)[1] for a, b in pairs), abs=1e-9)
    assert row.method == "mover"


def test_two_groups_are_newcombes_interval_as_statsmodels_has_it():
    columns = {k: v[three_groups()["race"] != "B"] for k, v in three_groups().items()}
    row = binary(columns, by=[["race"]], thresholds=[0.5]).one("sensitivity_difference")
    assert ends(row) == pytest.approx(confint_proportions_2indep(90, 100, 30, 60, method="newcomb"), abs=1e-6)


def test_no_difference_has_a_lower_end_of_0_and_never_below():
    columns = some(600)
    found = binary(columns, by=[["sex"]], thresholds=[0.3])
    rows = [m for m in found if m.metric.endswith("_difference") and m.lower is not None]
    assert len(rows) > 15
    assert all(0 <= m.lower <= m.value <= m.upper for m in rows)


def test_a_reference_gives_one_signed_row_a_group():
    found = binary(three_groups(), by=[["race"]], thresholds=[0.5], reference={"race": "B"})
    rows = found.where("sensitivity_difference")
    assert [(m.params["group"]["race"], round(m.value, 12)) for m in rows] == [("A", 0.2), ("C", -0.2)]
    for row in rows:
        assert ends(row) == pytest.approx(pair(row.params["group"]["race"], "B", 0.95), abs=1e-9)
        assert row.params["reference"] == {"race": "B"}
    ratios = {m.params["group"]["race"]: m.value for m in found.where("sensitivity_ratio")}
    assert ratios == pytest.approx({"A": 0.9 / 0.7, "C": 0.5 / 0.7})


def test_the_adjusted_p_values_of_a_family_equal_statsmodels():
    c = cohort("diabetes")
    big = np.isin(c.group, ["Caucasian", "AfricanAmerican", "Hispanic", "Other"])
    columns = {k: v[big] for k, v in c.columns().items()}
    found = binary(columns, by=[["group"]], thresholds=[c.threshold], reference={"group": "Caucasian"})
    rows = found.where("alert_rate_difference")
    p = [m.p_value for m in rows]
    assert len(p) == 3
    for name, method in (("p_holm", "holm"), ("p_bh", "fdr_bh")):
        assert [m.params[name] for m in rows] == pytest.approx(multipletests(p, method=method)[1])
    assert {m.params["family"] for m in rows} == {"alert_rate_difference: 3 comparisons"}


def test_a_p_value_is_below_five_per_cent_exactly_when_the_interval_leaves_out_0():
    for seed in range(12):
        found = binary(some(400, seed=seed), by=[["sex"]], thresholds=[0.3], reference={"sex": "F"})
        for row in found:
            if row.metric.endswith("_difference") and row.lower is not None:
                assert (row.p_value < 0.05) == (row.lower > 0 or row.upper < 0), row


def test_ratios_are_the_smallest_over_the_largest_with_an_upper_end_of_at_most_1():
    row = binary(three_groups(), by=[["race"]], thresholds=[0.5]).one("sensitivity_ratio")
    assert row.value == pytest.approx(0.5 / 0.9)
    assert row.lower <= row.value <= row.upper <= 1


def test_groups_that_cannot_be_judged_are_named_with_the_reason():
    columns = some(600)
    race = np.repeat(["A", "B", "C", "D"], [280, 280, 32, 8])
    died = columns["died"].copy()
    died[560:592] = 0
    row = binary({**columns, "died": died, "race": race}, by=[["race"]], thresholds=[0.3]).one("sensitivity_difference")
    named = {k["slice"]["race"]: k["why"] for k in row.params["not_judged"]}
    assert set(named) == {"C", "D"}
    assert named["D"] == "suppressed"
    assert "no patient has the event" in named["C"]
    assert row.value is not None


def test_with_fewer_than_two_judged_groups_there_is_no_number_and_a_reason():
    columns = {**some(300), "race": np.repeat(["A", "B"], [295, 5])}
    row = binary(columns, by=[["race"]], thresholds=[0.3]).one("sensitivity_difference")
    assert (row.value, row.lower, row.p_value) == (None, None, None)
    assert row.note.startswith("fewer than two groups can be compared")
    assert row.params["not_judged"]


def test_a_missing_group_is_a_group_and_is_judged():
    columns = {**some(600), "race": np.array(["A", "B", None] * 200, dtype=object)}
    found = binary(columns, by=[["race"]], thresholds=[0.3])
    assert found.one("sensitivity", slice={"race": "(missing)"}).value is not None
    assert "not_judged" not in found.one("sensitivity_difference").params


@pytest.mark.parametrize("metric", ["ppv", "auprc", "f1", "brier", "net_benefit"])
def test_metrics_that_mix_prevalence_in_say_so(metric):
    row = binary(some(600), by=[["sex"]], thresholds=[0.3]).one(f"{metric}_difference")
    assert "prevalence" in row.note


def test_a_reference_group_that_does_not_occur_is_refused_with_the_nearest():
    with pytest.raises(BadInput, match="does not occur"):
        binary(some(), by=[["sex"]], reference={"sex": "Female"})
    with pytest.raises(BadInput, match="no grouping uses"):
        binary(some(), by=[["sex"]], reference={"race": "A"})


def test_mover_of_one_sided_certainty_moves_only_the_other_end():
    lower, upper = mover(*(np.array([x]) for x in (0.5, 0.5, 0.6, 0.2, 0.1, 0.2)))
    assert lower[0] == pytest.approx(0.3)
    assert upper[0] == pytest.approx(0.3 + np.hypot(0.1, 0.1))


def test_without_a_true_difference_the_lower_end_exceeds_0_at_most_once_in_twenty():
    """500 samples of five equal groups of 150 patients; each sample is a grouping of the same rows."""
    count, groups, rows = 500, 5, 150
    base = replicates(count * groups, rows)
    r = np.random.default_rng(8)
    n = count * groups * rows
    x = r.standard_normal(n)
    risk = 1 / (1 + np.exp(1 - x))
    event = r.uniform(size=n) < risk
    spec = EvaluationSpec(task="binary", label="y", score="s", thresholds=[0.3])
    ranked = rank(base, event, risk)
    names = ("auroc", "sensitivity", "specificity", "alert_rate", "brier", "ppv")
    estimates = [e for e in measured(ranked, spec, {}, names, risks=True) if e.metric in names]
    alarms = dict.fromkeys(names, 0)
    for k in range(count):
        chosen = np.arange(1 + k * groups, 1 + (k + 1) * groups)
        slices = Slices(
            names=({}, *(base.slices.names[s] for s in chosen)),
            grouping=np.array([0] + [1] * groups),
            groupings=((), ("replicate",)),
            cell=np.zeros(0, dtype=np.int32),
            of_cell=np.array([[0] * groups, range(1, groups + 1)], dtype=np.int32),
        )
        some_of = np.concatenate([[0], chosen])
        standing = Standing(
            slices=slices, n=ranked.n[some_of], positives=ranked.positives[some_of], hidden=np.zeros(groups + 1, bool),
            level=0.95, patients=None,
        )  # fmt: skip
        for row in between_groups([only(e, some_of) for e in estimates], standing, {}):
            if row.metric.endswith("_difference"):
                assert row.lower is not None
                alarms[row.metric.removesuffix("_difference")] += row.lower > 0
    most = stats.binom.ppf(0.999, count, 0.05)
    assert all(n <= most for n in alarms.values()), alarms


def only(estimate: Estimates, wanted: np.ndarray) -> Estimates:
    """The same estimate on some slices."""

    def bounds(level: float) -> tuple[np.ndarray, np.ndarray]:
        lower, upper = estimate.bounds(level)
        return lower[wanted], upper[wanted]

    return replace(estimate, value=estimate.value[wanted], bounds=bounds, notes={}, method="", slice_params={})
