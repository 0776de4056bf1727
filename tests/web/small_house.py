"""A small open house for the pages' tests: five uses at four sites, two vendors, people in every role, evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.registry.database import Change
from codman.registry.log import SYSTEM
from codman.registry.nouns import (
    DEPLOYMENTS,
    FACTS,
    GRANTS,
    PEOPLE,
    PRODUCTS,
    SITES,
    USES,
    VENDORS,
    VERSIONS,
)
from codman.settings import Settings
from codman.spine.person import Role
from codman.wiring import open_house

NOON = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that tests set."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def made(folder: Path, database_url: str | None = None) -> House:
    """The house, its book filled; in SQLite where no other database is named."""
    house = open_house(Settings(workspace=folder, database_url=database_url), Clock())
    with house.database.changing(SYSTEM, "the tests' own house") as change:
        _fill(change)
    return house


def reader(role: Role, path: str = "/", person: str | None = None) -> Reader:
    """Somebody at the door in a role."""
    return Reader(person=person or f"person-{role.value}", name=f"{role.value} 1", held=(Held(role, path),))


def _fill(change: Change) -> None:
    def add(records: Any, ident: str, /, **fields: Any) -> None:
        records.add(change, records.validated(fields), ident)

    add(SITES, "site-house", name="Northern Health", level="system")
    add(SITES, "site-a", name="Hospital A", level="hospital", parent="site-house")
    add(SITES, "site-b", name="Hospital B", level="hospital", parent="site-house")
    add(SITES, "site-a-icu", name="Hospital A, intensive care", level="unit", parent="site-a")
    for role in Role:
        add(PEOPLE, f"person-{role.value}", name=f"{role.value} 1", email=f"{role.value}@example.org")
        add(GRANTS, f"grant-{role.value}", person=f"person-{role.value}", role=role)
    add(
        VENDORS,
        "vendor-one",
        name="Vendor 1",
        contract_starts="2024-02-01",
        contract_ends="2027-01-31",
        baa=True,
        annual_cost=120000,
        change_notice="30 days in writing",
    )
    add(VENDORS, "vendor-two", name="Vendor 2")
    add(
        PRODUCTS,
        "product-sepsis",
        name="Sepsis early warning",
        kind="embedded",
        vendor="vendor-one",
        model_type="gradient-boosted trees",
        generative=False,
        summary="Warns of sepsis within six hours.",
    )
    add(PRODUCTS, "product-chest", name="Chest X-ray triage", kind="bought", vendor="vendor-two", submission="K193283")
    add(PRODUCTS, "product-notes", name="Visit notes", kind="bought", vendor="vendor-one", generative=True)
    add(PRODUCTS, "product-noshow", name="No-show risk", kind="built")
    add(VERSIONS, "version-3-1", product="product-sepsis", label="3.1", digest="a" * 64, released_on="2026-05-01")
    add(
        VERSIONS,
        "version-2024",
        product="product-chest",
        label="seen 2026-02",
        descriptor={"vendor": "Vendor 2", "product": "Chest X-ray triage", "build": "8.4", "observed_on": "2026-02-01"},
        ehr_build="Autumn 2025",
    )
    add(
        USES,
        "use-sepsis",
        product="product-sepsis",
        name="Sepsis early warning, adult wards",
        organisation="Northern Health",
        site="site-a",
        purpose="Raises an alert to the ward nurse when the risk of sepsis within six hours passes 0.20.",
        population="Adults on a ward, not in palliative care",
        care_setting="inpatient",
        decision_role="informs",
        users="ward nurse",
        alert_destination="nurse's work list",
        demographic_inputs=["age", "sex"],
        stage="live",
        stage_since="2026-03-10",
        impact="high-impact",
        tier="high",
        decision="approved",
        owner="person-owner",
        monitoring="AUROC and alert rate each week",
    )
    add(
        USES,
        "use-chest",
        product="product-chest",
        name="Chest X-ray triage",
        stage="live",
        decision="undecided (legacy)",
        impact="high-impact",
    )
    add(
        USES,
        "use-notes",
        product="product-notes",
        name="Visit notes, outpatient",
        stage="pilot",
        site="site-b",
        tier="medium",
        owner="person-owner",
    )
    add(USES, "use-noshow", product="product-noshow", name="No-show risk, clinics", stage="proposed", site="site-b")
    add(USES, "use-old", product="product-noshow", name="Old no-show risk", stage="retired", site="site-b")
    add(
        DEPLOYMENTS,
        "deployment-1",
        use="use-sepsis",
        site="site-a",
        version="version-3-1",
        mode="live",
        since="2026-03-10",
        clinician="person-reviewer",
    )
    add(
        DEPLOYMENTS,
        "deployment-2",
        use="use-sepsis",
        site="site-a-icu",
        version="version-3-1",
        mode="silent",
        clinician="person-chair",
    )
    add(DEPLOYMENTS, "deployment-3", use="use-chest", site="site-a", version="version-2024", mode="live")
    add(DEPLOYMENTS, "deployment-4", use="use-notes", site="site-b", mode="pilot")
    add(
        FACTS,
        "fact-1",
        about_kind="product",
        about="product-sepsis",
        field="hti-1/1.i",
        value="Vendor 1, support line",
        source="model card 2026-05",
    )
