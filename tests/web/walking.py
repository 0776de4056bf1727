"""Walking through a served house: the demo hospital, its people before a browser with scripts off, and a build."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from codman.cli.serving import application
from codman.flows.demo.hospital import load_hospital
from codman.flows.house import House
from codman.flows.rounds import look_for_changes
from codman.flows.schedule import run_scheduled
from codman.registry.accounts_passwords import Passwords
from codman.registry.accounts_people import set_password
from codman.registry.log import SYSTEM
from codman.registry.nouns import PEOPLE
from codman.settings import Settings
from codman.wiring import open_house
from door import PASSWORD
from on_a_port import on_a_port


@dataclass
class Clock:
    """The house's time: the world's, put forward by what the test lets pass."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def later(self, **by: float) -> None:
        self.ahead += timedelta(**by)

    def day(self, days: int) -> str:
        return (self() + timedelta(days=days)).date().isoformat()

    def spoken(self) -> str:
        return f"{self().day} {self():%b %Y}"


@dataclass
class Hospital:
    """The demo hospital, served, and the browser people reach it with."""

    house: House
    clock: Clock
    address: str
    browser: Any
    emails: dict[str, str]
    people: dict[str, Visitor] = field(default_factory=dict)

    def as_(self, who: str | None) -> Visitor:
        """Somebody of the demo hospital, signed in by password; None is somebody without an account."""
        if who is None:
            return Visitor(self._page())
        if who not in self.people:
            page = self._page()
            page.goto(f"{self.address}/sign-in")
            self.people[who] = Visitor(page)
            self.people[who].sign_in(self.emails[who])
        return self.people[who]

    def pass_days(self, days: int) -> None:
        """Days go by: sessions end, and the rounds of the server do their work."""
        self.clock.later(days=days)
        self.people.clear()
        self.rounds()

    def rounds(self) -> None:
        """What the server does by itself every few seconds."""
        look_for_changes(self.house)
        run_scheduled(self.house)

    def _page(self) -> Any:
        return self.browser.new_context(java_script_enabled=False, base_url=self.address).new_page()


@dataclass
class Visitor:
    """One person before a browser."""

    page: Any

    def sign_in(self, email: str) -> None:
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Sign in")

    def open(self, path: str) -> Visitor:
        answer = self.page.goto(path)
        assert answer.status == 200, f"{path}: {answer.status}\n{self.text}"
        return self

    @property
    def text(self) -> str:
        return " ".join(self.page.locator("main").inner_text().split())

    @property
    def path(self) -> str:
        return str(re.sub(r"^https?://[^/]+", "", self.page.url)).split("#")[0]

    def reads(self, *words: str) -> Visitor:
        for one in words:
            assert one in self.text, f"{one!r} is not on {self.page.url}:\n{self.text}"
        return self

    def press(self, name: str) -> Visitor:
        self.page.get_by_role("button", name=_spoken(name)).first.click()
        return self._arrived()

    def follow(self, name: str) -> Visitor:
        self.page.get_by_role("link", name=_spoken(name)).first.click()
        return self._arrived()

    def _arrived(self) -> Visitor:
        problem = self.page.locator(".problem")
        assert problem.count() == 0, f"{self.page.url}\n{problem.first.inner_text()}"
        return self

    def say(self, **answers: str | list[str]) -> Visitor:
        """Fill in a form by the names of its questions: words, a choice, or ticks."""
        for name, answer in answers.items():
            found = self.page.locator(f"[name='{name}']")
            kind = found.first.evaluate("one => one.type") if found.count() else "nothing"
            if kind in ("checkbox", "radio"):
                for value in [answer] if isinstance(answer, str) else answer:
                    self.page.locator(f"[name='{name}'][value='{value}']").check()
            elif kind == "select-one":
                found.select_option(answer)
            else:
                found.fill(answer)
        return self


def _spoken(name: str) -> re.Pattern[str]:
    """The name of a button or link, with the spaces that a reader puts around the words hidden from the eye."""
    return re.compile(r"\s*".join(re.escape(word) for word in re.split(r"\s|(?=:)", name)))


@dataclass
class Build:
    """A pipeline of the hospital's: its commands run as programs of their own, with a token of an engineer's."""

    address: str
    folder: Path
    token: str = ""

    def run(self, *arguments: str, ends_with: int = 0) -> str:
        known = {"CODMAN_SERVER": self.address, "CODMAN_TOKEN": self.token}
        done = subprocess.run(
            [Path(sys.executable).with_name("codman"), *arguments],
            cwd=self.folder,
            env={**os.environ, **known},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == ends_with, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@contextmanager
def opened(folder: Path, browser: Any) -> Iterator[Hospital]:
    """The demo hospital in small, pages and API on one port, and a way in for everybody of it.

    Args:
        folder: Its workspace, fresh.
        browser: Chromium.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    clock = Clock()
    address = f"http://127.0.0.1:{port}"
    house = open_house(Settings(workspace=folder, port=port, public_url=address), clock)
    load_hospital(house, 7, lambda _said: None, small=True, until=clock().date())
    kept = Passwords().hashed(PASSWORD)
    with house.database.changing(SYSTEM, "they take up their accounts") as change:
        everybody = PEOPLE.page(change.connection, order="id", limit=500).items
        for one in everybody:
            set_password(change, one.id, kept)
    emails = {one.id.removeprefix("person-demo-"): one.email or "" for one in everybody}
    with on_a_port(application(house), listening, lifespan="off"):
        yield Hospital(house, clock, address, browser, emails)
    house.close()
