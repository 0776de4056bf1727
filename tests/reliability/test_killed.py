"""G1: a server killed while statements come in loses none it acknowledged and keeps none twice."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter

import httpx
import pytest
from one_house import furnished, parent_of_servers, start, statement

from codman.evidence.checkpoint import checkpoint_signed_by, read_checkpoint
from codman.evidence.merkle import leaf_hash, proves_inclusion
from codman.registry.log import check, entries
from codman.settings import read_settings
from codman.wiring import open_house
from waiting import let_pass

SENDERS = 3


class _Sender(threading.Thread):
    """Sends statement after statement, again until it is acknowledged, and remembers each receipt."""

    def __init__(self, first: int, where: dict[str, int], token: str, end: threading.Event) -> None:
        super().__init__(daemon=True)
        self.number, self.where, self.end = first, where, end
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.receipts: list[dict[str, object]] = []
        self.refused: list[str] = []

    def run(self) -> None:
        with httpx.Client(timeout=5) as client:
            while not self.end.is_set():
                try:
                    answer = client.post(
                        f"http://127.0.0.1:{self.where['port']}/api/v1/evidence",
                        content=statement(self.number),
                        headers=self.headers,
                    )
                except httpx.HTTPError:
                    self.end.wait(0.01)
                    continue
                if answer.status_code in (200, 201):
                    self.receipts.append(answer.json())
                    self.number += SENDERS
                elif answer.status_code not in (429, 503):
                    self.refused.append(answer.text)
                    return


@pytest.mark.soak
def test_a_server_killed_at_any_moment_loses_nothing_it_acknowledged_and_keeps_nothing_twice(tmp_path, whole, figure):
    kills, r = (1000, random.Random(1)) if whole else (8, random.Random(1))
    workspace = tmp_path / "workspace"
    token = furnished(workspace)
    where, end = {"port": 0}, threading.Event()
    senders = [_Sender(first, where, token, end) for first in range(SENDERS)]
    server = parent_of_servers(workspace)
    try:
        for kill in range(kills + 1):
            pid, where["port"] = start(server)
            if kill == 0:
                for sender in senders:
                    sender.start()
            let_pass(r.uniform(0.02, 0.4))
            if kill == kills:
                end.set()
                for sender in senders:
                    sender.join(timeout=30)
            os.kill(pid, signal.SIGKILL)
    finally:
        server.stdin.close()
        server.wait(timeout=30)

    receipts = [receipt for sender in senders for receipt in sender.receipts]
    assert [text for sender in senders for text in sender.refused] == []
    assert len(receipts) >= kills, "nothing was sent: the test shows nothing"
    house = open_house(read_settings(workspace=workspace))
    with house.database.reading() as connection:
        if house.database.sqlite:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        state = check(connection)
        log = list(entries(connection))
    filed = Counter(w.value["about"]["id"] for w in log if w.value["action"] == "evidence.file")
    lost = [receipt["digest"] for receipt in receipts if filed[_bare(receipt["digest"])] != 1]
    assert lost == []
    assert max(filed.values()) == 1
    for receipt in receipts:
        digest = _bare(receipt["digest"])
        assert house.store.get(digest).digest == digest
        stated = read_checkpoint(str(receipt["checkpoint"]))
        assert checkpoint_signed_by(str(receipt["checkpoint"]), house.log_key.public, house.log_origin)
        proof = [bytes.fromhex(node) for node in receipt["inclusion"]]
        index = int(str(receipt["log_index"]))
        assert proves_inclusion(leaf_hash(log[index].raw), index, stated.size, proof, stated.root)
    house.close()
    figure(goal="G1", kills=kills, acknowledged=len(receipts), lost=0, twice=0, entries=state.size)


def _bare(digest: object) -> str:
    return str(digest).removeprefix("sha256:")
