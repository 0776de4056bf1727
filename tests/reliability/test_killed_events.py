"""G1 for events: a server killed while they come in loses none it acknowledged and keeps none twice."""

from __future__ import annotations

import random
from collections import Counter

import deltalake
import httpx
import pytest
from event_house import batch, furnished_with_a_use
from killing import Sender, kill_under
from one_house import parent_of_servers

from codman.settings import read_settings
from codman.wiring import open_house
from waiting import let_pass, until

SENDERS, EVENTS = 3, 5


class _Sender(Sender):
    """Sends batch after batch, each with some of the one before; keeps a journal."""

    path, media_type = "/api/v1/events", "application/cloudevents-batch+json"

    def __init__(self, number: int, token: str) -> None:
        super().__init__(number, token)
        self.journal: list[str] = []

    def body(self) -> bytes:
        return batch(self.journal[-2:] + self._next())

    def _next(self) -> list[str]:
        return [f"{self.number}-{len(self.journal) + one}" for one in range(EVENTS)]

    def keep(self, answer: httpx.Response) -> bool:
        if answer.status_code != 202 or answer.json()["refused"]:
            return False
        self.journal += self._next()
        return True


@pytest.mark.soak
def test_a_server_killed_at_any_moment_keeps_every_acknowledged_event_exactly_once(tmp_path, whole, figure):
    kills, r = (1000 if whole else 50), random.Random(1)
    workspace = tmp_path / "workspace"
    token = furnished_with_a_use(workspace)
    senders = [_Sender(number, token) for number in range(SENDERS)]

    def let_them_send() -> None:
        if r.random() < 0.7:  # the others die as they begin
            known = sum(len(sender.journal) for sender in senders)
            until(lambda: sum(len(sender.journal) for sender in senders) > known)
        let_pass(r.uniform(0.0, 0.2))

    kill_under(senders, parent_of_servers(workspace, 0.05), kills, let_them_send)

    journal = [name for sender in senders for name in sender.journal]
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
