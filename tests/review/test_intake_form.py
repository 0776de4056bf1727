"""Filling the form: it asks what is necessary, says what is wrong, and loses nothing."""

from __future__ import annotations

from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from intake_answers import ANY_ANSWERS, SEPSIS, without

from codman.flows.record_rules import DECIDED
from codman.review.intake.form import fill
from codman.review.intake.question import (
    BadQuestions,
    Kind,
    NoSuchEdition,
    current_form,
    digest_of,
    form_of,
    read_form,
)
from codman.spine.product import ProductFields, VendorFields, VersionFields
from codman.spine.use import UseFields

FORM = current_form()
TODAY = date(2026, 11, 21)


def asked(typed, known=None):
    return {question.id for question in fill(FORM, typed, known or {}).asked}


def faults(typed):
    return {fault.question: fault for fault in fill(FORM, typed, today=TODAY).faults}


def test_a_whole_proposal_is_complete():
    filled = fill(FORM, SEPSIS, today=TODAY)

    assert filled.faults == ()
    assert filled.complete
    assert filled.aside == {}
    assert filled.next_page() is None


def test_only_what_earlier_answers_make_necessary_is_asked():
    assert "vendor" not in asked({"kind": "built"})
    assert "vendor" in asked({"kind": "bought"})
    assert "embedded_in" in asked({"kind": "embedded"})
    assert "reviewed_before" not in asked({"generative": "no"})
    assert {"reviewed_before", "foundation_model"} <= asked({"generative": "yes"})
    assert "trained" not in asked({"clinical": "yes", "generative": "yes"})
    assert not {"significance", "population", "risks"} & asked({"clinical": "no", "patient_facing": "no"})
    assert {"population", "risks"} <= asked({"clinical": "no", "patient_facing": "yes"})


def test_a_tool_of_the_back_office_is_asked_half_as_much_as_a_clinical_one():
    office = asked({"clinical": "no", "patient_facing": "no", "kind": "built", "generative": "no", "in_eu": "no"})

    assert len(office) <= len(asked(SEPSIS)) * 0.7


def test_what_the_book_says_of_a_chosen_product_is_not_asked_again_and_still_counts():
    known = {"product_name": "Scribe", "kind": "bought", "vendor": "Northwind", "generative": True}
    filled = fill(FORM, {"product": "product-1", "clinical": "yes"}, known)

    ids = {question.id for question in filled.asked}
    assert not ids & known.keys()
    assert "reviewed_before" in ids  # because it is generative


def test_a_missing_answer_is_named_by_its_question():
    fault = faults(without("owner"))["owner"]

    assert fault.missing
    assert fault.message == "Who answers for it? This is still to be answered."


def test_not_known_is_an_answer_where_the_question_allows_it():
    assert "significance" not in faults(SEPSIS | {"significance": "not known"})
    assert "clinical" in faults(SEPSIS | {"clinical": "not known"})


@pytest.mark.parametrize(
    ("question", "typed", "says"),
    [
        ("kind", "leased", "Choose one of: bought, built, embedded, open."),
        ("groups", ["none", "children"], "Choose “None of these” alone, or the ones that apply."),
        ("groups", ["aliens"], "'aliens' is none of"),
        ("patients_a_year", "many", "Give a number, like 1200, or say that it is not known."),
        ("patients_a_year", "-3", "Give a number from 0 to 100,000,000."),
        ("patients_a_year", "1,20", "Give a number, like 1200, or say that it is not known."),
        ("planned_start", "1.3.2027", "Give a day as year-month-day, like 2026-11-21."),
        ("planned_start", "2027-02-30", "Give a day as year-month-day"),
        ("owner", "Dr Ada!", "Choose a person that the book has."),
        ("clinical", "maybe", "Answer yes or no."),
        ("name", "two\nlines", "Give one line."),
        ("name", "x" * 301, "It has 301 characters; 300 fit."),
        ("clinical", ["yes", "no"], "Give one answer, not a list."),
        ("clinical", {"yes": 1}, "Give one answer, not a list."),
    ],
)
def test_an_answer_that_is_none_says_what_would_be_one(question, typed, says):
    fault = faults(SEPSIS | {question: typed})[question]

    assert says in fault.message
    assert not fault.missing


def test_a_day_that_has_been_cannot_lie_ahead():
    typed = SEPSIS | {"already_running": "yes", "running_since": "2026-11-22"}

    assert "lies ahead" in faults(typed)["running_since"].message
    assert "running_since" not in faults(typed | {"running_since": "2026-11-21"})


def test_what_does_not_run_yet_starts_on_no_day_that_has_passed():
    typed = SEPSIS | {"already_running": "no", "planned_start": "2026-11-20"}

    assert (
        faults(typed)["planned_start"].message
        == "When should it start? 2026-11-20 has passed; give a day from today on."
    )
    assert "planned_start" not in faults(typed | {"planned_start": "2026-11-21"})


def test_a_submission_number_has_its_form():
    typed = SEPSIS | {"device": "authorised", "submission": "510(k)"}

    assert "Give one number, like K253532" in faults(typed)["submission"].message
    assert "submission" not in faults(typed | {"submission": "DEN220001"})


@pytest.mark.parametrize(
    ("typed", "one", "other"),
    [
        ({"autonomy": "acts-alone"}, "autonomy", "decision_role"),
        ({"decision_role": "replaces"}, "autonomy", "decision_role"),
        ({"significance": "inform", "decision_role": "replaces"}, "significance", "decision_role"),
        ({"patient_facing": "yes"}, "device", "patient_facing"),
        ({"care_setting": "imaging"}, "device", "care_setting"),
        ({"care_setting": "patient-facing"}, "patient_facing", "care_setting"),
        ({"care_setting": "administration", "patient_facing": "yes"}, "patient_facing", "care_setting"),
        ({"urgency": "expedited", "autonomy": "acts-alone", "decision_role": "augments"}, "urgency", "autonomy"),
    ],
)
def test_two_answers_that_contradict_each_other_are_both_named(typed, one, other):
    found = [f for f in fill(FORM, SEPSIS | typed).faults if (f.question, f.with_question) == (one, other)]

    (fault,) = found
    assert FORM.by_id[one].ask in fault.message
    assert FORM.by_id[other].ask in fault.message


def test_an_answer_to_a_question_that_there_is_not_is_said_and_kept():
    filled = fill(FORM, SEPSIS | {"colour": "green"})

    assert [fault.message for fault in filled.faults] == ["The questions of 2026-11.1 have none called 'colour'."]
    assert filled.aside == {"colour": "green"}


def test_answers_no_longer_asked_are_kept_aside_and_come_back():
    built = fill(FORM, SEPSIS | {"kind": "built"})
    again = fill(FORM, {**built.typed, **built.aside, "kind": "bought"})

    assert built.aside == {"vendor": "Northwind Health"}
    assert again.settled.values["vendor"] == "Northwind Health"


def test_an_answer_kept_aside_decides_nothing():
    # `reviewed_before` is only asked of what is generative: said of what is not, it contradicts nobody
    typed = SEPSIS | {"reviewed_before": "yes", "autonomy": "acts-alone", "decision_role": "replaces"}

    assert "reviewed_before" not in faults(typed)


@given(ANY_ANSWERS, st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_nothing_typed_is_ever_lost(typed, strays):
    everything = typed | strays
    filled = fill(FORM, everything, today=TODAY)

    assert {**filled.typed, **filled.aside} == everything
    assert not filled.typed.keys() & filled.aside.keys()


@given(ANY_ANSWERS)
def test_a_question_is_asked_only_when_its_condition_holds_on_what_is_asked_before_it(typed):
    filled = fill(FORM, typed, today=TODAY)

    assert filled.settled.values.keys() <= {question.id for question in filled.asked}
    for question in filled.asked:
        before = {q.id for q in FORM.questions[: FORM.questions.index(question)]}
        assert question.when.mentions() <= before
        assert question.when.holds(filled.settled) is True


@given(ANY_ANSWERS)
def test_filling_in_what_is_missing_always_ends(typed):
    """Answer each missing question with something it takes, and the form is done: no answer leads into a corner."""
    given_, rounds = dict(typed), 0
    while missing := [f.question for f in fill(FORM, given_).faults if f.missing]:
        rounds += 1
        assert rounds <= len(FORM.questions)
        for id_ in missing:
            question = FORM.by_id[id_]
            given_[id_] = {
                Kind.CHOICE: question.choices[0].id if question.choices else "",
                Kind.MANY: ["none"],
                Kind.YES_NO: "yes",
                Kind.NUMBER: "1",
                Kind.DATE: "2026-01-02",
            }.get(question.kind, "x")

    assert not any(fault.missing for fault in fill(FORM, given_).faults)


def test_pages_follow_one_another_and_the_first_fault_is_shown_at_the_end():
    typed = without("owner", "urgency")
    filled = fill(FORM, typed)

    assert [page.id for page in filled.pages] == ["use", "people", "decision", "data", "running"]
    assert filled.next_page("use").id == "people"
    assert filled.next_page("people").id == "people"  # the owner is missing there
    assert filled.next_page("decision").id == "data"
    assert filled.next_page("running").id == "running"
    assert filled.next_page().id == "people"  # resumed


def test_a_page_shows_only_what_is_asked():
    page = next(page for page in fill(FORM, {"kind": "built"}).pages if page.id == "use")

    assert "vendor" not in [question.id for question in page.questions]


def test_every_home_is_a_field_that_the_book_has_or_a_fact():
    models = {"use": UseFields, "product": ProductFields, "vendor": VendorFields, "version": VersionFields}
    columns = [question.column for question in FORM.questions if question.column]

    assert [c for c in columns if c[1] not in models[c[0]].model_fields] == []
    assert len({question.home for question in FORM.questions}) == len(FORM.questions)
    assert not {f"use.{name}" for name in DECIDED} & {q.home for q in FORM.questions}


def test_an_intake_ends_under_the_edition_it_began_with(tmp_path):
    earlier = {
        "edition": "2025-01",
        "title": "Propose",
        "pages": [
            {
                "id": "use",
                "title": "The use",
                "questions": [
                    {"id": "name", "ask": "What is it called?", "kind": "line", "required": True, "home": "use.name"}
                ],
            }
        ],
    }
    (tmp_path / "2025-01.yaml").write_text(yaml.safe_dump(earlier))

    old = form_of("2025-01", tmp_path)

    assert fill(old, {"name": "Sepsis alert"}).complete
    assert form_of("2026-11.1", tmp_path) == FORM
    with pytest.raises(NoSuchEdition, match="2024-07"):
        form_of("2024-07", tmp_path)


def test_a_changed_question_changes_the_digest_that_an_intake_keeps():
    told = yaml.safe_load(yaml.safe_dump(_plain()))
    other = read_form(yaml.safe_dump(told).encode(), "x")
    told["pages"][0]["questions"][0]["ask"] += " Really?"
    changed = read_form(yaml.safe_dump(told).encode(), "x")

    assert digest_of(other) == digest_of(read_form(yaml.safe_dump(_plain()).encode(), "x"))
    assert digest_of(changed) != digest_of(other)


def _plain():
    return {
        "edition": "2026-01",
        "title": "T",
        "pages": [
            {
                "id": "p",
                "title": "P",
                "questions": [
                    {"id": "a", "ask": "Is it so?", "kind": "yes-no", "home": "intake/a"},
                    {"id": "b", "ask": "Which one?", "kind": "line", "home": "intake/b", "when": {"a": True}},
                ],
            }
        ],
    }


def _with(change):
    told = _plain()
    change(told["pages"][0]["questions"])
    return yaml.safe_dump(told).encode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda q: q[1].update(when={"c": True}), "looks at 'c', which is not asked before it"),
        (lambda q: q[0].update(when={"b": "x"}), "looks at 'b', which is not asked before it"),
        (lambda q: q[1].update(when={"a": "perhaps"}), "wants 'perhaps' of 'a', which nobody can answer"),
        (lambda q: q[1].update(id="a"), "two questions have the id 'a'"),
        (lambda q: q[0].update(choices=[{"id": "x", "says": "X"}]), "choices go with the kinds choice and many"),
        (lambda q: q[0].update(home="hospital.name"), "neither a field of the book nor a fact"),
        (lambda q: q[0].update(kind="perhaps"), "kind"),
        (lambda q: q[0].update(colour="green"), "colour"),
        (lambda q: q[1].update(pattern="x"), "pattern_says"),
        (lambda q: q[1].update(when={"a": {"least": 1}}), "at_least"),
        (lambda q: q[1].update(contradicts=[{"when": {"b": "x"}, "says": "it is not so"}]), "which nobody can answer"),
    ],
)
def test_a_file_of_questions_that_cannot_be_used_says_where(change, why):
    with pytest.raises(BadQuestions, match=why):
        read_form(_with(change), "questions.yaml")


def test_a_file_that_is_no_yaml_is_refused():
    with pytest.raises(BadQuestions, match="it is no YAML"):
        read_form(b"edition: [", "questions.yaml")
