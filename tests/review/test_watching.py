"""Plans from policies, their windows and days, a partner's contract, and whether a report fits it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.review.packs.catalog import every_pack
from codman.review.policy.exhibit import merged, of_statement
from codman.review.policy.load import policy_of_bytes
from codman.review.policy.written import BadPolicy
from codman.review.watching.conform import conform
from codman.review.watching.contract import contract_for
from codman.review.watching.plan import NoSuchPartner, NotForMonitoring, plan_of, policy_of_plan
from codman.review.watching.softer import softer_than
from codman.review.watching.windows import Span, due_on, following, is_window, window_of
from codman.review.watching.written import plan_of_bytes, written_out
from codman.spine.monitor_plan import Age, AlarmRules, MonitorPlan, WatchAction
from policy_evidence import evaluation, measured, read

POLICY = b"""
policy: sepsis-monitoring
edition: 2026-11
checkpoint: monitoring
requires:
  - id: watched
    title: It was looked at
    evidence: monitoring
    max_age_days: 35
  - id: discrimination
    origin: [developer]
    max_age_days: 100
    measurement: {metric: auroc, at_least: 0.75, min_positives: 100}
  - id: alerts
    max_age_days: 10
    severity: warn
    measurement: {metric: alert_rate, threshold: 0.2, at_most: 0.1}
  - id: card
    document: model-card
"""
AT = datetime(2026, 11, 21, tzinfo=UTC)


def sepsis(**more: object) -> MonitorPlan:
    given = {
        "partner": "Vendor 1",
        "label_delay_days": 30,
        "accountable": "person-7",
        "product": "flc",
        "use": "clinic",
    }
    return plan_of(policy_of_bytes(POLICY, "sepsis.yaml"), text=POLICY, **(given | more))


def quarter(**more: object) -> dict[str, object]:
    row = measured("auroc", 0.81, 0.78, 0.84, **more)
    return row | {"window": {"start": "2026-07-01", "end": "2026-10-01"}}


def told(*rows: dict[str, object], **said: object) -> tuple[str, ...]:
    """What is wrong with these rows, for the vendor's contract."""
    sent = read(evaluation(*rows, **({"origin": "developer"} | said)))
    contract = contract_for(sepsis(), "Vendor 1", date(2026, 11, 21))
    (found,) = conform(contract, merged([of_statement(sent, [])]), AT)
    return found.problems


def test_each_requirement_gets_a_window_a_person_and_what_follows_from_its_policy():
    plan = sepsis()
    by_id = {one.requirement.id: one.watch for one in plan.requires}

    assert {name: watch.window for name, watch in by_id.items()} == {
        "watched": "month",
        "discrimination": "quarter",
        "alerts": "week",
        "card": "quarter",
    }
    # what the policy wants of the developer is the partner's to compute; the rest is the house's
    assert {name: watch.responsible for name, watch in by_id.items()} == {
        "watched": "codman",
        "discrimination": "Vendor 1",
        "alerts": "codman",
        "card": "codman",
    }
    assert by_id["discrimination"].actions == (WatchAction.SIGNAL, WatchAction.TELL, WatchAction.PROPOSE_PAUSE)
    assert by_id["alerts"].actions == (WatchAction.SIGNAL,)
    assert all(watch.accountable == "person-7" and watch.age is Age.FINAL for watch in by_id.values())
    assert plan.made_from is not None
    assert plan.made_from.policy == "sepsis-monitoring"


def test_a_plan_is_made_only_of_a_monitoring_policy():
    other = policy_of_bytes(POLICY.replace(b"checkpoint: monitoring", b"checkpoint: go-live"), "p.yaml")
    with pytest.raises(NotForMonitoring, match="go-live"):
        plan_of(other)


def test_a_written_plan_reads_back_as_the_same_plan_and_demands_what_the_policy_did():
    plan = sepsis(starts_on="2026-12-01")
    back = plan_of_bytes(written_out(plan).encode(), "plan.yaml")

    assert back.model_dump(exclude={"requires": {"__all__": {"requirement": {"line"}}}}) == plan.model_dump(
        exclude={"requires": {"__all__": {"requirement": {"line"}}}}
    )
    assert [one.id for one in policy_of_plan(back).requires] == ["watched", "discrimination", "alerts", "card"]


@pytest.mark.parametrize(
    "policy", [p for pack in every_pack() for p in pack.checkpoints if p.checkpoint == "monitoring"]
)
def test_every_ready_monitoring_policy_makes_a_plan_that_reads_back(policy):
    plan = plan_of(policy)
    assert written_out(plan_of_bytes(written_out(plan).encode(), "plan.yaml")) == written_out(plan)


@pytest.mark.parametrize(
    ("wrong", "line", "said"),
    [
        (b"watch: {window: fortnight}", 6, "window"),
        (b"watch: {windows: month}", 6, "unknown key 'windows'"),
        (b"watch: {actions: [signal, signal]}", 6, "twice"),
        (b"watch: {due_days: -1}", 6, "due_days"),
        (b"watched: {}", 6, "unknown key 'watched'"),
    ],
)
def test_what_is_wrong_in_a_plan_is_told_with_its_line(wrong, line, said):
    text = b"plan: p\nedition: '1'\nrequires:\n  - id: a\n    measurement: {metric: auroc, at_least: 0.7}\n    " + wrong
    with pytest.raises(BadPolicy, match=said) as caught:
        plan_of_bytes(text, "plan.yaml")
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("window", "persistence", "later"),
    [
        ("week", (2, 3), False),
        ("week", (1, 1), False),
        ("week", (2, 4), False),
        ("week", (2, 2), True),  # one beyond, one within and one beyond raise nothing
        ("week", (3, 4), True),
        ("month", (1, 1), False),
        ("month", (1, 3), False),
        ("month", (2, 2), True),
    ],
)
def test_an_alarm_that_needs_more_windows_than_is_usual_is_softer(window, persistence, later):
    plan = sepsis().model_copy(update={"alarms": AlarmRules(persistence=persistence)})
    each = (one.model_copy(update={"watch": one.watch.model_copy(update={"window": window})}) for one in plan.requires)
    plan = plan.model_copy(update={"requires": tuple(each)})

    said = softer_than(policy_of_bytes(POLICY, "p.yaml"), plan)

    k, n = persistence
    assert (f"an alarm waits for {k} of {n} windows" in said) is later


def test_weeks_begin_on_monday_and_quarters_in_january():
    saturday = date(2026, 11, 21)
    assert window_of("week", saturday) == Span(date(2026, 11, 16), date(2026, 11, 23))
    assert window_of("month", saturday) == Span(date(2026, 11, 1), date(2026, 12, 1))
    assert window_of("quarter", saturday) == Span(date(2026, 10, 1), date(2027, 1, 1))
    assert window_of("half-year", saturday) == Span(date(2026, 7, 1), date(2027, 1, 1))
    assert window_of("rows:500", saturday) is None


@given(st.dates(date(1990, 1, 1), date(2200, 1, 1)), st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_windows_follow_each_other_without_a_gap_and_hold_their_day(day, rule):
    span = window_of(rule, day)
    assert span is not None
    assert span.start <= day < span.end
    after = following(rule, span.end)
    assert next(after).start == span.end
    assert is_window(rule, span.start.isoformat(), span.end.isoformat())
    assert not is_window(rule, span.start.isoformat(), day.isoformat())


def test_a_number_that_needs_outcomes_is_due_once_they_are_known():
    contract = contract_for(sepsis(), "Vendor 1", date(2026, 11, 21))
    (only,) = contract.requires

    assert [(due.start, due.end, due.due_on) for due in only.watch.due[:2]] == [
        ("2026-10-01", "2027-01-01", "2027-02-14"),  # 30 days of outcomes and 14 to report
        ("2027-01-01", "2027-04-01", "2027-05-15"),
    ]
    assert due_on(Span(date(2026, 10, 1), date(2027, 1, 1)), label_delay_days=0, due_days=14) == date(2027, 1, 15)
    assert (
        only.watch.format
        == "a signed statement of kind evaluation (schema /schemas/evaluation/v1.json), origin developer"
    )
    assert plan_of_bytes(written_out(contract).encode(), "contract.yaml").partner == "Vendor 1"


def test_who_has_no_part_in_a_plan_is_told_who_has():
    with pytest.raises(NoSuchPartner, match="Vendor 1"):
        contract_for(sepsis(), "Vendor 2", date(2026, 11, 21))


def test_a_report_that_fits_has_nothing_against_it_even_where_it_misses_its_bound():
    assert told(quarter()) == ()
    low = measured("auroc", 0.61, 0.58, 0.64) | {"window": {"start": "2026-07-01", "end": "2026-10-01"}}
    assert told(low) == ()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (measured("auroc", 0.81, 0.78, 0.84), "names no window"),
        (quarter() | {"window": {"start": "2026-07-02", "end": "2026-10-01"}}, "2026-07-01 to 2026-10-01"),
        (quarter() | {"lower": None, "upper": None, "level": None}, "no interval"),
        (quarter(level=0.9), "at least 0.95"),
        (quarter(n=None), "give n"),
        (quarter(method=""), "give method"),
        (quarter() | {"value": None, "lower": None, "upper": None, "note": "suppressed"}, "suppressed"),
        (measured("auprc", 0.4, 0.3, 0.5), "does not measure AUROC"),
    ],
)
def test_what_a_partner_would_fail_on_is_told_before_the_day(row, said):
    assert said in " ".join(told(row))


def test_a_report_about_another_use_or_of_nobodys_product_is_told():
    assert "not clinic" in " ".join(told(quarter(), use="ward"))
    assert "not flc" in " ".join(told(quarter(), product="other"))


def test_a_report_of_the_wrong_origin_is_told():
    assert told(quarter(), origin="local") != ()
