"""No page leads its reader where they may not go: every link and every form of every page, in every role."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urldefrag, urlsplit

import httpx
import pytest
import small_house
from seen_pages import pages_of
from sqlalchemy import select

from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.registry.schema import sites
from codman.spine.person import Role
from codman.web import access

FRESH = "2999-01-01T00:00:00.000000Z"
A, B = "/site-house/site-a/", "/site-house/site-b/"


def of(role: Role, path: str = "/") -> Reader:
    return replace(small_house.reader(role, path), fresh_until=FRESH)


READERS = {
    **{role.value: of(role) for role in Role},
    **{f"{role.value} of one hospital": of(role, A) for role in Role},
    "owner of the other hospital": of(Role.OWNER, B),
    "officer of the other hospital": of(Role.OFFICER, B),
    "clinician at the ward alone": replace(of(Role.CHAIR, f"{A}site-a-icu/")),
    "nobody yet": Reader(person="person-viewer", name="viewer 1", held=(), fresh_until=FRESH),
    "somebody who looks around": replace(of(Role.OFFICER), read_only=True),
    "engineer with a right lent": replace(
        of(Role.ENGINEER), held=(Held(Role.ENGINEER), Held(Role.OFFICER, A, lent=True)), emergency=FRESH
    ),
}


@dataclass
class Sendable:
    """A form of a page."""

    method: str
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)  # where it sends to, its name, its value


class Page(HTMLParser):
    """The links and forms of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Sendable] = []
        self._choice = self._text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self.forms.append(Sendable(given.get("method", "get"), given.get("action", "")))
        elif not self.forms:
            return
        elif tag == "input" and "name" in given and (given.get("type") != "checkbox" or "checked" in given):
            self.forms[-1].fields.append((given["name"], given.get("value", "")))
        elif tag == "select":
            self._choice = given["name"]
            self.forms[-1].options[self._choice] = []
        elif tag == "option":
            self.forms[-1].options[self._choice].append(given["value"])
            if "selected" in given or len(self.forms[-1].options[self._choice]) == 1:
                kept = [pair for pair in self.forms[-1].fields if pair[0] != self._choice]
                self.forms[-1].fields = [*kept, (self._choice, given["value"])]
        elif tag == "textarea":
            self._text = given["name"]
        elif tag == "button":
            form = self.forms[-1]
            form.buttons.append((given.get("formaction", form.action), given.get("name", ""), given.get("value", "")))

    def handle_data(self, data: str) -> None:
        if self._text:
            self.forms[-1].fields.append((self._text, data))
            self._text = ""


def crawled(
    client: httpx.Client, is_enough: Callable[[str], bool], draw: random.Random | None = None
) -> Iterator[tuple[str, httpx.Response, Page]]:
    """Every page that links lead to from the first, but those of which there are enough."""
    seen, waiting = {"/"}, ["/"]
    while waiting:
        address = waiting.pop(0 if draw is None else draw.randrange(len(waiting)))
        if is_enough(address):
            continue
        answer = client.get(address)
        page = Page(answer.text if answer.headers.get("content-type", "").startswith("text/html") else "")
        yield address, answer, page
        for link in page.links:
            there = urldefrag(link).url
            if there.startswith("/") and there not in seen:
                seen.add(there)
                waiting.append(there)


def sent(client: httpx.Client, form: Sendable, button: tuple[str, str, str], *, last: bool) -> httpx.Response:
    """Send a form as it stands, or with the last of every choice and something in every empty line."""
    values: dict[str, Any] = {}
    for name, value in form.fields:
        values.setdefault(name, []).append(value)
    if last:
        values = {name: said if any(said) else ["Something"] for name, said in values.items()}
        values |= {name: [choices[-1]] for name, choices in form.options.items() if choices}
    where, name, value = button
    if name:
        values[name] = [value]
    if form.method == "get":
        return client.get(where, params=values)
    return client.post(where, data=values)


@pytest.mark.parametrize("who", list(READERS))
def test_no_link_and_no_form_of_any_page_is_refused_to_who_is_shown_it(house: House, who: str, whole: bool) -> None:
    enough = 12 if whole else 4
    client = pages_of(house, READERS[who])
    asked: Counter[str] = Counter()

    def is_enough(address: str) -> bool:  # of the many ways to narrow a list, a few
        asked[urlsplit(address).path] += 1
        return asked[urlsplit(address).path] > enough

    forms: dict[tuple[str, ...], tuple[str, Sendable]] = {}
    for address, answer, page in crawled(client, is_enough):
        assert answer.status_code in (200, 303), address
        for form in page.forms:
            forms.setdefault((form.method, form.action, *sorted(form.options)), (address, form))
    assert len(asked) > (15 if READERS[who].held else 2)
    for address, form in forms.values():
        for button in form.buttons:
            for last in (False, True):
                answer = sent(client, form, button, last=last)
                assert answer.status_code not in (403, 404, 405) or "/remove" in button[0], (address, button, last)
                assert answer.status_code < 500, (address, button, last)


@pytest.mark.parametrize("where", ["the whole house", "one hospital"])
@pytest.mark.parametrize("role", list(Role))
def test_at_the_demo_hospital_too(hospital: House, role: Role, where: str, whole: bool) -> None:
    enough = 4 if whole else 2
    with hospital.database.reading() as connection:
        path = connection.execute(
            select(sites.c.path).where(sites.c.level == "hospital").order_by(sites.c.id)
        ).scalars()
        begins = "/" if where == "the whole house" else str(path.first())
    reader = Reader(
        person=f"person-demo-{role.value}-01", name=f"{role.value} 1", held=(Held(role, begins),), fresh_until=FRESH
    )
    client = pages_of(hospital, reader)
    patterns = [
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$"), path)
        for method, _, path in (key.partition(" ") for key in access.PAGES)
        if method == "GET"
    ]
    asked: Counter[str] = Counter()

    def is_enough(address: str) -> bool:
        path = urlsplit(address).path
        kind = next(name for pattern, name in sorted(patterns, key=lambda p: "{" in p[1]) if pattern.match(path))
        asked[kind] += 1
        return asked[kind] > enough

    for address, answer, _ in crawled(client, is_enough, random.Random(role.value)):
        assert answer.status_code in (200, 303), address
    assert len(asked) > 15
