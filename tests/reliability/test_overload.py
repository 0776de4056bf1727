"""G21: ten times more than it can take, and the server says so, keeps reading, and acknowledges nothing it may lose."""

from __future__ import annotations

import pytest
from flooding import CONNECTIONS
from one_house import furnished
from overload import flooded

from codman.registry.log import entries
from codman.settings import read_settings
from codman.wiring import open_house


@pytest.mark.soak
def test_ten_times_the_load_is_put_off_with_a_time_to_come_again_and_reading_goes_on(tmp_path, whole, figure):
    seconds = 60 if whole else 5
    token = furnished(tmp_path / "workspace")

    flood = flooded(tmp_path / "workspace", token, "flood.py", seconds)

    assert set(flood.read) == {200}
    assert set(flood.answers) <= {0, 200, 201, 429}  # 0: no answer came
    assert flood.answers.get(0, 0) <= CONNECTIONS
    assert flood.answers.get(429, 0) > 0, "it was never too much: the test shows nothing"
    assert flood.answers.get(201, 0) > 0
    assert flood.unhurried == []
    house = open_house(read_settings(workspace=tmp_path / "workspace"))
    with house.database.reading() as connection:
        filed = {w.value["about"]["id"] for w in entries(connection) if w.value["action"] == "evidence.file"}
    assert {digest.removeprefix("sha256:") for digest in flood.acknowledged} <= filed
    house.close()
    figure(
        goal="G21", seconds=seconds, answers=flood.answers, read_p99_s=round(flood.slowest_s, 3),
        rss_mib=round(flood.rss_mib),
    )  # fmt: skip
    assert flood.rss_mib < 700
    assert flood.slowest_s < (1.0 if whole else 5.0)  # other tests share the processors in CI
