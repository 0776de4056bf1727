"""The index: every identity that was ever taken and the digest of what stood under it, in memory that does not grow.

The newest are in a dictionary, the rest in runs. Nothing is lost with the dictionary: the segments have it still, and
are read again when the store is opened.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np

from codman.evidence.files import write_whole
from codman.tables.events.runs import U64, Damaged, Run, merge, write_run

_LIST: Final = "runs.json"
_ALIKE: Final = 4  # as many runs of like size are made one
_LIKE: Final = 3
_LET_GO_EVERY: Final = 64  # lookups


class Index:
    """What was taken, by identity.

    Args:
        folder: Where its runs are.

    Attributes:
        whole: Whether it was there; False for a new or damaged one, which is then filled from the tables.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._recent: dict[bytes, int] = {}
        self._saving: dict[bytes, int] = {}  # those on their way into a run
        self._saves = threading.Lock()
        self._swaps = threading.Lock()
        self._asked = count(1)
        self.runs, self.whole = self._opened()
        last = max((int(run.path.stem) for run in self.runs), default=0)
        self._numbers = count(last + 1)

    def find(self, keys: Sequence[bytes]) -> list[int | None]:
        """The digest each of some identities was taken with; None for those that were not."""
        recent, saving = self._recent, self._saving
        found: list[int | None] = [recent.get(key) for key in keys]
        if saving:
            found = [saving.get(key) if old is None else old for key, old in zip(keys, found, strict=True)]
        runs = self.runs  # last: what left `saving` meanwhile is in them
        if not runs:
            return found
        open_ = [at for at, old in enumerate(found) if old is None]
        if open_:
            asked = _as_array([keys[at] for at in open_])
            for run in runs:
                places, digests = run.find(asked)
                for place, digest in zip(places.tolist(), digests.view("i8").tolist(), strict=True):
                    found[open_[place]] = digest
            if next(self._asked) % _LET_GO_EVERY == 0:
                for run in runs:
                    run.let_go()
        return found

    def add(self, keys: Sequence[bytes], digests: Sequence[int]) -> None:
        """Note identities that were taken; the same again changes nothing."""
        with self._swaps:
            self._recent.update(zip(keys, digests, strict=True))

    def save(self) -> None:
        """Have everything noted so far on the disk when this returns.

        Raises:
            OSError: The disk does not take it; it is noted still.
        """
        with self._saves:
            with self._swaps:  # what an earlier try could not write is still in `saving`
                self._saving, self._recent = {**self._saving, **self._recent} if self._saving else self._recent, {}
            if self._saving:
                whole = _as_array(list(self._saving))
                digests = np.fromiter(self._saving.values(), "i8", len(self._saving)).view("u8")
                path = self._next()
                write_run(path, whole[:, 0], np.column_stack([whole[:, 1], digests]))
                self._take([*self.runs, Run(path)])
                self._saving = {}
            elif not self.whole:
                self._take(self.runs)
            self.whole = True
            self._tidy()

    def _tidy(self) -> None:
        """Make one run of several of like size, so that their number grows with the logarithm of their length."""
        while len(self.runs) >= _ALIKE and self.runs[-1].count * _LIKE >= self.runs[-_ALIKE].count:
            old = self.runs[-_ALIKE:]
            path = self._next()
            merge(path, old)
            self._take([*self.runs[:-_ALIKE], Run(path)])
            for run in old:
                run.path.unlink(missing_ok=True)

    def _take(self, runs: list[Run]) -> None:
        names = [run.path.name for run in runs]
        write_whole(self._folder / _LIST, json.dumps(names).encode(), durable=True)
        self.runs = runs

    def _next(self) -> Path:
        return self._folder / f"{next(self._numbers):012d}.run"

    def _opened(self) -> tuple[list[Run], bool]:
        runs: list[Run] = []
        whole = True
        try:
            names: Any = json.loads((self._folder / _LIST).read_bytes())
            runs = [Run(self._folder / name) for name in names]
        except (OSError, ValueError, Damaged):
            runs, whole = [], False
        kept = {run.path for run in runs}
        for path in self._folder.iterdir():  # what a crash left half made, or a damaged index
            if path not in kept and path.name != _LIST:
                with suppress(OSError):
                    path.unlink()
        return runs, whole


def _as_array(keys: list[bytes]) -> U64:
    return np.frombuffer(b"".join(keys), ">u8").astype("u8").reshape(-1, 2)
