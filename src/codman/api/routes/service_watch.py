"""Whether it is up, whether it is ready, and what it tells of itself: for what looks after servers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final, Literal

from anyio import from_thread
from anyio.to_thread import current_default_thread_limiter
from pydantic import BaseModel, Field

from codman import __version__
from codman.api import replies
from codman.api.call import Call
from codman.api.exposition import exposed
from codman.api.operation import OPEN, Answer, Operation
from codman.api.problems import reply_with
from codman.api.replies import Reply
from codman.api.routes.lists import CONFIG
from codman.flows.operations.figures import figures
from codman.flows.operations.in_time import InTime
from codman.flows.operations.readiness import Readiness, readiness
from codman.telemetry import Figure, counted

METRICS: Final = "metrics.read"
_READY_KEPT_S: Final = 2.0  # whoever asks more often gets the last answer: it is open to everybody
_READY_WITHIN_S: Final = 5.0
_FIGURES_KEPT_S: Final = 1.0
_FIGURES_WITHIN_S: Final = 5.0  # below Prometheus' own ten
_TEXT: Final = {"type": "string"}

_reading: Final = partial(Operation, method="GET", tag="service", at_root=True)


class Up(BaseModel):
    """That the process answers."""

    model_config = CONFIG

    status: Literal["ok"] = Field(description="It answers")
    version: str = Field(description="The release that runs")


class Ready(BaseModel):
    """That the server can serve."""

    model_config = CONFIG

    status: Literal["ready"] = Field(description="It can serve")
    checks: dict[str, Literal["ok"]] = Field(description="What was looked at")


def operations() -> Iterator[Operation]:
    """What a process supervisor, a load balancer and a monitoring system ask."""
    ready = InTime(readiness, kept_s=_READY_KEPT_S, within_s=_READY_WITHIN_S)
    told = InTime(figures, kept_s=_FIGURES_KEPT_S, within_s=_FIGURES_WITHIN_S)
    yield _reading(
        path="/healthz",
        name="get_liveness",
        summary="Whether the process is up",
        description="Asks neither the database nor a thread: if this does not answer, start the process again.",
        action=OPEN,
        waits="never",
        do=lambda _call: replies.plain(Up(status="ok", version=__version__)),
        answers=(Answer(200, "It is up", Up),),
    )
    yield _reading(
        path="/readyz",
        name="get_readiness",
        summary="Whether the server is ready",
        description="Looks at database, tables, audit log, store, disk and rounds; 503 says in `errors` what failed.",
        action=OPEN,
        waits="apart",
        do=lambda call: _readiness(call, ready),
        answers=(Answer(200, "It is ready", Ready),),
    )
    yield _reading(
        path="/metrics",
        name="get_metrics",
        summary="What it tells of itself",
        description="Figures for Prometheus: text format 0.0.4, or OpenMetrics where Accept asks for it. No names, "
        "no ids: labels come from closed sets.",
        action=METRICS,
        waits="apart",
        on_this_machine=True,
        do=lambda call: _metrics(call, told),
        answers=(
            Answer(
                200,
                "Figures",
                _TEXT,
                media_type="text/plain",
                others={"application/openmetrics-text": _TEXT},
            ),
        ),
    )


def _readiness(call: Call, ready: InTime[Readiness]) -> Reply:
    found = ready(call.house) or Readiness({"database": "it does not answer in time"})
    if not found.failed:
        return replies.plain(Ready(status="ready", checks=dict.fromkeys(found.checks, "ok")))
    return reply_with(
        "not-ready",
        503,
        what="the server cannot serve now",
        why="; ".join(f"{name}: {said}" for name, said in found.failed.items()),
        fix="see docs/operations.md for what each check means",
        instance=call.request,
        headers={"Retry-After": "5"},
    )


def _metrics(call: Call, told: InTime[list[Figure]]) -> Reply:
    of_the_house = told(call.house)
    says = "0 where the house did not answer in time"
    found = [
        Figure("codman_figures_in_time", "gauge", says, {(): float(of_the_house is not None)}),
        *counted(),  # what this process counts is told in any case
        *(of_the_house or ()),
        *_pages(),
    ]
    return exposed(found, call.headers.get("accept", ""))


def _pages() -> Iterator[Figure]:
    """How the threads that make pages stand; they are the event loop's, which alone may count them."""
    now = from_thread.run_sync(lambda: current_default_thread_limiter().statistics())
    yield Figure("codman_pages_working", "gauge", "Pages being made", {(): float(now.borrowed_tokens)})
    yield Figure("codman_pages_waiting", "gauge", "Pages waiting for a thread", {(): float(now.tasks_waiting)})
