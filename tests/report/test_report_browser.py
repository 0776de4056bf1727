"""The report in a real browser: accessible, nothing cut at 320 pixels, nothing fetched. Needs Chromium."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_cohort as made

from codman.report.make import write_report
from in_chromium import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    verdict = {
        "policy": "high-risk-prediction",
        "edition": "2026-11",
        "outcome": "not-met",
        "verified": False,
        "results": [
            {"id": "a", "outcome": "met", "sentence": "AUROC is 0.81.", "evidence": None},
            {"id": "b", "outcome": "not-met", "sentence": "Sensitivity is 0.61.", "evidence": None},
            {"id": "c", "outcome": "inconclusive", "sentence": "The interval straddles the limit.", "evidence": None},
        ],
    }
    write_report(made.written(folder, made.statement()), folder / "x.html", verdict=verdict)
    return folder / "x.html"


def _axe() -> str | None:
    """axe-core's script: where CODMAN_AXE says, else inside the Python package that carries it."""
    named = os.environ.get("CODMAN_AXE")
    if named:
        return Path(named).read_text("utf-8")
    try:
        import axe_playwright_python
    except ImportError:
        return None
    return next(Path(axe_playwright_python.__file__).parent.glob("axe*.js")).read_text("utf-8")


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_axe_finds_nothing_wrong(browser: Any, report: Path, width: int, scheme: str) -> None:
    axe = _axe()
    if axe is None:
        pytest.skip("axe-core is not there: set CODMAN_AXE to axe.min.js")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(report.as_uri())
    page.evaluate(axe)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    # of a long table the first and the last rows: those between are like them
    page.evaluate("document.querySelectorAll('tbody').forEach(b => [...b.rows].slice(15, -5).forEach(r => r.remove()))")
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']})"
    )
    page.close()
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found["violations"]] == []
    assert len(found["passes"]) > 20


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_the_page_itself_never_scrolls_sideways(browser: Any, report: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_letters_in_drawings_stay_readable_on_a_telephone(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 900})
    page.goto(report.as_uri())
    heights = page.evaluate(
        "[...document.querySelectorAll('svg.chart text')].filter(t => t.textContent.trim()).map(t => {"
        "const turned = t.getScreenCTM();"
        "return parseFloat(getComputedStyle(t).fontSize) * Math.hypot(turned.a, turned.b)})"
    )
    page.close()
    assert heights
    assert min(heights) >= 8


def test_drawings_turn_dark_with_the_page(browser: Any, report: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(report.as_uri())
        colours.append(page.evaluate("getComputedStyle(document.querySelector('svg.chart text')).fill"))
        page.close()
    assert colours[0] != colours[1]


def test_printing_shows_what_the_screen_folds_away(browser: Any, report: Path, tmp_path: Path) -> None:
    from pypdf import PdfReader

    page = browser.new_page()
    page.goto(report.as_uri())
    page.pdf(path=str(tmp_path / "printed.pdf"), prefer_css_page_size=True)
    page.close()
    text = " ".join(p.extract_text() for p in PdfReader(tmp_path / "printed.pdf").pages)
    assert "All measurements: everyone" in " ".join(text.split())
    assert "What it shows, in words and numbers" not in text


class _Canary(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_hostile_statement_makes_nobody_fetch_or_run_anything(browser: Any, tmp_path: Path) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Canary)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{server.server_port}"
    evil = [
        f"<script src='{at}/script'></script><img src='{at}/img'><link rel=stylesheet href='{at}/css'>",
        f'"}}]}},"data":{{"url":"{at}/data.json"}},"x":{{"a":[{{"b":"',
    ]
    data = made.cohort(400)
    data["sex"] = np.array([evil[0] if s == "F" else evil[1] for s in data["sex"]])
    statement = made.statement(
        data=data,
        by=[["sex"]],
        product=evil[0],
        use=f"url({at}/css-url) $data.url datum.url {{{{ '{at}' }}}}",
        note=f'<svg onload="fetch(\'{at}/svg\')"> #image("{at}/typst.png") #import "@preview/x:1.0.0"',
    )
    path = made.written(tmp_path, statement)
    write_report(path, tmp_path / "x.html")
    write_report(path, tmp_path / "x.pdf")
    page = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto((tmp_path / "x.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.wait_for_timeout(300)
    page.close()
    server.shutdown()
    assert server.asked == []  # type: ignore[attr-defined]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []


def test_even_a_chart_that_names_a_place_is_refused_before_anything_is_fetched() -> None:
    from codman.report.chart_worker import draw

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Canary)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    spec = {"data": {"url": f"http://127.0.0.1:{server.server_port}/rows.json"}, "mark": "point"}
    with pytest.raises(ValueError, match="may not name 'url'"):
        draw({"charts": {"x": spec}})
    server.shutdown()
    assert server.asked == []  # type: ignore[attr-defined]
