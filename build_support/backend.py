"""The build: setuptools, plus a C compiler brought along as a wheel where the machine has none.

Wheels carry the compiled kernel. A source build needs `cc`, `gcc` or `clang`; without one, pip installs `ziglang`
(a C compiler as a wheel) for the build and forgets it afterwards.
"""

from __future__ import annotations

import os
import shutil
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 (the other hooks are setuptools' own)

COMPILERS = ("cc", "gcc", "clang")


def _compiler_needed() -> list[str]:
    named = os.environ.get("CC")
    return [] if named or any(shutil.which(name) for name in COMPILERS) else ["ziglang==0.17.0"]


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """What building a wheel needs."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_compiler_needed()]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """What an editable install needs."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_compiler_needed()]
