"""What the server tells of itself: figures whose labels come from closed sets, and a port through which traces leave.

A label's values are declared by the code; any other word is counted as `other`. So no name, no id and no patient's
data can become part of a figure, whatever the server is asked.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final, Literal, Protocol

OTHER: Final = "other"
SHORT_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LONG_S: Final = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)


class Values:
    """What one label may say.

    Args:
        known: The words it may say from the start.
    """

    def __init__(self, *known: str) -> None:
        self._known = frozenset(known)

    def declare(self, words: Iterable[str]) -> None:
        """Let it say these too: words of the code, such as the routes that are served, never of a request."""
        self._known |= frozenset(words)

    def __contains__(self, word: str) -> bool:
        """Whether it may say this."""
        return word in self._known


@dataclass(frozen=True, slots=True)
class Spread:
    """How often something took how long."""

    counts: tuple[tuple[float, int], ...]  # upper bound in seconds, and how many took no longer; infinity last
    total: float  # seconds in all


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as it stands, by its labels.

    Made by instruments and by whoever reads the house; put into Prometheus' words by the API.
    """

    name: str  # codman_…, with its unit; a counter's `_total` is not written here
    kind: Literal["counter", "gauge", "histogram"]
    says: str  # one clause for the reader of a chart
    samples: Mapping[tuple[str, ...], float | Spread]
    labels: tuple[str, ...] = ()


class Instrument:
    """Counts while the server works; safe in every thread.

    Args:
        name: As `Figure` has it.
        says: What it counts.
        labels: Each label's name and what it may say.
    """

    kind: Literal["counter", "gauge"] = "counter"

    def __init__(self, name: str, says: str, **labels: Values) -> None:
        self.name, self.says, self.labels = name, says, tuple(labels)
        self._values = tuple(labels.values())
        self._lock = threading.Lock()
        self._samples: dict[tuple[str, ...], float] = {}
        self._count: Callable[[], float] | None = None

    def add(self, *words: str, by: float = 1.0) -> None:
        """Count.

        Args:
            words: What each label says, in their order.
            by: How many; a counter's is never negative.
        """
        key = words if words in self._samples else self._key(words)
        with self._lock:
            self._samples[key] = self._samples.get(key, 0.0) + by

    def figure(self) -> Figure:
        """What was counted so far."""
        with self._lock:
            samples = dict(self._samples)
        if not self.labels:
            samples.setdefault((), 0.0)
        return Figure(self.name, self.kind, self.says, samples, self.labels)

    def _key(self, words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word if word in known else OTHER for word, known in zip(words, self._values, strict=True))


class Counter(Instrument):
    """Only grows."""


class Gauge(Instrument):
    """Goes up and down."""

    kind = "gauge"

    def follow(self, count: Callable[[], float]) -> None:
        """Have it read from now on instead of counted; for one without labels."""
        self._count = count

    def figure(self) -> Figure:
        """As it stands."""
        counted = super().figure()
        return counted if self._count is None else replace(counted, samples={(): float(self._count())})


class Histogram(Instrument):
    """How long things took.

    Args:
        name: As `Figure` has it.
        says: What took that long.
        bounds: Upper bounds of its buckets in seconds, ascending.
        labels: Each label's name and what it may say.
    """

    def __init__(self, name: str, says: str, bounds: tuple[float, ...] = SHORT_S, **labels: Values) -> None:
        super().__init__(name, says, **labels)
        self._bounds = bounds
        self._rows: dict[tuple[str, ...], list[int]] = {}

    def observe(self, seconds: float, *words: str) -> None:
        """Note how long one took."""
        key = words if words in self._rows else self._key(words)
        place = bisect_left(self._bounds, seconds)
        with self._lock:
            row = self._rows.get(key)
            if row is None:
                row = self._rows[key] = [0] * (len(self._bounds) + 1)
            row[place] += 1
            self._samples[key] = self._samples.get(key, 0.0) + seconds

    def figure(self) -> Figure:
        """What was seen so far."""
        with self._lock:
            rows = {key: (tuple(row), self._samples[key]) for key, row in self._rows.items()}
        bounds = (*self._bounds, float("inf"))
        samples = {
            key: Spread(tuple(zip(bounds, accumulate(row), strict=True)), total) for key, (row, total) in rows.items()
        }
        return Figure(self.name, "histogram", self.says, samples, self.labels)


METHODS: Final = Values("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ROUTES: Final = Values("(none)", "/static")  # the applications declare theirs
STATUSES: Final = Values("1xx", "2xx", "3xx", "4xx", "5xx")
LANES: Final = Values("reading", "changing", "service", "pages", "events")
VERBS: Final = Values("select", "insert", "update", "delete")
PURPOSES: Final = Values(
    "sign-in provider", "MLflow import", "MLflow alias", "webhook", "ServiceNow", "Jira", "mail", "traces"
)
OUTCOMES: Final = Values("answered", "client_error", "server_error", "no_answer", "not_allowed", "failed")
WAYS_OUT: Final = Values("mail", "webhook", "servicenow", "jira", "mlflow")
JOBS: Final = Values()  # who runs jobs declares theirs
ROUNDS: Final = Values()

REQUESTS: Final = Histogram(
    "codman_http_request_seconds",
    "From a request's first byte to its answer's last, by route template and status class",
    method=METHODS,
    route=ROUTES,
    status=STATUSES,
)
IN_FLIGHT: Final = Gauge("codman_http_requests_in_flight", "Requests being answered now")
REFUSED: Final = Counter(
    "codman_http_refused", "Requests put off or turned away, by status", status=Values("408", "413", "429", "503")
)
CONNECTIONS: Final = Gauge("codman_http_connections", "Connections that are open now")
LANE_WORKING: Final = Gauge("codman_lane_working", "Requests being worked on in a lane", lane=LANES)
LANE_WAITING: Final = Gauge("codman_lane_waiting", "Requests waiting for a thread of their lane", lane=LANES)
LANE_WAIT: Final = Histogram("codman_lane_wait_seconds", "How long requests waited for a thread", lane=LANES)
STATEMENTS: Final = Histogram(
    "codman_database_statement_seconds", "How long the database took over one statement", statement=VERBS
)
STATEMENT_FAULTS: Final = Counter("codman_database_faults", "Statements that failed", statement=VERBS)
WRITE_WAIT: Final = Histogram("codman_database_write_wait_seconds", "How long a change waited for the one before it")
CALLS: Final = Histogram(
    "codman_egress_call_seconds", "Calls out of the house, by purpose and outcome", purpose=PURPOSES, outcome=OUTCOMES
)
SIGN_INS: Final = Counter(
    "codman_sign_ins",
    "Attempts to come in, by way and outcome",
    way=Values("password", "provider", "link", "token"),
    outcome=Values("let_in", "refused", "throttled", "busy"),
)
MESSAGES: Final = Counter(
    "codman_messages",
    "Attempts to send a message of the outbox",
    kind=WAYS_OUT,
    outcome=Values("sent", "failed", "overtaken"),
)
JOB_RUNS: Final = Histogram(
    "codman_job_seconds", "Jobs by the clock", LONG_S, job=JOBS, outcome=Values("done", "failed", "overtaken")
)
ROUND_RUNS: Final = Histogram(
    "codman_round_seconds", "The server's rounds", LONG_S, round=ROUNDS, outcome=Values("done", "failed")
)
EVENTS: Final = Counter(
    "codman_events",
    "Events that were sent, by kind and what became of them",
    kind=Values("prediction", "outcome", "action"),
    outcome=Values("accepted", "repeated", "conflict"),
)
EVENT_WRITES: Final = Histogram("codman_event_write_seconds", "From a group of events to its being on the disk")
EVENTS_WAITING: Final = Gauge("codman_events_waiting_bytes", "Events that wait to be written")
EVENTS_BEHIND: Final = Gauge("codman_events_behind_bytes", "Events on the disk that no table has yet")
EVENTS_LAG: Final = Gauge("codman_events_lag_seconds", "How long the oldest event waits for its table")
INSTRUMENTS: Final[tuple[Instrument, ...]] = (
    REQUESTS,
    IN_FLIGHT,
    REFUSED,
    CONNECTIONS,
    LANE_WORKING,
    LANE_WAITING,
    LANE_WAIT,
    STATEMENTS,
    STATEMENT_FAULTS,
    WRITE_WAIT,
    CALLS,
    SIGN_INS,
    MESSAGES,
    JOB_RUNS,
    ROUND_RUNS,
    EVENTS,
    EVENT_WRITES,
    EVENTS_WAITING,
    EVENTS_BEHIND,
    EVENTS_LAG,
)

Sort = Literal["server", "client", "internal", "producer"]


class Span(Protocol):
    """A stretch of work that is being traced."""

    def say(self, about: Mapping[str, str | int]) -> None:
        """Note something of it: words of the code and numbers, nothing that was sent to us."""

    def call(self, name: str) -> None:
        """Name it, once that is known."""

    def failed(self, kind: str) -> None:
        """It failed: by which class of error or status."""


class Tracer(Protocol):
    """The port through which traces leave."""

    def span(self, name: str, sort: Sort, parent: str | None = None) -> AbstractContextManager[Span]:
        """A stretch of work, inside the one that is going on.

        Args:
            name: What is done, in words of the code.
            sort: `client` is traced only inside other work.
            parent: The W3C traceparent of who asked for it.
        """

    def past(self, name: str, began_ns: int, about: Mapping[str, str | int], failed: str | None = None) -> None:
        """A call that has just ended, if it was made inside work that is traced; `began_ns` by `time.time_ns`."""

    def traceparent(self) -> str | None:
        """What to send along with a call: the W3C traceparent of the work that is going on."""

    def trace(self) -> str | None:
        """The id of the trace that is going on, 32 hex digits."""


class _Untraced:
    """Nobody asked for traces."""

    def say(self, about: Mapping[str, str | int]) -> None: ...
    def call(self, name: str) -> None: ...
    def failed(self, kind: str) -> None: ...

    def span(self, name: str, sort: Sort, parent: str | None = None) -> AbstractContextManager[Span]:  # noqa: ARG002
        return nullcontext(self)

    def past(self, name: str, began_ns: int, about: Mapping[str, str | int], failed: str | None = None) -> None: ...

    def traceparent(self) -> str | None:
        return None

    def trace(self) -> str | None:
        return None


UNTRACED: Final[Tracer] = _Untraced()
_tracer = UNTRACED


def tracer() -> Tracer:
    """Where this process' traces go."""
    return _tracer


def trace_with(chosen: Tracer) -> None:
    """Send this process' traces there from now on."""
    global _tracer  # one process, one way out for its traces, as with its log
    _tracer = chosen


def counted() -> Iterator[Figure]:
    """Every instrument's figure."""
    return (one.figure() for one in INSTRUMENTS)
