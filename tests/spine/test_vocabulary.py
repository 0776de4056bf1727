"""The dictionary of metric names: what is derived is derived once."""

import pytest

from codman.spine.vocabulary import UnknownMetric, word


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("estimated_estimated_auroc", "estimated_auroc"),
        ("auroc_difference_difference", "auroc_difference"),
        ("auroc_change_change", "auroc_change"),
        ("estimated_estimated_brier_change", "estimated_brier_change"),
    ],
)
def test_nothing_is_derived_twice_and_the_name_with_each_ending_once_is_suggested(name, meant):
    with pytest.raises(UnknownMetric) as refused:
        word(name)

    assert refused.value.what == f"unknown metric {name!r}"
    assert refused.value.fix == f"did you mean {meant!r}?"
    assert word(meant).name == meant


def test_an_estimate_of_a_difference_between_groups_is_a_word():
    assert word("estimated_auroc_difference").label == "estimated difference in AUROC"


def test_a_ratio_between_groups_of_a_ratio_is_a_word():
    assert word("oe_ratio_ratio").label == "ratio of O:E ratio"


def test_another_tool_s_name_leads_to_the_vocabulary_s():
    with pytest.raises(UnknownMetric) as refused:
        word("AUC")

    assert refused.value.fix == "did you mean 'auroc'?"
