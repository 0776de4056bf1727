"""Judging costs what is asked: lookups, not scans."""

from __future__ import annotations

from datetime import UTC, datetime

from codman.review.policy import judge, wording
from codman.review.policy.bound import Bound
from codman.spine.measurement import Measurement
from policy_evidence import evaluation, loaded, measured, policy_text, read


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
