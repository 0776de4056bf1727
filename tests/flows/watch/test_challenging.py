"""A challenger beside the model in use: what is left out of a look, what belongs together, and what the book counts."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "events"))
from event_rows import table
from watched import PLAN, Watched

from codman.flows.operator import OPERATOR
from codman.flows.watch.challenge_rows import DIFFER, NothingToCompare
from codman.flows.watch.challenging import Challenge, Challenged, NoSuchVersion, OtherwisePlanned, challenge
from codman.flows.watch.keeping import plan_use
from codman.flows.watch.running import run_due
from codman.registry.access import NotAllowed
from codman.registry.log import SYSTEM
from codman.registry.nouns import VERSIONS
from codman.registry.replay import check_records
from codman.registry.standing import standing_of
from codman.spine.event import EventType
from codman.spine.product import VersionFields

BEGAN = datetime(2026, 9, 1, 6, tzinfo=UTC)
IN_OCTOBER = datetime(2026, 10, 10, tzinfo=UTC)


@pytest.fixture
def house(tmp_path, database_url):
    made = Watched(tmp_path, database_url)
    with made.house.database.changing(SYSTEM) as change:
        for label in ("1.3.0", "1.4.0"):
            fields = VersionFields(product="sepsis", label=label, digest=label[2] * 64)
            VERSIONS.add(change, fields, f"sepsis-{label.replace('.', '')}")
    plan_use(made.house, made.person("owner"), "ward", text=PLAN, why="what is tried here")
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)
    made.house.close()


def scored(
    house: Watched,
    *,
    n: int = 400,
    better: str = "1.3.0",
    later: timedelta = timedelta(minutes=1),
    shown: bool = False,
    start: datetime = BEGAN,
    first: int = 0,
) -> None:
    """Patients whom both versions score twice, a minute apart; the champion knows half of what the challenger knows."""
    chance = np.random.default_rng(7 + first)
    risk, noise = chance.normal(size=n), chance.normal(0, 1.5, n)
    event = chance.random(n) < 1 / (1 + np.exp(1 - 1.5 * risk))
    said = {"1.2.0": 1 / (1 + np.exp(1 - risk - noise)), better: 1 / (1 + np.exp(1 - 1.5 * risk))}
    rows, outcomes = [], []
    for i in range(n):
        for again in range(2):
            at = start + timedelta(minutes=60 * i + 20 * again)
            for version, score in said.items():
                mine = version == "1.2.0"
                name = f"{version}-{first + i}-{again}"
                rows.append(
                    house.prediction(
                        name, version=version, subject=f"p{first + i}", score=float(score[i]), shown=mine or shown,
                        predicted_at=at if mine else at + later,
                    )
                )  # fmt: skip
        outcomes.append(
            {
                "source": "ehr", "id": f"o{first + i}", "use": "ward", "subject": f"p{first + i}",
                "label": float(event[i]), "occurred_at": start + timedelta(minutes=60 * i + 600),
                "observed_at": start + timedelta(minutes=60 * i + 1200),
            }
        )  # fmt: skip
    house.take(EventType.PREDICTION, table(rows))
    house.take(EventType.OUTCOME, table(outcomes))
    house.house.events.move()


def looked(house: Watched, *, keep: bool = False, **more: object) -> Challenged:
    asked = {"use": "ward", "challenger": "1.3.0", "planned": 600, "at": IN_OCTOBER, "margins": {"auroc": -0.02}}
    return challenge(house.house, OPERATOR, Challenge(**{**asked, **more}), keep=keep)


def test_a_shadows_predictions_stay_out_of_the_look_at_what_the_ward_works_with(house):
    house.month(8)
    house.month(9)
    scored(house, n=30)

    ran = run_due(house.house, IN_OCTOBER)

    final = next(one for one in ran.looked if "ranks" in one.outcomes)
    said = house.house.store.recall(final.statements[0]).predicate
    assert said.rows.evaluated == 900 + 60  # what September and both visits of thirty patients were shown
    assert "predictions that nobody was shown, while others were, are left out: 60 of 1.3.0" in said.note
    assert said.version == "1.2.0"


def test_where_nobody_was_shown_anything_a_silent_phase_is_looked_at(house):
    house.month(8)
    rows = [
        house.prediction(f"{version}-{i}", version=version, subject=f"p{i}", predicted_at=BEGAN, score=0.5, shown=False)
        for version in ("1.2.0", "1.3.0")
        for i in range(40)
    ]
    house.take(EventType.PREDICTION, table(rows))

    ran = run_due(house.house, IN_OCTOBER)

    said = house.house.store.recall(ran.looked[0].statements[0]).predicate
    assert said.rows.evaluated == 80
    assert "nobody was shown" not in said.note


def test_a_challenger_in_shadow_is_compared_on_the_same_patients_and_found_better(house):
    scored(house)

    found = looked(house).said

    change = next(m for m in found.measurements if m.metric == "auroc_change")
    assert change.lower > 0
    assert change.params["conclusion"] == "superior"
    assert change.method.startswith("asymptotic-confidence-sequence")
    assert (found.rows.evaluated, found.rows.patients) == (800, 400)
    assert found.version == "1.3.0"
    assert (found.spec.planned, found.spec.attempt, found.spec.thresholds) == (600, 1, [0.3])
    assert "A is version 1.2.0, B is version 1.3.0" in found.note
    assert "staff saw the champion's predictions and not the challenger's" in found.note
    assert change.window.start == "2026-09-01T06:01:00Z"


def test_what_could_not_be_paired_is_counted_by_reason(house):
    scored(house, n=60)
    scored(house, n=40, first=100, later=timedelta(minutes=9), start=BEGAN + timedelta(hours=1))
    rows = [
        house.prediction("lone-a", subject="s901", predicted_at=BEGAN + timedelta(hours=3), score=0.5),
        house.prediction("early", subject="s902", predicted_at=BEGAN - timedelta(minutes=2), score=0.5),
        house.prediction("lone-b", version="1.3.0", subject="s903", predicted_at=BEGAN + timedelta(hours=3), score=0.5),
        house.prediction("split-a", subject="s904", predicted_at=BEGAN + timedelta(hours=3), score=0.5),
        house.prediction(
            "split-b", version="1.3.0", subject="s904", predicted_at=BEGAN + timedelta(hours=3), score=0.5
        ),
    ]
    house.take(EventType.PREDICTION, table(rows))
    told = {"source": "ehr", "use": "ward", "occurred_at": BEGAN + timedelta(days=1)}
    told["observed_at"] = BEGAN + timedelta(days=2)
    outcomes = [
        told | {"id": f"x-{name}", "prediction_id": name, "label": y}
        for name, y in (("split-a", 1.0), ("split-b", 0.0))
    ]
    house.take(EventType.OUTCOME, table(outcomes))

    rows = looked(house).said.rows

    assert rows.excluded == {
        "a patient whom the challenger never scored": 1,
        "a patient whom the champion never scored": 1,
        "no prediction of the challenger within 5 minutes": 80,
        "no prediction of the champion within 5 minutes": 80,
        DIFFER: 1,
    }
    assert rows.eligible == rows.evaluated + sum(rows.excluded.values())
    assert looked(house, within=timedelta(minutes=10)).said.rows.evaluated == 200


def test_an_outcome_that_is_observed_later_is_not_known_yet(house):
    scored(house)

    early = looked(house, at=BEGAN + timedelta(hours=191, minutes=30)).said.rows

    # a patient an hour, each twice, observed twenty hours later: of 192 patients those of the first 172 hours
    assert early.evaluated == 2 * 172
    assert early.excluded == {"label missing": 2 * 192 - 2 * 172}


def test_what_is_filed_is_signed_by_the_house_and_counts_the_challengers_of_the_use(house):
    scored(house, n=100)
    scored(house, n=100, first=300, better="1.4.0", start=BEGAN + timedelta(days=10))

    first = looked(house, keep=True)
    again = looked(house, keep=True, at=IN_OCTOBER + timedelta(days=1))
    second = looked(house, keep=True, challenger="sepsis-140")

    assert [one.said.spec.attempt for one in (first, again, second, looked(house))] == [1, 1, 2, 2]
    with house.house.database.reading() as connection:
        assert standing_of(connection, [first.digest])[first.digest].word == "verified"
    assert house.house.store.recall(first.digest).predicate.version == "1.3.0"


def test_a_look_that_is_planned_otherwise_than_the_first_is_refused(house):
    scored(house, n=100)
    looked(house, keep=True)

    with pytest.raises(OtherwisePlanned, match="700 patients"):
        looked(house, planned=700)
    with pytest.raises(OtherwisePlanned, match=r"auroc=-0\.05"):
        looked(house, margins={"auroc": -0.05})
    assert looked(house, design="paired", margins={}).filed is False


def test_each_patient_of_an_ab_test_counts_in_the_arm_that_was_shown_first(house):
    chance = np.random.default_rng(4)
    rows, outcomes = [], []
    for i in range(400):
        arm = "1.3.0" if i % 2 else "1.2.0"
        at, risk = BEGAN + timedelta(hours=i), chance.beta(1.2, 3.0)
        plain = {"subject": f"q{i}", "score": float(risk), "shown": True}
        rows.append(house.prediction(f"q{i}", version=arm, predicted_at=at, **plain))
        if i < 40:  # the other version, later
            other = "1.2.0" if i % 2 else "1.3.0"
            rows.append(house.prediction(f"q{i}x", version=other, predicted_at=at + timedelta(hours=2), **plain))
        y = float(chance.random() < risk)
        outcomes.append(
            {
                "source": "ehr", "id": f"q{i}", "use": "ward", "subject": f"q{i}", "label": y,
                "occurred_at": at + timedelta(hours=5), "observed_at": at + timedelta(hours=6),
            }
        )  # fmt: skip
    house.take(EventType.PREDICTION, table(rows))
    house.take(EventType.OUTCOME, table(outcomes))

    found = looked(house, design="ab").said

    # the first patient had the champion before the challenger ever spoke, and then the challenger first
    assert found.rows.excluded == {"shown after the other version": 39}
    assert (found.rows.patients, found.rows.evaluated) == (400, 400)
    assert "199 had the champion, 201 the challenger; 39 were shown the other later" in found.note
    shares = {m.params["model"]: m.n for m in found.measurements if m.metric == "prevalence"}
    assert shares == {"a": 199, "b": 201}
    assert next(m for m in found.measurements if m.metric == "auroc_change").method.endswith("two-arms")


def test_a_version_that_is_not_known_or_never_spoke_is_refused(house):
    scored(house, n=30)

    with pytest.raises(NoSuchVersion, match="challenger"):
        looked(house, challenger="9.9")
    with pytest.raises(NoSuchVersion, match="champion"):
        looked(house, champion="1.3.0")
    with pytest.raises(NothingToCompare, match="cannot be compared"):
        looked(house, challenger="1.4.0")


def test_who_may_not_plan_a_monitor_may_not_look_at_a_challenger(house):
    with pytest.raises(NotAllowed):
        challenge(house.house, house.person("viewer"), Challenge(use="ward", challenger="1.3.0", planned=100))
