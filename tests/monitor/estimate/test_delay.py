import numpy as np
import pytest

from codman.monitor.estimate.delay import arrived_by, by_arrival, by_horizon, early_against_final


def test_the_chance_that_a_label_is_here_is_one_minus_kaplan_meier_of_the_delay():
    # labels after 1, 2 and 4 days; one awaited since 3, one since 5 days
    delay = np.array([1.0, 2.0, np.nan, 4.0, np.nan])
    age = np.array([9.0, 9.0, 3.0, 9.0, 5.0])
    here = ~np.isnan(delay)

    found = arrived_by(delay, age, here, np.array([0.5, 1.0, 2.5, 3.0, 4.0, 8.0]))

    # at risk 5, 4, then (3 censored) 2: survival 4/5, 4/5 * 3/4, 4/5 * 3/4 * 1/2
    assert found == pytest.approx([0.0, 0.2, 0.4, 0.4, 0.7, 0.7])


def test_labels_so_far_are_weighted_to_the_whole_window_without_bias():
    """Young rows have few labels here; their patients are riskier. Weights give the prevalence of all."""
    rng = np.random.default_rng(6)
    errors, naive = [], []
    for _ in range(150):
        age = rng.uniform(0, 60, 2000)
        event = rng.random(2000) < 0.4 - 0.005 * age  # the mix changes with time
        delay = rng.exponential(20, 2000)
        here = delay <= age
        one_window = np.zeros(2000, int)
        known = by_arrival(np.where(here, delay, np.nan), age, event & here, here, one_window, one_window)
        estimate = np.sum(known.weight * event) / known.weight.sum()
        errors.append(estimate - event.mean())
        naive.append(event[here].mean() - event.mean())

    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(150)
    assert np.mean(naive) < -0.025


def test_delays_that_differ_by_group_are_weighted_within_it():
    rng = np.random.default_rng(9)
    errors = []
    for _ in range(100):
        group = rng.integers(0, 2, 3000)
        age = rng.uniform(0, 40, 3000)
        event = rng.random(3000) < np.where(group == 1, 0.4, 0.1)
        delay = rng.exponential(np.where(group == 1, 5, 30))
        here = delay <= age
        known = by_arrival(np.where(here, delay, np.nan), age, event & here, here, group, np.zeros(3000, int))
        errors.append(np.sum(known.weight * event) / known.weight.sum() - event.mean())

    assert abs(np.mean(errors)) < 3 * np.std(errors) / 10


def test_a_window_with_all_its_labels_is_not_weighted():
    delay, age = np.array([1.0, 2.0, 3.0, np.nan]), np.array([9.0, 9.0, 9.0, 1.0])
    here, window = np.array([True, True, True, False]), np.array([0, 0, 0, 1])

    known = by_arrival(delay, age, np.zeros(4, bool), here, np.zeros(4, int), window)

    assert known.weight.tolist() == [1, 1, 1, 0]


def test_no_label_counts_for_more_than_twenty_rows():
    delay = np.append(0.5, np.full(99, np.nan))
    age = np.append(0.6, np.full(99, 2.0))
    here = np.append(True, np.full(99, False))

    known = by_arrival(delay, age, here, here, np.zeros(100, int), np.zeros(100, int))

    assert known.weight[0] == 20  # 1 in 100 is here by then
    assert known.held == 1


def test_events_within_a_horizon_are_unbiased_while_their_absence_is_awaited():
    """Events are known at once, non-events after 30 days: counting what is here counts the sick."""
    rng = np.random.default_rng(11)
    errors, naive = [], []
    for _ in range(200):
        age = rng.uniform(0, 60, 1500)
        until = rng.exponential(100, 1500)
        event = until <= 30
        here = (event & (until <= age)) | (~event & (age >= 30))
        window = np.zeros(1500, int)
        known = by_horizon(np.where(event, until, np.nan), age, event, here, 30.0, window)
        errors.append(np.sum(known.weight * known.event) / known.weight.sum() - event.mean())
        naive.append(event[here].mean() - event.mean())

    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(200)
    assert np.mean(naive) > 0.02


def test_an_event_after_the_horizon_is_none():
    delay, age = np.array([40.0, 10.0]), np.array([50.0, 50.0])

    known = by_horizon(delay, age, np.array([True, True]), np.array([True, True]), 30.0, np.zeros(2, int))

    assert known.event.tolist() == [False, True]
    assert known.weight.tolist() == [1, 1]


def test_a_delay_that_depends_on_the_label_is_found_and_one_that_does_not_is_not():
    rng = np.random.default_rng(12)
    found, false = 0, 0
    for _ in range(100):
        event = rng.random(1500) < 0.1
        same = rng.exponential(10, 1500)
        sooner = np.where(event, same / 2, same)
        final = np.ones(1500, bool)
        found += early_against_final(sooner, event, final, 10.0).biased
        false += early_against_final(same, event, final, 10.0).biased

    assert found >= 99
    assert false <= 5  # at a level of 1 %


def test_what_was_known_early_is_set_beside_the_end():
    event = np.repeat([True, False], [40, 160])
    delay = np.where(event, 2.0, np.arange(200) % 10 + 1)

    found = early_against_final(delay, event, np.ones(200, bool), 5.0)

    assert found.all_rows == 0.2
    assert found.early == pytest.approx(40 / 120)
    assert found.note.startswith(
        "possibly biased: in windows that have nearly all their labels events were known sooner"
    )


def test_without_a_window_that_is_whole_nobody_can_tell():
    event, delay = np.array([True, False]), np.array([1.0, 2.0])

    found = early_against_final(delay, event, np.array([False, False]), 5.0)

    assert found.p_value is None
    assert "no window has nearly all its labels" in found.note


def test_rows_of_one_patient_count_once():
    """Ten hours of each stay are known together: a chance difference between stays is no evidence ten times over."""
    rng = np.random.default_rng(3)
    false = 0
    for _ in range(60):
        stay = np.repeat(np.arange(300), 10).astype(np.int32)
        event = (rng.random(300) < 0.15)[stay]
        delay = rng.exponential(10, 300)[stay]
        false += early_against_final(delay, event, np.ones(3000, bool), 10.0, stay).biased

    assert false <= 4
