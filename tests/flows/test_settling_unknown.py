"""Evidence that names a use or a version which the book does not know: who says what it is about, and on which page."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "web"))
from book import Book, bare, signed
from seen_pages import pages_of

from codman.flows.filing import file_evidence
from codman.flows.settling import NotTheirsToSay, names_unknown, say_about
from codman.registry.about import SubjectMismatch
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.log import SYSTEM, entries
from codman.registry.nouns import USES, VERSIONS
from codman.registry.records import BadField, NoSuchRecord
from codman.registry.replay import check_records
from codman.registry.schema import statements
from codman.spine.person import Role
from codman.spine.product import VersionFields


@pytest.fixture
def book(tmp_path: Path, database_url: str) -> Iterator[Book]:
    made = Book(tmp_path, database_url)
    yield made
    with made.house.database.reading() as connection:
        check_records(connection)
    made.house.close()


def known(book: Book, digest: str) -> tuple[str | None, str | None, str | None]:
    with book.house.database.reading() as connection:
        row = connection.execute(select(statements).where(statements.c.digest == digest)).one()
    return row.product_id, row.version_id, row.use_id


def waits(book: Book) -> list[str]:
    with book.house.database.reading() as connection:
        return [one.digest for one in names_unknown(connection)]


def test_somebody_else_says_with_a_reason_which_use_evidence_means_that_the_book_does_not_know(book: Book) -> None:
    digest = file_evidence(book.house, signed(book.registered("k"), use="Sepsis on wards"), book.officer).digest
    assert (known(book, digest), waits(book)) == (("sepsis", "sepsis-120", None), [digest])

    viewer = Reader("p-two", "Officer two", (Held(Role.VIEWER),))
    with pytest.raises(NotAllowed):
        say_about(book.house, viewer, digest, use="ward", why="the builder said so")
    with pytest.raises(NotTheirsToSay, match="you filed it"):
        say_about(book.house, book.officer, digest, use="ward", why="the builder said so")
    with pytest.raises(BadField, match="say what shows it"):
        say_about(book.house, book.second, digest, use="ward", why=" ")
    with pytest.raises(BadField, match="no such use"):
        say_about(book.house, book.second, digest, use="none", why="the builder said so")
    assert waits(book) == [digest]

    say_about(book.house, book.second, digest, use="ward", why="the builder said so")

    assert (known(book, digest), waits(book)) == (("sepsis", "sepsis-120", "ward"), [])
    with book.house.database.reading() as connection:
        last = list(entries(connection))[-1]
    assert (last.value["action"], last.texts["why"]) == ("evidence.link", "the builder said so")
    with pytest.raises(NoSuchRecord):
        say_about(book.house, book.second, digest, use="ward-south", why="it is the other")


def test_who_answers_for_a_use_brings_no_evidence_to_it_and_puts_none_aside(book: Book) -> None:
    with book.house.database.changing(SYSTEM) as change:
        USES.change(change, "ward", {"owner": "p-two"}, None)
    digest = file_evidence(book.house, bare(use="Sepsis on wards"), book.officer).digest

    for use in ("ward", None):
        with pytest.raises(NotTheirsToSay, match="you answer for this use"):
            say_about(book.house, book.second, digest, use=use, why="it is mine")
    assert (known(book, digest)[2], waits(book)) == (None, [digest])


def test_a_version_that_is_another_artefact_is_not_what_evidence_means(book: Book) -> None:
    with book.house.database.changing(SYSTEM) as change:
        VERSIONS.add(change, VersionFields(product="sepsis", label="1.3.0", digest="d" * 64), "sepsis-130")
    digest = file_evidence(book.house, bare(version="1.2"), book.officer).digest
    assert known(book, digest) == ("sepsis", None, "ward")

    with pytest.raises(SubjectMismatch):
        say_about(book.house, book.second, digest, version="sepsis-130", why="it is the newest")
    say_about(book.house, book.second, digest, version="sepsis-120", why="the same artefact")

    assert known(book, digest) == ("sepsis", "sepsis-120", "ward")


def test_what_is_about_nothing_in_the_book_is_put_aside_and_its_page_says_so(book: Book) -> None:
    digest = file_evidence(book.house, bare(use="A trial that ended"), book.officer).digest
    second = pages_of(book.house, book.second)
    assert f"/evidence/{digest}/meaning" in second.get("/doubts").text
    page = second.get(f"/evidence/{digest}").text
    assert "It names the use “A trial that ended”, which the book does not know" in page

    form = second.get(f"/evidence/{digest}/meaning").text
    assert re.findall(r'<option value="(ward[^"]*)"', form) == ["ward", "ward-south"]
    assert second.post(f"/evidence/{digest}/meaning", data={"use": "", "why": ""}).status_code == 422
    own = pages_of(book.house, book.officer).post(f"/evidence/{digest}/meaning", data={"use": "", "why": "over"})
    assert (own.status_code, "you filed it" in own.text.lower()) == (403, True)
    done = second.post(f"/evidence/{digest}/meaning", data={"use": "", "why": "It was a trial of another house"})

    assert (done.status_code, done.headers["location"]) == (303, f"/evidence/{digest}")
    assert "No statement waits" in second.get("/doubts").text
    assert "On 1 Nov 2026 somebody said that nothing in the book is meant" in second.get(f"/evidence/{digest}").text
    assert known(book, digest)[2] is None
