"""The coverage matrix: what stands behind each control of a use, and of all uses, on a date."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.registry.coverage import Answer, State
from codman.registry.documents import Basis
from codman.registry.frameworks import FrameworkField
from codman.review.controls import Filed, Judged, Known, Said, Standing, judged_in, matrix, said_by_registry
from codman.review.controls_house import house_matrix
from codman.review.packs import frameworks
from codman.review.packs.framework import framework
from codman.review.policy import judge
from codman.spine.policy import Severity
from codman.spine.statement import Origin
from codman.spine.verdict import Finding, Outcome, Result, Verdict
from policy_evidence import document, evaluation, loaded, measured, policy_text, read

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = date(2026, 11, 21)
CONTROL = "nist-ai-rmf/MEASURE-2.11"
POLICY = """\
  - id: rank
    title: Ranks well
    origin: [local]
    measurement: {metric: auroc, at_least: 0.7}
    controls: [nist-ai-rmf/MEASURE-2.5, chai-model-card/KeyMetrics]
  - id: card
    title: Model card
    document: model-card
    controls: [ruaih/4]
  - id: claimed
    title: The maker's numbers
    evidence: evaluation
    origin: [developer]
    controls: [hti-1/7.i]
"""


def one(outcome: Outcome, standing: Standing = Standing.EVIDENCE, *, control: str = CONTROL, **more) -> Judged:
    fields = {"id": "r", "title": "Fair", "severity": Severity.BLOCK, "controls": (control,)} | more
    finding = Finding(outcome=outcome, said=f"It is {outcome.value}.")
    return Judged(result=Result(finding=finding, **fields), standing=standing, judged_at="2026-11-20T10:00:00Z")


def _verified(verdict: Verdict) -> Verdict:
    """The same as if every statement had been signed by a key that was given."""
    return replace(verdict, verified=True)


def stood(known: Known, control: str = CONTROL, at: datetime = AT):
    return next(row for row in matrix(frameworks(at), known, at) if row.name == control)


def test_every_control_of_every_framework_has_a_row_and_is_open_where_nothing_is_known():
    rows = matrix(frameworks(DAY), Known(), AT)

    assert len(rows) == 59 + 23 + 3 + 12 + 44 + 38 + 72 + 7 + 3
    assert {row.standing for row in rows} == {Standing.OPEN}
    assert stood(Known()).why == "No requirement that was judged cites it, and no answer to it is in the book."


@pytest.mark.parametrize(
    ("judged", "said", "standing"),
    [
        ([Outcome.MET], None, Standing.EVIDENCE),
        ([Outcome.MET, Outcome.MET], None, Standing.EVIDENCE),
        ([Outcome.MET, Outcome.NOT_MET], None, Standing.OPEN),
        ([Outcome.MET, Outcome.INCONCLUSIVE], None, Standing.OPEN),
        ([Outcome.STALE], None, Standing.OPEN),
        ([Outcome.UNVERIFIABLE], None, Standing.OPEN),
        ([Outcome.MISSING], Basis.CLAIM, Standing.CLAIMED),
        ([Outcome.MISSING], Basis.DOCUMENT, Standing.CLAIMED),
        ([Outcome.NOT_MET], Basis.EVIDENCE, Standing.OPEN),
        ([Outcome.NOT_APPLICABLE], None, Standing.NOT_APPLICABLE),
        ([Outcome.NOT_APPLICABLE], Basis.CLAIM, Standing.CLAIMED),
        ([Outcome.NOT_APPLICABLE, Outcome.MET], None, Standing.EVIDENCE),
        ([], Basis.CLAIM, Standing.CLAIMED),
        ([], Basis.DOCUMENT, Standing.DOCUMENT),
        ([], Basis.EVIDENCE, Standing.EVIDENCE),
        ([Outcome.MET], Basis.CLAIM, Standing.EVIDENCE),
    ],
)
def test_what_was_judged_says_more_than_what_is_said(judged, said, standing):
    told = [Said(control=CONTROL, basis=said, source="the vendor")] if said else []

    assert stood(Known(judged=[one(o) for o in judged], said=told)).standing is standing


def test_a_requirement_that_only_warns_opens_nothing():
    warned = one(Outcome.NOT_MET, severity=Severity.WARN)

    assert stood(Known(judged=[one(Outcome.MET), warned])).standing is Standing.EVIDENCE
    assert stood(Known(judged=[warned])).standing is Standing.OPEN


def test_documents_are_worth_a_document_and_never_evidence():
    by_document = one(Outcome.MET, Standing.DOCUMENT)

    assert stood(Known(judged=[by_document])).standing is Standing.DOCUMENT
    assert stood(Known(judged=[by_document, one(Outcome.MET)])).standing is Standing.EVIDENCE


def test_a_filed_document_answers_the_controls_that_name_its_type():
    filed = Known(filed=[Filed(type="training-material", filed_at="2026-11-01T00:00:00Z")])

    row = stood(filed, "ruaih/7")
    assert (row.standing, row.why) == (Standing.DOCUMENT, "Met by document: a training material is filed.")
    assert stood(filed, "ruaih/6").standing is Standing.OPEN


def test_the_reason_counts_what_is_met_and_quotes_the_worst():
    row = stood(Known(judged=[one(Outcome.MET), one(Outcome.INCONCLUSIVE, id="race", title="Fair by race")]))

    assert row.why == "1 of 2 requirements are met. Fair by race: It is inconclusive."


def test_a_claim_beside_a_gap_names_who_claims():
    row = stood(Known(judged=[one(Outcome.MISSING)], said=[Said(control=CONTROL, basis=Basis.CLAIM, source="a card")]))

    assert row.why == "Fair: It is missing. Said: a card."


def test_what_came_after_the_date_does_not_count():
    later = "2026-11-22T00:00:00Z"
    known = Known(
        judged=[one(Outcome.MET)],
        said=[Said(control="ruaih/1", basis=Basis.DOCUMENT, source="the board", said_at=later)],
        filed=[Filed(type="training-material", filed_at=later)],
    )

    before = datetime(2026, 11, 19, tzinfo=UTC)
    assert stood(known, at=before).standing is Standing.OPEN
    assert [stood(known, c).standing for c in ("ruaih/1", "ruaih/7")] == [Standing.OPEN] * 2
    after = AT + timedelta(days=1)
    assert [stood(known, c, after).standing for c in ("ruaih/1", "ruaih/7")] == [Standing.DOCUMENT] * 2


def test_a_framework_that_does_not_hold_on_the_date_has_no_rows():
    early = datetime(2025, 9, 16, tzinfo=UTC)

    assert "ruaih" not in {row.framework.framework for row in matrix(frameworks(early), Known(), early)}


def test_a_rule_that_binds_later_says_from_when():
    assert stood(Known(), "eu-ai-act/Art-26.2").why.endswith("It binds from 2 Dec 2027.")
    later = datetime(2028, 1, 1, tzinfo=UTC)
    assert "binds" not in stood(Known(), "eu-ai-act/Art-26.2", later).why


def test_evidence_based_attributes_are_not_asked_of_a_model_that_learnt_from_data():
    predictive = Known(subject={"technique": "predictive"})

    row = stood(predictive, "hti-1/A.1")
    assert row.standing is Standing.NOT_APPLICABLE
    assert row.why == "It is asked only of technique evidence-based; here it is predictive."
    assert stood(predictive, "hti-1/1.i").standing is Standing.OPEN
    assert stood(Known(), "hti-1/A.1").standing is Standing.OPEN  # what is not known does not exempt


def test_what_somebody_ruled_out_is_not_applicable_with_their_reason():
    known = Known(not_applicable={"eu-ai-act": "We are in Ohio.", "fda-pccp/impact": "It has no plan."})

    rows = {row.name: row for row in matrix(frameworks(DAY), known, AT)}
    assert {row.why for name, row in rows.items() if name.startswith("eu-ai-act/")} == {"We are in Ohio."}
    assert rows["fda-pccp/impact"].standing is Standing.NOT_APPLICABLE
    assert rows["fda-pccp/protocol"].standing is Standing.OPEN


def test_a_verdict_is_worth_what_its_evidence_is():
    policy = loaded(policy_text(POLICY))
    statements = [
        evaluation(measured("auroc", 0.8, 0.75, 0.85)),
        evaluation(origin="developer"),
        document("model-card"),
    ]
    verdict = judge(policy, [read(s) for s in statements], at=AT)

    unsigned = {j.result.id: j.standing for j in judged_in(policy, verdict)}
    assert set(unsigned.values()) == {Standing.CLAIMED}  # nobody checked a signature

    signed = {j.result.id: j.standing for j in judged_in(policy, _verified(verdict))}
    assert signed == {"rank": Standing.EVIDENCE, "card": Standing.DOCUMENT, "claimed": Standing.CLAIMED}

    known = Known(judged=judged_in(policy, _verified(verdict)))
    assert stood(known, "nist-ai-rmf/MEASURE-2.5").standing is Standing.EVIDENCE
    assert stood(known, "chai-model-card/KeyMetrics/FairnessEquity/Interpretation").standing is Standing.EVIDENCE
    assert stood(known, "ruaih/4").standing is Standing.DOCUMENT
    row = stood(known, "hti-1/7.i")
    assert row.standing is Standing.CLAIMED
    assert row.why.endswith("It is the maker's word, or its signature was not checked.")


def test_whose_word_a_statement_is_counts_where_a_requirement_takes_anybodys():
    policy = loaded(policy_text("  - id: any\n    evidence: evaluation\n    controls: [ruaih/3]\n"))
    verdict = _verified(judge(policy, [read(evaluation(origin="developer"))], at=AT))
    digest = verdict.results[0].finding.evidence or ""

    assert judged_in(policy, verdict)[0].standing is Standing.EVIDENCE
    assert judged_in(policy, verdict, {digest: Origin.DEVELOPER})[0].standing is Standing.CLAIMED
    assert judged_in(policy, verdict, {digest: Origin.ATTESTED})[0].standing is Standing.EVIDENCE


def test_what_the_registry_knows_answers_its_own_frameworks():
    field = FrameworkField(id="1.ii", title="Funding", home="hti-1/1.ii")
    answers = [
        Answer("hti-1", field, State.DOCUMENT, "a grant", "the card"),
        Answer("hti-1", field.model_copy(update={"id": "1.iii"}), State.MISSING, None, None),
    ]

    known = Known(said=said_by_registry(answers))
    assert stood(known, "hti-1/1.ii").standing is Standing.DOCUMENT
    assert stood(known, "hti-1/1.iii").standing is Standing.OPEN


CONTROLS = [f"{f.framework}/{c.id}" for f in frameworks(DAY) for c in f.controls]
WORTH = (Standing.CLAIMED, Standing.DOCUMENT, Standing.EVIDENCE)
JUDGED = st.builds(one, st.sampled_from(Outcome), st.sampled_from(WORTH), control=st.sampled_from(CONTROLS))
SAID = st.builds(Said, control=st.sampled_from(CONTROLS), basis=st.sampled_from(Basis), source=st.just("x"))
KNOWN = st.builds(Known, judged=st.lists(JUDGED, max_size=20), said=st.lists(SAID, max_size=20))


@given(st.lists(KNOWN, max_size=5))
def test_the_house_is_the_sum_of_its_uses(uses):
    house = house_matrix(frameworks(DAY), {f"use-{i}": known for i, known in enumerate(uses)}, AT)

    rows = [matrix(frameworks(DAY), known, AT) for known in uses]
    for place, tally in enumerate(house.controls):
        assert sum(tally.counts.values()) == len(uses)
        for standing in Standing:
            here = [f"use-{i}" for i, row in enumerate(rows) if row[place].standing is standing]
            assert tally.counts[standing] == len(here)
    if uses:
        assert house.where(rows[0][0].name, rows[0][0].standing)[:1] == ("use-0",)
    assert sum(sum(c.values()) for c in house.framework_counts().values()) == len(uses) * len(CONTROLS)


@given(KNOWN, JUDGED)
def test_one_more_requirement_that_is_not_met_never_helps(known, more):
    lacking = one(Outcome.NOT_MET, control=more.result.controls[0])
    control = more.result.controls[0]

    assert stood(Known(judged=[*known.judged, lacking], said=known.said), control).standing is Standing.OPEN


def test_two_thousand_uses_with_sixty_requirements_each_take_less_than_five_seconds():
    cited = [tuple(CONTROLS[(i * 7 + k * 31) % len(CONTROLS)] for k in range(4)) for i in range(60)]
    judged = [
        one(Outcome.MET if i % 3 else Outcome.MISSING, id=f"r{i}", title="t", controls=cited[i]) for i in range(60)
    ]
    said = [Said(control=c, basis=Basis.CLAIM, source="s", said_at="2026-11-01T00:00:00Z") for c in CONTROLS[::6]]
    known = {f"use-{i}": Known(judged=judged, said=said) for i in range(2000)}

    start = time.process_time()
    house = house_matrix(frameworks(DAY), known, AT)
    took = time.process_time() - start

    assert len(house.uses) == 2000
    assert took < 5


def test_a_control_nobody_knows_has_no_uses():
    assert house_matrix([framework("ruaih", DAY)], {"u": Known()}, AT).where("ruaih/99", Standing.OPEN) == ()
