"""Conditions over answers: three values, and what is written otherwise is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.review.intake.condition import Settled, UnreadableCondition, condition_of

ANSWERS = {"kind": "bought", "generative": False, "groups": ("children", "pregnant"), "patients": 1200.0}


def held(written, values=ANSWERS, closed=()):
    return condition_of(written).holds(Settled(values, frozenset(closed)))


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ({"kind": "bought"}, True),
        ({"kind": ["built", "open"]}, False),
        ({"generative": False}, True),
        ({"groups": "pregnant"}, True),
        ({"groups": ["newborns", "prisoners"]}, False),
        ({"patients": {"at_least": 1200}}, True),
        ({"patients": {"at_least": 100, "at_most": 1199}}, False),
        ({"kind": {"at_least": 1}}, False),
        ({"kind": {"answered": True}}, True),
        ({"vendor": {"answered": False}}, True),
        ({"not": {"kind": "bought"}}, False),
        ({"kind": "bought", "generative": True}, False),
        ({"any": [{"generative": True}, {"kind": "bought"}]}, True),
        ({"all": [{"generative": False}, {"not": {"kind": "open"}}]}, True),
    ],
)
def test_a_condition_holds_or_does_not(written, holds):
    assert held(written) is holds


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ({"vendor": "x"}, None),
        ({"not": {"vendor": "x"}}, None),
        ({"any": [{"vendor": "x"}, {"kind": "bought"}]}, True),  # one that holds decides
        ({"any": [{"vendor": "x"}, {"kind": "open"}]}, None),
        ({"all": [{"vendor": "x"}, {"kind": "open"}]}, False),  # one that does not decides
        ({"all": [{"vendor": "x"}, {"kind": "bought"}]}, None),
        ({"vendor": {"at_least": 1}}, None),
    ],
)
def test_a_missing_answer_is_neither_yes_nor_no(written, holds):
    assert held(written) is holds


def test_a_question_that_will_not_be_asked_counts_as_not_so():
    assert held({"vendor": "x"}, closed=["vendor"]) is False
    assert held({"not": {"vendor": "x"}}, closed=["vendor"]) is True


@pytest.mark.parametrize(
    "written",
    [
        {},
        "kind",
        {"kind": []},
        {"patients": 3},
        {"patients": {"least": 3}},
        {"patients": {"at_least": "3"}},
        {"patients": {"at_least": True}},
        {"kind": {"answered": "yes"}},
        {"kind": {"answered": True, "at_least": 1}},
        {"any": {"kind": "x"}},
        {"not": ["x"]},
    ],
)
def test_what_is_no_condition_is_refused(written):
    with pytest.raises(UnreadableCondition):
        condition_of(written)


WORDS = st.sampled_from(["a", "b"])
LEAVES = st.builds(lambda q, v: {q: v}, st.sampled_from("pqr"), WORDS)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda c: {"not": c}, inner)
        | st.builds(lambda c: {"any": c}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda c: {"all": c}, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=6,
)


@given(CONDITIONS, st.fixed_dictionaries(dict.fromkeys("pqr", WORDS)), st.sets(st.sampled_from("pqr")))
def test_what_is_known_without_an_answer_stays_so_whatever_the_answer(written, answers, left_out):
    partly = {question: answer for question, answer in answers.items() if question not in left_out}

    assert held(written, partly) in (None, held(written, answers))
