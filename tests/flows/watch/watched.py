"""A small house whose ward's sepsis alert is live and watched: events of four months, as good or as bad as asked."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "events"))
from committee import Committee
from event_rows import table

from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, USES
from codman.spine.event import EventType
from codman.spine.site import DeploymentFields
from codman.tables.events.checks import check
from codman.tables.events.store import Part

PLAN = b"""
plan: Ward sepsis
edition: 2026-11
use: ward
label_delay_days: 5
starts_on: 2026-09-01
thresholds: [0.3]
requires:
  - id: ranks
    title: Ranks patients with the event above those without
    evidence: monitoring
    measurement: {metric: auroc, at_least: 0.7}
    watch: {window: month, due_days: 3, actions: [signal, tell, propose-pause]}
  - id: foretold
    title: Is expected to rank them
    evidence: monitoring
    measurement: {metric: estimated_auroc, at_least: 0.7}
    watch: {window: month, age: estimated, due_days: 0}
  - id: mix
    title: Sees patients like those it was made for
    evidence: monitoring
    severity: warn
    measurement: {metric: psi, feature: lactate, at_most: 0.25}
    watch: {window: month, age: estimated, due_days: 0}
"""


class Watched(Committee):
    """The house with a use that is live, its clinician, and a store of events."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        super().__init__(folder, database_url)
        self.sender = "p-one"  # of the events
        with self.house.database.changing(SYSTEM) as change:
            PEOPLE.change(change, "p-owner", {"email": "owner@example.org"}, None)
            PEOPLE.change(change, "p-clin", {"email": "clinician@example.org"}, None)
            USES.change(change, "ward", {"stage": "live", "owner": "p-owner", "tier": "high"}, None)
            run = DeploymentFields(use="ward", site="north", version="sepsis-120", mode="live", clinician="p-clin")
            DEPLOYMENTS.add(change, run, "d-north")

    def month(
        self, month: int, *, n: int = 900, useless: bool = False, shift: float = 0.0, labelled: bool = True
    ) -> None:
        """A month of predictions, and what became of each two days later."""
        chance = np.random.default_rng(100 + month)
        risk = chance.beta(1.2, 3.0, n)
        event = chance.random(n) < (np.full(n, risk.mean()) if useless else risk)
        lactate = chance.normal(1.5 + 2 * risk + shift, 0.5)
        start = datetime(2026, month, 1, 6, tzinfo=UTC)
        said = [start + timedelta(hours=int(i)) for i in np.linspace(0, 27 * 24, n)]
        rows = [
            self.prediction(f"m{month}-{i}", subject=f"s{month}x{i}", predicted_at=said[i], score=float(risk[i]))
            for i in range(n)
        ]
        told = table(rows)
        features = pa.array([[("lactate", float(x))] for x in lactate], pa.map_(pa.string(), pa.float64()))
        self.take(EventType.PREDICTION, told.append_column("features", features))
        if labelled:
            outcomes = [
                {
                    "source": "ehr", "id": f"o{month}-{i}", "prediction_id": f"m{month}-{i}", "use": "ward",
                    "label": float(event[i]), "occurred_at": said[i] + timedelta(days=1),
                    "observed_at": said[i] + timedelta(days=2),
                }
                for i in range(n)
            ]  # fmt: skip
            self.take(EventType.OUTCOME, table(outcomes))
        self.house.events.move()

    def prediction(self, name: str, **more: Any) -> dict[str, Any]:
        """One prediction."""
        plain = {"source": "model", "id": name, "prediction_id": name, "use": "ward", "version": "1.2.0"}
        return plain | more

    def take(self, kind: EventType, rows: pa.Table) -> None:
        """Have the store take some events."""
        found = check(kind, rows, self.clock())
        assert found.refused == [], found.refused[:3]
        self.house.events.store().take(self.sender, [Part(kind, found.rows)])
