"""What somebody may change or add, before they try: a door offers no form that the change would refuse.

The change itself asks again (records.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from codman.flows.deployment_rules import why_not_modes
from codman.flows.house import House
from codman.flows.record_rules import DECIDED, KINDS
from codman.registry.access import Reader, may, paths_for
from codman.registry.fixed_fields import set_by_review
from codman.spine.site import Deployment, Mode
from codman.spine.use import Use

ON_REVIEW: Final = frozenset({"tier", "impact"})  # of a new use; its stage and decision say whether it ran before


def open_fields(connection: Connection, reader: Reader, kind: str, record: Any) -> frozenset[str]:
    """The fields of a record that somebody may change; none where it is not theirs to change.

    Args:
        connection: Where to read.
        reader: Who.
        kind: Its word, e.g. use.
        record: The record, as the book has it.
    """
    rules = KINDS[kind]
    every = frozenset(rules.records.fields.model_fields)
    asked = {rules.change: every}
    if kind == "use":
        still = every & DECIDED - set_by_review(connection, record.id)
        asked = {rules.change: every - DECIDED, "use.decide": still}
    given = (fields for action, fields in asked.items() if _reaches(connection, reader, kind, action, record))
    return frozenset[str]().union(*given)


def fields_to_add(reader: Reader, kind: str) -> frozenset[str]:
    """The fields that somebody may fill in a new record: what a review sets only where they may decide."""
    every = frozenset(KINDS[kind].records.fields.model_fields)
    return every if kind != "use" or may(reader, "use.decide") else every - ON_REVIEW


def changeable(connection: Connection, reader: Reader, kind: str, found: Iterable[Any]) -> frozenset[str]:
    """The ids of those records that somebody may change, in some field at least."""
    return frozenset(one.id for one in found if open_fields(connection, reader, kind, one))


def modes_refused(house: House, connection: Connection, use: Use, runs: Sequence[Deployment]) -> dict[Mode, str]:
    """The modes in which nobody may put a use by hand at any of some sites, with why.

    Args:
        house: The open house.
        connection: Where to read.
        use: The use.
        runs: Its deployments there; none of a site that is new.
    """
    return why_not_modes(connection, use, runs, house.database.clock().isoformat(), house.database.zone)


def may_add_to(connection: Connection, reader: Reader, kind: str, about_kind: str, about: Any) -> bool:
    """Whether somebody may add a record of a kind to a thing.

    Args:
        connection: Where to read.
        reader: Who.
        kind: What is added: version, document, fact.
        about_kind: What it is added to: product, use.
        about: The product or use.
    """
    action = KINDS[kind].create
    if about_kind == "use":
        return _reaches(connection, reader, about_kind, action, about)
    if kind == "version":  # one of those who use the product may name a new one
        return may(reader, action, KINDS["product"].places(connection, about))
    return may(reader, action)


def _reaches(connection: Connection, reader: Reader, kind: str, action: str, record: Any) -> bool:
    """Whether every site that a record belongs to is within reach of an action."""
    within = paths_for(reader, action)
    if not within or "/" in within:
        return bool(within)
    places = KINDS[kind].places(connection, record)
    return places is None or all(may(reader, action, [place]) for place in places)
