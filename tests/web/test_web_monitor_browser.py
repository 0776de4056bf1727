"""Pages of monitoring in a real browser: axe in four modes, nothing cut, what is drawn stands in a table too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axed import looked_at

from codman.flows.house import House
from codman.registry import governance


@pytest.fixture(scope="module")
def axe() -> str:
    package = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    return next(Path(package.__file__).parent.glob("axe*.js")).read_text("utf-8")


def addresses(hospital: House) -> dict[str, str]:
    with hospital.database.reading() as connection:
        (incident,) = governance.every(connection, "incident")
    return {
        "home": "/monitor",
        "use": f"/uses/{incident.use}/monitor",
        "incident": f"/monitor/incidents/{incident.id}",
        "step": f"/monitor/incidents/{incident.id}/snooze",
    }


@pytest.mark.parametrize("which", ["home", "use", "incident", "step"])
def test_nothing_hinders_anybody_and_nothing_is_cut(
    browser: Any, served: str, axe: str, hospital: House, which: str
) -> None:
    looked_at(browser, axe, served + addresses(hospital)[which])


def test_every_number_that_is_drawn_stands_in_the_table_below_it(browser: Any, served: str, hospital: House) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served + addresses(hospital)["use"])

    panel = page.locator("figure.panel").first
    marks = panel.locator("svg.windows .sign").count()
    panel.locator("summary").click()
    cells = [text for text in panel.locator("tbody td.num").all_inner_texts() if "(" in text]

    assert panel.locator("svg.windows").get_attribute("aria-label").startswith("AUROC: estimated")
    assert marks == len(cells) > 0
    context.close()
