"""What of sites waits for one person: those to accept as their clinician, and those that run accepted by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Final

from sqlalchemy import Connection, func, select

from codman.flows.accepting import to_accept, waits_at
from codman.flows.house import House
from codman.flows.task import Duty, Task
from codman.registry.access import Reader, may
from codman.registry.interests import hand_in
from codman.registry.inventory import paths_of
from codman.registry.nouns import PRODUCTS, SITES, USES
from codman.registry.officers import who_may
from codman.registry.related import deployments_of
from codman.registry.schema import deployments, uses
from codman.registry.schema_review import cases
from codman.spine.review import CaseState
from codman.spine.site import Mode
from codman.spine.use import FAVOURABLE, RUNNING

_AT_PATIENTS: Final = (Mode.PILOT, Mode.LIVE)


def of_sites(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """Everything that sites ask of somebody about being accepted.

    Args:
        house: The open house.
        connection: A connection in a transaction.
        reader: Who.
    """
    yield from _to_accept(house, connection, reader)
    yield from _unaccepted(connection, reader, house.database.clock().isoformat(), house.database.zone)


def _to_accept(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """Sites to accept, for their clinicians: not accepted yet, or not since it was decided."""
    if not may(reader, "deployment.accept"):
        return
    there = to_accept(connection, reader.person, house.database.clock().isoformat(), house.database.zone)
    places = SITES.get_many(connection, [one.deployment.site for one in there])
    for one in there:
        run, use = one.deployment, USES.get(connection, one.deployment.use)
        if reader.person in hand_in(connection, use, PRODUCTS.get(connection, use.product)):
            continue
        if may(reader, "deployment.accept", [places[run.site].path]):
            again = " again, since it was decided anew" if one.before else ""
            if one.case is None:
                again = "; no decision in force lets it run there, and once one does you are asked again"
            yield Task(
                duty=Duty.SITE,
                sentence=f"Accept {use.name} at {places[run.site].name}{again}",
                at=f"/uses/{use.id}#where",
                since=run.created_at if one.case is None else max(run.created_at, one.case.decided_at or ""),
                use=use.id,
            )


def _unaccepted(connection: Connection, reader: Reader, at: str, zone: tzinfo) -> Iterator[Task]:
    """Sites where a decided use reaches patients and no clinician has accepted it: for its owner and who presides.

    The clinician it names is asked themselves, where there is one; it is a task of others for they may never answer.
    """
    for use in USES.get_many(connection, _perhaps_unaccepted(connection)).values():
        if use.owner != reader.person and not may(reader, "use.decide", paths_of(connection, use)):
            continue
        runs = [one for one in deployments_of(connection, use.id) if one.mode in _AT_PATIENTS]
        waits = [one for one in waits_at(connection, use, runs, at, zone).values() if one.case is not None]
        others = [one for one in waits if one.deployment.clinician != reader.person]
        if not others:
            continue
        many = f"{len(others):,} sites that no clinician has" if len(others) > 1 else "1 site that no clinician has"
        yield Task(
            duty=Duty.ACCEPTED,
            sentence=f"{use.name} reaches patients at {many} accepted since it was decided: "
            "have it accepted, name another clinician, or stop it there",
            at=f"/uses/{use.id}#where",
            since=max(min((one.case.decided_at or "") for one in others if one.case), use.created_at),
            use=use.id,
        )


def _perhaps_unaccepted(connection: Connection) -> list[str]:
    """The uses of which some site may run accepted by nobody; most are accepted since, and need no closer look."""
    at_patients = deployments.c.mode.in_([mode.value for mode in _AT_PATIENTS])
    rows = connection.execute(
        select(deployments.c.use, deployments.c.clinician, deployments.c.accepted_at, uses.c.owner)
        .join(uses, uses.c.id == deployments.c.use)
        .where(
            at_patients,
            uses.c.decision.in_([one.value for one in FAVOURABLE]),
            uses.c.stage.in_([stage.value for stage in RUNNING]),
        )
    ).all()
    last = select(cases.c.use, func.max(cases.c.decided_at).label("last")).where(
        cases.c.state == CaseState.DECIDED.value
    )
    decided = {row.use: row.last for row in connection.execute(last.group_by(cases.c.use))}
    able = who_may(connection, "deployment.accept", {row.clinician for row in rows if row.clinician is not None})
    return sorted(
        {
            row.use
            for row in rows
            if row.accepted_at is None
            or row.clinician in (None, row.owner)
            or row.clinician not in able
            or row.accepted_at < (decided.get(row.use) or "")
        }
    )
