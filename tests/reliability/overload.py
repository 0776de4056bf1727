"""A server that is sent more than it can take, by a script of this folder, while somebody goes on reading."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from one_house import HERE, parent_of_servers, start

from waiting import until


class Flooded(NamedTuple):
    """What a flood came to."""

    answers: dict[int, int]  # how often each status was answered; 0 where no answer came
    acknowledged: list[Any]
    unhurried: list[str]  # answers that put off with no time to come again
    read: Counter[int]  # the same of who went on reading meanwhile
    slowest_s: float  # the reader's 99th percentile
    rss_mib: float  # the most that the server held in memory


def flooded(workspace: Path, token: str, script: str, seconds: float) -> Flooded:
    """Flood a server by a script of this folder while somebody reads; the server is killed at the end."""
    parent = parent_of_servers(workspace)
    pid, port = start(parent)
    waits: list[float] = []
    memory: list[float] = []
    read: Counter[int] = Counter()
    try:
        flood = subprocess.Popen(
            [sys.executable, str(HERE / script), str(port), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "CODMAN_TOKEN": token},
        )
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:

            def read_on() -> bool:
                began = time.monotonic()
                read[client.get("/api/v1/uses").status_code] += 1
                waits.append(time.monotonic() - began)
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                memory.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
                return flood.poll() is not None

            until(read_on, within=seconds + 120, every=0.05)
        sent = json.loads(flood.communicate()[0])
    finally:
        os.kill(pid, signal.SIGKILL)  # no time to put anything away: what was acknowledged must be there already
        parent.stdin.close()
        parent.wait(timeout=30)
    return Flooded(
        answers={int(status): count for status, count in sent["answers"].items()},
        acknowledged=sent["acknowledged"],
        unhurried=sent["unhurried"],
        read=read,
        slowest_s=sorted(waits)[int(0.99 * len(waits))],
        rss_mib=max(memory),
    )
