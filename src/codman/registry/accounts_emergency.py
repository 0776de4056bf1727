"""Break-glass (45 CFR 164.312(a)(2)(ii)): a right taken at once, for a reason and a while, and looked at afterwards.

Nobody takes a second one before somebody else has reviewed the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, insert, select, update

from codman.errors import BadInput
from codman.registry.access import Reader, require
from codman.registry.database import Change, instant
from codman.registry.identifiers import new_id
from codman.registry.log import Entry
from codman.registry.nouns import SITES
from codman.registry.records import BadField, NoSuchRecord
from codman.registry.schema_accounts import emergencies
from codman.spine.person import Role

LONGEST_MINUTES: Final = 240
USUAL_MINUTES: Final = 60
SHORTEST_REASON: Final = 20
LENDABLE: Final = frozenset({Role.OWNER, Role.OFFICER})  # what pausing a use takes; never the keys to the house
_WORDS: Final = frozenset({"reason", "finding"})


class NotYet(BadInput):
    """A second emergency before the first was looked at, or a review by the one who took it."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(what="this emergency step cannot be taken", why=why, fix=fix)


@dataclass(frozen=True, slots=True)
class Emergency:
    """A right that was taken in an emergency."""

    id: str
    person: str
    role: str
    site: str | None
    reason: str
    begins_at: str
    ends_at: str
    reviewed_by: str | None
    reviewed_at: str | None
    finding: str | None


def take(change: Change, reader: Reader, role: Role, site: str | None, reason: str, minutes: int) -> Emergency:
    """Take a right at once.

    Args:
        change: The transaction; its log entry is the alert.
        reader: Who takes it; somebody who already has a role there.
        role: owner or officer.
        site: Where; None is the whole house.
        reason: Why, in a sentence.
        minutes: How long, at most 240.

    Raises:
        NotAllowed: They have no role there.
        NotYet: Their last emergency was not reviewed.
        BadField: The role, the reason or the time cannot be.
    """
    path = "/" if site is None else SITES.get(change.connection, site).path
    require(reader, "emergency.create", [path])
    if role not in LENDABLE:
        raise BadField("emergency", "role", f"it can be {' or '.join(sorted(LENDABLE))}")
    if len(reason.strip()) < SHORTEST_REASON:
        raise BadField("emergency", "reason", f"say it in a sentence, at least {SHORTEST_REASON} characters")
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise BadField("emergency", "minutes", f"give 1 to {LONGEST_MINUTES}")
    if any(e.person == reader.person for e in unreviewed(change.connection)):
        raise NotYet("your last emergency access was not reviewed", "ask an officer, an auditor or an administrator")
    begins = datetime.fromisoformat(change.at)
    made = Emergency(
        id=new_id("emergency"),
        person=reader.person,
        role=role.value,
        site=site,
        reason=reason.strip()[:2000],
        begins_at=instant(begins),
        ends_at=instant(begins + timedelta(minutes=minutes)),
        reviewed_by=None,
        reviewed_at=None,
        finding=None,
    )
    plain = {name: getattr(made, name) for name in Emergency.__dataclass_fields__}
    change.connection.execute(insert(emergencies).values(revision=1, **plain))
    after = {name: plain[name] for name in ("person", "role", "site", "reason", "begins_at", "ends_at")}
    change.record(Entry("emergency.create", "emergency", made.id, after=after, words=_WORDS))
    return made


def review(change: Change, reader: Reader, name: str, finding: str) -> Emergency:
    """Look at what somebody did in an emergency and say what was found; ends it if it still lasts.

    Raises:
        NoSuchRecord: There is none of that name, or it was reviewed.
        NotAllowed: They may not review there.
        NotYet: It is their own.
        BadField: The finding is empty.
    """
    found = next((e for e in unreviewed(change.connection) if e.id == name), None)
    if found is None:
        raise NoSuchRecord("emergency", name)
    require(reader, "emergency.review", [path_of(change.connection, found)])
    if found.person == reader.person:
        raise NotYet("nobody reviews their own", "ask another officer, auditor or administrator")
    if not finding.strip():
        raise BadField("emergency", "finding", "say what you found")
    after = {
        "reviewed_by": reader.person,
        "reviewed_at": change.at,
        "finding": finding.strip()[:2000],
        "ends_at": min(found.ends_at, change.at),
    }
    change.connection.execute(update(emergencies).where(emergencies.c.id == name).values(revision=2, **after))
    change.record(Entry("emergency.review", "emergency", name, after=after, words=_WORDS))
    return Emergency(**change.connection.execute(_all().where(emergencies.c.id == name)).one()._mapping)


def unreviewed(connection: Connection) -> Sequence[Emergency]:
    """Emergencies that nobody has looked at yet, the oldest first: what the attention page shows."""
    rows = connection.execute(_all().where(emergencies.c.reviewed_at.is_(None)).order_by(emergencies.c.begins_at))
    return [Emergency(**row._mapping) for row in rows]


def path_of(connection: Connection, emergency: Emergency) -> str:
    """The path of the site an emergency is about; `/` is the whole house."""
    return "/" if emergency.site is None else SITES.get(connection, emergency.site).path


def _all() -> Select[Any]:
    return select(*(emergencies.c[name] for name in Emergency.__dataclass_fields__))
