"""The peers' own environments, made when they are first needed, and how they are asked.

One holds most of them; a peer whose companions would not go with theirs has its own, named by its requirements file:
bench/<name>-requirements.txt.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEERS = "peers"


def _wanted(environment: str) -> Path:
    return HERE.parent / f"{environment}-requirements.txt"


def python(environment: str = PEERS) -> Path:
    """The interpreter that has the peers; installs them once."""
    home, wanted = HERE.parent / ".venvs" / environment, _wanted(environment)
    found, stamp = home / "bin" / "python", home / ".made"
    if not stamp.exists() or stamp.stat().st_mtime < wanted.stat().st_mtime:
        print(f"installing the peers in bench/.venvs/{environment}", file=sys.stderr)
        venv.create(home, with_pip=True)
        subprocess.run([found, "-m", "pip", "install", "--quiet", "-r", wanted], check=True)
        stamp.touch()
    return found


def ask(program: str, *arguments: object, environment: str = PEERS) -> dict[str, Any]:
    """What a peer's program found; it runs in its own process with its own companions."""
    print(f"  {program} {' '.join(str(a) for a in arguments[1:])}", file=sys.stderr, flush=True)
    done = subprocess.run(
        [python(environment), HERE / f"{program}.py", *map(str, arguments)], check=True, capture_output=True, text=True
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def versions(environment: str = PEERS) -> dict[str, str]:
    """Name to version of the pinned peers."""
    lines = [line.split("==") for line in _wanted(environment).read_text().splitlines() if "==" in line]
    return dict(lines)  # type: ignore[arg-type]
