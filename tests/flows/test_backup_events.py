"""G17 for events: a backup taken while they come in and are moved holds each that was acknowledged before it, once."""

from __future__ import annotations

import json
import threading
from collections import Counter

import deltalake

from codman.flows.backup import backup, restore
from codman.flows.events.sending import send_request
from codman.flows.operator import OPERATOR
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.settings import read_settings
from codman.wiring import open_house


def _batch(names):
    data = {"use": "icu-use", "version": "1", "subject": "s-1", "predicted_at": "2026-11-01T00:00:00Z", "score": 0.5}
    return json.dumps(
        [
            {
                "specversion": "1.0",
                "type": "dev.codman.prediction.v1",
                "source": "m",
                "id": name,
                "data": {"prediction_id": name, **data},
            }
            for name in names
        ]
    ).encode()


def test_a_backup_under_way_with_events_loses_none_and_doubles_none(tmp_path, whole):
    house = open_house(read_settings(workspace=tmp_path / "work"))
    with house.database.changing(SYSTEM) as change:
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Score", "kind": "built"}), "score")
        USES.add(change, USES.validated({"product": "score", "name": "In the ICU"}), "icu-use")
    acknowledged, end = [], threading.Event()

    def send():
        number = 0
        while not end.is_set():
            names = [f"e{number}-{one}" for one in range(20)]
            headers = {"content-type": "application/cloudevents-batch+json"}
            assert send_request(house, headers, _batch(names), OPERATOR).accepted == 20
            acknowledged.extend(names)
            number += 1
            if number % 5 == 0:
                house.events.move()

    sender = threading.Thread(target=send)
    sender.start()
    copies = []
    for copy in range(50 if whole else 4):
        known = len(acknowledged)
        while len(acknowledged) < known + 60:
            end.wait(0.01)
        before = list(acknowledged)
        backup(house, OPERATOR, tmp_path / f"{copy}.backup", passphrase="a long enough passphrase")  # noqa: S106
        copies.append((tmp_path / f"{copy}.backup", before))
    end.set()
    sender.join()
    house.close()

    for copy, (path, before) in enumerate(copies):
        place = tmp_path / f"restored-{copy}"
        restore(path, place, passphrase="a long enough passphrase")  # noqa: S106
        again = open_house(read_settings(workspace=place))
        headers = {"content-type": "application/cloudevents-batch+json"}
        assert send_request(again, headers, _batch(before[-20:]), OPERATOR).repeated == 20
        again.events.move()
        table = deltalake.DeltaTable(str(again.events.tables / "predictions")).to_pyarrow_table()
        again.close()
        kept = Counter(table["id"].to_pylist())
        assert [name for name in before if kept[name] != 1] == []
        assert max(kept.values()) == 1
