"""The outbox: with its change or not at all, once a key, in order, tried again patiently, given up in plain sight."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from letters import NOTICE, FakeReceiver, queue_up, worker
from sqlalchemy import select

from codman.jobs.backoff import LONGEST_S, TRIES, wait_s
from codman.jobs.notifier import NotAccepted, NotDelivered, ReceiverAway
from codman.jobs.outbox import (
    BadMessage,
    NoSuchMessage,
    claim,
    enqueue,
    forget,
    mark_failed,
    mark_sent,
    parked,
    queue,
    send_again,
)
from codman.jobs.tables import outbox
from codman.jobs.times import instant
from codman.registry.log import SYSTEM
from door import NOON


def standing(book):
    with book.reading() as connection:
        return queue(connection, {"mail"}, book.clock())


def test_a_message_is_there_if_and_only_if_its_change_is(book):
    with book.changing(SYSTEM) as change:
        assert enqueue(change.connection, "mail", "ann@example.org", NOTICE, "stays", at=change.at)
    with book.rehearsing(SYSTEM) as change:  # a change that is taken back
        assert enqueue(change.connection, "mail", "ann@example.org", NOTICE, "goes", at=change.at)

    with book.reading() as connection:
        assert connection.execute(select(outbox.c.key)).scalars().all() == ["stays"]


def test_the_same_key_again_is_the_same_message_whatever_it_says(book):
    other = NOTICE.model_copy(update={"title": "Another title"})
    with book.unrecorded() as connection:
        first = enqueue(connection, "mail", "ann@example.org", NOTICE, "key", at=instant(book.clock()))
        again = enqueue(connection, "mail", "bob@example.org", other, "key", at=instant(book.clock()))
    receiver = FakeReceiver()

    worker(book, mail=receiver).deliver()
    with book.unrecorded() as connection:
        after = enqueue(connection, "mail", "ann@example.org", NOTICE, "key", at=instant(book.clock()))
    worker(book, mail=receiver).deliver()

    assert (first, again, after) == (True, False, False)
    assert [(m.to, m.notice.title) for m in receiver.asked] == [("ann@example.org", "A condition is due")]


@pytest.mark.parametrize(
    ("to", "key"), [("", "k"), ("a@b", ""), ("a@b\nBcc: c@d", "k"), ("a" * 391, "k"), ("a", "k" * 301)]
)
def test_a_receiver_or_key_that_is_no_line_of_text_is_refused(book, to, key):
    with book.unrecorded() as connection, pytest.raises(BadMessage):
        enqueue(connection, "mail", to, NOTICE, key, at=instant(book.clock()))


def test_messages_go_out_in_the_order_they_were_written_whatever_the_clock_said(book, clock):
    queue_up(book, "first")
    clock.later(hours=-30)
    queue_up(book, "second")
    clock.later(days=900)
    queue_up(book, "third")
    clock.later(days=-900)
    receiver = FakeReceiver()

    done = worker(book, mail=receiver).deliver()

    with book.reading() as connection:
        keys = {row.id: row.key for row in connection.execute(select(outbox.c.id, outbox.c.key))}
    assert [keys[m.id] for m in receiver.asked] == ["first", "second", "third"]
    assert (done.sent, standing(book).sent, standing(book).waiting) == (3, 3, 0)


def test_what_fails_is_tried_again_after_twice_as_long_each_time_under_the_same_id(book, clock):
    queue_up(book, "key")
    receiver = FakeReceiver(*[NotDelivered("not now") for _ in range(3)])
    sender = worker(book, mail=receiver)

    for wait in (15, 30, 60):
        assert sender.deliver().failed == 1
        clock.later(seconds=wait - 1)
        assert sender.deliver() == type(sender.deliver())()  # nothing is due yet
        clock.later(seconds=1)
    assert sender.deliver().sent == 1

    assert [m.attempt for m in receiver.asked] == [1, 2, 3, 4]
    assert len({m.id for m in receiver.asked}) == 1


def test_waits_double_from_fifteen_seconds_to_twelve_hours_and_are_spread_over_half_of_themselves():
    assert [wait_s(n, 1.0) for n in (1, 2, 3, 12, 13, 500)] == [15, 30, 60, 30720, LONGEST_S, LONGEST_S]
    assert (wait_s(4, 0.0), wait_s(4, 0.5)) == (60, 90)
    # what fails for the first time on Friday at six is not given up before Monday at nine, however short its waits
    assert sum(wait_s(n, 0.0) for n in range(1, TRIES)) > 63 * 3600
    assert sum(wait_s(n, 1.0) for n in range(1, TRIES)) < 6 * 24 * 3600


def test_a_receiver_that_names_a_time_is_not_asked_before_it_and_cannot_put_us_off_for_ever(book, clock):
    queue_up(book, "key")
    receiver = FakeReceiver(NotDelivered("busy", again_in=600), NotDelivered("busy", again_in=1e9))
    sender = worker(book, mail=receiver)

    sender.deliver()
    clock.later(seconds=599)
    assert sender.deliver().failed == 0
    clock.later(seconds=1)
    assert sender.deliver().failed == 1
    clock.later(hours=12)
    assert sender.deliver().sent == 1


def test_what_is_never_taken_is_parked_seen_and_can_be_sent_again(book, clock):
    queue_up(book, "hopeless", "refused")
    forever = FakeReceiver(NotDelivered("not now"), NotAccepted("550"), *[NotDelivered("451")] * (TRIES - 1))
    sender = worker(book, mail=forever)
    for _ in range(TRIES):
        sender.deliver()
        clock.later(hours=13)

    assert standing(book).parked == 2
    with book.reading() as connection:
        given_up = parked(connection)
    assert [(p.attempts, p.trouble) for p in given_up] == [(1, "550"), (TRIES, "451")]
    assert sender.deliver().failed == 0

    with book.unrecorded() as connection:
        send_again(connection, given_up[0].id)
        with pytest.raises(NoSuchMessage):
            send_again(connection, given_up[0].id)
    assert sender.deliver().sent == 1
    assert forever.asked[-1].id == given_up[0].id


def test_a_message_that_ends_the_server_whenever_it_is_sent_is_parked_and_the_next_goes_out(book, clock):
    queue_up(book, "poison")
    for attempt in range(1, TRIES + 1):
        with book.unrecorded() as connection:
            assert claim(connection, {"mail"}, "dying", clock(), 60).attempt == attempt  # and then the process is gone
        clock.later(seconds=71)
    queue_up(book, "good")
    receiver = FakeReceiver()

    done = worker(book, mail=receiver).deliver()

    with book.reading() as connection:
        assert [p.trouble for p in parked(connection)] == ["the server ended whenever it was sent"]
    assert (done.sent, len(receiver.asked)) == (1, 1)


def test_a_worker_that_was_overtaken_can_note_nothing(book, clock):
    queue_up(book, "key")
    with book.unrecorded() as connection:
        old = claim(connection, {"mail"}, "slow", clock(), 60)
    clock.later(seconds=71)
    with book.unrecorded() as connection:
        new = claim(connection, {"mail"}, "quick", clock(), 60)
        assert mark_failed(connection, old, clock(), "too late", 0.5) is False
        assert mark_sent(connection, old, clock()) is False
        assert mark_sent(connection, new, clock(), "INC1") is True
        assert mark_sent(connection, new, clock()) is False

    assert (old.id, old.token, new.token) == (new.id, 1, 2)
    assert standing(book).sent == 1


@pytest.mark.parametrize("seconds", [60, 69.9])
def test_a_lease_is_not_taken_over_while_its_holders_clock_may_still_be_before_its_end(book, clock, seconds):
    queue_up(book, "key")
    with book.unrecorded() as connection:
        claim(connection, {"mail"}, "holder", clock(), 60)
        clock.later(seconds=seconds)
        assert claim(connection, {"mail"}, "other", clock(), 60) is None
        clock.later(seconds=70 - seconds + 0.001)
        assert claim(connection, {"mail"}, "other", clock(), 60) is not None


def test_a_clock_that_was_years_ahead_holds_nothing_up(book, clock):
    queue_up(book, "held", "failed")
    clock.later(days=4000)
    with book.unrecorded() as connection:
        claim(connection, {"mail"}, "gone", clock(), 60)
    assert worker(book, mail=FakeReceiver(NotDelivered("not now"))).deliver().failed == 1
    clock.later(days=-4000)

    assert worker(book, mail=FakeReceiver()).deliver().sent == 2


def test_a_receiver_that_is_away_is_asked_once_a_go_and_holds_up_no_other(book):
    queue_up(book, "m1", "m2", "m3")
    queue_up(book, "w1", "w2", kind="webhook")
    mail, webhook = FakeReceiver(ReceiverAway("nobody answers")), FakeReceiver()

    done = worker(book, mail=mail, webhook=webhook).deliver()

    assert (len(mail.asked), len(webhook.taken), done.sent, done.failed) == (1, 2, 2, 1)


def test_a_fault_of_an_adapter_is_noted_by_its_class_alone_and_the_rest_goes_out(book, caplog):
    queue_up(book, "m1")
    queue_up(book, "w1", kind="webhook")
    broken, webhook = FakeReceiver(KeyError("Jane Doe")), FakeReceiver()

    done = worker(book, mail=broken, webhook=webhook).deliver()

    with book.reading() as connection:
        trouble = connection.execute(select(outbox.c.trouble).where(outbox.c.kind == "mail")).scalar_one()
    assert (done.sent, done.failed, trouble) == (1, 1, "a fault of our own: KeyError")
    assert "Jane" not in caplog.text
    assert "ann@example.org" not in caplog.text


def test_the_queue_says_what_waits_how_long_and_what_cannot_be_sent(book, clock):
    queue_up(book, "old")
    clock.later(minutes=10)
    queue_up(book, "new")
    queue_up(book, "ticket", kind="jira")
    worker(book, mail=FakeReceiver(NotDelivered("not now"))).deliver(most=1)

    found = standing(book)

    assert (found.waiting, found.failing, found.unsendable, found.parked, found.sent) == (3, 1, 1, 0, 0)
    assert found.lag_s == 600


def test_what_was_sent_long_ago_loses_its_words_and_is_still_not_sent_again(book, clock):
    queue_up(book, "old")
    worker(book, mail=FakeReceiver()).deliver()
    clock.later(days=91)
    queue_up(book, "young")
    worker(book, mail=FakeReceiver()).deliver()

    with book.unrecorded() as connection:
        assert forget(connection, clock() - timedelta(days=90)) == 1
        assert forget(connection, clock() - timedelta(days=90)) == 0
        rows = connection.execute(select(outbox.c.key, outbox.c.recipient, outbox.c.body)).all()
    queue_up(book, "old")

    assert {row.key: (row.recipient, row.body is None) for row in rows} == {
        "old": ("(forgotten)", True),
        "young": ("ann@example.org", False),
    }
    assert standing(book).waiting == 0


def test_a_clock_that_leaps_back_and_forth_changes_no_order_and_sends_nothing_twice(book, clock, figure):
    chances = random.Random(23)
    receiver, written = FakeReceiver(), []
    for leap in range(150):
        clock.now = NOON + timedelta(seconds=chances.choice([-1, 1]) * chances.choice([1, 3600, 86_400, 4e7]))
        written += [f"{leap}/{n}" for n in range(2)]
        queue_up(book, *written[-2:])
        if chances.random() < 0.5:
            worker(book, mail=receiver).deliver()
    worker(book, mail=receiver).deliver()

    with book.reading() as connection:
        keys = {row.id: row.key for row in connection.execute(select(outbox.c.id, outbox.c.key))}
    figure(goal="G23", leaps=150, messages=len(written), out_of_order=0, twice=0)
    assert [keys[m.id] for m in receiver.asked] == written
    assert set(receiver.taken.values()) == {1}
