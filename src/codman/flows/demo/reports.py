"""Reports of the demo hospital: one vendor that reported late, one that did not report, a team whose day comes soon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.reporting.answers import Answered, read_answers, row_field
from codman.flows.reporting.calendar import days_after, months_after
from codman.flows.reporting.expecting import look
from codman.flows.reporting.letters import secret_of
from codman.flows.reporting.receiving import by_link, original_of_form, receive_by_link
from codman.flows.reporting.schedules import make_schedule
from codman.registry import governance
from codman.registry.access import Held, Reader
from codman.registry.links import REPORT, make_link
from codman.registry.schema import grants, people, products, uses, vendors
from codman.registry.schema_review import expected_reports
from codman.spine.partner_report import LINK_DAYS
from codman.spine.person import Role
from codman.spine.use import Stage

_TYPED = {
    "sender": "Reporting desk",
    "incidents": "none known",
    "complaints": "some",
    "complaints_count": "2",
    "changes": "none known",
    "uptime_percent": "99.7",
    "words": "Two wards asked why alerts came in the evening; a setting of the pager was the reason.",
    row_field(0, "metric"): "auroc",
    row_field(0, "value"): "0.79",
    row_field(0, "lower"): "0.77",
    row_field(0, "upper"): "0.81",
    row_field(0, "n"): "2140",
    row_field(0, "positives"): "188",
}


def add_reports(house: House, today: date) -> int:
    """Have some of the demo hospital's partners report, as they do and as they do not.

    Returns:
        How many schedules were made.
    """
    with house.database.reading() as connection:
        officer, bought = _officer(connection), _bought(connection)
    if officer is None:
        return 0
    day = today.isoformat()
    # due half a year and a quarter ago; a fortnight ago; in three weeks
    dues = (months_after(today, -6).isoformat(), days_after(day, -16), days_after(day, 20))
    made = [
        make_schedule(house, officer, _fields(use, due, team=number == len(dues) - 1), why="Agreed at its approval")
        for number, (use, due) in enumerate(zip(bought, dues, strict=False))
    ]
    if made:
        with house.database.reading() as connection:
            of_first = expected_reports.c.schedule == made[0].id
            first, *_ = governance.every(connection, "expected_report", of_first, order="due_on")
        with house.database.changing(officer.author()) as change:  # as if it had gone by mail
            sent = make_link(change, secret_of(house), REPORT, first.id, timedelta(days=LINK_DAYS), made_by=None)
        link, found = by_link(house, sent.token)
        answered = read_answers(_TYPED, found.schedule.metrics)
        if isinstance(answered, Answered):
            receive_by_link(house, link, answered, original_of_form(found, _TYPED))
        look(house)
    return len(made)


def _officer(connection: Connection) -> Reader | None:
    row = connection.execute(
        select(people.c.id, people.c.name)
        .join(grants, grants.c.person == people.c.id)
        .where(grants.c.role == Role.OFFICER.value, grants.c.site.is_(None), people.c.active)
        .order_by(people.c.id)
    ).first()
    return None if row is None else Reader(row.id, row.name, (Held(Role.OFFICER),))


def _bought(connection: Connection) -> Sequence[Any]:
    return connection.execute(
        select(uses.c.id, uses.c.owner, products.c.vendor, vendors.c.name.label("vendor_name"))
        .join(products, products.c.id == uses.c.product)
        .join(vendors, vendors.c.id == products.c.vendor)
        .join(people, people.c.id == uses.c.owner)
        .where(uses.c.stage == Stage.LIVE.value, people.c.active)
        .order_by(uses.c.id)
        .limit(3)
    ).all()


def _fields(use: Any, due: str, *, team: bool) -> dict[str, Any]:
    who = {"partner": "team", "partner_name": "Clinical informatics"}
    if not team:
        who = {"partner": "vendor", "partner_name": use.vendor_name, "vendor": use.vendor}
    return {
        **who,
        "use": use.id,
        "owner": use.owner,
        "every_months": 3,
        "first_due": due,
        "grace_days": 10,
        "metrics": ["auroc"],
    }
