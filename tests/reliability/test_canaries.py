"""Secrets and patients' words put into every way in, and looked for in every place that is written or shown (G16)."""

from __future__ import annotations

import io
import itertools
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from api_hospital import Hospital, furnish

from codman.api.app import make_api
from codman.cli.serving import application
from codman.flows.drop_folder import take
from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.registry.schema import log_entries
from codman.settings import read_settings
from codman.spine.person import Role
from codman.wiring import open_house
from waiting import finished

MANY: Final = int(os.environ.get("CODMAN_CANARIES", "150"))  # 500 by hand; fewer keep CI quick


class Canaries:
    """Words that stand nowhere else."""

    def __init__(self) -> None:
        self.let_out: list[str] = []

    def __call__(self) -> str:
        self.let_out.append(f"canary{len(self.let_out):04d}qzx")
        return self.let_out[-1]

    def found_in(self, text: bytes | str) -> set[str]:
        data = text.encode() if isinstance(text, str) else text
        return {one for one in self.let_out if one.encode() in data}


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    house = open_house(read_settings(workspace=tmp_path / "work"))
    yield furnish(house)
    house.close()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything any logger of the process says, at its most talkative."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.addFilter(lambda record: not record.name.startswith("http"))  # the test's own client
    root = logging.getLogger()
    before = root.level
    own = logging.getLogger("codman.access")
    level, spreads = own.level, own.propagate
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    own.setLevel(logging.DEBUG)
    own.propagate = True
    yield said
    root.removeHandler(handler)
    root.setLevel(before)
    own.setLevel(level)
    own.propagate = spreads


def requests(hospital: Hospital, canary: Canaries) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """One request for each way in: paths, queries, headers, bodies, names of files; each canary is used once."""
    token = {"Authorization": f"Bearer {hospital.tokens['admin']}"}
    json_body = {"Content-Type": "application/json"}
    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    paths = [
        (one.method, "/api/v1" + one.path)
        for one in make_api(hospital.house).state.operations
        if not one.at_root and one.method != "DELETE"
    ]
    for method, path in itertools.cycle(paths):
        place = path
        while "{" in place:
            before, _, rest = place.partition("{")
            place = before + canary() + rest.partition("}")[2]
        yield method, place, {"headers": token | json_body, "content": b"{}"}
        yield method, path, {"headers": token, "params": {"q": canary(), canary(): "1", "cursor": canary()}}
        yield method, path, {"headers": token | json_body, "content": json.dumps({canary(): canary()}).encode()}
        yield method, path, {"headers": token | json_body, "content": f'{{"name": "{canary()}"'.encode()}
        yield method, path, {"headers": {"Authorization": f"Bearer codman_{canary()}"}}
        told = {
            "Idempotency-Key": canary() + " \u00e9",
            "If-Match": f'"{canary()}"',
            "X-Request-Id": canary() + "/",
            "User-Agent": canary(),
            "Referer": f"http://localhost/{canary()}",
            "Cookie": f"codman={canary()}",
            "X-Forwarded-For": canary(),
        }
        yield method, path, {"headers": token | json_body | {k: v.encode() for k, v in told.items()}}
        yield "POST", "/sign-in", {"headers": form, "content": f"email={canary()}@x.test&password={canary()}"}
        yield "GET", f"/join/{canary()}", {}
        yield "GET", f"/{canary()}", {"params": {"next": canary()}}
        yield "GET", f"/sign-in/back?state={canary()}&code={canary()}&error={canary()}", {}


def send(house: House, canary: Canaries, asked: Iterator[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
    async def every() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=application(house), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answers = []
            for method, path, more in asked:
                answers.append(await client.request(method, path, **more))
                if len(canary.let_out) >= MANY:
                    return answers
            return answers

    return finished(every())


def files_of(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def test_no_canary_reaches_a_log_a_file_or_the_trees_entries(hospital, logged, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    canary = Canaries()

    answers = send(hospital.house, canary, requests(hospital, canary))

    assert len(canary.let_out) >= MANY
    assert all(answer.status_code < 500 for answer in answers), {a.status_code for a in answers}
    assert '"route"' in logged.getvalue(), "the server's log was looked at"
    assert canary.found_in(logged.getvalue()) == set()
    with hospital.house.database.reading() as connection:
        for (entry,) in connection.execute(select(log_entries.c.entry)):
            assert canary.found_in(bytes(entry)) == set()
    for path in files_of(tmp_path):
        assert canary.found_in(str(path)) == set()
        assert canary.found_in(path.read_bytes()) == set(), path


def test_peoples_words_stand_beside_the_tree_and_nowhere_in_the_servers_log(hospital, logged):
    canary = Canaries()
    token = {"Authorization": f"Bearer {hospital.tokens['officer']}", "Content-Type": "application/json"}
    reason = canary()
    words = {"id": "told", "product": "sepsis", "name": "Told", "purpose": canary(), "population": canary()}
    person = {"id": "somebody", "name": canary(), "email": f"{canary()}@hospital.test"}
    note = {"use": "told", "site": "icu", "mode": "silent", "note": canary()}
    admin = token | {"Authorization": f"Bearer {hospital.tokens['admin']}"}
    asked = iter(
        [
            ("POST", "/api/v1/uses", {"headers": token | {"Codman-Reason": reason}, "json": words}),
            ("POST", "/api/v1/people", {"headers": admin, "json": person}),
            ("POST", "/api/v1/deployments", {"headers": token, "json": note}),
        ]
    )

    answers = send(hospital.house, canary, asked)

    assert [answer.status_code for answer in answers] == [201, 201, 201], [a.text for a in answers]
    assert canary.found_in(logged.getvalue()) == set()
    with hospital.house.database.reading() as connection:
        for (entry,) in connection.execute(select(log_entries.c.entry)):
            assert canary.found_in(bytes(entry)) == set()


def test_what_the_server_does_not_foresee_is_told_without_its_message(hospital, logged, monkeypatch):
    canary = Canaries()
    secret = canary()

    def fails(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError(f"row of patient {secret}")

    monkeypatch.setattr("codman.api.routes.uses.search", fails)
    monkeypatch.setattr("codman.api.routes.inventory.search", fails)
    token = {"Authorization": f"Bearer {hospital.tokens['officer']}"}

    answers = send(hospital.house, canary, iter([("GET", "/api/v1/inventory", {"headers": token})]))

    assert answers[0].status_code == 500
    assert canary.found_in(answers[0].content) == set()
    assert canary.found_in(logged.getvalue()) == set()


def test_a_refused_file_of_the_drop_folder_does_not_give_away_what_is_in_it(hospital, tmp_path):
    canary = Canaries()
    inbox = tmp_path / "drop" / "inbox"
    inbox.mkdir(parents=True)
    rows = [{"patient": canary(), "risk": 0.5}]
    (inbox / "a.json").write_text(json.dumps({"_type": canary(), "predicate": rows}))
    (inbox / "b.json").write_text(f'{{"{canary()}": ')
    (inbox / "c.json").write_text(canary())
    engineer = Reader("engineer", "Engineer", (Held(Role.ENGINEER),))

    taken = take(hospital.house, tmp_path / "drop", engineer, settled_seconds=0)

    assert len(taken) == 3
    assert all(one.error is not None for one in taken)
    for one in taken:
        assert canary.found_in(str(one.error)) == set()
    for path in (tmp_path / "drop" / "refused").glob("*.reason.json"):
        assert canary.found_in(path.read_bytes()) == set()
