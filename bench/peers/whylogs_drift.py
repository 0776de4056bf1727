"""whylogs: a profile of each side, then its drift scores."""

from __future__ import annotations

import sys
from pathlib import Path

import whylogs as why
from drift_rows import Rows, say, timed
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores


def main(path: Path) -> None:
    reference, current = Rows(path).frames()

    def work() -> object:
        views = [why.log(pandas=frame).profile().view() for frame in (current, reference)]
        return calculate_drift_scores(target_view=views[0], reference_view=views[1], with_thresholds=True)

    say(seconds=timed(work)[0])


main(Path(sys.argv[1]))
