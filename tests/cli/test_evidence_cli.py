import json
import stat

import jsonschema
import numpy as np
import polars as pl
import pytest


@pytest.fixture
def predictions(tmp_path):
    r = np.random.default_rng(5)
    risk = r.random(500)
    table = {
        "died": (r.random(500) < risk).astype(int),
        "risk": risk,
        "sex": r.choice(["F", "M"], 500),
        "age": r.integers(20, 90, 500),
        "patient": np.arange(500) // 2,
        "los": r.gamma(2, 3, 500),
        "predicted_los": r.gamma(2, 3, 500),
    }
    pl.DataFrame(table).write_parquet(tmp_path / "p.parquet")
    return tmp_path / "p.parquet"


ASK = ("--label", "died", "--score", "risk")


def test_from_keys_to_a_verified_statement(codman, predictions, tmp_path):
    assert codman("evidence", "keygen", "--out", "mine")[0] == 0
    assert codman("evidence", "keygen", "--out", "other")[0] == 0
    assert stat.S_IMODE((tmp_path / "mine.key").stat().st_mode) == 0o600
    assert (
        codman(
            "evaluate", predictions, *ASK, "--metrics", "auroc", "--product", "p", "--version", "1", "--out", "e.json"
        )[0]
        == 0
    )
    assert codman("evidence", "sign", "e.json", "--key", "mine.key", "--out", "s.json")[0] == 0

    code, out, _ = codman("evidence", "verify", "s.json", "--key", "mine.pub", "--format", "json")
    answer = json.loads(out)
    assert (code, answer["verified"], set(answer)) == (0, True, {"verified", "steps", "signer"})
    assert all(set(step) == {"step", "ok", "why"} for step in answer["steps"])

    assert codman("evidence", "verify", "s.json", "--key", "other.pub")[0] == 1
    assert codman("evidence", "verify", "s.json", "--key", "other.pub", "--key", "mine.pub")[0] == 0
    assert codman("evidence", "verify", "e.json", "--key", "mine.pub")[0] == 1
    assert codman("evidence", "verify", predictions, "--key", "mine.pub")[0] == 2
    assert codman("evidence", "verify", "gone.json", "--key", "mine.pub")[0] == 2
    assert codman("evidence", "verify", "s.json")[0] == 2

    (tmp_path / "altered.json").write_text((tmp_path / "s.json").read_text().replace('"payload":"e', '"payload":"f'))
    code, out, _ = codman("evidence", "verify", "altered.json", "--key", "mine.pub")
    assert code == 1
    assert "FAILED  3 signature" in out
    (tmp_path / "cut.json").write_text((tmp_path / "s.json").read_text().replace('"payload":"e', '"payload":"'))
    assert codman("evidence", "verify", "cut.json", "--key", "mine.pub")[0] == 1


def test_a_second_signer_signs_the_same_bytes(codman, predictions):
    for name in ("mine", "other"):
        codman("evidence", "keygen", "--out", name)
    codman("evaluate", predictions, *ASK, "--metrics", "auroc", "--key", "mine.key", "--out", "one.json")
    codman("evidence", "sign", "one.json", "--key", "other.key", "--out", "two.json")

    for name in ("mine", "other"):
        assert codman("evidence", "verify", "two.json", "--key", f"{name}.pub")[0] == 0


def test_keys_are_not_overwritten_and_the_wrong_half_is_said(codman):
    codman("evidence", "keygen", "--out", "mine")
    code, _, err = codman("evidence", "keygen", "--out", "mine")
    assert (code, "there already" in err) == (2, True)
    code, _, err = codman("evidence", "verify", "x.json", "--key", "mine.key")
    assert (code, "private key" in err) == (2, True)
    code, _, err = codman("evidence", "sign", "x.json", "--key", "mine.pub", "--out", "y.json")
    assert (code, "cannot sign" in err) == (2, True)


def test_show_is_plain_in_a_pipe_and_the_json_is_the_statement(codman, predictions, tmp_path):
    codman("evaluate", predictions, *ASK, "--by", "sex", "--metrics", "auroc", "--out", "e.json")
    code, out, _ = codman("evidence", "show", "e.json")

    assert code == 0
    assert "\x1b" not in out
    assert out.startswith("Evaluation of p.parquet, local, ")
    assert "500 eligible, 500 evaluated" in out
    assert "Everyone" in out
    assert "sex F" in out
    assert codman("evidence", "show", "e.json", "--format", "json")[1].strip() == (tmp_path / "e.json").read_text()


def test_a_stranger_s_control_characters_do_not_reach_the_terminal(codman, tmp_path):
    (tmp_path / "card.md").write_text("x")
    codman("evidence", "document", "card.md", "--type", "a\x1b[31mb", "--product", "p\x07q", "--out", "d.json")
    out = codman("evidence", "show", "d.json")[1]
    assert "\x1b" not in out
    assert "\x07" not in out


def test_a_document_statement_from_the_command_line(codman, tmp_path):
    (tmp_path / "card.md").write_text("# Card")
    codman("evidence", "keygen", "--out", "mine")

    done = codman(
        *("evidence", "document", "card.md", "--type", "model-card", "--product", "p", "--version", "1"),
        *("--origin", "developer", "--key", "mine.key", "--out", "d.json"),
    )

    assert done[0] == 0
    assert codman("evidence", "verify", "d.json", "--key", "mine.pub")[0] == 0
    assert "model-card" in codman("evidence", "show", "d.json")[1]
    assert codman("evidence", "document", "gone.md", "--type", "t", "--product", "p", "--out", "x.json")[0] == 2


def test_schema_prints_a_json_schema_that_a_statement_keeps(codman, predictions, tmp_path):
    codman("evaluate", predictions, *ASK, "--by", "sex", "--threshold", 0.3, "--out", "e.json")
    code, out, _ = codman("evidence", "schema", "evaluation")

    assert code == 0
    jsonschema.validate(json.loads((tmp_path / "e.json").read_text()), json.loads(out))
    code, _, err = codman("evidence", "schema", "evaluations")
    assert (code, "'evaluation'" in err) == (2, True)


def test_every_flag_of_evaluate_reaches_the_spec(codman, predictions, tmp_path):
    code, _, err = codman(
        *("evaluate", predictions, *ASK, "--task", "binary", "--positive", 1),
        *("--by", "sex", "--by", "sex,age_band", "--band", "age=0,40,65", "--threshold", 0.1, "--threshold", 0.3),
        *("--reference", "sex=F", "--subject", "patient", "--metrics", "auroc,sensitivity"),
        *("--choose", "alert_rate=0.05", "--choose-on", predictions),
        *("--level", 0.9, "--seed", 11, "--auroc-interval", "delong", "--strict"),
        *("--product", "p", "--version", "2", "--use", "ward", "--origin", "attested"),
        *("--artifact", "sha256:" + "c" * 64, "--out", "e.json"),
    )
    assert code == 0, err

    value = json.loads((tmp_path / "e.json").read_text())
    said, spec = value["predicate"], value["predicate"]["spec"]
    assert value["subject"] == [{"name": "p@2", "digest": {"sha256": "c" * 64}}]
    assert (said["product"], said["version"], said["use"], said["origin"]) == ("p", "2", "ward", "attested")
    assert [one["name"] for one in said["inputs"]] == ["predictions", "threshold-rows"]
    assert spec["by"] == [["sex"], ["sex", "age_band"]]
    assert spec["bands"] == {"age": [0, 40, 65]}
    assert spec["thresholds"][:2] == [0.1, 0.3]
    assert spec["reference"] == {"sex": "F"}
    assert spec["metrics"] == ["auroc", "sensitivity"]
    assert spec["chosen"][0]["rows"] == "threshold-rows"
    assert (spec["level"], spec["seed"], spec["auroc_interval"], spec["suppression"]) == (0.9, 11, "delong", "strict")
    assert (spec["positive"], spec["subject"]) == ("1", "patient")


def test_without_out_a_table_or_the_statement_goes_to_standard_output(codman, predictions):
    code, out, err = codman("evaluate", predictions, *ASK, "--metrics", "auroc")
    assert (code, err) == (0, "")
    assert "AUROC" in out
    code, out, _ = codman("evaluate", predictions, *ASK, "--metrics", "auroc", "--format", "json")
    assert json.loads(out)["predicateType"].endswith("/evaluation/v1")


def test_regression_is_asked_for_by_name(codman, predictions):
    code, out, err = codman(
        "evaluate", predictions, "--label", "los", "--score", "predicted_los", "--task", "regression"
    )
    assert code == 0, err
    assert "RMSE" in out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--threshold", "high"), "not a number"),
        (("--threshold", "nan"), "not finite"),
        (("--band", "age"), "NAME=VALUE"),
        (("--band", "age=0,x"), "not a number"),
        (("--band", "age=0,40", "--band", "age=1,2"), "twice"),
        (("--by", "sex,"), "comma"),
        (("--by", "sex,sex"), "twice"),
        (("--by", "gender"), "gender"),
        (("--task", "binry"), "'binary'"),
        (("--interval", "analitic"), "'analytic'"),
        (("--level", "1.5"), "level"),
        (("--replicates", "3"), "replicates"),
        (("--choose", "sensitivty=0.9"), "'sensitivity'"),
        (("--choose", "sensitivity"), "NAME=VALUE"),
        (("--choose-on", "p.parquet"), "--choose"),
        (("--unit", "patient"), "--aggregate"),
        (("--aggregate", "max"), "--unit"),
        (("--interval-columns", "lo"), "two ends"),
        (("--survival", "x=c"), "not a number"),
        (("--criteria", "gone.json"), "gone.json"),
        (("--key", "gone.key"), "gone.key"),
        (("--artifact", "gone.bin"), "gone.bin"),
        (("--metrics", "aurok"), "'auroc'"),
        (("--metrics", "rmse"), "nothing was measured"),
        (("--metrics", "sensitivity"), "--threshold"),
        (("--band", "years=0,65", "--by", "years_band"), "'years'"),
        (("--band", "age=65,0", "--by", "age_band"), "increase"),
        (("--reference", "sex=F"), "--by sex"),
        (("--reference", "sex=X", "--by", "sex"), "choose from: F, M"),
        (("--label", "deid"), "'died'"),
        (("--nonsense", "1"), "nonsense"),
    ],
)
def test_bad_flags_are_exit_2_with_one_clear_error_and_nothing_written(codman, predictions, tmp_path, flags, said):
    code, out, err = codman("evaluate", predictions, *ASK, *flags, "--out", "bad.json")

    assert code == 2
    assert said in err
    assert out == ""
    assert not (tmp_path / "bad.json").exists()


def test_an_out_that_cannot_be_is_said_before_anything_is_computed(codman, predictions):
    code, _, err = codman("evaluate", predictions, *ASK, "--out", "no/such/folder/e.json")
    assert (code, "no folder" in err) == (2, True)


POLICY = "policy: p\nedition: 1\ncheckpoint: validation\nrequires:\n  - id: card\n    document: model-card\n"


@pytest.mark.parametrize(
    "command",
    [
        ("evidence", "sign", "d.json", "--key", "mine.key", "--out", "d.json"),
        ("evidence", "sign", "d.json", "--key", "mine.key", "--out", "mine.key"),
        ("evidence", "document", "card.html", "--type", "t", "--product", "p", "--out", "./card.html"),
        (
            "evidence",
            "document",
            "card.html",
            "--type",
            "t",
            "--product",
            "p",
            "--key",
            "mine.key",
            "--out",
            "mine.key",
        ),
        ("policy", "commit", "p.yaml", "--key", "mine.key", "--out", "p.yaml"),
        ("report", "linked.html", "--out", "d.html"),
        ("report", "d.json", "--policy", "card.html", "--out", "card.html"),
        ("report", "d.json", "--verdict", "card.html", "--out", "card.html"),
        ("gate", "d.json", "--policy", "p.yaml", "--out", "p.yaml"),
    ],
    ids=" ".join,
)
def test_what_is_read_is_never_overwritten_by_the_result(codman, tmp_path, command):
    (tmp_path / "card.html").write_text("# Card")
    (tmp_path / "p.yaml").write_text(POLICY)
    codman("evidence", "keygen", "--out", "mine")
    codman("evidence", "document", "card.html", "--type", "model-card", "--product", "p", "--out", "d.json")
    (tmp_path / "d.html").write_bytes((tmp_path / "d.json").read_bytes())
    (tmp_path / "linked.html").symlink_to("d.html")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    code, out, err = codman(*command)

    assert (code, out) == (2, "")
    assert "would be overwritten" in err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
