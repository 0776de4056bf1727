"""Conclusions about a margin, whichever way is better."""

import math

import pytest

from codman.errors import BadInput
from codman.evaluate.compare.margins import BadMargin, check_margins, conclude, sentence
from codman.spine.measurement import Measurement
from codman.spine.vocabulary import UnknownMetric


@pytest.mark.parametrize(
    ("lower", "upper", "conclusion"),
    [
        (0.001, 0.05, "superior"),
        (-0.01, 0.03, "non-inferior"),
        (-0.019, -0.001, "non-inferior"),  # worse, by less than was agreed
        (-0.02, 0.03, "inconclusive"),  # on the margin is not above it
        (-0.05, 0.03, "inconclusive"),
        (-0.05, -0.021, "inferior"),
        (math.nan, math.nan, "inconclusive"),
    ],
)
def test_where_higher_is_better_all_of_the_interval_must_lie_above_the_margin(lower, upper, conclusion):
    assert conclude("auroc", lower, upper, -0.02) == conclusion


@pytest.mark.parametrize(
    ("lower", "upper", "conclusion"),
    [
        (-0.02, -0.001, "superior"),
        (-0.02, 0.009, "non-inferior"),
        (-0.02, 0.02, "inconclusive"),
        (0.011, 0.02, "inferior"),
    ],
)
def test_where_lower_is_better_all_of_the_interval_must_lie_below_the_margin(lower, upper, conclusion):
    assert conclude("brier", lower, upper, 0.01) == conclusion


@pytest.mark.parametrize(
    "margins", [{"auroc": 0.02}, {"brier": -0.01}, {"alert_rate": 0.1}, {"oe_ratio": 0.1}, {"auroc": math.nan}]
)
def test_a_margin_that_is_no_accepted_loss_is_refused(margins):
    with pytest.raises(BadMargin):
        check_margins(margins)


def test_an_unknown_metric_suggests_the_nearest():
    with pytest.raises(UnknownMetric) as error:
        check_margins({"aroc": -0.02})
    assert "auroc" in error.value.fix
    assert isinstance(error.value, BadInput)


def test_a_margin_of_zero_asks_for_no_loss_at_all():
    check_margins({"auroc": 0.0, "brier": 0.0})
    assert conclude("auroc", -0.001, 0.02, 0.0) == "inconclusive"


def row(value, lower, upper, conclusion, **more):
    return Measurement(
        metric="sensitivity_change", value=value, lower=lower, upper=upper, n=100,
        params={"threshold": 0.2, "margin": -0.05, "conclusion": conclusion}, **more,
    )  # fmt: skip


def test_the_sentence_says_the_change_the_margin_and_the_verdict():
    assert sentence(row(-0.01, -0.03, 0.01, "non-inferior")) == (
        "Sensitivity at threshold 0.2: B minus A is -0.010 (-0.030 to +0.010); the margin is -0.05: "
        "B is no worse than the margin allows (non-inferior)."
    )
    assert "worse, by less than the margin" in sentence(row(-0.02, -0.03, -0.01, "non-inferior"))
    assert "not known" in sentence(row(-0.02, -0.08, 0.04, "inconclusive"))
    assert "for sex F" in sentence(row(-0.02, -0.08, 0.04, "inconclusive", slice={"sex": "F"}))


def test_the_sentence_of_a_suppressed_slice_concludes_nothing():
    assert "nothing can be concluded (suppressed)" in sentence(row(None, None, None, "inconclusive", note="suppressed"))


@pytest.mark.parametrize(("elsewhere", "here"), [("recall", "sensitivity"), ("AUC", "auroc"), ("precision", "ppv")])
def test_a_metric_by_its_name_in_another_tool_is_refused_with_its_name_here(elsewhere, here):
    with pytest.raises(UnknownMetric) as error:
        check_margins({elsewhere: -0.02})
    assert error.value.fix == f"did you mean '{here}'?"
