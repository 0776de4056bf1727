"""Figures: what a label may say, how often something took how long, and that nothing is traced unless asked."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.telemetry import INSTRUMENTS, UNTRACED, Counter, Gauge, Histogram, Spread, Values, tracer


def test_a_word_that_was_not_declared_is_counted_as_other():
    ways = Values("mail")
    sent = Counter("codman_sent", "Sent", way=ways)

    for word in ("mail", "Jane Doe", "mail ", ""):
        sent.add(word)
    ways.declare(["webhook"])
    sent.add("webhook", by=2)

    assert sent.figure().samples == {("mail",): 1.0, ("other",): 3.0, ("webhook",): 2.0}


def test_a_label_is_not_forgotten_and_none_is_made_up():
    sent = Counter("codman_sent", "Sent", way=Values("mail"))

    with pytest.raises(ValueError, match="zip"):
        sent.add()
    with pytest.raises(ValueError, match="zip"):
        sent.add("mail", "mail")


def test_what_takes_exactly_a_bucket_s_bound_is_in_it():
    took = Histogram("codman_took_seconds", "Took", (0.1, 1.0), job=Values("a"))

    for seconds in (0.05, 0.1, 0.5, 7.0):
        took.observe(seconds, "a")

    spread = took.figure().samples["a",]
    assert spread == Spread(((0.1, 2), (1.0, 3), (float("inf"), 4)), pytest.approx(7.65))


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_buckets_only_grow_and_the_last_holds_all(times):
    took = Histogram("codman_took_seconds", "Took")
    for seconds in times:
        took.observe(seconds)

    spread = took.figure().samples[()]
    counts = [count for _, count in spread.counts]
    assert counts == sorted(counts)
    assert counts[-1] == len(times)
    for bound, count in spread.counts:
        assert count == sum(seconds <= bound for seconds in times)


def test_threads_that_count_at_once_lose_nothing():
    counted = Counter("codman_counted", "Counted", way=Values("a", "b"))

    def count():
        for _ in range(2000):
            counted.add("a")
            counted.add("b", by=2)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted.figure().samples == {("a",): 16_000.0, ("b",): 32_000.0}


def test_a_gauge_is_counted_or_read():
    open_ones = Gauge("codman_open", "Open")
    assert open_ones.figure().samples == {(): 0.0}
    open_ones.add()
    open_ones.add(by=-1)
    open_ones.add()
    assert open_ones.figure().samples == {(): 1.0}

    open_ones.follow(lambda: 7)
    assert open_ones.figure().samples == {(): 7.0}


def test_instruments_are_named_once_with_our_prefix_and_their_unit():
    names = [one.name for one in INSTRUMENTS]

    assert len(set(names)) == len(names)
    assert all(name.startswith("codman_") and not name.endswith("_total") for name in names)
    assert all(one.name.endswith("_seconds") for one in INSTRUMENTS if isinstance(one, Histogram))


def test_nothing_is_traced_unless_asked():
    assert tracer() is UNTRACED
    assert tracer().traceparent() is None
    with tracer().span("x", "server") as span:
        span.say({"http.route": "/"})
        span.failed("500")


def test_the_server_s_parts_load_no_sdk_for_traces_and_the_ground_no_library_for_figures():
    code = (
        "import sys, codman.telemetry\n"
        "assert not {m for m in sys.modules if m.startswith(('prometheus_client', 'opentelemetry'))}\n"
        "import codman.wiring, codman.integrations.opentelemetry, codman.egress.client\n"
        "print([m for m in sys.modules if m.startswith('opentelemetry.sdk')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.stderr) == ("[]", "")
