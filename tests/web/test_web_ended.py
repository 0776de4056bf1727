"""What pages say once a decision is over: a use that is retired, and an approval that ended by itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))
from committee import Committee, cast
from seen_pages import pages_of

from codman.flows.papers import file_paper
from codman.flows.review.cases import docket, open_case
from codman.flows.review.deciding import decide
from codman.flows.review.staging import HAZARD_CHECK, move
from codman.flows.review.standing import standing_case
from codman.flows.work import waiting
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES
from codman.registry.records import BadField
from codman.spine.review import Case, CaseOutcome, Choice, Procedure
from codman.spine.site import DeploymentFields
from codman.spine.use import Decision, Stage


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Committee]:
    made = Committee(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"stage": "live", "owner": "p-owner"}, None)
        runs = DeploymentFields(use="ward", site="north", version="sepsis-120", mode="live", clinician="p-clin")
        DEPLOYMENTS.add(change, runs, "d-north")
    made.evidence()
    yield made
    made.house.close()


def plain(page: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


def voted(house: Committee, leads_to: Stage, choice: Choice = Choice.APPROVE) -> Case:
    """A case on which two reviewers have voted."""
    case = house.opened(quorum=2, leads_to=leads_to)
    house.seated(case)
    for name in ("stat", "safe"):
        cast(house.house, house.person(name), case.id, choice, reason="as shown")
    return docket(house.house, house.person("chair"), case.id).case


def closed(house: Committee, outcome: CaseOutcome, leads_to: Stage = Stage.LIVE) -> Case:
    now = voted(house, leads_to)
    return decide(house.house, house.person("chair"), now.id, now.revision, outcome, "as voted")


def retired(house: Committee) -> Case:
    said = {"about_kind": "use", "about": "ward", "title": "Check", "media_type": "text/plain"}
    file_paper(house.house, house.second, b"nobody depends on it", type=HAZARD_CHECK, **said)
    return closed(house, CaseOutcome.RETIRED, Stage.RETIRED)


def in_an_emergency(house: Committee) -> Case:
    asked = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "version": "sepsis-120", "why": "no bed"}
    case = open_case(house.house, house.officer, house.policy(), procedure=Procedure.EMERGENCY, quorum=1, **asked)
    why = "the ward is full and the old alert is down"
    return decide(house.house, house.person("chair"), case.id, case.revision, CaseOutcome.APPROVED, why)


def test_of_a_use_that_was_approved_and_then_retired_nothing_is_in_force_and_every_list_says_retired(
    house: Committee,
) -> None:
    closed(house, CaseOutcome.APPROVED)
    house.clock.forward(hours=1)
    retired(house)

    owner = pages_of(house.house, house.person("owner"))
    said = plain(owner.get("/uses/ward"))
    assert "Decision in force None: it was retired by decision on 1 Nov 2026 Under review" in said
    assert "Approved" not in said.split("What is known, with evidence")[0]
    assert "Retired by decision" in plain(owner.get("/inventory?decision=retired"))
    with house.house.database.reading() as connection:
        assert standing_case(connection, "ward", house.clock().date().isoformat()) is None
        use = USES.get(connection, "ward")
    assert use.decision is Decision.RETIRED

    again = move(house.house, house.officer, "ward", Stage.PROPOSED, use.revision, reason="it is needed after all")
    assert again.decision is Decision.UNDECIDED


def test_an_emergency_approval_that_ended_is_said_to_have_ended_and_when(house: Committee) -> None:
    in_an_emergency(house)
    owner = pages_of(house.house, house.person("owner"))
    assert "! Approved in an emergency" in plain(owner.get("/uses/ward"))

    house.clock.forward(days=31)

    assert "nothing, for it is less than now; it is not decided either" in plain(owner.get("/uses/ward"))
    for path in ("/uses/ward", "/inventory", "/products/sepsis", "/"):
        said = plain(owner.get(path))
        assert "! Emergency approval ended on 1 Dec 2026" in said, path
        assert "Approved in an emergency" not in said.split("What is known, with evidence")[0], path
    assert "Decision in force None: the emergency approval ended on 1 Dec 2026" in plain(owner.get("/uses/ward"))


def test_of_two_approvals_the_one_that_stands_is_said_though_a_newer_one_has_ended(house: Committee) -> None:
    closed(house, CaseOutcome.APPROVED)
    house.clock.forward(days=1)
    in_an_emergency(house)

    house.clock.forward(days=31)

    said = plain(pages_of(house.house, house.person("owner")).get("/uses/ward"))
    assert "✓ Approved " in said
    assert "ended on" not in said.split("What is known, with evidence")[0]


def test_a_retirement_has_no_day_on_which_it_ends_and_votes_say_that_it_is_this_which_is_approved(
    house: Committee,
) -> None:
    said = {"about_kind": "use", "about": "ward", "title": "Check", "media_type": "text/plain"}
    file_paper(house.house, house.second, b"nobody depends on it", type=HAZARD_CHECK, **said)
    now, chair = voted(house, Stage.RETIRED), house.person("chair")

    form = plain(pages_of(house.house, chair).get(f"/reviews/{now.id}/decide"))
    assert "approve that it retires" in form
    assert "It stands until" not in form
    page = pages_of(house.house, house.person("safe")).get(f"/reviews/{now.id}")
    assert "Approve that it retires, with conditions" in plain(page)
    with pytest.raises(BadField, match="a retirement does not run out"):
        decide(house.house, chair, now.id, now.revision, CaseOutcome.RETIRED, "as voted", expires_on="2027-01-01")

    done = decide(house.house, chair, now.id, now.revision, CaseOutcome.RETIRED, "as voted")
    assert done.expires_on is None
    printed = plain(pages_of(house.house, chair).get(f"/reviews/{now.id}/decision"))
    assert "Stands until no day: a retirement does not run out" in printed


def test_work_says_that_a_decision_has_ended_and_that_the_use_runs_undecided_since_then(house: Committee) -> None:
    in_an_emergency(house)
    house.clock.forward(days=31)

    with house.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"purpose": "as before"}, None)
    tasks = {name: waiting(house.house, house.person(name)) for name in ("owner", "chair")}

    said = [one.sentence for one in tasks["owner"] if "emergency decision" in one.sentence]
    assert said == ["The emergency decision that Ward sepsis runs on has ended"]
    (runs,) = [one for one in tasks["chair"] if "runs without a decision" in one.sentence]
    assert runs.since[:10] == "2026-12-01"


def test_what_is_known_of_a_use_names_the_version_that_each_statement_is_about(house: Committee) -> None:
    house.evidence(subject="c" * 64, version="2.0")

    said = plain(pages_of(house.house, house.person("owner")).get("/uses/ward"))
    known = said.partition("What is known, with evidence")[2]

    assert known.index("evaluation version 2.0") < known.index("evaluation version 1.2.0")
