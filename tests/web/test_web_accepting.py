"""What a clinician reads beside the button: the decision, its conditions, until when, of which version."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from axed import looked_at
from committee import Committee, cast
from seen_pages import pages_of

from codman.flows.change_control import change_round, day_round
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import docket, open_case
from codman.flows.review.deciding import decide
from codman.flows.work import waiting
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES, VERSIONS
from codman.spine.product import VersionFields
from codman.spine.review import CaseOutcome, Choice, Procedure
from codman.spine.site import DeploymentFields, Mode
from codman.spine.use import Stage
from codman.web.app import make_web
from on_a_port import on_a_port

ASKED = {"sentence": "Show equal sensitivity again", "owner": "p-owner", "due_on": "2027-02-01"}
OFFERED = re.compile(r'name="on" value="([^"]+)"')


def _made(folder: Path) -> Committee:
    """A house whose use runs silently at North, granted under a condition and not accepted."""
    made = Committee(folder)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high", "downtime_procedure": "by hand", "owner": "p-owner"}, None)
        runs = DeploymentFields(
            use="ward", site="north", version="sepsis-120", mode=Mode.SILENT, clinician="p-clin"
        )  # fmt: skip
        DEPLOYMENTS.add(change, runs, "d-north")
    made.evidence()
    return made


def _granted(house: Committee) -> str:
    case = house.opened(quorum=3)
    house.seated(case)
    chair = house.person("chair")
    add_condition(house.house, chair, case.id, ASKED)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(house.house, chair, case.id).case
    return decide(house.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "as voted").id


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    made = _made(tmp_path)
    yield made
    made.house.close()


def _plain(page: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


def _accepts(clinician: httpx.Client, page: str) -> httpx.Response:
    (on,) = OFFERED.findall(page)
    revision = re.findall(r'name="revision" value="(\d+)"', page)[0]
    return clinician.post("/deployments/d-north/accept", data={"on": on, "revision": revision})


@pytest.mark.parametrize("path", ["/", "/uses/ward"])
def test_beside_the_button_stands_what_is_accepted(house: Committee, path: str) -> None:
    _granted(house)

    said = _plain(pages_of(house.house, house.person("clin")).get(path))

    assert (
        "Version 1.2.0. Approved with conditions on 1 Nov 2026 up to live, until 1 Nov 2027, for North. The decision"
        in said
    )
    assert "On condition: Show equal sensitivity again (by 1 Feb 2027)" in said


def test_a_condition_that_lapsed_stays_beside_the_button(house: Committee) -> None:
    _granted(house)
    house.clock.forward(days=93)  # 2 Feb 2027, and it was due the day before
    day_round(house.house)

    said = _plain(pages_of(house.house, house.person("clin")).get("/"))

    assert "On condition: Show equal sensitivity again (lapsed: not met by 1 Feb 2027)" in said


def test_what_is_accepted_before_anybody_decided_is_asked_again_by_my_work_once_it_is_decided(house: Committee) -> None:
    clinician = pages_of(house.house, house.person("clin"))
    before = clinician.get("/uses/ward").text
    assert "No decision in force lets it run here yet" in before
    assert _accepts(clinician, before).status_code == 303
    assert not [one for one in waiting(house.house, house.person("clin")) if "Accept" in one.sentence]
    house.clock.forward(hours=1)

    _granted(house)

    tasks = [one.sentence for one in waiting(house.house, house.person("clin")) if "Accept" in one.sentence]
    assert tasks == ["Accept Ward sepsis at North again, since it was decided anew"]
    now = clinician.get("/uses/ward").text
    assert "Accepted before, and not since it was decided." in now
    house.clock.forward(hours=1)
    assert _accepts(clinician, now).status_code == 303
    assert not [one for one in waiting(house.house, house.person("clin")) if "Accept" in one.sentence]


def test_an_acceptance_on_a_page_from_before_the_decision_is_refused(house: Committee) -> None:
    clinician = pages_of(house.house, house.person("clin"))
    before = clinician.get("/uses/ward").text
    _granted(house)

    refused = _accepts(clinician, before)

    assert refused.status_code == 412
    assert "nother decision is in force at this site than on the page that was read" in _plain(refused)


def test_of_several_decisions_a_clinician_reads_the_one_about_the_version_that_is_there(house: Committee) -> None:
    _granted(house)
    house.clock.forward(hours=1)
    clinician = pages_of(house.house, house.person("clin"))
    with house.house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product="sepsis", label="2.0", digest="9" * 64), "sepsis-200")
    with house.house.database.changing(SYSTEM) as change:
        DEPLOYMENTS.change(change, "d-north", {"version": "sepsis-200"}, None)
    change_round(house.house)

    assert "No decision in force lets it run here yet" in clinician.get("/uses/ward").text

    asked = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-200", "why": "no bed"}
    case = open_case(house.house, house.officer, house.policy(), procedure=Procedure.EMERGENCY, quorum=1, **asked)
    why = "the ward is full and the old alert is down"
    decide(house.house, house.person("chair"), case.id, case.revision, CaseOutcome.APPROVED, why)
    house.clock.forward(hours=1)

    page = clinician.get("/uses/ward")
    assert "Version 2.0." in _plain(page)
    assert OFFERED.findall(page.text) == [case.id]
    assert _accepts(clinician, page.text).status_code == 303


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Any], Committee]]:
    """A house with a site to accept, and an emergency decision."""
    house = _made(tmp_path_factory.mktemp("accepting"))
    asked = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-120", "quorum": 1}
    case = open_case(house.house, house.officer, house.policy(), procedure=Procedure.EMERGENCY, **asked)
    decide(house.house, house.person("chair"), case.id, case.revision, CaseOutcome.REJECTED, "it harmed two last night")
    house.clock.forward(minutes=1)
    _granted(house)
    app, reader = make_web(house.house), {"now": house.person("clin")}
    app.state.reader_of = lambda _request: reader["now"]
    with on_a_port(app) as address:
        yield address, reader, house
    house.house.close()


@pytest.mark.parametrize(("who", "path"), [("clin", "/"), ("clin", "/uses/ward"), ("chair", "/attention")])
def test_axe_finds_nothing_wrong_and_nothing_is_cut(
    browser: Any, axe: str, served: tuple[str, dict[str, Any], Committee], who: str, path: str
) -> None:
    address, reader, house = served
    reader["now"] = house.person(who)
    looked_at(browser, axe, address + path)


def test_the_page_of_what_is_lacking_lists_each_emergency_decision(
    served: tuple[str, dict[str, Any], Committee],
) -> None:
    _, _, house = served

    said = _plain(pages_of(house.house, house.person("chair")).get("/attention"))

    assert "Each emergency decision of the last year, taken by one person" in said
    assert re.search(r"Ward sepsis\s*, live, .* live rejected 1 Nov 2026 Person chair", said)


def test_every_list_says_of_an_approval_that_it_was_in_an_emergency(house: Committee) -> None:
    asked = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-120", "why": "no bed"}
    case = open_case(house.house, house.officer, house.policy(), procedure=Procedure.EMERGENCY, quorum=1, **asked)
    why = "the ward is full and the old alert is down"
    decide(house.house, house.person("chair"), case.id, case.revision, CaseOutcome.APPROVED, why)

    owner, clinician = (pages_of(house.house, house.person(name)) for name in ("owner", "clin"))

    for path in ("/inventory", "/products/sepsis", "/"):
        assert "! Approved in an emergency" in _plain(owner.get(path)), path
    assert "Approved in an emergency on 1 Nov 2026 up to live" in _plain(clinician.get("/"))


def test_who_may_only_look_around_reads_what_waits_for_the_role_and_is_offered_no_button(house: Committee) -> None:
    _granted(house)
    clinician = house.person("clin")
    theirs = pages_of(house.house, clinician).get("/").text
    seen = pages_of(house.house, replace(clinician, read_only=True)).get("/").text

    assert "Waits for your acceptance" in theirs
    assert "Waits for your acceptance" in seen
    assert "<button>Accept" in theirs
    assert "<button>Accept" not in seen
    assert "You may only look around: this is what waits for who holds your role" in seen
