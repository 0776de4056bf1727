"""The common look of every chart: colours that html.css turns into their dark twins, one type face, few lines."""

from __future__ import annotations

from typing import Any, Final

# The style sheet names each of these once more, with its dark twin: change both.
INK: Final = "#1a1d21"
QUIET: Final = "#5a6069"
LINE: Final = "#d9d5cb"
ACCENT: Final = "#0b5c6b"
WASH: Final = "#c9dfe3"
UNMET: Final = "#a3281f"
SERIES: Final = (ACCENT, "#a3281f", "#8a5a00", "#5b3e8e", "#1f6b3a", "#5a6069")
DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [1, 3])

WIDTH: Final = 330  # fits a telephone without shrinking the letters; wide pages stand two or three side by side
SQUARE_HEIGHT: Final = 300
FONT: Final = "IBM Plex Sans"

_CONFIG: Final[dict[str, Any]] = {
    "font": FONT,
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": QUIET,
        "titleColor": QUIET,
        "labelFontSize": 12,
        "titleFontSize": 12.5,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": LINE,
        "domainColor": QUIET,
        "tickColor": QUIET,
        "labelPadding": 4,
    },
    "legend": {
        "orient": "bottom",
        "labelColor": INK,
        "labelFontSize": 12,
        "title": None,
        "symbolStrokeWidth": 2,
        "symbolSize": 220,
        "columns": 2,
        "labelLimit": 130,
        "padding": 0,
        "offset": 6,
    },
    "text": {"font": FONT, "fontSize": 12},
}


def chart(layers: list[dict[str, Any]], *, height: float = SQUARE_HEIGHT, **more: Any) -> dict[str, Any]:
    """A layered chart of the common width; the whole of it, axes included, is WIDTH by `height`."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "width": WIDTH,
        "height": height,
        "padding": 4,
        "autosize": {"type": "fit", "contains": "padding"},
        "config": _CONFIG,
        "layer": layers,
        **more,
    }


def values(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Inline data: a chart never names a place to fetch from."""
    return {"values": rows}
