"""CHAI cards and CycloneDX BOMs: every leaf read, written again as it was, numbers staying claims."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from referencing import Registry, Resource

from codman.registry.documents import not_stated
from codman.registry.imports.cards import VERSION, write_card
from codman.registry.imports.reading import read_bytes, read_list

CARDS = ("Aidoc_iPE-03-RT.v0.1.xml", "Aidoc_iPE-03-RT.xml", "OrbDoc_Voice-to-SOAP.xml")


@pytest.fixture
def cards(real_data):
    return real_data / "governance" / "chai-model-cards"


def schema(cards, edition):
    body = (cards / f"schema-{edition}.xsd").read_bytes()
    signature = cards.parent / "spec-fixtures" / "xmldsig-core-schema.xsd"
    return etree.XMLSchema(
        etree.fromstring(
            body.replace(b"http://www.w3.org/TR/xmldsig-core/xmldsig-core-schema.xsd", str(signature).encode())
        )
    )


@pytest.mark.parametrize("name", CARDS)
def test_every_text_of_a_card_is_read(cards, name):
    cells = read_list(cards / name).rows[0].cells
    root = etree.parse(cards / name).getroot()
    texts = [
        " ".join(e.text.split())
        for e in root.iter()
        if isinstance(e.tag, str) and len(e) == 0 and (e.text or "").strip()
    ]
    read = " ".join(" ".join(value.split()) for value in cells.values())

    assert len(texts) > 40
    assert [text for text in texts if text not in read] == []


@pytest.mark.parametrize("name", CARDS)
def test_a_card_that_is_written_again_keeps_its_schema_and_every_value(cards, name):
    cells = read_list(cards / name).rows[0].cells
    written = write_card(cells)

    schema(cards, cells[VERSION]).assertValid(etree.fromstring(written))
    assert read_bytes(written, "card").rows[0].cells == cells


def test_labels_and_values_of_a_metric_keep_each_others_order(cards):
    cells = read_list(cards / "OrbDoc_Voice-to-SOAP.xml").rows[0].cells
    labels = cells["KeyMetrics/FairnessEquity/Results/MetricResult/Label"].splitlines()
    values = cells["KeyMetrics/FairnessEquity/Results/MetricResult/ValueJson"].splitlines()

    assert dict(zip(labels, (json.loads(v)["value"] for v in values), strict=True)) == {
        "Accurate Entity Rate (Cardiology)": 52.17,
        "Accurate Entity Rate (Primary Care)": 31.25,
        "Accurate Entity Rate (Endocrinology)": 26.09,
    }


@given(
    st.dictionaries(
        st.sampled_from(["BasicInfo/ModelName", "ModelSummary/Summary", "Bibliography"]), st.text(max_size=30)
    )
)
def test_whatever_stands_in_a_card_it_stays_whole_xml(cells):
    plain = {k: "".join(c for c in v if c.isprintable()).strip() for k, v in cells.items()}
    back = read_bytes(write_card(plain), "card").rows[0].cells

    assert {k: v for k, v in plain.items() if v} == {k: v for k, v in back.items() if k in plain}


BOM = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {"component": {"type": "application", "name": "alerts", "components": [
        {"type": "machine-learning-model", "name": "sepsis", "version": "3.1", "supplier": {"name": "Acme"},
         "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
         "modelCard": {
             "modelParameters": {"approach": {"type": "supervised"}, "modelArchitecture": "gradient boosting"},
             "quantitativeAnalysis": {"performanceMetrics": [{"type": "AUROC", "value": "0.99",
                                      "confidenceInterval": {"lowerBound": "0.98", "upperBound": "1.0"}}]},
             "considerations": {"users": ["nurses", "doctors"], "useCases": ["early warning of sepsis"]}}}]}},
    "components": [{"type": "library", "name": "numpy", "version": "2"}],
}  # fmt: skip


@pytest.mark.parametrize("edition", ["1.6", "1.7"])
def test_a_bom_that_keeps_cyclonedx_schema_is_read_model_by_model(real_data, edition):
    fixtures = real_data / "governance" / "spec-fixtures"
    bom = BOM | {"specVersion": edition}
    parts = {
        "http://cyclonedx.org/schema/" + uri: json.loads((fixtures / file).read_text())
        for uri, file in (
            ("spdx.schema.json", "spdx.schema.json"),
            ("jsf-0.82.schema.json", "jsf-0.82.schema.json"),
            ("cryptography-defs.schema.json", "cryptography-defs.schema.json"),
        )
    }
    registry = Registry().with_resources((uri, Resource.from_contents(body)) for uri, body in parts.items())
    whole = json.loads((fixtures / f"cyclonedx-bom-{edition}.schema.json").read_text())
    jsonschema.validators.validator_for(whole)(whole, registry=registry).validate(bom)

    table = read_bytes(json.dumps(bom).encode(), "bom.json")

    assert table.kind == "cyclonedx"
    assert [row.cells["name"] for row in table.rows] == ["sepsis"]
    cells = table.rows[0].cells
    assert cells["supplier/name"] == "Acme"
    assert cells["hashes/SHA-256"] == "ab" * 32
    assert cells["modelCard/considerations/users"] == "nurses\ndoctors"
    assert json.loads(cells["modelCard/quantitativeAnalysis/performanceMetrics"])["value"] == "0.99"


def test_what_a_generated_card_marks_as_not_stated_is_read_as_nothing():
    gap = not_stated("2026-11-21")
    goal = "KeyMetrics/FairnessEquity"
    said = {
        "BasicInfo/ModelName": "Sepsis",
        "ModelSummary/Summary": gap,
        f"{goal}/MetricGoal": gap,
        f"{goal}/Results/MetricResult/Label": f"AUROC\n{gap}\nPPV",
        f"{goal}/Results/MetricResult/ValueJson": "1\nnull\n2",
    }

    cells = read_bytes(write_card(said), "card").rows[0].cells

    assert cells["BasicInfo/ModelName"] == "Sepsis"
    assert not {"ModelSummary/Summary", f"{goal}/MetricGoal"} & set(cells)
    # the gap's own value goes with it, so that the others keep their names
    assert cells[f"{goal}/Results/MetricResult/Label"].split("\n") == ["AUROC", "PPV"]
    assert cells[f"{goal}/Results/MetricResult/ValueJson"].split("\n") == ["1", "2"]
