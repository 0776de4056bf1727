"""A change whose audit entry cannot be written is not made: tried on a database that really refuses the entry."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, bare, signed
from test_notary import decision

from codman.flows import erasure, keys, records, rollout, tokens
from codman.flows.backup import backup
from codman.flows.cloud_events import file_request
from codman.flows.filing import file_evidence
from codman.flows.inventory_import import import_bytes
from codman.flows.inventory_mappings import put_mapping, remove_mapping
from codman.flows.notary import sign_as
from codman.flows.operator import OPERATOR
from codman.registry.access import Held, Reader
from codman.registry.columns import metadata
from codman.registry.database import NotRecorded
from codman.registry.imports.mapping import Mapping, Source
from codman.registry.keys import OwnerKind
from codman.registry.log import SYSTEM
from codman.registry.nouns import USES
from codman.spine.person import Role
from codman.spine.record_statements import Meaning
from codman.spine.statement import Origin

SOURCE = Path(__file__).parents[2] / "src" / "codman"
ADMIN = Reader(
    "p-one", "Administrator", (Held(Role.ADMIN), Held(Role.OFFICER)), fresh_until="2026-11-01T09:05:00.000000Z"
)
MAPPING = Mapping(mapping="ours", id="Ref", fields={"use.name": Source(column="Name")})
LIST = b"Ref,Name\n1,Fall risk\n"
FRESH = Reader("p-two", "Officer two", (Held(Role.OFFICER),), fresh_until="2026-11-01T09:05:00.000000Z")
AUDITOR = Reader("p-two", "Auditor", (Held(Role.AUDITOR),))


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    made.registered("old")
    made.pair = made.registered("pair")
    made.claim = file_evidence(made.house, bare(note="claim"), made.officer)
    with made.house.database.changing(SYSTEM, "a reason") as change:
        USES.change(change, "ward", {"purpose": "Find sepsis"}, None)
        made.entry = 11
    made.asked = erasure.ask(made.house, made.officer, made.entry, field="why")
    put_mapping(made.house, ADMIN, MAPPING, None)
    made.grant = records.create(made.house, ADMIN, "grant", {"person": "p-two", "role": "viewer"})
    made.token = tokens.create_token(made.house, ADMIN, "p-one", ["inventory.read"], name="t")
    yield made
    made.house.close()


def _event(body: bytes) -> bytes:
    return json.dumps({"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": json.loads(body)}).encode()


CHANGES: dict[str, Callable[[Any], Any]] = {
    "file a claim": lambda b: file_evidence(b.house, bare(), b.officer),
    "file a signed statement": lambda b: file_evidence(b.house, signed(b.pair), b.officer),
    "sign a claim": lambda b: file_evidence(b.house, signed(b.pair, note="claim"), b.officer),
    "file an event": lambda b: file_request(
        b.house, {"content-type": "application/cloudevents+json"}, _event(bare()), b.officer
    ),
    "sign as a person": lambda b: sign_as(b.house, ADMIN, decision(), Meaning.APPROVAL),
    "register a key": lambda b: keys.add_key(
        b.house, b.officer, b.key("new").public.pem.encode(), name="new", owner_kind=OwnerKind.LAB, owner="lab",
        origins=[Origin.ATTESTED],
    ),
    "rotate a key": lambda b: keys.rotate_key(b.house, b.officer, "old", b.key("new").public.pem.encode(), "new"),
    "revoke a key": lambda b: keys.revoke_key(b.house, b.officer, "old"),
    "ask to erase": lambda b: erasure.ask(b.house, b.officer, b.entry),
    "agree to erase": lambda b: erasure.agree(b.house, FRESH, b.asked.id),
    "withdraw": lambda b: erasure.withdraw(b.house, b.officer, b.asked.id),
    "hold": lambda b: erasure.hold(b.house, AUDITOR, b.entry, on=True),
    "privilege": lambda b: erasure.privilege(b.house, b.officer, b.entry, on=True),
    "back up": lambda b: backup(b.house, OPERATOR, b.folder / "b.tar"),
    "create a record": lambda b: records.create(b.house, ADMIN, "product", {"name": "New"}),
    "change a record": lambda b: records.change(b.house, ADMIN, "use", "ward", {"topic": "New"}, 2),
    "remove a record": lambda b: records.remove(b.house, ADMIN, "grant", b.grant.id, 1),
    "deploy": lambda b: rollout.deploy_at(b.house, ADMIN, "ward", ["north"], {"mode": "silent"}),
    "create a token": lambda b: tokens.create_token(b.house, ADMIN, "p-one", ["inventory.read"], name="n"),
    "import a list": lambda b: import_bytes(b.house, ADMIN, LIST, "ours"),
    "keep a mapping": lambda b: put_mapping(b.house, ADMIN, MAPPING.model_copy(update={"mapping": "other"}), None),
    "replace a mapping": lambda b: put_mapping(b.house, ADMIN, MAPPING.model_copy(update={"title": "Ours"}), 1),
    "remove a mapping": lambda b: remove_mapping(b.house, ADMIN, "ours", 1),
    "revoke a token": lambda b: tokens.revoke_token(b.house, ADMIN, "p-one", b.token.token.id),
}  # fmt: skip


def everything(book: Book) -> dict[str, list[tuple[Any, ...]]]:
    with book.house.database.reading() as connection:
        return {
            table.name: sorted(tuple(map(repr, row)) for row in connection.execute(select(table)))
            for table in metadata.sorted_tables
        }


def refuse_entries(book: Book) -> None:
    """Make the database itself refuse every new entry, as a full disk or a broken table would."""
    if book.house.database.sqlite:
        steps = ["CREATE TRIGGER refuse BEFORE INSERT ON log_entries BEGIN SELECT RAISE(FAIL, 'disk full'); END"]
    else:
        steps = [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$",
            "CREATE TRIGGER refuse BEFORE INSERT ON log_entries FOR EACH ROW EXECUTE FUNCTION refuse()",
        ]
    with book.house.database.unrecorded() as connection:
        for step in steps:
            connection.execute(text(step))


@pytest.mark.parametrize("how", CHANGES)
def test_nothing_changes_when_the_log_refuses_the_entry(book, how):
    book.key("new")
    before, files = everything(book), sorted(p.name for p in book.folder.iterdir())
    refuse_entries(book)

    with pytest.raises(NotRecorded) as refused:
        CHANGES[how](book)

    assert refused.value.exit_code == 4
    assert everything(book) == before
    assert sorted(p.name for p in book.folder.iterdir()) == files
    with book.house.database.unrecorded() as connection:
        drop = "DROP TRIGGER refuse" + ("" if book.house.database.sqlite else " ON log_entries")
        connection.execute(text(drop))
    CHANGES[how](book)  # and the same is done once the log can be written: the refusal was the log's alone
    assert everything(book) != before


# Modules that may write without an entry: sessions, throttles, saved views, what was sent or done by the clock, and the
# making of the tables
UNRECORDED = {
    "flows/outbox.py",
    "flows/schedule.py",
    "flows/views.py",
    "flows/watch/rounds.py",  # when its jobs ran, and their leases
    "flows/watch/running.py",  # its lease
    "jobs/worker.py",
    "registry/accounts_provider.py",
    "registry/accounts_sessions.py",
    "registry/accounts_sign_in.py",
    "registry/accounts_tokens.py",
    "registry/links.py",
    "registry/migrate.py",
    "registry/ready_views.py",
    "registry/snapshot.py",
}


def test_nobody_else_writes_to_the_book_past_the_log():
    found = set()
    doors = ("cli", "client")  # they have no connection; a proposal begins there too
    for path in (one for one in SOURCE.rglob("*.py") if one.relative_to(SOURCE).parts[0] not in doors):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("unrecorded", "_begin", "begin"):
                found.add(path.relative_to(SOURCE).as_posix())
    assert found - {"registry/database.py"} <= UNRECORDED
