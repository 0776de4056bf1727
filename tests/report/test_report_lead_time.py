import pytest

from codman.report.everything import all_measurements
from codman.report.units import with_unit
from codman.spine.measurement import Measurement

LEAD = Measurement(metric="lead_time", value=16.0, n=40, params={"threshold": 0.2, "unit": "stay"})


def test_a_lead_time_has_its_unit_in_every_table():
    (table,) = [block for block in all_measurements([LEAD]).blocks if block.kind == "table"]

    assert table.rows[0][0].startswith("Lead time (hours), threshold 0.2")
    assert with_unit("lead_time", LEAD.params) == "Lead time at threshold 0.2 (hours)"


@pytest.mark.parametrize("metric", ["auroc", "alerts_per_100_patient_days", "not_known_yet"])
def test_other_numbers_have_none(metric):
    assert "hours" not in with_unit(metric, {})
