"""Charts drawn and cleaned: specifications go to the worker process, plain SVG comes back.

Only drawing survives the cleaning: no script, no link, no style, no reference that leaves the file.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from codman.errors import CodmanError, MissingExtra
from codman.report.document import Figure

FONTS: Final = Path(__file__).parent / "fonts"
TIME_LIMIT_S: Final = 120.0
_SVG: Final = "http://www.w3.org/2000/svg"
_KEPT: Final = frozenset({"svg", "g", "path", "line", "rect", "circle", "ellipse", "text", "tspan", "defs", "clipPath"})
_KEPT_ATTRIBUTES: Final = frozenset(
    {
        "viewBox",
        "d",
        "x",
        "y",
        "x1",
        "y1",
        "x2",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "width",
        "height",
        "transform",
        "fill",
        "fill-opacity",
        "stroke",
        "stroke-width",
        "stroke-dasharray",
        "stroke-dashoffset",
        "stroke-opacity",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-miterlimit",
        "opacity",
        "text-anchor",
        "font-family",
        "font-size",
        "font-weight",
        "font-style",
        "clip-path",
        "id",
        "display",
    }
)
_REFERENCE: Final = re.compile(r"url\(\s*['\"]?#([\w-]+)['\"]?\s*\)")
_PASSED_ON: Final = ("PATH", "PYTHONPATH", "SYSTEMROOT", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class ChartsFailed(CodmanError):
    """The worker that draws charts failed or took too long."""

    exit_code = 2

    def __init__(self, why: str) -> None:
        super().__init__(
            what="the charts could not be drawn",
            why=why,
            fix="check the installed version: pip install --upgrade 'codman[report]'",
        )


def draw(figures: Sequence[Figure], *, time_limit_s: float = TIME_LIMIT_S) -> dict[str, str]:
    """SVG of every figure, by key; one worker draws them all.

    Raises:
        MissingExtra: The converter is not installed.
        ChartsFailed: The worker failed, or took longer than `time_limit_s`.
    """
    if not figures:
        return {}
    request = json.dumps({"fonts": str(FONTS), "charts": {figure.key: figure.spec for figure in figures}})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "codman.report.chart_worker"],
            input=request,
            capture_output=True,
            encoding="utf-8",
            timeout=time_limit_s,
            env={**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ChartsFailed(f"the worker did not finish within {time_limit_s:g} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        if "No module named 'vl_convert'" in last:
            raise MissingExtra("report", "vl-convert-python")
        raise ChartsFailed(last)
    drawn: Mapping[str, str] = json.loads(done.stdout)
    return {key: clean(svg, prefix=f"c{i}-") for i, (key, svg) in enumerate(drawn.items())}


def clean(svg: str, *, prefix: str) -> str:
    """The drawing alone: known shapes and attributes, identifiers that cannot meet another chart's."""
    root = ET.fromstring(svg)  # noqa: S314 (our own worker's output)
    width, height = root.get("width", "0"), root.get("height", "0")
    _clean(root, prefix)
    root.set("viewBox", root.get("viewBox", f"0 0 {width} {height}"))
    ET.register_namespace("", _SVG)
    return ET.tostring(root, encoding="unicode")


def _clean(node: ET.Element, prefix: str) -> None:
    for child in list(node):
        shape = child.tag.removeprefix(f"{{{_SVG}}}") if isinstance(child.tag, str) else ""
        if shape not in _KEPT or (_draws_nothing(child) and node.tag.removeprefix(f"{{{_SVG}}}") != "clipPath"):
            node.remove(child)
        else:
            _clean(child, prefix)
    for name in list(node.attrib):
        value = node.attrib[name]
        if name not in _KEPT_ATTRIBUTES or ("url(" in value and not _REFERENCE.fullmatch(value.strip())):
            del node.attrib[name]
        elif name == "id":
            node.attrib[name] = prefix + value
        elif "url(" in value:
            node.attrib[name] = _REFERENCE.sub(lambda found: f"url(#{prefix}{found[1]})", value)


def _draws_nothing(node: ET.Element) -> bool:
    """Vega leaves an empty path behind each group; without them the file is a third smaller."""
    if node.get("display") == "none":
        return True
    if node.tag.removeprefix(f"{{{_SVG}}}") != "path" or len(node):
        return False
    return node.get("d", "") in ("", "M0,0h0v0h0Z") or (not node.get("stroke") and not node.get("fill"))


def labelled(svg: str, attributes: Mapping[str, Any]) -> str:
    """The drawing with more attributes on its outermost element; values are escaped."""
    root = ET.fromstring(svg)  # noqa: S314 (already cleaned)
    for name, value in attributes.items():
        root.set(name, str(value))
    ET.register_namespace("", _SVG)
    return ET.tostring(root, encoding="unicode")
