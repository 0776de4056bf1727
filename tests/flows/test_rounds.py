"""What the server does by itself: the drop folder is looked through again and again, whatever happens."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, signed

from codman.flows.rounds import make_round, making_rounds
from codman.registry.accounts_tokens import issue
from codman.registry.log import SYSTEM
from codman.registry.nouns import GRANTS
from codman.spine.person import GrantFields, Role
from waiting import until

LONG_AGO = time.time() - 3600


@pytest.fixture
def book(tmp_path):
    """A house whose drop folder is looked through on behalf of an engineer."""
    made = Book(tmp_path)
    with made.house.database.changing(SYSTEM) as change:
        GRANTS.add(change, GrantFields(person="p-one", role=Role.ENGINEER))
        token = issue(change, "p-one", ["evidence.submit"], made.clock(), days=9, name="drop folder").secret
    inbox = tmp_path / "drop" / "inbox"
    inbox.mkdir(parents=True)
    settings = made.house.settings.model_copy(
        update={"drop_folder": tmp_path / "drop", "drop_folder_token": SecretStr(token)}
    )
    made.house = replace(made.house, settings=settings)
    yield made
    made.house.close()


def _lay(book, name):
    path = book.folder / "drop" / "inbox" / name
    path.write_bytes(signed(book.registered("nightly")))
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_what_is_laid_into_the_drop_folder_is_taken_while_the_server_runs(book):
    path = _lay(book, "evaluation.json")

    with making_rounds(book.house, every_seconds=0.05):
        until(lambda: not path.exists())

    assert not path.exists()
    assert (book.folder / "drop" / "filed" / "evaluation.json").exists()


def test_a_round_that_fails_says_so_without_a_file_name_and_the_next_is_made(book, caplog, monkeypatch):
    path = _lay(book, "jane-doe-1950.json")
    real = book.house

    def away(_house):
        raise PermissionError(f"cannot read {path}")

    with monkeypatch.context() as broken:
        broken.setattr("codman.flows.rounds.take_configured", away)
        assert make_round(real) == 0
    assert make_round(real) == 1

    assert "PermissionError" in caplog.text
    assert "jane" not in caplog.text
