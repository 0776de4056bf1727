import json

import numpy as np
import polars as pl
import pytest


@pytest.fixture
def evaluated(codman, tmp_path):
    r = np.random.default_rng(5)
    risk = r.random(300)
    pl.DataFrame({"died": (r.random(300) < risk).astype(int), "risk": risk}).write_parquet(tmp_path / "p.parquet")
    codman("evidence", "keygen", "--out", "mine")
    codman("evidence", "keygen", "--out", "other")
    codman(
        "evaluate",
        "p.parquet",
        "--label",
        "died",
        "--score",
        "risk",
        "--threshold",
        0.2,
        "--key",
        "mine.key",
        "--out",
        "e.json",
    )
    return tmp_path


def test_reproduced_is_0_and_says_how_much_was_compared(codman, evaluated):
    code, out, _ = codman("reproduce", "e.json", "--key", "mine.pub")
    assert code == 0
    assert "the same to the last bit" in out

    code, out, _ = codman("reproduce", "e.json", "--format", "json")
    answer = json.loads(out)
    assert (code, answer["reproduced"], answer["differences"]) == (0, True, [])
    assert answer["inputs"][0]["ok"]
    assert evaluated


def test_a_changed_input_is_1_and_named(codman, evaluated):
    table = pl.read_parquet(evaluated / "p.parquet")
    table[:299].write_parquet(evaluated / "p.parquet")

    code, out, _ = codman("reproduce", "e.json")

    assert code == 1
    assert "changed  input predictions" in out


def test_a_missing_input_is_2_and_the_fix_names_it(codman, evaluated):
    (evaluated / "p.parquet").rename(evaluated / "q.parquet")

    code, _, err = codman("reproduce", "e.json")
    assert code == 2
    assert "--input predictions=PATH" in err
    assert codman("reproduce", "e.json", "--input", "predictions=q.parquet")[0] == 0
    assert codman("reproduce", "e.json", "--input", "predictions")[0] == 2
    assert codman("reproduce", "e.json", "--input", "prediction=q.parquet")[0] == 2


def test_another_number_is_1_and_shown_to_the_last_bit(codman, evaluated):
    codman("evidence", "show", "e.json", "--format", "json")
    value = json.loads(codman("evidence", "show", "e.json", "--format", "json")[1])
    value["predicate"]["measurements"][0] |= {"value": 0.75, "lower": 0.7, "upper": 0.8}
    (evaluated / "changed.json").write_text(json.dumps(value))

    code, out, _ = codman("reproduce", "changed.json")

    assert code == 1
    assert "differs  auroc" in out
    assert "0x1.8000000000000p-1" in out


def test_a_wrong_key_is_1_and_no_statement_is_2(codman, evaluated):
    assert codman("reproduce", "e.json", "--key", "other.pub")[0] == 1
    assert codman("reproduce", "p.parquet")[0] == 2
    assert codman("reproduce", "gone.json")[0] == 2
    assert evaluated


def test_a_last_bit_is_called_rounding_and_anything_more_is_not():
    from codman.cli.reproduce import _size
    from codman.flows.reproduce import Difference

    assert _size([Difference("auroc {}.value", 0.8, 0.8 + 1e-13)]).endswith(": rounding, not another result")
    assert _size([Difference("auroc {}.value", 0.8, 0.4)]) == "; the largest by 0.5 of its size"
    assert _size([Difference("auroc {}.note", None, "suppressed")]) == ""
