"""Documents made from the book: valid, read back to the same values, gaps marked, numbers of evidence that counts."""

from __future__ import annotations

import json
import re
from html import unescape

import jsonschema
import pytest
from book import START, Book, bare, signed
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from referencing import Registry, Resource

from codman.evidence.canonical import sha256
from codman.flows.filing import file_evidence
from codman.flows.generated import FORMATS, UnknownDocument, generate, tell, write
from codman.flows.inventory_import import import_table, read_table
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.coverage import State
from codman.registry.documents import is_gap
from codman.registry.governance import TRIAGES
from codman.registry.imports.cards import write_card
from codman.registry.imports.reading import read_bytes
from codman.registry.keys import KEYS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, FACTS, PRODUCTS, USES, VENDORS, VERSIONS
from codman.registry.records import NoSuchRecord
from codman.report import model_card
from codman.spine.measurement import Measurement
from codman.spine.person import Role

GAP = "Not stated in the registry as of 2026-11-01"
CARD = "chai-model-card"
EVERY = [(one.name, form.ending) for one in FORMATS.values() for form in one.forms]


def number(metric, value, n, positives, slice_=None, **params):
    return Measurement(
        metric=metric, slice=slice_ or {}, value=value, lower=value - 0.05, upper=value + 0.05, level=0.95, n=n,
        positives=positives, method="delong-logit", params=params,
    )  # fmt: skip


NUMBERS = [
    number("auroc", 0.8, 1000, 100),
    number("oe_ratio", 1.1, 1000, 100),
    number("auroc", 0.82, 600, 50, {"sex": "F"}),
    number("auroc", 0.78, 400, 50, {"sex": "M"}),
    number("auroc", 0.91, 300, 7, {"race": "X"}),
    number("auroc", 0.837, 310, 40, {"race": "Y"}),
    number("auroc", 0.77, 390, 53, {"race": "Z"}),
    number("auroc_difference", 0.04, 1000, 100, by=["sex"], highest={"sex": "F"}, lowest={"sex": "M"}),
    number("auroc_ratio", 0.95, 1000, 100, by=["sex"], highest={"sex": "F"}, lowest={"sex": "M"}),
    number("auroc_difference", 0.14, 1000, 100, by=["race"], highest={"race": "X"}, lowest={"race": "Z"}),
]


@pytest.fixture
def book(tmp_path):
    """A use of which much is said, some is not, and whose model was evaluated here by a registered pipeline."""
    made = Book(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        fields = {"name": "Vendor & Sons <Ltd>", "contact": "support@vendor.test"}
        VENDORS.add(change, VENDORS.validated(fields), "vendor")
        more = {"vendor": "vendor", "model_type": "gradient-boosted trees", "submission": "K193283", "kind": "bought"}
        PRODUCTS.change(change, "sepsis", {**more, "summary": "Warns of sepsis.\nWithin six hours."}, None)
        VERSIONS.change(change, "sepsis-120", {"released_on": "2026-05-01"}, None)
        said = {"purpose": "Finds sepsis early.", "population": "Adults on a ward", "users": "ward nurse"}
        USES.change(change, "ward", said, None)
        for number_, (about, field, value, basis) in enumerate(
            (
                ("sepsis", "hti-1/3.ii", "Not tried in \x0cpregnancy & \ufffe childhood.", "document"),
                ("sepsis", "hti-1/5.i", "Groups were compared.", "claim"),
                ("sepsis", f"{CARD}/Warnings/KnownBiasesOrEthicalConsiderations", "Late notes -- late risk", "claim"),
                ("sepsis", f"{CARD}/KeyMetrics/UsefulnessUsabilityEfficacy/Results/MetricResult/Label", "AUC", "claim"),
                (
                    "sepsis",
                    f"{CARD}/KeyMetrics/UsefulnessUsabilityEfficacy/Results/MetricResult/ValueJson",
                    '{"kind": "single", "value": 0.99}',
                    "claim",
                ),
            )
        ):
            kind = {"about_kind": "product", "about": about, "field": field, "value": value, "basis": basis}
            FACTS.add(change, FACTS.validated({**kind, "source": "the maker's letter"}), f"fact-{number_}")
    made.digest = filed(made, signed(made.registered("pipeline"), measurements=NUMBERS))
    return made


def filed(book, body):
    return file_evidence(book.house, body, book.officer).digest


def document(book, name, ending=None, use="ward"):
    return generate(book.house, book.officer, use, name, ending).body


def cells(book, use="ward"):
    return read_bytes(document(book, "chai", use=use), "card.xml").rows[0].cells


def card_schema(real_data):
    folder = real_data / "governance"
    signature = str(folder / "spec-fixtures" / "xmldsig-core-schema.xsd").encode()
    body = (folder / "chai-model-cards" / "schema-v0.2.xsd").read_bytes()
    body = body.replace(b"http://www.w3.org/TR/xmldsig-core/xmldsig-core-schema.xsd", signature)
    return etree.XMLSchema(etree.fromstring(body))


def bom_validator(real_data):
    fixtures = real_data / "governance" / "spec-fixtures"
    parts = ("spdx", "jsf-0.82", "cryptography-defs")
    registry = Registry().with_resources(
        (
            f"http://cyclonedx.org/schema/{part}.schema.json",
            Resource.from_contents(json.loads((fixtures / f"{part}.schema.json").read_text())),
        )
        for part in parts
    )
    whole = json.loads((fixtures / "cyclonedx-bom-1.6.schema.json").read_text())
    made = jsonschema.validators.validator_for(whole)
    return made(whole, registry=registry, format_checker=made.FORMAT_CHECKER)


@pytest.mark.parametrize("use", ["ward", "ward-south"])  # one of which much is said, one of which nothing is
def test_a_card_keeps_chais_schema(book, real_data, use):
    card_schema(real_data).assertValid(etree.fromstring(document(book, "chai", use=use)))


@pytest.mark.parametrize("use", ["ward", "ward-south"])
def test_a_bill_of_materials_keeps_cyclonedx_schema(book, real_data, use):
    bom_validator(real_data).validate(json.loads(document(book, "cyclonedx", use=use)))


def test_a_card_says_what_the_book_says_and_marks_what_it_does_not(book):
    written = model_card.card_cells(tell(book.house, book.officer, "ward"))

    assert written["BasicInfo/ModelName"] == "Sepsis alert"
    assert written["ReleaseInfo/ReleaseVersion"] == "1.2.0"
    assert written["TrustIngredients/AISystemFacts/BiasMitigationApproaches"] == "Groups were compared."  # HTI-1 5.i
    assert written["UsesAndDirections/HowToUse"] == GAP
    assert written["KeyMetrics/FairnessEquity/MetricGoal"] == GAP
    text = document(book, "chai").decode()
    assert text.count(GAP) == sum(is_gap(value) for value in written.values())
    assert "pregnancy &amp; \ufffd childhood" in text  # what no XML may hold is marked as lost


def test_a_card_takes_stage_tier_and_class_from_the_use_where_nobody_stated_them_and_says_so(book):
    bare = model_card.card_cells(tell(book.house, book.officer, "ward-south"))
    assert bare["ReleaseInfo/ReleaseStage"] == "Proposed (the stage of this use in the registry)"
    assert bare["Warnings/ClinicalRiskLevel"] == GAP
    with book.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "live", "stage_since": "2026-03-01", "tier": "high"}, None)
        classes = {"imdrf-samd": "III", "eu-ai-act": "high-risk"}
        TRIAGES.add(
            change,
            TRIAGES.validated(
                {"use": "ward", "edition": "2026-11", "computed": "high", "tier": "high", "classes": classes}
            ),
        )
    said = model_card.card_cells(tell(book.house, book.officer, "ward"))
    assert said["ReleaseInfo/ReleaseStage"] == "Live since 2026-03-01 (the stage of this use in the registry)"
    assert said["Warnings/ClinicalRiskLevel"] == (
        "High (the tier of this use in the registry); IMDRF SaMD category III (its triage in the registry)"
    )
    stated = {"about_kind": "product", "about": "sepsis", "field": f"{CARD}/ReleaseInfo/ReleaseStage", "value": "GA"}
    with book.house.database.changing(SYSTEM) as change:
        FACTS.add(change, FACTS.validated({**stated, "basis": "claim", "source": "the maker's letter"}))
    assert model_card.card_cells(tell(book.house, book.officer, "ward"))["ReleaseInfo/ReleaseStage"] == "GA"


def test_numbers_carry_interval_n_and_origin_and_a_claim_stands_apart(book):
    read = cells(book)
    goal = "KeyMetrics/UsefulnessUsabilityEfficacy/Results/MetricResult"
    labels = read[f"{goal}/Label"].splitlines()
    values = [json.loads(line) for line in read[f"{goal}/ValueJson"].splitlines()]

    assert labels == ["AUROC, local", "AUC (claimed: the maker's letter)"]
    assert {k: values[0][k] for k in ("estimate", "lower", "upper", "level", "n", "positives", "origin")} == {
        "estimate": 0.8, "lower": 0.75, "upper": 0.8500000000000001, "level": 0.95, "n": 1000, "positives": 100,
        "origin": "local",
    }  # fmt: skip
    assert values[0]["statement"] == f"sha256:{book.digest}"
    assert values[1] == {"kind": "single", "value": 0.99}
    assert read["KeyMetrics/SafetyReliability/Results/MetricResult/Label"] == "O:E ratio, local"
    assert read["KeyMetrics/FairnessEquity/Results/MetricResult/Label"].splitlines() == [
        "AUROC, sex F, local",
        "AUROC, sex M, local",
        "AUROC, race Z, local",
        "Difference in AUROC by sex, local",
        "1 more number in the statement, local",  # the ratio says what the difference says
        "race X: not shown, local",
        "race Y: not shown, local",
    ]


@pytest.mark.parametrize(("name", "ending"), EVERY)
def test_nothing_of_a_small_group_leaves_in_any_document(book, name, ending):
    text = document(book, name, ending).decode()

    for number_ in ("0.91", "0.837", "0.14"):  # 7 events; the group that would give them away; a difference from it
        assert not re.search(rf"(?<!\d){re.escape(number_)}(0*)(?!\d)", text), number_
    assert "race X" in text  # it is named, never dropped
    assert "0.77" in text
    assert "0.04" in text


@pytest.mark.parametrize(("name", "ending"), EVERY)
def test_every_document_says_from_which_statements_and_which_log_it_was_made(book, name, ending):
    made = generate(book.house, book.officer, "ward", name, ending)
    text = made.body.decode()

    assert book.digest in text
    assert made.told.log.root.hex() in text
    size = made.told.log.size
    assert f"log of {size} entries" in text or f'"size": {size}' in text or f'"value": "{size}"' in text
    assert made.file_name == f"sepsis-alert-1-2-0-{name}{ending}"


def test_a_card_is_read_back_to_the_same_values_and_its_gaps_to_nothing(book, tmp_path):
    out = tmp_path / "card.xml"
    write(book.house, book.officer, "ward", "chai", out)
    other = Book(tmp_path / "other")

    done = import_table(other.house, other.officer, read_table(out), "chai", lambda _done, _of: None)

    assert (done.created, done.rejected) == (1, [])
    with other.house.database.reading() as connection:
        use = next(one for one in USES.page(connection, limit=50).items if one.name == "Sepsis alert")
        product = PRODUCTS.get(connection, use.product)
        vendor = VENDORS.get(connection, product.vendor)
        facts = {one.field: one.value for one in FACTS.page(connection, limit=500).items}
    assert (use.purpose, use.population, use.users) == ("Finds sepsis early.", "Adults on a ward", "ward nurse")
    assert (product.name, product.model_type) == ("Sepsis alert", "gradient-boosted trees")
    assert (product.summary, product.submission) == ("Warns of sepsis.\nWithin six hours.", "K193283")
    assert (vendor.name, vendor.contact) == ("Vendor & Sons <Ltd>", "support@vendor.test")
    assert facts[f"{CARD}/Warnings/KnownBiasesOrEthicalConsiderations"] == "Late notes -- late risk"
    assert not any(is_gap(value) or GAP in value for value in facts.values())
    assert f"{CARD}/UsesAndDirections/HowToUse" not in facts
    # what it says of itself comes in once, however often it goes round
    again = model_card.card_cells(tell(other.house, other.officer, use.id))["Resources/EvaluationReferences"]
    assert again.count("Made by Codman from the registry") == 1


def test_a_bill_of_materials_is_read_back_to_the_same_values(book, tmp_path):
    out = tmp_path / "bom.json"
    write(book.house, book.officer, "ward", "cyclonedx", out)
    row = read_bytes(out.read_bytes(), "bom.json").rows[0].cells
    other = Book(tmp_path / "other")

    import_table(other.house, other.officer, read_table(out), "cyclonedx", lambda _done, _of: None)

    with other.house.database.reading() as connection:
        use = next(one for one in USES.page(connection, limit=50).items if one.name == "Sepsis alert")
        product = PRODUCTS.get(connection, use.product)
        [version] = [one for one in VERSIONS.page(connection, limit=50).items if one.product == product.id]
        vendor = VENDORS.get(connection, product.vendor)
    assert (use.purpose, use.users, vendor.name) == ("Finds sepsis early.", "ward nurse", "Vendor & Sons <Ltd>")
    assert (product.summary, product.model_type) == ("Warns of sepsis.\nWithin six hours.", "gradient-boosted trees")
    assert (version.label, version.digest) == ("1.2.0", "a" * 64)
    metrics = [json.loads(one) for one in row["modelCard/quantitativeAnalysis/performanceMetrics"].splitlines()]
    assert metrics[0] == {
        "type": "AUROC (origin local, n 1,000, interval 95 %)",
        "value": "0.8",
        "confidenceInterval": {"lowerBound": "0.75", "upperBound": "0.8500000000000001"},
    }


def test_source_attributes_stand_in_the_rules_order_each_with_whose_word_it_is(book):
    found = json.loads(document(book, "hti-1", ".json"))
    by_id = {one["id"]: one for part in ("predictive", "evidence_based") for one in found[part]["attributes"]}
    roman = ("i", "ii", "iii", "iv", "v")
    rule = [f"{n}.{r}" for n, count in enumerate((4, 4, 2, 4, 2, 4, 5, 4, 2), 1) for r in roman[:count]]

    assert [one["id"] for one in found["predictive"]["attributes"]] == rule
    assert [one["id"] for one in found["evidence_based"]["attributes"]] == [f"A.{n}" for n in range(1, 14)]
    assert sum(found["predictive"]["counts"].values()) == 31
    assert (by_id["2.i"]["state"], by_id["2.i"]["whose_word"]) == ("claim", "the record itself")
    assert (by_id["3.ii"]["state"], by_id["3.ii"]["whose_word"]) == ("document", "the maker's letter")
    assert (by_id["1.iv"]["state"], by_id["1.iv"]["answer"], by_id["1.iv"]["note"]) == ("missing", None, GAP)
    assert by_id["8.ii"]["state"] == "evidence"
    assert [m["name"] for m in by_id["8.ii"]["measurements"]] == ["AUROC", "O:E ratio"]
    assert by_id["8.iv"]["evidence"] == f"sha256:{book.digest}"
    assert {m["name"] for m in by_id["8.iv"]["measurements"]} == {
        "AUROC, sex F",
        "AUROC, sex M",
        "AUROC, race Z",
        "Difference in AUROC by sex",
    }
    assert by_id["7.i"]["state"] == "missing"  # a developer's numbers are not local ones


def test_the_page_fetches_nothing_and_shows_words_as_words(book):
    with book.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"purpose": "<script>alert(1)</script>"}, None)
    page = document(book, "hti-1", ".html").decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "default-src 'none'; style-src 'sha256-" in unescape(page)
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', page) == []


def test_what_nobody_signed_and_what_a_revoked_key_signed_is_no_evidence_but_is_counted(book):
    filed(book, bare(measurements=[number("auroc", 0.66, 500, 90)], evaluated_at="2026-10-31T12:00:00Z"))
    assert tell(book.house, book.officer, "ward").uncounted == 1
    with book.house.database.changing(SYSTEM) as change:
        key = next(one for one in KEYS.page(change.connection, limit=50).items if one.name == "pipeline")
        KEYS.change(change, key.id, {"revoked_from": "2026-01-01T00:00:00.000000Z"}, None)

    told = tell(book.house, book.officer, "ward")

    assert (told.evaluations, told.statements, told.uncounted) == ([], [], 2)
    goal = "KeyMetrics/SafetyReliability"
    assert f"{goal}/Results/MetricResult/Label" not in cells(book)
    assert model_card.card_cells(told)[f"{goal}/Results/MetricResult/Label"] == GAP
    assert "2 evaluations without a signature that counts: left out." in document(book, "chai").decode()


def test_an_answer_whose_statement_shows_another_version_is_a_claim_again(book):
    with book.house.database.changing(SYSTEM) as change:
        fact = {"about_kind": "use", "about": "ward", "field": "hti-1/8.ii", "value": "Measured in October."}
        basis = {"basis": "evidence", "source": "evaluation 1", "evidence": book.digest}
        FACTS.add(change, FACTS.validated(fact | basis), "fact-shown")
    assert tell(book.house, book.officer, "ward").answers["hti-1", "8.ii"].state is State.EVIDENCE
    with book.house.database.changing(SYSTEM) as change:
        VERSIONS.add(
            change, VERSIONS.validated({"product": "sepsis", "label": "2.0", "digest": "c" * 64}), "sepsis-200"
        )
        runs = {"use": "ward", "site": "north", "version": "sepsis-200", "mode": "live"}
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated(runs), "runs")

    told = tell(book.house, book.officer, "ward")
    answer = told.answers["hti-1", "8.ii"]

    assert told.title == "Sepsis alert 2.0"
    assert (answer.state, answer.source) == (State.CLAIM, "evaluation 1; about another version")
    assert told.answers[CARD, "ReleaseInfo/ReleaseDate"].state is State.MISSING  # 1.2.0 has one
    assert (told.evaluations, told.of_others) == ([], 1)


def test_the_version_at_the_most_sites_is_described_and_the_others_are_named(book):
    with book.house.database.changing(SYSTEM) as change:
        VERSIONS.add(
            change, VERSIONS.validated({"product": "sepsis", "label": "2.0", "digest": "c" * 64}), "sepsis-200"
        )
        for site, version, mode in (("north", "sepsis-120", "live"), ("south", "sepsis-200", "ended")):
            runs = {"use": "ward", "site": site, "version": version, "mode": mode}
            DEPLOYMENTS.add(change, DEPLOYMENTS.validated(runs), f"runs-{site}")
    told = tell(book.house, book.officer, "ward")
    assert (told.version.label, told.others) == ("1.2.0", ())
    with book.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "runs-south", {"mode": "live", "since": "2026-09-01"}, None)

    told = tell(book.house, book.officer, "ward")

    assert (told.version.label, told.others) == ("2.0", ("1.2.0",))


@given(st.text(max_size=60))
def test_whatever_somebody_wrote_stays_whole_xml(text):
    written = write_card({"BasicInfo/ModelName": model_card.clean(text)})

    assert etree.fromstring(written)[0][0].text in (model_card.clean(text), None)


def test_a_signers_name_does_not_break_the_card(book):
    filed(book, signed(book.registered("a---b"), measurements=NUMBERS, evaluated_at="2026-10-31T20:00:00Z"))

    root = etree.fromstring(document(book, "chai"))

    assert "signed by a---b (pipeline nightly)" in root.find("{*}Resources/{*}EvaluationReferences").text
    assert "signed by a- - -b (pipeline nightly)" in root.getprevious().text


def test_the_same_book_at_the_same_time_gives_the_same_bytes(book):
    for name, ending in EVERY:
        assert sha256(document(book, name, ending)) == sha256(document(book, name, ending))
    assert tell(book.house, book.officer, "ward").at.startswith(f"{START:%Y-%m-%d}")


def test_who_does_not_see_a_use_gets_no_document_of_it(book):
    far = Reader("p-two", "Officer two", (Held(Role.OFFICER, "/south/"),))
    with pytest.raises(NoSuchRecord):
        generate(book.house, far, "ward", "chai")
    only_export = Reader(
        "p-one", "One", (Held(Role.OFFICER),), scopes=frozenset({"inventory.read", "inventory.export"})
    )
    with pytest.raises(NotAllowed):
        generate(book.house, only_export, "ward", "chai")


def test_an_unknown_format_or_ending_leaves_no_file(book, tmp_path):
    for name, out in (("chai", "card.json"), ("hti-1", "page.pdf"), ("spdx", "x.json")):
        with pytest.raises(UnknownDocument):
            write(book.house, book.officer, "ward", name, tmp_path / out)
        assert not (tmp_path / out).exists()
