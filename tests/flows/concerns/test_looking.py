"""Nobody looks: the round reminds, escalates and counts work days down, each once; posters, counts and the throttle."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from ward import WORDS

from codman.flows.concerns import actions, export, following
from codman.flows.concerns.looking import job, look
from codman.flows.concerns.posters import made_for, make_poster, posted_at, poster, qr_code, take_back_posters
from codman.flows.concerns.raising import Place
from codman.flows.concerns.throttle import (
    COMMON,
    MOST_OF_ONE,
    WITHIN,
    Door,
    Throttle,
    TooManyConcerns,
    person_door,
    poster_door,
)
from codman.flows.schedule import jobs_of
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.nouns import DEPLOYMENTS
from codman.registry.records import NoSuchRecord
from codman.spine.concern import ActionKind, ConcernCategory, ConcernSeverity
from codman.spine.person import Role


def told_at(ward, hours: float, event: str) -> list[str]:
    before = len(ward.told(event))
    ward.clock.forward(hours=hours)
    look(ward.house)
    look(ward.house)
    return ward.told(event)[before:]


def test_halfway_the_clinician_is_reminded_once_and_at_its_time_it_goes_to_owner_and_officers(ward):
    name = ward.raised(severity=ConcernSeverity.HARM).concern.id  # to be seen within four hours

    assert told_at(ward, 1.9, "concern.reminder") == []
    assert told_at(ward, 0.2, "concern.reminder") == ["clin@example.org"]
    assert told_at(ward, 1.8, "concern.reminder") == []
    assert ward.concern(name).escalated_at is None
    everybody = ["clin@example.org", "owner@example.org", "p-one@example.org", "p-two@example.org"]
    assert sorted(told_at(ward, 0.2, "concern.overdue")) == everybody
    assert ward.concern(name).escalated_at == "2026-11-01T13:06:00.000000Z"
    assert told_at(ward, 1, "concern.overdue") == []
    assert sorted(told_at(ward, 24, "concern.overdue")) == everybody  # once each day until somebody has it


def test_what_somebody_has_in_hand_is_let_be(ward):
    one = ward.raised(severity=ConcernSeverity.HARM).concern
    following.acknowledge(ward.house, ward.person("clin"), one.id)
    ward.clock.forward(days=3)
    assert look(ward.house) == look(ward.house)
    assert ward.told("concern.overdue") == []


def test_a_report_is_counted_down_by_work_days_and_called_late_each_day_until_it_went_out(ward):
    one = ward.raised(severity=ConcernSeverity.SERIOUS).concern  # due on Monday 16 November
    following.acknowledge(ward.house, ward.person("clin"), one.id)
    days = {}
    for _ in range(18):
        day = ward.clock().date().isoformat()
        if told_at(ward, 0, "concern.clock"):
            days[day] = ward.messages()[-1][2].splitlines()[0].removesuffix(" (C-2026-0001)")
        ward.clock.forward(days=1)
    # five, two and one work day before (Veterans Day is none), on the day, then each day it is late
    assert days == {
        "2026-11-06": "A report is due",
        "2026-11-12": "A report is due",
        "2026-11-13": "A report is due",
        "2026-11-16": "A report is due",
        "2026-11-17": "A report is late",
        "2026-11-18": "A report is late",
    }
    now = ward.concern(one.id)
    following.meet_clock(ward.house, ward.person("chair"), one.id, now.revision, "2026-11-18")
    assert told_at(ward, 24, "concern.clock") == []


def test_an_action_is_reminded_of_before_its_day_and_its_officers_are_told_each_week_it_is_late(ward):
    one = ward.raised().concern
    following.acknowledge(ward.house, ward.person("clin"), one.id)
    args = (one.id, ActionKind.CORRECTIVE, "Mend the feed", "p-owner", "2026-11-10")
    given = actions.add_action(ward.house, ward.person("chair"), *args)
    assert told_at(ward, 5 * 24, "action.due") == []
    assert told_at(ward, 24, "action.due") == ["owner@example.org"]  # on the 7th
    assert told_at(ward, 3 * 24, "action.due") == []
    late = ["owner@example.org", "p-one@example.org", "p-two@example.org"]
    assert sorted(told_at(ward, 24, "action.due")) == late
    assert told_at(ward, 24, "action.due") == []
    assert sorted(told_at(ward, 6 * 24, "action.due")) == late
    actions.finish_action(ward.house, ward.person("owner"), given.id, given.revision, "Mended")
    assert told_at(ward, 14 * 24, "action.due") == []


def test_the_years_report_is_called_for_in_december_where_anything_was_reported(ward):
    one = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    ward.clock.at = datetime(2026, 12, 3, tzinfo=UTC)
    assert told_at(ward, 0, "concern.yearly") == []
    following.meet_clock(ward.house, ward.person("chair"), one.id, ward.concern(one.id).revision, "2026-11-10")
    assert told_at(ward, 0, "concern.yearly") == ["p-one@example.org", "p-two@example.org"]
    assert "FDA 3419, 803.33" in ward.messages()[-1][2]
    assert told_at(ward, 24 * 20, "concern.yearly") == []


def test_no_message_ever_holds_what_somebody_wrote(ward):
    one = ward.raised(severity=ConcernSeverity.SERIOUS, contact="Ann, ext. 4711").concern
    args = (one.id, ActionKind.CORRECTIVE, "Ask Mr Example", "p-owner", "2026-11-02")
    actions.add_action(ward.house, ward.person("chair"), *args)
    for _ in range(30):
        told_at(ward, 12, "concern.overdue")
    text = "\n".join(said for _to, _event, said in ward.messages())
    assert len(ward.messages()) > 30
    for words in (WORDS, "4711", "Example"):
        assert words not in text


def test_the_round_is_a_job_of_the_schedule(ward):
    assert job(ward.house).name in [one.name for one in jobs_of(ward.house)]


def test_a_poster_names_its_place_until_it_is_taken_back(ward):
    token = make_poster(ward.house, ward.officer, "d-north")
    found = posted_at(ward.house, token)
    assert found is not None
    assert (found.place, found.use, found.site) == (Place("ward", "north"), "Ward sepsis", "North")
    assert made_for(ward.house, ["d-north"]) == {"d-north": 1}
    sheet = poster(ward.house, token)
    assert sheet is not None
    assert (sheet.reaches, sheet.address.endswith(f"/concern/{token}")) == ("accountable clinician", True)

    assert take_back_posters(ward.house, ward.officer, "d-north") == 1
    assert posted_at(ward.house, token) is None
    assert poster(ward.house, token) is None


def test_a_forged_link_and_one_of_an_ended_deployment_name_nothing(ward):
    token = make_poster(ward.house, ward.officer, "d-north")
    assert posted_at(ward.house, token[:-1] + "x") is None
    assert posted_at(ward.house, "x" * 5000) is None
    ward.change(DEPLOYMENTS, "d-north", mode="ended")
    assert posted_at(ward.house, token) is None


def test_who_may_not_change_a_deployment_makes_no_poster_of_it(ward):
    for reader in (ward.person("viewer"), ward.person("stat")):
        with pytest.raises(NotAllowed):
            make_poster(ward.house, reader, "d-north")
    south = Reader("p-x", "X", (Held(Role.OFFICER, "/south/"),))
    with pytest.raises(NoSuchRecord):
        make_poster(ward.house, south, "d-north")


def test_a_code_is_a_drawing_without_scripts_styles_or_outside_references():
    drawing = qr_code("https://codman.hospital.org/concern/AbCdEfGhIjKlMnOpQrStUv")
    assert drawing.startswith("<svg")
    assert not re.search(r"style=|<script|href|url\(", drawing)
    # 58 bytes at level Q fit version 5 (60 of them), 37 modules a side, with a quiet zone of 4 (ISO/IEC 18004, table 7)
    assert 'viewBox="0 0 45 45"' in drawing


def test_counts_are_blinded_by_quarter_and_small_ones_are_not_told(ward):
    for _ in range(5):
        ward.raised(severity=ConcernSeverity.HARM)
    for _ in range(4):
        ward.raised(category=ConcernCategory.PRIVACY)
    assert export.cells(ward.house, ward.officer) == []  # the quarter is still running
    ward.clock.at = datetime(2027, 1, 1, tzinfo=UTC)
    ward.raised()

    found = export.cells(ward.house, ward.officer)
    assert [(one.quarter, one.category, one.severity, one.count) for one in found] == [
        ("2026-Q4", "it missed something", "harm", 5),
        ("2026-Q4", "privacy", "no harm", None),
    ]
    rows = list(csv.DictReader(io.StringIO(export.as_csv(found).decode())))
    assert [(row["count"], row["suppressed"]) for row in rows] == [("5", "no"), ("", "yes")]
    told = json.loads(export.as_json(found))
    assert (told["fewest"], len(told["cells"])) == (5, 2)
    everything = export.as_csv(found).decode() + export.as_json(found).decode()
    for secret in ("North", "north", "sepsis", "Sepsis", "crashed", "2026-11", "p-"):
        assert secret not in everything


def test_who_may_not_export_gets_no_counts_and_another_site_is_not_counted(ward):
    for _ in range(5):
        ward.raised()
    ward.clock.at = datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(NotAllowed):
        export.cells(ward.house, ward.person("stat"))
    assert export.cells(ward.house, Reader("p-x", "X", (Held(Role.OFFICER, "/south/"),))) == []


class Clock:
    now = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_an_address_that_sends_too_many_waits_and_others_do_not():
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(MOST_OF_ONE):
        throttle.pass_one("one")
    with pytest.raises(TooManyConcerns) as refused:
        throttle.pass_one("one")
    assert refused.value.retry_after_s == WITHIN.total_seconds() + 1
    throttle.pass_one("two")
    clock.now += WITHIN
    throttle.pass_one("one")


@pytest.mark.parametrize("door", [COMMON, poster_door("a-link"), person_door("person-1")])
def test_all_addresses_together_have_a_limit_at_each_door_and_a_flood_at_one_closes_no_other(door: Door):
    throttle = Throttle(Clock())
    for number in range(door.most):
        assert throttle.pass_one(f"address {number}", door) is False
    with pytest.raises(TooManyConcerns):
        throttle.pass_one("another", door)
    for other in (COMMON, poster_door("another-link"), person_door("person-2")):
        if other is not door:
            assert throttle.pass_one("address 0", other) is False


def test_one_that_says_harm_passes_in_a_flood_and_is_marked():
    throttle = Throttle(Clock())
    for _ in range(MOST_OF_ONE):
        assert throttle.pass_one("one", harm=True) is False
    assert throttle.pass_one("one", harm=True) is True
    with pytest.raises(TooManyConcerns):
        throttle.pass_one("one")


def test_an_address_is_forgotten_with_its_time():
    clock = Clock()
    throttle = Throttle(clock)
    throttle.pass_one("one")
    clock.now += WITHIN + timedelta(seconds=1)
    throttle.pass_one("two")
    assert list(throttle._of) == [("common", ""), ("common", "two")]
