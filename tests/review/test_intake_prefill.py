"""A form begun from what somebody has already, with whose word each answer is."""

from __future__ import annotations

import json

import pytest

from codman.registry.imports.convert import Known
from codman.registry.imports.mapping import BadMapping, as_mapping, ready_mapping
from codman.registry.imports.reading import read_bytes, read_list
from codman.review.intake.form import fill
from codman.review.intake.prefill import prefill
from codman.review.intake.question import current_form

FORM = current_form()


def begun(body, mapping, known=None):
    return prefill(FORM, read_bytes(body, "the file"), ready_mapping(mapping), known or Known())


def test_a_chai_card_begins_a_form_in_its_developers_words(real_data):
    card = read_list(real_data / "governance/chai-model-cards/Aidoc_iPE-03-RT.xml")
    (first,) = prefill(FORM, card, ready_mapping("chai"))
    said = {one.question: one for one in first.said}

    assert first.name == "BriefCase-Triage for Incidental Pulmonary Embolism"
    assert said["vendor"].whose == "the developer, in the model card"
    assert said["risks"].where == "Warnings/KnownRisksAndLimitations"
    assert said["purpose"].where == "UsesAndDirections/IntendedUseAndWorkflow"
    assert said["submission"].typed.startswith("K")
    # the mapping's own guess is nobody's word
    assert said["kind"].typed == "bought"
    assert said["kind"].whose.startswith("nobody")


def test_nothing_of_the_card_is_lost_that_no_question_takes(real_data):
    card = read_list(real_data / "governance/chai-model-cards/OrbDoc_Voice-to-SOAP.xml")
    (first,) = prefill(FORM, card, ready_mapping("chai"))

    assert "chai-model-card/Warnings/ClinicalRiskLevel" in first.facts
    assert (
        first.typed["foundation_model"]
        == first.facts["chai-model-card/TrustIngredients/AISystemFacts/FoundationModels"]
    )


def test_a_model_of_mlflow_begins_a_form_as_built_here():
    answer = {
        "registered_models": [
            {
                "name": "sepsis-ward",
                "description": "Risk of sepsis in the next six hours",
                "latest_versions": [
                    {"version": "4", "current_stage": "Production", "creation_timestamp": 1750000000000}
                ],
            }
        ]
    }
    (first,) = begun(json.dumps(answer).encode(), "mlflow")
    whose = {one.question: one.whose for one in first.said}

    assert first.typed["name"] == "sepsis-ward"
    assert first.typed["purpose"] == "Risk of sepsis in the next six hours"
    assert first.typed["kind"] == "built"
    assert first.typed["version"] == "4"
    assert first.typed["already_running"] == "yes"
    assert whose["purpose"] == "whoever registered the model"


ROWS = b"""id,use_case_name,problem_solved,agency,development_stage,operational_date,demographic_features,classification
A-1,Bed forecast,Forecasts free beds,HHS,Deployed,2024-05-01,None of the above,Classical ML
A-2,Chat for patients,Answers questions,HHS,Pre-deployment,2027-01-01,"Race/Ethnicity, Sex/Gender",Generative AI
A-3,Notes,Drafts notes,HHS,,,,
"""


def test_a_row_of_an_inventory_begins_a_form():
    beds, chat, notes = begun(ROWS, "omb-2025")

    assert (beds.typed["already_running"], chat.typed["already_running"]) == ("yes", "no")
    assert "already_running" not in notes.typed  # no stage is given, so nothing is assumed
    assert beds.typed["running_since"] == "2024-05-01"
    assert "running_since" not in chat.typed
    assert beds.typed["demographic_inputs"] == ["none"]
    assert chat.typed["demographic_inputs"] == ["race", "sex"]
    assert (chat.typed["generative"], beds.typed["generative"]) == ("yes", "no")
    assert {one.whose for one in chat.said} == {"whoever filled in the list"}


def test_an_owner_is_filled_in_where_the_book_knows_the_name():
    body = b"use_name,owner\nSepsis alert,Ada Lovelace\n"
    fields = {"use.name": {"column": "use_name"}, "use.owner": {"column": "owner"}}
    mapping = as_mapping({"mapping": "ours", "fields": fields}, "ours")
    table = read_bytes(body, "ours.csv")

    (known,) = prefill(FORM, table, mapping, Known(people={"ada lovelace": "person-1"}))
    (stranger,) = prefill(FORM, table, mapping)

    assert known.typed["owner"] == "person-1"
    assert "owner" not in stranger.typed
    assert any("the book has no person of that name" in note.why for note in stranger.notes)


def test_what_is_filled_in_has_no_faults_but_what_is_missing():
    for begun_form in begun(ROWS, "omb-2025"):
        assert all(fault.missing for fault in fill(FORM, begun_form.typed).faults)


def test_every_row_of_the_federal_inventory_begins_a_form_that_can_be_finished(real_data):
    table = read_list(real_data / "governance/us-federal-2025/use-cases.csv")
    forms = prefill(FORM, table, ready_mapping("omb-2025"))

    assert len(forms) == len(table.rows)
    for one in forms[::37]:
        assert all(fault.missing for fault in fill(FORM, one.typed).faults)


def test_a_mapping_for_another_kind_of_file_is_refused():
    with pytest.raises(BadMapping, match="it reads 'chai'"):
        begun(ROWS, "chai")
