"""A changed policy held against all that a book holds: 2,000 uses, 60 requirements, one signed statement each.

    python bench/policy_diff.py [--uses 2000] [--keep FOLDER]

Statements are signed, filed and on the disk as anybody's are. The command: `codman policy diff --all` from its start
to its end, as somebody types it. Cold: the process has read none of the statements yet. Warm: it has, as in a server.
Goal: 5 s of work on one core, the command's own start with it (issue 4).
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from codman.evidence.envelope import sign
from codman.evidence.keys import SigningKey, generate, read_signing_key
from codman.evidence.statements import build, canonical_statement
from codman.flows.filing import file_evidence
from codman.flows.house import House
from codman.flows.operator import OPERATOR
from codman.flows.review.impact import Impact, impact
from codman.registry.keys import KeyFields, register
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES, VERSIONS
from codman.review.policy.load import policy_of_bytes
from codman.settings import read_settings
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement
from codman.spine.policy import Policy
from codman.spine.statement import Digest, EvaluationPredicate, Input, Kind, Rows, Subject
from codman.wiring import open_house

GOAL_S = 5.0
PRODUCTS_COUNT = 200
METRICS = ("auroc", "sensitivity", "ppv")
GROUPS = (*({"ward": f"W{i}"} for i in range(19)), {})


def policy(least: float, changed: int = 60) -> Policy:
    """Sixty bounds: three metrics for everyone and each of 19 wards; `changed` of them have this limit."""
    return policy_of_bytes(policy_text(least, changed), "bench.yaml")


def policy_text(least: float, changed: int = 60) -> bytes:
    """The same as a file holds it."""
    lines = ["policy: bench", f"edition: '{least}'", "checkpoint: go-live", "requires:"]
    for metric in METRICS:
        for i, group in enumerate(GROUPS):
            slice_ = f", slice: {{ward: {group['ward']}}}" if group else ""
            bar = ", threshold: 0.2" if metric != "auroc" else ""
            at_least = least if len(lines) < 4 + 4 * changed else 0.7
            lines += [
                f"  - id: {metric}-{i}",
                f"    measurement: {{metric: {metric}{slice_}{bar}, at_least: {at_least}, min_n: 50}}",
                "    origin: [local]",
                "    max_age_days: 36500",
            ]
    return "\n".join(lines).encode()


def statement(draw: random.Random, i: int) -> bytes:
    """An evaluation of use i: 60 numbers with their intervals."""
    rows = []
    for metric in METRICS:
        for group in GROUPS:
            value = draw.uniform(0.70, 0.95)
            rows.append(
                Measurement(
                    metric=metric,
                    slice=group,
                    value=value,
                    lower=value - 0.03,
                    upper=value + 0.03,
                    level=0.95,
                    n=1000,
                    positives=120,
                    method="delong-logit" if metric == "auroc" else "wilson",
                    params={} if metric == "auroc" else {"threshold": 0.2},
                )
            )
    number = i % PRODUCTS_COUNT
    predicate = EvaluationPredicate(
        product=f"Product {number}",
        version="1.0",
        use=f"Use {i}",
        evaluated_at="2026-11-01T10:00:00Z",
        inputs=[Input(name="predictions", uri=f"p{i}.parquet", digest=Digest(sha256=f"{i:064x}"), rows=1000)],
        rows=Rows(eligible=1000, scored=1000, evaluated=1000),
        spec=EvaluationSpec(task="binary", label="died", score="risk", by=[["ward"]], thresholds=[0.2]),
        measurements=rows,
    )
    subject = Subject(name=f"Product {number}@1.0", digest=Digest(sha256=f"{number:064x}"))
    return canonical_statement(build(Kind.EVALUATION, subject, predicate))


def fill(house: House, many: int, key: SigningKey) -> None:
    """Put the uses into the book and file a statement of each."""
    register_key = KeyFields.model_validate(
        {
            "keyid": key.public.keyid,
            "name": "bench",
            "owner_kind": "pipeline",
            "owner": "bench",
            "origins": ["local"],
            "public_pem": key.public.pem,
        }
    )
    with house.database.changing(SYSTEM, "a book to measure on") as change:
        register(change, register_key)
        names = [f"product-{i}" for i in range(PRODUCTS_COUNT)]
        PRODUCTS.add_many(change, [PRODUCTS.validated({"name": f"Product {i}"}) for i in range(len(names))], names)
        versions = [{"product": name, "label": "1.0", "digest": f"{i:064x}"} for i, name in enumerate(names)]
        VERSIONS.add_many(change, [VERSIONS.validated(one) for one in versions])
        uses = [
            {"product": f"product-{i % PRODUCTS_COUNT}", "name": f"Use {i}", "stage": "live", "tier": "high"}
            for i in range(many)
        ]
        USES.add_many(change, [USES.validated(one) for one in uses], [f"use-{i}" for i in range(many)])
    draw = random.Random(1)
    for i in range(many):
        file_evidence(house, sign(statement(draw, i), key).to_bytes(), OPERATOR)
        if i % 200 == 199:
            print(f"{i + 1:,} statements are filed", flush=True)


def timed(house: House, old: Policy, new: Policy) -> tuple[float, float, Impact]:
    """Wall and processor seconds of one look, and what it found."""
    wall, work = time.perf_counter(), time.process_time()
    found = impact(house, OPERATOR, old, new)
    return time.perf_counter() - wall, time.process_time() - work, found


def commanded(folder: Path) -> tuple[float, float]:
    """Wall and processor seconds of the command, in a process of its own."""
    files = []
    for name, least in (("old", 0.75), ("new", 0.8)):
        files.append(str(folder / f"{name}.yaml"))
        Path(files[-1]).write_bytes(policy_text(least))
    command = [sys.executable, "-c", "from codman.cli.main import main; main()", "policy", "diff", *files]
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    asked = [*command, "--all", "--workspace", str(folder / "book"), "--format", "json"]
    subprocess.run(asked, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    work = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - wall, work


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uses", type=int, default=2000)
    parser.add_argument("--keep", type=Path, help="Where the book is kept; one that is there is used again.")
    asked = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        there = (folder / "bench.key").exists()
        house = open_house(read_settings(workspace=folder / "book"))
        if not there:
            folder.mkdir(parents=True, exist_ok=True)
            generate(folder / "bench")
            fill(house, asked.uses, read_signing_key(folder / "bench.key"))
        print(f"{datetime.now(UTC):%Y-%m-%d}  {asked.uses:,} uses × {len(policy(0.8).requires)} requirements, one core")
        wall, work = commanded(folder)
        missed = int(work > GOAL_S)
        kept = "MISSED" if missed else "kept"
        print(f"the command, cold: {wall:.2f} s, {work:.2f} s of work; goal {GOAL_S:g} s {kept}", flush=True)
        for name, changed in (("all changed, cold", 60), ("all changed, warm", 60), ("six changed, warm", 6)):
            wall, work, found = timed(house, policy(0.75, changed), policy(0.8, changed))
            missed += work > GOAL_S
            kept = "kept" if work <= GOAL_S else "MISSED"
            print(
                f"{name}: {wall:.2f} s, {work:.2f} s of work; goal {GOAL_S:g} s {kept}; "
                f"{found.judged:,} judged, {len(found.uses):,} come out otherwise",
                flush=True,
            )
        house.close()
    raise SystemExit(missed > 0)


if __name__ == "__main__":
    main()
