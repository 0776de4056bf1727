import numpy as np
import pytest
from scipy import stats

from codman.monitor.process import Alerts, process_measures


def of(overridden, acted, hours, days):
    alerts = Alerts(
        overridden=np.array(overridden), acted=np.array(acted), hours=np.array(hours, float), patient_days=days
    )
    return {m.metric: m for m in process_measures(alerts, threshold=0.3)}


def test_what_staff_do_is_counted():
    overridden = [True] * 5 + [False] * 15
    hours = [np.nan] * 5 + list(np.arange(1.0, 16.0))

    found = of(overridden, [not one for one in overridden], hours, 400.0)

    assert found["override_rate"].value == 0.25
    assert found["action_rate"].value == 0.75
    assert found["time_to_action"].value == 8.0
    assert found["time_to_action"].n == 15
    assert found["alerts_per_100_patient_days"].value == 5.0
    assert found["alerts_per_100_patient_days"].params == {"threshold": 0.3}


def test_the_rate_has_the_exact_poisson_interval():
    found = of([False] * 20, [True] * 20, [1.0] * 20, 400.0)["alerts_per_100_patient_days"]

    assert found.lower == pytest.approx(stats.chi2.ppf(0.025, 40) / 2 / 4)
    assert found.upper == pytest.approx(stats.chi2.ppf(0.975, 42) / 2 / 4)


def test_the_median_lies_between_its_order_statistics():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(300):
        one = of([False] * 40, [True] * 40, rng.exponential(1.0, 40), 10.0)["time_to_action"]
        held.append(one.lower <= np.log(2) <= one.upper)

    assert np.mean(held) > 0.92


def test_few_alerts_are_not_shown_and_none_is_said():
    assert of([False] * 5, [True] * 5, [1.0] * 5, 10.0)["override_rate"].suppressed
    nobody = of([], [], [], 50.0)
    assert nobody["override_rate"].note == "nobody was alerted"
    assert nobody["alerts_per_100_patient_days"].value == 0
    assert nobody["alerts_per_100_patient_days"].upper == pytest.approx(-np.log(0.025) / 50 * 100)
