"""A policy held against evidence: each outcome, and each sentence says why."""

# ruff: noqa: E501 (a table reads best one case a line; a fuzz may end either way)
from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.errors import BadInput
from codman.evidence.envelope import sign
from codman.evidence.keys import SigningKey
from codman.evidence.statements import ReadStatement, canonical_statement, read_bytes
from codman.review.policy import judge, wording
from codman.review.policy.bound import Bound
from codman.review.policy.exhibit import of_statement
from codman.review.policy.held import hold
from codman.spine.measurement import Measurement
from codman.spine.verdict import Finding, Outcome, Verdict, rank
from policy_evidence import bound_text, document, evaluation, loaded, measured, policy_text, read

AT = datetime(2026, 11, 21, tzinfo=UTC)
AUROC = measured("auroc", 0.831, 0.819, 0.843)


def held(text: str, *statements, **how) -> Verdict:
    given = [s if isinstance(s, ReadStatement) else read(s) for s in statements]
    return judge(loaded(text), given, how.pop("keys", ()), how.pop("at", AT), **how)


def finding(bound: str, *rows, more: str = "", spec=None, **how) -> Finding:
    return held(bound_text(bound, more), evaluation(*rows, spec=spec), **how).results[0].finding


def signed(statement, key: SigningKey) -> ReadStatement:
    return read_bytes(sign(canonical_statement(statement), key).to_bytes(), name="signed.json")


def a_key() -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return SigningKey(key=Ed25519PrivateKey.generate(), name="a.key")


# --- the interval decides -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bound", "outcome"),
    [
        ("at_least: 0.75", Outcome.MET),
        ("at_least: 0.819", Outcome.MET),  # inclusive
        ("at_least: 0.82", Outcome.INCONCLUSIVE),
        ("at_least: 0.843", Outcome.INCONCLUSIVE),  # one end keeps it
        ("at_least: 0.85", Outcome.NOT_MET),
        ("at_most: 0.843", Outcome.MET),
        ("at_most: 0.84", Outcome.INCONCLUSIVE),
        ("at_most: 0.81", Outcome.NOT_MET),
        ("between: [0.8, 0.85]", Outcome.MET),
        ("between: [0.8, 0.83]", Outcome.INCONCLUSIVE),
        ("between: [0.825, 0.835]", Outcome.INCONCLUSIVE),
        ("between: [0.85, 0.9]", Outcome.NOT_MET),
        ("between: [0.1, 0.2]", Outcome.NOT_MET),
        ("at_least: 0.8, at_most: 0.85", Outcome.MET),
    ],
)
def test_all_of_the_interval_must_keep_the_bound_to_meet_it_and_none_of_it_to_fail(bound, outcome):
    assert finding(f"{{metric: auroc, {bound}}}", AUROC).outcome is outcome


def test_a_met_bound_says_the_number_its_interval_and_the_limit():
    assert (
        finding("{metric: auroc, at_least: 0.75}", AUROC).sentence
        == "AUROC is 0.83 (0.82 to 0.84); at least 0.75 is required."
    )


def test_the_sentence_of_the_design_about_a_group():
    rows = (
        measured("sensitivity", 0.61, 0.52, 0.70, slice={"race": "Black"}, threshold=0.2),
        measured("sensitivity", 0.75, 0.72, 0.78, slice={"race": "White"}, threshold=0.2),
        measured(
            "sensitivity_difference", 0.14, 0.11, 0.21, threshold=0.2, by=["race"],
            highest={"race": "White"}, lowest={"race": "Black"},
            not_judged=[{"slice": {"race": "Other"}, "why": "suppressed"}, {"slice": {"race": "(missing)"}, "why": "no events"}],
        ),
    )  # fmt: skip

    found = finding("{metric: sensitivity_difference, by: [race], threshold: 0.2, at_most: 0.10}", *rows)

    assert found.outcome is Outcome.NOT_MET
    assert found.sentence == (
        "Sensitivity at threshold 0.2 for patients with race Black is 0.61 (0.52 to 0.70), 0.14 (0.11 to 0.21) below the "
        "best group (race White); the limit is 0.10; not judged: race Other (fewer than 11 patients); race missing (no events)."
    )


@pytest.mark.parametrize(
    ("slice_", "said"),
    [
        ("{sex: Female}", "; sex has F and M."),
        ("{site: Nort}", "; site has North and South (did you mean 'North'?)."),
        ("{race: A}", "; it measures AUROC by sex and site."),
        ("{sex: F, site: North}", "; it measures AUROC only for other patients."),
    ],
)
def test_a_group_that_is_not_there_is_answered_with_those_that_are(slice_, said):
    groups = [{"sex": "F"}, {"sex": "M"}, {"site": "North"}, {"site": "South"}, {}]
    rows = [measured("auroc", 0.83, 0.82, 0.84, slice=one) for one in groups]
    found = finding(f"{{metric: auroc, slice: {slice_}, at_least: 0.7}}", *rows)
    assert found.outcome is Outcome.MISSING
    assert found.sentence.endswith(said)


def test_where_lower_is_better_the_group_that_is_worse_off_lies_above():
    row = measured("brier_difference", 0.05, 0.02, 0.08, by=["sex"], highest={"sex": "F"}, lowest={"sex": "M"})

    said = finding("{metric: brier_difference, by: [sex], at_most: 0.1}", row).sentence

    assert (
        said
        == "Brier score for patients with sex F is 0.05 (0.02 to 0.08) above the best group (sex M); the limit is 0.10."
    )


def test_signed_differences_are_judged_by_their_absolute_value():
    def row(value, lower, upper, group):
        return measured(
            "sensitivity_difference", value, lower, upper, threshold=0.2, by=["race"],
            reference={"race": "White"}, group={"race": group}, highest={"race": "White"}, lowest={"race": group},
        )  # fmt: skip

    bound = "{metric: sensitivity_difference, by: [race], threshold: 0.2, at_most: 0.10}"

    assert finding(bound, row(-0.14, -0.20, -0.11, "B")).outcome is Outcome.NOT_MET
    assert finding(bound, row(-0.02, -0.12, 0.05, "B")).outcome is Outcome.INCONCLUSIVE
    assert finding(bound, row(-0.02, -0.09, 0.05, "B")).outcome is Outcome.MET
    # several groups: the worst counts, and its sentence is the one that is told
    both = finding(bound, row(-0.02, -0.09, 0.05, "A"), row(-0.14, -0.20, -0.11, "B"))
    assert both.outcome is Outcome.NOT_MET
    assert "0.14 (0.11 to 0.20) below race White" in both.sentence


def test_words_never_contradict_the_outcome_by_rounding():
    found = finding("{metric: auroc, at_least: 0.8}", measured("auroc", 0.79, 0.78, 0.799999))

    assert found.outcome is Outcome.NOT_MET
    assert found.sentence == "AUROC is 0.790000 (0.780000 to 0.799999); at least 0.800000 is required."


# --- inconclusive ---------------------------------------------------------------------------------------------------


def test_an_inconclusive_sentence_says_how_many_more_patients_would_decide():
    # half-width towards the limit 0.06, distance 0.03: four times as many patients, so three times 2,000 more
    found = finding("{metric: auroc, at_least: 0.75}", measured("auroc", 0.78, 0.72, 0.84))

    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.sentence == (
        "AUROC is 0.78 (0.72 to 0.84); at least 0.75 is required, and the interval lies on both sides of it: about 6,000 "
        "more patients (600 with the event) would decide it, if the estimate stayed."
    )


def test_an_estimate_on_the_limit_is_told_to_be_undecidable():
    said = finding("{metric: auroc, at_least: 0.75}", measured("auroc", 0.75, 0.72, 0.78)).sentence

    assert "no number of patients would decide it" in said


@pytest.mark.parametrize(
    ("bound", "row", "said"),
    [
        ("at_least: 0.5", measured("auroc", 0.83, 0.8, 0.86, level=0.9), "its interval is at 0.9 and the policy judges at 0.95"),
        ("at_least: 0.5", measured("auroc", 0.83, 0.8, 0.86, level=None), "does not say at which level"),
        ("at_least: 0.5", measured("auroc", 0.83), "AUROC is 0.83, with no interval to judge it by"),
        ("at_least: 0.5", measured("auroc", 0.83, 0.8, None), "with no interval"),
        ("at_least: 0.5", measured("auroc", None, note="one class only"), "AUROC could not be computed: one class only."),
        ("at_least: 0.5", measured("auroc", None, n=None, positives=None, note="suppressed"), "fewer than 11 patients"),
        ("at_least: 0.5, min_n: 2001", AUROC, "only 2,000 patients were measured and 2,001 are needed; 1 more patient would reach that"),
        ("at_least: 0.5, min_positives: 400", AUROC, "only 200 patients with the event were measured and 400 are needed; about 2,000 more"),
        ("at_least: 0.5, min_negatives: 1801", AUROC, "only 1,800 patients without the event"),
        ("at_least: 0.5, min_n: 10", measured("auroc", 0.83, 0.8, 0.86, n=None), "the number of patients is not stated and 10 are needed"),
        ("at_least: 0.9, min_n: 5000", AUROC, "only 2,000 patients were measured"),  # too few to fail either
        ("at_least: 0.8", measured("auroc", 0.9, 0.5, 0.7), "disagree"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_inconclusive_and_says_why(bound, row, said):
    found = finding(f"{{metric: auroc, {bound}}}", row)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert said in found.sentence


def test_min_subjects_counts_patients_not_rows():
    bound = "{metric: auroc, at_least: 0.5, min_subjects: 1000}"

    assert finding(bound, AUROC).outcome is Outcome.MET
    assert finding(bound, AUROC, spec={"subject": "mrn"}).outcome is Outcome.INCONCLUSIVE
    row = measured("auroc", 0.831, 0.819, 0.843, subjects=1200)
    assert finding(bound, row, spec={"subject": "mrn"}).outcome is Outcome.MET
    assert finding("{metric: auroc, at_least: 0.5, min_subjects: 1201}", row).outcome is Outcome.INCONCLUSIVE


def test_a_statement_that_counts_patients_only_as_a_whole_speaks_for_all_its_rows():
    def outcome(least, row=AUROC, patients=900):
        rows = {"eligible": 2000, "scored": 2000, "excluded": {}, "evaluated": 2000, "patients": patients}
        bound = f"{{metric: auroc, slice: {row['slice']}, at_least: 0.5, min_subjects: {least}}}"
        said = evaluation(row, spec={"subject": "mrn"}, rows=rows)
        return held(bound_text(bound), said).results[0].outcome

    ward = measured("auroc", 0.831, 0.819, 0.843, n=500, slice={"ward": "a"})
    assert (outcome(900), outcome(901)) == (Outcome.MET, Outcome.INCONCLUSIVE)
    assert outcome(100, ward) is Outcome.INCONCLUSIVE  # nobody says how many of the 900 are in the ward
    assert (outcome(500, ward, patients=2000), outcome(501, ward, patients=2000)) == (
        Outcome.MET,
        Outcome.INCONCLUSIVE,  # each row is a patient
    )


def test_rows_that_repeat_patients_without_being_clustered_are_inconclusive():
    row = measured("auroc", 0.831, 0.819, 0.843, note="subjects repeat: 2,000 rows of 900 patients")

    assert finding("{metric: auroc, at_least: 0.5}", row).outcome is Outcome.INCONCLUSIVE
    assert finding("{metric: auroc, at_least: 0.5}", row, spec={"subject": "mrn"}).outcome is Outcome.MET


def test_one_result_per_encounter_is_never_doubted_for_its_rows():
    row = measured("auroc", 0.831, 0.819, 0.843, note="rows repeat subjects")
    unit = measured("auroc", 0.80, 0.77, 0.83, n=500, unit="enc")

    assert finding("{metric: auroc, at_least: 0.75}", row, unit).outcome is Outcome.INCONCLUSIVE
    assert finding("{metric: auroc, unit: enc, at_least: 0.75}", row, unit).outcome is Outcome.MET


def test_a_variant_is_judged_only_when_it_is_named():
    rows = (
        measured("calibration_intercept", 0.01, -0.05, 0.07),
        measured("calibration_intercept", -0.3, -0.4, -0.2, params={"kind": "joint"}),
    )

    assert finding("{metric: calibration_intercept, between: [-0.1, 0.1]}", *rows).outcome is Outcome.MET
    named = finding("{metric: calibration_intercept, kind: joint, between: [-0.1, 0.1]}", *rows)
    assert named.outcome is Outcome.NOT_MET
    assert named.sentence.startswith("Calibration intercept (joint) is −0.30")
    assert finding("{metric: calibration_intercept, between: [-0.1, 0.1]}", rows[1]).outcome is Outcome.NOT_MET


def test_a_threshold_chosen_on_the_judged_rows_is_inconclusive():
    chosen = {"rule": "sensitivity", "target": 0.8, "rows": "judged rows", "threshold": 0.3}
    rows = (measured("ppv", 0.5, 0.45, 0.55, threshold=0.3), measured("ppv", 0.4, 0.35, 0.45, threshold=0.2))
    spec = {"thresholds": [0.2], "chosen": [chosen]}

    assert finding("{metric: ppv, threshold: 0.3, at_least: 0.3}", *rows, spec=spec).outcome is Outcome.INCONCLUSIVE
    assert finding("{metric: ppv, threshold: 0.2, at_least: 0.3}", *rows, spec=spec).outcome is Outcome.MET
    elsewhere = {"chosen": [chosen | {"rows": "development"}]}
    assert finding("{metric: ppv, threshold: 0.3, at_least: 0.3}", *rows, spec=elsewhere).outcome is Outcome.MET


def test_an_estimate_without_labels_never_meets_a_bound_on_the_metric():
    row = measured("estimated_auroc", 0.9, 0.88, 0.92)

    missing = finding("{metric: auroc, at_least: 0.5}", row)
    assert missing.outcome is Outcome.MISSING
    assert "estimate without labels is there" in missing.sentence
    assert finding("{metric: estimated_auroc, at_least: 0.5}", row).outcome is Outcome.MET


def test_a_policys_own_level_decides():
    rows = (measured("auroc", 0.83, 0.8, 0.86, level=0.9),)
    text = bound_text("{metric: auroc, at_least: 0.5}").replace("requires:", "level: 0.9\nrequires:")

    assert held(text, evaluation(*rows)).outcome is Outcome.MET


# --- selection ------------------------------------------------------------------------------------------------------


def test_slices_match_exactly_and_everyone_is_the_default():
    rows = (
        AUROC,
        measured("auroc", 0.6, 0.55, 0.65, slice={"sex": "F"}),
        measured("auroc", 0.4, 0.3, 0.5, slice={"sex": "F", "age": "65+"}),
    )

    assert finding("{metric: auroc, at_least: 0.75}", *rows).outcome is Outcome.MET
    women = finding("{metric: auroc, slice: {sex: F}, at_least: 0.75}", *rows)
    assert women.outcome is Outcome.NOT_MET
    assert women.sentence.startswith("AUROC for patients with sex F is 0.60")
    assert finding("{metric: auroc, slice: {sex: M}, at_least: 0.75}", *rows).outcome is Outcome.MISSING


def test_parameters_match_numbers_to_a_trillionth_and_classes_as_text():
    row = measured("sensitivity", 0.8, 0.75, 0.85, threshold=0.1 + 0.2, **{"class": 1}, unit="encounter")

    assert (
        finding("{metric: sensitivity, threshold: 0.3, class: 1, unit: encounter, at_least: 0.5}", row).outcome
        is Outcome.MET
    )
    assert finding("{metric: sensitivity, threshold: 0.31, at_least: 0.5}", row).outcome is Outcome.MISSING
    assert "it does so at 0.3" in finding("{metric: sensitivity, threshold: 0.31, at_least: 0.5}", row).sentence
    assert (
        finding("{metric: sensitivity, threshold: 0.3, unit: patient, at_least: 0.5}", row).outcome is Outcome.MISSING
    )


def test_a_grouping_matches_in_any_order_of_its_columns():
    row = measured("auroc_difference", 0.02, 0.0, 0.05, by=["sex", "age_band"])

    assert finding("{metric: auroc_difference, by: [age_band, sex], at_most: 0.1}", row).outcome is Outcome.MET
    assert finding("{metric: auroc_difference, by: [sex], at_most: 0.1}", row).outcome is Outcome.MISSING


def test_several_thresholds_and_none_named_is_bad_input():
    rows = (measured("ppv", 0.5, 0.4, 0.6, threshold=0.1), measured("ppv", 0.5, 0.4, 0.6, threshold=0.3))

    with pytest.raises(BadInput, match=r"measures ppv at 0.1, 0.3; name one in the policy: threshold: 0.1"):
        finding("{metric: ppv, at_least: 0.1}", *rows)


def test_of_several_matches_the_worst_outcome_counts():
    rows = [measured("psi", v, v - 0.01, v + 0.01, feature=f) for f, v in (("age", 0.05), ("lab", 0.3), ("sex", 0.195))]

    assert finding("{metric: psi, at_most: 0.2}", *rows).sentence.startswith("PSI of lab is 0.30")
    assert finding("{metric: psi, at_most: 0.2, feature: age}", *rows).outcome is Outcome.MET


def test_the_newest_statement_of_the_right_kind_and_origin_counts():
    old = evaluation(AUROC, evaluated_at="2026-10-01T10:00:00Z")
    new = evaluation(measured("auroc", 0.6, 0.5, 0.7), evaluated_at="2026-11-01T10:00:00+09:00")
    foreign = evaluation(AUROC, evaluated_at="2026-11-10T10:00:00Z", origin="developer")
    text = bound_text("{metric: auroc, at_least: 0.75}", "    origin: [local, attested]\n")

    assert held(text, old, new, foreign).outcome is Outcome.NOT_MET
    assert held(text, old, foreign).outcome is Outcome.MET
    only = held(text, foreign).results[0]
    assert only.outcome is Outcome.MISSING
    assert only.sentence == (
        "No local or attested evaluation with AUROC (at least 0.75) was given; what is there comes from origin developer, which does not count here."
    )


def test_statements_of_one_moment_are_equals_and_the_worst_counts():
    good, bad = evaluation(AUROC), evaluation(measured("auroc", 0.6, 0.5, 0.7))

    for pair in ((good, bad), (bad, good)):
        assert held(bound_text("{metric: auroc, at_least: 0.75}"), *pair).outcome is Outcome.NOT_MET


def test_old_evidence_is_stale_and_evidence_from_the_future_is_not_there_yet():
    text = bound_text("{metric: auroc, at_least: 0.75}", "    max_age_days: 180\n")
    statement = evaluation(AUROC)

    late = held(text, statement, at=datetime(2027, 6, 1, tzinfo=UTC)).results[0]
    assert late.outcome is Outcome.STALE
    assert late.sentence == "The local evaluation of 2026-11-20 is 193 days old; at most 180 days are allowed."
    early = held(text, statement, at=datetime(2026, 11, 1, tzinfo=UTC))
    assert early.outcome is Outcome.MISSING
    assert "is dated after that" in early.results[0].sentence
    assert any("after the time of judging" in note for note in early.notes)


def test_the_last_day_there_is_can_be_judged():
    assert (
        held(
            bound_text("{metric: auroc, at_least: 0.75}"), evaluation(AUROC), at=datetime.max.replace(tzinfo=UTC)
        ).exit_code
        == 0
    )


def test_documents_are_matched_by_their_type():
    text = policy_text("  - id: card\n    document: model-card\n")

    assert held(text, document("model-card")).outcome is Outcome.MET
    missing = held(text, document("plan"))
    assert missing.results[0].sentence == "No model card was given; documents given: plan."
    assert held(text, evaluation(AUROC)).outcome is Outcome.MISSING


def test_every_kind_of_document_that_was_given_is_named_where_one_is_missing():
    kinds = ["consent", "contract", "guide", "manual", "plan", "protocol", "register", "report", "summary"]

    missing = held(policy_text("  - id: card\n    document: model-card\n"), *[document(kind) for kind in kinds])

    assert missing.results[0].sentence == (
        "No model card was given; documents given: "
        "consent, contract, guide, manual, plan, protocol, register, report, summary."
    )


def test_a_statement_that_must_be_there_is_there_or_missing():
    text = policy_text("  - id: scan\n    evidence: scan\n  - id: eval\n    evidence: evaluation\n")

    first, second = held(text, evaluation(AUROC)).results

    assert (first.outcome, second.outcome) == (Outcome.MISSING, Outcome.MET)
    assert first.sentence == "No scan was given."


def test_mixed_products_are_bad_input_and_mixed_versions_need_a_name():
    text = bound_text("{metric: auroc, at_least: 0.75}")

    with pytest.raises(BadInput, match="several products"):
        held(text, evaluation(AUROC), evaluation(AUROC, product="other"))
    two = evaluation(AUROC), evaluation(measured("auroc", 0.6, 0.5, 0.7), version="1.3")
    with pytest.raises(BadInput, match=r"--version 1\.2"):
        held(text, *two)
    assert held(text, *two, version="1.2").outcome is Outcome.MET
    assert held(text, *two, version="1.3").outcome is Outcome.NOT_MET


def test_a_newer_number_of_no_named_version_does_not_stand_for_the_version_that_failed():
    text = bound_text("{metric: auroc, at_least: 0.75}")
    failed = evaluation(measured("auroc", 0.6, 0.5, 0.7))
    nameless = evaluation(AUROC, version=None, evaluated_at="2026-11-20T11:00:00Z")

    assert held(text, failed, nameless).outcome is Outcome.NOT_MET
    assert held(text, nameless, version="9.9").outcome is Outcome.MISSING


def test_the_whole_is_judged_and_not_one_class_where_none_is_named():
    text = bound_text("{metric: auroc, at_least: 0.75}")
    of_a_class = measured("auroc", 0.6, 0.5, 0.7, **{"class": "a"})

    assert held(text, evaluation(AUROC, of_a_class)).outcome is Outcome.MET
    assert held(text, evaluation(of_a_class)).outcome is Outcome.NOT_MET


# --- trust ----------------------------------------------------------------------------------------------------------


def test_with_keys_only_what_a_given_key_signed_counts():
    mine, other = a_key(), a_key()
    statement = evaluation(AUROC)
    text = bound_text("{metric: auroc, at_least: 0.75}")

    good = held(text, signed(statement, mine), keys=[mine.public])
    assert (good.outcome, good.verified) == (Outcome.MET, True)
    for case, keys in ((read(statement), [mine.public]), (signed(statement, other), [mine.public])):
        bad = held(text, case, keys=keys)
        assert (bad.outcome, bad.verified, bad.exit_code) == (Outcome.UNVERIFIABLE, False, 3)
        assert "could not be confirmed" in bad.results[0].sentence
    assert held(text, signed(statement, mine)).verified is False
    # the same statement, given signed and unsigned, is one signed statement
    for pair in ((read(statement), signed(statement, mine)), (signed(statement, mine), read(statement))):
        twice = held(text, *pair, keys=[mine.public])
        assert (twice.outcome, twice.verified) == (Outcome.MET, True)
        assert any("more than once" in note for note in twice.notes)


# --- the whole ------------------------------------------------------------------------------------------------------


def test_the_worst_blocking_outcome_is_the_whole_and_a_warning_never_counts():
    met = "  - id: a\n    measurement: {metric: auroc, at_least: 0.75}\n"
    failing = "  - id: b\n    measurement: {metric: auroc, at_least: 0.9}\n"
    missing = "  - id: c\n    document: model-card\n"
    warns = "    severity: warn\n"

    assert held(policy_text(met), evaluation(AUROC)).exit_code == 0
    assert held(policy_text(met + failing + missing), evaluation(AUROC)).exit_code == 1
    assert held(policy_text(met + missing), evaluation(AUROC)).exit_code == 3
    assert held(policy_text(met + failing + warns + missing + warns), evaluation(AUROC)).exit_code == 0
    alone = held(policy_text(failing + warns), evaluation(AUROC))
    assert (alone.outcome, alone.exit_code) == (Outcome.NOT_APPLICABLE, 3)
    assert "nothing is decided" in alone.notes[0]


def test_a_policy_for_other_uses_is_not_applicable_and_the_unknown_does_not_exempt():
    text = bound_text("{metric: auroc, at_least: 0.75}").replace(
        "requires:", "applies_to: {tier: [high], task: [binary]}\nrequires:"
    )

    assert held(text, evaluation(AUROC)).outcome is Outcome.MET
    assert held(text, evaluation(AUROC), facts={"tier": "High"}).outcome is Outcome.MET
    low = held(text, evaluation(AUROC), facts={"tier": "low"})
    assert (low.outcome, low.exit_code, low.verified) == (Outcome.NOT_APPLICABLE, 3, False)
    assert low.results[0].sentence == "This policy is for tier high; here it is low."
    assert held(text, evaluation(AUROC, spec={"task": "regression"})).outcome is Outcome.NOT_APPLICABLE


# --- what must always hold ------------------------------------------------------------------------------------------

_SHARES = st.floats(0.01, 0.99).map(lambda x: round(x, 3))


@settings(max_examples=150, deadline=None)
@given(_SHARES, _SHARES, _SHARES, _SHARES, _SHARES, _SHARES, st.sampled_from(["auroc", "sensitivity_difference"]))
def test_a_wider_interval_never_makes_a_verdict_better_except_by_doubt(a, b, c, limit, down, up, metric):
    lower, value, upper = sorted((a, b, c))
    bound = (
        f"{{metric: {metric}, at_least: {limit}}}" if metric == "auroc" else f"{{metric: {metric}, at_most: {limit}}}"
    )

    narrow = finding(bound, measured(metric, value, lower, upper)).outcome
    wide = finding(bound, measured(metric, value, lower * (1 - down), upper + up * (1 - upper))).outcome

    assert wide in (narrow, Outcome.INCONCLUSIVE)


_OUTCOMES = (
    "at_least: 0.75",
    "at_least: 0.9",
    "at_least: 0.83",
    "at_least: 0.5, min_n: 9000",
    "at_least: 0.1, slice: {x: y}",
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(_OUTCOMES), st.booleans()), min_size=1, max_size=5),
    st.tuples(st.sampled_from(_OUTCOMES), st.booleans()),
)
def test_one_more_requirement_never_improves_the_whole(there, added):
    def whole(asked):
        requires = "".join(
            f"  - id: r{i}\n    measurement: {{metric: auroc, {bound}}}\n    severity: {'block' if blocks else 'warn'}\n"
            for i, (bound, blocks) in enumerate(asked)
        )
        return held(policy_text(requires), evaluation(AUROC))

    before, after = whole(there), whole([*there, added])

    if before.outcome is not Outcome.NOT_APPLICABLE:
        assert rank(after.outcome) <= rank(before.outcome)
    if not added[1]:
        assert after.exit_code == before.exit_code


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.tuples(st.integers(1, 20), _SHARES), min_size=1, max_size=6))
def test_the_order_of_evidence_does_not_matter(random, made):
    statements = [
        evaluation(measured("auroc", v, v - 0.005, v + 0.005), evaluated_at=f"2026-11-{day:02}T10:00:00Z")
        for day, v in made
    ] + [document("model-card")]
    text = policy_text(
        "  - id: a\n    measurement: {metric: auroc, at_least: 0.5}\n  - id: b\n    document: model-card\n"
    )
    shuffled = list(statements)
    random.shuffle(shuffled)

    assert held(text, *statements) == held(text, *shuffled)


_ANY = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.floats(-5, 5), _ANY), st.floats(0, 3), st.floats(0, 3), st.one_of(st.floats(-5, 5), _ANY))
def test_what_a_sentence_shows_stands_on_the_same_side_of_the_limit_as_the_truth(value, below, above, limit):
    numbers = [value, value - below, value + above]
    d = wording.digits(numbers, [limit])
    shown = [float(wording.number(x, d).replace("−", "-").replace(",", "")) for x in (*numbers, limit)]

    for x, seen in zip(numbers, shown, strict=False):
        assert (seen > shown[-1]) == (x > limit)
        assert (seen < shown[-1]) == (x < limit)


_PARAMS = st.dictionaries(
    st.sampled_from(
        ["threshold", "by", "highest", "lowest", "reference", "not_judged", "class", "unit", "subjects", "kind"]
    ),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(-2, 2), st.text(max_size=3)),
        lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
        max_leaves=4,
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["auroc", "brier_difference", "sensitivity_ratio", "lead_time", "alert_rate_difference"]),
    st.tuples(*[st.one_of(st.none(), _ANY)] * 3),
    _PARAMS,
    st.one_of(st.none(), st.integers(0, 10**9)),
    _ANY,
)
def test_whatever_a_foreign_tool_writes_gets_one_outcome_and_one_sentence(metric, numbers, params, n, limit):
    bound = Bound(metric=metric, at_most=limit, min_n=3)
    m = Measurement(
        metric=metric, value=numbers[0], lower=numbers[1], upper=numbers[2], level=0.95, n=n, positives=n, params=params
    )

    found = hold(bound, m, of_statement(read(evaluation(AUROC)), ()), 0.95)

    assert found.outcome in (Outcome.MET, Outcome.NOT_MET, Outcome.INCONCLUSIVE)
    assert found.sentence.endswith(".")
    assert "nan" not in found.sentence.split()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (measured("auroc", 0.99, 0.80, 0.84), "the value and its interval disagree"),
        (measured("auroc", 5.0, 4.0, 9.0), "no AUROC can be that"),
    ],
)
def test_a_number_that_nobody_can_have_measured_is_no_proof(row, said):
    found = finding("{metric: auroc, at_least: 0.75}", row)

    assert found.outcome is Outcome.INCONCLUSIVE
    assert said in found.sentence


def test_the_judged_file_under_another_name_is_still_the_judged_rows():
    chosen = {"rule": "sensitivity", "target": 0.8, "rows": "threshold-rows", "threshold": 0.3}
    row = measured("ppv", 0.5, 0.45, 0.55, threshold=0.3)

    def outcome(digest: str) -> Outcome:
        files = {"predictions": "c" * 64, "threshold-rows": digest}
        inputs = [{"name": n, "uri": n, "digest": {"sha256": d}} for n, d in files.items()]
        statement = evaluation(row, spec={"chosen": [chosen]}, inputs=inputs)
        return held(bound_text("{metric: ppv, threshold: 0.3, at_least: 0.3}"), statement).outcome

    assert outcome("c" * 64) is Outcome.INCONCLUSIVE
    assert outcome("d" * 64) is Outcome.MET


def test_an_older_statement_does_not_pass_where_a_file_that_may_be_newer_was_destroyed():
    verdict = held(bound_text("{metric: auroc, at_least: 0.75}"), evaluation(AUROC), unreadable=["x.json was altered"])

    assert (verdict.outcome, verdict.exit_code) == (Outcome.UNVERIFIABLE, 3)
    assert "x.json was altered" in verdict.results[0].sentence


def test_what_would_decide_it_is_said_in_patients_where_each_row_is_one():
    row = measured("auroc", 0.77, 0.71, 0.83)
    counted = {"eligible": 2000, "scored": 2000, "excluded": {}, "evaluated": 2000, "patients": 2000}
    said = evaluation(row, spec={"subject": "mrn"}, rows=counted)
    (result,) = held(bound_text("{metric: auroc, at_least: 0.75}"), said).results
    assert "more patients" in result.sentence
    assert "would decide it" in result.sentence
