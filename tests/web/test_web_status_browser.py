"""The status page with something wrong on it, in a real browser: light and dark, narrow and wide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from axed import looked_at

from codman.flows.house import House
from codman.flows.outbox import deliver_due, tell
from codman.flows.schedule import run_scheduled
from codman.jobs.notice import Notice
from codman.jobs.notifier import Message, NotAccepted
from codman.registry.access import Held, Reader
from codman.registry.log import SYSTEM
from codman.spine.person import Role
from codman.web.app import make_web
from on_a_port import on_a_port


class FakeNotifier:
    """Refuses everything."""

    def send(self, message: Message) -> str | None:
        raise NotAccepted(f"the receiver answered with status 550 to try {message.attempt}")


@pytest.fixture
def status(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The page, with two messages given up and a job that fails."""
    with house.database.changing(SYSTEM) as change:
        for name in ("ann", "bob"):
            tell(
                change,
                "mail",
                f"{name}@example.org",
                Notice(event="condition.due", title="A condition", text="Due"),
                name,
            )
    deliver_due(replace(house, notifiers={"mail": FakeNotifier()}))
    with monkeypatch.context() as broken:
        broken.setattr("codman.flows.schedule.send_digests", lambda *_of: 1 / 0)
        run_scheduled(house)
    app = make_web(house)
    app.state.reader_of = lambda _request: Reader(
        person="person-admin", name="Administrator 1", held=(Held(Role.ADMIN),)
    )
    with on_a_port(app) as address:
        yield f"{address}/status"


def test_what_failed_is_shown_to_everybody_and_dropped_with_scripts_off(browser: Any, status: str, axe: str) -> None:
    looked_at(browser, axe, status)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(status)
    page.locator("summary", has_text="ann@example.org").click()
    page.get_by_label("Why it need not be sent").last.fill("She has left the hospital")
    page.get_by_role("button", name="Drop it for good").last.click()
    page.get_by_text("1 message given up").wait_for()  # until it is there: the page has been asked for anew
    page.get_by_role("button", name="Try now").click()
    context.close()
