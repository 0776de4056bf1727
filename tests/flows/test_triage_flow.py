"""A tier from what the book says, raised freely, lowered by two, made again when answers change."""

from __future__ import annotations

import sys
from datetime import UTC
from pathlib import Path

import pytest
from committee import POLICY, Committee
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent.parent / "review"))
from intake_answers import SEPSIS

from codman.flows import records
from codman.flows.intake import begin
from codman.flows.intake_submit import submit
from codman.flows.review.cases import docket, open_case
from codman.flows.review.counting import decisions_counted
from codman.flows.review.deciding import verdict_of
from codman.flows.review.opening import open_for, policy_of
from codman.flows.triage import (
    NothingAsked,
    NotTriaged,
    agree,
    determine,
    refuse,
    set_tier,
    triage_again,
    triage_what_rose,
)
from codman.flows.triage_record import look
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.governance import CASES
from codman.registry.log import SYSTEM
from codman.registry.nouns import FACTS, USES
from codman.registry.records import BadField, Stale
from codman.registry.replay import check_records
from codman.registry.schema import facts, log_entries
from codman.registry.schema_review import triages
from codman.review.terms import DecisionKind
from codman.review.triage.override import OverrideRefused
from codman.spine.intake import TriageState
from codman.spine.person import Role
from codman.spine.policy import Checkpoint
from codman.spine.review import Procedure
from codman.spine.use import Stage, Tier
from codman.spine.verdict import Outcome

WHY = "The alert is read by a nurse who screens every patient anyway"
FULL = SEPSIS | {"owner": "p-owner", "site": "north"}


@pytest.fixture
def book(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    yield made
    made.house.close()


@pytest.fixture
def use(book):
    """A use that was proposed and triaged: medium."""
    owner = book.person("owner")
    made = begin(book.house, owner, FULL)
    return submit(book.house, owner, made.id, made.revision).use.id


def answer(book, use, field, value):
    """Change a fact of a use, as its owner would."""
    with book.house.database.reading() as connection:
        row = connection.execute(select(facts).where(facts.c.about == use, facts.c.field == field)).one()
        fact = FACTS.read(row)
    records.change(book.house, book.person("owner"), "fact", fact.id, {"value": value}, fact.revision)


def tier(book, use):
    return records.get(book.house, book.officer, "use", use).tier


def test_one_person_raises_a_tier_and_it_holds_at_once(book, use):
    made = set_tier(book.house, book.person("clin"), use, Tier.HIGH)

    assert (made.state, made.tier, made.computed, made.held) == (
        TriageState.STANDING,
        Tier.HIGH,
        Tier.MEDIUM,
        Tier.MEDIUM,
    )
    assert tier(book, use) is Tier.HIGH


def test_a_lower_tier_waits_for_a_second_person_and_the_log_names_both(book, use):
    asked = set_tier(book.house, book.person("chair"), use, Tier.LOW, why=WHY)
    assert (asked.state, asked.tier, tier(book, use)) == (TriageState.ASKED, Tier.MEDIUM, Tier.MEDIUM)

    agreed = agree(book.house, book.officer, asked.id, asked.revision)
    assert (agreed.state, agreed.tier, agreed.asked_by, agreed.agreed_by) == (
        TriageState.STANDING,
        Tier.LOW,
        "p-chair",
        "p-one",
    )
    assert tier(book, use) is Tier.LOW
    with book.house.database.reading() as connection:
        actors = select(log_entries.c.actor).where(log_entries.c.about == asked.id).order_by(log_entries.c.number)
        assert connection.execute(actors).scalars().all() == ["p-chair", "p-one"]
        check_records(connection)


def test_who_asked_does_not_agree_and_who_has_a_hand_in_it_neither_asks_nor_agrees(book, use):
    asked = set_tier(book.house, book.person("chair"), use, Tier.LOW, why=WHY)

    with pytest.raises(OverrideRefused, match="the tier stays"):
        agree(book.house, book.person("chair"), asked.id, asked.revision)
    with pytest.raises(OverrideRefused, match="the tier stays"):
        set_tier(book.house, book.person("owner"), use, Tier.LOW, why=WHY)
    owner_presiding = Reader("p-owner", "Person owner", (Held(Role.CHAIR),))
    with pytest.raises(OverrideRefused, match="the tier stays"):
        agree(book.house, owner_presiding, asked.id, asked.revision)
    with pytest.raises(NotAllowed):
        agree(book.house, book.person("clin"), asked.id, asked.revision)
    assert tier(book, use) is Tier.MEDIUM


def test_a_lower_tier_without_a_reason_is_refused(book, use):
    with pytest.raises(OverrideRefused) as error:
        set_tier(book.house, book.person("chair"), use, Tier.LOW, why="fine")
    assert "needs a reason" in error.value.why


def test_a_refused_or_answered_request_takes_no_second_answer(book, use):
    asked = set_tier(book.house, book.person("chair"), use, Tier.LOW, why=WHY)
    no = refuse(book.house, book.officer, asked.id, asked.revision, "Nurses do not always screen at night")
    assert (no.state, no.refused) == (TriageState.REFUSED, "Nurses do not always screen at night")

    with pytest.raises(NothingAsked):
        agree(book.house, book.officer, asked.id, no.revision)
    assert tier(book, use) is Tier.MEDIUM


def test_a_raise_between_asking_and_agreeing_ends_the_request(book, use):
    asked = set_tier(book.house, book.person("chair"), use, Tier.LOW, why=WHY)
    set_tier(book.house, book.person("clin"), use, Tier.HIGH)

    with pytest.raises(NothingAsked, match="nobody asks"):
        agree(book.house, book.officer, asked.id, asked.revision + 1)


def test_an_agreement_to_another_revision_is_stale(book, use):
    asked = set_tier(book.house, book.person("chair"), use, Tier.LOW, why=WHY)

    with pytest.raises(Stale):
        agree(book.house, book.officer, asked.id, asked.revision + 1)


def test_taking_a_raise_back_takes_two(book, use):
    set_tier(book.house, book.person("clin"), use, Tier.HIGH)
    book.clock.forward(minutes=1)
    asked = set_tier(book.house, book.person("chair"), use, Tier.MEDIUM, why=WHY)
    agree(book.house, book.officer, asked.id, asked.revision)

    assert tier(book, use) is Tier.MEDIUM
    assert not look(book.house, book.officer, use).changed
    triage_again(book.house, book.officer, use)
    assert tier(book, use) is Tier.MEDIUM


def test_answers_that_make_it_riskier_raise_it_when_it_is_triaged_again(book, use):
    answer(book, use, "intake/learns", "yes")
    seen = look(book.house, book.officer, use)
    assert (seen.changed, seen.would_be, tier(book, use)) == (True, Tier.HIGH, Tier.MEDIUM)

    made = triage_again(book.house, book.officer, use)
    assert (made.tier, tier(book, use)) == (Tier.HIGH, Tier.HIGH)
    assert not look(book.house, book.officer, use).changed


def test_answers_that_make_it_harmless_lower_it_only_with_a_second_person(book, use):
    answer(book, use, "intake/learns", "yes")
    triage_again(book.house, book.officer, use)
    answer(book, use, "intake/learns", "no")

    asked = triage_again(book.house, book.person("owner"), use)
    assert (asked.state, asked.asked, tier(book, use)) == (TriageState.ASKED, Tier.MEDIUM, Tier.HIGH)
    assert triage_again(book.house, book.person("owner"), use) == asked
    with pytest.raises(OverrideRefused):
        agree(book.house, Reader("p-owner", "Person owner", (Held(Role.OFFICER),)), asked.id, asked.revision)
    agree(book.house, book.officer, asked.id, asked.revision)
    assert tier(book, use) is Tier.MEDIUM
    # the rules gave it, so it is no floor that people set
    assert look(book.house, book.officer, use).would_be is Tier.MEDIUM


def test_a_lowered_tier_falls_away_when_the_rules_say_more(book, use):
    asked = set_tier(book.house, book.person("chair"), use, Tier.LOW, why=WHY)
    agree(book.house, book.officer, asked.id, asked.revision)
    answer(book, use, "intake/learns", "yes")

    triage_again(book.house, book.officer, use)
    assert tier(book, use) is Tier.HIGH


def test_an_agreement_to_what_the_rules_no_longer_say_is_refused(book, use):
    asked = set_tier(book.house, book.person("chair"), use, Tier.LOW, why=WHY)
    answer(book, use, "intake/learns", "yes")

    with pytest.raises(OverrideRefused):
        agree(book.house, book.officer, asked.id, asked.revision)


def test_a_use_that_an_import_brought_in_is_triaged_from_the_book_at_its_worst(book):
    with pytest.raises(NotTriaged):
        set_tier(book.house, book.officer, "ward", Tier.HIGH)

    made = triage_again(book.house, book.officer, "ward")
    # nothing of it is known: what is not answered counts as its worst answer
    assert made.tier is Tier.HIGH
    assert "significance" in made.unknown
    assert records.get(book.house, book.officer, "use", "ward").stage is Stage.TRIAGED


def test_the_reasons_name_their_clause_and_the_answers_they_rest_on(book, use):
    standing = look(book.house, book.officer, use).standing

    assert standing is not None
    assert standing.reasons
    for reason in standing.reasons:
        assert reason["cited"]
        assert reason["because_of"]


def test_who_determined_whether_it_is_research_is_recorded_and_the_last_one_counts(book, use):
    said = {
        "outcome": "quality improvement, not research",
        "determined_by": "IRB office",
        "determined_on": "2026-10-01",
        "covers": "Silent run on two wards",
    }
    determine(book.house, book.officer, use, said)
    irb = said | {"outcome": "research, expedited review", "reference": "2026-114", "determined_on": "2026-10-20"}
    determine(book.house, book.officer, use, irb)

    assert look(book.house, book.officer, use).determination.reference == "2026-114"
    with pytest.raises(BadField, match="cannot be kept") as error:
        determine(book.house, book.officer, use, irb | {"reference": None})
    assert "reference" in error.value.why
    with pytest.raises(NotAllowed):
        determine(book.house, book.person("clin"), use, said)


def test_a_use_that_changes_after_its_case_was_opened_is_not_exempted_from_the_cases_policy(book, use):
    only_high = POLICY.replace(b"checkpoint: go-live\n", b"checkpoint: go-live\napplies_to: {tier: [high]}\n")
    set_tier(book.house, book.person("clin"), use, Tier.HIGH)
    case = open_case(book.house, book.person("owner"), book.policy(only_high), use=use, leads_to=Stage.LIVE)
    book.clock.forward(minutes=1)
    asked = set_tier(book.house, book.person("chair"), use, Tier.MEDIUM, why=WHY)
    agree(book.house, book.officer, asked.id, asked.revision)

    with book.house.database.reading() as connection:
        verdict = verdict_of(book.house, connection, docket(book.house, book.officer, case.id))
    assert [result.outcome for result in verdict.results] == [Outcome.MISSING]


def test_what_patients_talk_to_meets_the_policy_for_it_wherever_they_meet_it(book):
    owner = book.person("owner")
    typed = FULL | {
        "name": "Questions before surgery",
        "patient_facing": "yes",
        "care_setting": "surgery",
        "generative": "yes",
        "reviewed_before": "no",
        "device": "no-device",
    }
    made = begin(book.house, owner, {k: v for k, v in typed.items() if k != "trained"})
    done = submit(book.house, owner, made.id, made.revision)

    chosen = policy_of(book.house, owner, done.use.id, Checkpoint.GO_LIVE)
    assert chosen.pack.pack == "patient-chatbot"


def test_at_night_the_house_raises_what_answers_made_riskier_and_lowers_nothing(book, use):
    assert triage_what_rose(book.house) == []
    answer(book, use, "intake/learns", "yes")
    assert triage_what_rose(book.house) == [use]
    assert tier(book, use) is Tier.HIGH

    answer(book, use, "intake/learns", "no")
    assert triage_what_rose(book.house) == []
    assert tier(book, use) is Tier.HIGH


def test_a_high_risk_use_is_refused_an_expedited_review_before_anybody_spends_time_on_it(book, use):
    set_tier(book.house, book.person("clin"), use, Tier.HIGH)

    with pytest.raises(BadField, match="cannot be kept") as error:
        open_for(book.house, book.person("owner"), use, Checkpoint.GO_LIVE, procedure=Procedure.EXPEDITED)
    assert error.value.why == "a use of high risk is not decided by expedited procedure"


def test_decisions_are_counted_by_procedure(book, use):
    case = open_for(book.house, book.person("owner"), use, Checkpoint.GO_LIVE, procedure=Procedure.EXPEDITED)
    closed = {
        "state": "decided",
        "outcome": "approved",
        "decided_at": "2026-11-01T09:00:00Z",
        "expires_on": "2026-11-20",
    }
    with book.house.database.changing(SYSTEM) as change:
        CASES.change(change, case.id, closed, None)

    with book.house.database.reading() as connection:
        now = {one.kind: one for one in decisions_counted(connection, ("/",), "2026-11-10T00:00:00Z", UTC)}
        later = {one.kind: one for one in decisions_counted(connection, ("/",), "2026-12-10T00:00:00Z", UTC)}
        elsewhere = decisions_counted(connection, ("/south/",), "2026-12-10T00:00:00Z", UTC)
    expedited = DecisionKind.EXPEDITED
    assert (now[expedited].given, now[expedited].in_force, now[expedited].ended) == (1, 1, 0)
    assert (later[expedited].given, later[expedited].in_force, later[expedited].ended) == (1, 0, 1)
    assert not any(one.given for one in elsewhere)


@pytest.fixture
def entered(book, use):
    """The same use as an inventory brings it: with its answers and a tier, never triaged."""
    with book.house.database.changing(SYSTEM) as change:
        change.connection.execute(triages.delete())
        USES.change(change, use, {"tier": "high", "stage": "proposed"}, None)
    return use


def test_a_first_triage_lowers_no_tier_that_the_use_came_into_the_book_with(book, entered):
    asked = triage_again(book.house, book.person("owner"), entered)

    assert (asked.state, asked.asked, asked.tier, tier(book, entered)) == (
        TriageState.ASKED,
        Tier.MEDIUM,
        Tier.HIGH,
        Tier.HIGH,
    )
    found = look(book.house, book.officer, entered)
    assert (found.standing.tier, found.standing.computed) == (Tier.HIGH, Tier.MEDIUM)
    assert records.get(book.house, book.officer, "use", entered).stage is Stage.TRIAGED
    with pytest.raises(NotAllowed):
        agree(book.house, book.person("clin"), asked.id, asked.revision)
    assert agree(book.house, book.officer, asked.id, asked.revision).tier is Tier.MEDIUM
    assert tier(book, entered) is Tier.MEDIUM


def test_a_tier_that_still_stands_above_the_rules_is_not_lowered_as_if_it_were_raised(book, entered):
    triage_again(book.house, book.person("owner"), entered)

    with pytest.raises(OverrideRefused, match="the tier stays"):
        set_tier(book.house, book.person("owner"), entered, Tier.MEDIUM, why=WHY)
    asked = set_tier(book.house, book.person("chair"), entered, Tier.MEDIUM, why=WHY)

    assert (asked.state, asked.held, tier(book, entered)) == (TriageState.ASKED, Tier.HIGH, Tier.HIGH)
    agree(book.house, book.officer, asked.id, asked.revision)
    assert tier(book, entered) is Tier.MEDIUM
    again = triage_again(book.house, book.person("owner"), entered)
    assert (again.state, again.tier) == (TriageState.STANDING, Tier.MEDIUM)
