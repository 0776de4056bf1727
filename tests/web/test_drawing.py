"""Curves on a page: their scales are marked at round numbers."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.web.views.drawing import Scale, against_limit, ticks


def test_a_decision_curves_scale_is_marked_at_round_numbers():
    assert [f"{one:.2g}" for one in ticks(Scale(low=0.0, high=1.0))] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    assert [f"{one:.2g}" for one in ticks(Scale(low=-0.0049, high=0.049))] == ["0", "0.01", "0.02", "0.03", "0.04"]


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e3))
def test_marks_lie_on_the_scale_and_there_are_two_to_seven(low, span):
    scale = Scale(low=low, high=low + span)
    marks = ticks(scale)

    assert 2 <= len(marks) <= 7
    assert all(scale.low - span * 1e-6 <= one <= scale.high + span * 1e-6 for one in marks)
    assert all(math.isclose(b - a, marks[1] - marks[0], rel_tol=1e-6) for a, b in itertools.pairwise(marks))


def test_what_is_allowed_is_shaded_up_to_the_limit() -> None:
    drawn = against_limit(0.77, 0.73, 0.81, 0.75, None)
    assert drawn is not None
    # from 0.71 to 0.83 on a line from 8 to 192: a quarter of the numbers' width is left free at each end
    assert float(drawn.limits[0]) == pytest.approx(8 + 184 * (0.75 - 0.71) / 0.12, abs=0.1)
    assert float(drawn.from_) == float(drawn.limits[0])
    assert float(drawn.from_) + float(drawn.width) == pytest.approx(192, abs=0.1)
    assert float(drawn.low) < float(drawn.limits[0]) < float(drawn.x) < float(drawn.high)


def test_a_number_on_its_limit_and_one_without_a_limit_are_drawn_or_not() -> None:
    on_it = against_limit(0.0, None, None, 0.0, None)
    assert on_it is not None
    assert on_it.x == on_it.limits[0] == "100.0"
    assert against_limit(0.5, 0.4, 0.6, None, None) is None
    assert against_limit(None, None, None, 0.5, None) is None
