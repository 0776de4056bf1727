"""A house with one engineer in it, statements to send, and servers on it that can be killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from codman.evidence.statements import build, canonical_statement
from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE
from codman.settings import read_settings
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement
from codman.spine.person import GrantFields, PersonFields, Role
from codman.spine.statement import Digest, EvaluationPredicate, Input, Kind, Rows, Subject
from codman.wiring import open_house

HERE = Path(__file__).resolve().parent


def furnished(workspace: Path) -> str:
    """Make a house with one engineer; gives a token that sends and reads evidence."""
    house = open_house(read_settings(workspace=workspace))
    with house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PersonFields(name="Engineer 1", email="e@hospital.test"), "engineer")
        GRANTS.add(change, GrantFields(person="engineer", role=Role.ENGINEER))
        scopes = ["evidence.*", "inventory.read"]
        token = issue(change, "engineer", scopes, house.database.clock(), days=2, name="tests").secret
    house.close()
    return token


def statement(number: int) -> bytes:
    """A small evaluation, another for each number."""
    digest = Digest(sha256=f"{number:064x}")
    auroc = Measurement(
        metric="auroc", value=0.8, lower=0.7, upper=0.9, level=0.95, n=100, positives=30, method="delong-logit"
    )
    said = EvaluationPredicate(
        product="killed",
        version=str(number),
        origin="local",
        evaluated_at="2026-11-01T10:00:00Z",
        inputs=[Input(name="predictions", uri="p.parquet", digest=digest, rows=100)],
        rows=Rows(eligible=100, scored=100, evaluated=100),
        spec=EvaluationSpec(task="binary", label="died", score="risk"),
        software={"codman": "0"},
        measurements=[auroc],
    )
    return canonical_statement(build(Kind.EVALUATION, Subject(name=f"killed@{number}", digest=digest), said))


def parent_of_servers(workspace: Path, *seconds_between_rounds: float) -> subprocess.Popen[str]:
    """A process that forks a server on the house whenever it is told to."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "killed_server.py"), str(workspace), *map(str, seconds_between_rounds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start(parent: subprocess.Popen[str]) -> tuple[int, int]:
    """Start a server: its process and its port."""
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write("start\n")
    parent.stdin.flush()
    pid, port = parent.stdout.readline().split()
    return int(pid), int(port)
