"""A server that can be killed and started again in a moment: all is imported once, each server is a fork.

Run: python killed_server.py WORKSPACE [SECONDS BETWEEN ROUNDS]. Reads `start` from standard input, forks a server,
prints `PID PORT`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import deltalake  # noqa: F401 - imported once, before the forks
from event_house import batch

from codman.cli.serving import application, serve, settle
from codman.flows.events.opening import open_batch
from codman.flows.rounds import making_rounds
from codman.settings import read_settings
from codman.tables.events import mover  # noqa: F401 - the same
from codman.tables.events.checks import check
from codman.wiring import open_house


def _one(workspace: Path) -> None:
    house = open_house(read_settings(workspace=workspace, port=0))

    def ready(address: str) -> None:
        os.write(1, f"{os.getpid()} {address.rpartition(':')[2]}\n".encode())

    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        sys.stderr = nowhere
        serve(house, "127.0.0.1", 0, ready=ready)


def _warm() -> None:
    """Do once what every server does first: each fork then has it done."""
    with tempfile.TemporaryDirectory() as folder:
        house = open_house(read_settings(workspace=Path(folder)))
        application(house)
        house.close()
    (sheet,) = open_batch(json.loads(batch(["one"]))).sheets
    check(sheet.kind, sheet.table, datetime.now(UTC))
    settle()


def main() -> None:
    """Fork a server for every line."""
    workspace = Path(sys.argv[1])
    if len(sys.argv) > 2:  # rounds are made so often that many are cut off in the middle
        making_rounds.__wrapped__.__defaults__ = (float(sys.argv[2]),)
    _warm()
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            _one(workspace)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
