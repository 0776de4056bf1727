"""evidently's drift preset, as a user calls it."""

from __future__ import annotations

import sys
from pathlib import Path

from drift_rows import Rows, say, timed
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset


def main(path: Path) -> None:
    rows = Rows(path)
    shape = DataDefinition(numerical_columns=rows.numeric, categorical_columns=rows.categorical)
    reference, current = (Dataset.from_pandas(frame, data_definition=shape) for frame in rows.frames())
    seconds, _ = timed(lambda: Report([DataDriftPreset()]).run(current, reference).dict())
    say(seconds=seconds)


main(Path(sys.argv[1]))
