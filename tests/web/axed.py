"""A page looked at by axe in four modes, light and dark at 320 and 1280 pixels, and nothing of it cut.

The page is opened once and turned from mode to mode. Every rule is asked at both widths; what axe judges by the scheme
is colours alone, so that in the other scheme of each width only those rules are asked again.
"""

from __future__ import annotations

from typing import Any

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# what is folded is looked at too; of sixty alike the first fifteen, and of a long table the first and the last rows
OF_MANY_ALIKE = """
[...document.querySelectorAll('details')].slice(0, 15).forEach(one => one.open = true);
[...document.querySelectorAll('tbody')].forEach(body => [...body.rows].slice(15, -5).forEach(row => row.remove()));
"""
OF_COLOUR = ["color-contrast", "link-in-text-block"]


def violations(page: Any, axe: str) -> list[Any]:
    """What axe finds wrong by every rule."""
    page.evaluate(axe)
    page.evaluate(OF_MANY_ALIKE)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    assert len(found["passes"]) > 15
    return _said(found)


def looked_at(browser: Any, axe: str, address: str, *, status: int | None = 200) -> None:
    """Open a page and look at it in four modes.

    Args:
        browser: Chromium.
        axe: The script.
        address: The page's.
        status: What it must answer; None is anything.
    """
    # without transitions: a colour looked at on its way to another is neither
    page = browser.new_page(viewport={"width": 320, "height": 900}, color_scheme="dark", reduced_motion="reduce")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    answer = page.goto(address)
    assert status is None or answer.status == status, answer.status
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(page, axe) == [], (320, "dark")
    for width, scheme in ((320, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        assert _again(page) == [], (width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.emulate_media(color_scheme="light")
    assert violations(page, axe) == [], (1280, "light")
    assert [text for text in said if "404" not in text] == []
    page.close()


def _again(page: Any) -> list[Any]:
    ask = "rules => axe.run(document, {runOnly: {type: 'rule', values: rules}})"
    return _said(page.evaluate(ask, OF_COLOUR))


def _said(found: dict[str, Any]) -> list[Any]:
    return [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found["violations"]]
