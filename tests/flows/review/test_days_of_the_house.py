"""What is due on a day, or stands until one, goes by the day of the house's own zone, east and west of UTC."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, cast

from codman.flows.records import accept_deployment
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import docket
from codman.flows.review.conditions import look
from codman.flows.review.deciding import decide
from codman.flows.review.pausing import propose
from codman.flows.review.staging import move, standing_of_use
from codman.flows.review.standing import standing_case
from codman.flows.work import waiting
from codman.registry.access import Reader
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, USES
from codman.registry.records import BadField
from codman.registry.related import deployments_of
from codman.review.stages import must_stop
from codman.spine.review import Case, CaseOutcome, Choice
from codman.spine.site import DeploymentFields
from codman.spine.use import Stage

ZONES = ("America/Chicago", "Pacific/Auckland")  # in November 6 hours behind UTC, and 13 before
SECOND = timedelta(seconds=1)


@pytest.fixture(params=ZONES)
def house(tmp_path, monkeypatch, request):
    monkeypatch.setenv("CODMAN_TIME_ZONE", request.param)
    made = Committee(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"tier": "high", "downtime_procedure": "Score by hand"}, None)
        runs = DeploymentFields(use="ward", site="north", version="sepsis-120", mode="silent", clinician="p-clin")
        DEPLOYMENTS.add(change, runs, "d-north")
    made.evidence()
    yield made
    made.house.close()


def midnight(house: Committee, day: str) -> datetime:
    """When a day begins where the house is, worked from its name and not by the code under test."""
    hours = {"America/Chicago": 6, "Pacific/Auckland": -13}[house.house.settings.time_zone]
    return datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(hours=hours)


def decided(house: Committee, *, due_on: str | None = None, expires_on: str | None = None) -> Case:
    case = house.opened(quorum=3)
    house.seated(case)
    if due_on is not None:
        asked = {"sentence": "Show it again", "owner": "p-owner", "due_on": due_on}
        add_condition(house.house, house.person("chair"), case.id, asked)
    choice = Choice.APPROVE if due_on is None else Choice.WITH_CONDITIONS
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, choice)
    now = docket(house.house, house.person("chair"), case.id).case
    outcome = CaseOutcome.APPROVED if due_on is None else CaseOutcome.CONDITIONAL
    chair: Reader = house.person("chair")
    return decide(house.house, chair, case.id, now.revision, outcome, "as voted", expires_on=expires_on)


def goes_live(house: Committee) -> None:
    with house.house.database.reading() as connection:
        use, run = USES.get(connection, "ward"), DEPLOYMENTS.get(connection, "d-north")
    accept_deployment(house.house, house.person("clin"), "d-north", run.revision)
    move(house.house, house.person("chair"), "ward", Stage.LIVE, use.revision)


def test_a_condition_lapses_when_its_day_is_over_where_the_house_is(house):
    decided(house, due_on="2026-11-20")

    house.clock.at = midnight(house, "2026-11-21") - SECOND
    assert look(house.house).lapsed == ()
    house.clock.at += SECOND
    assert len(look(house.house).lapsed) == 1


def test_a_decision_ends_as_the_day_begins_where_the_house_is(house):
    case = decided(house, expires_on="2026-11-20")
    goes_live(house)

    def stands() -> tuple[bool, str | None, int]:
        with house.house.database.reading() as connection:
            use = USES.get(connection, "ward")
            by_day = standing_case(connection, "ward", house.house.database.today().isoformat())
            known = standing_of_use(connection, use, deployments_of(connection, "ward"), house.house.database.zone)
        return by_day is not None, must_stop(known, house.clock().isoformat()), propose(house.house)[0]

    house.clock.at = midnight(house, "2026-11-20") - SECOND
    assert stands() == (True, None, 0)
    house.clock.at += SECOND
    ended = "Its ordinary decision ended on 20 Nov 2026, and no other covers live."
    assert stands() == (False, ended, 1)
    assert case.expires_on == "2026-11-20"


def test_a_decision_stands_from_the_house_s_tomorrow(house):
    house.clock.at = midnight(house, "2026-11-05") + timedelta(hours=23, minutes=59)

    with pytest.raises(BadField, match="from tomorrow"):
        decided(house, expires_on="2026-11-05")


def test_what_runs_since_a_day_runs_since_the_house_s_own(house):
    decided(house)
    house.clock.at = midnight(house, "2026-11-06") - SECOND
    goes_live(house)

    with house.house.database.reading() as connection:
        assert USES.get(connection, "ward").stage_since == "2026-11-05"
        assert DEPLOYMENTS.get(connection, "d-north").since == "2026-11-05"


def test_work_is_late_once_its_day_is_over_where_the_house_is(house):
    decided(house, due_on="2026-11-20")

    def late() -> list[bool]:
        now = house.clock().astimezone(house.house.database.zone)
        return [one.late(now) for one in waiting(house.house, house.person("owner")) if one.due_on == "2026-11-20"]

    house.clock.at = midnight(house, "2026-11-21") - SECOND
    assert late() == [False]
    house.clock.at += SECOND
    assert late() == [True]


def test_moments_stay_in_utc_whatever_the_zone(house):
    case = decided(house)

    assert datetime.fromisoformat(case.decided_at).utcoffset() == timedelta(0)
    assert datetime.fromisoformat(case.decided_at) == datetime(2026, 11, 1, 9, tzinfo=UTC)
    assert house.house.database.zone == ZoneInfo(house.house.settings.time_zone)
