"""Reports over the API: a schedule, what it awaits, a link, a signed statement, a workbook that came back."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from openpyxl import load_workbook

from codman.evidence.envelope import sign
from codman.evidence.keys import generate, read_signing_key
from codman.evidence.statements import build, canonical_statement
from codman.registry.keys import KeyFields, register
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, USES
from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.measurement import Measurement, Window
from codman.spine.reported import Reported
from codman.spine.statement import Digest, Kind, Origin, Subject

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SOON = datetime.now(UTC).date().isoformat()


def scheduled(call: Any, **more: Any) -> dict[str, Any]:
    body = {
        "use": "mary-use",
        "partner": "vendor",
        "partner_name": "Vendor 1",
        "owner": "mary",
        "every_months": 3,
        "first_due": SOON,
        "metrics": ["auroc"],
    } | more
    answer = call("POST", "/schedules", who="mary", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def awaited(call: Any, schedule: dict[str, Any]) -> dict[str, Any]:
    (only,) = call("GET", "/reports", who="viewer", params={"schedule": schedule["id"]}).json()["items"]
    return only


def test_a_schedule_awaits_its_first_report_and_says_how_it_stands(call):
    one = awaited(call, scheduled(call))
    assert one["standing"] == "expected"
    assert one["sentence"].startswith("due on ")
    read = call("GET", f"/reports/{one['report']['id']}", who="viewer")
    assert read.headers["etag"] == '"1"'
    report = read.json()["report"]
    assert report["due_on"] == SOON
    assert date.fromisoformat(SOON) - date.fromisoformat(report["period_end"]) == timedelta(days=14)


def test_a_schedule_of_another_hospital_is_not_there_and_its_rhythm_stays(call):
    made = scheduled(call)
    path = f"/schedules/{made['id']}"
    other = call("POST", "/schedules", who="mary", json={**_fields(made), "use": "john-use"})
    assert other.status_code == 404
    merge = {"Content-Type": "application/merge-patch+json", "If-Match": '"1"'}
    assert call("PATCH", path, who="mary", json={"every_months": 1}, headers=merge).status_code == 422
    assert call("PATCH", path, who="mary", json={"grace_days": 3}, headers=merge).json()["grace_days"] == 3
    assert call("PATCH", path, who="mary", json={"grace_days": 4}, headers=merge).status_code == 412
    assert call("PATCH", path, who="viewer", json={"grace_days": 4}, headers=merge).status_code == 403
    wrong = call("POST", "/schedules", who="mary", json={**_fields(made), "metrics": ["auc"]})
    assert (wrong.status_code, "did you mean 'auroc'?" in wrong.json()["detail"]) == (422, True)


def test_ending_a_schedule_takes_a_reason_and_excuses_no_report_whose_time_has_begun(call):
    made = scheduled(call)
    silent = call("POST", f"/schedules/{made['id']}/end", who="mary", headers={"If-Match": '"1"'})
    assert (silent.status_code, "say why it ends" in silent.json()["detail"]) == (422, True)
    why = {"If-Match": '"1"', "Codman-Reason": "The contract ended"}
    ended = call("POST", f"/schedules/{made['id']}/end", who="mary", headers=why)
    assert ended.json()["active"] is False
    assert awaited(call, made)["standing"] == "expected"  # they answer for the use
    again = call("POST", f"/schedules/{made['id']}/end", who="mary", headers={"If-Match": '"2"'})
    assert (again.status_code, again.json()["type"].rsplit("/", 1)[1]) == (409, "schedule-ended")


def test_a_link_is_shown_once_and_can_be_taken_back(call):
    name = awaited(call, scheduled(call))["report"]["id"]
    made = call("POST", f"/reports/{name}/links", who="mary")
    assert made.status_code == 201
    assert len(made.json()["link"].rsplit("/", 1)[1]) == 64
    assert call("POST", f"/reports/{name}/links", who="viewer").status_code == 403
    assert call("DELETE", f"/reports/{name}/links", who="mary").json() == {"links": 1}
    assert call("DELETE", f"/reports/{name}/links", who="mary").json() == {"links": 0}


def test_a_report_is_excused_with_a_reason_and_awaited_again(call):
    name = awaited(call, scheduled(call))["report"]["id"]
    path = f"/reports/{name}/excuse"
    body = {"why": "It stood still all quarter"}
    assert call("POST", path, who="mary", json=body, headers={"If-Match": '"1"'}).status_code == 403
    assert call("POST", path, who="chair", json=body).status_code == 428
    assert call("POST", path, who="chair", json=body, headers={"If-Match": '"1"'}).json()["state"] == "excused"
    assert call("POST", path, who="chair", json=body, headers={"If-Match": '"2"'}).status_code == 409
    again = call("POST", f"/reports/{name}/await", who="mary", json=body, headers={"If-Match": '"2"'})
    assert (again.json()["state"], again.json()["excuse"]) == ("due", None)


@pytest.fixture
def vendor(hospital, tmp_path):
    """Signs statements about the use as its vendor, whose key the house knows."""
    generate(tmp_path / "vendor")
    key = read_signing_key(tmp_path / "vendor.key")
    with hospital.house.database.changing(SYSTEM) as change:
        register(
            change,
            KeyFields(
                keyid=key.public.keyid,
                name="vendor",
                owner_kind="vendor",
                owner="Vendor 1",
                origins=["developer"],
                public_pem=key.public.pem,
            ),
        )
        use = USES.get(change.connection, "mary-use")
        product = PRODUCTS.get(change.connection, use.product)

    def statement(asked: dict[str, Any], signed: bool = True, **changes: Any) -> bytes:
        window = Window(start=asked["period_start"], end=asked["period_end"])
        said = {
            "product": product.name,
            "use": use.name,
            "origin": Origin.DEVELOPER,
            "evaluated_at": "2026-01-01T09:00:00Z",
            "window": window,
            "measurements": [Measurement(metric="auroc", value=0.81, lower=0.79, upper=0.83, level=0.95, n=900)],
            "report": Reported(incidents="none known", complaints=1, changes="none known"),
        } | changes
        subject = Subject(name=product.name, digest=Digest(sha256="a" * 64))
        payload = canonical_statement(build(Kind.MONITORING, subject, MonitoringPredicate(**said)))
        return sign(payload, key).to_bytes() if signed else payload

    return statement


def test_a_signed_report_is_filed_as_its_signers_word_and_sent_again_changes_nothing(call, vendor):
    one = awaited(call, scheduled(call))["report"]
    sent = {"content": vendor(one, evaluated_at=_now()), "headers": {"Content-Type": "application/json"}}
    path = f"/reports/{one['id']}/statement"
    assert call("POST", path, who="viewer", **sent).status_code == 403
    came = call("POST", path, who="mary", **sent)
    assert came.status_code == 200, came.text
    assert (came.json()["state"], came.json()["way"], came.json()["document"]) == ("received", "signed", None)
    filed = call("GET", f"/evidence/{came.json()['statement']}", who="viewer").json()
    assert (filed["standing"], filed["kind"], filed["use_id"]) == ("verified", "monitoring", "mary-use")
    assert call("POST", path, who="mary", **sent).json() == came.json()
    other = vendor(one, evaluated_at=_now(), report=Reported(incidents=3, complaints=1, changes="none known"))
    late = call("POST", path, who="mary", content=other, headers=sent["headers"])
    assert (late.status_code, late.json()["type"].rsplit("/", 1)[1]) == (409, "not-awaited")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"report": None}, "says what is known of incidents"),
        ({"use": "another use"}, "it is about another use"),
        ({"product": "another product"}, "it is about another product"),
        ({"window": Window(start="2020-01-01", end="2020-04-01")}, "its window is not"),
        ({"measurements": []}, "it carries no auroc"),
        ({"signed": False}, "by this way a report is its signer's word"),
    ],
)
def test_a_statement_that_does_not_answer_the_report_is_refused_and_not_filed(call, vendor, changes, why):
    one = awaited(call, scheduled(call))["report"]
    answer = call(
        "POST",
        f"/reports/{one['id']}/statement",
        who="mary",
        content=vendor(one, **{"evaluated_at": _now(), **changes}),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert why in answer.json()["detail"]
    assert call("GET", "/evidence", who="officer").json()["items"] == []
    assert awaited_state(call, one["id"]) == "due"


def test_a_workbook_is_written_filled_in_and_filed_as_a_claim_with_the_file_attached(call):
    one = awaited(call, scheduled(call))["report"]
    path = f"/reports/{one['id']}/workbook"
    got = call("GET", path, who="viewer")
    assert got.headers["content-type"] == XLSX
    faulty = call("POST", path, who="mary", content=got.content, headers={"Content-Type": XLSX})
    assert faulty.status_code == 422
    assert {"pointer": "/A9", "detail": "this is needed"} in faulty.json()["errors"]
    filled = _filled(got.content)
    came = call("POST", path, who="mary", content=filled, headers={"Content-Type": XLSX})
    assert came.status_code == 200, came.text
    filed = call("GET", f"/evidence/{came.json()['statement']}", who="viewer").json()
    assert (filed["standing"], filed["origin"]) == ("claim", "developer")
    assert filed["statement"]["predicate"]["report"]["incidents"] == "none known"
    document = call("GET", f"/documents/{came.json()['document']}/content", who="viewer")
    assert document.content == filled
    assert call("GET", path, who="viewer").status_code == 409


def _filled(body: bytes) -> bytes:
    book = load_workbook(io.BytesIO(body))
    sheet = book.active
    said = {
        "Sent by": "Vera",
        "Incidents": "none known",
        "Complaints": "none known",
        "Changes": "none known",
    }
    for row in sheet.iter_rows():
        if row[0].value in said:
            row[1].value = said[row[0].value]
        if row[0].value == "auroc":
            for cell, value in zip(row[2:7], (0.81, 0.79, 0.83, 900, 80), strict=True):
                cell.value = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fields(schedule: dict[str, Any]) -> dict[str, Any]:
    own = ("id", "revision", "created_at", "updated_at")
    return {name: value for name, value in schedule.items() if name not in own}


def awaited_state(call: Any, name: str) -> str:
    return call("GET", f"/reports/{name}", who="viewer").json()["report"]["state"]


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
