"""Whoever owes a condition says that it is done and what shows it; who presides closes it, or gives it back."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, auroc, cast

from codman.flows.papers import file_paper
from codman.flows.review.before_the_decision import accept_inconclusive, add_condition
from codman.flows.review.cases import NotYours, docket
from codman.flows.review.conditions import ConditionClosed, close_by_hand, hand_back, look
from codman.flows.review.deciding import decide
from codman.flows.review.said_done import NotYourCondition, say_done, shown_for
from codman.flows.task import Duty
from codman.flows.work import waiting
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.governance import CONDITIONS
from codman.registry.log import entries
from codman.registry.records import BadField, NoSuchRecord, Stale
from codman.spine.person import Role
from codman.spine.review import CaseOutcome, Choice, Condition, ConditionState

ASKED = {"sentence": "Train the night staff", "owner": "p-idle", "due_on": "2026-12-01"}
DONE = "All 14 of the night staff were trained"


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    yield made
    made.house.close()


def owed(house: Committee, **changes: str) -> Condition:
    """A condition of a decision, owed by somebody who has no hand in the use."""
    house.evidence(auroc(0.8, 0.78, 0.82))
    case = house.opened()
    made = add_condition(house.house, house.person("chair"), case.id, {**ASKED, **changes})
    house.seated(case, "clin", "stat", "safe")
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.CONDITIONAL, "as the votes say")
    return now_of(house, made)


def now_of(house: Committee, one: Condition) -> Condition:
    with house.house.database.reading() as connection:
        return CONDITIONS.get(connection, one.id)


def tasks(house: Committee, name: str, duty: Duty) -> list[tuple[str, str, str]]:
    found = waiting(house.house, house.person(name))
    return [(one.sentence, one.words, one.at) for one in found if one.duty is duty]


def test_saying_that_it_is_done_closes_nothing_and_waits_for_who_presides(house):
    one = owed(house)
    assert tasks(house, "chair", Duty.ACCEPT) == []
    said = say_done(house.house, house.person("idle"), one.id, one.revision, DONE)

    assert (said.state, said.said_done, said.shown_by) == (ConditionState.OPEN, DONE, None)
    sentence = "Who owes it says that it is done, a condition of Ward sepsis: close it, or give it back"
    words = f"Train the night staff – {DONE}"
    assert tasks(house, "chair", Duty.ACCEPT) == [(sentence, words, f"/conditions/{one.id}/close")]
    assert DONE not in sentence  # a mail carries the sentence alone
    assert tasks(house, "owner", Duty.ACCEPT) == []
    own = "You said that a condition of Ward sepsis is done; it is open until who presides closes it"
    assert tasks(house, "idle", Duty.CONDITION) == [(own, "Train the night staff", f"/conditions/{one.id}/done")]

    closed = close_by_hand(house.house, house.person("chair"), one.id, said.revision, "seen on the ward")
    assert (closed.state, closed.said_done) == (ConditionState.CLOSED, DONE)
    assert tasks(house, "chair", Duty.ACCEPT) == tasks(house, "idle", Duty.CONDITION) == []


def test_what_is_said_moves_no_day_and_the_condition_lapses_on_it(house):
    one = owed(house)
    say_done(house.house, house.person("idle"), one.id, one.revision, DONE)
    assert look(house.house, "2026-12-01").lapsed == ()
    assert look(house.house, "2026-12-02").lapsed == (one.id,)


def test_who_presides_gives_it_back_with_a_reason_and_its_owner_reads_it(house):
    one = owed(house)
    said = say_done(house.house, house.person("idle"), one.id, one.revision, DONE)
    chair = house.person("chair")
    with pytest.raises(BadField, match="say what shows that it is done, or why it is not"):
        hand_back(house.house, chair, one.id, said.revision, " ")
    for name, refused in (("idle", NotAllowed), ("owner", NotAllowed), ("clin", NotAllowed)):
        with pytest.raises(refused):
            hand_back(house.house, house.person(name), one.id, said.revision, "no")
    back = hand_back(house.house, chair, one.id, said.revision, "Two were away")

    assert (back.state, back.said_done, back.said_done_at, back.note) == (
        ConditionState.OPEN,
        None,
        None,
        "Two were away",
    )
    ((sentence, words, _at),) = tasks(house, "idle", Duty.CONDITION)
    assert sentence == "A condition of Ward sepsis came back to you: it is not done"
    assert words == "Train the night staff – Two were away"
    with pytest.raises(BadField, match="nobody says that it is done"):
        hand_back(house.house, chair, one.id, back.revision, "again")


def test_who_presides_and_owes_it_gives_neither_themselves_a_pass(house):
    one = owed(house, owner="p-chair")
    said = say_done(house.house, house.person("chair"), one.id, one.revision, DONE)
    for step in (close_by_hand, hand_back):
        with pytest.raises(BadField, match="it is yours"):
            step(house.house, house.person("chair"), one.id, said.revision, "fine")
    assert tasks(house, "chair", Duty.ACCEPT) == []


def test_who_has_a_hand_in_the_use_neither_closes_it_nor_gives_it_back(house):
    one = owed(house)
    said = say_done(house.house, house.person("idle"), one.id, one.revision, DONE)
    owner = replace(house.person("owner"), held=(Held(Role.CHAIR),))
    for step in (close_by_hand, hand_back):
        with pytest.raises(NotYours, match="others decide"):
            step(house.house, owner, one.id, said.revision, "fine")


def test_only_its_owner_says_so_and_whoever_is_out_of_reach_learns_of_no_condition(house):
    one = owed(house)
    with pytest.raises(NotYourCondition):
        say_done(house.house, house.person("chair"), one.id, one.revision, DONE)
    with pytest.raises(NoSuchRecord):
        say_done(house.house, house.at("viewer", "south"), one.id, one.revision, DONE)
    idle = house.person("idle")
    with pytest.raises(NotAllowed):
        say_done(house.house, replace(idle, read_only=True), one.id, one.revision, DONE)
    token = replace(idle, scopes=frozenset({"review.read"}), via="token")
    with pytest.raises(NotAllowed):
        say_done(house.house, token, one.id, one.revision, DONE)
    assert now_of(house, one) == one


def test_an_owner_of_any_role_and_place_may_say_it_of_their_own(house):
    one = owed(house)
    elsewhere = Reader("p-idle", "Person idle", (Held(Role.VIEWER, "/south/"),))
    assert say_done(house.house, elsewhere, one.id, one.revision, DONE).said_done == DONE


def test_what_evidence_or_a_document_closes_is_closed_by_nobodys_word(house):
    one = owed(house, document="risk-assessment")
    with pytest.raises(BadField, match="file a risk-assessment"):
        say_done(house.house, house.person("idle"), one.id, one.revision, DONE)


def test_what_evidence_closes_needs_no_word(house):
    house.evidence(auroc(0.77, 0.71, 0.83, n=300))
    case = house.opened(quorum=3)
    made = accept_inconclusive(house.house, house.person("chair"), case.id, "discrimination", "few", ASKED).condition
    house.seated(case)
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.WITH_CONDITIONS)
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.CONDITIONAL, "as the votes say")
    with pytest.raises(BadField, match="it closes by itself"):
        say_done(house.house, house.person("idle"), made, 1, DONE)


def test_nothing_is_said_of_a_condition_before_its_decision_or_after_its_close_or_of_an_older_page(house):
    case = house.opened()
    early = add_condition(house.house, house.person("chair"), case.id, ASKED)
    with pytest.raises(BadField, match="not decided yet"):
        say_done(house.house, house.person("idle"), early.id, early.revision, DONE)
    closed = close_by_hand(house.house, house.person("chair"), early.id, early.revision, "seen")
    with pytest.raises(ConditionClosed):
        say_done(house.house, house.person("idle"), early.id, closed.revision, DONE)


def test_an_empty_word_and_an_older_page_are_refused(house):
    one = owed(house)
    with pytest.raises(BadField, match="say what was done"):
        say_done(house.house, house.person("idle"), one.id, one.revision, "  ")
    with pytest.raises(Stale):
        say_done(house.house, house.person("idle"), one.id, one.revision + 1, DONE)


def test_what_shows_it_is_a_document_or_evidence_that_its_owner_may_read(house):
    one = owed(house)
    asked = {"about_kind": "use", "about": "ward", "media_type": "text/plain", "title": "Who was trained"}
    paper = file_paper(house.house, house.officer, b"names", type="training-record", **asked)
    idle = house.person("idle")
    offered = {each.digest: each.called for each in shown_for(house.house, idle, one)}
    assert list(offered.values()) == ["Who was trained (training-record, 1 Nov 2026)", "evaluation, 1 Nov 2026"]

    by_id = say_done(house.house, idle, one.id, one.revision, DONE, paper.id)
    evidence = next(digest for digest in offered if digest != paper.digest)
    by_digest = say_done(house.house, idle, one.id, by_id.revision, DONE, evidence)
    assert (by_id.shown_by, by_digest.shown_by) == (paper.digest, evidence)

    south = Reader("p-idle", "Person idle", (Held(Role.VIEWER, "/south/"),))
    assert shown_for(house.house, south, one) == ()
    for reader, named in ((idle, "f" * 64), (idle, "javascript:alert(1)"), (south, paper.id), (south, evidence)):
        with pytest.raises(BadField, match="no such document or evidence that you may read"):
            say_done(house.house, reader, one.id, by_digest.revision, DONE, named)


def test_the_log_keeps_who_said_it_and_no_word_of_it(house):
    one = owed(house)
    say_done(house.house, house.person("idle"), one.id, one.revision, DONE)
    with house.house.database.reading() as connection:
        last = list(entries(connection))[-1]
    assert b"p-idle" in last.raw
    assert one.id.encode() in last.raw
    assert DONE.encode() not in last.raw
    assert DONE in last.texts.values()  # beside the log, where it can be erased
