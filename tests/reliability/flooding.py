"""A flood of requests from many connections at once, for scripts that run beside the reader and do not slow it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

CONNECTIONS = 240  # ten times what is let in and waits of one kind is turned away far below this


def pour(path: str, media_type: str, body: Callable[[int], bytes], taken: Callable[[int, httpx.Response], Any]) -> None:
    """Flood the server of the command line: PORT SECONDS, with the token in CODMAN_TOKEN.

    Prints what was answered, as JSON.

    Args:
        path: Where everything is sent.
        media_type: What it is.
        body: A request's body, by its number.
        taken: What an answer acknowledges, by the request's number; None where nothing is.
    """
    asyncio.run(_pour(int(sys.argv[1]), float(sys.argv[2]), path, media_type, body, taken))


async def _pour(
    port: int,
    seconds: float,
    path: str,
    media_type: str,
    body: Callable[[int], bytes],
    taken: Callable[[int, httpx.Response], Any],
) -> None:
    answers: Counter[int] = Counter()
    acknowledged: list[Any] = []
    unhurried: list[str] = []
    numbers = itertools.count(1)

    async def send(client: httpx.AsyncClient, end: float) -> None:
        while time.monotonic() < end:
            number = next(numbers)
            try:
                answer = await client.post(path, content=body(number))
            except httpx.TransportError:  # an idle connection was closed as it was used again: nothing was acknowledged
                answers[0] += 1
                continue
            answers[answer.status_code] += 1
            if (one := taken(number, answer)) is not None:
                acknowledged.append(one)
            elif answer.status_code == 429:
                if int(answer.headers.get("retry-after", 0)) < 1:
                    unhurried.append(answer.text)
                await asyncio.sleep(0.2)

    headers = {"Authorization": f"Bearer {os.environ['CODMAN_TOKEN']}", "Content-Type": media_type}
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, limits=limits, timeout=60
    ) as client:
        end = time.monotonic() + seconds
        await asyncio.gather(*(send(client, end) for _ in range(CONNECTIONS)))
    print(json.dumps({"answers": answers, "acknowledged": acknowledged, "unhurried": unhurried}))  # noqa: T201
