"""A house's door for the tests: a clock that is set, cheap hashes, and people who come in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from codman.registry.accounts_passwords import Passwords
from codman.registry.accounts_people import add_account
from codman.registry.accounts_sessions import Opened
from codman.registry.accounts_sign_in import Browser, sign_in
from codman.registry.database import Database
from codman.registry.log import SYSTEM, entries
from codman.registry.nouns import SITES
from codman.settings import Settings
from codman.spine.person import Person, Role

CHEAP = Passwords(memory_kib=64, passes=1, lanes=1)  # the same code at a thousandth of the cost
PASSWORD = "mauve tractor pickle"  # noqa: S105 (nobody has it)
HERE = Browser(address="192.0.2.7", agent="a browser")
NOON = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that tests set."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Door:
    """The book, its clock and settings."""

    database: Database
    clock: Clock
    settings: Settings

    def person(self, email: str, role: Role | None = Role.OFFICER, site: str | None = None) -> Person:
        with self.database.changing(SYSTEM) as change:
            return add_account(
                change, email=email, name="officer 1", password_hash=CHEAP.hashed(PASSWORD), role=role, site=site
            )

    def site(self, name: str, level: str = "hospital", parent: str | None = None) -> str:
        with self.database.changing(SYSTEM) as change:
            return SITES.add(change, SITES.validated({"name": name, "level": level, "parent": parent}), name).id

    def sign_in(self, email: str, password: str = PASSWORD, browser: Browser = HERE) -> Opened:
        return sign_in(self.database, email, password, browser, self.settings, CHEAP)

    def log(self) -> list[dict[str, Any]]:
        with self.database.reading() as connection:
            return [written.value for written in entries(connection)]

    def actions(self) -> list[str]:
        return [entry["action"] for entry in self.log()]

    def rows(self, table: Any) -> list[Any]:
        with self.database.reading() as connection:
            return list(connection.execute(table.select()))


def settings_in(folder: Path, **more: Any) -> Settings:
    """Settings that no environment touches."""
    return Settings(workspace=folder, **more)
