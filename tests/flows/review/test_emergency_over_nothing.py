"""What is let run in an emergency though nothing is known about it says so itself, and takes a sentence why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from committee import Committee, auroc

from codman.flows.review.cases import docket, open_case
from codman.flows.review.deciding import decide
from codman.flows.review.minutes import minutes
from codman.registry.records import BadField
from codman.review.unknown import nothing_known, said_of_nothing, says_nothing_known
from codman.spine.review import CaseOutcome, Procedure
from codman.spine.use import Stage
from codman.spine.verdict import Outcome

WHY = "The system it replaces stopped, and nurses score by hand."
NOTHING = "Nothing was known about it: its one requirement was not shown."


@pytest.fixture
def house(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    yield made
    made.house.close()


def urgent(house):
    asked = {"use": "ward", "leads_to": Stage.LIVE, "sites": ["north"], "procedure": Procedure.EMERGENCY}
    return open_case(house.house, house.second, house.policy(), **asked)


def closed(house, case, outcome, reasons):
    now = docket(house.house, house.person("chair"), case.id).case
    return decide(house.house, house.person("chair"), case.id, now.revision, outcome, reasons)


def test_an_approval_over_nothing_says_in_its_signed_reasons_that_nothing_was_known(house):
    case = urgent(house)
    done = closed(house, case, CaseOutcome.APPROVED, WHY)

    assert done.reasons == f"{NOTHING} {WHY}"
    assert house.house.store.get(done.decision).predicate.reasons == done.reasons
    assert NOTHING in minutes(house.house, house.person("viewer"), case.id).markdown()
    assert says_nothing_known(done.reasons)


@pytest.mark.parametrize("reasons", ["", "   ", "now", "it is very urgent"])
def test_an_approval_over_nothing_takes_a_sentence_that_says_why(house, reasons):
    case = urgent(house)
    with pytest.raises(BadField, match="nothing is known about it"):
        closed(house, case, CaseOutcome.APPROVED, reasons)
    assert docket(house.house, house.person("chair"), case.id).case.outcome is None


def test_to_reject_what_nothing_is_known_about_takes_no_such_sentence(house):
    assert closed(house, urgent(house), CaseOutcome.REJECTED, "No.").reasons == "No."


def test_an_emergency_about_which_something_is_known_keeps_its_reasons_as_they_are(house):
    house.evidence(auroc(0.70, 0.66, 0.74))
    done = closed(house, urgent(house), CaseOutcome.APPROVED, "Better than none.")

    assert done.reasons == "Better than none."
    assert not says_nothing_known(done.reasons)


@pytest.mark.parametrize(
    ("outcomes", "nothing"),
    [
        ([Outcome.MISSING, Outcome.MISSING], True),
        ([Outcome.MISSING, Outcome.NOT_APPLICABLE, Outcome.UNVERIFIABLE], True),
        ([Outcome.NOT_APPLICABLE], True),
        ([], False),
        ([Outcome.MISSING, Outcome.STALE], False),
        ([Outcome.MISSING, Outcome.NOT_MET], False),
        ([Outcome.MISSING, Outcome.MET], False),
    ],
)
def test_nothing_is_known_where_no_requirement_was_shown_or_refuted_at_all(outcomes, nothing):
    assert nothing_known(outcomes) is nothing


def test_what_is_said_counts_what_applies_and_says_it_of_now_and_of_then():
    three = [Outcome.MISSING, Outcome.MISSING, Outcome.NOT_APPLICABLE]
    assert said_of_nothing(three) == "Nothing was known about it: none of its 2 requirements was shown."
    assert said_of_nothing(three, now=True) == "Nothing is known about it: none of its 2 requirements is shown."
    nothing = "Nothing was known about it: no requirement applied, so nothing was judged."
    assert said_of_nothing([Outcome.NOT_APPLICABLE]) == nothing
