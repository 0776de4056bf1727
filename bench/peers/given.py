"""What every peer is given: arrays already in memory, the rows of each slice already found, one clock.

Peers are spared reading the file and coding the columns; picking a slice's rows out is theirs, because their functions
take arrays. Each program prints one line of JSON.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

THRESHOLD = 0.2
NAMES = ("sex", "race", "age_band")
warnings.filterwarnings("ignore")


class Given:
    """The cohort of bench/cohort.py, or its first rows."""

    def __init__(self, path: Path, rows: int | None = None) -> None:
        with np.load(path) as stored:
            self.event = stored["event"][:rows].astype(np.int64)
            self.risk = stored["risk"][:rows]
            self.codes = stored["codes"][:rows]
        self.flag = (self.risk >= THRESHOLD).astype(np.int64)
        self.slices = [rows for _names, rows in self.groups()]

    def groupings(self) -> list[tuple[int, ...]]:
        """Column numbers of each grouping, in the order Codman's slices stand in."""
        return [columns for depth in (1, 2, 3) for columns in combinations(range(len(NAMES)), depth)]

    def groups(self) -> list[tuple[tuple[int, ...], np.ndarray]]:
        """Level codes and rows of every slice; everyone first."""
        found: list[tuple[tuple[int, ...], np.ndarray]] = [((), np.arange(len(self.event)))]
        for columns in self.groupings():
            kept = self.codes[:, columns]
            for levels in np.unique(kept, axis=0):
                found.append((tuple(int(x) for x in levels), np.flatnonzero((kept == levels).all(axis=1))))
        return found


def seconds_of(work: Callable[[], Any], *, warm: Callable[[], Any] | None = None) -> tuple[float, Any]:
    """How long the work takes once the library is warm, and what it gave."""
    if warm is not None:
        warm()
    start = perf_counter()
    found = work()
    return perf_counter() - start, found


def say(**found: Any) -> None:
    """One line of JSON for the program that asked."""
    print(json.dumps(found, default=lambda x: x.tolist()))
