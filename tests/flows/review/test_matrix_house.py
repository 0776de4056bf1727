"""The matrix of the house says of each use what the use's own matrix says."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "review"))
from committee import Committee, auroc
from intake_answers import SEPSIS

from codman.flows.intake import begin
from codman.flows.intake_submit import submit
from codman.flows.review.cases import open_case
from codman.flows.review.excluding import agree, say_not_applicable
from codman.flows.review.matrix import controls_of, policies_asked
from codman.flows.review.matrix_house import controls_of_house
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.documents import DocumentFields, FactFields
from codman.registry.log import SYSTEM
from codman.registry.nouns import DOCUMENTS, FACTS, PRODUCTS, USES
from codman.review.controls import Standing
from codman.review.controls_house import HouseMatrix
from codman.review.packs.framework import framework
from codman.review.triage.rules import current_rules
from codman.spine.person import Role
from codman.spine.policy import Checkpoint, Policy
from codman.spine.use import Stage


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        PRODUCTS.change(change, "sepsis", {"kind": "built", "summary": "Warns of sepsis"}, None)
        USES.change(change, "ward", {"tier": "high", "stage": "live", "purpose": "Warns the ward nurse"}, None)
        for field, basis in (("hti-1/1.i", "claim"), ("nist-ai-rmf/GOVERN-1.1", "document"), ("hti-1/4.i", "evidence")):
            said = {"about_kind": "use", "about": "ward", "field": field, "value": "so", "basis": basis, "source": "us"}
            FACTS.add(change, FactFields.model_validate(said))
        paper = {"about_kind": "product", "about": "sepsis", "type": "monitoring-plan", "title": "Plan"}
        paper |= {"digest": "c" * 64, "size": 1, "media_type": "text/plain"}
        DOCUMENTS.add(change, DocumentFields.model_validate(paper))
    made.evidence(auroc(0.8, 0.78, 0.82))
    yield made
    made.house.close()


def of_house(house: Committee, reader: Reader, on: date) -> HouseMatrix:
    with house.house.database.reading() as connection:
        return controls_of_house(house.house, reader, connection, on)


@pytest.mark.parametrize("day", ["2026-11-01", "2026-10-31"])
def test_the_house_says_of_each_use_what_its_own_matrix_says(house, day):
    on = date.fromisoformat(day)
    found = of_house(house, house.officer, on)

    assert set(found.uses) == {"ward", "ward-south"}
    for use, standings in zip(found.uses, found.standings, strict=True):
        own = {
            f"{row.framework.framework}/{row.control.id}": row.standing
            for row in controls_of(house.house, house.officer, use, on=on)
        }
        theirs = dict(zip((tally.name for tally in found.controls), map(Standing, standings), strict=True))
        assert {n: s for n, s in theirs.items() if s != own[n]} == {}


def test_what_was_filed_on_a_day_does_not_count_on_the_day_before(house):
    now = of_house(house, house.officer, date(2026, 11, 1)).framework_counts()["nist-ai-rmf"]
    before = of_house(house, house.officer, date(2026, 10, 31)).framework_counts()["nist-ai-rmf"]
    assert now[Standing.DOCUMENT] > 0
    assert before[Standing.DOCUMENT] == before[Standing.EVIDENCE] == 0


def test_who_sees_one_hospital_sees_its_uses_alone(house):
    south = Reader("p-idle", "Person idle", (Held(Role.REVIEWER, "/south/"),))
    assert of_house(house, south, date(2026, 11, 1)).uses == ("ward-south",)
    with pytest.raises(NotAllowed):
        of_house(house, Reader("p-none", "Nobody", ()), date(2026, 11, 1))


def both(house: Committee, use: str, control: str, *, on: date = date(2026, 11, 1)) -> tuple[Standing, str]:
    """How a control of a use stands in its own matrix and in the house's, which say the same."""
    own = next(r for r in controls_of(house.house, house.officer, use, on=on) if r.name == control)
    found = of_house(house, house.officer, on)
    place = [tally.name for tally in found.controls].index(control)
    assert Standing(found.standings[found.uses.index(use)][place]) is own.standing
    return own.standing, own.why


def test_what_triage_found_not_to_be_asked_is_not_applicable_with_its_reason(house):
    owner = house.person("owner")
    rule_based = SEPSIS | {"trained": "no", "demographic_inputs": ["none"], "owner": "p-owner"}
    made = begin(house.house, owner, rule_based)
    use = submit(house.house, owner, made.id, made.revision).use.id

    assert both(house, use, "hti-1/4.i") == (
        Standing.NOT_APPLICABLE,
        "Triage of 1 Nov 2026: it is no predictive decision support intervention (HTI-1: not a predictive DSI).",
    )
    assert both(house, use, "section-1557/c")[0] is Standing.NOT_APPLICABLE
    assert "it takes in no protected ground" in both(house, use, "section-1557/b")[1]
    assert both(house, use, "section-1557/a")[0] is Standing.OPEN  # it binds whatever a tool takes in
    assert both(house, use, "fda-pccp/protocol")[0] is Standing.NOT_APPLICABLE
    assert both(house, use, "eu-ai-act/Art-26.1")[0] is Standing.NOT_APPLICABLE
    assert both(house, "ward", "fda-pccp/protocol")[0] is Standing.OPEN  # nobody triaged it


def test_what_an_answer_could_still_change_and_what_triage_found_stay_asked(house):
    owner = house.person("owner")
    made = begin(house.house, owner, SEPSIS | {"owner": "p-owner", "device": "not known"})
    use = submit(house.house, owner, made.id, made.revision).use.id

    assert both(house, use, "fda-pccp/protocol")[0] is Standing.OPEN
    assert both(house, use, "section-1557/c")[0] is not Standing.NOT_APPLICABLE
    assert both(house, use, "hti-1/4.i")[0] is not Standing.NOT_APPLICABLE


def test_every_control_that_a_scheme_spares_is_one_of_its_framework():
    for scheme in current_rules().schemes:
        if scheme.spares is not None:
            named = framework(scheme.spares.framework, date(2026, 11, 1))
            assert all(named.under(control) for control in scheme.spares.controls)


def test_what_two_people_said_not_to_apply_is_not_applicable_from_then_on(house):
    asks = policies_asked_of(house, "ward")
    cited = Counter(control for policy in asks for r in policy.requires for control in r.controls)
    control, policy, requirement = next(
        (control, policy, r)
        for policy in asks
        for r in policy.requires
        for control in r.controls
        if policy.checkpoint is Checkpoint.GO_LIVE and r.asked_as == "document" and cited[control] == 1
    )
    assert both(house, "ward", control)[0] is Standing.OPEN
    case = open_case(
        house.house, house.person("owner"), policy, use="ward", leads_to=Stage.LIVE, sites=["north"],
        version="sepsis-120",
    )  # fmt: skip
    why = "No patient meets it: it orders the supplies of the ward"
    one = say_not_applicable(house.house, house.person("owner"), case.id, requirement.id, why)
    agree(house.house, house.person("chair"), one.id, one.revision)

    standing, said = both(house, "ward", control)
    assert (standing, why in said) == (Standing.NOT_APPLICABLE, True)
    assert both(house, "ward", control, on=date(2026, 10, 31))[0] is Standing.OPEN


def policies_asked_of(house: Committee, name: str) -> list[Policy]:
    with house.house.database.reading() as connection:
        use = USES.get(connection, name)
        product = PRODUCTS.get(connection, use.product)
    return list(policies_asked(house.house, use, product, "binary", None, house.clock()))


def test_evidence_about_a_use_that_the_book_does_not_know_shows_nothing_of_the_products_uses(tmp_path):
    book = Committee(tmp_path)
    before = of_house(book, book.officer, date(2026, 11, 1)).standings
    book.evidence(auroc(0.8, 0.78, 0.82), use="Somebody else's ward")
    after = of_house(book, book.officer, date(2026, 11, 1)).standings
    book.house.close()

    assert after == before
