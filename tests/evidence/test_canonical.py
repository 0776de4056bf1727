import contextlib
import json
import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from codman.errors import CodmanError
from codman.evidence.canonical import MAX_DEPTH, NotCanonical, NotJson, canonical, parse

SAFE = 2**53 - 1
text = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
scalars = st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.floats(allow_nan=False, allow_infinity=False) | text
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=20
)


@given(values)
def test_it_writes_what_the_reference_implementation_writes(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_survives_the_way_out_and_back_to_the_last_bit(number):
    assert parse(canonical([number]), name="x")[0] == number


@given(st.dictionaries(text, scalars, max_size=8), st.randoms())
def test_the_order_of_keys_changes_nothing(value, random):
    items = list(value.items())
    random.shuffle(items)

    assert canonical(dict(items)) == canonical(value)


@given(st.floats(-1, 1), st.integers(0, 330))
def test_small_numbers_are_written_as_the_reference_implementation_writes_them(number, power):
    small = number / 10.0 ** min(power, 300) / 10.0 ** max(power - 300, 0)
    assert canonical(small) == rfc8785.dumps(small)


def test_the_numbers_of_rfc_8785_appendix_b():
    known = {
        0.0: "0", 5e-324: "5e-324", 1.7976931348623157e308: "1.7976931348623157e+308",
        9007199254740992.0: "9007199254740992", 295147905179352830000.0: "295147905179352830000",
        9.999999999999997e22: "9.999999999999997e+22", 1e23: "1e+23", 1e-6: "0.000001", 1e-7: "1e-7",
        333333333.3333332: "333333333.3333332", 1e21: "1e+21", 1e20: "100000000000000000000",
    }  # fmt: skip

    assert canonical(-0.0) == b"0"
    assert {number: canonical(number).decode() for number in known} == known


def test_keys_sort_by_utf_16_units_as_in_rfc_8785_section_3_2_3():
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]

    ordered = list(json.loads(canonical(dict.fromkeys(names, 0))))

    assert ordered == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, 2**53, -(2**53), {1: 2}, {None: 1}, b"x", {1, 2}, "\ud800", {"\ud800": 1}]
)
def test_what_has_no_single_meaning_is_refused(value):
    with pytest.raises(NotCanonical):
        canonical({"a": [value]})


def test_nesting_without_end_is_refused_not_crashed_on():
    value: list = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(NotCanonical):
        canonical(value)
    with pytest.raises(NotJson):
        parse(b"[" * 100_000, name="x")
    with pytest.raises(NotJson):
        parse(b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), name="x")
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, name="x")


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b"[NaN]",
        b"[Infinity]",
        b"[1e999]",
        b"[" + b"9" * 5000 + b"]",
        b"\xff",
        b"",
        b"{",
        b"[1]x",
        b"\xef\xbb\xbf[1]",
    ],
)
def test_ambiguous_or_broken_json_is_refused_by_name(data):
    with pytest.raises(NotJson, match=r"file\.json"):
        parse(data, name="file.json")


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_parser(data):
    with contextlib.suppress(CodmanError):
        parse(data, name="x")
