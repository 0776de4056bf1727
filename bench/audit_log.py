"""How long the audit log of a large book takes to be checked and proved, and in how much memory.

python bench/audit_log.py [--entries 1000000]
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from codman.registry.log import SYSTEM, Entry, check, prove_consistency, prove_inclusion, size_of
from codman.settings import read_settings
from codman.wiring import open_house
from large_book import one_core

_AT_ONCE = 20_000


def main() -> None:
    """Write that many entries, then read them back; prints seconds of the clock and of the processor, and MiB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    arguments = parser.parse_args()
    one_core()
    print(f"Python {platform.python_version()}, {arguments.entries:,} entries, SQLite, one core", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        house = open_house(read_settings(workspace=Path(folder)))

        def write() -> None:
            for low in range(0, arguments.entries, _AT_ONCE):
                why = "a large log to measure on" if low % (10 * _AT_ONCE) == 0 else None
                with house.database.changing(SYSTEM, why) as change:
                    for number in range(low, min(low + _AT_ONCE, arguments.entries)):
                        after = {"name": f"Use {number}", "stage": "live", "tier": "high", "revision": number}
                        change.record(Entry("use.change", "use", f"use-{number % 10_000}", after=after))

        _timed("written", write)
        with house.database.reading() as connection:
            size = size_of(connection)
            _timed("checked", lambda: check(connection))
            _timed(
                "1,000 inclusion proofs",
                lambda: [prove_inclusion(connection, size * k // 1000) for k in range(1000)],
            )
            _timed(
                "100 consistency proofs",
                lambda: [prove_consistency(connection, 1 + size * k // 100) for k in range(100)],
            )
        house.close()


def _timed(what: str, do: Callable[[], object]) -> None:
    began, worked = time.perf_counter(), time.process_time()
    do()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what}: {time.perf_counter() - began:.2f} s, of work {time.process_time() - worked:.2f} s, "
        f"memory so far {most:,.0f} MiB, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
