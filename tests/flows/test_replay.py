"""`codman audit verify` notices a straight change in every table that the log tells of."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, bare, signed

from codman.flows import erasure, records, tokens
from codman.flows.audit import audit
from codman.flows.filing import file_evidence
from codman.flows.inventory_import import import_file
from codman.flows.operator import OPERATOR
from codman.registry.access import Held, Reader
from codman.registry.accounts_demo import mark_demo
from codman.registry.accounts_emergency import review, take
from codman.registry.accounts_invitations import invite, spend
from codman.registry.accounts_people import set_password
from codman.registry.accounts_sessions import open_session
from codman.registry.accounts_sign_in import Browser, Identity, sign_in_as
from codman.registry.fixed_fields import FixedField
from codman.registry.log import SYSTEM, Entry, LogBroken
from codman.registry.replay import HELD, NOT_HELD
from codman.registry.schema import (
    facts,
    log_texts,
    metadata,
    sites,
    statements,
)
from codman.registry.schema_accounts import (
    credentials,
    emergencies,
    house_marks,
    identities,
    invitations,
    sessions,
)
from codman.registry.schema_accounts import (
    tokens as token_table,
)
from codman.spine.person import Role

ADMIN = Reader("p-one", "Administrator", (Held(Role.ADMIN), Held(Role.OFFICER)))
AUDITOR = Reader("p-two", "Auditor", (Held(Role.AUDITOR),))
LATER = "2026-12-01T00:00:00.000000Z"


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    house, now = made.house, made.house.database.clock()
    tokens.create_token(house, ADMIN, "p-one", ["inventory.read"], name="t")
    over = tokens.create_token(house, ADMIN, "p-one", ["inventory.read"], name="over")
    tokens.revoke_token(house, ADMIN, "p-one", over.token.id)
    identity = Identity(
        issuer="https://id", subject="s-1", name="P", email="p-one@example.org", email_verified=True, proven_at=now
    )
    sign_in_as(house.database, identity, Browser(address="a"), house.settings)
    with house.database.changing(SYSTEM, "a reason") as change:
        mark_demo(change)
        set_password(change, "p-two", "no password has this hash")
        invite(change, Role.ADMIN, now, invited_by=None, email="new@example.org", site=None)
        spent = spend(change, invite(change, Role.VIEWER, now, invited_by=None, email=None, site="north"), now)
        change.record(Entry("invitation.use", "invitation", spent.name, after={"person": "p-two"}))
        taken = take(change, ADMIN, Role.OFFICER, None, "the alert floods the ward at night", 60)
        review(change, AUDITOR, taken.id, "it was so")
        open_session(change, "p-two", "password", house.settings, now)
    made.entry = next(e.log_index for e in [erasure.ask(house, ADMIN, made_at(made), field="why")])
    erasure.hold(house, AUDITOR, made.entry, field="why", on=True)
    erasure.privilege(house, ADMIN, made.entry, field="why", on=True)
    (tmp_path / "m.yaml").write_text("mapping: m\nid: Ref\nfields:\n  use.name: {column: Name}\nrest: m\n")
    (tmp_path / "list.csv").write_text("Ref,Name,Colour,Size\n1,Falls,red,big\n")
    import_file(house, OPERATOR, tmp_path / "list.csv", tmp_path / "m.yaml")
    file_evidence(house, signed(made.registered("pipeline")), made.officer)
    file_evidence(house, bare(note="a claim"), made.officer)
    yield made
    house.close()


def made_at(book):
    """The number of an entry that has a reason."""
    with book.house.database.reading() as connection:
        return connection.execute(select(log_texts.c.number).where(log_texts.c.field == "why")).scalars().first()


def row_of(book, table, **changes):
    with book.house.database.reading() as connection:
        return dict(connection.execute(select(table)).first()._mapping) | changes


def values(table, **new):
    return lambda _book: update(table).values(**new)


def another(table, **new):
    return lambda book: insert(table).values(**row_of(book, table, **new))


TAMPERING = {
    "a token's owner": values(token_table, person="p-two"),
    "a token's scopes": values(token_table, scopes=["*"]),
    "a token's days": values(token_table, ends_at=LATER),
    "a token's secret": lambda _b: (
        update(token_table).where(token_table.c.revoked_at.is_(None)).values(token_digest="e" * 64)
    ),
    "a revoked token back to life": values(token_table, revoked_at=None),
    "a token more": another(token_table, id="token-x", token_digest="f" * 64),
    "a token less": lambda _b: delete(token_table),
    "an identity's owner": values(identities, person="p-two"),
    "an identity's subject": values(identities, subject="s-2"),
    "an identity more": another(identities, subject="s-3", person="p-two"),
    "an identity less": lambda _b: delete(identities),
    "a hold lifted": values(log_texts, hold=False),
    "a hold put on": values(log_texts, hold=True),
    "a privilege lifted": values(log_texts, privileged=False),
    "an imported fact's text": values(facts, value="another"),
    "an imported fact's basis": values(facts, basis="evidence"),
    "an imported fact less": lambda _b: delete(facts).where(facts.c.field == "m/Size"),
    "an imported fact more": another(facts, id="fact-x", field="m/Other"),
    "a password nobody set": another(credentials, person="p-one", changed_at=LATER),
    "a password changed since": values(credentials, changed_at=LATER),
    "an invitation more": another(invitations, name="invitation-x", token_digest="f" * 64),
    "an invitation's role": values(invitations, role="admin", site=None),
    "an invitation's secret": values(invitations, token_digest="e" * 64),
    "a used invitation as new": lambda _b: update(invitations).values(used_at=None),
    "an emergency nobody reviewed": values(emergencies, reviewed_at=None),
    "an emergency that lasts": values(emergencies, ends_at=LATER),
    "a session more": another(sessions, name="session-x", token_digest="f" * 64),
    "a session's owner": values(sessions, person="p-one"),
    "a demo door": lambda _b: delete(house_marks),
    "a site's path": lambda _b: update(sites).where(sites.c.id == "south").values(path="/north/south/"),
    "a statement more": another(statements, digest="9" * 64, log_index=10_000),
    "a statement's version": values(statements, version_id=None),
    "a statement's place": lambda _b: update(statements).values(log_index=statements.c.log_index + 1000),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_a_straight_change_is_noticed(book, what):
    audit(book.house, ADMIN)
    with book.house.database.unrecorded() as connection:
        if "invitation's secret" in what:
            connection.execute(delete(invitations).where(invitations.c.used_at.is_not(None)))
        connection.execute(TAMPERING[what](book))

    with pytest.raises(LogBroken):
        audit(book.house, ADMIN)


def test_what_people_and_later_files_change_of_imported_answers_is_no_tampering(book, tmp_path):
    with book.house.database.reading() as connection:
        one = connection.execute(select(facts.c.id).where(facts.c.field == "m/Colour")).scalar_one()
    records.change(book.house, ADMIN, "fact", one, {"value": "crimson", "basis": "document"}, 1)
    audit(book.house, ADMIN)
    with pytest.raises(FixedField, match="came with a file"):
        records.change(book.house, ADMIN, "fact", one, {"source": "own"}, 2)

    (tmp_path / "list.csv").write_text("Ref,Name,Colour,Size\n1,Falls,green,\n")
    import_file(book.house, OPERATOR, tmp_path / "list.csv", tmp_path / "m.yaml")
    audit(book.house, ADMIN)

    (tmp_path / "list.csv").write_text("Ref,Name,Colour,Size\n1,Falls,,\n")
    import_file(book.house, OPERATOR, tmp_path / "list.csv", tmp_path / "m.yaml")
    audit(book.house, ADMIN)


def test_an_erased_text_is_no_tampering(book):
    second = replace(book.second, fresh_until="2026-11-01T09:05:00.000000Z")
    with book.house.database.reading() as connection:
        number = connection.execute(
            select(log_texts.c.number).where(log_texts.c.field == "after.m/Colour")
        ).scalar_one()
    erasure.agree(book.house, second, erasure.ask(book.house, ADMIN, number).id)

    audit(book.house, ADMIN)


def test_every_table_is_held_against_the_log_or_says_why_not():
    tables = {table.name for table in metadata.sorted_tables}

    assert set(HELD) | set(NOT_HELD) == tables
    assert not set(HELD) & set(NOT_HELD)
    assert all(NOT_HELD.values())
