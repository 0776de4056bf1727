"""G1 for events: a server killed while they come in loses none it acknowledged and keeps none twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter

import deltalake
import httpx
import pytest
from event_house import batch, furnished_with_a_use
from one_house import HERE, start

from codman.settings import read_settings
from codman.wiring import open_house
from waiting import let_pass, until

SENDERS, EVENTS = 3, 5


class _Sender(threading.Thread):
    """Sends batch after batch, again until it is acknowledged, each with some of the one before; keeps a journal."""

    def __init__(self, number: int, where: dict[str, int], token: str, end: threading.Event) -> None:
        super().__init__(daemon=True)
        self.number, self.where, self.end = number, where, end
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents-batch+json"}
        self.journal: list[str] = []
        self.refused: list[str] = []

    def run(self) -> None:
        sent, before = 0, []
        with httpx.Client(timeout=5) as client:
            while not self.end.is_set():
                names = [f"{self.number}-{sent + one}" for one in range(EVENTS)]
                try:
                    answer = client.post(
                        f"http://127.0.0.1:{self.where['port']}/api/v1/events",
                        content=batch(before[-2:] + names),
                        headers=self.headers,
                    )
                except httpx.HTTPError:
                    self.end.wait(0.01)
                    continue
                if answer.status_code == 202 and answer.json()["refused"] == []:
                    self.journal += names
                    before = names
                    sent += EVENTS
                elif answer.status_code not in (429, 503):
                    self.refused.append(answer.text)
                    return


@pytest.mark.soak
def test_a_server_killed_at_any_moment_keeps_every_acknowledged_event_exactly_once(tmp_path, whole, figure):
    kills, r = (1000 if whole else 50), random.Random(1)
    workspace = tmp_path / "workspace"
    token = furnished_with_a_use(workspace)
    where, end = {"port": 0}, threading.Event()
    senders = [_Sender(number, where, token, end) for number in range(SENDERS)]
    server = subprocess.Popen(
        [sys.executable, str(HERE / "killed_server.py"), str(workspace), "0.05"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for kill in range(kills + 1):
            pid, where["port"] = start(server)
            if kill == 0:
                for sender in senders:
                    sender.start()
            if r.random() < 0.7:  # the others die as they begin
                known = sum(len(sender.journal) for sender in senders)
                until(lambda known=known: sum(len(sender.journal) for sender in senders) > known)
            let_pass(r.uniform(0.0, 0.2))
            if kill == kills:
                end.set()
                for sender in senders:
                    sender.join(timeout=30)
            os.kill(pid, signal.SIGKILL)
    finally:
        server.stdin.close()
        server.wait(timeout=30)

    journal = [name for sender in senders for name in sender.journal]
    assert [text for sender in senders for text in sender.refused] == []
    assert len(journal) >= kills, "nothing was sent: the test shows nothing"
    house = open_house(read_settings(workspace=workspace))
    house.events.move()
    table = deltalake.DeltaTable(str(house.events.tables / "predictions")).to_pyarrow_table()
    with house.database.reading() as connection:
        if house.database.sqlite:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
    house.close()
    kept = Counter(table["id"].to_pylist())
    sequences = table["sequence"].to_pylist()
    assert [name for name in journal if kept[name] != 1] == []
    assert max(kept.values()) == 1
    assert len(set(sequences)) == len(sequences)
    figure(goal="G1 events", kills=kills, acknowledged=len(journal), kept=len(sequences), lost=0, twice=0)
