"""`codman monitor plan` and `conform` as a partner and an owner run them."""

from __future__ import annotations

import json

import yaml

from codman.evidence.canonical import canonical
from policy_evidence import evaluation, measured

POLICY = """
policy: sepsis-monitoring
edition: 2026-11
checkpoint: monitoring
requires:
  - id: discrimination
    origin: [developer]
    max_age_days: 100
    measurement: {metric: auroc, at_least: 0.75}
  - id: alerts
    max_age_days: 10
    measurement: {metric: alert_rate, threshold: 0.2, at_most: 0.1}
"""


def test_a_plan_is_made_parted_among_partners_and_a_report_held_against_it(run_codman, tmp_path):
    (tmp_path / "p.yaml").write_text(POLICY)
    made = run_codman(
        "monitor", "plan", "--policy", "p.yaml", "--product", "flc", "--partner", "Vendor 1", "--out", "plan.yaml"
    )
    assert made.returncode == 0, made.stderr
    parted = run_codman(
        "monitor", "plan", "--plan", "plan.yaml", "--for", "Vendor 1", "--at", "2026-11-21", "--out", "c.yaml"
    )
    assert parted.returncode == 0, parted.stderr
    contract = yaml.safe_load((tmp_path / "c.yaml").read_text())
    assert contract["partner"] == "Vendor 1"
    assert [one["id"] for one in contract["requires"]] == ["discrimination"]
    assert str(contract["requires"][0]["watch"]["due"][0]["due_on"]) == "2027-01-15"

    row = measured("auroc", 0.81, 0.78, 0.84)
    fits = row | {"window": {"start": "2026-10-01", "end": "2027-01-01"}}
    for name, sent in (("lacks.json", row), ("fits.json", fits)):
        said = evaluation(sent, origin="developer", evaluated_at="2027-01-10T10:00:00Z")
        (tmp_path / name).write_bytes(canonical(said.model_dump(mode="json", by_alias=True, exclude_none=True)))
    at = ("--contract", "c.yaml", "--at", "2027-01-12")

    lacks = run_codman("monitor", "conform", "lacks.json", *at, "--format", "json")
    assert lacks.returncode == 1, lacks.stderr
    told = json.loads(lacks.stdout)
    assert told["conforms"] is False
    assert "names no window" in told["results"][0]["problems"][0]
    fitting = run_codman("monitor", "conform", "fits.json", *at)
    assert fitting.returncode == 0, fitting.stdout
    assert "the report conforms" in fitting.stdout


def test_a_ready_policy_is_taken_by_its_name_and_a_wrong_one_is_told(run_codman):
    ready = run_codman("monitor", "plan", "--policy", "predictive-high-monitoring", "--at", "2026-11-21")
    assert ready.returncode == 0, ready.stderr
    assert yaml.safe_load(ready.stdout)["made_from"]["policy"] == "predictive-high-monitoring"

    other = run_codman("monitor", "plan", "--policy", "predictive-high-go-live", "--at", "2026-11-21")
    assert (other.returncode, other.stdout) == (2, "")
    assert "monitoring" in other.stderr
    nothing = run_codman("monitor", "plan")
    assert nothing.returncode == 2
