"""`codman policy diff --all`: a changed policy held against the whole book, as a user meets it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from committee import POLICY, Committee, auroc

from codman.registry.log import SYSTEM
from codman.registry.nouns import USES


@pytest.fixture
def files(tmp_path):
    made = Committee(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "live"}, None)
    made.evidence(auroc(0.80, 0.76, 0.84))
    made.house.close()
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_bytes(POLICY)
    new.write_bytes(POLICY.replace(b"0.75", b"0.78"))
    return old, new


def test_a_workspace_shows_which_uses_come_out_otherwise(codman, files, tmp_path):
    done = codman("policy", "diff", *files, "--workspace", tmp_path / "workspace")

    assert done.code == 0, done.err
    assert done.out == (
        "tightened  discrimination: at least 0.75 became 0.78\n"
        "\n"
        "Uses: 1 judged; 1 come out otherwise, 0 only in a requirement.\n"
        "  met → inconclusive: 1\n"
        "\n"
        "Ward sepsis (ward): met → inconclusive\n"
        "  discrimination: met → inconclusive\n"
    )


def test_a_changed_committee_is_said_before_the_requirements(codman, files):
    old, new = files
    new.write_bytes(new.read_bytes().replace(b"requires:", b"committee: {voters: 5}\nrequires:"))

    done = codman("policy", "diff", old, new)

    assert done.out == (
        "tightened  policy: votes that a use takes at least: of high risk 5, and took 3; "
        "of medium or low risk 5, and took 2\n"
        "tightened  discrimination: at least 0.75 became 0.78\n"
    )


def test_the_same_as_json(codman, files, tmp_path):
    done = codman("policy", "diff", *files, "--all", "--workspace", tmp_path / "workspace", "--format", "json")

    answer = json.loads(done.out)
    assert answer["judged"] == 1
    assert answer["uses"] == [
        {
            "use": "ward",
            "name": "Ward sepsis",
            "old": "met",
            "new": "inconclusive",
            "outcomes": [{"requirement": "discrimination", "old": "met", "new": "inconclusive"}],
        }
    ]
    assert answer["unjudged"] == []


def test_evidence_and_a_workspace_together_are_refused(codman, files, tmp_path):
    done = codman("policy", "diff", *files, files[0], "--workspace", tmp_path / "workspace")

    assert done.code == 2
    assert "--all takes no evidence" in done.err


def test_a_workspace_that_is_not_there_is_refused(codman, files, tmp_path):
    done = codman("policy", "diff", *files, "--workspace", tmp_path / "nowhere")

    assert done.code == 2
    assert not (tmp_path / "nowhere").exists()
