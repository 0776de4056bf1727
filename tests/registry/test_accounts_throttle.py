"""The throttle of sign-in: who must wait, how long, and that nobody is locked out by somebody else for long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from codman.registry.accounts_sign_in import Browser, SignInRefused
from codman.registry.accounts_throttle import LONGEST_WAIT_S, TooManyAttempts, begin, wait_after
from codman.registry.schema_accounts import attempts
from door import HERE, PASSWORD, Door


def fail(door: Door, times: int, email: str = "a@example.org", address: str = "192.0.2.7") -> int:
    """Failures that were let through."""
    let = 0
    for _ in range(times):
        try:
            with door.database.unrecorded() as connection:
                begin(connection, email, address, door.clock())
            let += 1
        except TooManyAttempts:
            pass
    return let


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (10, 32), (14, 512), (15, 900), (400, 900)]
)
def test_each_failure_after_the_free_ones_doubles_the_wait_up_to_a_quarter_of_an_hour(failures, seconds):
    assert wait_after(failures, 5) == seconds


def test_five_failures_are_free_and_the_sixth_waits_a_second(door: Door):
    door.person("a@example.org")
    for _ in range(5):
        with pytest.raises(SignInRefused):
            door.sign_in("a@example.org", "wrong password here")

    with pytest.raises(TooManyAttempts) as refused:
        door.sign_in("a@example.org", "wrong password here")
    assert refused.value.retry_after_s == 1
    with pytest.raises(TooManyAttempts):
        door.sign_in("a@example.org")  # the right one waits too, or the wait would tell which is right
    door.clock.later(seconds=1)
    assert door.sign_in("a@example.org").token


def test_an_account_that_does_not_exist_waits_just_the_same(door: Door):
    door.person("known@example.org")
    for email in ("known@example.org", "unknown@example.org"):
        for _ in range(5):
            with pytest.raises(SignInRefused):
                door.sign_in(email, "wrong password here", Browser("192.0.2.9"))
        with pytest.raises(TooManyAttempts) as refused:
            door.sign_in(email, "wrong password here", Browser("192.0.2.9"))
        assert refused.value.retry_after_s == 1


def test_coming_in_forgives_the_failures_before_it_and_keeps_them_for_the_report(door: Door):
    door.person("a@example.org")
    assert fail(door, 4) == 4

    door.sign_in("a@example.org")

    assert fail(door, 6) == 5
    assert len(door.rows(attempts)) == 4 + 1 + 5
    assert sum(row.forgiven_at is not None for row in door.rows(attempts)) == 5


def test_who_fails_from_elsewhere_does_not_lock_the_owner_out_with_a_few_tries(door: Door):
    door.person("a@example.org")
    assert fail(door, 20, address="198.51.100.1") == 5

    assert door.sign_in("a@example.org", PASSWORD, HERE).token


def test_an_account_tried_from_a_thousand_addresses_waits_too(door: Door):
    let = sum(fail(door, 1, address=f"198.51.{n // 250}.{n % 250}") for n in range(1000))

    assert let == 25


def test_an_address_that_tries_a_thousand_accounts_waits_too(door: Door):
    assert sum(fail(door, 1, email=f"{n}@example.org") for n in range(1000)) == 100


def test_an_ipv6_neighbourhood_counts_as_one_address(door: Door):
    assert sum(fail(door, 1, address=f"2001:db8:1:2::{n:x}") for n in range(20)) == 5
    assert fail(door, 1, address="2001:db8:1:3::1") == 1


def test_the_longest_wait_ends_and_a_day_forgets(door: Door):
    for _ in range(30):
        fail(door, 1)
        door.clock.later(seconds=LONGEST_WAIT_S)
    assert fail(door, 1) == 1
    assert fail(door, 1) == 0
    door.clock.later(hours=25)
    assert fail(door, 6) == 5


def test_forty_tries_at_the_same_moment_cannot_slip_by_together(door: Door):
    with ThreadPoolExecutor(8) as pool:
        let = sum(pool.map(lambda _: fail(door, 1), range(40)))

    assert let == 5


def test_a_guess_every_minute_for_a_day_becomes_a_hundred_and_nine_guesses(door: Door):
    """Five that are free, four within the next minutes' ticks, six after 64 to 900 seconds, then four an hour."""
    let = 0
    for _ in range(24 * 60):
        let += fail(door, 1)
        door.clock.later(seconds=60)

    assert let == 109


def test_neither_e_mail_nor_address_stands_in_the_table(door: Door):
    fail(door, 1, email="Somebody@Example.org", address="203.0.113.77")

    stored = str(door.rows(attempts))

    assert "omebody" not in stored
    assert "203.0.113" not in stored
