"""`codman monitor plan --follow`: a plan goes into the book, and says why where it asks less than the policy."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows" / "watch"))
from watched import PLAN, Watched


@pytest.fixture
def workspace(tmp_path):
    made = Watched(tmp_path)
    where = (
        "--workspace",
        str(made.house.settings.workspace),
        "--database-url",
        made.house.settings.effective_database_url,
    )
    made.house.close()
    return where


def test_the_policys_own_plan_is_followed_at_once_where_the_use_is_live(codman, workspace):
    done = codman("monitor", "plan", "--use", "ward", "--follow", *workspace)

    assert done.code == 0, done.err
    assert "the plan of ward is active" in done.err


def test_an_edited_plan_that_asks_less_says_why_or_is_refused(codman, workspace, tmp_path):
    (tmp_path / "edited.yaml").write_bytes(PLAN)
    follow = ("monitor", "plan", "--use", "ward", "--plan", str(tmp_path / "edited.yaml"), "--follow", *workspace)

    refused = codman(*follow)
    assert refused.code == 2
    assert "it is left out" in refused.err
    assert codman(*follow, "--why", "the ward's agreement").code == 0


@pytest.mark.parametrize(
    "said", [["--policy", "predictive-high-monitoring"], ["--for", "Vendor 1", "--plan", "p.yaml"]]
)
def test_only_a_whole_plan_of_a_use_can_be_followed(codman, workspace, said):
    done = codman("monitor", "plan", "--follow", *said, *workspace)

    assert done.code == 2
    assert "--follow wants --use" in " ".join(done.err.split())
