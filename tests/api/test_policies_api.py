"""Policies, frameworks and coverage over the API: dates, one policy, a matrix on a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

TODAY = date.today()  # noqa: DTZ011 - the server's own day, on this machine


def rows(call: Any, **asked: Any) -> dict[str, str]:
    answer = call("GET", "/uses/mary-use/controls", who="viewer", params=asked)
    assert answer.status_code == 200, answer.text
    return {f"{row['framework']}/{row['control']}": row["standing"] for row in answer.json()["items"]}


def test_packs_are_listed_with_their_dates_and_how_they_stand_on_a_day(call):
    packs = call("GET", "/policies", who="viewer", params={"at": "2026-11-20"}).json()["items"]
    high = next(one for one in packs if one["pack"] == "predictive-high")
    assert (high["holds"], high["standing"], high["own"]) == (True, "in force", False)
    assert high["requirements"] == sum(one["requirements"] for one in high["policies"])
    before = call("GET", "/policies", who="viewer", params={"at": "2020-01-01"}).json()["items"]
    assert {one["holds"] for one in before} == {False}
    assert {one["standing"] for one in before} == {"not before 1 Nov 2026"}


def test_a_policy_is_read_whole_and_refused_on_a_day_it_does_not_hold(call):
    found = call("GET", "/policies/predictive-high-go-live", who="viewer", params={"at": "2026-11-20"}).json()
    assert (found["pack"], found["standing"]) == ("predictive-high 2026-11", "in force")
    assert found["policy"]["checkpoint"] == "go-live"
    assert len({one["id"] for one in found["policy"]["requires"]}) == 17
    early = call("GET", "/policies/predictive-high-go-live", who="viewer", params={"at": "2020-01-01"})
    assert (early.status_code, early.json()["title"]) == (
        422,
        "predictive-high-go-live 2026-11 does not hold on 1 Jan 2020",
    )
    missing = call("GET", "/policies/no-such-policy", who="viewer")
    assert (missing.status_code, missing.json()["type"].rsplit("/", 1)[1]) == (404, "not-found")


def test_frameworks_come_with_their_sources_and_controls(call):
    found = {one["framework"]: one for one in call("GET", "/frameworks", who="viewer").json()["items"]}
    assert (found["nist-ai-rmf"]["controls"], found["iso-42001"]["controls"], found["fda-pccp"]["controls"]) == (
        72,
        38,
        3,
    )
    one = call("GET", "/frameworks/hti-1", who="viewer").json()
    assert len(one["listed"]) == one["controls"] == 44
    assert "HTI-5" in one["status"]
    assert all("://" not in source["citation"] for source in one["source"])
    assert call("GET", "/frameworks/iso-27001", who="viewer").status_code == 404
    assert call("GET", "/frameworks/hti-1", who="viewer", params={"at": "2020-01-01"}).status_code == 422


def test_a_uses_controls_stand_by_what_the_book_holds_and_on_a_past_day_by_what_it_held_then(call):
    before = rows(call, framework="hti-1")
    assert len(before) == 44
    assert before["hti-1/4.i"] == "open"
    fact = {"about_kind": "use", "about": "mary-use", "field": "hti-1/4.i", "value": "0.81", "source": "vendor card"}
    assert call("POST", "/facts", json=fact).status_code == 201
    assert rows(call, framework="hti-1")["hti-1/4.i"] == "claimed only"
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    assert rows(call, framework="hti-1", at=yesterday)["hti-1/4.i"] == "open"


def test_the_matrix_counts_what_it_lists_over_every_framework_of_the_day(call):
    answer = call("GET", "/uses/mary-use/controls", who="viewer").json()
    assert len(answer["items"]) == 261 == sum(sum(of.values()) for of in answer["counts"].values())
    assert answer["on"] >= TODAY.isoformat()
    assert all(row["why"] for row in answer["items"])
    earlier = call("GET", "/uses/mary-use/controls", who="viewer", params={"at": "2023-06-01"}).json()
    assert set(earlier["counts"]) == {"nist-ai-rmf", "hipaa-security"} & set(earlier["counts"])
    assert sum(of.get("open", 0) for of in earlier["counts"].values()) > 0


@pytest.mark.parametrize("day", ["2026-02-30", "0000-01-01", "9999-12-31", "tomorrow", "2026-11-20T00:00"])
def test_a_day_that_is_none_or_is_to_come_is_refused(call, day):
    assert call("GET", "/uses/mary-use/controls", params={"at": day}).status_code == 422


def test_a_use_of_another_hospital_has_no_matrix(call):
    assert call("GET", "/uses/john-use/controls", who="mary").status_code == 404
    assert call("GET", "/uses/mary-use/controls", who="nobody").status_code == 403
    assert call("GET", "/policies", who="nobody").status_code == 403
