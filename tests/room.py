"""Where tests write: in memory where there is enough, for they make and remove hundreds of thousands of files."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 (folders in it are made by tempfile, for this user alone)
_ENOUGH: Final = 8 * 2**30


def folder() -> Path:
    """The folder that temporary ones are made in."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ENOUGH:
        return _MEMORY
    return Path(tempfile.gettempdir())


def use_memory() -> None:
    """Have pytest make its temporary folders there, unless somebody said where."""
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(folder()))
