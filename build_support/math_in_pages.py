"""A mkdocs hook: formulas become MathML while the site is built, so that pages need no script and no network."""

from __future__ import annotations

import re
from typing import Any

from latex2mathml.converter import convert

_FORMULA = re.compile(r"\\\((.+?)\\\)", re.DOTALL)
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    r"""Put each \(…\) aside, before Markdown can read its underscores as emphasis."""
    page.formulas = []

    def aside(match: re.Match[str]) -> str:
        formula = match[1].replace(r"\displaystyle", "")
        large = ' displaystyle="true"' if formula != match[1] else ""
        page.formulas.append(convert(formula).replace("<math ", f"<math{large} ", 1))
        return f"formula{len(page.formulas) - 1}aside"

    kept: list[str] = []
    text = _CODE.sub(lambda m: kept.append(m[0]) or f"\0{len(kept) - 1}\0", markdown)
    text = _FORMULA.sub(aside, text)
    return re.sub(r"\0(\d+)\0", lambda m: kept[int(m[1])], text)


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put the formulas back as MathML."""
    return re.sub(r"formula(\d+)aside", lambda m: page.formulas[int(m[1])], html)
