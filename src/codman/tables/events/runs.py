"""A run: identities of events in one file, sorted, never changed; asked for thousands at once, read where they lie.

Beside RocksDB and LMDB this was measured with 12 million identities (docs/decisions): it took a fifth of the time,
because a batch is looked up as arrays, and its memory is the page cache's, which the system takes back.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from codman.evidence.files import sync_folder

U64 = np.ndarray[Any, np.dtype[np.uint64]]

_HEADER: Final = struct.Struct("<8sQQ40x")  # magic, identities, words of the filter
_MAGIC: Final = b"CODMANIX"
_AT_ONCE: Final = 262_144  # identities in memory while runs are merged
_KEYS_A_WORD: Final = 5  # 64 bits of filter for five: about one in thirty asked in vain is looked up
_SIX: Final = np.uint64(63)


class Damaged(Exception):  # caught by the index, which is then made again
    """A file that is no whole run."""


class Run:
    """Identities in a file.

    Args:
        path: The file.

    Raises:
        Damaged: It is no run, or not all of one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise Damaged(path.name) from error
        if len(self._map) < _HEADER.size:
            raise Damaged(path.name)
        magic, self.count, words = _HEADER.unpack_from(self._map)
        if magic != _MAGIC or len(self._map) != _HEADER.size + 8 * (3 * self.count + words):
            raise Damaged(path.name)
        whole = np.frombuffer(self._map, "<u8", offset=_HEADER.size)
        self.first: U64 = whole[: self.count]
        self.rest: U64 = whole[self.count : 3 * self.count].reshape(-1, 2)
        self._filter: U64 = whole[3 * self.count :]

    def find(self, keys: U64) -> tuple[np.ndarray[Any, np.dtype[np.int64]], U64]:
        """Which of some keys are in it, and the digest of each of those.

        Args:
            keys: (n, 2).

        Returns:
            The places of those found, among the keys, and their digests.
        """
        word, bits = _mask(keys, len(self._filter))
        asked = np.flatnonzero((self._filter[word] & bits) == bits)
        at = np.searchsorted(self.first, keys[asked, 0])
        found, digests = [], []
        for place, start in zip(asked[at < self.count].tolist(), at[at < self.count].tolist(), strict=True):
            row = start
            while row < self.count and self.first[row] == keys[place, 0]:
                if self.rest[row, 0] == keys[place, 1]:
                    found.append(place)
                    digests.append(self.rest[row, 1])
                    break
                row += 1
        return np.array(found, "i8"), np.array(digests, "u8")

    def let_go(self) -> None:
        """Give the pages that were looked at back: they stay in the system's cache, and are no longer our memory."""
        if hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def between(self, low: int, high: int) -> tuple[U64, U64]:
        """Its identities from one first half to before another."""
        start = int(np.searchsorted(self.first, np.uint64(low)))
        end = self.count if high >= 2**64 else int(np.searchsorted(self.first, np.uint64(high)))
        return self.first[start:end], self.rest[start:end]


def write_run(path: Path, first: U64, rest: U64) -> None:
    """Write identities as a run; on the disk when this returns.

    Args:
        path: Where it goes.
        first: (n,) the first halves, in any order.
        rest: (n, 2) the second halves and the digests.
    """
    order = np.argsort(first)
    _write(path, len(first), iter([(first[order], rest[order])]))


def merge(path: Path, runs: Sequence[Run]) -> None:
    """Write several runs as one; a part of each is in memory at a time."""
    total = sum(run.count for run in runs)
    _write(path, total, _merged(runs, total))


def _merged(runs: Sequence[Run], total: int) -> Iterator[tuple[U64, U64]]:
    parts = -(-total // _AT_ONCE)
    edges = [2**64 * part // parts for part in range(parts + 1)]
    for low, high in pairwise(edges):
        pieces = [run.between(low, high) for run in runs]
        first = np.concatenate([piece[0] for piece in pieces])
        order = np.argsort(first, kind="stable")
        yield first[order], np.concatenate([piece[1] for piece in pieces])[order]
        for run in runs:
            run.let_go()


def _write(path: Path, count: int, parts: Iterator[tuple[U64, U64]]) -> None:
    """The parts come in order, so each has its own stretch of the file, of the filter too."""
    words = max(1, -(-count // _KEYS_A_WORD))
    beside = path.with_name(f".{path.name}.partial")
    rest_at, filter_at = _HEADER.size + 8 * count, _HEADER.size + 24 * count
    written = 0
    with beside.open("wb") as file:
        file.write(_HEADER.pack(_MAGIC, count, words))
        file.truncate(filter_at + 8 * words)
        kept_word, kept_bits = -1, np.uint64(0)  # the last word of a part may be the first of the next
        for first, rest in parts:
            if not len(first):
                continue
            _put(file, _HEADER.size + 8 * written, first)
            _put(file, rest_at + 16 * written, rest)
            word, bits = _mask(np.column_stack([first, rest[:, 0]]), words)
            starts = np.flatnonzero(np.concatenate([[True], word[1:] != word[:-1]]))
            marks = np.bitwise_or.reduceat(bits, starts)
            low, high = int(word[0]), int(word[-1])
            stretch = np.zeros(high - low + 1, "<u8")
            stretch[word[starts].astype("i8") - low] = marks
            if low == kept_word:
                stretch[0] |= kept_bits
            _put(file, filter_at + 8 * low, stretch)
            kept_word, kept_bits = high, stretch[-1]
            written += len(first)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def _put(file: Any, at: int, values: U64) -> None:
    file.seek(at)
    file.write(np.ascontiguousarray(values, "<u8").data)


def _mask(keys: U64, words: int) -> tuple[U64, U64]:
    """For each key its word of the filter, which goes up with the key, and the four bits it sets there."""
    word = ((keys[:, 0] >> np.uint64(32)) * np.uint64(words)) >> np.uint64(32)
    bits = np.zeros(len(keys), "u8")
    for shift in (0, 6, 12, 18):
        bits |= np.uint64(1) << ((keys[:, 1] >> np.uint64(shift)) & _SIX)
    return word, bits
