"""story: what a team, a hospital and an auditor do with one model, step by step, on real residents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from codman.evidence.files import write_whole
from codman.evidence.keys import generate, read_verifying_key
from codman.evidence.statements import digest, write_statement
from codman.evidence.verify import verify_file
from codman.flows.assess import assess
from codman.flows.criteria import commit
from codman.flows.demo.cohort import HORIZON_YEARS, LAST_TRAINING_YEAR, predict, read_cohort, write_predictions
from codman.flows.gate import gate
from codman.flows.reproduce import reproduce
from codman.report.make import write_report
from codman.report.proof import from_verdict
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.verdict import Verdict
from codman.tables.source import open_source

PRODUCT: Final = "flc-mortality"
THRESHOLD: Final = 0.1
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What came out of it."""

    folder: Path
    verdict: Verdict
    statement: str  # its digest
    verified: bool
    reproduced: bool


def tell_story(folder: Path, tell: Tell) -> Story:
    """Train on earlier years, judge on later ones, sign, gate and report; every file lands in `folder`.

    Args:
        folder: Where files are written; what an earlier demo left there is replaced.
        tell: Called with one plain sentence after each step.

    Raises:
        MissingExtra: The extra `demo` is not installed.
    """
    cohort = read_cohort()
    risk = predict(cohort)
    folder.mkdir(parents=True, exist_ok=True)
    place = {name: folder / file for name, file in _FILES.items()}
    for file in (*place.values(), folder / "demo.key", folder / "demo.pub"):
        file.unlink(missing_ok=True)

    rows = write_predictions(cohort, risk, place["predictions"])
    tell(
        f"A logistic model of death within {HORIZON_YEARS} years was fitted on the residents sampled up to "
        f"{LAST_TRAINING_YEAR}, and scored the {rows:,} sampled later ({place['predictions']})."
    )
    generate(folder / "demo")
    write_whole(place["policy"], files("codman.flows.demo").joinpath("go-live.yaml").read_bytes())
    commit(place["policy"], key=folder / "demo.key", out=place["criteria"])
    tell(f"What it must keep was written down and signed before anyone saw a result ({place['criteria']}).")

    spec = EvaluationSpec(
        task="binary",
        label="died",
        score="risk",
        by=[["sex"], ["age_band"], ["sex", "age_band"]],
        bands={"age": [0, 65, 80]},
        thresholds=[THRESHOLD],
        subject="patient_id",
        time="follow_up_years",
        time_unit="years",
        horizons=[HORIZON_YEARS],
    )
    statement = assess(
        open_source(place["predictions"]),
        spec,
        product=PRODUCT,
        version="1.0",
        use="olmsted-clinic",
        criteria=place["criteria"],
    )
    write_statement(statement, place["bare"])
    write_statement(statement, place["evidence"], folder / "demo.key")
    verified = verify_file(place["evidence"], [read_verifying_key(folder / "demo.pub")]).verified
    tell(_measured(statement.predicate, place["evidence"], verified=verified))

    verdict = gate(place["policy"], [place["evidence"]], keys=[folder / "demo.pub"])
    for result in verdict.results:
        tell(f"{result.outcome.value:>13}  {result.sentence}")
    tell(
        f"Together: {verdict.outcome.value}. A checkpoint in CI would stop here "
        f"(`codman gate` exits with {verdict.exit_code})."
    )

    again = reproduce(place["evidence"])
    tell(
        "Every number was computed again from the predictions: "
        f"{'the same to the last bit' if again.reproduced else 'NOT the same'}."
    )
    shown = from_verdict(verdict)
    keys = [read_verifying_key(folder / "demo.pub")]
    for name in ("html", "pdf"):
        write_report(place["evidence"], place[name], keys=keys, verdict=shown)
    tell(f"Reports for people: {place['html']} and {place['pdf']} (the evidence is inside the PDF).")
    return Story(
        folder=folder, verdict=verdict, statement=digest(statement), verified=verified, reproduced=again.reproduced
    )


_FILES: Final = {
    "predictions": "predictions.parquet",
    "policy": "go-live.yaml",
    "criteria": "criteria.dsse.json",
    "bare": "evaluation.json",
    "evidence": "evaluation.dsse.json",
    "html": "report.html",
    "pdf": "report.pdf",
}


def _measured(predicate: dict[str, Any], evidence: Path, *, verified: bool) -> str:
    rows = predicate["rows"]
    left_out = ", ".join(f"{n:,} {reason}" for reason, n in rows["excluded"].items())
    count = len(predicate["measurements"])
    return (
        f"{rows['evaluated']:,} of {rows['eligible']:,} residents were judged ({left_out}): {count:,} numbers, "
        f"by sex and age band, signed ({evidence}; signature {'verified' if verified else 'NOT verified'})."
    )
