"""Reading a policy: strict, and every refusal names its line."""

# ruff: noqa: PT017 (a table reads best one case a line; a fuzz may end either way)
from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.errors import BadInput, CodmanError
from codman.review.policy import load_policy
from codman.review.policy.bound import Bound
from codman.review.policy.load import policy_of_bytes
from codman.review.policy.written import BadPolicy
from codman.spine.policy import Severity
from codman.spine.statement import Kind, Origin
from policy_evidence import bound_text, loaded, policy_text

WHOLE = """\
policy: high-risk-prediction
edition: 2026-11
applies_to: {tier: [high], task: [binary, survival], setting: [inpatient], kind: [built, bought, embedded]}
checkpoint: go-live
requires:
  - id: discrimination
    title: Discriminates well enough on local patients
    evidence: evaluation
    origin: [local]
    max_age_days: 180
    measurement: {metric: auroc, at_least: 0.75, min_n: 1000}
    controls: [nist-ai-rmf/MEASURE-2.5, chai-model-card/KeyMetrics, hti-1/8.ii]
  - id: equal-sensitivity
    title: Misses no group of patients much more than another
    evidence: evaluation
    measurement: {metric: sensitivity_difference, by: [race], threshold: 0.2, at_most: 0.10}
    severity: block      # block | warn
  - id: model-card
    document: model-card
"""


def refused(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        loaded(text)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_policy_of_the_design_is_read_whole():
    policy = loaded(WHOLE)

    first, second, third = policy.requires
    assert (policy.policy, policy.edition, policy.checkpoint.value, policy.level) == (
        "high-risk-prediction",
        "2026-11",
        "go-live",
        0.95,
    )
    assert policy.applies_to.tier == ("high",)
    assert first.origin == (Origin.LOCAL,)
    assert first.max_age_days == 180
    assert isinstance(first.asks, Bound)
    assert (first.asks.metric, first.asks.at_least, first.asks.min_n) == ("auroc", 0.75, 1000)
    assert second.severity is Severity.BLOCK
    assert third.evidence is Kind.DOCUMENT
    assert (first.line, second.line, third.line) == (6, 13, 18)
    assert third.name == "Model card"


@pytest.mark.parametrize("edition", ["2026-11", "2026-11-01", "2026", "1.10", "0x1F", "'2026'", "on"])
def test_an_edition_stays_the_text_that_was_written(edition):
    policy = loaded(bound_text("{metric: auroc, at_least: 0.7}").replace("2026-11", edition))

    assert policy.edition == edition.strip("'")


def test_slice_levels_stay_the_text_that_was_written():
    policy = loaded(
        bound_text("{metric: auroc, at_least: 0.7, slice: {smoker: yes, stage: 1, born: 2026-11-01, 7: x}}")
    )

    assert policy.requires[0].asks.slice == {"smoker": "yes", "stage": "1", "born": "2026-11-01", "7": "x"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            bound_text("{metric: auroc, atleast: 0.5}"),
            "line 7: unknown key 'atleast' in requires.measurement; did you mean 'at_least'",
        ),
        (
            bound_text("{metric: auroccc, at_least: 0.5}"),
            "line 7: requirement 'r': unknown metric 'auroccc'; did you mean 'auroc'",
        ),
        (bound_text("{metric: ece, at_most: 0.1}"), "a policy may not bound ece; it is biased upward"),
        (bound_text("{metric: ici_difference, at_most: 0.1}"), "may not bound ici_difference"),
        (bound_text("{metric: e50_change, at_most: 0.1}"), "may not bound e50_change"),
        (bound_text("{metric: estimated_e90, at_most: 0.1}"), "may not bound estimated_e90"),
        (bound_text("{metric: auroc}"), "sets no limit"),
        (bound_text("{metric: auroc, at_least: 1.2}"), "can never be met: auroc is never above 1"),
        (bound_text("{metric: brier, at_most: -0.1}"), "can never be met: brier is never below 0"),
        (bound_text("{metric: sensitivity_difference, at_most: -0.1}"), "its absolute value is judged"),
        (bound_text("{metric: oe_ratio, between: [1.2, 0.8]}"), "wrong way round"),
        (bound_text("{metric: auroc, between: [1.1, 1.2]}"), "can never be met"),
        (bound_text("{metric: auroc, at_least: 0.8, at_most: 0.7}"), "nothing is at least 0.8 and at most 0.7"),
        (bound_text("{metric: auroc, at_least: 0.7, min_n: -1}"), "min_n: -1"),
        (bound_text("{metric: auroc, at_least: 0.7, min_n: 10.5}"), "min_n: 10.5"),
        (bound_text("{metric: auroc, at_least: true}"), "at_least: True"),
        (bound_text("{metric: auroc, at_least: '0.7'}"), "at_least: '0.7'"),
        (bound_text("{metric: auroc, at_least: .nan}"), "number only YAML understands"),
        (bound_text("{metric: auroc, at_least: 1:30}"), "number only YAML understands"),
        (bound_text("{metric: auroc, at_least: 1e999}"), "too large"),
        (
            bound_text("{metric: auroc, at_least: 0.7}", "    severity: blocks\n"),
            "line 8: 'blocks' is no severity; did you mean 'block'",
        ),
        (bound_text("{metric: auroc, at_least: 0.7}", "    origin: [lokal]\n"), "'lokal' is no"),
        (bound_text("{metric: auroc, at_least: 0.7}", "    origin: []\n"), "no origin counts"),
        (bound_text("{metric: auroc, at_least: 0.7}", "    max_age_days: 0\n"), "max_age_days: 0"),
        (
            bound_text("{metric: auroc, at_least: 0.7}").replace("validation", "golive"),
            "line 3: 'golive' is no checkpoint; did you mean 'go-live'",
        ),
        (bound_text("{metric: auroc, at_least: 0.7}").replace("evaluation", "evaluashun"), "did you mean 'evaluation'"),
        (bound_text("{metric: auroc, at_least: 0.7, threshold: [0.1]}"), "threshold: this"),
        (
            bound_text("{metric: auroc, at_least: 0.7}", "    document: model-card\n"),
            "asks for measurement and document at once",
        ),
        (bound_text("[auroc]"), "'measurement' is not a set of keys"),
        (policy_text("  - id: r\n"), "asks for nothing"),
        (policy_text("  - title: t\n    document: x\n"), "has no id"),
        (policy_text("  - id: a b\n    document: x\n"), "id: 'a b'"),
        (
            policy_text("  - id: r\n    document: x\n  - id: r\n    document: y\n"),
            "line 7: the id 'r' stands at line 5 already",
        ),
        (
            policy_text("  - id: r\n    document: x\n    evidence: scan\n"),
            "a document never comes as evidence of kind scan",
        ),
        (policy_text("  - id: r\n    document: x\n    id: s\n"), "line 7: the key 'id' stands here twice"),
        (policy_text("  - just words\n"), "not a set of keys"),
        (policy_text("  r: 1\n"), "not a list of requirements"),
        (
            policy_text("  - id: r\n    document: x\n", "levl: 0.9\n"),
            "line 4: unknown key 'levl'; did you mean 'level'",
        ),
        (policy_text("  - id: r\n    document: x\n", "level: 95\n"), "level: 95"),
        (policy_text("  - id: r\n    document: x\n", "applies_to: {task: [binry]}\n"), "did you mean 'binary'"),
        (policy_text("  - id: r\n    document: x\n", "applies_to: {teir: [high]}\n"), "did you mean 'tier'"),
        (policy_text("  - id: r\n    document: x\n", "level: &a 0.95\nedition2: *a\n"), "an alias"),
        (policy_text("  - id: !!python/object/apply:os.system [x]\n"), "tag"),
        (policy_text("  - {1: 2}\n"), "is not text"),
        ("", "it is empty"),
        ("- a\n- b\n", "there are no keys"),
        ("policy: p\n", "'edition' is missing"),
        ("policy: [unclosed\n", "line 2"),
        ("a: b: c\n", "line 1"),
        ("policy: p\n\tedition: 1\n", "not YAML"),
        ("[" * 5000, ""),
    ],
)
def test_what_is_wrong_is_refused_with_its_line_and_what_was_meant(text, said):
    assert said in refused(text)


def test_two_requirements_that_no_number_can_keep_together_are_refused():
    a = "  - id: a\n    measurement: {metric: auroc, at_least: 0.8}\n"
    b = "  - id: b\n    measurement: {metric: auroc, at_most: 0.7}\n"

    assert "contradict: 'a' asks for at least 0.8 and 'b' allows at most 0.7" in refused(policy_text(a + b))
    assert "contradict" in refused(policy_text(b + a))
    # of different origins they are about different numbers
    loaded(policy_text(a + b + "    origin: [developer]\n"))


def test_exponents_are_numbers_and_a_lone_word_is_a_list_of_one():
    policy = loaded(bound_text("{metric: sensitivity_difference, by: race, at_most: 1e-1}", "    origin: local\n"))

    assert policy.requires[0].asks.at_most == 0.1
    assert policy.requires[0].asks.by == ("race",)
    assert policy.requires[0].origin == (Origin.LOCAL,)


def test_a_missing_file_and_a_binary_one_are_clear(tmp_path):
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(BadInput, match="cannot be read"):
        load_policy(tmp_path / "none.yaml")
    with pytest.raises(BadInput, match="UTF-8"):
        load_policy(tmp_path / "b.yaml")
    with pytest.raises(BadInput, match="cannot be read"):
        load_policy(tmp_path)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_one_clear_error(data):
    try:
        policy_of_bytes(data, "p.yaml")
    except CodmanError as error:
        assert error.exit_code == 2


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, len(WHOLE) - 1),
    st.integers(0, 12),
    st.text(alphabet="{}[]:,-&*!|>'\"#\n \t0.1ea~?@`%\u2028", max_size=4),
)
def test_a_policy_with_a_slip_of_the_keyboard_is_read_or_refused_clearly(place, removed, put):
    text = WHOLE[:place] + put + WHOLE[place + removed :]
    try:
        policy_of_bytes(text.encode(), "p.yaml")
    except CodmanError as error:
        assert error.exit_code == 2
        assert "p.yaml" in error.why


_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["metric", "slice", "by", "threshold", "class", "unit", "at_least", "between", "min_n", "feature"]),
    _VALUES,
)
def test_any_value_under_any_key_is_read_or_refused_clearly(key, value):
    import json

    text = bound_text(json.dumps({"metric": "auroc", "at_least": 0.5} | {key: value}))
    try:
        policy_of_bytes(text.encode("utf-8", "surrogatepass"), "p.yaml")
    except CodmanError as error:
        assert error.exit_code == 2


DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_example_in_the_documentation_is_a_policy():
    blocks = re.findall(r"```yaml\n(policy:.*?)```", (DOCS / "policies.md").read_text(), flags=re.DOTALL)

    assert len(blocks) == 4
    for block in blocks:
        loaded(block)


def test_every_key_of_a_measurement_is_documented():
    page = (DOCS / "policies.md").read_text()

    assert [f for name, field in Bound.model_fields.items() if f"`{(f := field.alias or name)}`" not in page] == []


def test_every_fault_is_told_in_one_go_with_its_place():
    text = """policy: p
edition: 2026-11
checkpoint: golive
levl: 0.9
requires:
  - id: a
    measurement: {metric: aurocc, at_least: 0.7}
    severity: blok
  - id: b
    measurement: {metric: auroc, min_n: -3, slcie: {a: b}}
  - title: nothing
  - id: c
    document: model-card
  - id: c
    evidence: scan
"""
    with pytest.raises(BadPolicy) as refused:
        loaded(text)

    assert [(f.line, f.requirement, f.key) for f in refused.value.faults] == [
        (3, None, "checkpoint"),
        (4, None, "levl"),
        (7, "a", "measurement.metric"),
        (8, "a", "severity"),
        (10, "b", "measurement.min_n"),
        (10, "b", "measurement.slcie"),
        (11, None, None),
        (11, None, None),
        (14, "c", "id"),
    ]
    assert refused.value is refused.value.faults[0]
    assert "line 3" in refused.value.why
