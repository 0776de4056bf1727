"""People may set another tier: up freely, down by two who have no part; and what was determined about research."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_answers import SEPSIS, without
from pydantic import ValidationError

from codman.review.intake.form import fill
from codman.review.intake.question import current_form
from codman.review.triage.determination import needed
from codman.review.triage.override import Override, OverrideRefused, override, tier_of
from codman.review.triage.rules import current_rules
from codman.review.triage.tier import ORDER, triage
from codman.spine.determination import DeterminationFields, Outcome
from codman.spine.use import Tier

WHY = "The alert is read by a nurse who screens every patient anyway"


def triaged(typed=SEPSIS):
    return triage(current_rules(), fill(current_form(), typed).settled)


MEDIUM, HIGH = triaged(), triaged(SEPSIS | {"learns": "yes"})


def at(hour):
    return f"2026-11-21T{hour:02}:00:00Z"


def test_anybody_who_may_can_raise_it_alone_and_without_a_reason():
    made = override(MEDIUM, Tier.HIGH, by="ada", at=at(1))

    assert tier_of(MEDIUM, [made]) is Tier.HIGH
    assert not made.lowers


def test_lowering_takes_a_reason_and_a_second_person():
    made = override(MEDIUM, Tier.LOW, by="ada", second="ben", reason=WHY, at=at(1))

    assert tier_of(MEDIUM, [made]) is Tier.LOW


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        ({"by": "ada", "second": "ben"}, "needs a reason"),
        ({"by": "ada", "second": "ben", "reason": "   ok   "}, "needs a reason"),
        ({"by": "ada", "reason": WHY}, "needs a second person"),
        ({"by": "ada", "second": "ada", "reason": WHY}, "needs a second person"),
        ({"by": "ada", "second": "ben", "reason": WHY, "involved": {"ben"}}, "may not lower"),
        ({"by": "ada", "second": "ben", "reason": WHY, "involved": {"ada"}}, "may not lower"),
    ],
)
def test_lowering_without_them_is_refused(given_, why):
    with pytest.raises(OverrideRefused, match=why):
        override(MEDIUM, Tier.LOW, at=at(1), **given_)


def test_whoever_answers_for_it_may_raise_it():
    assert override(MEDIUM, Tier.HIGH, by="ada", at=at(1), involved={"ada"}).to is Tier.HIGH


def test_the_same_tier_again_is_refused():
    with pytest.raises(OverrideRefused, match="it is medium already"):
        override(MEDIUM, Tier.MEDIUM, by="ada", at=at(1))


def test_taking_back_a_raise_is_a_way_down():
    raised = override(MEDIUM, Tier.HIGH, by="ada", at=at(1))

    with pytest.raises(OverrideRefused, match="needs a reason"):
        override(MEDIUM, Tier.MEDIUM, by="ada", at=at(2), earlier=[raised])
    back = override(MEDIUM, Tier.MEDIUM, by="ada", second="ben", reason=WHY, at=at(2), earlier=[raised])
    assert tier_of(MEDIUM, [raised, back]) is Tier.MEDIUM


def test_a_lowered_tier_falls_away_when_the_rules_come_to_say_more():
    made = override(MEDIUM, Tier.LOW, by="ada", second="ben", reason=WHY, at=at(1))

    assert tier_of(HIGH, [made]) is Tier.HIGH
    assert tier_of(MEDIUM, [made]) is Tier.LOW


def test_a_raised_tier_stays_a_floor():
    made = override(MEDIUM, Tier.HIGH, by="ada", at=at(1))

    assert tier_of(MEDIUM, [made]) is Tier.HIGH
    assert tier_of(HIGH, [made]) is Tier.HIGH


def test_lowering_starts_from_what_binds_while_questions_are_open():
    open_ = triaged(without("condition_state"))

    assert (open_.tier, open_.binding) == (Tier.MEDIUM, Tier.HIGH)
    with pytest.raises(OverrideRefused, match="needs a reason"):
        override(open_, Tier.MEDIUM, by="ada", at=at(1))


def test_what_is_prohibited_cannot_be_lowered():
    forbidden = triaged(SEPSIS | {"in_eu": "yes", "notified_body": "no", "practices": ["social-scoring"]})

    with pytest.raises(OverrideRefused, match="prohibited"):
        override(forbidden, Tier.LOW, by="ada", second="ben", reason=WHY, at=at(1))
    lowered = override(HIGH, Tier.LOW, by="ada", second="ben", reason=WHY, at=at(1))
    assert tier_of(forbidden, [lowered]) is Tier.HIGH


PEOPLE = st.sampled_from(["ada", "ben", "cem"])


@given(
    st.lists(
        st.tuples(st.sampled_from(Tier), PEOPLE, PEOPLE | st.none(), st.sampled_from([None, "ok", WHY])), max_size=6
    ),
    st.sets(PEOPLE, max_size=2),
)
def test_no_run_of_overrides_lowers_it_without_two_uninvolved_people_and_a_reason(tries, involved):
    made: list[Override] = []
    for hour, (to, by, second, reason) in enumerate(tries, 1):
        before = tier_of(MEDIUM, made)
        try:
            made.append(
                override(MEDIUM, to, by=by, second=second, reason=reason, at=at(hour), involved=involved, earlier=made)
            )
        except OverrideRefused:
            continue
        after = tier_of(MEDIUM, made)
        assert after is to
        if ORDER.index(after) < ORDER.index(before):
            assert reason == WHY
            assert second not in (None, by)
            assert not {by, second} & involved


def determination(**fields):
    told = {
        "use": "use-1",
        "outcome": Outcome.QUALITY_IMPROVEMENT,
        "determined_by": "Office of research",
        "determined_on": "2026-11-01",
        "recorded_by": "person-1",
        "covers": "A rollout ward by ward, with monthly counts",
    }
    return DeterminationFields.model_validate(told | fields)


def test_a_determination_stands_from_its_day_to_its_last_day():
    made = determination(outcome=Outcome.FULL_BOARD, reference="2026-114", expires_on="2027-10-31")

    assert [made.stands(day) for day in ("2026-10-31", "2026-11-01", "2027-10-31", "2027-11-01")] == [
        False,
        True,
        True,
        False,
    ]
    assert determination().stands("2040-01-01")


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": Outcome.EXPEDITED},
        {"outcome": Outcome.FULL_BOARD},
        {"outcome": Outcome.EXEMPT},
        {"outcome": Outcome.EXEMPT, "exempt_category": 9},
        {"exempt_category": 4},
        {"expires_on": "2026-10-01"},
        {"covers": "  "},
    ],
)
def test_a_determination_that_lacks_what_its_kind_has_is_refused(fields):
    with pytest.raises(ValidationError):
        determination(**fields)


def test_an_exemption_names_its_category():
    assert determination(outcome=Outcome.EXEMPT, exempt_category=4).exempt_category == 4


def test_whether_one_is_needed_follows_the_answers():
    assert needed(triaged(SEPSIS | {"generalisable": "yes"})) is True
    assert needed(triaged()) is False
    assert needed(triaged(without("generalisable"))) is None
