"""G21 for events: more than it can take, and it says so, goes on reading, and acknowledges nothing it may lose."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import deltalake
import httpx
import pytest
from event_flood import EVENTS
from event_house import furnished_with_a_use
from one_house import HERE, parent_of_servers, start

from codman.settings import read_settings
from codman.wiring import open_house
from waiting import until

CONNECTIONS = 240


@pytest.mark.soak
def test_a_flood_of_events_is_put_off_with_a_time_to_come_again_and_reading_goes_on(tmp_path, whole, figure):
    seconds = 60 if whole else 5
    token = furnished_with_a_use(tmp_path / "workspace")
    parent = parent_of_servers(tmp_path / "workspace")
    pid, port = start(parent)
    waits, memory, read = [], [], Counter()
    try:
        flood = subprocess.Popen(
            [sys.executable, str(HERE / "event_flood.py"), str(port), str(seconds), str(CONNECTIONS)],
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

    answers = {int(status): count for status, count in sent["answers"].items()}
    assert set(read) == {200}
    assert set(answers) <= {0, 202, 429}  # 0: no answer came
    assert answers.get(429, 0) > 0, "it was never too much: the test shows nothing"
    assert answers.get(202, 0) > 0
    assert sent["unhurried"] == []
    house = open_house(read_settings(workspace=tmp_path / "workspace"))
    house.events.move()
    kept = Counter(deltalake.DeltaTable(str(house.events.tables / "predictions")).to_pyarrow_table()["id"].to_pylist())
    house.close()
    wanted = [f"{number}-{one}" for number in sent["acknowledged"] for one in range(EVENTS)]
    assert [name for name in wanted if kept[name] != 1] == []
    assert max(kept.values()) == 1
    slowest = sorted(waits)[int(0.99 * len(waits))]
    figure(
        goal="G21 events", seconds=seconds, answers=answers, read_p99_s=round(slowest, 3), rss_mib=round(max(memory))
    )
    assert max(memory) < 900
    assert slowest < (1.0 if whole else 5.0)  # other tests share the processors in CI
