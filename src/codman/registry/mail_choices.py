"""What people want by mail: each may do without the daily one."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from codman.registry.database import Change
from codman.registry.log import Entry
from codman.registry.schema_accounts import mail_choices


def wants_digest(connection: Connection, person: str) -> bool:
    """Whether somebody gets the daily mail: yes, until they say otherwise."""
    said = connection.execute(select(mail_choices.c.digest).where(mail_choices.c.person == person)).scalar()
    return said is None or bool(said)


def without_digest(connection: Connection) -> set[str]:
    """Everybody who wants none."""
    return set(connection.execute(select(mail_choices.c.person).where(mail_choices.c.digest.is_(False))).scalars())


def choose_digest(change: Change, person: str, wanted: bool) -> None:
    """Keep whether somebody wants the daily mail; the same again changes nothing."""
    before = wants_digest(change.connection, person)
    if before == wanted:
        return
    dialect = sqlite if change.connection.dialect.name == "sqlite" else postgresql
    said = {"digest": wanted, "changed_at": change.at}
    added = dialect.insert(mail_choices).values({"person": person, **said})
    change.connection.execute(added.on_conflict_do_update(index_elements=["person"], set_=said))
    change.record(Entry("account.change", "mail_choice", person, before={"digest": before}, after={"digest": wanted}))
