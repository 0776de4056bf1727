"""Pages of monitoring on the demo hospital: what stands first, one use at every age, days in the address, the CSV."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from seen_pages import pages_of

from codman.flows.house import House
from codman.flows.watch.overview import overview
from codman.registry import governance
from codman.registry.access import Held, Reader
from codman.registry.schema import uses
from codman.registry.schema_watch import looks as tables
from codman.spine.person import Role
from codman.spine.watching import Incident, Look
from codman.web.views.monitor_home import monitor_home_view

See = Callable[..., TestClient]


@pytest.fixture
def see(hospital: House) -> See:
    def as_(role: Role, path: str = "/", person: str = "person-demo-officer-01") -> TestClient:
        return pages_of(hospital, Reader(person, "Somebody", (Held(role, path),)))

    return as_


@pytest.fixture
def looks(hospital: House) -> list[Look]:
    with hospital.database.reading() as connection:
        return governance.every(connection, "look", order="due_on")


@pytest.fixture
def incident(hospital: House) -> Incident:
    with hospital.database.reading() as connection:
        (one,) = governance.every(connection, "incident")
        return one


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_uses_that_reach_patients_unwatched_lead_and_those_watched_follow_with_what_is_wrong(see: See, looks):
    page = see(Role.VIEWER).get("/monitor").text

    said = text_of(page)
    bare, others = page.split('id="others"')
    assert "Watched by nobody" in bare
    assert "Not watched" in bare
    assert f"/uses/{looks[0].use}/monitor" not in bare
    assert f"/uses/{looks[0].use}/monitor" in others
    assert looks[-1].sentences["ranks"] in said
    assert re.search(r"\d of \d+ uses that reach patients are watched by nobody", said)


def test_the_headline_and_each_window_say_the_worst_that_is_known(see: See, hospital: House, looks):
    client = see(Role.VIEWER)
    home = text_of(client.get("/monitor").text)
    one = text_of(client.get(f"/uses/{looks[0].use}/monitor").text)

    assert re.search(r"watched by nobody\. \d+ uses? breaks? a bound of the plan\.", home)
    assert "Every use that reaches patients is watched" not in home
    assert re.search(r"Of \d+ requirements \d+ not met, (\d+ not decided, )?\d+ met when last judged\.", one)
    found = overview(hospital, Reader("person-demo-officer-01", "Somebody", (Held(Role.VIEWER),)))
    blind = replace(next(each for each in found if each.watched), rank="blind", standings=())
    named = {blind.use.id: blind.use.name}
    assert monitor_home_view([blind], named, {}, "2026-11-01").sentence == (
        "Of 1 use it is not known whether the plan is met. Every use that reaches patients is watched: 1 of them."
    )


def test_a_window_in_which_nothing_could_be_judged_is_not_said_to_be_met(see: See, hospital: House, looks):
    with hospital.database.unrecorded() as connection:
        judged = tables.c.id == looks[-1].id
        connection.execute(tables.update().where(judged).values(outcomes={}, sentences={}, state="blind"))
    try:
        page = see(Role.VIEWER).get(f"/uses/{looks[-1].use}/monitor").text
    finally:
        with hospital.database.unrecorded() as connection:
            was = {"outcomes": looks[-1].outcomes, "sentences": looks[-1].sentences, "state": looks[-1].state.value}
            connection.execute(tables.update().where(judged).values(was))

    first = page.split('id="looks"')[1].split("<tbody>")[1].split("</tr>")[0]
    assert "nothing could be judged" in first
    assert "all of it met" not in first
    assert "When it was last looked at, nothing could be computed." in page


def test_what_is_asked_for_stands_in_the_address(see: See, looks):
    client = see(Role.VIEWER)
    named = f"/uses/{looks[0].use}/monitor"

    shown = {show: named in client.get(f"/monitor?show={show}").text for show in ("not-met", "watched", "unwatched")}

    assert shown == {"not-met": True, "watched": True, "unwatched": False}
    assert named not in client.get("/monitor?stage=silent").text
    assert client.get("/monitor?show=nothing&stage=nowhere&page=x").status_code == 200


def test_a_window_stands_at_every_age_with_the_numbers_of_its_statements(see: See, hospital: House, looks):
    first, last = looks[0], looks[1]  # of one month: before its outcomes are known, and after
    assert (first.starts_on, first.labelled < first.events) == (last.starts_on, True)
    found = {
        m.params["age"]: m
        for look in (first, last)
        for name in look.statements
        for m in hospital.store.recall(name).predicate.measurements
        if m.metric in ("auroc", "estimated_auroc") and not m.slice and "age" in m.params
    }

    said = text_of(see(Role.VIEWER).get(f"/uses/{first.use}/monitor").text)

    assert found.keys() == {"estimated", "partial", "final"}
    for m in found.values():
        assert f"{m.value:.3f} ({m.lower:.3f} to {m.upper:.3f})" in said
    assert "possibly biased" in said
    assert "which nobody can check without labels" in said
    assert "The plan wants at least 0.75" in said
    assert "came true inside its prediction interval" in said


def test_the_plan_is_said_in_plain_words_with_what_follows(see: See, looks):
    said = text_of(see(Role.VIEWER).get(f"/uses/{looks[0].use}/monitor").text)

    assert "AUROC at least 0.75, each month, once outcomes are known." in said
    assert "they are told and a pause is proposed" in said
    assert "Estimated AUROC at least 0.75, each month, before outcomes are known." in said


def test_other_days_are_shown_where_the_address_names_them(see: See, looks):
    client, use = see(Role.VIEWER), looks[0].use

    before = text_of(client.get(f"/uses/{use}/monitor?from=2020-01-01&to=2020-03-01").text)
    first = client.get(f"/uses/{use}/monitor?from={looks[0].starts_on}&to={looks[0].starts_on}").text
    nonsense = client.get(f"/uses/{use}/monitor?from=yesterday&to=9999999&window=fortnight")

    assert "No window between these days has been looked at" in before
    assert "Ranks patients" in before  # the plan stands whatever days are shown
    assert first.count('<th scope="row">September 2026</th>') == 2  # its two looks
    assert '<th scope="row">October 2026</th>' not in first
    assert nonsense.status_code == 200


def test_the_numbers_shown_can_be_taken_along_as_csv(see: See, hospital: House, looks):
    use = looks[0].use

    answer = see(Role.VIEWER).get(f"/uses/{use}/monitor/numbers.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    (final,) = [
        row
        for row in rows
        if (row["metric"], row["age"], row["patients"]) == ("auroc", "final", "Everyone")
        and row["window_start"] == looks[-1].starts_on
    ]
    signed = hospital.store.recall(final["statement"].removeprefix("sha256:")).predicate.measurements
    (m,) = [m for m in signed if m.metric == "auroc" and m.params.get("age") == "final" and not m.slice]
    assert float(final["value"]) == pytest.approx(m.value, rel=1e-9)
    assert final["at_least"] == "0.75"
    assert {row["column"] for row in rows if row["metric"] == "psi"} >= {"lactate", "age", "sex"}


def test_drift_stands_beside_what_it_is_expected_to_do(see: See, looks):
    said = text_of(see(Role.VIEWER).get(f"/uses/{looks[0].use}/monitor").text)

    assert "Drift alone is no alarm" in said
    assert "Expected change of AUROC" in said
    assert "lactate × Moved" in said
    assert re.search(r"told from those of before with AUROC 0\.\d+", said)


def test_a_use_that_nobody_watches_says_so_and_names_the_next_step(see: See, hospital: House, looks):
    with hospital.database.reading() as connection:
        bare = connection.execute(
            uses.select().where(uses.c.stage == "live", uses.c.id != looks[0].use).order_by(uses.c.id)
        ).first()

    said = text_of(see(Role.VIEWER).get(f"/uses/{bare.id}/monitor").text)

    assert "It reaches patients, and nobody would notice here if it got worse" in said
    assert f"codman monitor plan --use {bare.id}" in said


def test_a_use_of_another_site_is_not_to_be_seen(see: See, looks, incident: Incident):
    use = looks[0].use
    client = see(Role.OFFICER, "/site-of-others/")

    assert client.get(f"/uses/{use}/monitor").status_code == 404
    assert client.get(f"/uses/{use}/monitor/numbers.csv").status_code == 404
    assert client.get(f"/monitor/incidents/{incident.id}").status_code == 404
    assert f"/uses/{use}/monitor" not in client.get("/monitor").text


def test_the_incident_says_what_was_seen_and_its_holder_alone_is_offered_steps(see: See, incident: Incident):
    plain = text_of(see(Role.VIEWER).get(f"/monitor/incidents/{incident.id}").text)
    holder = text_of(see(Role.OWNER, person=incident.holder).get(f"/monitor/incidents/{incident.id}").text)

    assert incident.title in plain
    assert "Care or model: not resolved" in plain
    assert "Pause proposed" in plain
    assert "I have it" not in plain
    assert "I have it" in holder
    assert "Resolve it with what was found" in holder
    assert (
        see(Role.OWNER, person="person-of-no-hand").get(f"/monitor/incidents/{incident.id}/resolve").status_code == 403
    )


def test_my_work_and_attention_name_what_monitoring_asks(see: See, incident: Incident):
    work = see(Role.OWNER, person=incident.holder).get("/").text
    attention = text_of(see(Role.OFFICER).get("/attention").text)

    assert f'href="/monitor/incidents/{incident.id}"' in work
    assert "1 incident that monitoring opened waits for an answer" in attention
    assert "patients and no monitor follows" in attention
