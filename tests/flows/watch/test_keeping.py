"""A use's plan in the book: what its policy asks, or more; less only with a reason."""

from __future__ import annotations

import pytest
from watched import PLAN, Watched

from codman.flows.watch.keeping import plan_in, plan_use
from codman.registry.log import entries
from codman.registry.records import BadField


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
