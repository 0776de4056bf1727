from collections import Counter

import numpy as np
import pytest

from codman.monitor.effect_of_care import Cause, Seen, explain

THRESHOLD = 0.2


def logistic(x):
    return 1 / (1 + np.exp(-x))


def world(rng, n, *, worse=False, care=0.0, silent=0.2):
    """A reference that nobody saw, and rows since: shown but for a silent share, acted on above the threshold."""

    def draw(slope, base, shown_share):
        x = rng.normal(size=n)
        shown = rng.random(n) < shown_share
        score = logistic(-2.2 + 1.3 * x)
        acted = shown & (score >= THRESHOLD) & (rng.random(n) < 0.8)
        risk = logistic(base + slope * x) * np.where(acted, 1 - care, 1.0)
        return Seen(score=score, outcome=rng.random(n) < risk, shown=shown, acted=acted)

    return draw(1.3, -2.2, 0.0), draw(0.7 if worse else 1.3, -2.0 if worse else -2.2, 1 - silent)


def verdicts(runs, n, seed=5, **kind):
    rng = np.random.default_rng(seed)
    return Counter(explain(*world(rng, n, **kind), threshold=THRESHOLD).cause for _ in range(runs))


def test_a_worse_model_is_told_from_care_that_works():
    """The stated rates, with 20,000 rows of which a fifth are silent."""
    assert verdicts(60, 20_000, worse=True)[Cause.WORSENED] >= 58
    assert verdicts(60, 20_000, care=0.5)[Cause.CARE] >= 55
    assert verdicts(60, 20_000, worse=True, care=0.5)[Cause.WORSENED] >= 58
    assert verdicts(60, 20_000)[Cause.NO_FALL] >= 54


def test_care_that_works_is_seldom_taken_for_a_worse_model():
    found = verdicts(100, 3000, care=0.5)

    assert found[Cause.WORSENED] <= 8
    assert found[Cause.UNRESOLVED] >= 60  # 600 silent rows cannot show that the model held


def test_without_silent_rows_it_stays_open_and_says_what_to_do():
    reference, current = world(np.random.default_rng(1), 20_000, care=0.5, silent=0.0)

    found = explain(reference, current, threshold=THRESHOLD)

    assert found.cause is Cause.UNRESOLVED
    assert found.waits
    assert "Keep a share of rows silent. Rollback and retraining wait." in found.sentence


@pytest.mark.parametrize(("kind", "all_known"), [({"worse": True}, Cause.WORSENED), ({"care": 0.5}, Cause.CARE)])
def test_outcomes_known_early_decide_neither_for_care_nor_for_a_worse_model(kind, all_known):
    reference, current = world(np.random.default_rng(3), 20_000, **kind)

    assert explain(reference, current, threshold=THRESHOLD, known=0.9).cause is all_known
    found = explain(reference, current, threshold=THRESHOLD, known=0.62)

    assert found.cause is Cause.UNRESOLVED
    assert found.waits
    assert found.sentence.startswith("Only 62% of the outcomes are known")


def test_events_below_every_alert_show_a_worse_model_even_then():
    rng = np.random.default_rng(2)
    reference, current = world(rng, 20_000, silent=0.0)
    low = current.score < THRESHOLD
    outcome = np.where(low, rng.random(20_000) < np.minimum(2 * current.score, 1), current.outcome)
    missed = Seen(score=current.score, outcome=outcome, shown=current.shown, acted=current.acted)

    found = explain(reference, missed, threshold=THRESHOLD)

    assert found.cause is Cause.WORSENED
    assert found.sentence.startswith("Below every alert, where nobody acts, O:E is")


def test_what_the_verdict_rests_on_is_measured():
    reference, current = world(np.random.default_rng(3), 20_000, care=0.5)

    found = explain(reference, current, threshold=THRESHOLD).measurements

    silent = found.where("auroc_change", group="silent")[0]
    shown = found.where("oe_ratio_change", group="shown")[0]
    assert silent.lower < 0 < silent.upper
    assert shown.upper < 0
    dose = [m for m in found if m.metric == "action_rate"]
    assert dose[0].value == 0
    assert dose[-1].value == pytest.approx(0.8, abs=0.05)
    assert sum(m.n for m in dose) == int(current.shown.sum())


def test_the_auroc_change_has_delongs_variance():
    rng = np.random.default_rng(4)
    changes, widths = [], []
    for _ in range(150):
        reference, current = world(rng, 1500, silent=0.5)
        row = explain(reference, current, threshold=THRESHOLD).measurements.where("auroc_change", group="silent")[0]
        changes.append(row.value)
        widths.append(row.upper - row.lower)

    assert np.std(changes) == pytest.approx(np.mean(widths) / (2 * 1.96), rel=0.15)


def test_few_shown_rows_decide_nothing():
    reference, current = world(np.random.default_rng(6), 50)

    assert explain(reference, current, threshold=THRESHOLD).cause is Cause.UNRESOLVED
