"""Stages: which moves there are, what each needs, and that nothing runs that nobody decided."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from codman.review.stages import (
    Decided,
    Standing,
    check_move,
    in_force,
    in_force_at,
    must_stop,
    ways_from,
)
from codman.review.stages_counted import Counted, counted
from codman.review.terms import TERMS, DecisionKind
from codman.review.transitions import TRANSITIONS, Need
from codman.spine.policy import Checkpoint
from codman.spine.reopening import SettledVersion
from codman.spine.use import RUNNING, Decision, Stage, Tier

NOON = "2026-11-21T12:00:00Z"
REVIEWED = Standing(
    stage=Stage.IN_REVIEW,
    tier=Tier.MEDIUM,
    sites=frozenset({"north", "south"}),
    accepted={"north": "2026-11-20T00:00:00Z", "south": "2026-11-20T00:00:00Z"},
    intake_complete=True,
    downtime_procedure=True,
)


def decided(at="2026-11-01T00:00:00Z", **fields):
    return Decided(**{"outcome": Decision.APPROVED, "up_to": Stage.LIVE, "at": at} | fields)


def approved(stage=Stage.IN_REVIEW, *decisions, **fields):
    return replace(REVIEWED, stage=stage, decisions=decisions or (decided(),), **fields)


def needs(standing, to, at=NOON, reason=None):
    return [lack.need for lack in check_move(standing, to, at, reason=reason).lacks]


def test_the_way_from_a_proposal_to_retirement_meets_each_checkpoint():
    path = [None, Stage.PROPOSED, Stage.TRIAGED, Stage.IN_REVIEW, Stage.SILENT, Stage.PILOT, Stage.LIVE, Stage.PAUSED]
    path.append(Stage.RETIRED)
    table = {(one.before, one.after): one.checkpoint for one in TRANSITIONS}

    assert [table[pair].value for pair in pairwise(path)] == [
        "intake",
        "triage",
        "validation",
        "silent",
        "pilot",
        "go-live",
        "pause",
        "retire",
    ]
    # going back exposes fewer patients, and is a change all the same; monitoring comes round and moves nothing
    assert table[(Stage.LIVE, Stage.PILOT)] is Checkpoint.CHANGE
    assert set(Checkpoint) - {one.checkpoint for one in TRANSITIONS} == {Checkpoint.MONITORING}


def test_another_version_than_was_decided_on_does_not_go_live():
    about = decided(version="v-1")
    ready = approved(Stage.IN_REVIEW, about)

    assert needs(replace(ready, versions={"v-1": "1.0"}), Stage.LIVE) == []
    assert needs(replace(ready, versions={"v-1": "1.0", "v-2": "2.0"}), Stage.LIVE) == [Need.VERSION]
    assert needs(replace(ready, versions={"": ""}), Stage.LIVE) == [Need.VERSION]
    # a decision about no version in particular, and one about each of them, cover what runs
    whichever = approved(Stage.IN_REVIEW, about, decided(), versions={"v-2": "2.0"})
    each = approved(Stage.IN_REVIEW, about, decided(version="v-2"), versions={"v-1": "1.0", "v-2": "2.0"})
    assert (needs(whichever, Stage.LIVE), needs(each, Stage.LIVE)) == ([], [])
    # a change that was settled under its policy since it was made stands; one settled before, or by another, does not
    about = replace(about, policy="strict")
    moved = approved(Stage.IN_REVIEW, about, versions={"v-2": "2.0"})
    for policy, since, lacks in (
        ("strict", "2026-11-02T00:00:00Z", []),
        ("strict", "2026-10-02T00:00:00Z", [Need.VERSION]),
        ("lax", "2026-11-02T00:00:00Z", [Need.VERSION]),
    ):
        settled = frozenset({SettledVersion("v-2", policy, since)})
        assert needs(replace(moved, settled=settled), Stage.LIVE) == lacks
    # what change control holds open keeps a version back, whatever version the decision was about
    held = replace(whichever, unshown=frozenset({"v-2"}))
    assert needs(held, Stage.LIVE) == [Need.VERSION]
    # nobody acts on what runs silently
    assert needs(replace(ready, versions={"v-2": "2.0"}), Stage.SILENT) == []


def test_what_a_case_retired_runs_again_only_by_a_later_decision():
    retired = approved(Stage.IN_REVIEW, decided(), retired_at="2026-11-05T00:00:00Z")
    again = replace(retired, decisions=(decided(), decided(at="2026-11-06T00:00:00Z")))

    assert (needs(retired, Stage.LIVE), needs(again, Stage.LIVE)) == ([Need.DECISION], [])


def test_no_site_is_set_going_over_open_harm_or_a_lapsed_condition_by_staying_where_the_use_is():
    live = approved(Stage.LIVE, harm_open=1, lapsed=1)
    there = {"north": Stage.LIVE}

    assert needs(replace(live, runs_as={**there, "south": Stage.LIVE}), Stage.LIVE) == []
    for south in ({}, {"south": Stage.SILENT}, {"south": Stage.PILOT}):  # paused, or less exposed
        moved = replace(live, runs_as=there | south)
        assert set(needs(moved, Stage.LIVE)) == {Need.NO_HARM, Need.CONDITIONS}


def test_there_is_one_way_between_two_stages_and_each_names_an_action():
    pairs = [(one.before, one.after) for one in TRANSITIONS]

    assert len(set(pairs)) == len(pairs)
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+", one.action) for one in TRANSITIONS)


def test_every_way_to_patients_needs_a_decision_and_every_way_to_pause_only_a_reason():
    for one in TRANSITIONS:
        if one.legacy:
            assert one.before is None
        elif one.after in RUNNING and not one.back:
            assert Need.DECISION in one.needs
        elif one.after is Stage.PAUSED:
            assert one.needs == {Need.REASON}


def test_an_approved_use_goes_live():
    move = check_move(approved(), Stage.LIVE, NOON)

    assert move.allowed
    assert move.transition is not None
    assert (move.transition.checkpoint, move.transition.action) == (Checkpoint.GO_LIVE, "use.decide")


@pytest.mark.parametrize(
    ("fields", "need"),
    [
        ({"accepted": {"north": NOON}}, Need.ACCEPTANCE),
        ({"sites": frozenset(), "accepted": {}}, Need.ACCEPTANCE),
        ({"downtime_procedure": False}, Need.DOWNTIME),
    ],
)
def test_going_live_needs_more_than_a_decision(fields, need):
    assert needs(approved(**fields), Stage.LIVE) == [need]
    assert needs(approved(**fields), Stage.SILENT) == []  # nobody acts on what runs silently


def test_what_is_missing_is_named():
    move = check_move(approved(accepted={}), Stage.LIVE, NOON)

    assert [lack.why for lack in move.lacks] == ["not accepted yet at: north, south"]


@pytest.mark.parametrize(
    "decision",
    [
        decided(outcome=Decision.DEFERRED),
        decided(outcome=Decision.REJECTED),
        decided(outcome=Decision.UNDECIDED),
        decided(outcome=Decision.LEGACY),
        decided(up_to=Stage.PILOT),
        decided(sites=frozenset({"north"})),
        decided(at="2026-11-22T00:00:00Z"),  # not yet
        decided(expires_at="2026-11-21T12:00:00Z"),
        decided(kind=DecisionKind.EMERGENCY, at="2026-10-22T12:00:00Z"),  # thirty days ago
        decided(kind=DecisionKind.EXPEDITED, at="2026-05-01T00:00:00Z"),
    ],
)
def test_a_decision_that_does_not_cover_it_lets_nothing_run(decision):
    assert needs(approved(Stage.IN_REVIEW, decision), Stage.LIVE) == [Need.DECISION]


def test_a_decision_with_conditions_is_one():
    assert needs(approved(Stage.IN_REVIEW, decided(outcome=Decision.CONDITIONAL)), Stage.LIVE) == []


def test_a_rejection_ends_what_was_decided_before_it_and_not_what_comes_after():
    no = decided(at="2026-11-10T00:00:00Z", outcome=Decision.REJECTED)

    assert in_force(approved(Stage.LIVE, decided(), no), Stage.LIVE, NOON) is None
    assert in_force(approved(Stage.LIVE, no, decided(at="2026-11-11T00:00:00Z")), Stage.LIVE, NOON) is not None


def test_who_is_refused_to_go_live_may_go_on_with_the_pilot():
    refused = decided(at="2026-11-10T00:00:00Z", outcome=Decision.REJECTED, up_to=Stage.LIVE)
    stopped = decided(at="2026-11-10T00:00:00Z", outcome=Decision.REJECTED, up_to=Stage.SILENT)

    assert must_stop(approved(Stage.PILOT, decided(), refused), NOON) is None
    assert must_stop(approved(Stage.LIVE, decided(), refused), NOON) is not None
    assert must_stop(approved(Stage.PILOT, decided(), stopped), NOON) is not None


def test_a_rejection_that_names_a_site_ends_nothing_at_another():
    no = decided(at="2026-11-10T00:00:00Z", outcome=Decision.REJECTED, sites=frozenset({"north"}))
    live = approved(Stage.LIVE, decided(), no)

    assert in_force_at(live, "north", Stage.LIVE, NOON) is None
    assert in_force_at(live, "south", Stage.LIVE, NOON) == decided()
    assert in_force(live, Stage.LIVE, NOON) is None  # not at all its sites


def test_a_deferral_ends_nothing_and_allows_nothing():
    later = decided(at="2026-11-10T00:00:00Z", outcome=Decision.DEFERRED)

    assert must_stop(approved(Stage.LIVE, decided(), later), NOON) is None
    assert must_stop(approved(Stage.LIVE, later), NOON) is not None


def test_an_emergency_approval_expires_by_itself_after_thirty_days():
    emergency = decided(at="2026-11-01T00:00:00Z", kind=DecisionKind.EMERGENCY)
    live = approved(Stage.LIVE, emergency)

    assert must_stop(live, "2026-11-30T23:59:59Z") is None
    assert must_stop(live, "2026-12-01T00:00:00Z") == (
        "Its emergency decision ended on 1 Dec 2026, and no other covers live."
    )


def test_its_own_end_may_come_sooner_than_its_kinds_and_never_later():
    sooner = decided(kind=DecisionKind.EMERGENCY, expires_at="2026-11-05T00:00:00Z")
    later = decided(kind=DecisionKind.EMERGENCY, expires_at="2027-11-05T00:00:00Z")

    assert str(sooner.ends_at()) == "2026-11-05 00:00:00+00:00"
    assert str(later.ends_at()) == "2026-12-01 00:00:00+00:00"
    assert decided().ends_at() is None


def test_a_third_emergency_within_a_year_is_the_committees():
    three = [decided(at=f"2026-{month}-01T00:00:00Z", kind=DecisionKind.EMERGENCY) for month in ("03", "07", "11")]

    assert in_force(approved(Stage.LIVE, *three[1:]), Stage.LIVE, NOON) is not None
    assert in_force(approved(Stage.LIVE, *three), Stage.LIVE, NOON) is None
    old = decided(at="2025-11-01T00:00:00Z", kind=DecisionKind.EMERGENCY)
    assert in_force(approved(Stage.LIVE, old, *three[1:]), Stage.LIVE, NOON) is not None


def test_a_high_risk_is_never_expedited():
    quick = decided(kind=DecisionKind.EXPEDITED)

    assert needs(approved(Stage.IN_REVIEW, quick), Stage.LIVE) == []
    assert needs(approved(Stage.IN_REVIEW, quick, tier=Tier.HIGH), Stage.LIVE) == [Need.DECISION]
    assert needs(approved(Stage.IN_REVIEW, quick, tier=None), Stage.LIVE) == [Need.DECISION]


def test_a_house_sets_its_own_days():
    terms = {**TERMS, DecisionKind.EMERGENCY: replace(TERMS[DecisionKind.EMERGENCY], days=3)}
    live = approved(Stage.LIVE, decided(at="2026-11-17T00:00:00Z", kind=DecisionKind.EMERGENCY))

    assert must_stop(live, NOON) is None
    assert must_stop(live, NOON, terms) is not None


def test_pausing_waits_for_nothing_but_a_reason():
    bare = Standing(stage=Stage.LIVE)

    assert needs(bare, Stage.PAUSED) == [Need.REASON]
    assert needs(bare, Stage.PAUSED, reason="  ") == [Need.REASON]
    assert check_move(bare, Stage.PAUSED, NOON, reason="alerts at every bed").allowed


def test_running_again_after_a_pause_needs_a_decision_and_what_was_found():
    paused = approved(Stage.PAUSED)

    assert needs(paused, Stage.LIVE) == [Need.REASON]
    assert needs(replace(paused, decisions=()), Stage.LIVE, reason="the feed is repaired") == [Need.DECISION]


def test_retiring_what_ran_needs_a_case_and_a_check_of_who_depends_on_it_and_withdrawing_does_not():
    assert needs(approved(Stage.LIVE), Stage.RETIRED, reason="replaced") == [Need.RETIREMENT, Need.HAZARDS]
    checked = approved(Stage.PAUSED, hazards_checked=True)
    assert needs(checked, Stage.RETIRED, reason="replaced") == [Need.RETIREMENT]
    assert needs(replace(checked, retirement_decided=True), Stage.RETIRED, reason="replaced") == []
    assert needs(Standing(Stage.PROPOSED), Stage.RETIRED, reason="not wanted") == []


def test_what_ran_and_was_brought_back_to_questions_is_not_withdrawn_as_if_it_never_had():
    back = Standing(Stage.IN_REVIEW)

    assert needs(replace(back, deployed=True), Stage.RETIRED, reason="not wanted") == [Need.RETIREMENT]
    assert needs(replace(back, legacy=True), Stage.RETIRED, reason="not wanted") == [Need.RETIREMENT]


def test_triage_needs_the_whole_intake_and_a_tier():
    assert needs(Standing(Stage.PROPOSED), Stage.TRIAGED) == [Need.INTAKE, Need.TIER]
    assert needs(Standing(Stage.PROPOSED, tier=Tier.LOW, intake_complete=True), Stage.TRIAGED) == []


def test_where_no_way_leads_the_ways_there_are_are_told():
    move = check_move(approved(Stage.PROPOSED), Stage.LIVE, NOON)

    assert not move.allowed
    assert move.transition is None
    assert move.ways == (Stage.TRIAGED, Stage.RETIRED)


def test_what_ran_before_anybody_asked_enters_where_it_stands_and_only_so():
    legacy = Standing(stage=None, legacy=True)

    assert check_move(legacy, Stage.LIVE, NOON).allowed
    assert check_move(Standing(stage=None), Stage.LIVE, NOON).transition is None
    assert {one.after for one in ways_from(None, legacy=True)} == {
        Stage.PROPOSED,
        Stage.SILENT,
        Stage.PILOT,
        Stage.LIVE,
        Stage.PAUSED,
        Stage.RETIRED,
    }
    assert {one.after for one in ways_from(None)} == {Stage.PROPOSED}


def test_legacy_need_not_stop_and_is_decided_where_it_stands():
    legacy = replace(REVIEWED, stage=Stage.LIVE, legacy=True)

    assert must_stop(legacy, NOON) is None
    assert must_stop(replace(legacy, legacy=False), NOON) == "No decision covers live at all its sites."
    assert needs(legacy, Stage.LIVE) == [Need.DECISION]
    assert needs(replace(legacy, decisions=(decided(),)), Stage.LIVE) == []


def test_kinds_of_decision_are_counted():
    uses = [
        approved(Stage.LIVE, decided(kind=DecisionKind.EMERGENCY), decided(at="2026-11-15T00:00:00Z")),
        approved(Stage.PAUSED, decided(at="2026-01-01T00:00:00Z", kind=DecisionKind.EMERGENCY)),
        approved(Stage.IN_REVIEW, decided(at="2026-12-01T00:00:00Z")),  # not yet
        approved(
            Stage.IN_REVIEW,
            decided(kind=DecisionKind.EMERGENCY, outcome=Decision.REJECTED),
            decided(at="2026-11-15T00:00:00Z", outcome=Decision.DEFERRED),  # follows nothing: it decides nothing yet
        ),
    ]

    assert counted(uses, NOON) == (
        Counted(DecisionKind.ORDINARY, given=1, in_force=1, ended=0, followed=0),
        Counted(DecisionKind.EXPEDITED, given=0, in_force=0, ended=0, followed=0),
        Counted(DecisionKind.EMERGENCY, given=3, in_force=1, ended=1, followed=1),
    )


@given(st.sampled_from(Stage), st.sampled_from(Stage), st.booleans())
def test_no_legacy_entry_is_open_to_a_use_of_the_book(stage, to, legacy):
    move = check_move(replace(REVIEWED, stage=stage, legacy=legacy), to, NOON, reason="so")

    assert move.transition is None or not move.transition.legacy


def reached(*decisions):
    """Every stage that a proposed use can come to, whatever else is in order."""
    everything = approved(Stage.PROPOSED, hazards_checked=True)
    found, ahead = {Stage.PROPOSED}, [Stage.PROPOSED]
    while ahead:
        here = replace(everything, stage=ahead.pop(), decisions=decisions)
        new = {to for to in Stage if to not in found and check_move(here, to, NOON, reason="so").allowed}
        found |= new
        ahead += new
    return found


def test_no_path_leads_to_patients_without_a_decision_or_an_unexpired_emergency():
    at_rest = {Stage.PROPOSED, Stage.TRIAGED, Stage.IN_REVIEW, Stage.RETIRED}

    assert reached() == at_rest
    assert reached(decided(kind=DecisionKind.EMERGENCY, at="2026-10-01T00:00:00Z")) == at_rest
    no = decided(at="2026-11-10T00:00:00Z", outcome=Decision.REJECTED, up_to=Stage.SILENT)
    assert reached(decided(), no) == at_rest
    assert reached(decided(), replace(no, up_to=Stage.LIVE)) == set(Stage) - {Stage.LIVE}
    assert reached(decided(kind=DecisionKind.EMERGENCY)) == set(Stage)
    assert reached(decided()) == set(Stage)
    assert reached(decided(up_to=Stage.SILENT)) == set(Stage) - {Stage.PILOT, Stage.LIVE}


DECISIONS = [
    (),
    (decided(),),
    (decided(kind=DecisionKind.EMERGENCY),),
    (decided(kind=DecisionKind.EMERGENCY, at="2026-10-01T00:00:00Z"),),
    (decided(outcome=Decision.REJECTED),),
]
COVERED = (1, 2)  # of these, the ones that let it run


def test_every_stage_with_everything_there_and_not_there_moves_to_patients_only_as_it_should():
    for stage, to, position, downtime, accepted in product(
        Stage, RUNNING, range(len(DECISIONS)), (True, False), (True, False)
    ):
        standing = replace(
            REVIEWED,
            stage=stage,
            decisions=DECISIONS[position],
            downtime_procedure=downtime,
            accepted=REVIEWED.accepted if accepted else {},
        )
        move = check_move(standing, to, NOON, reason="so")
        if move.transition is None or move.transition.back:
            continue
        ready = to is Stage.SILENT or (downtime and accepted)
        assert move.allowed is (position in COVERED and ready), (stage, to, position, downtime, accepted)


class ALife(RuleBasedStateMachine):
    """A use that is moved and decided on at random; written down by hand is only what must be true of it."""

    def __init__(self) -> None:
        super().__init__()
        self.day = 0
        north = frozenset({"north"})
        self.use = replace(REVIEWED, sites=north, accepted={"north": self.now()}, decisions=(decided(at=self.now()),))

    def now(self) -> str:
        return f"{2026 + self.day // 336}-{self.day % 336 // 28 + 1:02}-{self.day % 28 + 1:02}T00:00:00Z"

    @rule(days=st.integers(1, 40))
    def wait(self, days):
        self.day += days

    @rule(
        outcome=st.sampled_from([Decision.APPROVED, Decision.APPROVED, *Decision]),
        kind=st.sampled_from(DecisionKind),
        up_to=st.sampled_from([Stage.SILENT, Stage.PILOT, Stage.LIVE]),
        sites=st.sampled_from([None, None, frozenset({"north"}), frozenset({"south"})]),
    )
    def decide(self, outcome, kind, up_to, sites):
        made = Decided(outcome=outcome, up_to=up_to, at=self.now(), kind=kind, sites=sites)
        self.use = replace(self.use, decisions=(*self.use.decisions, made))

    @rule(kind=st.sampled_from(DecisionKind))
    def approve(self, kind):
        made = Decided(outcome=Decision.APPROVED, up_to=Stage.LIVE, at=self.now(), kind=kind)
        self.use = replace(self.use, decisions=(*self.use.decisions, made))

    @rule(
        tier=st.sampled_from([None, *Tier]),
        intake=st.booleans(),
        downtime=st.sampled_from([True, True, False]),
        accepted=st.sampled_from([True, True, False]),
        hazards=st.booleans(),
    )
    def prepare(self, tier, intake, downtime, accepted, hazards):
        self.use = replace(
            self.use,
            tier=tier,
            intake_complete=intake,
            downtime_procedure=downtime,
            accepted={"north": self.now()} if accepted else {},
            hazards_checked=hazards,
        )

    @rule(data=st.data(), reason=st.sampled_from(["because", "because", None]))
    def move(self, data, reason):
        before = self.use.stage
        to = data.draw(st.sampled_from([one.after for one in ways_from(before)]))
        if not check_move(self.use, to, self.now(), reason=reason).allowed:
            return
        self.use = replace(self.use, stage=to)
        if to in RUNNING and before not in RUNNING:
            self.had_been_decided(to)

    def had_been_decided(self, to):
        """Worked out here again, without the code under test."""
        order = [Stage.SILENT, Stage.PILOT, Stage.LIVE]
        good = [
            d
            for d in self.use.decisions
            if d.outcome in (Decision.APPROVED, Decision.CONDITIONAL) and order.index(d.up_to) >= order.index(to)
        ]
        assert good, f"{to} without any decision"
        here = [d for d in self.use.decisions if d.sites is None or "north" in d.sites]
        refusals = [d for d in here if d.outcome is Decision.REJECTED]
        last_no = max((d.at for d in refusals if order.index(d.up_to) <= order.index(to)), default="")
        assert any(d.at > last_no for d in good)
        if all(d.kind is DecisionKind.EMERGENCY for d in good):
            # a month is 28 days here, so thirty days reach no further than two months of this calendar
            assert max(int(d.at[:4]) * 12 + int(d.at[5:7]) for d in good) >= self.month() - 2
        if to is not Stage.SILENT:
            assert set(self.use.accepted) == {"north"}
            assert self.use.downtime_procedure

    def month(self):
        return int(self.now()[:4]) * 12 + int(self.now()[5:7])

    @invariant()
    def whatever_runs_can_be_paused_at_once(self):
        if self.use.stage in RUNNING:
            assert check_move(self.use, Stage.PAUSED, self.now(), reason="stop").allowed


TestALife = ALife.TestCase


def test_a_use_whose_sites_are_only_planned_lacks_that_they_are_set_up():
    move = check_move(Standing(stage=Stage.IN_REVIEW, planned=True), Stage.LIVE, "2026-11-01T00:00:00Z")

    assert "none of its planned sites is set up yet" in [lack.why for lack in move.lacks]
