import hashlib
import json

import numpy as np
import polars as pl
import pytest

from codman.errors import BadInput
from codman.evidence.keys import generate, read_verifying_key
from codman.evidence.statements import digest, read_statement, write_statement
from codman.evidence.verify import verify_file
from codman.flows.assess import assess
from codman.flows.criteria import commit
from codman.flows.document import document
from codman.spine.evaluation_spec import EvaluationSpec
from codman.spine.statement import EvaluationPredicate, Kind, Origin
from codman.tables.source import open_source

SPEC = EvaluationSpec(task="binary", label="died", score="risk", by=[["sex"]], thresholds=[0.2])


@pytest.fixture
def predictions(tmp_path):
    r = np.random.default_rng(3)
    risk = r.random(400)
    table = pl.DataFrame({"died": (r.random(400) < risk).astype(int), "risk": risk, "sex": r.choice(["F", "M"], 400)})
    path = tmp_path / "predictions.parquet"
    table.write_parquet(path)
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_evaluation_says_what_was_asked_of_which_bytes_by_which_software(predictions):
    statement = assess(
        open_source(predictions),
        SPEC,
        product="p",
        version="1.0",
        use="ward",
        origin=Origin.DEVELOPER,
        at="2026-11-20T10:00:00Z",
    )

    said = EvaluationPredicate.model_validate(statement.predicate)
    assert statement.kind is Kind.EVALUATION
    assert (said.product, said.version, said.use, said.origin) == ("p", "1.0", "ward", "developer")
    assert said.evaluated_at == "2026-11-20T10:00:00Z"
    assert said.spec == SPEC
    [one] = said.inputs
    assert (one.name, one.uri, one.rows) == ("predictions", str(predictions), 400)
    assert one.digest.sha256 == sha256(predictions)
    assert {"codman", "python", "numpy", "pyarrow", "platform"} <= set(said.software)
    assert said.rows.eligible == said.rows.evaluated + sum(said.rows.excluded.values()) == 400
    assert {m.metric for m in said.measurements} >= {"auroc", "sensitivity", "sensitivity_difference"}


def test_without_an_artefact_the_predictions_stand_for_the_model_and_a_note_says_so(predictions):
    statement = assess(open_source(predictions), SPEC)

    assert statement.subject[0].name == "predictions.parquet"
    assert statement.subject[0].digest.sha256 == sha256(predictions)
    assert "no artefact" in statement.predicate["note"]


def test_the_artefact_is_the_subject_as_a_file_or_as_its_digest(predictions, tmp_path):
    model = tmp_path / "model.bin"
    model.write_bytes(b"weights")

    for artifact in (str(model), f"sha256:{sha256(model)}", f"sha256:{sha256(model).upper()}"):
        statement = assess(open_source(predictions), SPEC, product="p", version="2", artifact=artifact)
        assert statement.subject[0].name == "p@2"
        assert statement.subject[0].digest.sha256 == sha256(model)
        assert "note" not in statement.predicate


@pytest.mark.parametrize("artifact", ["gone.bin", "sha256:12", "sha256:" + "g" * 64, "."])
def test_an_artefact_that_is_none_is_said(predictions, artifact):
    with pytest.raises(BadInput, match="artefact"):
        assess(open_source(predictions), SPEC, artifact=artifact)


POLICY = """\
policy: go-live
edition: 2026-11
checkpoint: go-live
requires:
  - id: discrimination
    evidence: evaluation
    measurement: {metric: auroc, at_least: 0.75}
"""


def test_a_committed_policy_is_cited_by_the_digest_of_its_statement(predictions, tmp_path):
    policy, out = tmp_path / "policy.yaml", tmp_path / "criteria.json"
    policy.write_text(POLICY)
    generate(tmp_path / "mine")

    committed = commit(policy, key=tmp_path / "mine.key", out=out, at="2026-11-01T09:00:00Z")
    statement = assess(open_source(predictions), SPEC, criteria=out)

    assert verify_file(out, [read_verifying_key(tmp_path / "mine.pub")]).verified
    assert committed.subject[0].name == "go-live@2026-11"
    assert committed.predicate["digest"] == {"sha256": sha256(policy)}
    assert committed.predicate["edition"] == "2026-11"
    assert committed.predicate["text"]["requires"][0]["measurement"] == {"metric": "auroc", "at_least": 0.75}
    assert committed.predicate["receipt"] is None
    assert statement.predicate["criteria"] == {
        "digest": {"sha256": digest(committed)}, "committed_at": "2026-11-01T09:00:00Z", "receipt": None
    }  # fmt: skip


def test_only_criteria_can_be_cited(predictions, tmp_path):
    write_statement(assess(open_source(predictions), SPEC), tmp_path / "evaluation.json")
    with pytest.raises(BadInput, match="no criteria"):
        assess(open_source(predictions), SPEC, criteria=tmp_path / "evaluation.json")


@pytest.mark.parametrize("text", ["", "- a\n", "policy: p\n", "a: [", "policy: p\nedition: []\n", "\x00", "&a [*a]"])
def test_a_file_nobody_could_hold_anything_against_is_not_committed(tmp_path, text):
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(BadInput):
        commit(tmp_path / "policy.yaml", key=None, out=tmp_path / "criteria.json")
    assert not (tmp_path / "criteria.json").exists()


def test_a_document_is_stated_by_its_bytes_and_its_content_stays_home(tmp_path):
    card = tmp_path / "Card.PDF"
    card.write_bytes(b"%PDF secret words")

    statement = document(card, type="model-card", product="p", version="1", use="ward")
    write_statement(statement, tmp_path / "card.json")

    said = read_statement(tmp_path / "card.json").statement.predicate
    assert said["document"] == "model-card"
    assert said["digest"] == {"sha256": sha256(card)}
    assert (said["size"], said["media_type"], said["file"]) == (17, "application/pdf", "Card.PDF")
    assert "secret" not in json.dumps(said)
    assert statement.subject[0].name == "p@1"


def test_an_empty_or_missing_document_is_said(tmp_path):
    (tmp_path / "empty.md").write_text("")
    for path in (tmp_path / "empty.md", tmp_path / "gone.md", tmp_path):
        with pytest.raises(BadInput):
            document(path, type="model-card", product="p")


def test_what_is_promised_after_the_run_is_no_promise(predictions, tmp_path):
    policy, out = tmp_path / "policy.yaml", tmp_path / "criteria.json"
    policy.write_text(POLICY)
    generate(tmp_path / "k")
    commit(policy, key=tmp_path / "k.key", out=out, at="2026-11-02T09:00:00Z")

    assert assess(open_source(predictions), SPEC, criteria=out, at="2026-11-02T09:00:00Z").predicate["criteria"]
    with pytest.raises(BadInput, match="committed after"):
        assess(open_source(predictions), SPEC, criteria=out, at="2026-11-02T08:59:59Z")
