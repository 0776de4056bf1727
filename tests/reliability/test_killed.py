"""G1: a server killed while statements come in loses none it acknowledged and keeps none twice."""

from __future__ import annotations

import random
from collections import Counter

import httpx
import pytest
from killing import Sender, kill_under
from one_house import furnished, parent_of_servers, statement

from codman.evidence.checkpoint import checkpoint_signed_by, read_checkpoint
from codman.evidence.merkle import leaf_hash, proves_inclusion
from codman.registry.log import check, entries
from codman.settings import read_settings
from codman.wiring import open_house
from waiting import let_pass, until

SENDERS = 3


class _Sender(Sender):
    """Sends statement after statement and remembers each receipt."""

    path, media_type = "/api/v1/evidence", "application/json"

    def __init__(self, first: int, token: str) -> None:
        super().__init__(first, token)
        self.receipts: list[dict[str, object]] = []

    def body(self) -> bytes:
        return statement(self.number)

    def keep(self, answer: httpx.Response) -> bool:
        if answer.status_code not in (200, 201):
            return False
        self.receipts.append(answer.json())
        self.number += SENDERS
        return True


@pytest.mark.soak
def test_a_server_killed_at_any_moment_loses_nothing_it_acknowledged_and_keeps_nothing_twice(tmp_path, whole, figure):
    kills, r = (1000, random.Random(1)) if whole else (8, random.Random(1))
    workspace = tmp_path / "workspace"
    token = furnished(workspace)
    senders = [_Sender(first, token) for first in range(SENDERS)]

    def let_them_send() -> None:
        if r.random() < 0.7:  # the others die as they begin, on a busy machine before anything is acknowledged
            known = sum(len(sender.receipts) for sender in senders)
            until(lambda: sum(len(sender.receipts) for sender in senders) > known)
        let_pass(r.uniform(0.02, 0.4))

    kill_under(senders, parent_of_servers(workspace), kills, let_them_send)

    receipts = [receipt for sender in senders for receipt in sender.receipts]
    assert len(receipts) >= kills // 2, "hardly anything was sent: the test shows nothing"
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
