"""NannyML's univariate drift: Jensen–Shannon of every column, the current rows as one chunk."""

from __future__ import annotations

import sys
from pathlib import Path

import nannyml as nml
from drift_rows import Rows, say, timed


def main(path: Path) -> None:
    rows = Rows(path)
    reference, current = rows.frames()
    calculator = nml.UnivariateDriftCalculator(
        column_names=[*rows.numeric, *rows.categorical], treat_as_categorical=rows.categorical, chunk_number=1,
        continuous_methods=["jensen_shannon"], categorical_methods=["jensen_shannon"],
    )  # fmt: skip
    seconds, _ = timed(lambda: calculator.fit(reference).calculate(current))
    say(seconds=seconds)


main(Path(sys.argv[1]))
