"""A proposal is taken back with a reason, and taken up again as it was."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from committee import Committee
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent.parent / "review"))
from intake_answers import SEPSIS

from codman.flows.intake import IntakeClosed, NotYourIntake, begin, keep
from codman.flows.intake_submit import submit
from codman.flows.intake_withdrawn import take_up, why_withdrawn, withdraw
from codman.registry.records import BadField
from codman.registry.schema import log_entries
from codman.spine.intake import IntakeState

FULL = SEPSIS | {"owner": "p-owner", "site": "north"}


@pytest.fixture
def book(tmp_path, database_url):
    made = Committee(tmp_path, database_url)
    yield made
    made.house.close()


def test_a_withdrawn_proposal_takes_no_more_answers(book):
    owner = book.person("owner")
    made = begin(book.house, owner, {"name": "Sepsis"})
    gone = withdraw(book.house, owner, made.id, made.revision, why="another tool is bought")

    with pytest.raises(IntakeClosed, match="withdrawn"):
        keep(book.house, owner, made.id, {"name": "Again"}, gone.revision)


def test_a_proposal_is_withdrawn_with_a_reason_that_is_read_beside_it_and_never_without(book):
    owner = book.person("owner")
    made = begin(book.house, owner, {"name": "Sepsis"})

    for nothing in (None, "", "  "):
        with pytest.raises(BadField, match="say why"):
            withdraw(book.house, owner, made.id, made.revision, why=nothing)
    gone = withdraw(book.house, owner, made.id, made.revision, why="another tool is bought")

    with book.house.database.reading() as connection:
        assert why_withdrawn(connection, gone) == "another tool is bought"
        assert why_withdrawn(connection, made) == ""


def test_who_withdrew_a_proposal_takes_it_up_again_with_its_answers_and_the_log_has_both(book):
    owner, other = book.person("owner"), book.person("chair")
    made = begin(book.house, owner, {"name": "Sepsis"})
    with pytest.raises(BadField, match="it is a draft"):
        take_up(book.house, owner, made.id, made.revision)
    gone = withdraw(book.house, owner, made.id, made.revision, why="another tool is bought")

    with pytest.raises(NotYourIntake):
        take_up(book.house, other, made.id, gone.revision)
    back = take_up(book.house, owner, made.id, gone.revision)

    assert (back.state, back.answers) == (IntakeState.DRAFT, {"name": "Sepsis"})
    assert keep(book.house, owner, made.id, {"name": "Sepsis alert"}, back.revision).answers["name"] == "Sepsis alert"
    with book.house.database.reading() as connection:
        asked = select(log_entries.c.entry).where(log_entries.c.about == made.id).order_by(log_entries.c.number)
        after = [json.loads(bytes(entry))["after"].get("state") for entry in connection.execute(asked).scalars()]
    assert after == ["draft", "withdrawn", "draft", None]


def test_what_was_sent_in_is_not_taken_up_again(book):
    owner = book.person("owner")
    made = begin(book.house, owner, FULL)
    done = submit(book.house, owner, made.id, made.revision)

    with pytest.raises(IntakeClosed, match="submitted"):
        take_up(book.house, owner, made.id, done.intake.revision)
