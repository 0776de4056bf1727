"""G21 for events: more than it can take, and it says so, goes on reading, and acknowledges nothing it may lose."""

from __future__ import annotations

from collections import Counter

import deltalake
import pytest
from event_flood import EVENTS
from event_house import furnished_with_a_use
from overload import flooded

from codman.settings import read_settings
from codman.wiring import open_house


@pytest.mark.soak
def test_a_flood_of_events_is_put_off_with_a_time_to_come_again_and_reading_goes_on(tmp_path, whole, figure):
    seconds = 60 if whole else 5
    token = furnished_with_a_use(tmp_path / "workspace")

    flood = flooded(tmp_path / "workspace", token, "event_flood.py", seconds)

    assert set(flood.read) == {200}
    assert set(flood.answers) <= {0, 202, 429}  # 0: no answer came
    assert flood.answers.get(429, 0) > 0, "it was never too much: the test shows nothing"
    assert flood.answers.get(202, 0) > 0
    assert flood.unhurried == []
    house = open_house(read_settings(workspace=tmp_path / "workspace"))
    house.events.move()
    kept = Counter(deltalake.DeltaTable(str(house.events.tables / "predictions")).to_pyarrow_table()["id"].to_pylist())
    house.close()
    wanted = [f"{number}-{one}" for number in flood.acknowledged for one in range(EVENTS)]
    assert [name for name in wanted if kept[name] != 1] == []
    assert max(kept.values()) == 1
    figure(
        goal="G21 events", seconds=seconds, answers=flood.answers, read_p99_s=round(flood.slowest_s, 3),
        rss_mib=round(flood.rss_mib),
    )  # fmt: skip
    assert flood.rss_mib < 900
    assert flood.slowest_s < (1.0 if whole else 5.0)  # other tests share the processors in CI
