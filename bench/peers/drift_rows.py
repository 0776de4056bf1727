"""The two samples every drift peer is given: a data frame a side, already in memory."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

warnings.filterwarnings("ignore")


class Rows:
    """Reference and current rows of bench/drift.py."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as stored:
            self.numbers = (stored["numbers_reference"], stored["numbers_current"])
            self.codes = (stored["codes_reference"], stored["codes_current"])
        self.numeric = [f"x{k}" for k in range(self.numbers[0].shape[1])]
        self.categorical = [f"c{k}" for k in range(self.codes[0].shape[1])]

    def frames(self) -> list[Any]:
        """A pandas frame a side, categories as text."""
        import pandas as pd

        levels = np.array([f"level {k}" for k in range(64)])
        return [
            pd.concat(
                [pd.DataFrame(x, columns=self.numeric), pd.DataFrame(levels[c], columns=self.categorical)], axis=1
            )
            for x, c in zip(self.numbers, self.codes, strict=True)
        ]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    start = perf_counter()
    found = work()
    return perf_counter() - start, found


def say(**found: Any) -> None:
    """One line of JSON for the program that asked."""
    print(json.dumps(found, default=float))
