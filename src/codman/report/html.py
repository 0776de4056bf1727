"""A Document as one HTML file: nothing fetched, nothing run, fonts and drawings inside."""

from __future__ import annotations

import base64
import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from codman.errors import MissingExtra
from codman.report import charts
from codman.report.document import Document

TEMPLATES: Final = Path(__file__).parent / "templates"
_FACES: Final = (  # the split files of the type face: Latin, and the signs ✓ ≥ →
    ("IBMPlexSans-Regular-Latin1.woff2", 400, "U+0000-024F, U+2000-206F, U+20A0-20BF, U+2122"),
    ("IBMPlexSans-Regular-Pi.woff2", 400, "U+2070-209F, U+2100-2121, U+2123-27BF"),
    ("IBMPlexSans-SemiBold-Latin1.woff2", 600, "U+0000-024F, U+2000-206F, U+20A0-20BF, U+2122"),
    ("IBMPlexSans-SemiBold-Pi.woff2", 600, "U+2070-209F, U+2100-2121, U+2123-27BF"),
)


def render(document: Document) -> bytes:
    """The report as UTF-8 HTML.

    Raises:
        MissingExtra: jinja2 or vl-convert is not installed.
    """
    _need_jinja()
    drawings = charts.draw(document.figures)
    return page(
        "report.html",
        document=document,
        svg=lambda figure: _trusted(
            charts.labelled(drawings[figure.key], {"role": "img", "aria-label": figure.alt, "class": "chart"})
        ),
    )


def page(template: str, **shown: Any) -> bytes:
    """A template of this room as one UTF-8 file, its letters, its style and its policy inside.

    Args:
        template: Its name; a style sheet of the same name stands behind the reports' own.
        shown: What else the template names.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    _need_jinja()
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    sheets = [TEMPLATES / "report.css", (TEMPLATES / template).with_suffix(".css")]
    style = _faces() + "".join(sheet.read_text("utf-8") for sheet in dict.fromkeys(sheets) if sheet.is_file())
    made = environment.get_template(template).render(style=_trusted(style), policy=content_policy(style), **shown)
    return made.encode("utf-8")


def _need_jinja() -> None:
    if find_spec("jinja2") is None:
        raise MissingExtra("report", "jinja2")


def content_policy(style: str) -> str:
    """A policy under which the file may show its own drawings, letters and one style sheet, and do nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    inside = "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; {inside}"


def _faces() -> str:
    rules = []
    for name, weight, letters in _FACES:
        data = base64.b64encode((charts.FONTS / name).read_bytes()).decode("ascii")
        rules.append(
            f'@font-face{{font-family:"IBM Plex Sans";font-weight:{weight};unicode-range:{letters};'
            f"src:url(data:font/woff2;base64,{data}) format('woff2')}}"
        )
    return "\n".join(rules) + "\n"


def _trusted(text: str) -> Any:
    """Our own style sheet and cleaned drawings, which must not be escaped once more."""
    import markupsafe

    return markupsafe.Markup(text)  # noqa: S704 (never a statement's words: those stand escaped inside the drawing)
