"""Triage: each scheme by hand, reasons shown, and nothing unanswered taken for harmless."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from intake_answers import ANY_ANSWERS, SEPSIS, without

from codman.errors import BadInput
from codman.review.intake.fields import answers_of, fields_of
from codman.review.intake.form import fill
from codman.review.intake.question import current_form
from codman.review.triage.rules import BadRules, current_rules, read_rules
from codman.review.triage.tier import ORDER, triage
from codman.spine.use import Impact, Tier

FORM = current_form()
RULES = current_rules()

# Harmless in every answer: a forecast of beds, built here, that nobody's care hangs on
BEDS = {
    "name": "Bed forecast",
    "kind": "built",
    "generative": "no",
    "patient_facing": "no",
    "clinical": "no",
    "autonomy": "person-decides",
    "principal_basis": "no",
    "decides_on": ["none"],
    "learns": "no",
    "trained": "yes",
    "data_leaves": "no",
    "generalisable": "no",
    "in_eu": "no",
}


def triaged(typed):
    return triage(RULES, fill(FORM, typed).settled)


def rules_of(typed):
    return {reason.rule for reason in triaged(typed).reasons}


def rank(tier):
    return ORDER.index(tier)


def test_what_touches_nobodys_care_is_low_and_settled():
    found = triaged(BEDS)

    assert found.tier is Tier.LOW
    assert found.settled
    assert found.unknown == ()
    assert found.impact is Impact.NOT_HIGH
    assert {one.scheme: one.found for one in found.classes} == {
        "imdrf-samd": None,
        "omb-impact": "not high-impact",
        "hti-1": "not a predictive DSI",
        "section-1557": None,
        "eu-ai-act": None,
        "fda": None,
        "research": "no determination needed",
    }


def test_the_sepsis_alert_is_medium_for_reasons_that_name_their_clause():
    found = triaged(SEPSIS)

    assert found.tier is Tier.MEDIUM
    assert found.settled
    assert found.sorted_by("imdrf-samd").found == "II"
    assert found.sorted_by("hti-1").found == "predictive DSI"
    assert found.sorted_by("section-1557").found == "takes in a protected ground"
    assert found.sorted_by("fda").found == "no device"
    samd = next(reason for reason in found.reasons if reason.rule == "samd-ii-drive")
    assert samd.why == "It drives what is done for patients in a serious state"
    assert samd.cited == (
        "Software as a Medical Device: Possible Framework for Risk Categorization "
        "(IMDRF/SaMD WG/N12 FINAL:2014), 7.2, category II"
    )
    assert samd.because_of == ("clinical", "condition_state", "significance")


# IMDRF/SaMD WG/N12 FINAL:2014, the table in 7.2: significance across, state of the situation down
@pytest.mark.parametrize(
    ("state", "significance", "category"),
    [
        ("critical", "treat-or-diagnose", "IV"),
        ("critical", "drive", "III"),
        ("critical", "inform", "II"),
        ("serious", "treat-or-diagnose", "III"),
        ("serious", "drive", "II"),
        ("serious", "inform", "I"),
        ("non-serious", "treat-or-diagnose", "II"),
        ("non-serious", "drive", "I"),
        ("non-serious", "inform", "I"),
    ],
)
def test_the_imdrf_category_is_the_tables(state, significance, category):
    typed = SEPSIS | {"condition_state": state, "significance": significance}

    assert triaged(typed).sorted_by("imdrf-samd").found == category


@pytest.mark.parametrize(
    ("change", "rule", "tier"),
    [
        ({"principal_basis": "yes"}, "omb-principal-basis", Tier.HIGH),
        ({"decides_on": ["insurance"]}, "omb-insurance", Tier.HIGH),
        ({"decides_on": ["public-benefits"]}, "omb-benefits", Tier.HIGH),
        ({"decides_on": ["emergency-triage"]}, "omb-emergency", Tier.HIGH),
        ({"decides_on": ["staff"]}, "omb-staff", Tier.MEDIUM),
        ({"decides_on": ["care"]}, "ranks-care", Tier.HIGH),
        ({"device": "authorised"}, "omb-device", Tier.MEDIUM),
        ({"device": "unauthorised"}, "fda-unauthorised", Tier.HIGH),
        ({"autonomy": "acts-alone", "decision_role": "augments"}, "acts-alone-clinical", Tier.HIGH),
        ({"autonomy": "person-can-stop"}, "acts-stoppable", Tier.MEDIUM),
        ({"learns": "yes"}, "learns", Tier.HIGH),
        ({"groups": ["children"]}, "children", Tier.MEDIUM),
        ({"groups": ["pregnant"]}, "pregnant", Tier.MEDIUM),
        ({"groups": ["no-capacity"]}, "fragile", Tier.MEDIUM),
        ({"patients_a_year": "10000"}, "many-patients", Tier.MEDIUM),
        ({"patients_a_year": "100000"}, "very-many-patients", Tier.HIGH),
        ({"data_leaves": "yes", "baa": "no"}, "data-without-baa", Tier.HIGH),
        ({"generative": "yes", "reviewed_before": "no"}, "unread-text", Tier.HIGH),
        ({"generative": "yes", "reviewed_before": "yes"}, "generated-text", Tier.MEDIUM),
        ({"patient_facing": "yes", "generative": "yes", "reviewed_before": "yes"}, "patients-unmediated", Tier.HIGH),
        ({"demographic_inputs": ["language"]}, "s1557-near-ground", Tier.MEDIUM),
        ({"demographic_inputs": ["social"]}, "s1557-stand-in", Tier.MEDIUM),  # medium for other reasons
    ],
)
def test_one_answer_pushes_the_sepsis_alert_where_it_says(change, rule, tier):
    found = triaged(SEPSIS | change)

    assert rule in {reason.rule for reason in found.reasons}
    assert found.tier is tier


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"notified_body": "yes", "practices": ["none"], "device": "authorised"}, "high-risk"),
        ({"notified_body": "no", "practices": ["none"], "device": "authorised"}, "minimal"),
        ({"notified_body": "no", "practices": ["none"], "decides_on": ["emergency-triage"]}, "high-risk"),
        ({"notified_body": "no", "practices": ["none"], "decides_on": ["staff"]}, "high-risk"),
        ({"notified_body": "no", "practices": ["none"], "patient_facing": "yes"}, "limited"),
        ({"notified_body": "no", "practices": ["social-scoring"]}, "prohibited"),
    ],
)
def test_the_eu_class_by_its_routes(change, found):
    assert triaged(SEPSIS | {"in_eu": "yes"} | change).sorted_by("eu-ai-act").found == found


def test_the_eu_act_says_nothing_of_what_is_not_used_there():
    said = triaged(SEPSIS).sorted_by("eu-ai-act")

    assert (said.found, said.could_be, said.applies) == (None, None, False)


def test_what_is_prohibited_is_forbidden_whatever_its_tier():
    (reason,) = triaged(BEDS | {"in_eu": "yes", "practices": ["reads-emotions"]}).forbidden

    assert reason.clause == "Art. 5(1)"


def test_research_needs_a_determination_and_prisoners_in_it_more():
    found = triaged(SEPSIS | {"allocates_patients": "yes", "groups": ["prisoners"]})

    assert found.sorted_by("research").found == "a determination is needed"
    assert {"research-assigned", "research-fragile"} <= {reason.rule for reason in found.reasons}


def test_what_was_not_answered_is_named_with_the_tier_it_could_raise_to():
    found = triaged(without("condition_state", "trained"))
    unknown = {one.question: one for one in found.unknown}

    # drives, of an unknown state: category III at worst, which is high
    assert unknown["condition_state"].could_raise_to is Tier.HIGH
    assert "samd-iii-drive" in unknown["condition_state"].rules
    assert (found.tier, found.binding, found.settled) == (Tier.MEDIUM, Tier.HIGH, False)
    assert found.sorted_by("imdrf-samd").could_be == "III"
    # HTI-1 moves no tier, but its class is open until it is known whether it was trained
    assert unknown["trained"].could_raise_to is Tier.MEDIUM
    assert found.sorted_by("hti-1").found is None


def test_not_known_counts_as_not_answered():
    said, unsaid = triaged(SEPSIS | {"device": "not known"}), triaged(without("device"))

    assert said == unsaid
    assert said.binding is Tier.HIGH


def test_nothing_known_binds_as_high_and_establishes_nothing():
    found = triaged({})

    assert (found.tier, found.binding) == (Tier.LOW, Tier.HIGH)
    assert found.impact is None
    assert found.reasons == ()


def test_a_question_that_is_not_asked_leaves_nothing_open():
    assert "reviewed_before" not in {one.question for one in triaged(SEPSIS).unknown}
    assert "notified_body" not in {one.question for one in triaged(SEPSIS).unknown}


@given(ANY_ANSWERS, st.data())
def test_an_unanswered_question_never_lowers_the_tier_that_binds(typed, data):
    left_out = data.draw(st.sets(st.sampled_from(sorted(typed)))) if typed else set()
    partly = {question: answer for question, answer in typed.items() if question not in left_out}
    whole, part = triaged(typed), triaged(partly)

    assert rank(part.binding) >= rank(whole.tier)
    assert rank(part.binding) >= rank(whole.binding)


@given(ANY_ANSWERS)
def test_the_tier_is_the_highest_that_a_reason_pushes_to(typed):
    found = triaged(typed)

    assert rank(found.tier) == max((rank(reason.pushes_to) for reason in found.reasons), default=0)
    assert [rank(r.pushes_to) for r in found.reasons] == sorted(
        (rank(r.pushes_to) for r in found.reasons), reverse=True
    )
    assert found.settled is (found.binding is found.tier)
    assert all(rank(one.could_raise_to) >= rank(found.tier) for one in found.unknown)


@given(ANY_ANSWERS)
def test_answers_give_the_tier_that_the_book_gives_once_they_are_in_it(typed):
    filled = fill(FORM, typed)
    said = fields_of(filled)
    facts = {fact.field: fact.value for fact in said.facts}
    back = answers_of(FORM, use=said.use, product=said.product, vendor=said.vendor, version=said.version, facts=facts)

    assert triage(RULES, fill(FORM, back.typed).settled) == triage(RULES, filled.settled)


def test_a_use_of_the_book_that_no_form_ever_asked_about_binds_as_its_worst():
    use = {"product": "product-1", "name": "Sepsis alert", "decision_role": "informs", "demographic_inputs": ["Race"]}
    found = triage(RULES, fill(FORM, answers_of(FORM, use=use).typed).settled)

    assert found.binding is Tier.HIGH
    assert not found.settled


def test_a_source_from_memory_is_marked_where_it_shows():
    found = triaged(SEPSIS | {"data_leaves": "yes", "baa": "no"})
    (reason,) = [one for one in found.reasons if one.rule == "data-without-baa"]

    assert reason.cited.endswith("; from memory, not yet checked")


def test_each_rule_holds_for_some_answers_and_cites_a_source():
    reached = set()
    for rule in RULES.rules:
        assert rule.source in RULES.source
        assert rule.clause
        reached |= {rule.id} if _can_hold(rule) else set()

    assert {rule.id for rule in RULES.rules} - reached == set()


def _can_hold(rule):
    """Whether the rule holds for the answers it names, once what makes their questions asked is answered as well."""
    typed = SEPSIS | {"in_eu": "yes", "notified_body": "no", "practices": ["none"], "device": "authorised"}
    for question, answer in sorted(rule.when.wants(), key=str):
        typed |= {question: [answer] if FORM.by_id[question].kind == "many" else answer}
    bounds = {"many-patients": "10000", "very-many-patients": "100000"}
    typed |= {"patients_a_year": bounds[rule.id]} if rule.id in bounds else {}
    return rule.when.holds(fill(FORM, typed).settled) is True


def _with(change):
    told = {
        "edition": "2026-01",
        "questions": "2026-11",
        "sources": [{"id": "house", "title": "House", "edition": "1", "checked": True}],
        "schemes": [{"id": "s", "title": "S", "classes": ["a", "b"], "otherwise": "a"}],
        "rules": [
            {
                "id": "r",
                "pushes_to": "high",
                "when": {"clinical": True},
                "why": "It reaches care",
                "source": "house",
                "clause": "1",
                "scheme": "s",
                "class": "b",
            }
        ],
    }
    change(told)
    return yaml.safe_dump(told).encode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: t["rules"][0].update(source="nobody"), "there is no source 'nobody'"),
        (lambda t: t["rules"][0].update({"class": "c"}), "'c' is no class of 's'"),
        (lambda t: t["rules"][0].pop("class"), "scheme and class go together"),
        (lambda t: t["rules"][0].update(when={"weather": "x"}), "does not ask 'weather'"),
        (lambda t: t["rules"][0].update(when={"clinical": "x"}), "which nobody can answer"),
        (lambda t: t["rules"].append(t["rules"][0]), "the id 'r' stands here twice"),
        (lambda t: t["schemes"][0].update(otherwise="z"), "'z' is none of its classes"),
        (lambda t: t.update(questions="1999-01"), "no edition '1999-01'"),
        (lambda t: t["rules"][0].update(pushes_to="enormous"), "pushes_to"),
    ],
)
def test_a_file_of_rules_that_cannot_be_used_says_where(change, why):
    with pytest.raises(BadInput, match=why):
        read_rules(_with(change), "rules.yaml")


def test_rules_as_written_above_can_be_used():
    assert read_rules(_with(lambda t: t), "rules.yaml").edition == "2026-01"
    with pytest.raises(BadRules, match="it is no YAML"):
        read_rules(b"edition: [", "rules.yaml")
