"""What a case is about beside its policy: the sites and version of its day, the artefact, the population, its plans."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from codman.registry.related import deployments_of
from codman.registry.schema import versions
from codman.registry.schema_review import change_plans
from codman.spine.review import Case
from codman.spine.site import Mode
from codman.spine.use import Use


def as_it_runs(
    connection: Connection, use: Use, sites: Sequence[str], version: str | None
) -> tuple[Sequence[str], str | None]:
    """What a case is about that names no site or no version: what there is today, and nothing that comes later."""
    there = [one for one in deployments_of(connection, use.id) if one.mode is not Mode.ENDED]
    named = sites or sorted({one.site for one in there})
    running = {one.version for one in there if one.site in named}
    if version is None and len(running) == 1:
        version = running.pop()
    return named, version


def what_it_is_about(connection: Connection, case: Case, use: Use) -> tuple[str | None, ...]:
    """What is on the table of a case beside what the case itself says: another of it is voted on anew."""
    artefact = connection.execute(
        select(versions.c.label, versions.c.digest).where(versions.c.id == case.version)
    ).one_or_none()
    laid = select(change_plans.c.id).where(change_plans.c.case == case.id).order_by(change_plans.c.id)
    plans = connection.execute(laid).scalars().all()
    return (*(artefact or (None, None)), use.population, use.care_setting, *plans)
