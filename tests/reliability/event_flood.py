"""Send events from many connections at once: python event_flood.py PORT SECONDS, with the token in CODMAN_TOKEN."""

from __future__ import annotations

import httpx
from event_house import batch
from flooding import pour

EVENTS = 50  # of one request


def _taken(number: int, answer: httpx.Response) -> int | None:
    return number if answer.status_code == 202 and answer.json()["accepted"] == EVENTS else None


if __name__ == "__main__":
    form = batch([f"N-{one}" for one in range(EVENTS)])
    pour(
        "/api/v1/events",
        "application/cloudevents-batch+json",
        lambda number: form.replace(b'"N-', b'"%d-' % number),
        _taken,
    )
