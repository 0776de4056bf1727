"""Tables as they come: each is answered with honest numbers or refused with a reason, and nothing crashes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from codman.errors import CodmanError
from codman.monitor.estimate.run import estimate
from codman.spine.estimate_spec import EstimateSpec
from codman.tables.source import open_source

rng = np.random.default_rng(0)


def table(n, **over):
    x = rng.normal(size=n)
    columns = {
        "risk": 1 / (1 + np.exp(1 - x)),
        "died": (rng.random(n) < 1 / (1 + np.exp(1 - x))).astype(int),
        "group": rng.choice(["a", "b", None], n),
        "patient": rng.integers(0, max(n // 3, 1), n),
        "spoke": np.datetime64("2026-01-01", "us") + np.arange(n) * np.timedelta64(3_600_000_000, "us"),
    }
    return pl.DataFrame(columns | over)


def in_words(frame):
    died = pl.when(pl.col("died") == 1).then(pl.lit("dead")).otherwise(pl.lit("alive"))
    return frame.with_columns(died.alias("died"))


EXTREMES = np.array(["1800-01-01", "2026-01-01", "2200-01-01"], "M8[us]")
DELAYED = {"delay": "took", "timestamp": "spoke", "window": "day", "as_of": "2026-01-05T00:00:00Z"}
ANSWERED = {
    "one score for all": (table(500, risk=np.full(500, 0.3)), table(200, risk=np.full(200, 0.3)), {}),
    "every risk 0": (table(500, risk=np.zeros(500)), table(200, risk=np.zeros(200)), {}),
    "every risk 1": (table(500, risk=np.ones(500)), table(200, risk=np.ones(200)), {}),
    "a reference that is separated": (
        table(500, risk=np.linspace(0, 1, 500), died=(np.linspace(0, 1, 500) > 0.7).astype(int)), table(200), {},
    ),
    "one row": (table(500), table(1), {}),
    "everybody died": (table(500), table(200, died=np.ones(200, int)), {}),
    "risks of 0 and 1": (
        table(500, risk=rng.integers(0, 2, 500) * 1.0), table(200, risk=np.repeat([0.0, 1.0], 100)), {},
    ),
    "whole numbers": (
        table(500, risk=rng.integers(0, 100, 500)), table(200, risk=rng.integers(0, 100, 200)), {"thresholds": [50.0]},
    ),
    "an event in words": (in_words(table(500)), in_words(table(200)), {"positive": "dead"}),
    "no event yet, in words": (
        in_words(table(500)), in_words(table(200, died=np.zeros(200, int))), {"positive": "dead"},
    ),
    "groups and patients": (table(2000), table(800), {"by": [["group"]], "subject": "patient"}),
    "a group the reference lacks": (table(500, group=np.full(500, "x")), table(200), {"by": [["group"]]}),
    "dates": (table(500), table(200).cast({"spoke": pl.Date}), {"window": "week", "timestamp": "spoke"}),
    "four centuries": (table(500), table(3, spoke=EXTREMES), {"window": "day", "timestamp": "spoke"}),
    "features that are all alike": (
        table(500, k=np.ones(500)), table(200, k=np.ones(200)), {"method": "pape", "features": ["k", "group"]},
    ),
    "a feature's level never seen": (
        table(500), table(200, group=np.full(200, "z")), {"method": "pape", "features": ["group"]},
    ),
    "labels known at once": (table(500), table(200, took=np.zeros(200)), DELAYED),
    "delays nobody wrote down": (table(500), table(200, took=np.full(200, np.nan)), DELAYED),
    "nobody was looked at": (table(500), table(200, looked=np.zeros(200)), {"verified": "looked"}),
    "thresholds nobody can reach": (table(500), table(200), {"thresholds": [-1.0, 2.0]}),
}  # fmt: skip
REFUSED = {
    "a reference of one class": (table(500, died=np.ones(500, int)), table(200), {}, "cannot say what a score means"),
    "all scored later": (
        table(500), table(200), {"timestamp": "spoke", "as_of": "2020-01-05T00:00:00Z"}, "scored after the time asked",
    ),
    "times that are none": (
        table(500), table(200, spoke=np.full(200, "soon")), {"window": "day", "timestamp": "spoke"}, "no time",
    ),
}  # fmt: skip


def ask(before, now, asked):
    spec = {"label": "died", "score": "risk", "window": "rows:100", "thresholds": [0.3], **asked}
    return estimate(open_source(before), open_source(now), EstimateSpec.model_validate(spec))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", ANSWERED)
def test_an_odd_table_is_answered(case):
    found = ask(*ANSWERED[case])

    assert found.measurements.where("estimated_auroc", slice={})
    for m in found.measurements:
        assert (m.lower is None) == (m.upper is None) == (m.level is None)
        if m.lower is not None:
            assert m.lower - 1e-9 <= m.value <= m.upper + 1e-9
        assert m.value is not None or m.note


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_answered_says_why(case):
    before, now, asked, why = REFUSED[case]

    with pytest.raises(CodmanError, match=why):
        ask(before, now, asked)
