"""Answers to fields and facts, and back: the two ways agree, and what the book holds otherwise is not lost."""

from __future__ import annotations

from hypothesis import given
from intake_answers import ANY_ANSWERS, SEPSIS

from codman.registry.documents import FactFields
from codman.review.intake.fields import answers_of, fields_of
from codman.review.intake.form import fill
from codman.review.intake.question import current_form
from codman.spine.product import ProductFields, VendorFields, VersionFields
from codman.spine.use import DecisionRole, UseFields

FORM = current_form()


def proposed(typed):
    return fields_of(fill(FORM, typed))


def test_a_proposal_becomes_fields_that_the_book_takes():
    said = proposed(SEPSIS)

    use = UseFields.model_validate({**said.use, "product": "product-1"})
    product = ProductFields.model_validate(said.product)
    VendorFields.model_validate(said.vendor)
    version = VersionFields.model_validate({**said.version, "product": "product-1"})

    assert use.name == "Sepsis alert, adult wards"
    assert use.decision_role is DecisionRole.INFORMS
    assert use.demographic_inputs == ["sex", "age"]  # in the form's order
    assert use.autonomy == "a person decides each time"
    assert use.site == "north"
    assert (product.name, product.kind, product.generative) == ("EarlyWatch", "bought", False)
    assert said.vendor == {"name": "Northwind Health"}
    assert version.label == "3.1"


def test_what_no_field_holds_becomes_a_fact_that_the_book_takes():
    said = proposed(SEPSIS)
    facts = {fact.field: fact for fact in said.facts}

    assert facts["intake/patients_a_year"].value == "8000"
    assert facts["intake/groups"].value == "none"
    assert facts["intake/clinical"].value == "yes"
    assert facts["hti-1/3.ii"].about == "product"
    assert facts["intake/condition_state"].question == "condition_state"
    for fact in said.facts:
        FactFields(about_kind=fact.about, about="use-1", field=fact.field, value=fact.value, source="intake 2026-11")


def test_none_of_these_is_an_empty_list_and_no_answer_is_none():
    assert proposed(SEPSIS | {"demographic_inputs": ["none"]}).use["demographic_inputs"] == []
    assert "demographic_inputs" not in proposed(SEPSIS | {"demographic_inputs": "not known"}).use


def test_what_stands_aside_goes_nowhere():
    assert "name" not in proposed(SEPSIS | {"kind": "built"}).vendor


def test_a_chosen_product_is_pointed_at_and_not_described_again():
    known = {"product_name": "EarlyWatch", "kind": "bought", "vendor": "Northwind", "generative": False}
    said = fields_of(fill(FORM, {"product": "product-7", "name": "Sepsis alert"}, known))

    assert said.use["product"] == "product-7"
    assert said.product == {}


@given(ANY_ANSWERS)
def test_what_goes_into_the_book_comes_back_as_the_same_answers(typed):
    filled = fill(FORM, typed)
    said = fields_of(filled)
    facts = {fact.field: fact.value for fact in said.facts}

    back = answers_of(FORM, use=said.use, product=said.product, vendor=said.vendor, version=said.version, facts=facts)

    assert back.values == filled.settled.values
    assert back.unread == {}
    assert fill(FORM, back.typed).settled.values == filled.settled.values


@given(ANY_ANSWERS)
def test_whatever_is_typed_the_book_takes_what_comes_of_it(typed):
    said = proposed(typed)

    UseFields.model_validate({"name": "n", "product": "p", **said.use})
    ProductFields.model_validate({"name": "n", **said.product})
    VendorFields.model_validate({"name": "n", **said.vendor})
    VersionFields.model_validate({"product": "p", "label": "l", **said.version})
    for fact in said.facts:
        FactFields(about_kind=fact.about, about="use-1", field=fact.field, value=fact.value, source="intake")


def test_half_a_character_is_dropped_before_the_book_meets_it():
    assert proposed(SEPSIS | {"name": "Sepsis \ud83d alert\x00"}).use["name"] == "Sepsis  alert"


def test_inputs_of_an_imported_use_are_read_by_other_names_and_never_dropped():
    back = answers_of(FORM, use={"demographic_inputs": ["Race/Ethnicity", "Zip code", "Blood type"]})

    assert back.values["demographic_inputs"] == ("race", "social", "other-group")


def test_what_no_answer_means_is_said_and_counts_as_not_answered():
    back = answers_of(FORM, use={"care_setting": "the moon", "name": "Sepsis alert"})

    assert back.unread == {"care_setting": "the moon"}
    assert back.values == {"name": "Sepsis alert"}


def test_a_setting_by_another_name_is_the_same_setting():
    assert answers_of(FORM, use={"care_setting": "ICU"}).values == {"care_setting": "intensive-care"}
