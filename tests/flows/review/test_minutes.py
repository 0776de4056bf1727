"""Minutes say what happened, from the records alone."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, auroc, cast

from codman.flows.review.before_the_decision import accept_inconclusive
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.flows.review.minutes import minutes
from codman.flows.review.remarks import remark
from codman.flows.review.seats import delegate
from codman.registry.log import SYSTEM
from codman.registry.nouns import PEOPLE
from codman.spine.review import CaseOutcome, Choice


def test_minutes_name_what_is_not_known_first_and_everything_that_was_said(tmp_path):
    house = Committee(tmp_path)
    house.evidence(auroc(0.77, 0.71, 0.83, n=300))
    case = house.opened(quorum=2)
    house.seated(case, "clin", "stat", "safe")
    delegate(house.house, house.person("clin"), case.id, "p-idle")
    asked = remark(house.house, house.person("stat"), case.id, "Why so few patients?", requirement="discrimination")
    remark(house.house, house.person("owner"), case.id, "The ward opened in May.", answers=asked.id)
    before = minutes(house.house, house.person("viewer"), case.id)
    assert before.lacking == ["2 more votes (0 of 2 needed)"]
    chair = house.person("chair")
    condition = {"sentence": "Show it on 900 more patients", "owner": "p-owner", "due_on": "2027-02-01"}
    accept_inconclusive(house.house, chair, case.id, "discrimination", "a small ward", condition)
    cast(house.house, house.person("stat"), case.id, Choice.WITH_CONDITIONS, reason="until more patients are seen")
    cast(house.house, house.person("idle"), case.id, Choice.APPROVE, of="p-clin")
    now = docket(house.house, chair, case.id).case
    decide(house.house, chair, case.id, now.revision, CaseOutcome.CONDITIONAL, "Benefit is likely.")

    found = minutes(house.house, house.person("viewer"), case.id)
    text = found.markdown()

    assert [one.id for one in found.not_known] == ["discrimination"]
    assert found.not_known[0].accepted
    assert found.known == []
    assert text.index("## Not known") < text.index("## Votes")
    for said in (
        "**Approved with conditions** on 1 Nov 2026: Benefit is likely. It stands until 1 Nov 2027.",
        "- Person clin (clinical), no conflict of interest; Person idle votes for them",
        "- Person stat on Discrimination, 1 Nov 2026, 09:00 UTC: Why so few patients?\n  - Person owner",
        "- Person clin, cast by Person idle: approve",
        "- Show it on 900 more patients (Person owner, by 1 Feb 2027; closed by evidence that meets “Discrimination”",
        "- Person chair, approval, 1 Nov 2026, 09:00 UTC",
    ):
        assert said in text
    house.house.close()


def test_minutes_of_a_decided_case_count_no_vote_of_who_had_left_by_then_and_every_one_of_who_left_later(tmp_path):
    house = Committee(tmp_path)
    house.evidence(auroc(0.82, 0.79, 0.85))
    case = house.opened(quorum=2)
    house.seated(case, "clin", "stat", "safe")
    for name in ("clin", "stat", "safe"):
        cast(house.house, house.person(name), case.id, Choice.APPROVE)
    leave(house, "p-clin")
    now = docket(house.house, house.person("chair"), case.id).case
    decide(house.house, house.person("chair"), case.id, now.revision, CaseOutcome.APPROVED, "Benefit is likely.")
    leave(house, "p-stat")

    found = minutes(house.house, house.person("viewer"), case.id)

    assert {one.name: one.counted for one in found.votes} == {
        "Person clin": False,
        "Person stat": True,
        "Person safe": True,
    }
    house.house.close()


def leave(house, person):
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, person, {"active": False}, None)
