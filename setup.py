"""Compiles */kernels/*.c into one shared library a room, loaded by ctypes: one wheel serves every Python version."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOMS = ("evaluate", "monitor")
SHARED = Path("src/codman/evaluate/kernels")  # kernels.h
FLAGS = [
    "-O3",
    "-std=c11",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-fno-math-errno",
    "-ffp-contract=off",  # the same bits on every machine: `codman reproduce` compares to the last one
]


def compiler() -> list[str]:
    """The command that compiles C here."""
    if named := os.environ.get("CC"):
        return named.split()
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return [found]
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    sys.exit("no C compiler: install gcc or clang, or `pip install ziglang`, then build again")


class BuildKernels(build_ext):
    """One shared library without a Python ABI in its name."""

    def get_ext_filename(self, fullname: str) -> str:
        """codman/<room>/kernels/_kernels.so, whatever the Python."""
        return str(Path(*fullname.split("."))) + ".so"

    def build_extension(self, ext: Extension) -> None:
        """Call the C compiler."""
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        sources = [str(path) for path in ext.sources]
        fresh = target.with_name(target.name + ".new")
        subprocess.run([*compiler(), *FLAGS, f"-I{SHARED}", *sources, "-o", str(fresh), "-lm"], check=True)
        fresh.replace(target)


class AnyPythonWheel(bdist_wheel):
    """The library does not use Python's ABI, so only the platform matters."""

    def get_tag(self) -> tuple[str, str, str]:
        """py3-none-<platform>."""
        return "py3", "none", super().get_tag()[2]


setup(
    ext_modules=[
        Extension(
            f"codman.{room}.kernels._kernels",
            sources=sorted(str(path) for path in Path(f"src/codman/{room}/kernels").glob("*.c")),
            depends=sorted(str(path) for path in SHARED.glob("*.h")),
        )
        for room in ROOMS
    ],
    cmdclass={"build_ext": BuildKernels, "bdist_wheel": AnyPythonWheel},
)
