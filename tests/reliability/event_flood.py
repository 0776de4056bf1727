"""Send events from many connections at once, in a process of its own so that it does not slow the readers.

Run: python event_flood.py PORT SECONDS CONNECTIONS, with the token in CODMAN_TOKEN. Prints what was answered, as JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections import Counter

import httpx
from event_house import batch

EVENTS = 50  # of one request


async def _flood(port: int, seconds: float, connections: int) -> None:
    answers: Counter[int] = Counter()
    acknowledged: list[int] = []
    unhurried: list[str] = []
    numbers = itertools.count(1)
    form = batch([f"N-{one}" for one in range(EVENTS)])

    async def send(client: httpx.AsyncClient, end: float) -> None:
        while time.monotonic() < end:
            number = next(numbers)
            try:
                answer = await client.post("/api/v1/events", content=form.replace(b'"N-', b'"%d-' % number))
            except httpx.TransportError:
                answers[0] += 1
                continue
            answers[answer.status_code] += 1
            if answer.status_code == 202:
                if answer.json()["accepted"] == EVENTS:
                    acknowledged.append(number)
            elif answer.status_code == 429:
                if int(answer.headers.get("retry-after", 0)) < 1:
                    unhurried.append(answer.text)
                await asyncio.sleep(0.2)

    headers = {
        "Authorization": f"Bearer {os.environ['CODMAN_TOKEN']}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, limits=limits, timeout=60
    ) as client:
        end = time.monotonic() + seconds
        await asyncio.gather(*(send(client, end) for _ in range(connections)))
    print(json.dumps({"answers": answers, "acknowledged": acknowledged, "unhurried": unhurried}))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_flood(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
