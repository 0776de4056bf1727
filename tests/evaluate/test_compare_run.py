"""compare from files and frames: pairing, accounting, suppression, margins, and each model's own numbers."""

import numpy as np
import polars as pl
import pytest

from codman.errors import BadInput
from codman.evaluate.compare.pairing import NotPaired
from codman.evaluate.compare.run import run
from codman.evaluate.run import run as evaluate
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.vocabulary import word
from codman.tables.source import open_source


def frames(n=600, seed=9):
    random = np.random.default_rng(seed)
    event = random.random(n) < 0.25
    shared = random.normal(size=n) + event
    risk = lambda: 1 / (1 + np.exp(-(shared + random.normal(size=n) - 1.5)))  # noqa: E731
    a = pl.DataFrame(
        {
            "row": np.arange(n),
            "patient": [f"p{i}" for i in np.sort(random.integers(0, n // 2, n))],
            "sex": random.choice(["F", "M"], n),
            "age": random.integers(20, 90, n),
            "risk": risk(),
            "died": event.astype(int),
        }
    )
    return a, a.with_columns(risk=pl.Series(risk()))


def compare(a, b, **spec):
    return run(
        open_source(a, name="a"), open_source(b, name="b"), ComparisonSpec(**{"label": "died", "score": "risk", **spec})
    )


def test_joined_rows_in_any_order_give_what_the_same_order_gives():
    a, b = frames()

    straight = compare(a, b, thresholds=[0.2])
    joined = compare(a, b.sample(fraction=1.0, shuffle=True, seed=1), thresholds=[0.2], id="row")

    assert straight.measurements.rows() == joined.measurements.rows()
    assert straight.rows == joined.rows


def test_ids_of_another_type_still_meet():
    a, b = frames()

    assert compare(a, b.with_columns(pl.col("row").cast(str)), id="row").rows.evaluated == 600


def test_every_row_is_accounted_for():
    a, b = frames()
    a = a.with_columns(died=pl.when(pl.col("row") == 20).then(None).otherwise(pl.col("died")))
    b = b.with_columns(died=pl.when(pl.col("row") == 20).then(None).otherwise(pl.col("died")))
    b = b.filter(pl.col("row") >= 5).with_columns(risk=pl.when(pl.col("row") < 12).then(None).otherwise(pl.col("risk")))
    extra = b.tail(3).with_columns(row=pl.col("row") + 1000)

    rows = compare(a, pl.concat([b, extra]), id="row").rows

    assert rows.excluded == {"row only in A": 5, "row only in B": 3, "label missing": 1, "score missing": 7}
    assert rows.eligible == 603 == rows.evaluated + sum(rows.excluded.values())


def test_an_id_that_stands_twice_is_named_by_row_and_not_shown():
    a, b = frames()
    doubled = a.with_columns(row=pl.when(pl.col("row") == 41).then(pl.lit(7)).otherwise(pl.col("row")))

    with pytest.raises(NotPaired, match="row 42 repeats an earlier row's id"):
        compare(doubled, b, id="row")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda b: b.head(500), "has 600 rows"),
        (
            lambda b: b.with_columns(died=pl.when(pl.col("row") == 3).then(1 - pl.col("died")).otherwise("died")),
            "row 4",
        ),
        (lambda b: b.reverse(), "first at row"),
    ],
    ids=["fewer rows", "another label", "another order"],
)
def test_files_of_other_rows_are_refused_with_the_first_that_differs(change, says):
    a, b = frames()

    with pytest.raises(NotPaired, match=says):
        compare(a, change(b))


def test_labels_that_disagree_after_a_join_are_refused():
    a, b = frames()
    wrong = b.with_columns(died=pl.when(pl.col("row") == 77).then(1 - pl.col("died")).otherwise("died"))

    with pytest.raises(NotPaired, match="row 78"):
        compare(a, wrong.reverse(), id="row")


def test_patients_that_disagree_are_refused():
    a, b = frames()
    wrong = b.with_columns(patient=pl.when(pl.col("row") == 9).then(pl.lit("someone")).otherwise("patient"))

    with pytest.raises(NotPaired, match="column 'patient'"):
        compare(a, wrong, subject="patient")


def test_columns_of_the_patients_may_stand_in_either_file():
    a, b = frames()

    found = compare(a.drop("sex", "patient"), b, by=[["sex"]], subject="patient")

    assert {m.slice.get("sex") for m in found.measurements.where("auroc_change")} == {None, "F", "M"}


def test_no_common_row_is_an_error():
    a, b = frames()

    with pytest.raises(NotPaired, match="no row in common"):
        compare(a, b.with_columns(row=pl.col("row") + 10_000), id="row")


def test_each_models_own_numbers_are_those_of_evaluate():
    a, b = frames()
    found = compare(a, b, thresholds=[0.2], by=[["sex"]], subject="patient")

    for model, frame in (("a", a), ("b", b)):
        alone = evaluate(
            open_source(frame),
            EvaluationSpec(
                task="binary", label="died", score="risk", thresholds=[0.2], by=[["sex"]], subject="patient"
            ),
        ).measurements
        for metric in ("auroc", "brier", "sensitivity", "ppv", "net_benefit"):
            for own in found.measurements.where(metric, model=model):
                same = alone.where(
                    metric, slice=own.slice, **{k: v for k, v in own.params.items() if k == "threshold"}
                )[0]
                assert (own.value, own.lower, own.upper, own.n) == (same.value, same.lower, same.upper, same.n)


def test_a_change_is_bs_own_value_minus_as():
    a, b = frames()
    found = compare(
        a, b, thresholds=[0.1, 0.3], by=[["sex"], ["sex", "age_band"]], bands={"age": [40, 65]}
    ).measurements

    for change in [m for m in found if m.metric.endswith("_change")]:
        params = {"threshold": change.params["threshold"]} if "threshold" in change.params else {}
        metric = change.metric.removesuffix("_change")
        of_a, of_b = (found.one(metric, slice=change.slice, model=model, **params) for model in "ab")
        assert change.value == pytest.approx(of_b.value - of_a.value, abs=1e-9)
    assert all(word(m.metric) for m in found)


def test_a_subset_is_compared_as_if_it_were_alone():
    a, b = frames()
    women = compare(a, b, by=[["sex"]], thresholds=[0.2], subject="patient").measurements
    alone = compare(
        a.filter(pl.col("sex") == "F"), b.filter(pl.col("sex") == "F"), thresholds=[0.2], subject="patient"
    ).measurements

    for change in alone:
        if change.metric.endswith("_change") or change.metric == "mcnemar":
            params = {k: v for k, v in change.params.items() if k == "threshold"}
            same = women.one(change.metric, slice={"sex": "F"}, **params)
            assert (same.value, same.lower, same.upper, same.p_value) == (
                change.value, change.lower, change.upper, change.p_value,
            )  # fmt: skip


def test_fewer_than_eleven_patients_keep_their_row_and_lose_their_numbers():
    a, b = frames()
    few = [f.with_columns(sex=pl.when(pl.col("row") < 10).then(pl.lit("X")).otherwise("sex")) for f in (a, b)]

    found = compare(*few, by=[["sex"]], thresholds=[0.2], margins={"auroc": -0.02}).measurements

    rows = [m for m in found if m.slice == {"sex": "X"}]
    assert {m.metric for m in rows} >= {"auroc", "auroc_change", "sensitivity_change", "mcnemar"}
    for m in rows:
        assert (m.value, m.n, m.positives, m.lower, m.p_value) == (None,) * 5
        assert m.note == "suppressed"
        assert set(m.params) <= {"threshold", "model"}


def test_eleven_rows_of_ten_patients_are_too_few():
    a, b = frames()
    few = [
        f.with_columns(
            sex=pl.when(pl.col("row") < 11).then(pl.lit("X")).otherwise("sex"),
            patient=pl.when(pl.col("row") < 11).then((pl.col("row") % 10).cast(str)).otherwise("patient"),
        )
        for f in (a, b)
    ]

    assert compare(*few, by=[["sex"]]).measurements.one("auroc_change", slice={"sex": "X"}).value is not None
    assert (
        compare(*few, by=[["sex"]], subject="patient").measurements.one("auroc_change", slice={"sex": "X"}).value
        is None
    )


def test_a_change_says_how_many_patients_its_rows_are_of():
    a, b = frames()

    found = compare(a, b, by=[["sex"]], subject="patient", thresholds=[0.2]).measurements

    women = a.filter(pl.col("sex") == "F")
    assert found.one("auroc_change").params["subjects"] == a["patient"].n_unique() < 600
    assert found.one("accuracy_change", slice={"sex": "F"}).params["subjects"] == women["patient"].n_unique()
    assert "subjects" not in found.one("sensitivity_change").params  # it is not about all of them
    assert "subjects" not in compare(a, b).measurements.one("auroc_change").params


def test_strict_counts_the_patients_of_either_class_and_not_their_rows():
    # women: 30 rows with the event, three for each of 10 patients; the other 270 rows a patient each
    a, b = frames()
    row = np.arange(600)
    few = [
        f.with_columns(
            sex=pl.Series(np.where(row < 300, "F", "M")),
            died=pl.Series((row % 300 < 30).astype(int)),
            patient=pl.Series(np.where(row < 30, row % 10, row)),
        )
        for f in (a, b)
    ]
    asked = {"by": [["sex"]], "suppression": "strict"}
    assert not compare(*few, **asked).measurements.one("auroc_change", slice={"sex": "F"}).suppressed
    by_patient = compare(*few, **asked, subject="patient").measurements
    assert by_patient.one("auroc_change", slice={"sex": "F"}).suppressed
    assert by_patient.one("auroc", slice={"sex": "F"}, model="a").suppressed


def test_the_conclusion_stands_in_the_params_of_the_change():
    a, b = frames()
    found = compare(a, b, thresholds=[0.2], margins={"auroc": -0.3, "brier": 0.0001, "sensitivity": -0.9}).measurements

    auroc = found.one("auroc_change")
    assert auroc.params["margin"] == -0.3
    assert auroc.params["conclusion"] in ("non-inferior", "superior")
    assert auroc.params["one_sided_alpha"] == pytest.approx(0.025)
    assert auroc.params["p_value_margin"] < 1e-6
    assert found.one("sensitivity_change").params["conclusion"] in ("non-inferior", "superior")
    brier = found.one("brier_change")
    assert (brier.params["p_value_margin"] < 0.025) == (brier.upper < 0.0001)
    assert "conclusion" not in found.one("auprc_change").params


def test_scores_under_another_name_in_b_can_stand_in_one_file():
    a, b = frames()
    both = a.with_columns(new=b["risk"])

    one_file = compare(both, both, score_b="new").measurements

    assert one_file.rows() == compare(a, b).measurements.rows()


def test_groups_by_as_own_score_stay_as_groups_when_b_is_judged():
    a, b = frames()
    found = compare(a, b, by=[["risk_band"]], bands={"risk": [0.2, 0.5]}).measurements

    for change in found.where("brier_change"):
        assert (
            found.one("brier", slice=change.slice, model="b").n
            == change.n
            == found.one("brier", slice=change.slice, model="a").n
        )


def test_weights_reach_every_change_and_mcnemar_says_why_not():
    a, b = frames()
    weight = np.random.default_rng(0).uniform(0.5, 4.0, 600)
    plain = compare(a, b, thresholds=[0.2]).measurements
    weighted = compare(a.with_columns(w=weight), b, thresholds=[0.2], weight="w").measurements

    for m in plain:
        if m.metric.endswith("_change"):
            params = {k: v for k, v in m.params.items() if k == "threshold"}
            assert weighted.one(m.metric, **params).value != m.value
    assert "weights" in weighted.one("mcnemar", threshold=0.2).note


def test_equal_weights_change_no_value():
    a, b = frames()
    weighted = compare(a.with_columns(w=pl.lit(2.5)), b, thresholds=[0.2], weight="w").measurements

    for m in compare(a, b, thresholds=[0.2]).measurements:
        if m.metric.endswith("_change"):
            params = {k: v for k, v in m.params.items() if k == "threshold"}
            same = weighted.one(m.metric, **params)
            assert same.value == pytest.approx(m.value, abs=1e-12)
            assert same.upper - same.lower == pytest.approx(m.upper - m.lower, rel=0.03)


def test_bootstrap_intervals_say_how_often_and_from_which_seed():
    a, b = frames()

    found = compare(a, b, metrics=["auroc"], interval="percentile", replicates=200, subject="patient").measurements

    assert found.one("auroc_change").method == "bootstrap:percentile:200:seed=7"
    assert found.one("auroc_change").lower < found.one("auroc_change").upper


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"metrics": ["aurco"]}, "did you mean 'auroc'"),
        ({"metrics": ["sensitivity"]}, "--threshold"),
        ({"margins": {"sensitivity": -0.05}}, "--threshold"),
        ({"margins": {"ece": 0.05}}, "cannot be compared"),
        ({"label": "dead"}, "did you mean 'died'"),
        ({"id": "rwo"}, "did you mean 'row'"),
        ({"by": [["sexx"]]}, "did you mean 'sex'"),
        ({"score": "sex"}, "not numbers"),
        ({"label": "age"}, "not a yes-or-no label"),
    ],
)
def test_bad_questions_are_refused_with_a_way_out(spec, says):
    a, b = frames()

    with pytest.raises(BadInput, match=says):
        compare(a, b, **spec)


def test_no_row_scored_by_both_says_why():
    a, b = frames()

    with pytest.raises(BadInput, match="600 score missing"):
        compare(a, b.with_columns(risk=pl.lit(None, dtype=pl.Float64)))
