"""The page of source attributes in a real browser: accessible, nothing cut, nothing lost on paper. Needs Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from book import Book, signed

from codman.flows.filing import file_evidence
from codman.flows.generated import generate
from codman.spine.measurement import Measurement
from in_chromium import chromium

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attributes")
    book = Book(folder)
    groups = [("sex", "F", 500, 60), ("sex", "M", 500, 40), ("race", "A group of ten", 60, 10), ("race", "B", 940, 90)]
    numbers = [
        Measurement(metric="auroc", slice={c: g} if c else {}, value=0.8, lower=0.7, upper=0.9, level=0.95, n=n,
                    positives=p, method="delong-logit")
        for c, g, n, p in (("", "", 1000, 100), *groups)
    ]  # fmt: skip
    file_evidence(book.house, signed(book.registered("pipeline"), measurements=numbers), book.officer)
    out = folder / "page.html"
    out.write_bytes(generate(book.house, book.officer, "ward", "hti-1", ".html").body)
    book.house.close()
    return out


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_axe_finds_nothing_wrong_and_nothing_is_cut(browser: Any, page_file: Path, width: int, scheme: str) -> None:
    package = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    axe = next(Path(package.__file__).parent.glob("axe*.js")).read_text("utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(page_file.as_uri())
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)

    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_paper_shows_every_attribute_and_every_number(browser: Any, page_file: Path, tmp_path: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    page = browser.new_page()
    page.goto(page_file.as_uri())
    page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    page.close()
    text = " ".join("".join(one.extract_text() for one in pypdf.PdfReader(tmp_path / "page.pdf").pages).split())

    assert text.count("Whose word") == 44
    assert "0.800 (0.700 to 0.900)" in text
    assert "race A group of ten" in text
