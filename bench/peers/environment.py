"""The peers' own environment, made when it is first needed, and how they are asked."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HOME = HERE.parent / ".venvs" / "peers"
WANTED = HERE.parent / "peers-requirements.txt"


def python() -> Path:
    """The interpreter that has the peers; installs them once."""
    found = HOME / "bin" / "python"
    stamp = HOME / ".made"
    if not stamp.exists() or stamp.stat().st_mtime < WANTED.stat().st_mtime:
        print("installing the peers in bench/.venvs/peers", file=sys.stderr)
        venv.create(HOME, with_pip=True)
        subprocess.run([found, "-m", "pip", "install", "--quiet", "-r", WANTED], check=True)
        stamp.touch()
    return found


def ask(program: str, *arguments: object) -> dict[str, Any]:
    """What a peer's program found; it runs in its own process with its own companions."""
    print(f"  {program} {' '.join(str(a) for a in arguments[1:])}", file=sys.stderr, flush=True)
    done = subprocess.run(
        [python(), HERE / f"{program}.py", *map(str, arguments)], check=True, capture_output=True, text=True
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def versions() -> dict[str, str]:
    """Name to version of the pinned peers."""
    lines = [line.split("==") for line in WANTED.read_text().splitlines() if "==" in line]
    return dict(lines)  # type: ignore[arg-type]
