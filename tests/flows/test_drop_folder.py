"""Files in a drop folder are filed once each, and nothing leads out of it."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, bare, signed

from codman.evidence.receipt import Receipt, verify_receipt
from codman.flows import drop_folder
from codman.flows.drop_folder import take
from codman.registry.access import Held, NotAllowed, NotSignedIn, Reader
from codman.registry.accounts_tokens import issue
from codman.registry.database import NotRecorded
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS
from codman.registry.schema import statements
from codman.spine.person import GrantFields, Role

LONG_AGO = time.time() - 3600


@pytest.fixture
def book(tmp_path):
    made = Book(tmp_path)
    yield made
    made.house.close()


@pytest.fixture
def drop(tmp_path):
    (tmp_path / "drop" / "inbox").mkdir(parents=True)
    return tmp_path / "drop"


def lay(drop, name, body, at=LONG_AGO):
    path = drop / "inbox" / name
    path.write_bytes(body)
    os.utime(path, (at, at))
    return path


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def count(book):
    with book.house.database.reading() as connection:
        return connection.execute(select(func.count()).select_from(statements)).scalar_one()


def test_each_file_is_filed_and_moved_with_its_receipt_or_its_reason(book, drop):
    lay(drop, "a.json", signed(book.registered("ci")))
    lay(drop, "b.json", b"{}")
    lay(drop, "c.json", signed(book.key("stranger"), note="c"))

    done = take(book.house, drop, book.officer)

    assert [(t.name, t.error is None) for t in done] == [("a.json", True), ("b.json", False), ("c.json", False)]
    assert names(drop / "inbox") == []
    assert names(drop / "filed") == ["a.json", "a.json.receipt.json"]
    assert names(drop / "refused") == ["b.json", "b.json.reason.json", "c.json", "c.json.reason.json"]
    receipt = Receipt.model_validate_json((drop / "filed" / "a.json.receipt.json").read_bytes())
    verify_receipt(receipt, book.house.log_key.public)
    reason = json.loads((drop / "refused" / "c.json.reason.json").read_text())
    assert reason["why"] == "no registered key signed these bytes"
    assert take(book.house, drop, book.officer) == []


def test_what_is_still_being_written_is_left_alone(book, drop):
    lay(drop, "young.json", bare(), time.time())
    lay(drop, "half.json.part", bare()[:100])
    lay(drop, ".hidden.json", bare())

    assert take(book.house, drop, book.officer) == []
    assert names(drop / "inbox") == [".hidden.json", "half.json.part", "young.json"]
    assert [t.name for t in take(book.house, drop, book.officer, settled_seconds=0)] == ["young.json"]


def test_links_folders_and_pipes_are_refused_and_never_followed(book, drop, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_bytes(bare())
    os.utime(secret, (LONG_AGO, LONG_AGO))
    (drop / "inbox" / "link.json").symlink_to(secret)
    (drop / "inbox" / "folder").mkdir()
    os.mkfifo(drop / "inbox" / "pipe.json")

    done = take(book.house, drop, book.officer)

    assert [t.error.what for t in done] == [f"{n} is not a plain file" for n in ("folder", "link.json", "pipe.json")]
    assert secret.read_bytes() == bare()
    assert (drop / "refused" / "link.json").is_symlink()
    assert count(book) == 0


def test_a_name_that_comes_again_takes_nothing_from_the_first(book, drop):
    for note in ("first", "second"):
        lay(drop, "nightly.json", bare(note=note))
        take(book.house, drop, book.officer)

    filed = names(drop / "filed")
    assert filed == ["2-nightly.json", "2-nightly.json.receipt.json", "nightly.json", "nightly.json.receipt.json"]
    assert b"first" in (drop / "filed" / "nightly.json").read_bytes()
    assert b"second" in (drop / "filed" / "2-nightly.json").read_bytes()


def test_a_crash_between_filing_and_moving_files_nothing_twice(book, drop, monkeypatch):
    lay(drop, "a.json", bare())

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", power_cut)
    with pytest.raises(KeyboardInterrupt):
        take(book.house, drop, book.officer)
    monkeypatch.undo()
    take(book.house, drop, book.officer)

    assert count(book) == 1
    assert names(drop / "filed") == ["a.json", "a.json.receipt.json"]


def test_what_a_database_that_is_away_could_not_take_stays_in_the_inbox(book, drop, monkeypatch):
    lay(drop, "a.json", bare())

    def away(*_: object, **__: object) -> None:
        raise NotRecorded

    monkeypatch.setattr(drop_folder, "file_evidence", away)
    with pytest.raises(NotRecorded):
        take(book.house, drop, book.officer)
    monkeypatch.undo()

    assert names(drop / "inbox") == ["a.json"]
    assert [t.error for t in take(book.house, drop, book.officer)] == [None]


def test_strange_names_and_a_sender_without_the_right(book, drop):
    lay(drop, "a.json", bare())
    with pytest.raises(NotAllowed):
        take(book.house, drop, Reader("p-one", "V", (Held(Role.VIEWER),)))
    assert names(drop / "inbox") == ["a.json"]
    raw = os.fsencode(drop / "inbox") + b"/\xff\xfe\n.json"
    Path(os.fsdecode(raw)).write_bytes(bare(note="x"))
    os.utime(raw, (LONG_AGO, LONG_AGO))
    lay(drop, "n" * 250, bare(note="y"))

    assert [t.error for t in take(book.house, drop, book.officer)] == [None] * 3
    assert names(drop / "inbox") == []


def test_the_folder_of_the_settings_is_filed_on_behalf_of_its_token_as_long_as_that_is_good(book, drop):
    with book.house.database.changing(SYSTEM) as change:
        GRANTS.add(change, GrantFields(person="p-one", role=Role.ENGINEER))
        token = issue(change, "p-one", ["evidence.submit"], book.clock(), days=1, name="drop folder")
    lay(drop, "a.json", bare())
    assert drop_folder.take_configured(book.house) == []
    told = book.house.settings.model_copy(update={"drop_folder": drop, "drop_folder_token": SecretStr(token.secret)})
    house = replace(book.house, settings=told)

    (taken,) = drop_folder.take_configured(house)
    lay(drop, "b.json", bare(note="b"))
    book.clock.forward(days=2)

    assert json.loads(taken.receipt.entry)["actor"]["id"] == "p-one"
    with pytest.raises(NotSignedIn):
        drop_folder.take_configured(house)
    assert names(drop / "inbox") == ["b.json"]
