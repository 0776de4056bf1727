"""What evidence, a deployment or a decision hangs on is not edited; the rest by whoever may change the product."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from book import ARTEFACT, Book, bare

from codman.flows import records
from codman.flows.filing import file_evidence
from codman.flows.papers import file_paper
from codman.flows.triage import triage_again
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.fixed_fields import FixedField
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PRODUCTS, USES, VERSIONS
from codman.spine.person import Role
from codman.spine.product import ProductFields, VersionFields
from codman.spine.site import DeploymentFields
from codman.spine.use import UseFields

SOUTH = Reader("p-two", "Engineer of South", (Held(Role.ENGINEER, "/south/"),))
OTHER_OFFICER = Reader("p-two", "Officer 2", (Held(Role.OFFICER, "/"),))
OTHER = {"digest": "d" * 64}


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="Fall alert"), "fall")
        VERSIONS.add(change, VersionFields(product="fall", label="1"), "fall-1")
        USES.add(change, UseFields(product="fall", name="Falls", site="north"), "falls")
    yield made
    made.house.close()


def deploy(book, use="falls", version="fall-1"):
    with book.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.add(change, DeploymentFields(use=use, site="north", version=version, mode="silent"), "runs")


def version(book, name):
    with book.house.database.reading() as connection:
        return VERSIONS.get(connection, name)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (OTHER, "digest"),
        ({"digest": None}, "digest"),
        ({"digest": None, "descriptor": {"build": "7"}}, "digest"),
        ({"label": "1.3.0"}, "label"),
        ({"product": "fall"}, "product"),
    ],
)
def test_a_version_with_evidence_stays_the_artefact_that_was_measured(book, change, field):
    file_evidence(book.house, bare(), book.officer)

    with pytest.raises(FixedField, match="evidence is filed") as refused:
        records.change(book.house, book.officer, "version", "sepsis-120", change, 1)

    assert refused.value.field == field
    assert "new version" in refused.value.fix
    assert version(book, "sepsis-120").digest == ARTEFACT


@pytest.mark.parametrize("change", [OTHER, {"descriptor": {"vendor": "Other"}}])
def test_a_deployed_version_is_not_made_another_one(book, change):
    deploy(book)

    with pytest.raises(FixedField, match="deployed"):
        records.change(book.house, book.officer, "version", "fall-1", change, 1)


def test_what_does_not_say_which_artefact_it_is_may_be_corrected_still(book):
    file_evidence(book.house, bare(), book.officer)

    changed = records.change(book.house, book.officer, "version", "sepsis-120", {"change_note": "retrained"}, 1)

    assert changed.change_note == "retrained"


def test_a_version_nobody_relies_on_may_be_corrected_whole(book):
    changed = records.change(book.house, book.officer, "version", "fall-1", {**OTHER, "label": "1.0"}, 1)

    assert (changed.digest, changed.label) == ("d" * 64, "1.0")


@pytest.mark.parametrize("change", [OTHER, {"change_note": "ours"}])
def test_another_hospital_changes_no_version_of_a_product_it_does_not_use(book, change):
    with pytest.raises(NotAllowed):
        records.change(book.house, SOUTH, "version", "fall-1", change, 1)


def test_a_part_of_those_who_use_a_product_does_not_change_its_versions_for_all(book):
    with pytest.raises(NotAllowed):
        records.change(book.house, SOUTH, "version", "sepsis-120", {"change_note": "ours"}, 1)


def test_a_new_version_comes_from_somebody_who_uses_the_product(book):
    with pytest.raises(NotAllowed):
        records.create(book.house, SOUTH, "version", {"product": "fall", "label": "2", **OTHER})

    made = records.create(book.house, SOUTH, "version", {"product": "sepsis", "label": "1.3.0"})
    assert made.label == "1.3.0"


def test_a_use_with_evidence_or_a_deployed_version_keeps_its_product(book):
    file_evidence(book.house, bare(), book.officer)
    deploy(book)

    with pytest.raises(FixedField, match="evidence is filed"):
        records.change(book.house, book.officer, "use", "ward", {"product": "fall"}, 1)
    with pytest.raises(FixedField, match="deployed"):
        records.change(book.house, book.officer, "use", "falls", {"product": "sepsis"}, 1)
    moved = records.change(book.house, book.officer, "use", "ward-south", {"product": "fall"}, 1)
    assert moved.product == "fall"


def as_entered(book, **fields):
    with book.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", fields, None)


@pytest.mark.parametrize("to", ["medium", "low", None])
def test_no_one_person_lowers_a_tier_by_an_edit_even_where_nobody_triaged_the_use(book, to):
    as_entered(book, tier="high")

    with pytest.raises(FixedField, match="no one person lowers a tier"):
        records.change(book.house, book.officer, "use", "ward", {"tier": to}, 2)


def test_a_tier_that_nobody_triaged_may_be_raised_by_an_edit(book):
    as_entered(book, tier="low")

    assert records.change(book.house, book.officer, "use", "ward", {"tier": "high"}, 2).tier == "high"


@pytest.mark.parametrize(
    ("was", "to"),
    [
        ("high-impact", "not high-impact"),
        ("high-impact", "presumed high-impact, determined not"),
        ("high-impact", None),
        ("presumed high-impact, determined not", "not high-impact"),
    ],
)
def test_nobody_lowers_the_impact_alone_but_by_a_determination_that_another_has_filed(book, was, to):
    as_entered(book, impact=was)

    def lowered():
        return records.change(book.house, book.officer, "use", "ward", {"impact": to}, 2)

    with pytest.raises(FixedField, match="no one person, and no file"):
        lowered()
    determined(book, book.officer)
    with pytest.raises(FixedField, match="no one person, and no file"):
        lowered()
    determined(book, OTHER_OFFICER)
    assert lowered().impact == to


@pytest.mark.parametrize(
    "since",
    [
        lambda book: as_entered(book, purpose="It orders the antibiotics itself"),
        lambda book: as_entered(book, impact="high-impact"),
        lambda book: deploy(book, "ward", "sepsis-120"),
    ],
)
def test_a_determination_of_what_a_use_was_before_lowers_no_impact_today(book, since):
    as_entered(book, impact="not high-impact")
    determined(book, OTHER_OFFICER)
    since(book)
    as_entered(book, impact="high-impact")
    with book.house.database.reading() as connection:
        revision = USES.get(connection, "ward").revision

    def lowered():
        return records.change(book.house, book.officer, "use", "ward", {"impact": None}, revision)

    with pytest.raises(FixedField, match="no one person, and no file") as refused:
        lowered()
    assert "of the use as it is now" in refused.value.fix
    determined(book, OTHER_OFFICER, "of today")
    assert lowered().impact is None


def test_nobody_makes_a_determination_of_what_another_filed_as_something_else(book):
    as_entered(book, impact="high-impact")
    about = {"about_kind": "use", "about": "ward", "type": "minutes", "title": "What was said"}
    paper = file_paper(book.house, OTHER_OFFICER, b"minutes", media_type="text/plain", **about)
    records.change(book.house, book.officer, "document", paper.id, {"type": "impact-determination"}, paper.revision)

    with pytest.raises(FixedField, match="no one person, and no file"):
        records.change(book.house, book.officer, "use", "ward", {"impact": None}, 2)


def test_the_impact_may_be_raised_by_an_edit(book):
    as_entered(book, impact="not high-impact")

    assert records.change(book.house, book.officer, "use", "ward", {"impact": "high-impact"}, 2).impact == "high-impact"


def determined(book, who, said=""):
    about = {"about_kind": "use", "about": "ward", "type": "impact-determination", "title": "Why it is not"}
    file_paper(book.house, who, f"by {who.person} {said}".encode(), media_type="text/plain", **about)


def test_what_still_stands_at_a_site_is_not_retired_by_an_edit_and_what_ended_everywhere_is(book):
    as_entered(book, stage="live", decision="undecided (legacy)")
    deploy(book, "ward", None)

    with pytest.raises(FixedField, match="still there at a site"):
        records.change(book.house, book.officer, "use", "ward", {"stage": "retired"}, 2)
    with book.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "runs", {"mode": "ended"}, None)
    assert records.change(book.house, book.officer, "use", "ward", {"stage": "retired"}, 2).stage == "retired"


def test_what_was_decided_elsewhere_neither_reaches_further_nor_becomes_undecided_by_an_edit(book):
    as_entered(book, stage="pilot", decision="approved")

    for patch in ({"stage": "live"}, {"decision": "undecided (legacy)"}, {"decision": "approved with conditions"}):
        with pytest.raises(FixedField):
            records.change(book.house, book.officer, "use", "ward", patch, 2)
    assert records.change(book.house, book.officer, "use", "ward", {"stage": "silent"}, 2).stage == "silent"


def test_a_use_that_was_triaged_here_does_not_become_one_that_ran_before_anybody_asked(book):
    triage_again(book.house, book.officer, "ward")
    use = records.get(book.house, book.officer, "use", "ward")

    found = {"stage": "live", "decision": "undecided (legacy)"}
    with pytest.raises(FixedField, match="triaged here"):
        records.change(book.house, book.officer, "use", "ward", found, use.revision)
