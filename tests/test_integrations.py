"""The files other systems run (an action, a template, a hook, an image) call commands that exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
POLICY = """\
policy: ci
edition: 2026-11
checkpoint: validation
requires:
  - id: discrimination
    title: Discriminates well enough
    evidence: evaluation
    measurement: {metric: auroc, at_least: %s}
"""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with predictions and two policies, one that passes and one that does not."""
    subprocess.run([sys.executable, str(ROOT / "docs" / "tutorial_data.py")], cwd=tmp_path, check=True)
    (tmp_path / "policy.yaml").write_text(POLICY % 0.6)
    (tmp_path / "strict.yaml").write_text(POLICY % 0.99)
    return tmp_path


def _bash(script: str, room: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(room), "GITHUB_STEP_SUMMARY": str(room / "summary.md"), **variables}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]  # as GitHub's runner starts bash
    return subprocess.run(command, cwd=room, env=env, capture_output=True, text=True, check=False)


def _action(room: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run the composite action's steps after the install, its inputs filled in as GitHub would."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    unknown = set(given) - set(action["inputs"])
    assert not unknown
    inputs = {name: given.get(name, each.get("default", "")) for name, each in action["inputs"].items()}
    done = None
    for step in action["runs"]["steps"][1:]:
        assert "${{" not in step["run"], "an input pasted into the script's text could become a command"
        env = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: inputs[m[1]], v) for name, v in step["env"].items()
        }
        done = _bash(step["run"], room, **env)
        if done.returncode:
            return done
    assert done is not None
    return done


def test_the_github_action_measures_signs_and_passes(room):
    keys = _bash("codman evidence keygen --out team", room)
    assert keys.returncode == 0, keys.stderr

    done = _action(
        room,
        predictions="patients.csv",
        label="died",
        score="risk",
        policy="policy.yaml",
        by="sex\nsex,age_band\n",
        band="age=0,40,65",
        threshold="0.1\n0.2",
        subject="patient_id",
        product="tutorial",
        version="1.0",
        key=(room / "team.key").read_text(),
        **{"public-key": "team.pub"},
    )

    assert done.returncode == 0, done.stderr
    assert '"payload"' in (room / "evaluation.json").read_text()
    assert "|" in (room / "summary.md").read_text()


def test_the_github_action_fails_with_an_annotation_when_a_requirement_is_not_met(room):
    done = _action(
        room, predictions="patients.csv", label="died", score="risk", policy="strict.yaml", product="p", version="1"
    )

    assert done.returncode == 1, done.stderr
    assert re.search(r"^::error", done.stdout, re.MULTILINE)


def test_the_github_action_runs_no_command_hidden_in_an_input(room):
    done = _action(
        room, predictions="patients.csv", label="$(touch pwned)", score="`touch pwned`", policy="policy.yaml"
    )

    assert done.returncode == 2
    assert not (room / "pwned").exists()


def test_the_documented_inputs_are_the_actions_inputs():
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    told = (ROOT / "docs" / "ci.md").read_text().partition("| input | meaning |")[2].partition("\n\n")[0]

    assert set(re.findall(r"`([a-z-]+)`", told.replace("`codman evaluate`", ""))) >= set(action["inputs"])


@pytest.mark.parametrize(("policy", "exit_code"), [("policy.yaml", 0), ("strict.yaml", 1)])
def test_the_gitlab_template_leaves_a_junit_report_and_the_gates_exit_code(room, policy, exit_code):
    job = yaml.safe_load((ROOT / "ci-templates" / "gitlab.yml").read_text())[".codman-gate"]
    given = {
        "CODMAN_PREDICTIONS": "patients.csv",
        "CODMAN_LABEL": "died",
        "CODMAN_SCORE": "risk",
        "CODMAN_POLICY": policy,
    }
    flags = {"CODMAN_EVALUATE_FLAGS": "--by sex --threshold 0.2 --subject patient_id --product p --version 1"}

    done = _bash("\n".join(job["script"][1:]), room, **{**job["variables"], **given, **flags})

    assert done.returncode == exit_code, done.stderr
    assert "<testsuite" in (room / job["artifacts"]["reports"]["junit"]).read_text()


def test_the_pre_commit_hook_refuses_a_policy_with_an_unknown_key(room):
    hook = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())[0]
    (room / "wrong.yaml").write_text(POLICY.replace("at_least", "atleast") % 0.6)

    assert _bash(f"{hook['entry']} policy.yaml strict.yaml", room).returncode == 0
    refused = _bash(f"{hook['entry']} policy.yaml wrong.yaml strict.yaml", room)
    assert refused.returncode == 2
    assert "atleast" in refused.stdout + refused.stderr
    assert re.search(hook["files"], "policies/go-live.yaml")
    assert not re.search(hook["files"], "docs/mkdocs.yaml")


def test_the_image_copies_only_what_the_build_context_lets_in():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set()
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            copied |= set(line.split()[1:-1])

    assert copied == allowed
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_image_runs_as_an_ordinary_user():
    last = (ROOT / "Dockerfile").read_text().rpartition("FROM ")[2]

    assert re.search(r"^USER [1-9]\d*$", last, re.MULTILINE)


@pytest.mark.parametrize(
    "script", [".ci/run", "build_support/machine", "build_support/wheel", "build_support/install-check"]
)
def test_shell_scripts_parse_and_stop_at_the_first_error(script):
    text = (ROOT / script).read_text()

    assert "set -euo pipefail" in text
    assert subprocess.run(["bash", "-n", str(ROOT / script)], check=False).returncode == 0
    assert os.access(ROOT / script, os.X_OK)
