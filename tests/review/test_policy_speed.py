"""Judging costs what is asked: lookups, not scans."""

from __future__ import annotations

from datetime import UTC, datetime

from codman.review.policy import judge
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
