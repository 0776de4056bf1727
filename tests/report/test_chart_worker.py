"""What the charts' worker makes of names that come from files."""

from __future__ import annotations

from codman.report.chart_worker import writable


def test_a_character_that_a_picture_cannot_hold_is_replaced_wherever_it_stands():
    spec = {"title": "a\x1b[31m", "data": {"values": [{"g": "\x07x"}, {"g": "é ≥ 0\n"}, {"g": 1.5}, {"g": None}]}}

    assert writable(spec) == {
        "title": "a�[31m",
        "data": {"values": [{"g": "�x"}, {"g": "é ≥ 0\n"}, {"g": 1.5}, {"g": None}]},
    }
