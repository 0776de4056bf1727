"""What a report says: the headline, what is not known, differences, units, comparisons, other kinds."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import report_cohort as made

from codman.report.document import Bullets, Document, Paragraph, Table
from codman.report.make import read_document, write_report


def said(folder: Path, value: dict[str, Any]) -> Document:
    return read_document(made.written(folder, value))


def blocks(document: Document, key: str, kind: type[Any]) -> list[Any]:
    (section,) = [s for s in document.sections if s.key == key]
    return [block for block in section.blocks if isinstance(block, kind)]


def test_the_headline_says_what_on_whom_how_good_and_how_sure(tmp_path: Path) -> None:
    statement = made.statement()
    auroc = next(m for m in statement["predicate"]["measurements"] if m["metric"] == "auroc")
    document = said(tmp_path, statement)
    assert document.headline.startswith(
        f"AUROC is {auroc['value']:.3f} (95 % interval {auroc['lower']:.3f} to {auroc['upper']:.3f}) on 3,000 results, "
        f"{auroc['positives']} of them with the event"
    )
    assert f"about {round(100 * auroc['value'])} times in 100" in document.headline


def test_groups_too_small_to_show_are_named_first_and_in_every_comparison(tmp_path: Path) -> None:
    document = said(tmp_path, made.statement())
    assert document.unknown[0].startswith("3 groups too small to show (fewer than 11 patients): race Native, ")
    assert "No comparison between groups includes them." in document.unknown[0]
    (first, *_) = blocks(document, "differences", Table)
    by_race = [row for row in first.rows if row[1] == "race"]
    assert by_race
    assert all("race Native" in row for row in by_race)


def test_a_number_that_could_not_be_computed_is_named_with_its_reason(tmp_path: Path) -> None:
    document = said(tmp_path, made.statement())
    assert any(
        s.startswith("No calibration slope for ") and s.endswith("too few events to fit.") for s in document.unknown
    )


def test_the_widest_difference_names_the_highest_and_the_lowest_group_with_their_values(tmp_path: Path) -> None:
    statement = made.statement()
    rows = statement["predicate"]["measurements"]
    gap = next(m for m in rows if m["metric"] == "sensitivity_difference" and m["params"]["by"] == ["race"])
    value = {
        m["slice"]["race"]: m["value"]
        for m in rows
        if m["metric"] == "sensitivity" and list(m["slice"]) == ["race"] and m["value"] is not None
    }
    high, low = gap["params"]["highest"]["race"], gap["params"]["lowest"]["race"]
    document = said(tmp_path, statement)
    (sentences,) = blocks(document, "differences", Bullets)
    expected = (
        f"Sensitivity at threshold 0.2 differs by {gap['value']:.3f} ({gap['lower']:.3f} to {gap['upper']:.3f}) "
        f"between groups of race: highest race {high}, {value[high]:.3f}; lowest race {low}, {value[low]:.3f}. "
        "Not judged: race Native."
    )
    assert expected in sentences.items


def test_a_threshold_chosen_on_the_judged_rows_is_a_caveat(tmp_path: Path) -> None:
    statement = made.statement(data=made.cohort(400), by=[["sex"]])
    statement["predicate"]["spec"]["chosen"] = [
        {"rule": "sensitivity", "target": 0.8, "rows": "judged rows", "threshold": 0.2}
    ]
    document = said(tmp_path, statement)
    assert any(s.startswith("Threshold 0.2 was chosen on the rows that are judged here") for s in document.unknown)
    assert any(f.term == "Threshold chosen" and f.value == "0.2" for f in document.facts)


def test_both_units_stand_side_by_side_and_the_report_says_which_a_policy_may_use(tmp_path: Path) -> None:
    statement = made.statement(data=made.cohort(400), by=[["sex"]])
    rows = statement["predicate"]["measurements"]
    per_stay = [
        {**m, "value": 0.9, "lower": 0.85, "upper": 0.95, "n": 120, "params": {**m["params"], "unit": "stay"}}
        for m in rows
        if m["metric"] == "auroc"
    ]
    statement["predicate"]["measurements"] = rows + per_stay
    statement["predicate"]["spec"]["unit"] = {"column": "stay", "aggregate": "max"}
    document = said(tmp_path, statement)
    assert document.headline.startswith("AUROC is 0.900 (95 % interval 0.850 to 0.950) on 120 results (one per stay)")
    (table,) = blocks(document, "units", Table)
    assert [c.title for c in table.columns][1:] == ["Per stay: a policy may use", "Per row: for comparison"]
    row = next(r for r in table.rows if r[0] == "AUROC")
    assert row[1] == "0.900 (0.850 to 0.950)"
    assert row[2] != row[1]
    (why, *_) = blocks(document, "units", Paragraph)
    assert why.text.startswith("A policy may use the results per stay")
    (note,) = blocks(document, "curves", Paragraph)
    assert "row by row, not one result per stay" in note.text


def test_a_report_without_groups_says_that_nothing_is_known_about_them(tmp_path: Path) -> None:
    document = said(tmp_path, made.statement(data=made.cohort(400), by=[]))
    assert {"overall", "curves"} <= {s.key for s in document.sections}
    assert "groups" not in {s.key for s in document.sections}
    (text,) = blocks(document, "overall", Paragraph)
    assert "nothing is known" in text.text


def test_a_lone_metric_that_has_no_panel_is_the_headline(tmp_path: Path) -> None:
    statement = made.statement(data=made.cohort(400), by=[], curves={})
    statement["predicate"]["measurements"] = [
        {"metric": "brier", "slice": {}, "value": 0.1, "n": 400, "positives": 40, "method": "", "params": {}}
    ]
    assert said(tmp_path, statement).headline == "Brier score is 0.100 on 400 results, 40 of them with the event."


def test_a_statement_without_any_value_still_makes_a_report(tmp_path: Path) -> None:
    statement = made.statement(data=made.cohort(400), by=[], curves={})
    statement["predicate"]["measurements"] = [
        {"metric": "auroc", "slice": {}, "value": None, "n": 5, "method": "", "params": {}, "note": "one class only"}
    ]
    write_report(made.written(tmp_path, statement), tmp_path / "x.html")
    write_report(tmp_path / "evaluation.json", tmp_path / "x.pdf")
    document = said(tmp_path, statement)
    assert document.headline == "Nothing could be measured on these rows."
    assert document.unknown[0] == "No AUROC for Everyone: one class only."


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    fact = said(tmp_path, made.statement()).facts[0]
    assert fact.detail == "Of 3,195 eligible rows, 3,000 were evaluated; left out: 195 censored before 5 years."


def test_the_alternative_text_gives_the_numbers_it_stands_for(tmp_path: Path) -> None:
    figures = {f.key: f for f in said(tmp_path, made.statement()).figures}
    forest = figures["forest-auroc"]
    assert forest.alt.startswith("AUROC, by group of patients. Everyone 0.")
    assert "Lowest: " in forest.alt
    assert "Not shown: race Native" in forest.alt
    assert "The area under it is 0." in figures["roc"].alt
    assert figures["decision"].alt.startswith(
        "Decision curve: the model does more good than treating everybody or nobody"
    )
    assert figures["calibration"].alt.startswith("Calibration: from a predicted risk of 0.")


def _comparison(lower: float, upper: float, conclusion: str) -> dict[str, Any]:
    size = {"n": 900, "positives": 90, "level": 0.95, "method": "delong-paired"}
    change = {
        "metric": "auroc_change",
        "value": (lower + upper) / 2,
        "lower": lower,
        "upper": upper,
        "p_value": 0.03,
        **size,
    }
    own = [
        {
            "metric": "auroc",
            "slice": {},
            "value": v,
            "lower": v - 0.02,
            "upper": v + 0.02,
            "params": {"model": m},
            **size,
        }
        for m, v in (("a", 0.80), ("b", 0.80 + (lower + upper) / 2))
    ]
    groups = [{**change, "slice": {"sex": s}, "params": {}} for s in ("F", "M")]
    own += [{**o, "slice": {"sex": s}} for o in own for s in ("F", "M")]
    file = {"digest": {"sha256": "cd" * 32}, "rows": 900, "table_version": None}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "b", "digest": {"sha256": "ab" * 32}}],
        "predicateType": "https://codman.dev/evidence/comparison/v1",
        "predicate": {
            "product": "sepsis",
            "version": "3.2",
            "evaluated_at": "2026-11-20T10:00:00Z",
            "inputs": [{"name": "a", "uri": "a.parquet", **file}, {"name": "b", "uri": "b.parquet", **file}],
            "rows": {"eligible": 900, "scored": 900, "excluded": {}, "evaluated": 900},
            "spec": {"label": "died", "score": "risk", "id": "stay", "by": [["sex"]], "margins": {"auroc": -0.02}},
            "measurements": [
                {**change, "slice": {}, "params": {"margin": -0.02, "conclusion": conclusion}},
                *groups,
                *own,
            ],
        },
    }


def test_a_comparison_says_which_model_does_better_and_holds_the_margin(tmp_path: Path) -> None:
    for lower, upper, conclusion, sentence, sign in (
        (0.01, 0.03, "superior", "Model B does better.", "✓"),
        (-0.01, 0.03, "non-inferior", "The two models cannot be told apart.", "✓"),
        (-0.05, -0.03, "inferior", "Model B does worse.", "×"),
        (-0.03, 0.02, "inconclusive", "The two models cannot be told apart.", "?"),
    ):
        path = made.written(tmp_path, _comparison(lower, upper, conclusion), f"{conclusion}.json")
        document = read_document(path)
        assert document.headline.startswith(sentence)
        margins = next(s for s in document.sections if s.key == "margins")
        assert margins.blocks[0].items[0].tag.sign == sign  # type: ignore[union-attr]
        assert bool(blocks(document, "groups", Bullets)) == (conclusion == "inferior")
    write_report(path, tmp_path / "x.html")
    write_report(path, tmp_path / "x.pdf")


def test_any_other_kind_gets_a_plain_report_in_both_forms(tmp_path: Path) -> None:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "sepsis@3.1", "digest": {"sha256": "ab" * 32}}],
        "predicateType": "https://codman.dev/evidence/document/v1",
        "predicate": {
            "product": "sepsis",
            "version": "3.1",
            "evaluated_at": "2026-11-20T10:00:00+02:00",
            "document": "model-card",
            "file": "card.pdf",
            "digest": {"sha256": "cd" * 32},
            "size": 120,
            "media_type": "application/pdf",
        },
    }
    path = made.written(tmp_path, statement)
    for ending in ("html", "pdf"):
        document = write_report(path, tmp_path / f"x.{ending}")
    assert document.headline == "A document statement about sepsis@3.1."
    assert document.evaluated_at.isoformat() == "2026-11-20T08:00:00+00:00"
    (table,) = blocks(document, "content", Table)
    assert ("File", "card.pdf") in table.rows


def test_a_report_reads_an_envelope_as_it_reads_the_statement(tmp_path: Path) -> None:
    statement = made.statement(data=made.cohort(400), by=[])
    payload = json.dumps(statement).encode()
    envelope = {
        "payloadType": "application/vnd.in-toto+json",
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": "k", "sig": base64.b64encode(b"0" * 64).decode()}],
    }
    bare, wrapped = said(tmp_path, statement), read_document(made.written(tmp_path, envelope, "signed.json"))
    assert wrapped.headline == bare.headline
    assert wrapped.made_from == bare.made_from
