"""Joining two files by id, against a plain dictionary."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codman.evaluate.compare.pairing import NotPaired, pair
from codman.spine.comparison_spec import ComparisonSpec
from codman.tables.source import open_source

SPEC = ComparisonSpec(label="died", score="risk", id="row")
IDS = st.lists(st.one_of(st.none(), st.integers(0, 30)), min_size=1, max_size=25)


def table(ids, kind):
    died = [0 if i is None else i % 2 for i in ids]
    risk = [(k + 1) / 100 for k in range(len(ids))]
    return pl.DataFrame({"row": pl.Series(ids, dtype=pl.Int64).cast(kind), "risk": risk, "died": died})


def joined(ids_a, ids_b):
    """What a dictionary says: pairs in A's order, and rows left over."""
    place = {i: k for k, i in enumerate(ids_b) if i is not None}
    both = [(k, place[i]) for k, i in enumerate(ids_a) if i is not None and i in place]
    known_a, known_b = [i for i in ids_a if i is not None], [i for i in ids_b if i is not None]
    left = {
        "row only in A": len(known_a) - len(both),
        "row only in B": len(known_b) - len(both),
        "id missing": len(ids_a) + len(ids_b) - len(known_a) - len(known_b),
    }
    return both, {reason: count for reason, count in left.items() if count}


@settings(max_examples=120, deadline=None)
@given(IDS, IDS, st.sampled_from([pl.Int64, pl.Int32, pl.String, pl.Float64, pl.Categorical]))
def test_pairs_and_leftovers_are_those_of_a_dictionary(ids_a, ids_b, kind):
    if kind is pl.Categorical:
        a, b = table(ids_a, pl.String), table(ids_b, pl.String).with_columns(pl.col("row").cast(pl.Categorical))
    else:
        a, b = table(ids_a, pl.Int64), table(ids_b, kind)
    known = [[i for i in ids if i is not None] for ids in (ids_a, ids_b)]
    both, left = joined(ids_a, ids_b)

    if any(len(set(ids)) < len(ids) for ids in known) or not both:
        with pytest.raises(NotPaired):
            pair(open_source(a), open_source(b), SPEC, [])
        return
    found = pair(open_source(a), open_source(b), SPEC, [])

    assert list(zip(found.row_a.tolist(), found.row_b.tolist(), strict=True)) == both
    assert found.unpaired == left
    assert found.a.tolist() == [(k + 1) / 100 for k, _ in both]
    assert found.b.tolist() == [(k + 1) / 100 for _, k in both]


def test_the_message_names_rows_and_never_an_id():
    secret = 918273
    a, b = table([1, secret, 2, secret], pl.Int64), table([1, secret, 2, 3], pl.Int64)

    with pytest.raises(NotPaired) as error:
        pair(open_source(a), open_source(b), SPEC, [])

    assert "row 4" in str(error.value)
    assert str(secret) not in str(error.value)
