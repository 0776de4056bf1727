"""Attacks by what people write into fields, and by two who come at the same moment."""

from __future__ import annotations

import csv
import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from api_hospital import Hospital, furnish

from codman.api.app import make_api
from codman.errors import CodmanError
from codman.registry import nouns
from codman.registry.access import Held, Reader
from codman.registry.accounts_invitations import first_link
from codman.registry.accounts_passwords import Passwords
from codman.registry.accounts_sign_in import Browser, join
from codman.registry.log import SYSTEM
from codman.settings import read_settings
from codman.spine.person import Role
from codman.web.app import make_web
from codman.wiring import open_house

CHEAP = Passwords(memory_kib=64, passes=1, lanes=1)
PASSWORD = "mauve tractor pickle"  # noqa: S105 (nobody has it)
MARKUP = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}"
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\uff1d1+1", " =1+1")


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    house = open_house(read_settings(workspace=tmp_path / "work"))
    yield furnish(house)
    house.close()


def test_markup_in_any_field_stays_text_on_every_page(hospital):
    with hospital.house.database.changing(SYSTEM, MARKUP) as change:

        def put(kind, ident, /, **fields):
            records = getattr(nouns, kind)
            return records.add(change, records.validated(fields), ident)

        put("VENDORS", "v-x", name=MARKUP, contact=MARKUP, data_rights=MARKUP)
        put("PRODUCTS", "p-x", name=MARKUP, vendor="v-x", summary=MARKUP)
        put("VERSIONS", "r-x", product="p-x", label=MARKUP, change_note=MARKUP)
        put("SITES", "s-x", name=MARKUP, level="hospital")
        put("PEOPLE", "n-x", name=MARKUP)
        said = dict.fromkeys(("organisation", "purpose", "population", "care_setting", "monitoring", "topic"), MARKUP)
        put("USES", "u-x", product="p-x", name=MARKUP, owner="n-x", **said)
        put("DEPLOYMENTS", "d-x", use="u-x", site="s-x", mode="live", version="r-x", clinician="n-x", note=MARKUP)
        put("FACTS", "f-x", about_kind="use", about="u-x", field="hti-1/4.i", value=MARKUP, source=MARKUP)
    app = make_web(hospital.house)
    held = (Held(Role.OFFICER), Held(Role.ADMIN))
    app.state.reader_of = lambda _request: Reader("officer", MARKUP, held)
    pages = TestClient(app, base_url="http://localhost", headers={"Sec-Fetch-Site": "same-origin"})

    for path in (
        "/",
        "/inventory",
        f"/inventory?q={MARKUP}",
        "/uses/u-x",
        "/uses/u-x/edit",
        "/uses/u-x/coverage",
        "/products/p-x",
        "/vendors",
        "/vendors/v-x",
        "/people",
        "/people/n-x",
        "/sites",
        "/attention",
        "/coverage",
        "/evidence",
        "/audit",
    ):
        page = pages.get(path)
        assert page.status_code == 200, path
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_of_an_export_begins_a_formula(hospital, formula):
    with hospital.house.database.changing(SYSTEM) as change:
        fields = {"product": "sepsis", "name": formula, "purpose": formula, "organisation": formula}
        nouns.USES.add(change, nouns.USES.validated(fields), "u-x")
    api = TestClient(make_api(hospital.house), headers={"Authorization": f"Bearer {hospital.tokens['officer']}"})

    answer = api.get("/api/v1/inventory/export", params={"format": "csv"})

    assert answer.status_code == 200
    for row in csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))):
        for cell in row:
            assert cell.strip()[:1] not in ("=", "+", "@", "\uff1d"), cell
            assert not cell.startswith("-1"), cell


def test_the_first_administrators_link_makes_one_however_many_come_at_once(tmp_path):
    house = open_house(read_settings(workspace=tmp_path / "work"))
    link = first_link(house.database, house.database.clock())
    assert link is not None
    came, refused = [], []
    together = threading.Barrier(6)

    def come(number: int) -> None:
        together.wait()
        try:
            opened = join(
                house.database,
                link,
                name=f"Admin {number}",
                email=f"a{number}@hospital.test",
                password=PASSWORD,
                browser=Browser(address="192.0.2.7"),
                settings=house.settings,
                passwords=CHEAP,
            )
            came.append(opened)
        except CodmanError as error:
            refused.append(error)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.close()

    assert (len(came), len(refused)) == (1, 5)
