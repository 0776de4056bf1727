"""Sixty hospitals, forty vendor models: one action changes every site of one use and touches no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from codman.flows import rollout
from codman.flows.operator import OPERATOR
from codman.registry.log import SYSTEM, check, entries, size_of
from codman.registry.nouns import DEPLOYMENTS, PRODUCTS, SITES, USES, VENDORS
from codman.registry.records import BadField
from codman.registry.schema import deployments
from codman.settings import read_settings
from codman.wiring import open_house

HOSPITALS = [f"hospital-{n:02}" for n in range(60)]
MODELS = [f"model-{n:02}" for n in range(40)]


def test_forty_models_at_sixty_hospitals_change_one_use_at_a_time(tmp_path: Path, database_url: str) -> None:
    house = open_house(read_settings(workspace=tmp_path / "w", database_url=database_url))
    with house.database.changing(SYSTEM) as change:
        SITES.add(change, SITES.validated({"name": "System", "level": "system"}), "system")
        places = [SITES.validated({"name": h, "level": "hospital", "parent": "system"}) for h in HOSPITALS]
        SITES.add_many(change, places, HOSPITALS)
        VENDORS.add(change, VENDORS.validated({"name": "Vendor"}), "vendor")
        products = [PRODUCTS.validated({"name": m, "kind": "bought", "vendor": "vendor"}) for m in MODELS]
        PRODUCTS.add_many(change, products, MODELS)
        uses = [USES.validated({"product": m, "name": m, "stage": "live", "site": "system"}) for m in MODELS]
        USES.add_many(change, uses, [f"use-{m}" for m in MODELS])
        running = [
            DEPLOYMENTS.validated({"use": f"use-{m}", "site": h, "mode": "live"}) for m in MODELS for h in HOSPITALS
        ]
        DEPLOYMENTS.add_many(change, running)
    with house.database.reading() as connection:
        before = size_of(connection)

    changed = rollout.change_everywhere(
        house, OPERATOR, "use-model-07", {"mode": "paused"}, why="recalled by its vendor"
    )

    with house.database.reading() as connection:
        modes = dict(
            map(tuple, connection.execute(select(deployments.c.mode, func.count()).group_by(deployments.c.mode)))
        )
        written = [entry.value for entry in entries(connection, before)]
        check(connection)
    assert len(changed) == 60
    assert modes == {"live": 2340, "paused": 60}
    assert {entry["action"] for entry in written} == {"deployment.change"}
    assert len({entry["about"]["id"] for entry in written}) == 60
    assert len({entry["at"] for entry in written}) == 1  # one action, one moment

    with pytest.raises(BadField):
        rollout.change_everywhere(house, OPERATOR, "use-model-07", {"mode": "nowhere"})
    with house.database.reading() as connection:
        assert size_of(connection) == before + 60
    house.close()
