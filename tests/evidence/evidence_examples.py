"""Small statements to sign, alter and read."""

from codman.evidence.statements import build
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.measurement import Measurement
from codman.spine.statement import Digest, EvaluationPredicate, Input, Kind, Rows, Statement, Subject

A = Digest(sha256="a" * 64)


def measurement(**changes) -> Measurement:
    fields = {
        "metric": "auroc", "value": 0.831, "lower": 0.819, "upper": 0.843, "level": 0.95, "n": 7676, "positives": 932,
        "method": "delong-logit", "params": {"threshold": 0.2},
    }  # fmt: skip
    return Measurement(**fields | changes)


def predicate(**changes) -> EvaluationPredicate:
    fields = {
        "product": "flc-mortality",
        "version": "1.2.0",
        "use": "olmsted-clinic",
        "evaluated_at": "2026-11-20T10:00:00Z",
        "inputs": [Input(name="predictions", uri="predictions.parquet", digest=A, rows=7676)],
        "rows": Rows(eligible=7871, scored=7871, excluded={"censored before 5 years": 195}, evaluated=7676),
        "spec": EvaluationSpec(task="binary", label="died", score="risk", bands={"age": [0, 40, 65]}),
        "software": {"codman": "0.1.0"},
        "measurements": [
            measurement(),
            measurement(slice={"sex": "F"}, value=None, lower=None, upper=None, note="one class"),
        ],
    }
    return EvaluationPredicate(**fields | changes)


def evaluation(**changes) -> Statement:
    return build(Kind.EVALUATION, Subject(name="flc-mortality@1.2.0", digest=A), predicate(**changes))
