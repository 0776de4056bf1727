"""`codman policy packs` and `show`: the ready policies as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codman.evidence.statements import write_statement
from policy_evidence import document, evaluation, measured

OWN = """\
pack: sepsis
title: Our sepsis alert
edition: 2026-12
technique: predictive
source:
  - {title: Our committee, citation: "minutes of 3 November 2026"}
valid_from: 2026-12-01
valid_to: null
counts: {policies: 1, requirements: 1}
checkpoints:
  - policy: sepsis-go-live
    edition: 2026-12
    checkpoint: go-live
    requires:
      - id: card
        title: A model card
        document: model-card
        controls: [ruaih/4]
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "house" / "packs"
    folder.mkdir(parents=True)
    (folder / "sepsis.yaml").write_text(OWN)
    return folder


def test_the_packs_are_listed_with_their_dates(codman, own):
    done = codman("policy", "packs", "--at", "2026-11-21", "--own", own)

    assert done.code == 0
    lines = {line.split()[0]: line for line in done.out.splitlines()}
    assert len(lines) == 12
    assert "in force" in lines["predictive-high"]
    assert "not before 1 Dec 2026" in lines["sepsis"]


def test_own_packs_are_found_in_the_workspace(codman, own):
    done = codman("policy", "packs", "--at", "2026-12-01", "--workspace", own.parent, "--format", "json")

    packs = {p["name"]: p for p in json.loads(done.out)["packs"]}
    assert packs["sepsis 2026-12"] == {
        "name": "sepsis 2026-12",
        "title": "Our sepsis alert",
        "own": True,
        "holds": True,
        "standing": "in force",
        "policies": 1,
        "requirements": 1,
    }
    assert packs["imaging-triage 2026-11"]["own"] is False


def test_a_pack_is_shown_with_its_sources_and_what_each_checkpoint_asks(codman):
    done = codman("policy", "show", "imaging-triage", "--at", "2026-11-21")

    assert done.code == 0
    assert done.out.startswith("Imaging triage (imaging-triage 2026-11; in force)\n  source: ")
    assert "21 CFR 892.2080" in done.out
    meant = "tier high or medium; task binary or multilabel; setting imaging or radiology"
    assert f"\nimaging-triage-go-live  (go-live; {meant})\n" in done.out
    assert (
        "  • Finds most of the studies that have the finding: local evaluation with sensitivity at least 0.75 "
        "on at least 100 patients with the event, at most 365 days old\n"
    ) in done.out
    assert "  – " in done.out


def test_a_policy_is_shown_as_a_file_that_the_gate_takes(codman, tmp_path):
    shown = codman("policy", "show", "predictive-low-retire", "--at", "2026-11-21")
    Path("retire.yaml").write_text(shown.out)
    write_statement(document("hazard-check"), tmp_path / "hazard.json")

    assert codman("policy", "check", "retire.yaml").code == 0
    gate = codman("gate", "--policy", "retire.yaml", "hazard.json", "--tier", "low", "--at", "2026-11-21T00:00:00Z")
    assert gate.code == 0


def test_a_gate_says_that_a_pack_is_not_one_policy(codman, tmp_path, own):
    write_statement(evaluation(measured("auroc", 0.8, 0.7, 0.9)), tmp_path / "e.json")

    done = codman("gate", "--policy", own / "sepsis.yaml", "e.json")

    assert done.code == 2
    assert "it is a pack of policies, not one policy" in done.err
    assert "codman policy show" in done.err


def test_check_looks_at_every_policy_of_a_pack(codman, own):
    checked = codman("policy", "check", own / "sepsis.yaml", "--format", "json")
    assert checked.code == 0
    assert json.loads(checked.out)["files"][0]["ok"] is True

    (own / "sepsis.yaml").write_text(OWN.replace("document: model-card", "measurement: {metric: auroc, at_least: 0.7}"))
    advised = codman("policy", "check", own / "sepsis.yaml")
    assert advised.code == 0
    assert "sepsis-go-live/card: no origin" in advised.out

    (own / "sepsis.yaml").write_text(OWN.replace("requirements: 1", "requirements: 9"))
    refused = codman("policy", "check", own / "sepsis.yaml")
    assert refused.code == 2
    assert "9 requirements are counted and 1 are there" in refused.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "sepsis-alert"), "there is no pack 'sepsis-alert'"),
        (("show", "predictive-high", "--at", "2020-01-01"), "does not hold on 1 Jan 2020"),
        (("packs", "--own", "nowhere"), "nowhere is no folder of packs"),
        (("packs", "--at", "soon"), "--at is not a time"),
    ],
)
def test_what_is_not_there_is_said_and_is_exit_2(codman, arguments, said):
    done = codman("policy", *arguments)

    assert done.code == 2
    assert said in done.err


def test_a_policy_and_a_pack_are_given_as_json(codman):
    pack = json.loads(codman("policy", "show", "predictive-low", "--format", "json").out)
    policy = json.loads(codman("policy", "show", "predictive-low-pause", "--format", "json").out)

    assert pack["standing"] == "in force"
    assert pack["counts"] == {"policies": 8, "requirements": 22}
    assert policy in pack["checkpoints"]
