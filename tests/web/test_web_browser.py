"""Every page in a real browser, scripts off: accessible, nothing cut at 320 pixels, reachable by keyboard alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axed import looked_at
from sqlalchemy import select

from codman.flows.house import House
from codman.registry.schema import statements, uses
from codman.registry.schema_review import change_plans, concerns, expected_reports, intakes, pause_proposals
from codman.spine.pausing import PauseState

PAGES = [
    "/",
    "/inventory",
    "/inventory?stage=live&q=risk",
    "/inventory?q=nothing-fits-this",
    "/attention",
    "/coverage",
    "/uses/{use}",
    "/uses/{use}/coverage",
    "/uses/{use}/triage",
    "/intakes",
    "/intakes/{intake}",
    "/intakes/{mine}",
    "/intakes/{mine}/pages/use",
    "/intakes/{mine}/pages/decision",
    "/uses/{use}/documents",
    "/uses/{use}/controls",
    "/uses/{use}/stage",
    "/controls?framework=nist-ai-rmf",
    "/policies",
    "/policies/imaging-triage",
    "/frameworks/nist-ai-rmf",
    "/reviews",
    "/reviews/new",
    "/reviews/new?use={use}&checkpoint=validation",
    "/uses/{use}/edit",
    "/uses/{use}/reports",
    "/reports/{report}",
    "/schedules/{schedule}/edit",
    "/uses/{changed}",
    "/uses/{changed}/changes",
    "/uses/{changed}/changes?changed=version&to=as%20found%20today",
    "/uses/{changed}/plans/new",
    "/plans/{plan}",
    "/pauses/{pause}/confirm",
    "/pauses/{pause}/decline",
    "/uses/{use}/sites",
    "/uses/{use}/sites/new",
    "/uses/new",
    "/reports",
    "/schedules/new?use={use}",
    "/products/{product}",
    "/products/new",
    "/versions/new",
    "/deployments/new?use={use}",
    "/documents/new?about_kind=use&about={use}",
    "/concern",
    "/concern/sent/{concern}",
    "/incidents",
    "/incidents/{concern}",
    "/incidents/{concern}/actions",
    "/uses/{use}/posters",
    "/evidence",
    "/evidence/{digest}",
    "/people",
    "/people/person-demo-owner-01",
    "/people/new",
    "/grants/new",
    "/sites",
    "/sites/new",
    "/vendors",
    "/vendors/vendor-demo-01",
    "/vendors/new",
    "/keys",
    "/keys/new",
    "/audit",
    "/audit/40",
    "/audit/erasures",
    "/status",
    "/account",
    "/account/tokens/new",
    "/invitations",
    "/emergency",
    "/sign-in",
    "/nowhere",
]


@pytest.fixture(scope="module")
def named(hospital: House) -> dict[str, str]:
    with hospital.database.reading() as connection:
        digest = (
            connection.execute(
                select(statements.c.digest).where(statements.c.kind == "evaluation").order_by(statements.c.digest)
            )
            .scalars()
            .first()
        )
        use = connection.execute(
            select(uses.c.id, uses.c.product).where(uses.c.stage == "live").order_by(uses.c.id)
        ).first()
        grave = connection.execute(select(concerns.c.id).where(concerns.c.clock.is_not(None))).scalars().first()
        intake = str(connection.execute(select(intakes.c.id).order_by(intakes.c.id)).scalars().first())
        mine = select(intakes.c.id).where(intakes.c.owner == "person-demo-officer-01")
        mine_id = str(connection.execute(mine).scalars().first())
        due = select(expected_reports.c.id, expected_reports.c.schedule).where(expected_reports.c.state == "due")
        report = connection.execute(due.order_by(expected_reports.c.id)).first()
        plan = connection.execute(select(change_plans.c.id, change_plans.c.use)).one()
        waits = (pause_proposals.c.use == plan.use) & (pause_proposals.c.state == PauseState.OPEN.value)
        pause = str(connection.execute(select(pause_proposals.c.id).where(waits)).scalar_one())
    assert use is not None
    assert report is not None
    changed = {"plan": plan.id, "changed": plan.use, "pause": pause}
    return changed | {
        "intake": intake,
        "mine": mine_id,
        "report": report.id,
        "schedule": report.schedule,
        "digest": str(digest),
        "use": use.id,
        "product": use.product,
        "concern": str(grave),
    }


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_wrong_and_nothing_is_cut(
    browser: Any, served: str, named: dict[str, str], axe: str, path: str
) -> None:
    looked_at(browser, axe, served + path.format(**named), status=404 if path == "/nowhere" else 200)


@pytest.mark.parametrize("path", ["/inventory", "/uses/{use}", "/uses/{use}/edit", "/keys"])
def test_what_one_presses_is_large_enough(browser: Any, served: str, named: dict[str, str], path: str) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 900})
    page.goto(served + path.format(**named))
    small = page.evaluate(
        "[...document.querySelectorAll("
        "'nav a, button, input:not([type=hidden]), select, textarea, summary, .facets a')]"
        ".filter(e => e.checkVisibility()).map(e => [e.textContent.trim().slice(0, 30), e.getBoundingClientRect()])"
        ".filter(([, box]) => box.height > 0 && box.height < 24).map(([text, box]) => [text, box.height])"
    )
    page.close()
    assert small == []


def test_a_use_is_found_and_changed_with_scripts_off(browser: Any, served: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served}/inventory")
    page.get_by_label("Search names, purposes, products and vendors").fill("sepsis")
    page.get_by_role("button", name="Search").click()
    assert "fit" in page.locator("main > p.lead").first.inner_text()
    page.locator("tbody th a").first.click()
    assert page.locator("h1").count() == 1
    page.get_by_role("link", name="Change this use").click()
    page.get_by_label("Name of the use").fill("")
    page.get_by_role("button", name="Keep the change").click()
    assert "needs another look" in page.get_by_role("alert").inner_text()
    context.close()


def test_the_keyboard_reaches_the_content_the_search_and_the_first_use(browser: Any, served: str) -> None:
    page = browser.new_page()
    page.goto(f"{served}/inventory")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.getAttribute('href') || ''"))
        if str(reached[-1]).startswith("/uses/"):
            break
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", reached[-1]
    page.close()
    assert "q" in reached
    assert str(reached[-1]).startswith("/uses/")


def test_an_error_summary_is_where_the_reader_is_after_a_refused_form(browser: Any, served: str) -> None:
    page = browser.new_page()
    page.goto(f"{served}/products/new")
    page.get_by_role("button", name="Add it").click()
    assert page.title().startswith("Error: ")
    assert page.evaluate("document.activeElement.id") == "problems"
    page.get_by_role("alert").get_by_role("link").first.click()
    assert page.evaluate("document.activeElement.id") == "f-name"
    page.close()


def test_a_printed_use_has_its_words_and_not_its_buttons(
    browser: Any, served: str, named: dict[str, str], tmp_path: Path
) -> None:
    from pypdf import PdfReader

    page = browser.new_page()
    page.goto(f"{served}/uses/{named['use']}")
    page.pdf(path=str(tmp_path / "use.pdf"), prefer_css_page_size=True)
    page.close()
    text = " ".join(" ".join(p.extract_text() for p in PdfReader(tmp_path / "use.pdf").pages).split())
    assert "What it is for" in text
    assert "My work" not in text
