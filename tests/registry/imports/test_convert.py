"""Rows to uses: what is filled, what is kept as it was, who is the same."""

from __future__ import annotations

from codman.registry.imports.convert import Converted, Known, convert
from codman.registry.imports.identity import BY_ID, BY_NAME, identify
from codman.registry.imports.mapping import as_mapping, fitted
from codman.registry.imports.reading import read_bytes

FIELDS = {
    "use.name": {"column": "Name"},
    "use.organisation": {"column": "Unit"},
    "use.purpose": {"column": "Purpose"},
    "use.stage": {"column": "Stage"},
    "use.stage_since": {"column": "Since"},
    "use.owner": {"column": "Owner"},
}
MAPPING = as_mapping({"mapping": "m", "id": "Ref", "fields": FIELDS, "rest": "m"}, "m")


def rows_of(text, mapping=MAPPING, known=None):
    table = read_bytes(text.encode(), "x.csv")
    headings, _ = fitted(mapping, table)
    return [convert(row, mapping, headings, known or Known()) for row in table.rows]


def one(text, **more):
    return rows_of("Ref,Name,Unit,Purpose,Stage,Since,Owner,Colour\n" + text, **more)[0]


def test_what_runs_already_enters_as_legacy_with_the_date_that_was_found():
    for word, stage in (("Deployed", "live"), ("Pilot", "pilot"), ("Silent", "silent"), ("Paused", "paused")):
        row = one(f"1,A,U,P,{word},2024-03-01,,\n")

        assert (row.fields["use.stage"], row.fields["use.decision"]) == (stage, "undecided (legacy)")
        assert row.fields["use.stage_since"] == "2024-03-01"


def test_what_does_not_run_is_undecided_and_its_date_is_since_nothing():
    for word, stage in (("Pre-deployment", "proposed"), ("Retired", "retired")):
        row = one(f"1,A,U,P,{word},2024-03-01,,\n")

        assert (row.fields["use.stage"], row.fields["use.decision"]) == (stage, "undecided")
        assert "use.stage_since" not in row.fields


def test_a_cell_that_cannot_be_converted_is_kept_as_a_fact_and_noted_with_its_row():
    row = one("1,A,U,P,Mauve,whenever,,\n")

    assert row.fields["use.stage"] == "proposed"
    assert row.facts["m/Stage"] == "Mauve"
    assert row.facts["m/Since"] == "whenever"
    assert {(n.row, n.column) for n in row.notes} >= {(2, "Stage"), (2, "Since")}


def test_a_date_that_is_less_than_a_day_keeps_its_own_words_beside():
    row = one("1,A,U,P,Live,Spring 2023,,\n")

    assert row.fields["use.stage_since"] == "2023-03-01"
    assert row.facts["m/Since"] == "Spring 2023"


def test_a_column_nobody_mapped_becomes_a_fact():
    assert one("1,A,U,P,Live,,,blue\n").facts["m/Colour"] == "blue"


def test_an_owner_the_book_knows_is_the_owner_and_another_is_a_fact():
    known = Known(people={"ann@example.org": "person-1"})

    assert one("1,A,U,P,Live,,Ann@Example.org,\n", known=known).fields["use.owner"] == "person-1"
    unknown = one("1,A,U,P,Live,,Bob,\n", known=known)
    assert "use.owner" not in unknown.fields
    assert unknown.facts["m/Owner"] == "Bob"


def test_a_row_without_a_name_is_known_by_its_identifier_or_refused():
    named = one("R-7,,U,P,Live,,,\n")
    refused = one(",,U,P,Live,,,\n")

    assert isinstance(named, Converted)
    assert named.fields["use.name"] == "(unnamed) R-7"
    assert refused == "it has neither a name nor an identifier of its own"


def test_a_text_longer_than_the_field_is_cut_and_kept_whole_beside():
    row = one(f"1,{'x' * 400},U,P,Live,,,\n")

    assert len(row.fields["use.name"]) == 300
    assert row.facts["m/Name"] == "x" * 400


def test_a_placeholder_fills_no_field():
    row = one("1,A,U,Not available,Live,,,\n")

    assert "use.purpose" not in row.fields
    assert row.facts["m/Purpose"] == "Not available"


def identified(text):
    rows = rows_of("Ref,Name,Unit,Purpose,Stage,Since,Owner,Colour\n" + text)
    return identify(rows, with_ids=True)


def test_a_good_identifier_is_the_identity_and_a_blank_doubled_or_placeholder_one_is_not():
    kept, notes, bases = identified(
        "A-1,A,U,P,Live,,,\nA-2,B,U,P,Live,,,\nA-2,C,U,P,Live,,,\nTBD,D,U,P,Live,,,\n,E,U,P,Live,,,\n"
    )

    assert len(kept) == 5
    assert bases == {BY_ID: 1, BY_NAME: 4}
    assert [n.row for n in notes if n.column == "id"] == [3, 4, 5, 6]


def test_one_identifier_in_two_organisations_is_two():
    kept, _, bases = identified("35,A,U,P,Live,,,\n35,A,V,P,Live,,,\n")

    assert bases == {BY_ID: 2}
    assert len({row.identity for row in kept}) == 2


def test_a_row_that_stands_twice_is_one_and_the_answer_says_which():
    kept, notes, _ = identified(",A,U,P,Live,,,red\n,B,U,P,Live,,,\n,A,U,P,Live,,,red\n")

    assert len(kept) == 2
    assert [(n.row, n.why) for n in notes if n.column == "row"] == [(4, "the same as row 2")]


def test_two_uses_that_differ_only_elsewhere_are_both_kept():
    kept, notes, _ = identified(",A,U,P,Live,,,red\n,A,U,P,Live,,,blue\n,A,U,P,Pilot,,,\n")

    assert len({row.identity for row in kept}) == 3
    assert len([n for n in notes if n.column == "row"]) == 2
