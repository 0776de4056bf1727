from codman.cli.comparison_text import lines
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.comparison_statement import ComparisonPredicate
from codman.spine.measurement import Measurement
from codman.spine.statement import Digest, Input, Rows

FILE = Input(name="a", uri="a.csv", digest=Digest(sha256="a" * 64))
AT = {"threshold": 0.2}


def text(*changes):
    return "\n".join(
        lines(
            ComparisonPredicate(
                product="p",
                evaluated_at="2026-11-20T10:00:00Z",
                inputs=[FILE, FILE],
                rows=Rows(eligible=100, scored=100, evaluated=100, patients=40),
                spec=ComparisonSpec(label="died", score="risk"),
                measurements=list(changes),
            )
        )
    )


def test_the_ends_of_a_change_have_signs_as_the_change_has():
    said = text(Measurement(metric="auroc_change", value=0.029, lower=-0.012, upper=0.045, n=100))

    assert "+0.029  -0.012 to +0.045" in said
    assert "100 of 100 rows compared, of 40 patients" in said


def test_what_is_no_change_has_no_signs():
    assert "1.500  1.200 to 1.800" in text(Measurement(metric="mcnemar", value=1.5, lower=1.2, upper=1.8, n=100))


def test_a_legend_says_what_rows_count_where_they_are_not_all_rows():
    found = Measurement(metric="sensitivity_change", value=0.1, lower=0.0, upper=0.2, n=12, params=AT)

    assert "with the event for sensitivity" in text(found)
    assert "with the event for" not in text(Measurement(metric="auroc_change", value=0.1, n=100))
