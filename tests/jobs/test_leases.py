"""Leases: never two who hold one while their clocks are as near as is allowed; and beyond that the token decides."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.jobs.leases import LeaseLost, give_back, keeping, renew, require_held, take
from codman.jobs.times import SKEW
from codman.registry.database import Database
from codman.registry.migrate import migrate
from door import NOON, Clock
from waiting import let_pass

HOLDERS = 3
SECONDS = 60.0


def test_one_holds_it_until_it_is_given_back(book, clock):
    with book.unrecorded() as connection:
        mine = take(connection, "digest", "a", clock(), SECONDS)
        assert take(connection, "digest", "b", clock(), SECONDS) is None
        assert take(connection, "another", "b", clock(), SECONDS).token == 1
        give_back(connection, mine)
        theirs = take(connection, "digest", "b", clock(), SECONDS)
        with pytest.raises(LeaseLost):
            require_held(connection, mine)
        give_back(connection, mine)  # changes nothing
        require_held(connection, theirs)

    assert (mine.token, theirs.token) == (1, 2)


def test_a_renewed_lease_lasts_and_a_lost_one_cannot_be_renewed(book, clock):
    with book.unrecorded() as connection:
        mine = take(connection, "digest", "a", clock(), SECONDS)
        clock.later(seconds=50)
        mine = renew(connection, mine, clock(), SECONDS)
        clock.later(seconds=65)
        assert take(connection, "digest", "b", clock(), SECONDS) is None
        mine = renew(connection, mine, clock(), SECONDS)  # late, and nobody had it
        clock.later(seconds=SECONDS + SKEW.total_seconds() + 1)
        assert take(connection, "digest", "b", clock(), SECONDS) is not None
        with pytest.raises(LeaseLost):
            renew(connection, mine, clock(), SECONDS)


def test_a_lease_that_a_wrong_clock_wrote_is_free_again(book, clock):
    with book.unrecorded() as connection:
        take(connection, "digest", "a", clock() + timedelta(days=4000), SECONDS)
        assert take(connection, "digest", "b", clock(), SECONDS).token == 2


moves = st.lists(
    st.tuples(
        st.sampled_from(["take", "renew", "give back", "write"]),
        st.integers(0, HOLDERS - 1),
        st.floats(0, 90, allow_nan=False),
    ),
    min_size=1,
    max_size=40,
)
skews = st.lists(st.floats(0, 10), min_size=HOLDERS, max_size=HOLDERS)  # no two are further apart than SKEW


@pytest.fixture(scope="module")
def one_book(tmp_path_factory):
    """One book for all examples: each takes a lease of its own name."""
    opened = Database(f"sqlite:///{tmp_path_factory.mktemp('leases') / 'book.db'}")
    migrate(opened)
    yield opened
    opened.close()


@given(moves=moves, skews=skews, name=st.uuids().map(str))
def test_with_clocks_apart_by_the_allowed_skew_never_two_believe_that_they_hold_it(one_book, moves, skews, name):
    clocks = [Clock(NOON + timedelta(seconds=skew)) for skew in skews]
    held = [None] * HOLDERS
    tokens = []
    for move, who, pause in moves:
        for clock in clocks:
            clock.later(seconds=pause)
        with one_book.unrecorded() as connection:
            mine, now = held[who], clocks[who]()
            if move == "take":
                taken = take(connection, name, f"h{who}", now, SECONDS)
                if taken is not None:
                    tokens.append(taken.token)
                    held[who] = taken
            elif mine is not None:
                try:
                    if move == "renew":
                        held[who] = renew(connection, mine, now, SECONDS)
                    elif move == "give back":
                        give_back(connection, mine)
                        held[who] = None
                    else:
                        require_held(connection, mine)
                        # who can still write holds the newest token
                        assert mine.token == tokens[-1]
                except LeaseLost:
                    assert mine.token < tokens[-1]
                    held[who] = None
        believing = [h for h, c in zip(held, clocks, strict=True) if h is not None and c() <= h.ends_at]
        assert len(believing) <= 1
    assert tokens == sorted(set(tokens))


def test_many_who_want_it_at_once_get_it_one_after_the_other(book, clock):
    inside, most, gone = [], [], []
    lock = threading.Lock()

    def work(who):
        for _ in range(200):
            with book.unrecorded() as connection:
                mine = take(connection, "one", who, clock(), SECONDS)
            if mine is None:
                let_pass(0.001)
                continue
            with lock:
                inside.append(who)
                most.append(len(inside))
            let_pass(0.002)
            with lock:
                inside.remove(who)
            with book.unrecorded() as connection:
                give_back(connection, mine)
            gone.append(mine.token)
            if len(gone) >= 40:
                return

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(most) == 1
    assert len(gone) >= 40
    assert sorted(gone) == list(range(1, len(gone) + 1))


def test_a_lease_is_kept_while_the_work_goes_on_and_says_when_it_was_lost(book, clock):
    with book.unrecorded() as connection:
        mine = take(connection, "long", "a", clock(), 0.3)
    with keeping(book.unrecorded, mine, clock, 0.3) as lost:
        clock.later(seconds=5)
        let_pass(0.5)
        with book.unrecorded() as connection:
            assert take(connection, "long", "b", clock() + timedelta(seconds=5), 1) is None  # it was renewed
            taken = take(connection, "long", "b", clock() + timedelta(seconds=60), 60)
        assert taken.token == 2
        assert lost.wait(timeout=5)
