"""Which decision a use's page names as the one in force."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, cast

from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.flows.review.standing import last_granted, standing_case
from codman.spine.review import Case, CaseOutcome, Choice
from codman.spine.use import Stage

DAY = "2026-11-10"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[Committee]:
    made = Committee(tmp_path, database_url)
    made.evidence()
    yield made
    made.house.close()


def _closed(house: Committee, outcome: CaseOutcome, leads_to: Stage, *sites: str) -> Case:
    case = house.opened(quorum=3, leads_to=leads_to, sites=list(sites or ("north",)))
    house.seated(case)
    choice = Choice.REJECT if outcome is CaseOutcome.REJECTED else Choice.APPROVE
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, choice, reason="as shown")
    now = docket(house.house, house.person("chair"), case.id).case
    done = decide(house.house, house.person("chair"), case.id, now.revision, outcome, "as voted")
    house.clock.forward(hours=1)
    return done


def _stands(house: Committee) -> str | None:
    with house.house.database.reading() as connection:
        found = standing_case(connection, "ward", DAY)
    return None if found is None else found.id


def test_an_approval_that_was_rejected_since_is_no_longer_in_force(house: Committee) -> None:
    granted = _closed(house, CaseOutcome.APPROVED, Stage.LIVE)
    assert _stands(house) == granted.id

    _closed(house, CaseOutcome.REJECTED, Stage.LIVE)

    assert _stands(house) is None
    with house.house.database.reading() as connection:
        last = last_granted(connection, "ward")
    assert last is not None
    assert last.id == granted.id


def test_who_is_refused_to_go_live_goes_on_with_what_was_granted_below_it(house: Committee) -> None:
    pilot = _closed(house, CaseOutcome.APPROVED, Stage.PILOT)
    _closed(house, CaseOutcome.REJECTED, Stage.LIVE)
    assert _stands(house) == pilot.id


def test_a_rejection_at_one_site_leaves_what_stands_for_more(house: Committee) -> None:
    granted = _closed(house, CaseOutcome.APPROVED, Stage.LIVE, "north", "south")
    _closed(house, CaseOutcome.REJECTED, Stage.LIVE, "north")
    assert _stands(house) == granted.id
    _closed(house, CaseOutcome.REJECTED, Stage.LIVE, "north", "south")
    assert _stands(house) is None
