"""matrix: how each control of each framework stands for a use on a day, from what the book held then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from codman.errors import BadInput
from codman.flows import records
from codman.flows.house import House
from codman.flows.review.evidence import exhibits_of, judged
from codman.flows.review.exclusions import excluded_in, standing_of
from codman.flows.review.opening import own_packs
from codman.flows.review.setting import setting_of
from codman.flows.review.spared import spared_of_many
from codman.registry.access import Reader
from codman.registry.coverage import coverage_of
from codman.registry.database import instant
from codman.registry.documents import Basis
from codman.registry.nouns import PRODUCTS
from codman.registry.schema import documents, facts, statements, versions
from codman.registry.standing import FACT_BASIS
from codman.review.controls import Covered, Filed, Judged, Known, Said, judged_in, matrix, said_by_registry
from codman.review.packs.choose import NoPolicy, SeveralPolicies, policies_for, technique_of
from codman.review.packs.framework import ControlFramework, framework, frameworks
from codman.review.policy.exhibit import Exhibit
from codman.spine.day import end_of
from codman.spine.exclusion import Exclusion
from codman.spine.policy import Checkpoint, Policy
from codman.spine.product import Product
from codman.spine.use import Stage, Use

# what is asked of a use where it stands: what it has passed, and what it stands before
ASKED: Final[Mapping[Stage, tuple[Checkpoint, ...]]] = {
    Stage.PROPOSED: (Checkpoint.VALIDATION,),
    Stage.TRIAGED: (Checkpoint.VALIDATION,),
    Stage.IN_REVIEW: (Checkpoint.VALIDATION,),
    Stage.SILENT: (Checkpoint.VALIDATION, Checkpoint.SILENT),
    Stage.PILOT: (Checkpoint.VALIDATION, Checkpoint.PILOT),
    Stage.LIVE: (Checkpoint.VALIDATION, Checkpoint.GO_LIVE, Checkpoint.MONITORING),
    Stage.PAUSED: (Checkpoint.VALIDATION, Checkpoint.PAUSE),
    Stage.RETIRED: (Checkpoint.RETIRE,),
}


class BadDay(BadInput):
    """A day for which nothing can be told."""

    def __init__(self, day: str, why: str) -> None:
        super().__init__(what=f"nothing can be told for {day[:40]!r}", why=why, fix="give a day, e.g. 2026-11-20")


def day_asked(house: House, text: str | None, *, to_come: bool = False) -> date:
    """A day as a reader writes it; today without.

    Args:
        house: The open house.
        text: The day.
        to_come: Whether it may be a later one.

    Raises:
        BadDay: It is no day, or it is to come.
    """
    today = house.database.today()
    try:
        day = today if text is None else date.fromisoformat(text)
    except ValueError:
        raise BadDay(str(text), "it is not a day") from None
    if day > today and not to_come:
        raise BadDay(day.isoformat(), "nobody knows what will be filed until then")
    return day


def controls_of(house: House, reader: Reader, use: str, *, on: date, name: str | None = None) -> list[Covered]:
    """Every control of the frameworks that hold on a day, and how it stands for a use.

    A past day is told from what was filed and said by its end, for the use as it stands now: its tier, its stage, and
    what a revoked key signed. What has no date, such as a column of the register, counts only today.

    Args:
        house: The open house.
        reader: Who asks.
        use: Which use.
        on: The day.
        name: Only this framework.

    Raises:
        NoSuchRecord: There is no such use within their reach.
        NoSuchFramework: There is none of that name.
        OutOfDate: It holds on other days.
    """
    found: Use = records.get(house, reader, "use", use)
    now = house.database.clock()
    at = now if on >= house.database.today() else end_of(on, house.database.zone)
    held: tuple[ControlFramework, ...] = frameworks(on) if name is None else (framework(name, on),)
    with house.database.reading() as connection:
        known = known_of(house, connection, found, at, today=at is now)
    return matrix(held, known, at)


def known_of(house: House, connection: Connection, use: Use, at: datetime, *, today: bool = True) -> Known:
    """Everything on which the controls of a use are judged.

    Args:
        house: The open house.
        connection: Where to read.
        use: The use.
        at: Until when what was filed counts.
        today: Whether what the book says without a date counts too.
    """
    product = PRODUCTS.get(connection, use.product)
    later = _later(connection, use, at)
    exhibits = [one for one in exhibits_of(house, connection, use) if one.digest not in later]
    said = said_by_registry(coverage_of(connection, use.id)) if today else []
    told, papers = _told(connection, use), _papers(connection, use)
    agreed = [one for one in standing_of(connection, [use.id]).get(use.id, []) if (one.agreed_at or "") <= instant(at)]
    technique, setting = technique_of(product.generative, None), setting_of(connection, use)
    subject = {"technique": technique, "tier": use.tier, "setting": setting, "kind": product.kind}
    return Known(
        judged=list(_judged(house, connection, use, product, setting, exhibits, agreed, at)),
        said=[*said, *told],
        filed=papers,
        subject={key: str(value) for key, value in subject.items() if value is not None},
        not_applicable=spared_of_many(connection, [use.id]).get(use.id, {}),
    )


def policies_asked(
    house: House, use: Use, product: Product, task: str | None, setting: str | None, at: datetime
) -> Iterator[Policy]:
    """The policies that a use is held to where it stands, on a day; `setting` as `setting_of` gives it."""
    for checkpoint in ASKED.get(use.stage, ()):
        with suppress(NoPolicy, SeveralPolicies):  # nothing is judged then, and its controls stay open
            yield policies_for(
                use.tier,
                task,
                setting,
                product.kind,
                checkpoint,
                at,
                generative=product.generative,
                own=own_packs(house),
            ).policy


def _judged(
    house: House,
    connection: Connection,
    use: Use,
    product: Product,
    setting: str | None,
    exhibits: list[Exhibit],
    agreed: list[Exclusion],
    at: datetime,
) -> Iterator[Judged]:
    tasks = {one.task for one in exhibits if one.task is not None}
    origins = {one.digest: one.origin for one in exhibits}
    task = next(iter(tasks)) if len(tasks) == 1 else None
    for policy in policies_asked(house, use, product, task, setting, at):
        excluded = excluded_in(connection, policy, agreed)
        verdict = judged(exhibits, policy, use, product, at=at, setting=setting, excluded=excluded)
        yield from judged_in(policy, verdict, origins)


def _later(connection: Connection, use: Use, at: datetime) -> set[str]:
    """What was filed about the use or its product only afterwards."""
    after = instant(at)
    filed = select(statements.c.digest).where(statements.c.product_id == use.product, statements.c.filed_at > after)
    papers = select(documents.c.digest).where(_about(documents.c.about, use), documents.c.created_at > after)
    return {*connection.execute(filed).scalars(), *connection.execute(papers).scalars()}


def _told(connection: Connection, use: Use) -> list[Said]:
    told = select(facts, FACT_BASIS.label("stands_as")).where(_about(facts.c.about, use))
    rows = connection.execute(told.order_by(facts.c.id))
    return [
        Said(control=row.field, basis=Basis(row.stands_as), source=row.source, said_at=row.updated_at) for row in rows
    ]


def _papers(connection: Connection, use: Use) -> list[Filed]:
    rows = connection.execute(select(documents).where(_about(documents.c.about, use)).order_by(documents.c.id))
    return [Filed(type=row.type, filed_at=row.created_at) for row in rows]


def _about(column: Any, use: Use) -> Any:
    made_from = select(versions.c.id).where(versions.c.product == use.product)
    return or_(column.in_([use.id, use.product]), column.in_(made_from))
