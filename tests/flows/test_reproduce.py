import json

import numpy as np
import polars as pl
import pytest

from codman.errors import BadInput, NotProven
from codman.evidence.keys import generate, read_verifying_key
from codman.evidence.statements import from_value, write_statement
from codman.flows.assess import assess
from codman.flows.compare import compare
from codman.flows.document import document
from codman.flows.reproduce import reproduce
from codman.spine.comparison_spec import ComparisonSpec
from codman.spine.evaluation_spec import EvaluationSpec
from codman.tables.source import open_source


def table(seed):
    r = np.random.default_rng(3)
    risk = r.random(600)
    died = (r.random(600) < risk).astype(int)
    noise = np.random.default_rng(seed).normal(0, 0.05, 600)
    return pl.DataFrame(
        {
            "row": np.arange(600),
            "died": died,
            "risk": np.clip(risk + noise, 0, 1),
            "sex": r.choice(["F", "M"], 600),
            "age": r.integers(20, 95, 600),
            "patient": np.arange(600) // 3,
        }
    )


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(1).write_parquet("predictions.parquet")
    table(2).write_parquet("b.parquet")
    return tmp_path


def spec(**changes):
    fields = {
        "task": "binary", "label": "died", "score": "risk", "by": [["sex"]],
        "bands": {"age": [0, 65]}, "thresholds": [0.2, 0.5], "subject": "patient",
    }  # fmt: skip
    return EvaluationSpec(**fields | changes)


def evaluated(out, **changes):
    write_statement(assess(open_source("predictions.parquet"), spec(**changes)), out)
    return out


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"interval": "percentile", "replicates": 100, "metrics": ["auroc"]},
        {"level": 0.9, "suppression": "strict"},
        {"chosen": [{"rule": "sensitivity", "target": 0.9, "rows": "judged rows"}]},
    ],
    ids=["plain", "bootstrap", "strict", "chosen"],
)
def test_the_same_bytes_give_the_same_numbers_to_the_last_bit(here, changes):
    found = reproduce(evaluated(here / "e.json", **changes))

    assert found.differences == ()
    assert found.reproduced
    assert found.software == ()
    assert found.measurements >= 4


def test_a_changed_input_is_named_and_nothing_is_computed(here, monkeypatch):
    import codman.flows.reproduce as module

    path = evaluated(here / "e.json")
    table(9).write_parquet("predictions.parquet")
    monkeypatch.setattr(module, "evaluate", lambda *_, **__: pytest.fail("computed"))

    found = reproduce(path)

    assert not found.reproduced
    assert [one.name for one in found.changed] == ["predictions"]
    assert found.measurements == 0


def test_an_input_is_looked_for_here_then_beside_the_statement_then_where_it_is_said_to_be(here, tmp_path, monkeypatch):
    path = evaluated(here / "e.json")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert reproduce(path).reproduced

    (here / "predictions.parquet").rename(elsewhere / "moved.parquet")
    with pytest.raises(BadInput, match="--input predictions=PATH"):
        reproduce(path)
    assert reproduce(path, inputs={"predictions": elsewhere / "moved.parquet"}).reproduced


def test_an_input_the_statement_does_not_have_is_said(here):
    with pytest.raises(BadInput, match="did you mean 'predictions'"):
        reproduce(evaluated(here / "e.json"), inputs={"prediction": here / "predictions.parquet"})


def altered(path, change):
    value = json.loads(path.read_text())
    change(value["predicate"])
    write_statement(from_value(value, name="x").statement, path)
    return path


def test_a_number_changed_in_its_last_bit_is_found_and_shown_in_hex(here):
    def change(said):
        said["measurements"][0]["value"] = float(np.nextafter(said["measurements"][0]["value"], 1))

    found = reproduce(altered(evaluated(here / "e.json"), change))

    [difference] = found.differences
    assert difference.place.startswith("auroc {}")
    assert not found.reproduced
    assert difference.then.hex() in difference.sentence
    assert difference.now.hex() in difference.sentence
    assert found.answer()["differences"][0]["now_hex"] == difference.now.hex()


def test_a_measurement_that_was_left_out_or_put_in_is_found(here):
    found = reproduce(altered(evaluated(here / "e.json"), lambda said: said["measurements"].pop(0)))
    assert any(d.place.startswith("auroc") for d in found.differences)

    extra = {"metric": "auroc", "slice": {"sex": "X"}, "value": 0.9, "n": 100, "method": "delong-logit", "params": {}}
    found = reproduce(altered(evaluated(here / "e.json"), lambda said: said["measurements"].append(extra)))
    assert [(d.place, d.then, d.now) for d in found.differences] == [("auroc {sex=X}", "there", "absent")]


def test_a_point_of_a_curve_and_a_count_of_rows_are_compared_too(here):
    def change(said):
        said["curves"]["roc"][0]["y"][3] = 0.123
        said["rows"]["eligible"] += 1
        said["rows"]["excluded"] = {"score missing": 1}

    places = [d.place for d in reproduce(altered(evaluated(here / "e.json"), change)).differences]

    assert places == ["rows.eligible", "rows.excluded.score missing", "curves.roc[0].y[3]"]


def test_other_software_is_said_and_is_no_failure(here):
    found = reproduce(altered(evaluated(here / "e.json"), lambda said: said["software"].update(numpy="1.0")))

    assert found.reproduced
    assert [(d.place, d.then, d.now) for d in found.software] == [("numpy", "1.0", np.__version__)]


def test_with_a_key_the_signature_comes_first(here):
    generate(here / "mine")
    generate(here / "other")
    write_statement(assess(open_source("predictions.parquet"), spec()), here / "e.json", here / "mine.key")

    assert reproduce(here / "e.json", keys=[read_verifying_key(here / "mine.pub")]).reproduced
    with pytest.raises(NotProven, match="none of the given keys"):
        reproduce(here / "e.json", keys=[read_verifying_key(here / "other.pub")])


def test_a_comparison_is_computed_again_too(here):
    asked = ComparisonSpec(label="died", score="risk", id="row", subject="patient", margins={"auroc": -0.02})
    statement = compare(open_source("predictions.parquet"), open_source("b.parquet"), asked)
    write_statement(statement, here / "c.json")

    assert reproduce(here / "c.json").reproduced
    swapped = {"a": here / "b.parquet", "b": here / "predictions.parquet"}
    assert [one.name for one in reproduce(here / "c.json", inputs=swapped).changed] == ["a", "b"]


def test_what_has_no_numbers_cannot_be_reproduced(here):
    (here / "card.md").write_text("card")
    write_statement(document(here / "card.md", type="model-card", product="p"), here / "d.json")
    with pytest.raises(BadInput, match="about document"):
        reproduce(here / "d.json")


def test_rows_a_threshold_was_chosen_on_are_inputs_like_any_other(here):
    asked = spec(chosen=[{"rule": "sensitivity", "target": 0.9, "rows": "threshold-rows"}])
    others = {"threshold-rows": open_source("b.parquet", name="threshold-rows")}
    write_statement(assess(open_source("predictions.parquet"), asked, others=others), here / "e.json")

    assert reproduce(here / "e.json").reproduced
    table(7).write_parquet("b.parquet")
    assert [one.name for one in reproduce(here / "e.json").changed] == ["threshold-rows"]


@pytest.fixture
def every_task(here):
    r = np.random.default_rng(1)
    n = 200
    classes = r.dirichlet([1, 1, 1], n)
    died_after = r.exponential(700, n)
    table = {
        "time": died_after, "died": r.random(n) < 0.7, "risk": r.random(n) - died_after / 2000, "p": r.random(n),
        "s365": np.clip(np.exp(-365 / (died_after + 200)), 0.01, 0.99), "class": r.choice(["a", "b", "c"], n),
        "pa": classes[:, 0], "pb": classes[:, 1], "pc": classes[:, 2],
        "x": r.integers(0, 2, n), "y": r.integers(0, 2, n),
        "stay": np.arange(n) // 4, "hour": np.arange(n) % 4 * 1.0, "w": r.random(n) + 0.5, "los": r.gamma(2, 3, n),
    }  # fmt: skip
    pl.DataFrame(table).write_csv(here / "all.csv")
    return here


@pytest.mark.parametrize(
    "asked",
    [
        {"task": "multiclass", "label": "class", "score": {"a": "pa", "b": "pb", "c": "pc"}},
        {"task": "multilabel", "label": ["x", "y"], "score": ["p", "pa"]},
        {"task": "regression", "label": "los", "score": "risk"},
        {
            "task": "survival", "label": "died", "score": "risk", "time": "time", "horizons": [365.0, 730.0],
            "survival": {"365": "s365"}, "censoring_from": "censoring-rows",
        },
        {"task": "binary", "label": "x", "score": "p", "weight": "w", "thresholds": [0.5]},
        {
            "task": "binary", "label": "x", "score": "p", "thresholds": [0.5],
            "unit": {"column": "stay", "aggregate": "max", "index_time": "hour"},
        },
    ],
    ids=["multiclass", "multilabel", "regression", "survival", "weights", "unit"],
)  # fmt: skip
def test_every_task_comes_out_the_same(every_task, asked):
    others = {}
    if "censoring_from" in asked:
        others = {"censoring-rows": open_source("all.csv", name="censoring-rows")}
    statement = assess(open_source("all.csv"), EvaluationSpec(**asked), others=others)
    write_statement(statement, every_task / "e.json")

    found = reproduce(every_task / "e.json")

    assert found.differences == ()
    assert found.reproduced
    assert found.measurements > 0


def test_the_version_of_a_delta_table_is_part_of_the_input(here):
    deltalake = pytest.importorskip("deltalake")
    deltalake.write_deltalake("delta", table(1).to_arrow())
    deltalake.write_deltalake("delta", table(2).to_arrow(), mode="append")
    first = assess(open_source("delta", at_version=0), spec())
    write_statement(first, here / "e.json")

    assert first.predicate["inputs"][0]["table_version"] == 0
    assert first.predicate["rows"]["eligible"] == 600
    assert reproduce(here / "e.json").reproduced
