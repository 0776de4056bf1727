"""a or an, by how a word is spoken."""

from __future__ import annotations

import pytest

from codman.spine.article import capital_article, with_article
from codman.spine.statement import Kind


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("evaluation statement", "an evaluation statement"),
        ("impact assessment", "an impact assessment"),
        ("unblinded reading", "an unblinded reading"),
        ("use", "a use"),
        ("user guide", "a user guide"),
        ("EU declaration", "an EU declaration"),
        ("unit test report", "a unit test report"),
        ("model card", "a model card"),
        ("", "a "),
    ],
)
def test_the_article_goes_by_how_the_word_is_spoken(words, said):
    assert with_article(words) == said


def test_only_the_evaluation_among_kinds_of_statements_takes_an():
    assert [kind for kind in Kind if capital_article(kind.value).startswith("An ")] == [Kind.EVALUATION]
