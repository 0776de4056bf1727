"""CloudEvents in each of the three modes carry evidence; an event is taken once, whatever order it comes in."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import func, select

sys.path.insert(0, str(Path(__file__).parent))
from book import Book, bare, signed

from codman.errors import BadInput
from codman.evidence.canonical import sha256
from codman.flows.cloud_events import BadEvent, file_request, is_batch, open_event
from codman.flows.filing import TooLarge
from codman.registry.log import check, size_of
from codman.registry.requests import KeyReused
from codman.registry.schema import statements

STRUCTURED = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}


@pytest.fixture
def book(tmp_path, database_url):
    made = Book(tmp_path, database_url)
    yield made
    made.house.close()


def event(body: bytes, name: str = "1", **more: object) -> dict[str, object]:
    said = {
        "specversion": "1.0",
        "id": name,
        "source": "https://ci.example.org/nightly",
        "type": "dev.codman.evidence.v1",
    }
    return said | {"data": json.loads(body)} | more


def test_structured_binary_and_plain_requests_file_the_same_statement(book):
    key = book.registered("pipeline")
    body = signed(key)
    binary = {"CE-SpecVersion": "1.0", "Ce-Id": "2", "ce-source": "https://ci.example.org/n%C3%A9e", "ce-type": "t"}
    encoded = {**event(body, "3"), "data_base64": base64.b64encode(body).decode()}
    del encoded["data"]

    answers = [
        *file_request(book.house, STRUCTURED, json.dumps(event(body)).encode(), book.officer),
        *file_request(book.house, {**binary, "content-type": "application/json"}, body, book.officer),
        *file_request(book.house, STRUCTURED, json.dumps(encoded).encode(), book.officer),
        *file_request(book.house, {"content-type": "application/vnd.in-toto+json"}, body, book.officer),
    ]

    assert [a.receipt.digest for a in answers] == [sha256(bare())] * 4
    assert len({a.receipt.log_index for a in answers}) == 1
    assert answers[1].incoming.source == "https://ci.example.org/née"


def test_each_event_of_a_batch_is_answered_by_itself(book):
    batch = [event(bare(note="a"), "1"), event(b'{"no": "statement"}', "2"), event(bare(note="b"), "3")]

    answers = file_request(book.house, BATCH, json.dumps(batch).encode(), book.officer)

    assert is_batch(BATCH)
    assert not is_batch(STRUCTURED)
    assert [a.receipt is not None for a in answers] == [True, False, True]
    assert answers[1].error.what == "the statement is not a statement"


def test_an_events_name_with_another_body_is_refused(book):
    first, again, other = (json.dumps(event(bare(note=n))).encode() for n in ("a", "a", "b"))

    (one,) = file_request(book.house, STRUCTURED, first, book.officer)
    (two,) = file_request(book.house, STRUCTURED, again, book.officer)
    (three,) = file_request(book.house, STRUCTURED, other, book.officer)

    assert one.receipt == two.receipt
    assert isinstance(three.error, KeyReused)


BAD = {
    "another version": {"specversion": "0.3"},
    "no id": {"id": ""},
    "an id that is a number": {"id": 7},
    "a source of a thousand letters": {"source": "s" * 1000},
    "data that is XML": {"datacontenttype": "application/xml"},
    "data twice": {"data_base64": "e30="},
}


@pytest.mark.parametrize("how", BAD)
def test_what_is_no_event_is_refused(how):
    with pytest.raises(BadEvent):
        open_event(STRUCTURED, json.dumps(event(bare()) | BAD[how]).encode())


def test_a_batch_that_is_none_is_refused_whole(book):
    for body in (b"{}", b"[1]", b"nonsense", json.dumps([event(bare(), "1"), {}]).encode()):
        with pytest.raises(BadInput):
            file_request(book.house, BATCH, body, book.officer)
    with pytest.raises(TooLarge):
        file_request(book.house, BATCH, b" " * (65 * 1024 * 1024), book.officer)

    with book.house.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(statements)).scalar_one() == 0


class Senders(RuleBasedStateMachine):
    """Three senders repeat, reorder and contradict themselves; the book counts each statement exactly once."""

    folder: Path

    @initialize()
    def open(self) -> None:
        number = len(list(self.folder.iterdir()))
        (self.folder / str(number)).mkdir()
        self.book = Book(self.folder / str(number))
        self.keys = [self.book.registered(f"k{n}") for n in range(3)]
        self.bodies: dict[str, bytes] = {}  # by the event's name
        self.filed: dict[bytes, int] = {}  # statement to its log index
        self.signers: dict[bytes, set[int]] = {}

    @rule(sender=st.integers(0, 2), name=st.integers(0, 6), note=st.integers(0, 4), sealed=st.booleans())
    def send(self, sender: int, name: int, note: int, sealed: bool) -> None:
        inside = bare(note=str(note))
        body = signed(self.keys[sender], note=str(note)) if sealed else inside
        carried = json.dumps(event(body, str(name))).encode()
        (answer,) = file_request(self.book.house, STRUCTURED, carried, self.book.officer)
        if self.bodies.setdefault(str(name), body) != body:
            assert isinstance(answer.error, KeyReused)
            return
        assert answer.receipt.digest == sha256(inside)
        assert self.filed.setdefault(inside, answer.receipt.log_index) == answer.receipt.log_index
        self.signers.setdefault(inside, set()).update({sender} if sealed else ())

    @rule(note=st.integers(0, 4))
    def send_without_a_name(self, note: int) -> None:
        (answer,) = file_request(self.book.house, {}, bare(note=str(note)), self.book.officer)
        inside = bare(note=str(note))
        assert self.filed.setdefault(inside, answer.receipt.log_index) == answer.receipt.log_index

    @invariant()
    def each_statement_once(self) -> None:
        if not hasattr(self, "book"):
            return
        with self.book.house.database.reading() as connection:
            rows = connection.execute(select(statements.c.digest, statements.c.log_index, statements.c.standing)).all()
        assert {(r.digest, r.log_index) for r in rows} == {(sha256(b), i) for b, i in self.filed.items()}
        assert {r.digest for r in rows if r.standing == "verified"} == {sha256(b) for b, s in self.signers.items() if s}

    def teardown(self) -> None:
        if hasattr(self, "book"):
            with self.book.house.database.reading() as connection:
                check(connection)
                assert size_of(connection) >= len(self.filed)
            self.book.house.close()


def test_repeated_reordered_and_contradicting_events_are_counted_exactly_once(tmp_path, whole):
    Senders.folder = tmp_path / "books"
    Senders.folder.mkdir()
    machine = Senders.TestCase
    machine.settings = settings(
        max_examples=200 if whole else 6, stateful_step_count=40 if whole else 25, deadline=None
    )
    machine().runTest()
