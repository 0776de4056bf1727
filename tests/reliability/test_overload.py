"""G21: ten times more than it can take, and the server says so, keeps reading, and acknowledges nothing it may lose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from one_house import HERE, furnished, parent_of_servers, start

from codman.registry.log import entries
from codman.settings import read_settings
from codman.wiring import open_house
from waiting import until

CONNECTIONS = 240  # ten times what is let in and waits of one kind is turned away far below this


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.soak
def test_ten_times_the_load_is_put_off_with_a_time_to_come_again_and_reading_goes_on(tmp_path, whole, figure):
    seconds = 60 if whole else 5
    token = furnished(tmp_path / "workspace")
    parent = parent_of_servers(tmp_path / "workspace")
    pid, port = start(parent)
    waits, memory, read = [], [], Counter()
    try:
        flood = subprocess.Popen(
            [sys.executable, str(HERE / "flood.py"), str(port), str(seconds), str(CONNECTIONS)],
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
                memory.append(_resident_mib(pid))
                return flood.poll() is not None

            until(read_on, within=seconds + 120, every=0.05)
        sent = json.loads(flood.communicate()[0])
    finally:
        os.kill(pid, signal.SIGKILL)  # no time to put anything away: what was acknowledged must be there already
        parent.stdin.close()
        parent.wait(timeout=30)

    answers = {int(status): count for status, count in sent["answers"].items()}
    assert set(read) == {200}
    assert set(answers) <= {0, 200, 201, 429}  # 0: no answer came
    assert answers.get(0, 0) <= CONNECTIONS
    assert answers.get(429, 0) > 0, "it was never too much: the test shows nothing"
    assert answers.get(201, 0) > 0
    assert sent["unhurried"] == []
    house = open_house(read_settings(workspace=tmp_path / "workspace"))
    with house.database.reading() as connection:
        filed = {w.value["about"]["id"] for w in entries(connection) if w.value["action"] == "evidence.file"}
    assert {digest.removeprefix("sha256:") for digest in sent["acknowledged"]} <= filed
    house.close()
    slowest = sorted(waits)[int(0.99 * len(waits))]
    figure(goal="G21", seconds=seconds, answers=answers, read_p99_s=round(slowest, 3), rss_mib=round(max(memory)))
    assert max(memory) < 700
    assert slowest < (1.0 if whole else 5.0)  # other tests share the processors in CI
