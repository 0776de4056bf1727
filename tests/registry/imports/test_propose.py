"""Guessed mappings: by names, by values, with the runner-up, and as a file a person can edit."""

from __future__ import annotations

import pytest
import yaml

from codman.registry.imports.mapping import as_mapping
from codman.registry.imports.propose import propose
from codman.registry.imports.reading import read_bytes, read_list

HOSPITAL = b"""AI register of the hospital,,,,,,,
,,,,,,,
Ref,Name of AI tool,Department,Status,Go-live,Supplier,Risk rating,Intended use,Colour
H-1,Sepsis alert,ICU,Live,13/02/2024,Acme Inc.,High,Warns of sepsis six hours early,blue
H-2,Scribe,Clinics,Pilot,14/03/2025,Scribe Co,Low,Writes the visit note from speech,red
H-3,No-show,Clinics,Retired,,In-house,Low,Predicts who will not come,blue
H-4,Stroke CT,Radiology,In production,01/06/2023,Acme,High,Flags large vessel occlusion,red
H-5,Fall risk,Wards,Live,,Acme,Medium,Predicts falls on the ward,blue
"""


def proposed(body, name="hospital"):
    return propose(read_bytes(body, "register.csv"), name, "register.csv")


def test_columns_are_told_by_their_names():
    fields = {t: s.column for t, s in proposed(HOSPITAL).mapping.fields.items()}

    assert fields == {
        "use.name": "Name of AI tool",
        "use.organisation": "Department",
        "use.purpose": "Intended use",
        "use.stage": "Status",
        "use.stage_since": "Go-live",
        "use.tier": "Risk rating",
        "vendor.name": "Supplier",
    }
    assert proposed(HOSPITAL).mapping.id == "Ref"


@pytest.mark.parametrize(
    ("heading", "cell", "target"),
    [
        ("What is it used for?", "Warns of sepsis on the wards", "use.purpose"),
        ("What does the tool do?", "Warns of sepsis on the wards", "use.purpose"),
        ("Owner e-mail", "a@example.org", "use.owner"),
        ("Owner", "A. Person", "use.owner"),
        ("Owned by", "A. Person", "use.owner"),
        ("Who is responsible?", "A. Person", "use.owner"),
        ("Monitored by", "Quality office", "use.monitoring"),
        ("How is it monitored", "AUROC each month", "use.monitoring"),
        ("Go-live date", "2024-02-13", "use.stage_since"),
        ("In use from", "2024-02-13", "use.stage_since"),
        ("Department", "ICU", "use.organisation"),
        ("Supplier", "Acme", "vendor.name"),
        ("Vendor / supplier", "Acme", "vendor.name"),
    ],
)
def test_a_heading_as_hospitals_write_it_is_known(heading, cell, target):
    fields = proposed(f"Name,{heading}\nSepsis alert,{cell}\nScribe,{cell}\n".encode()).mapping.fields

    assert fields[target].column == heading


def test_what_only_sounds_like_a_heading_is_left_alone():
    fields = proposed(
        b"Name,Owner's manual,Monitored patients per day,Supplier risk\nSepsis alert,x,5,Low\n"
    ).mapping.fields

    assert {"use.monitoring", "use.owner", "vendor.name"}.isdisjoint(fields)


def test_a_date_that_can_only_be_read_with_the_day_first_says_so_for_the_others():
    assert proposed(HOSPITAL).mapping.day_first


def test_an_order_of_day_and_month_that_no_date_settles_is_written_down_to_be_looked_at():
    either = b"Name,Go-live\nA,03/04/2024\nB,05/06/2024\n"

    assert "\nday_first: false  # CHECK: " in proposed(either).text
    assert "CHECK: no date" not in proposed(either + b"C,02/13/2024\n").text


def test_a_stage_column_with_an_unknown_name_is_told_by_its_values_and_marked():
    body = HOSPITAL.replace(b"Status", b"Ampel")
    guess = next(g for g in proposed(body).guesses if g.target == "use.stage")

    assert guess.column == "Ampel"
    assert guess.confidence < 0.9
    assert "CHECK: by its values" in proposed(body).text


def test_a_column_whose_values_contradict_its_name_is_not_taken():
    body = HOSPITAL.replace(b",Live,", b",blue,").replace(b",Pilot,", b",red,").replace(b",In production,", b",red,")

    assert "use.stage" not in proposed(body.replace(b",Retired,", b",green,")).mapping.fields


def test_the_runner_up_is_named():
    body = b"Use case name,System name,Status\nA,x,Live\nB,y,Pilot\n"
    source = proposed(body).mapping.fields["use.name"]

    assert source.column == "Use case name"
    assert source.runner_up is not None
    assert source.runner_up.startswith("System name")


def test_the_text_reads_back_as_the_same_mapping_field_by_field():
    proposal = proposed(HOSPITAL)
    back = as_mapping(yaml.safe_load(proposal.text), "text")

    assert {t: (s.column, s.confidence, s.runner_up) for t, s in back.fields.items()} == {
        t: (s.column, s.confidence, s.runner_up) for t, s in proposal.mapping.fields.items()
    }
    assert (back.id, back.day_first, back.rest, back.facts) == (
        proposal.mapping.id,
        proposal.mapping.day_first,
        proposal.mapping.rest,
        proposal.mapping.facts,
    )


def test_a_heading_that_is_yaml_itself_stays_a_heading():
    body = b'"Name: #1 {x}","Status ""now"""\nA,Live\nB,Pilot\n'

    assert as_mapping(yaml.safe_load(proposed(body).text), "text").fields["use.name"].column == "Name: #1 {x}"


def test_a_file_with_no_name_at_all_still_gives_a_mapping_to_edit():
    proposal = proposed(b"qq,zz\n1,2\n3,4\n")

    assert proposal.mapping.fields["use.name"].confidence < 0.5
    assert "no column looks like a name" in proposal.text


def test_the_raw_federal_file_is_mapped_field_by_field(real_data):
    proposal = propose(read_list(real_data / "governance/hhs-2025/use-cases.csv"), "hhs-2025", "use-cases.csv")
    fields = proposal.mapping.fields

    assert fields["use.name"].column == "Use Case Name"
    assert fields["use.organisation"].conversion == "first-part"  # every unit is HHS/…
    assert fields["use.stage"].column == "Stage of Development"
    assert fields["use.impact"].column == "Is the AI use case high-impact?"
    assert fields["use.purpose"].column == "What problem is the AI intended to solve?"
    assert fields["product.kind"].column.startswith("Was the system involved")
    assert fields["vendor.name"].column == "Vendor(s) Name"
    assert len(proposal.mapping.facts) == 33  # each of its columns answers a question of the OMB inventory
