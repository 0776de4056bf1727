"""Judging costs what is asked: lookups, not scans."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from codman.review.policy import judge, wording
from codman.review.policy.bound import Bound
from codman.review.policy.exhibit import merged, of_statement
from codman.review.policy.judge import judge_exhibits, outcomes_of_exhibits
from codman.spine.measurement import Measurement
from policy_evidence import document, evaluation, loaded, measured, policy_text, read


def test_a_bound_looks_only_at_the_measurements_of_its_metric_and_patients(monkeypatch):
    rows = [measured("auroc", 0.8, 0.78, 0.82, slice={"ward": str(i)}) for i in range(500)]
    rows += [measured("ppv", 0.5, 0.4, 0.6, threshold=t / 100) for t in range(99)]
    requires = "".join(
        f"  - id: r{i}\n    measurement: {{metric: auroc, slice: {{ward: {i}}}, at_least: 0.7}}\n" for i in range(60)
    )
    looked_at = []
    picks = Bound.picks

    def counted(self: Bound, m: Measurement) -> bool:
        looked_at.append(m)
        return picks(self, m)

    monkeypatch.setattr(Bound, "picks", counted)

    verdict = judge(loaded(policy_text(requires)), [read(evaluation(*rows))], (), datetime(2026, 11, 21, tzinfo=UTC))

    assert verdict.exit_code == 0
    assert len(looked_at) == 60


_NUMBERS = st.one_of(st.none(), st.sampled_from([0.2, 0.3, 0.7, 0.75, 0.8, 1.0, 1.5]))


def _in_order(numbers):
    """Value, lower and upper as a statement may hold them."""
    if None in numbers:
        return numbers[0], None, None
    lower, value, upper = sorted(numbers)
    return value, lower, upper


_ROWS = st.lists(
    st.builds(
        lambda metric, numbers, level, n, threshold: measured(
            metric, *_in_order(numbers), level=level, n=n, **({} if threshold is None else {"threshold": threshold})
        ),
        st.sampled_from(["auroc", "ppv"]),
        st.tuples(_NUMBERS, _NUMBERS, _NUMBERS),
        st.sampled_from([None, 0.9, 0.95]),
        st.sampled_from([None, 250, 2000]),
        st.sampled_from([None, 0.1]),
    ),
    max_size=4,
)
ASKED = """
  - {id: ranks, origin: [local], max_age_days: 5, measurement: {metric: auroc, at_least: 0.75, min_n: 1000}}
  - {id: low, measurement: {metric: auroc, at_most: 0.75}}
  - {id: found, severity: warn, measurement: {metric: ppv, threshold: 0.1, between: [0.3, 0.8], min_positives: 10}}
  - {id: card, document: model-card}
  - {id: there, evidence: evaluation}
"""


@given(_ROWS, st.none() | _ROWS, st.booleans(), st.integers(9, 30), st.sampled_from(["2026-11-20", "2026-11-24"]))
def test_the_outcome_alone_is_the_one_that_is_told_in_words(rows, others, card, day, later):
    policy, at = loaded(policy_text(ASKED)), datetime(2026, 11, day, 12, tzinfo=UTC)
    statements = [evaluation(*rows), *([document("model-card")] if card else [])]
    if others is not None:
        statements.append(evaluation(*others, evaluated_at=f"{later}T10:00:00Z", origin="attested"))
    exhibits = merged(of_statement(read(one), ()) for one in statements)

    told = {r.id: r.outcome for r in judge_exhibits(policy, exhibits, at).results}

    assert outcomes_of_exhibits(policy, exhibits, at) == told


def test_no_sentence_is_put_together_before_somebody_reads_it(monkeypatch):
    rows = [measured("auroc", 0.8, 0.78, 0.82, slice={"ward": str(i)}) for i in range(60)]
    requires = "".join(
        f"  - id: r{i}\n    measurement: {{metric: auroc, slice: {{ward: {i}}}, at_least: 0.{70 + i % 20}}}\n"
        for i in range(61)
    )
    written = []
    sentence = wording.sentence
    monkeypatch.setattr(wording, "sentence", lambda text: written.append(text) or sentence(text))

    verdict = judge(loaded(policy_text(requires)), [read(evaluation(*rows))], (), datetime(2026, 11, 21, tzinfo=UTC))

    assert verdict.exit_code == 1
    assert {r.outcome.value for r in verdict.results} == {"met", "inconclusive", "not-met", "missing"}
    assert written == []
    assert (
        verdict.results[0].sentence
        == "AUROC for patients with ward 0 is 0.80 (0.78 to 0.82); at least 0.70 is required."
    )
    assert verdict.results[0].finding.limit == "at least 0.70"
    assert verdict.results[0].sentence is verdict.results[0].sentence  # once put together, it is kept
    assert len(written) == 1
