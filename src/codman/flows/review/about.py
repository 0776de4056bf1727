"""What a case is about beside its policy: the sites and version of its day, the artefact, what it is for, its plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select

from codman.registry.related import deployments_of
from codman.registry.schema import versions
from codman.registry.schema_review import change_plans
from codman.spine.review import Case
from codman.spine.site import Mode
from codman.spine.use import Use

# what a use is, as people say: another of these makes another use of it
WHAT_IT_IS: Final = (
    "population",
    "care_setting",
    "purpose",
    "decision_role",
    "autonomy",
    "users",
    "alert_destination",
)


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


def why_not_one_version(connection: Connection, use: str, sites: Sequence[str], version: str | None) -> str | None:
    """Why a case that lets something run must name its version; None where it names one, or one at most is there."""
    if version is not None:
        return None
    there = [one for one in deployments_of(connection, use) if one.mode is not Mode.ENDED]
    several = {one.version for one in there if one.version is not None and (not sites or one.site in sites)}
    if len(several) < 2:
        return None
    return f"{len(several)} versions are at its sites, and what is shown is of one: name the version that it is about"


def what_it_is_about(connection: Connection, case: Case, use: Use) -> tuple[str | None, ...]:
    """What is on the table of a case beside what the case itself says: another of it is voted on anew."""
    artefact = connection.execute(
        select(versions.c.label, versions.c.digest).where(versions.c.id == case.version)
    ).one_or_none()
    laid = select(change_plans.c.id).where(change_plans.c.case == case.id).order_by(change_plans.c.id)
    plans = connection.execute(laid).scalars().all()
    what = (use.product, *(getattr(use, field) for field in WHAT_IT_IS))
    return (*(artefact or (None, None)), *what, *plans)
