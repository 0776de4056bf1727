"""A concern has a number to say on the phone; it stays in sight until it is closed; all who answer hear of a pause."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Thread

import pytest
from ward import NORTH, WORDS

from codman.flows import records
from codman.flows.concerns import following
from codman.flows.concerns.actions import close
from codman.flows.concerns.numbers import number_in
from codman.flows.concerns.raising import Place
from codman.flows.concerns.reading import concern_of_number, list_concerns
from codman.flows.task import Duty, Task
from codman.flows.work import waiting
from codman.registry.access import Held, Reader
from codman.registry.governance import CONCERNS
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, USES
from codman.registry.records import BadField, NoSuchRecord
from codman.spine.concern import ConcernSeverity, Pause
from codman.spine.person import Role
from codman.spine.site import DeploymentFields, Mode

HARM = {"severity": ConcernSeverity.HARM}


def concerns_of(ward, reader: Reader) -> list[tuple[Duty, str]]:
    return [(one.duty, one.sentence) for one in waiting(ward.house, reader) if one.at.startswith("/incidents/")]


def south_clinician(ward) -> Reader:
    """Whoever answers for the same use at another site, and sees no concern of the north."""
    with ward.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-stat", {"email": "stat@example.org"}, None)
        runs = DeploymentFields(use="ward", site="south", version="sepsis-120", mode="live", clinician="p-stat")
        DEPLOYMENTS.add(change, runs, "d-south")
    return Reader("p-stat", "Of the south", (Held(Role.VIEWER, "/south/"),))


def test_numbers_count_up_within_a_year_and_begin_again_with_the_next(ward):
    assert [ward.raised().concern.number for _ in range(3)] == ["C-2026-0001", "C-2026-0002", "C-2026-0003"]
    ward.clock.forward(days=61)  # into January
    assert ward.raised().concern.number == "C-2027-0001"


def test_the_ten_thousandth_of_a_year_has_a_number_of_five_digits_and_the_next_follows_it(ward):
    one = ward.raised().concern
    ward.change(CONCERNS, one.id, number="C-2026-9999")
    assert [ward.raised().concern.number for _ in range(2)] == ["C-2026-10000", "C-2026-10001"]


def test_concerns_that_come_at_once_have_numbers_of_their_own(ward):
    made: list[str | None] = []
    threads = [Thread(target=lambda: made.append(ward.raised().concern.number)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [f"C-2026-000{number}" for number in range(1, 7)]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("C-2026-0041", "C-2026-0041"),
        (" c 2026 41 ", "C-2026-0041"),
        ("2026/41", "C-2026-0041"),
        ("C-2026-10041", "C-2026-10041"),
        ("C-2026-0000", None),
        ("41", None),
        ("concern-01m7zyqy03nk2vb7drt2", None),
    ],
)
def test_a_number_is_understood_as_people_write_it(said, meant):
    assert number_in(said) == meant


def test_who_may_read_a_concern_finds_it_by_its_number_and_a_stranger_learns_nothing(ward):
    one = ward.raised().concern
    for reader in (ward.officer, Reader("p-clin", "Its clinician", (Held(Role.VIEWER, "/"),))):
        assert concern_of_number(ward.house, reader, "c 2026 1") == one.id
    with pytest.raises(NoSuchRecord) as there:
        concern_of_number(ward.house, ward.person("viewer"), "C-2026-0001")
    with pytest.raises(NoSuchRecord) as none:
        concern_of_number(ward.house, ward.person("viewer"), "C-2026-0002")
    assert str(there.value).replace("0001", "0002") == str(none.value)


def test_a_list_is_narrowed_to_a_number(ward):
    ward.raised()
    second = ward.raised().concern
    found = list_concerns(ward.house, ward.officer, where={"number": ["C-2026-0002"]})
    assert [one.id for one in found.items] == [second.id]


def test_the_mail_about_a_concern_says_its_number_in_the_subject(ward):
    ward.raised()
    ((_to, _event, text),) = ward.messages()
    assert text.splitlines()[0] == "Concern: no harm (C-2026-0001)"


def test_who_may_close_a_concern_keeps_it_in_their_work_until_it_is_closed(ward):
    name = ward.raised().concern.id
    assert concerns_of(ward, ward.officer) == []  # its clinician is asked first
    following.acknowledge(ward.house, ward.person("clin"), name)

    theirs = "A concern about Ward sepsis: P-clin has it in hand since 1 Nov 2026, and it is not closed (C-2026-0001)"
    own = "A concern about Ward sepsis: you have it in hand since 1 Nov 2026, and it is not closed (C-2026-0001)"
    with ward.house.database.reading() as connection:
        named = PEOPLE.get(connection, "p-clin").name
    assert concerns_of(ward, ward.officer) == [(Duty.SEE_THROUGH, theirs.replace("P-clin", named))]
    assert concerns_of(ward, ward.person("clin")) == [(Duty.SEE_THROUGH, own)]
    assert concerns_of(ward, ward.person("owner")) == []  # they answer for the use, and close nothing about it
    assert concerns_of(ward, ward.person("viewer")) == []

    now = ward.concern(name)
    close(ward.house, ward.officer, name, now.revision, "The ward list was old")
    assert concerns_of(ward, ward.officer) == concerns_of(ward, ward.person("clin")) == []


def test_a_concern_that_nobody_took_in_time_comes_to_the_office_too(ward):
    name = ward.raised().concern.id
    ward.change(CONCERNS, name, escalated_at="2026-11-03T09:00:00.000000Z")
    ((duty, sentence),) = concerns_of(ward, ward.officer)
    assert (duty, "no harm" in sentence) == (Duty.CONCERN, True)


def test_a_pause_that_harm_proposes_is_told_to_the_owner_every_sites_clinician_and_the_officers(ward):
    south_clinician(ward)
    ward.raised(**HARM)
    told = {to: text for to, event, text in ward.messages() if event == "concern.pause"}
    assert sorted(told) == ["owner@example.org", "p-one@example.org", "p-two@example.org", "stat@example.org"]
    assert "clin@example.org" not in told  # the first word about it told them of the pause
    assert "harm" in told["p-one@example.org"]
    for said in ("harm", "C-2026", "North", WORDS):  # the clinician of the south may not see the concern
        assert said not in told["stat@example.org"]
    assert "Until somebody takes it or declines it, the use runs" in told["stat@example.org"]


@pytest.mark.parametrize("severity", [ConcernSeverity.HARM, ConcernSeverity.SERIOUS])
def test_harm_that_is_learned_later_proposes_a_pause_and_is_told_as_if_it_had_been_raised_so(ward, severity):
    one = ward.raised(severity=ConcernSeverity.UNKNOWN).concern
    now = following.amend(ward.house, ward.person("chair"), one.id, {"severity": severity.value}, one.revision)

    assert (now.pause, now.pause_by, now.pause_at is not None) == (Pause.PROPOSED, None, True)
    ((_to, _event, text),) = [each for each in ward.messages() if each[1] == "concern.worse"]
    assert ward.told("concern.worse") == ["clin@example.org"]
    assert "A pause of this use is proposed: take it or decline it there." in text
    assert ("A duty to report may run until 16 Nov 2026." in text) is (severity is ConcernSeverity.SERIOUS)
    assert ward.told("concern.pause") == ["owner@example.org", "p-one@example.org", "p-two@example.org"]


def test_harm_that_turns_out_serious_proposes_anew_the_pause_that_was_declined(ward):
    chair = ward.person("chair")
    one = ward.raised(**HARM).concern
    kept = following.decline_pause(ward.house, chair, one.id, one.revision, "One site alone")
    same = following.amend(ward.house, chair, one.id, {"event_reference": "RL-77"}, kept.revision)
    assert same.pause is Pause.DECLINED
    worse = following.amend(ward.house, chair, one.id, {"severity": "serious harm or death"}, same.revision)
    assert (worse.pause, worse.pause_why) == (Pause.PROPOSED, None)


def test_harm_that_is_put_to_a_use_later_proposes_a_pause_of_it_and_a_near_miss_proposes_none(ward):
    chair = ward.person("chair")
    one = ward.raised(Place(), **HARM).concern
    assert following.amend(ward.house, chair, one.id, {"use": "ward"}, one.revision).pause is Pause.PROPOSED
    assert "owner@example.org" in ward.told("concern.pause")

    other = ward.raised(severity=ConcernSeverity.UNKNOWN).concern
    patch = {"severity": "near miss"}
    assert following.amend(ward.house, chair, other.id, patch, other.revision).pause is None
    assert ward.told("concern.worse") == []


def test_a_pause_that_is_taken_or_declined_is_told_to_all_but_who_did_it(ward):
    south_clinician(ward)
    one = ward.raised().concern
    now = following.propose_pause(ward.house, ward.person("clin"), one.id, one.revision)
    before = len(ward.told("concern.pause"))
    now = following.decline_pause(ward.house, ward.person("chair"), one.id, now.revision, "One site alone")
    all_but = ["clin@example.org", "owner@example.org", "p-one@example.org", "p-two@example.org", "stat@example.org"]
    assert sorted(ward.told("concern.pause")[before:]) == all_but

    before = len(ward.told("concern.pause"))
    done = following.take_pause(ward.house, ward.person("owner"), one.id, now.revision, "Again at night")
    assert (done.pause, done.pause_by, done.pause_why) == (Pause.TAKEN, "p-owner", "Again at night")
    told = sorted(ward.told("concern.pause")[before:])
    assert told == [to for to in all_but if to != "owner@example.org"]


def test_a_concern_to_be_seen_within_hours_is_due_at_its_moment_and_not_at_the_end_of_its_day(ward):
    ward.raised(**HARM)  # at 9, to be seen by 13
    (task,) = [one for one in waiting(ward.house, ward.person("clin")) if one.duty is Duty.CONCERN]
    said = {}
    for hour, minute in ((9, 30), (10, 0), (12, 35), (13, 1), (15, 20)):
        now = datetime(2026, 11, 1, hour, minute, tzinfo=UTC)
        said[f"{hour}:{minute:02}"] = (task.hours(now), task.late(now))
    assert said == {
        "9:30": ("in 3 hours", False),
        "10:00": ("in 3 hours", False),
        "12:35": ("in 25 minutes", False),
        "13:01": ("1 minute late", True),
        "15:20": ("2 hours late", True),
    }


def test_what_is_due_by_a_day_or_in_more_than_two_days_says_no_hours():
    now = datetime(2026, 11, 1, 9, tzinfo=UTC)
    by_day = Task(duty=Duty.ACTION, sentence="s", at="/", since="2026-10-01", due_on="2026-11-01")
    far = Task(duty=Duty.CONCERN, sentence="s", at="/", since="2026-10-01", due_at="2026-11-03T09:00:00Z")
    assert (by_day.hours(now), by_day.late(now), far.hours(now)) == (None, False, None)


def test_a_duty_to_report_is_due_when_its_last_day_ends_where_the_house_is(ward):
    one = ward.raised(NORTH, severity=ConcernSeverity.SERIOUS).concern  # to be reported by Monday 16 November
    now = following.acknowledge(ward.house, ward.person("clin"), one.id)
    following.decline_pause(ward.house, ward.officer, one.id, now.revision, "Seen at once")
    (task,) = [one for one in waiting(ward.house, ward.officer) if one.duty is Duty.SEE_THROUGH]
    assert (task.due_on, task.due_at) == ("2026-11-16", "2026-11-17T00:00:00.000000Z")
    assert task.hours(datetime(2026, 11, 16, 21, tzinfo=UTC)) == "in 3 hours"


def test_a_concern_about_no_use_keeps_its_number_and_tells_nobody_of_a_pause(ward):
    raised = ward.raised(Place(), **HARM).concern
    assert (raised.number, raised.pause, raised.pause_at) == ("C-2026-0001", None, None)
    assert ward.told("concern.pause") == []


def test_what_runs_though_nobody_decided_on_it_is_paused_by_who_may_and_set_going_by_no_edit(ward):
    ward.change(USES, "ward", stage="proposed", decision="undecided")
    one = ward.raised(**HARM).concern
    assert one.pause is Pause.PROPOSED

    taken = following.take_pause(ward.house, ward.person("clin"), one.id, one.revision, "it harms")

    assert taken.pause is Pause.TAKEN
    owner = ward.person("owner")
    run = records.get(ward.house, owner, "deployment", "d-north")
    assert run.mode is Mode.PAUSED
    with pytest.raises(BadField, match="the use is proposed: its sites follow when it is moved"):
        records.change(ward.house, owner, "deployment", "d-north", {"mode": "live"}, run.revision)
    with pytest.raises(following.NothingToPause, match="the use is proposed, and runs nowhere"):
        following.propose_pause(ward.house, owner, one.id, taken.revision)


def test_no_edit_of_a_site_undoes_the_pause_of_a_use_that_never_came_before_a_committee(ward):
    ward.change(USES, "ward", decision="undecided (legacy)")
    one = ward.raised(**HARM).concern
    following.take_pause(ward.house, ward.person("clin"), one.id, one.revision, "it harms")

    owner = ward.person("owner")
    run = records.get(ward.house, owner, "deployment", "d-north")
    with pytest.raises(BadField, match="the use is paused: its sites follow when it is moved"):
        records.change(ward.house, owner, "deployment", "d-north", {"mode": "live"}, run.revision)
