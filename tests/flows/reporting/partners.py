"""A house with a schedule: a vendor who reports each quarter, a committee beside it, answers as somebody types them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from committee import Committee

from codman.flows.reporting.answers import row_field
from codman.flows.reporting.schedules import make_schedule
from codman.registry import governance
from codman.registry.access import Held, Reader
from codman.registry.log import SYSTEM
from codman.registry.nouns import PEOPLE
from codman.spine.partner_report import ExpectedReport, Schedule
from codman.spine.person import Role

ANSWERS = {
    "sender": "Vera Vendor",
    "incidents": "none known",
    "complaints": "some",
    "complaints_count": "2",
    "changes": "none known",
    "uptime_percent": "99.5",
    "words": "Two wards found the alert too late.",
    row_field(0, "metric"): "auroc",
    row_field(0, "value"): "0.81",
    row_field(0, "lower"): "0.79",
    row_field(0, "upper"): "0.83",
    row_field(0, "n"): "1,200",
    row_field(0, "positives"): "140",
}


class Partners(Committee):
    """The book with somebody who owes reports. It is 1 November 2026."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        super().__init__(folder, database_url)
        with self.house.database.changing(SYSTEM) as change:
            PEOPLE.change(change, "p-owner", {"email": "owner@example.org"}, None)

    def scheduled(self, **changes: Any) -> Schedule:
        """A vendor's schedule: every three months, the first on 1 December 2026."""
        fields = {
            "use": "ward",
            "partner": "vendor",
            "partner_name": "Vendor 1",
            "email": "reports@vendor.example",
            "owner": "p-owner",
            "every_months": 3,
            "first_due": "2026-12-01",
            "days_to_report": 0,
            "grace_days": 14,
            "metrics": ["auroc"],
        } | changes
        return make_schedule(self.house, self.person("owner"), fields)

    def engineer(self) -> Reader:
        """Somebody who may file evidence and reports."""
        return Reader("p-one", "Engineer", (Held(Role.ENGINEER),))

    def reports(self) -> list[ExpectedReport]:
        """Every report the book awaits or had, by day."""
        with self.house.database.reading() as connection:
            return governance.every(connection, "expected_report", order="due_on")
