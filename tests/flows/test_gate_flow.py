"""Files in, a verdict out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codman.errors import BadInput
from codman.evidence.keys import generate, read_signing_key
from codman.evidence.statements import write_statement
from codman.flows.gate import check_policies, compare_editions, gate
from codman.spine.verdict import Outcome
from policy_evidence import bound_text, evaluation, measured

AUROC = measured("auroc", 0.831, 0.819, 0.843)
GOOD = "{metric: auroc, at_least: 0.75}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generate(tmp_path / "mine")
    (tmp_path / "p.yaml").write_text(bound_text(GOOD))
    write_statement(evaluation(AUROC), tmp_path / "e.json")
    write_statement(evaluation(AUROC), tmp_path / "s.json", read_signing_key(tmp_path / "mine.key"))
    return tmp_path


def test_a_signed_evaluation_is_judged_and_verified(folder):
    verdict = gate(folder / "p.yaml", [folder / "s.json"], keys=[folder / "mine.pub"], at="2026-11-21")

    assert (verdict.outcome, verdict.verified) == (Outcome.MET, True)
    assert (verdict.product, verdict.version, verdict.use) == ("flc", "1.2", "clinic")
    assert verdict.judged_at == "2026-11-21T23:59:59Z"


@pytest.mark.parametrize("where", [5, 40, 200, 600])
def test_an_altered_envelope_is_unverifiable_whatever_the_alteration_made_of_it(folder, where):
    envelope = json.loads((folder / "s.json").read_text())
    payload = envelope["payload"]
    envelope["payload"] = payload[:where] + ("A" if payload[where] != "A" else "B") + payload[where + 1 :]
    (folder / "s.json").write_text(json.dumps(envelope))

    verdict = gate(folder / "p.yaml", [folder / "s.json"], keys=[folder / "mine.pub"], at="2026-11-21")

    assert (verdict.outcome, verdict.exit_code, verdict.verified) == (Outcome.UNVERIFIABLE, 3, False)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("x.yaml", "policy: p\n", "give it as --policy"),
        ("x.json", "{}", "not a statement"),
        ("x.json", "", "not a statement"),
        ("x.json", '{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://x/y"}', "not a statement"),
    ],
)  # fmt: skip
def test_what_is_no_evidence_is_told_so(folder, file, content, said):
    (folder / file).write_text(content)

    for keys in ([], [folder / "mine.pub"]):
        with pytest.raises(BadInput, match=said):
            gate(folder / "p.yaml", [folder / file], keys=keys)


def test_a_time_that_is_none_is_bad_input(folder):
    for at in ("yesterday", "", "2026-13-01", "9999-12-31T23:59:59-23:59"):
        with pytest.raises(BadInput, match="--at"):
            gate(folder / "p.yaml", [folder / "e.json"], at=at)


def test_editions_are_compared_in_words_and_on_evidence(folder):
    old = bound_text(GOOD) + "  - id: gone\n    document: model-card\n"
    new = bound_text(
        "{metric: auroc, at_least: 0.9, min_n: 100}", "    origin: [local]\n    max_age_days: 30\n"
    ).replace("2026-11", "2027-01")
    new += "  - id: added\n    document: plan\n"
    (folder / "old.yaml").write_text(old)
    (folder / "new.yaml").write_text(new)

    changes, turns = compare_editions(folder / "old.yaml", folder / "new.yaml", [folder / "e.json"], at="2026-11-21")

    assert [(c.requirement, c.way, c.words) for c in changes] == [
        (None, "changed", "edition 2026-11 became 2027-01"),
        ("r", "tightened", "origin any became local"),
        ("r", "tightened", "the greatest age is 30 days, and was unlimited"),
        ("r", "tightened", "at least 0.75 became 0.9"),
        ("r", "tightened", "100 patients are needed, 0 were"),
        ("added", "added", "Added"),
        ("gone", "removed", "Gone"),
    ]
    assert [(t.requirement, t.old, t.new) for t in turns] == [
        ("r", Outcome.MET, Outcome.NOT_MET),
        ("added", None, Outcome.MISSING),
        ("gone", Outcome.MISSING, None),
    ]
    back, _ = compare_editions(folder / "new.yaml", folder / "old.yaml")
    assert [c.way for c in back if c.requirement == "r"] == ["loosened"] * 4
    assert compare_editions(folder / "old.yaml", folder / "old.yaml") == ((), ())


def test_checking_gives_advice_and_one_bad_policy_does_not_hide_the_next(folder):
    (folder / "bad.yaml").write_text(bound_text("{metric: auroc, at_least: 2}"))
    (folder / "weak.yaml").write_text(
        bound_text("{metric: ppv_difference, at_most: 0.1}", "    severity: warn\n").replace(
            "requires:", "level: 0.9\nrequires:"
        )
    )

    bad, weak = check_policies([folder / "bad.yaml", folder / "weak.yaml"])

    assert bad.error is not None
    assert "never above 1" in bad.error.why
    words = " ".join(a.words for a in weak.advice)
    for said in (
        "no min_n",
        "no max_age_days",
        "no origin",
        "no threshold",
        "no by",
        "how common",
        "level 0.9",
        "only warns",
    ):
        assert said in words, said


def test_checking_names_every_fault_in_words_and_as_data(tmp_path):
    (tmp_path / "p.yaml").write_text(
        "policy: p\nedition: 1\ncheckpoint: validation\nrequires:\n"
        "  - id: a\n    measurement: {metric: aurocc, at_least: 0.7}\n"
        "  - id: b\n    document: model-card\n    severity: blok\n"
    )

    (checked,) = check_policies([tmp_path / "p.yaml"])

    assert [(f["requirement"], f["key"], f["line"]) for f in checked.answer()["faults"]] == [
        ("a", "measurement.metric", 6),
        ("b", "severity", 9),
    ]
    assert checked.lines()[0].endswith("the policy cannot be used: 2 faults")
    assert "  line 9, b: 'blok' is no severity" in checked.lines()
