"""Curves on a page: their scales are marked at round numbers."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from codman.web.views.drawing import Scale, _ticks


def test_a_decision_curves_scale_is_marked_at_round_numbers():
    assert [f"{one:.2g}" for one in _ticks(Scale(low=0.0, high=1.0))] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    assert [f"{one:.2g}" for one in _ticks(Scale(low=-0.0049, high=0.049))] == ["0", "0.01", "0.02", "0.03", "0.04"]


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e3))
def test_marks_lie_on_the_scale_and_there_are_two_to_seven(low, span):
    scale = Scale(low=low, high=low + span)
    marks = _ticks(scale)

    assert 2 <= len(marks) <= 7
    assert all(scale.low - span * 1e-6 <= one <= scale.high + span * 1e-6 for one in marks)
    assert all(math.isclose(b - a, marks[1] - marks[0], rel_tol=1e-6) for a, b in itertools.pairwise(marks))
