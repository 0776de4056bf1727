"""Draw charts in a process of its own: `python -m codman.report.chart_worker`, specifications in, SVG out.

A process, because the converter holds a JavaScript engine and the interpreter's lock; its own, because it can be
stopped. It may fetch nothing: no address is allowed, and a specification that names one is refused.
Standard input: {"fonts": folder, "charts": {key: Vega-Lite specification}}. Standard output: {key: SVG}.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Final

_NAMES_A_PLACE: Final = frozenset({"url", "href", "loader", "lookup"})
# SVG is XML 1.0, which has no way to write these; the converter dies on them
_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def draw(request: dict[str, Any]) -> dict[str, str]:
    """SVG of every chart asked for."""
    import vl_convert

    if request.get("fonts"):
        vl_convert.register_font_directory(request["fonts"])
    drawn = {}
    for key, spec in request["charts"].items():
        refuse_places(spec)
        drawn[key] = vl_convert.vegalite_to_svg(writable(spec), vl_version="5.21", allowed_base_urls=[])
    return drawn


def writable(part: Any) -> Any:
    """The same specification with � for every character that a picture cannot hold: group names come from files."""
    if isinstance(part, str):
        return _UNWRITABLE.sub("�", part)
    if isinstance(part, dict):
        return {name: writable(inner) for name, inner in part.items()}
    if isinstance(part, list):
        return [writable(inner) for inner in part]
    return part


def refuse_places(part: Any) -> None:
    """Stop on a specification that names a place to fetch from, wherever it stands.

    Raises:
        ValueError: There is one. Values of data are text and are not looked into.
    """
    if isinstance(part, dict):
        for name, inner in part.items():
            if name in _NAMES_A_PLACE:
                raise ValueError(f"a chart may not name {name!r}")
            if name != "values":
                refuse_places(inner)
    elif isinstance(part, list):
        for inner in part:
            refuse_places(inner)


if __name__ == "__main__":
    json.dump(draw(json.load(sys.stdin)), sys.stdout)
