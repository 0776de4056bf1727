"""A document of a use from the command line: written whole, or nothing and a reason."""

from __future__ import annotations

import json

import pytest

from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.settings import read_settings
from codman.wiring import open_house


@pytest.fixture
def card(codman, tmp_path):
    house = open_house(read_settings(workspace=tmp_path / "w"))
    with house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Sepsis alert"}), "sepsis")
        USES.add(change, USES.validated({"product": "sepsis", "name": "Ward sepsis"}), "ward")
    house.close()
    return lambda *arguments: codman("inventory", "card", *arguments, "--workspace", "w")


def test_each_format_is_written_by_the_ending_of_its_file(card, tmp_path):
    for format_, out, begins in (
        ("chai", "card.xml", "<?xml"),
        ("hti-1", "page.html", "<!doctype html>"),
        ("hti-1", "page.json", "{"),
        ("cyclonedx", "bom.cdx.json", "{"),
    ):
        done = card("ward", "--format", format_, "--out", out)
        assert (done.code, done.out) == (0, ""), done.err
        assert f"{out}: Sepsis alert, numbers of 0 evaluations" in done.err
        assert (tmp_path / out).read_text().startswith(begins)
    assert json.loads((tmp_path / "bom.cdx.json").read_text())["components"][0]["name"] == "Sepsis alert"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ward", "--format", "chai", "--out", "card.json"), "is written as .xml"),
        (("ward", "--format", "hti-1", "--out", "page"), "is written as .html or .json"),
        (("ward", "--format", "spdx", "--out", "x.json"), "spdx"),
        (("nobody", "--format", "chai", "--out", "card.xml"), "there is no use 'nobody'"),
        (("ward", "--format", "chai", "--out", "none/card.xml"), "none"),
    ],
)
def test_bad_input_is_said_and_leaves_no_file(card, tmp_path, arguments, said):
    done = card(*arguments)

    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / arguments[-1]).exists()
