import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codman.compute.here import Here
from codman.compute.map_reduce import ROWS_AT_ONCE, Job, gathered, summed
from codman.errors import BadInput

TOTAL = Job(
    map=lambda batch: sum(batch.column(0).to_pylist()),
    add=sum,
    write=lambda total: str(total).encode(),
    read=lambda whole: int(whole),
)


def batch(*numbers):
    return pa.RecordBatch.from_pydict({"x": pa.array(numbers, pa.int64())})


def part(*batches):
    return lambda: iter(batches)


@given(st.lists(st.lists(st.lists(st.integers(-9, 9), max_size=4), max_size=4), max_size=5), st.integers(1, 3))
def test_a_total_is_that_of_all_rows_however_they_are_cut(parts, threads):
    rows = [x for one in parts for numbers in one for x in numbers]
    found = Here(threads).map_reduce([part(*(batch(*numbers) for numbers in one)) for one in parts], TOTAL)

    assert found == (sum(rows) if rows else None)


@given(st.lists(st.integers(0, 9), max_size=40))
def test_results_are_added_a_few_at_a_time_and_none_is_lost(numbers):
    most = []

    def add(held):
        most.append(len(held))
        return sum(held)

    assert summed(iter(numbers), add) == (sum(numbers) if numbers else None)
    assert max(most, default=0) <= 8


def test_small_batches_are_put_together_and_empty_ones_left_out():
    whole = list(gathered([batch(), batch(*range(ROWS_AT_ONCE - 1)), batch(7), batch(), batch(8, 9)]))

    assert [one.num_rows for one in whole] == [ROWS_AT_ONCE, 2]
    assert whole[1].column(0).to_pylist() == [8, 9]


def test_what_goes_wrong_in_a_thread_reaches_the_caller_and_the_rest_is_not_waited_for():
    read = []

    def rows():
        for number in range(100):
            read.append(number)
            yield batch(*range(ROWS_AT_ONCE))

    def refuse(_):
        raise BadInput(what="a", why="b", fix="c")

    with pytest.raises(BadInput, match="a: b; c"):
        Here(2).map_reduce([rows], Job(map=refuse, add=sum, write=bytes, read=int))
    assert len(read) < 10
