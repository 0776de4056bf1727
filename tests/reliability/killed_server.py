"""A server that can be killed and started again in a moment: all is imported once, each server is a fork.

Run: python killed_server.py WORKSPACE. Reads `start` from standard input, forks a server, prints `PID PORT`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from codman.cli.serving import serve
from codman.settings import read_settings
from codman.wiring import open_house


def _one(workspace: Path) -> None:
    house = open_house(read_settings(workspace=workspace, port=0))

    def ready(address: str) -> None:
        os.write(1, f"{os.getpid()} {address.rpartition(':')[2]}\n".encode())

    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        sys.stderr = nowhere
        serve(house, "127.0.0.1", 0, ready=ready)


def main() -> None:
    """Fork a server for every line."""
    workspace = Path(sys.argv[1])
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            _one(workspace)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
