"""Times on pages: those of the house's zone, which every page names once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fastapi.testclient import TestClient
from small_house import reader

from codman.registry.log import SYSTEM
from codman.registry.nouns import PEOPLE
from codman.settings import Settings
from codman.spine.person import PersonFields, Role
from codman.web.app import make_web
from codman.web.render import day, moment
from codman.wiring import open_house


def test_every_page_tells_times_and_days_by_the_houses_clock_and_names_it_once(tmp_path: Path) -> None:
    late = datetime(2026, 11, 16, 23, 30, tzinfo=UTC)  # already the next day in Zurich
    house = open_house(Settings(workspace=tmp_path, time_zone="Europe/Zurich"), lambda: late)
    with house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PersonFields(name="Officer 1"), "person-officer")
    app = make_web(house)
    app.state.reader_of = lambda _request: reader(Role.OFFICER)

    page = TestClient(app, base_url="http://localhost").get("/audit").text
    house.close()

    assert "17 Nov 2026, 00:30 CET" in page
    assert "UTC" not in page
    assert page.count("Times are those of Europe/Zurich.") == 1


def test_a_day_that_is_no_moment_is_the_same_in_every_zone() -> None:
    assert (day("2026-11-16"), day("2026-11-16T23:30:00Z"), day(None)) == ("16 Nov 2026", "16 Nov 2026", "–")
    assert moment("2026-11-16T23:30:00Z") == "16 Nov 2026, 23:30 UTC"
