"""A use's plan in the book: what its policy asks, or more; less only with a reason."""

from __future__ import annotations

import pytest
from watched import PLAN, Watched

from codman.flows.watch.keeping import plan_in, plan_use, softer_plan
from codman.flows.watch.overview import overview
from codman.flows.watch.planning import Planned
from codman.flows.watched import unwatched
from codman.registry.log import SYSTEM, entries
from codman.registry.nouns import PEOPLE
from codman.registry.records import BadField
from codman.review.watching.written import written_out
from codman.spine.monitor_plan import Age, AlarmRules, WatchAction
from codman.spine.watching import MonitorState


@pytest.fixture
def house(tmp_path):
    made = Watched(tmp_path)
    yield made
    made.house.close()


def planned(house: Watched, text: str | None = None, why: str | None = None):
    given = None if text is None else text.encode()
    return plan_use(house.house, house.person("owner"), "ward", text=given, why=why)


def test_the_plan_that_follows_from_the_policy_needs_no_reason_edited_as_to_when_and_who(house):
    made = planned(house)
    words = made.plan.replace("window: month", "window: week")
    assert words != made.plan

    again = planned(house, words)

    assert [one.watch.window for one in plan_in(again).requires].count("week") > 0


def test_a_plan_that_leaves_out_what_the_policy_asks_is_refused_without_a_reason_and_names_it(house):
    with pytest.raises(BadField, match=r"asks less than the use's policy .*it is left out.*say why") as refused:
        planned(house, PLAN.decode())

    assert refused.value.field == "why"


def test_a_milder_limit_needs_a_reason_and_the_reason_stands_in_the_log(house):
    made = planned(house)
    plan = plan_in(made)
    bound = next(one.requirement for one in plan.requires if getattr(one.requirement.asks, "at_least", None))
    milder = made.plan.replace(f"at_least: {bound.asks.at_least:g}", f"at_least: {bound.asks.at_least - 0.1:g}", 1)
    assert milder != made.plan
    with pytest.raises(BadField, match=r"at least .* became"):
        planned(house, milder)

    planned(house, milder, why="the ward's own agreement")

    with house.house.database.reading() as connection:
        last = [one for one in entries(connection) if one.value["action"] == "monitor.create"][-1]
    assert last.value["why"] is not None


def test_a_stricter_plan_needs_none(house):
    made = planned(house)
    bound = next(one.requirement for one in plan_in(made).requires if getattr(one.requirement.asks, "at_least", None))
    stricter = made.plan.replace(f"at_least: {bound.asks.at_least:g}", f"at_least: {bound.asks.at_least + 0.05:g}", 1)

    assert planned(house, stricter).plan == stricter


def softened(plan, **watch):
    """A plan in which each requirement is watched otherwise, as somebody writes it."""
    each = tuple(one.model_copy(update={"watch": one.watch.model_copy(update=watch)}) for one in plan.requires)
    return written_out(plan.model_copy(update={"requires": each}))


@pytest.mark.parametrize(
    ("watch", "said"),
    [
        ({"window": "year"}, "each month became each year"),
        ({"window": "rows:99999999"}, "each month became every 99,999,999 rows"),
        ({"due_days": 365}, "due after 14 days became 365"),
        ({"actions": (WatchAction.SIGNAL,)}, "no pause is proposed"),
        ({"age": Age.ESTIMATED}, "looked at once outcomes are known became before outcomes are known"),
        ({"responsible": "The vendor"}, "it is left to The vendor"),
    ],
)
def test_a_plan_that_looks_less_often_later_or_with_less_to_follow_needs_a_reason(house, watch, said):
    plan = plan_in(planned(house))
    text = softened(plan, **watch)

    with pytest.raises(BadField, match=f"{said}.*say why"):
        planned(house, text)
    made = planned(house, text, why="the ward asked")

    assert any(said in one for one in softer_plan(house.house, house.person("owner"), "ward", plan_in(made)))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"label_delay_days": 3000}, "outcomes are waited for 3,000 days, more than 90"),
        ({"silence_days": 300}, "300 days without events before it counts, not 3"),
        ({"labels_days": 300}, "300 days without outcomes before it counts, not 14"),
        ({"alarms": AlarmRules(level=0.0001)}, "alarms at the level 0.0001, not 0.05"),
        ({"alarms": AlarmRules(persistence=(10, 10))}, "an alarm waits for 10 of 10 windows"),
        ({"alarms": AlarmRules(quiet=1)}, "an alarm is over after 1 window, not 3"),
        ({"starts_on": "2099-01-01"}, "nothing is watched from 1 Nov 2026 to its start on 1 Jan 2099"),
    ],
)
def test_a_plan_that_begins_late_waits_long_or_raises_fewer_alarms_needs_a_reason(house, fields, said):
    plan = plan_in(planned(house)).model_copy(update=fields)

    with pytest.raises(BadField, match=f"{said}.*say why"):
        planned(house, written_out(plan))


def test_the_plan_of_the_policy_needs_a_reason_too_where_it_begins_late(house):
    with pytest.raises(BadField, match="to its start on 1 Jan 2099"):
        plan_use(house.house, house.person("owner"), "ward", said=Planned(starts_on="2099-01-01"))


def test_outcomes_known_within_a_quarter_and_more_frequent_looks_need_none(house):
    plan = plan_in(planned(house)).model_copy(update={"label_delay_days": 90})

    assert planned(house, softened(plan, window="week", due_days=7)).state is MonitorState.ACTIVE


def test_a_use_whose_plan_begins_on_a_later_day_is_watched_by_nobody_until_then(house):
    text = written_out(plan_in(planned(house)).model_copy(update={"starts_on": "2026-11-20"}))
    planned(house, text, why="it moves to another ward")

    def bare(day: str) -> list[str]:
        with house.house.database.reading() as connection:
            return [one.id for one in unwatched(connection, ("/",), day)]

    assert (bare("2026-11-19"), bare("2026-11-20")) == (["ward"], [])
    assert [(one.rank, one.watched) for one in overview(house.house, house.officer)] == [("unwatched", False)]


def test_planning_anew_skips_no_window(house):
    first = planned(house)
    house.clock.forward(days=20)
    second = planned(house)
    house.clock.forward(days=20)

    assert {first.starts_on, second.starts_on, planned(house).starts_on} == {"2026-11-01"}


def test_nobody_whose_account_is_closed_is_to_hear_of_what_a_monitor_sees(house):
    with house.house.database.changing(SYSTEM) as change:
        PEOPLE.change(change, "p-idle", {"active": False}, None)

    with pytest.raises(BadField, match="their account is closed"):
        plan_use(house.house, house.person("owner"), "ward", said=Planned(), owner="p-idle")
