"""The page about intake says what the code does: every key of its files, every scheme, every number of days."""

from __future__ import annotations

from pathlib import Path

import pytest

from codman.review.intake.question import Kind, Question
from codman.review.terms import TERMS, DecisionKind
from codman.review.triage.rules import Rule, current_rules

PAGE = (Path(__file__).parents[2] / "docs" / "intake.md").read_text()
KEYS = [field.alias or name for model in (Question, Rule) for name, field in model.model_fields.items()]


@pytest.mark.parametrize("key", sorted({key for key in KEYS if key != "id"}))
def test_each_key_stands_on_the_page(key):
    assert f"`{key}`" in PAGE


def test_each_kind_of_question_stands_on_the_page():
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| `kind`")]

    assert {kind.value for kind in Kind} == set(row.split("`")[3].split())


def test_each_scheme_has_its_row():
    rows = PAGE.partition("| scheme | classes |")[2]

    assert [one.title for one in current_rules().schemes if f"| {one.title.split()[0]}" not in rows] == []


def test_the_days_a_decision_lasts_are_the_ones_it_lasts():
    for kind in (DecisionKind.EXPEDITED, DecisionKind.EMERGENCY):
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {kind.value} ")]
        assert f"| {TERMS[kind].days} days |" in row
