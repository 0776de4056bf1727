"""A house with one use, and events to send it."""

from __future__ import annotations

import json
from pathlib import Path

from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS, PEOPLE, PRODUCTS, USES
from codman.settings import read_settings
from codman.wiring import open_house


def furnished_with_a_use(workspace: Path) -> str:
    """Make a house with a use; gives a token that sends events and reads uses."""
    house = open_house(read_settings(workspace=workspace))
    with house.database.changing(SYSTEM) as change:
        PEOPLE.add(change, PEOPLE.validated({"name": "Engineer 1", "email": "e@hospital.test"}), "engineer")
        GRANTS.add(change, GRANTS.validated({"person": "engineer", "role": "engineer"}))
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Sepsis score", "kind": "built"}), "score")
        USES.add(change, USES.validated({"product": "score", "name": "Sepsis"}), "sepsis-use")
        now = house.database.clock()
        token = issue(change, "engineer", ["event.send", "inventory.read"], now, days=2, name="tests").secret
    house.close()
    return token


def batch(names: list[str]) -> bytes:
    """Predictions as a batch."""
    return json.dumps(
        [
            {
                "specversion": "1.0",
                "type": "dev.codman.prediction.v1",
                "source": "model",
                "id": name,
                "data": {
                    "prediction_id": name,
                    "use": "sepsis-use",
                    "version": "1",
                    "subject": "s-1",
                    "predicted_at": "2026-11-01T00:00:00Z",
                    "score": 0.5,
                    "features": {"age": 70, "sex": "F"},
                },
            }
            for name in names
        ]
    ).encode()
