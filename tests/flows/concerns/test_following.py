"""A clinician takes a concern in hand, the use is paused or not, a report goes out; nobody closes their own work."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ward import NORTH

from codman.flows.concerns import actions, following
from codman.flows.concerns.actions import CannotClose
from codman.flows.concerns.following import ConcernClosed, NothingToPause
from codman.flows.concerns.letting_off import NotImpartial
from codman.flows.concerns.raising import Place, Said, raise_concern
from codman.flows.concerns.reading import list_concerns, overview, read_concern, sent_receipt
from codman.flows.records import BadListing
from codman.flows.review.staging import move
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, USES
from codman.registry.records import BadField, NoSuchRecord, Stale
from codman.spine.concern import ActionKind, ConcernCategory, ConcernSeverity, ConcernState, Pause
from codman.spine.person import Role
from codman.spine.site import DeploymentFields
from codman.spine.use import Stage

HARM = {"severity": ConcernSeverity.HARM}


def clinician(role: Role = Role.VIEWER) -> Reader:
    return Reader("p-clin", "Clinician", (Held(role, "/"),))


def use(ward, name="ward"):
    with ward.house.database.reading() as connection:
        return USES.get(connection, name)


def test_the_clinician_takes_it_in_hand_whatever_their_role_and_the_first_stands(ward):
    name = ward.raised().concern.id
    taken = following.acknowledge(ward.house, clinician(), name)
    again = following.acknowledge(ward.house, ward.person("chair"), name)

    assert (taken.state, taken.acknowledged_by) == (ConcernState.ACKNOWLEDGED, "p-clin")
    assert again == taken


def test_a_viewer_who_does_not_answer_for_it_does_not_even_see_it(ward):
    name = ward.raised().concern.id
    south = (Held(Role.REVIEWER, "/south/"),)
    for asked in (ward.person("viewer"), Reader("p-stat", "Of the south", south)):
        with pytest.raises(NoSuchRecord):
            read_concern(ward.house, asked, name)
    assert read_concern(ward.house, Reader("p-clin", "Its clinician", south), name).concern.id == name


def test_a_token_of_the_clinician_does_only_what_its_scopes_say(ward):
    name = ward.raised().concern.id
    reading = replace(clinician(), scopes=frozenset({"concern.read"}), via="token")
    assert read_concern(ward.house, reading, name).overdue is False
    with pytest.raises(NotAllowed):
        following.acknowledge(ward.house, reading, name)
    with pytest.raises(NotAllowed):
        following.acknowledge(ward.house, replace(clinician(), read_only=True), name)
    with pytest.raises(NoSuchRecord):
        read_concern(ward.house, replace(clinician(), scopes=frozenset({"use.read"})), name)


def test_a_pause_is_taken_and_the_use_stops_where_it_runs(ward):
    one = ward.raised(**HARM).concern
    done = following.take_pause(ward.house, ward.person("chair"), one.id, one.revision, "Late alerts")

    assert done.pause is Pause.TAKEN
    assert use(ward).stage is Stage.PAUSED


def test_who_may_not_pause_takes_no_pause_and_nothing_is_marked(ward):
    one = ward.raised(**HARM).concern
    with pytest.raises(NotAllowed):
        following.take_pause(ward.house, clinician(), one.id, one.revision, "Late alerts")
    assert (ward.concern(one.id).pause, use(ward).stage) == (Pause.PROPOSED, Stage.LIVE)


def test_a_use_that_somebody_paused_meanwhile_is_marked_as_paused(ward):
    one = ward.raised(**HARM).concern
    chair = ward.person("chair")
    move(ward.house, chair, "ward", Stage.PAUSED, use(ward).revision, reason="Elsewhere too")
    assert following.take_pause(ward.house, chair, one.id, one.revision, "Late").pause is Pause.TAKEN


def test_a_pause_can_be_proposed_by_the_clinician_and_declined_with_a_reason_by_the_committee(ward):
    one = ward.raised().concern
    proposed = following.propose_pause(ward.house, clinician(), one.id, one.revision)
    assert ward.told("concern.pause") == ["owner@example.org", "p-one@example.org", "p-two@example.org"]
    assert (proposed.pause_by, proposed.pause_why) == ("p-clin", None)
    with pytest.raises(NotAllowed):
        following.decline_pause(ward.house, clinician(), one.id, proposed.revision, "It works")
    chair = ward.person("chair")
    with pytest.raises(BadField, match="reason"):
        following.decline_pause(ward.house, chair, one.id, proposed.revision, " ")
    declined = following.decline_pause(ward.house, chair, one.id, proposed.revision, "One site alone")
    assert (declined.pause, use(ward).stage) == (Pause.DECLINED, Stage.LIVE)
    assert (declined.pause_by, declined.pause_why) == ("p-chair", "One site alone")
    with pytest.raises(BadField, match="pause"):
        following.decline_pause(ward.house, chair, one.id, declined.revision, "Again")


def test_there_is_nothing_to_pause_where_nobody_knows_the_use_or_it_does_not_run(ward):
    chair = ward.person("chair")
    for place in (Place(), Place("ward-south")):
        one = ward.raised(place).concern
        with pytest.raises(NothingToPause):
            following.propose_pause(ward.house, chair, one.id, one.revision)
        with pytest.raises(NothingToPause):
            following.take_pause(ward.house, chair, one.id, one.revision, "x")


def test_what_is_known_later_starts_the_clock_and_a_stale_or_stray_change_is_refused(ward):
    one = ward.raised().concern
    clin = clinician()
    patch = {"severity": "serious harm or death", "event_reference": "RL-77"}
    known = following.amend(ward.house, clin, one.id, patch, one.revision)
    assert (known.clock, known.clock_due) == ("21-cfr-803/user-facility-death", "2026-11-16")
    assert known.event_reference == "RL-77"
    with pytest.raises(Stale):
        following.amend(ward.house, clin, one.id, {"severity": "harm"}, one.revision)
    with pytest.raises(BadField, match="words"):
        following.amend(ward.house, clin, one.id, {"words": "other"}, known.revision)
    with pytest.raises(NoSuchRecord):
        following.amend(ward.house, clin, one.id, {"use": "none-such"}, known.revision)
    safe = ward.person("safe")
    less = following.amend(ward.house, safe, one.id, {"severity": "harm"}, known.revision, why="It healed")
    assert less.clock == "21-cfr-803/user-facility-death"  # a person says that none applies


def test_a_concern_that_gets_another_site_keeps_its_clock_and_both_sites_hear_of_it(ward):
    ward.change(PEOPLE, "p-stat", email="stat@example.org")
    with ward.house.database.changing(SYSTEM) as change:
        runs = DeploymentFields(use="ward", site="south", version="sepsis-120", mode="live", clinician="p-stat")
        DEPLOYMENTS.add(change, runs, "d-south")
    one = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    ward.clock.forward(hours=3)

    moved = following.amend(
        ward.house, ward.person("safe"), one.id, {"site": "south"}, one.revision, why="It was South's bed"
    )

    assert (moved.see_by, moved.clock, moved.clock_due) == (one.see_by, one.clock, one.clock_due)
    assert sorted(ward.told("concern.site")) == ["clin@example.org", "stat@example.org"]
    said = {to: text for to, event, text in ward.messages() if event == "concern.site"}
    assert "at North" in said["clin@example.org"]
    assert "at South" in said["stat@example.org"]


def test_a_person_says_which_duty_runs_since_when_and_when_it_was_met(ward):
    one = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    chair = ward.person("chair")
    rule = "21-cfr-803/user-facility-serious-injury"
    # aware on Friday 30 October: 2-6 November are five, 9, 10, 12, 13 nine (Veterans Day is the 11th), 16 ten
    said = following.set_clock(ward.house, chair, one.id, one.revision, rule, "An injury", aware_on="2026-10-30")
    assert (said.clock, said.clock_due) == (rule, "2026-11-16")
    # and one that went out on the 29th would have been due on the 13th: nobody knew of it then
    for wrong in ("2026-11-02", "soon", "1990-01-01", "2026-10-29"):
        with pytest.raises(BadField):
            following.meet_clock(ward.house, chair, one.id, said.revision, wrong)
    with pytest.raises(NotImpartial):
        following.meet_clock(ward.house, replace(chair, person="p-owner"), one.id, said.revision, "2026-11-01")
    met = following.meet_clock(ward.house, chair, one.id, said.revision, "2026-11-01")
    assert met.clock_met_on == "2026-11-01"
    with pytest.raises(BadField, match="put down as sent on 1 Nov 2026"):
        following.meet_clock(ward.house, chair, one.id, met.revision, "2026-10-31")
    none = following.set_clock(ward.house, chair, one.id, met.revision, None, "No device had a part")
    assert (none.clock, none.clock_due, none.clock_met_on) == (None, None, None)
    with pytest.raises(BadField, match="no duty"):
        following.meet_clock(ward.house, chair, one.id, none.revision, "2026-11-01")


@pytest.mark.parametrize(
    ("rule", "why", "aware_on"),
    [
        ("no-such/rule", "x", None),
        ("21-cfr-803/user-facility-death", " ", None),
        ("21-cfr-803/user-facility-death", "x", "2014-01-01"),
        ("21-cfr-803/user-facility-death", "x", "2026-11-02"),
        ("21-cfr-803/user-facility-death", "x", "yesterday"),
    ],
)
def test_a_clock_without_a_rule_a_reason_or_a_day_is_refused(ward, rule, why, aware_on):
    one = ward.raised().concern
    with pytest.raises(BadField):
        following.set_clock(ward.house, ward.person("chair"), one.id, one.revision, rule, why, aware_on=aware_on)


def closable(ward, **said):
    one = ward.raised(**said).concern
    return following.acknowledge(ward.house, clinician(), one.id)


def test_it_closes_with_a_finding_and_then_nothing_of_it_is_changed(ward):
    one = closable(ward)
    safe = ward.person("safe")
    closed = actions.close(ward.house, safe, one.id, one.revision, "The feed was late by two hours.")

    assert (closed.state, closed.finding) == (ConcernState.CLOSED, "The feed was late by two hours.")
    assert read_concern(ward.house, safe, one.id).lacking == []
    for step in (
        lambda: following.amend(ward.house, safe, one.id, {"severity": "harm"}, closed.revision),
        lambda: following.propose_pause(ward.house, safe, one.id, closed.revision),
        lambda: following.take_pause(ward.house, safe, one.id, closed.revision, "x"),
        lambda: actions.close(ward.house, safe, one.id, closed.revision, "again"),
        lambda: actions.add_action(ward.house, safe, one.id, ActionKind.CORRECTIVE, "x", "p-owner", "2026-12-01"),
    ):
        with pytest.raises(ConcernClosed):
            step()


def test_everything_that_is_open_keeps_it_from_closing_and_is_named(ward):
    one = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    safe = ward.person("safe")
    actions.add_action(ward.house, safe, one.id, ActionKind.CORRECTIVE, "Mend the feed", "p-owner", "2026-12-01")
    with pytest.raises(CannotClose) as refused:
        actions.close(ward.house, safe, one.id, one.revision, "Found")
    for lack in ("nobody has said", "a pause is proposed", "a duty to report runs", "1 action is not done"):
        assert lack in refused.value.why


def test_it_is_not_closed_without_a_finding_or_while_nobody_knows_how_bad_it_was(ward):
    one = closable(ward, severity=ConcernSeverity.UNKNOWN)
    safe = ward.person("safe")
    with pytest.raises(BadField, match="finding"):
        actions.close(ward.house, safe, one.id, one.revision, "  ")
    with pytest.raises(CannotClose, match="how bad"):
        actions.close(ward.house, safe, one.id, one.revision, "Found")


def test_who_built_it_or_answers_for_it_never_closes_it(ward):
    one = closable(ward)
    ward.change(USES, "ward", owner="p-safe")
    with pytest.raises(NotImpartial, match="answer for this use"):
        actions.close(ward.house, ward.person("safe"), one.id, one.revision, "All well")
    ward.evidence()  # officer one sends its evidence
    with pytest.raises(NotImpartial, match="sent its evidence"):
        actions.close(ward.house, ward.officer, one.id, one.revision, "All well")
    assert actions.close(ward.house, ward.person("stat"), one.id, one.revision, "Found").state is ConcernState.CLOSED


def test_who_has_a_hand_in_it_lets_it_off_in_no_way_and_may_always_stop_it(ward):
    one = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    ward.evidence()  # officer one sends its evidence
    hand = ward.officer
    rule = "21-cfr-803/user-facility-serious-injury"
    for step in (
        lambda: following.decline_pause(ward.house, hand, one.id, one.revision, "It works"),
        lambda: following.set_clock(ward.house, hand, one.id, one.revision, None, "No device"),
        lambda: following.amend(ward.house, hand, one.id, {"severity": "harm"}, one.revision),
        lambda: following.amend(ward.house, hand, one.id, {"severity": "unknown"}, one.revision),
        lambda: following.amend(ward.house, hand, one.id, {"use": None}, one.revision),
        lambda: following.amend(ward.house, hand, one.id, {"use": "ward-south"}, one.revision),
        lambda: following.amend(ward.house, hand, one.id, {"site": "south"}, one.revision),
        lambda: following.amend(ward.house, hand, one.id, {"site": None}, one.revision),
    ):
        with pytest.raises(NotImpartial, match="you sent its evidence; let somebody do it who has no hand"):
            step()
    assert ward.concern(one.id).revision == one.revision

    sooner = following.set_clock(ward.house, hand, one.id, one.revision, rule, "An injury", aware_on="2026-10-28")
    with pytest.raises(NotImpartial, match="more time"):
        following.set_clock(ward.house, hand, one.id, sooner.revision, rule, "Later", aware_on="2026-10-30")
    seen = following.amend(ward.house, hand, one.id, {"event_reference": "RL-9"}, sooner.revision)
    assert following.take_pause(ward.house, hand, one.id, seen.revision, "Late alerts").pause is Pause.TAKEN


def test_what_nobody_knows_yet_is_called_harmless_by_somebody_else_and_harm_by_anybody(ward):
    ward.change(USES, "ward", owner="p-owner")
    one = ward.raised(severity=ConcernSeverity.UNKNOWN).concern
    owner = ward.person("owner")
    with pytest.raises(NotImpartial, match="you answer for this use"):
        following.amend(ward.house, owner, one.id, {"severity": "no harm"}, one.revision)
    worse = following.amend(ward.house, owner, one.id, {"severity": "harm"}, one.revision)
    proposed = following.propose_pause(ward.house, owner, one.id, worse.revision)
    assert proposed.pause is Pause.PROPOSED


def test_who_raises_a_concern_keeps_their_vote_and_may_close_it(ward):
    stat = ward.person("stat")
    said = Said(category=ConcernCategory.MISSED, severity=ConcernSeverity.NO_HARM)
    one = raise_concern(ward.house, said, NORTH, reader=stat).concern
    one = following.acknowledge(ward.house, stat, one.id)
    assert actions.close(ward.house, stat, one.id, one.revision, "Found").state is ConcernState.CLOSED


def test_an_action_has_an_owner_who_is_told_and_says_what_it_did(ward):
    one = closable(ward)
    given = actions.add_action(
        ward.house, clinician(), one.id, ActionKind.PREVENTIVE, "Watch the feed", "p-owner", "2026-12-01"
    )
    assert ward.told("action.given") == ["owner@example.org"]
    owner, viewer = ward.person("owner"), ward.person("viewer")
    with pytest.raises(NoSuchRecord):
        actions.finish_action(ward.house, viewer, given.id, given.revision, "Done")
    with pytest.raises(NoSuchRecord):
        actions.read_action(ward.house, viewer, given.id)
    with pytest.raises(Stale):
        actions.finish_action(ward.house, owner, given.id, 9, "Done")
    done = actions.finish_action(ward.house, owner, given.id, given.revision, "No gap in 30 days")
    assert (done.done_on, done.result) == ("2026-11-01", "No gap in 30 days")
    with pytest.raises(BadField, match="done_on"):
        actions.finish_action(ward.house, owner, given.id, done.revision, "Again")
    assert read_concern(ward.house, clinician(), one.id).lacking == []


@pytest.mark.parametrize(("owner", "due_on"), [("p-nobody", "2026-12-01"), ("p-owner", "2026-10-31"), ("p-owner", "x")])
def test_an_action_of_nobody_or_for_a_day_that_is_past_is_refused(ward, owner, due_on):
    one = ward.raised().concern
    with pytest.raises(BadField):
        actions.add_action(ward.house, ward.person("chair"), one.id, ActionKind.CORRECTIVE, "x", owner, due_on)


def test_lists_and_counts_show_what_is_within_reach(ward):
    first = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    ward.raised(Place("ward-south", "south"))
    lost = ward.raised(Place()).concern
    ward.clock.forward(hours=2)

    chair = ward.person("chair")
    assert len(list_concerns(ward.house, chair).items) == 3
    (grave,) = list_concerns(ward.house, chair, where={"severity": ["serious harm or death"]}).items
    assert grave.id == first.id
    assert [one.id for one in list_concerns(ward.house, chair, where={"use": ["(missing)"]}).items] == [lost.id]
    north = Reader("p-x", "X", (Held(Role.REVIEWER, "/north/"),))
    assert [one.id for one in list_concerns(ward.house, north).items] == [first.id]
    with pytest.raises(BadListing):
        list_concerns(ward.house, chair, where={"words": ["x"]})
    with pytest.raises(BadListing):
        list_concerns(ward.house, chair, order="words")
    with pytest.raises(NotAllowed):
        list_concerns(ward.house, ward.person("viewer"))

    seen = overview(ward.house, chair)
    assert (seen.open, seen.overdue, seen.pauses, seen.clocks, seen.actions) == (3, 1, 1, 1, 0)
    (duty,) = seen.duties
    assert (duty.year, duty.due_on, duty.concerns) == (2026, "2027-01-01", 1)
    assert overview(ward.house, north).open == 1


def test_an_action_of_a_concern_out_of_reach_answers_like_one_that_is_not_there(ward):
    one = closable(ward)
    given = actions.add_action(
        ward.house, clinician(), one.id, ActionKind.PREVENTIVE, "Watch the feed", "p-owner", "2026-12-01"
    )
    south = ward.at("safe", "south")
    for step in (
        lambda name: actions.read_action(ward.house, south, name),
        lambda name: actions.finish_action(ward.house, south, name, given.revision, "Done"),
    ):
        said = []
        for name in (given.id, "corrective_action-none"):
            with pytest.raises(NoSuchRecord) as refused:
                step(name)
            said.append(str(refused.value).replace(name, "it"))
        assert said[0] == said[1]


def test_a_number_alone_tells_a_sender_for_a_day_and_then_nobody(ward):
    name = ward.raised().concern.id
    ward.clock.forward(hours=23)
    assert sent_receipt(ward.house, name).number == "C-2026-0001"
    ward.clock.forward(hours=2)
    for asked in (name, "concern-none"):
        with pytest.raises(NoSuchRecord, match=asked):
            sent_receipt(ward.house, asked)
