"""Mappings: what they may say, what fits a file, and what is refused."""

from __future__ import annotations

import pytest

from codman.registry.imports.mapping import (
    READY,
    BadMapping,
    as_mapping,
    best_fitting,
    fitted,
    read_mapping,
    ready_mapping,
)
from codman.registry.imports.reading import read_bytes

GOOD = {"mapping": "m", "fields": {"use.name": {"column": "Name"}}}


@pytest.mark.parametrize("name", READY)
def test_every_ready_mapping_is_one(name):
    assert ready_mapping(name).mapping == name


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"mapping": "m", "fields": {}}, "'use.name' must be mapped"),
        ({"mapping": "m", "fields": {**GOOD["fields"], "use.nmae": {"column": "x"}}}, "did you mean 'use.name'"),
        ({"mapping": "m", "fields": {"use.name": {}}}, "give one of: column, columns, value"),
        ({"mapping": "m", "fields": {"use.name": {"column": "a", "value": "b"}}}, "give one of"),
        ({"mapping": "m", "fields": {"use.name": {"column": "a", "conversion": "magic"}}}, "conversion"),
        ({"mapping": "m", "fields": {"use.name": {"column": "a", "confidence": 2}}}, "less than or equal"),
        ({**GOOD, "surprise": 1}, "surprise"),
        ({**GOOD, "mapping": "../m"}, "pattern"),
        ([1], "valid dictionary"),
        (None, "valid dictionary"),
    ],
)
def test_what_a_mapping_may_not_say_is_refused_by_its_name(value, why):
    with pytest.raises(BadMapping, match=why):
        as_mapping(value, "m")


@pytest.mark.parametrize("body", ["a: [", "\x00", "!!python/object/apply:os.system ['true']", "a: " + "[" * 5000])
def test_a_file_that_is_no_yaml_or_wants_to_run_something_is_refused(tmp_path, body):
    (tmp_path / "m.yaml").write_text(body)

    with pytest.raises(BadMapping):
        read_mapping(tmp_path / "m.yaml")


def test_headings_fit_whatever_their_case_spaces_and_punctuation():
    table = read_bytes(b"  NAME\n of-it ,x\nA,1\n".replace(b"\n of", b" of"), "x.csv")
    mapping = as_mapping({"mapping": "m", "fields": {"use.name": {"column": "Name of it"}}}, "m")

    headings, missing = fitted(mapping, table)

    assert headings == {"Name of it": "NAME of-it"}
    assert missing == []


def test_a_file_without_the_column_of_the_name_is_refused():
    with pytest.raises(BadMapping, match="no column 'Name'"):
        fitted(as_mapping(GOOD, "m"), read_bytes(b"Title,x\nA,1\n", "x.csv"))


def test_a_mapping_for_cards_is_refused_for_a_table():
    with pytest.raises(BadMapping, match="reads 'chai'"):
        fitted(ready_mapping("chai"), read_bytes(b"Name,x\nA,1\n", "x.csv"))


def test_of_the_fitting_mappings_the_one_that_names_the_most_is_taken():
    small = as_mapping(GOOD, "m")
    large = as_mapping(
        {"mapping": "n", "fields": {"use.name": {"column": "Name"}, "use.stage": {"column": "Stage"}}}, "n"
    )
    table = read_bytes(b"Name,Stage\nA,Live\n", "x.csv")

    assert best_fitting(table, [small, large]) == large
    assert best_fitting(read_bytes(b"Other,Stage\nA,Live\n", "x.csv"), [small, large]) is None
