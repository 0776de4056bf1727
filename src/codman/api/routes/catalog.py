"""Everything the API does: one line a topic."""

from __future__ import annotations

from codman.api.operation import Operation
from codman.api.routes import (
    audit,
    challenges,
    changes,
    concerns,
    documents,
    events,
    evidence,
    exclusions,
    generated,
    imports,
    intakes,
    inventory,
    keys,
    mappings,
    monitors,
    people,
    policies,
    records,
    reports,
    retrainings,
    reviews,
    seats,
    service,
    stages,
    triage,
    uses,
)


def every_operation() -> list[Operation]:
    """Every operation there is."""
    table: list[Operation] = []
    for topic in (
        uses,
        generated,
        records,
        people,
        documents,
        evidence,
        events,
        keys,
        inventory,
        imports,
        mappings,
        intakes,
        triage,
        reviews,
        seats,
        exclusions,
        stages,
        changes,
        policies,
        reports,
        concerns,
        monitors,
        challenges,
        retrainings,
        audit,
    ):
        table += topic.operations()
    table += service.operations(table)
    return table
