"""Small groups: hidden, named, and not to be worked out from what is shown."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from binary_cohorts import binary, cohort, some
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.evaluate.groups import Factor, Slices, make_slices
from codman.evaluate.run import run
from codman.evaluate.suppression import FEWEST, suppressed
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import open_source


def sliced(
    counts: dict[tuple[str, ...], int], columns: tuple[str, ...], by: list[list[str]]
) -> tuple[Slices, np.ndarray]:
    rows = [levels for levels, n in counts.items() for _ in range(n)]
    factors = {}
    for k, name in enumerate(columns):
        levels = tuple(sorted({row[k] for row in rows}))
        codes = np.array([levels.index(row[k]) for row in rows], dtype=np.int32)
        factors[name] = Factor(name=name, codes=codes, levels=levels)
    slices = make_slices(factors, by, len(rows))
    sizes = np.bincount(slices.cell, minlength=slices.of_cell.shape[1])
    return slices, slices.totals(sizes.astype(float)).astype(np.int64)


def solvable(slices: Slices, hidden: np.ndarray) -> list[dict[str, str]]:
    """Hidden slices that are a sum and difference of shown ones, whatever the numbers."""
    cells = slices.of_cell.shape[1]
    held = np.array([np.sum(slices.of_cell == s, axis=0) > 0 for s in range(slices.count)], dtype=float)
    shown = held[~hidden]
    rank = np.linalg.matrix_rank(shown) if len(shown) else 0
    assert held.shape == (slices.count, cells)
    return [
        slices.names[s]
        for s in np.flatnonzero(hidden)
        if len(shown) and np.linalg.matrix_rank(np.vstack([shown, held[s]])) == rank
    ]


@pytest.mark.parametrize(("n", "shown"), [(10, False), (11, True)])
def test_eleven_patients_are_shown_and_ten_are_not(n, shown):
    columns = some(100)
    columns["sex"][:] = "M"
    columns["sex"][:n] = "F"
    found = binary(columns, by=[["sex"]])
    small = found.where(slice={"sex": "F"})
    assert len(small) == len(found.where(slice={}).where(slice={})) - sum("by" in m.params for m in found)
    assert all(m.suppressed is not shown for m in small)
    if not shown:
        assert all((m.n, m.positives, m.value, m.lower, m.p_value) == (None,) * 5 for m in small)


def test_patients_are_counted_and_not_their_rows():
    columns = some(400)
    columns["sex"][:] = "M"
    columns["sex"][:100] = "F"
    columns["patient"] = np.where(np.arange(400) < 100, np.arange(400) % 10, np.arange(400))
    assert binary(columns, by=[["sex"]], subject="patient").one("auroc", slice={"sex": "F"}).suppressed
    assert not binary(columns, by=[["sex"]]).one("auroc", slice={"sex": "F"}).suppressed


def test_strict_counts_the_patients_of_either_class_and_not_their_rows():
    columns = some(400)
    columns["sex"] = np.where(np.arange(400) < 200, "F", "M")
    columns["died"] = (np.arange(400) % 200 < 40).astype(int)
    columns["patient"] = np.where(np.arange(400) < 40, np.arange(400) % 5, np.arange(400))  # 40 rows of 5 patients
    asked = {"by": [["sex"]], "suppression": "strict"}
    assert not binary(columns, **asked).one("auroc", slice={"sex": "F"}).suppressed
    assert binary(columns, **asked, subject="patient").one("auroc", slice={"sex": "F"}).suppressed


def test_with_more_groups_than_can_be_searched_no_intersection_is_shown_beside_a_hidden_group(monkeypatch):
    counts = {(s, r): 50 for s in "FM" for r in "ABC"} | {("F", "A"): 4}
    slices, sizes = sliced(counts, ("sex", "race"), [["sex"], ["race"], ["sex", "race"]])
    monkeypatch.setattr("codman.evaluate.suppression.MOST_ENTRIES", 10)
    hidden = suppressed(slices, sizes, strict=True)
    assert all(hidden[s] for s, name in enumerate(slices.names) if len(name) == 2)
    assert not solvable(slices, hidden)


def test_strict_also_hides_a_group_with_fewer_than_eleven_of_either_class():
    columns = some(600)
    columns["sex"] = np.repeat(["F", "M", "X"], 200)
    columns["died"] = np.tile(np.arange(200) < 60, 3).astype(int)
    columns["died"][:200] = np.arange(200) < 10
    standard, strict = (binary(columns, by=[["sex"]], suppression=s) for s in ("standard", "strict"))
    assert not any(m.suppressed for m in standard)
    assert strict.one("auroc", slice={"sex": "F"}).suppressed
    alone = [m.slice for m in strict.where("auroc") if m.suppressed]
    assert len(alone) == 2  # a lone hidden level would follow by subtraction


def test_a_lone_hidden_level_takes_the_next_smallest_with_it():
    slices, sizes = sliced({("A",): 5, ("B",): 40, ("C",): 30, ("D",): 90}, ("race",), [["race"]])
    hidden = suppressed(slices, sizes, strict=True)
    assert {slices.names[s]["race"] for s in np.flatnonzero(hidden)} == {"A", "C"}
    assert not suppressed(slices, sizes)[2:].any()


def test_two_hidden_levels_need_no_third_when_they_are_enough_together():
    slices, sizes = sliced({("A",): 8, ("B",): 40, ("C",): 3, ("D",): 90}, ("race",), [["race"]])
    assert suppressed(slices, sizes, strict=True).sum() == 2


def test_two_hidden_levels_too_small_together_take_the_next_smallest_with_them():
    slices, sizes = sliced({("A",): 5, ("B",): 40, ("C",): 3, ("D",): 90}, ("race",), [["race"]])
    hidden = suppressed(slices, sizes, strict=True)
    assert [slices.names[s] for s in np.flatnonzero(hidden)] == [{"race": "A"}, {"race": "B"}, {"race": "C"}]


def test_a_class_too_small_among_the_hidden_together_hides_one_more():
    slices, sizes = sliced({("A",): 60, ("B",): 40, ("C",): 43, ("D",): 7}, ("race",), [["race"]])
    events = np.array([31, 20, 15, 10, 0])  # everyone, A, B, C, D
    hidden = suppressed(slices, sizes, strict=True, smaller_class=np.minimum(events, sizes - events))
    assert [slices.names[s] for s in np.flatnonzero(hidden)] == [{"race": "B"}, {"race": "C"}, {"race": "D"}]


def test_a_cell_of_a_cross_table_cannot_be_had_from_its_margins():
    counts = {(s, r): 50 for s in "FM" for r in "ABC"} | {("F", "A"): 4}
    slices, sizes = sliced(counts, ("sex", "race"), [["sex"], ["race"], ["sex", "race"]])
    hidden = suppressed(slices, sizes, strict=True)
    assert not solvable(slices, hidden)
    assert not hidden[0]


def test_a_cell_cannot_be_had_across_two_groupings_that_share_a_column():
    counts = {(s, r, a): 30 for s in "FM" for r in "AB" for a in "xy"}
    counts[("F", "A", "x")] = counts[("F", "A", "y")] = 4
    slices, sizes = sliced(counts, ("sex", "race", "age"), [["sex", "race"], ["sex", "age"]])
    hidden = suppressed(slices, sizes, strict=True)
    assert any(slices.names[s] == {"sex": "F", "race": "A"} for s in np.flatnonzero(hidden))
    assert not solvable(slices, hidden)


def test_a_lone_bridge_between_two_blocks_of_hidden_cells_is_not_left_to_be_solved():
    counts = {(r, c): 50 for r in "abcd" for c in "wxyz"}
    for r, c in ("aw", "ax", "bw", "bx", "cy", "cz", "dy", "dz", "ay"):
        counts[(r, c)] = 5
    slices, sizes = sliced(counts, ("row", "column"), [["row"], ["column"], ["row", "column"]])
    assert not solvable(slices, suppressed(slices, sizes, strict=True))


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 40), min_size=12, max_size=12),
    st.sets(st.sampled_from([g for k in (1, 2, 3) for g in combinations(("sex", "race", "age"), k)]), min_size=1),
)
def test_no_hidden_group_can_be_solved_for_from_any_published_table(counts, by):
    cells = dict(zip(((s, r, a) for s in "FM" for r in "ABC" for a in "xy"), counts, strict=True))
    cells[("M", "C", "y")] += 60
    slices, sizes = sliced(cells, ("sex", "race", "age"), [list(g) for g in sorted(by)])
    hidden = suppressed(slices, sizes, strict=True)
    assert np.all(hidden[sizes < FEWEST])
    assert not solvable(slices, hidden)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_a_published_strict_evaluation_reveals_no_hidden_count(seed):
    r = np.random.default_rng(seed)
    n = 300
    columns = {
        "died": r.integers(0, 2, n), "risk": np.round(r.uniform(size=n), 2),
        "sex": r.choice(["F", "M"], n), "race": r.choice(["A", "B", "C"], n, p=[0.05, 0.15, 0.8]),
    }  # fmt: skip
    by = [["sex"], ["race"], ["sex", "race"]]
    found = binary(columns, by=by, suppression="strict", metrics=["prevalence"])
    rows = list(found.where("prevalence"))
    cells = sorted(set(zip(columns["sex"], columns["race"], strict=True)))
    held = np.array([
        [all({"sex": s, "race": k}[c] == v for c, v in m.slice.items()) for s, k in cells] for m in rows
    ], dtype=float)  # fmt: skip
    shown = np.array([m.n is not None for m in rows])
    for secret in held[~shown]:
        assert np.linalg.matrix_rank(np.vstack([held[shown], secret])) > np.linalg.matrix_rank(held[shown])


def test_curves_have_no_hidden_slice_and_no_point_on_fewer_than_eleven():
    columns = some(300)
    columns["sex"][:] = "M"
    columns["sex"][:10] = "F"
    spec = EvaluationSpec(task="binary", label="died", score="risk", by=[["sex"]])
    curves = run(open_source(columns), spec).curves
    for kind in (curves.roc, curves.precision_recall, curves.calibration, curves.decision):
        assert kind
        assert {"sex": "F"} not in [curve.slice for curve in kind]
    risk = columns["risk"]
    for curve in curves.roc:
        for t in curve.threshold:
            assert FEWEST <= np.sum(risk >= t) <= 300 - FEWEST
    for curve in curves.decision:
        assert all(np.sum(risk >= t) >= FEWEST for t in curve.x)
    for curve in curves.calibration:
        if curve.kind == "equal-mass":
            assert min(curve.n) >= FEWEST


def test_hidden_groups_are_named_in_every_fairness_result():
    c = cohort("diabetes")
    found = binary(c.columns(), by=[["group"]], thresholds=[c.threshold], suppression="strict")
    hidden = [m.slice for m in found.where("sensitivity") if m.suppressed]
    assert hidden
    for row in (found.one("sensitivity_difference"), found.one("auroc_difference"), found.one("ppv_ratio")):
        named = [k["slice"] for k in row.params["not_judged"]]
        assert all(s in named for s in hidden)
