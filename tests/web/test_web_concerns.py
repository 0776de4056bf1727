"""Anybody says that something is wrong; those who see to it find it, take it in hand and close it."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
import yaml
from seen_pages import Pages, pages_of
from small_house import reader
from sqlalchemy import select

from codman.flows.concerns.posters import make_poster
from codman.flows.concerns.throttle import MOST_OF_ONE
from codman.flows.house import House
from codman.jobs.notifier import Message
from codman.jobs.tables import outbox
from codman.registry.governance import CONCERNS
from codman.registry.nouns import USES
from codman.spine.concern import Concern, ConcernState
from codman.spine.person import Role
from codman.web.app import make_web

SAID = {"category": "it missed something", "severity": "harm", "words": "The alert came two hours late."}


class FakeNotifier:
    """Takes every message."""

    def send(self, message: Message) -> str | None:
        return f"taken at try {message.attempt}"


def concerns(house: House) -> list[Concern]:
    with house.database.reading() as connection:
        return list(CONCERNS.page(connection, order="created_at").items)


@pytest.fixture
def nobody(pages: Pages) -> httpx.Client:
    return pages(None)


@pytest.fixture
def link(house: House) -> str:
    return f"/concern/{make_poster(house, reader(Role.OFFICER), 'deployment-1')}"


def test_by_a_posters_code_a_concern_takes_one_form_and_says_who_looks_by_when(
    house: House, nobody: httpx.Client, link: str
) -> None:
    form = nobody.get(link).text
    assert "Sepsis early warning, adult wards, Hospital A" in form
    assert "Which tool" not in form
    once = re.search(r'name="once" value="(\w+)"', form)
    assert once is not None
    sent = nobody.post(link, data={**SAID, "once": once[1]})
    again = nobody.post(link, data={**SAID, "once": once[1]})
    assert sent.status_code == again.status_code == 303
    assert sent.headers["location"] == again.headers["location"]

    (one,) = concerns(house)
    assert (one.use, one.site, one.raised_by, one.words) == ("use-sepsis", "site-a", None, SAID["words"])
    thanks = nobody.get(sent.headers["location"]).text
    assert "the accountable clinician of this site, who must look at it by <strong>16 Nov 2026, 16:00 UTC" in thanks
    assert str(one.number) in thanks
    assert "two hours late" not in thanks


def test_a_forged_link_still_takes_the_concern_and_loses_nothing_that_was_typed(
    house: House, nobody: httpx.Client
) -> None:
    assert "no longer says which tool" in nobody.get("/concern/forged-link-of-no-poster").text
    refused = nobody.post("/concern/forged-link-of-no-poster", data={"words": "Ward 5: no alert"})
    assert refused.status_code == 422
    assert "Ward 5: no alert" in refused.text
    assert "2 answers need another look" in refused.text
    assert nobody.post("/concern/forged-link-of-no-poster", data=SAID).status_code == 303
    assert concerns(house)[0].use is None
    assert nobody.get("/concern/forged-link-of-no-poster/poster").status_code == 404


def test_a_use_that_somebody_without_an_account_writes_into_the_form_is_not_believed(
    house: House, nobody: httpx.Client
) -> None:
    nobody.post("/concern", data={**SAID, "use": "use-sepsis", "site": "site-a", "named": "yes"})
    (one,) = concerns(house)
    assert (one.use, one.site, one.raised_by) == (None, None, None)


def test_words_that_may_name_a_patient_are_asked_about_once(house: House, nobody: httpx.Client, link: str) -> None:
    words = {"words": "MRN 4711302 had no alert"}
    asked = nobody.post(link, data={**SAID, **words})
    assert asked.status_code == 422
    assert "may these words name a patient?" in asked.text
    assert words["words"] in asked.text
    assert concerns(house) == []
    assert nobody.post(link, data={**SAID, **words, "sure": "yes"}).status_code == 303


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"words": "x" * 4001}, "it has more than 4,000 characters"),
        ({"happened_on": "2026-11-17"}, "the day is yet to come"),
        ({"happened_on": "soon"}, "give a day"),
        ({"category": "made up"}, "choose one"),
        ({"contact": "y" * 301}, "at most 300 characters"),
    ],
)
def test_what_cannot_be_kept_is_said_and_the_rest_stays(
    nobody: httpx.Client, link: str, wrong: dict[str, str], said: str
) -> None:
    answer = nobody.post(link, data={**SAID, "contact": "ext. 12", **wrong})
    assert answer.status_code == 422
    assert said in answer.text
    assert ("two hours late" in answer.text) or "words" in wrong


QUIET = {"severity": "no harm"}


def test_a_flood_is_stopped_with_a_time_and_what_was_typed(nobody: httpx.Client, link: str) -> None:
    answers = [nobody.post(link, data={**SAID, **QUIET}) for _ in range(MOST_OF_ONE + 1)]
    assert [one.status_code for one in answers] == [303] * MOST_OF_ONE + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "call the ward" in answers[-1].text
    assert "two hours late" in answers[-1].text


def test_a_flood_through_one_poster_closes_no_other_and_turns_no_harm_away(
    house: House, pages: Pages, nobody: httpx.Client, link: str
) -> None:
    other = f"/concern/{make_poster(house, reader(Role.OFFICER), 'deployment-1')}"
    flood = [nobody.post(link, data={**SAID, **QUIET}).status_code for _ in range(3 * MOST_OF_ONE)]
    assert flood.count(303) == MOST_OF_ONE
    assert nobody.post(other, data={**SAID, **QUIET}).status_code == 303
    assert nobody.post("/concern", data={**SAID, **QUIET}).status_code == 303
    assert pages(Role.OWNER).post("/concern", data={**SAID, **QUIET}).status_code == 303

    for words in ("The alarm never rang", "The alarm never rang", "The dose was doubled"):
        assert nobody.post(link, data={**SAID, "words": words}).status_code == 303
    first, again, own = concerns(house)[-3:]
    assert (first.in_flood, first.repeats) == (True, None)
    assert (again.in_flood, again.repeats) == (True, first.id)
    assert (own.in_flood, own.repeats) == (True, None)
    with house.database.reading() as connection:
        told = {row.key.split("/")[1] for row in connection.execute(select(outbox.c.key))}
    assert {first.id, own.id} <= told
    assert again.id not in told

    officer = pages(Role.OFFICER)
    listed = officer.get("/incidents").text
    assert first.id in listed
    assert again.id not in listed
    assert again.id in officer.get("/incidents?show=repeats").text
    assert "another one, word for word" in officer.get(f"/incidents/{again.id}").text


def test_without_a_poster_or_an_account_the_tool_is_chosen_and_the_ward_is_written(
    house: House, nobody: httpx.Client
) -> None:
    form = nobody.get("/concern").text
    assert '<optgroup label="Hospital A">' in form
    assert "Sepsis early warning, adult wards" in form
    assert "Old no-show risk" not in form  # retired: nobody on a ward sees it
    assert nobody.post("/concern", data={**SAID, "tool": "deployment-1", "ward": "5 East"}).status_code == 303
    assert nobody.post("/concern", data=SAID).status_code == 303
    known, unknown = concerns(house)
    assert (known.use, known.site, known.ward) == ("use-sepsis", "site-a", "5 East")
    assert (unknown.use, unknown.ward) == (None, None)
    gone = nobody.post("/concern", data={**SAID, "tool": "deployment-none", "ward": "5 East"})
    assert gone.status_code == 422
    assert "5 East" in gone.text


def test_the_same_form_with_other_words_is_asked_about_and_then_sent(
    house: House, nobody: httpx.Client, link: str
) -> None:
    once = {"once": "a" * 32}
    nobody.post(link, data={**SAID, **once})
    changed = nobody.post(link, data={**SAID, "words": "And again", **once})
    assert changed.status_code == 409
    fresh = re.search(r'name="once" value="(\w+)"', changed.text)
    assert fresh is not None
    assert fresh[1] != once["once"]
    assert nobody.post(link, data={**SAID, "words": "And again", "once": fresh[1]}).status_code == 303
    assert len(concerns(house)) == 2


def test_whoever_is_signed_in_chooses_the_tool_and_whether_they_are_named(house: House, pages: Pages) -> None:
    owner = pages(Role.OWNER)
    assert "Which tool" in owner.get("/concern").text
    owner.post("/concern", data={**SAID, "use": "use-sepsis", "site": "site-a"})
    owner.post("/concern", data={**SAID, "use": "use-sepsis", "named": "yes"})
    first, second = concerns(house)
    assert (first.use, first.raised_by, second.raised_by) == ("use-sepsis", None, "person-owner")


def test_a_poster_promises_what_the_houses_clocks_and_its_mail_keep(house: House, link: str, tmp_path: Path) -> None:
    ready = files("codman.review").joinpath("clocks.yaml").read_text("utf-8")
    own = yaml.safe_load(ready) | {
        "seen_within_hours": {
            "no harm": 48,
            "near miss": 0.25,  # sooner than after serious harm: not what the sheet says of serious harm
            "unknown": 8,
            "harm": 4,
            "serious harm or death": 0.5,
        }
    }
    (tmp_path / "clocks.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    settings = house.settings.model_copy(update={"concern_clocks": tmp_path / "clocks.yaml"})

    def sheet(within: House) -> str:
        return pages_of(within, None).get(f"{link}/poster").text

    unmailed = sheet(replace(house, settings=settings))
    assert "It waits for the accountable clinician of this site, who must look within 30 minutes" in unmailed
    assert "if a patient was seriously harmed, and within 48 hours whatever it is about" in unmailed
    assert "No mail goes out: they see it when they next open Codman" in unmailed
    mailed = sheet(replace(house, settings=settings, notifiers={"mail": FakeNotifier()}))
    assert "It is mailed to the accountable clinician of this site" in mailed
    assert "If nobody does, it goes further by itself" in mailed
    assert "within an hour if a patient was seriously harmed" in sheet(house)  # the ready clocks


def test_a_poster_is_made_printed_and_taken_back(pages: Pages, nobody: httpx.Client) -> None:
    officer = pages(Role.OFFICER)
    assert "Make a poster" in officer.get("/uses/use-sepsis/posters").text
    made = officer.post("/uses/use-sepsis/posters", data={"deployment": "deployment-1"})
    sheet = nobody.get(made.headers["location"])
    assert sheet.status_code == 200
    assert "<svg" in sheet.text
    assert "A phone on the ward cannot follow this code yet" in sheet.text  # no public_url is set
    assert officer.post("/uses/use-notes/posters", data={"deployment": "deployment-1"}).status_code == 404
    officer.post("/uses/use-sepsis/posters/take-back", data={"deployment": "deployment-1"})
    assert nobody.get(made.headers["location"]).status_code == 404
    assert pages(Role.REVIEWER).get("/uses/use-sepsis/posters").status_code == 403


def raised(house: House, client: httpx.Client, link: str, **said: str) -> str:
    sent = client.post(link, data={**SAID, **said})
    assert sent.status_code == 303, sent.text
    return f"/incidents/{concerns(house)[-1].id}"


def step(client: httpx.Client, path: str, word: str, **said: str) -> httpx.Response:
    form = client.get(f"{path}/{word}")
    assert form.status_code == 200, form.text
    revision = re.search(r'name="revision" value="(\d+)"', form.text)
    assert revision is not None
    return client.post(f"{path}/{word}", data={"revision": revision[1], **said})


def test_a_serious_concern_from_the_list_to_its_close(
    house: House, pages: Pages, nobody: httpx.Client, link: str
) -> None:
    path = raised(house, nobody, link, severity="serious harm or death")
    officer, chair = pages(Role.OFFICER), pages(Role.CHAIR)
    listed = officer.get("/incidents").text
    assert path in listed
    assert "Nobody has it yet" in listed
    assert "C-2026-0001" in listed
    assert officer.get("/incidents", params={"number": "c 2026 1"}).headers["location"] == path
    assert "no concern with that number that you may read" in officer.get("/incidents?number=C-2026-0002").text
    page = officer.get(path).text
    for words in (
        "Pause proposed, 16 Nov 2026",
        "because of the harm",
        "C-2026-0001",
        "A pause is proposed",
        "A duty to report runs",
        "803.30(a)(1)",
        "two hours late",
        "I have it",
    ):
        assert words in page

    clinician = pages(Role.VIEWER, person="person-reviewer")  # of the deployment, whatever their role
    assert clinician.post(f"{path}/acknowledge").status_code == 303
    early = officer.post(f"{path}/close", data={"revision": "2", "finding": "The feed was late"})
    assert early.status_code == 400 or early.status_code == 409
    assert "The feed was late" in early.text
    assert step(chair, path, "pause", reason="Late alerts").status_code == 303
    with house.database.reading() as connection:
        assert USES.get(connection, "use-sepsis").stage.value == "paused"
    assert step(chair, path, "clock", rule="none", why="No part in it").status_code == 303
    given = step(
        chair, path, "actions", kind="corrective", sentence="Mend the feed", owner="person-viewer", due_on="2026-12-01"
    )
    assert given.status_code == 303, given.text
    viewer = pages(Role.VIEWER)
    done = re.search(rf'href="({path}/actions/[^"]+/done)"', officer.get(path).text)
    assert done is not None
    form = viewer.get(done[1])
    revision = re.search(r'name="revision" value="(\d+)"', form.text)
    assert revision is not None
    assert viewer.post(done[1], data={"revision": revision[1]}).status_code == 422
    assert viewer.post(done[1], data={"revision": revision[1], "result": "No gap since"}).status_code == 303
    assert step(officer, path, "close", finding="The feed was late").status_code == 303
    assert concerns(house)[0].state is ConcernState.CLOSED
    closed = officer.get(path).text
    assert "What was found" in closed
    assert "What can be done" not in closed
    assert officer.get(f"{path}/close").status_code == 409
    assert "No concern is open" in officer.get("/incidents").text
    assert path in officer.get("/incidents?show=closed").text


def test_a_viewer_sees_no_incidents_and_nobody_signs_in_first(
    house: House, pages: Pages, nobody: httpx.Client, link: str
) -> None:
    path = raised(house, nobody, link)
    viewer = pages(Role.VIEWER)
    assert viewer.get("/incidents").status_code == 403
    assert viewer.get(path).status_code == 404
    assert nobody.get(path).headers["location"].startswith("/sign-in")
    assert pages(Role.REVIEWER, "/site-house/site-b/", "person-engineer").get(path).status_code == 404


def test_the_owner_is_offered_only_what_is_theirs(house: House, pages: Pages, nobody: httpx.Client, link: str) -> None:
    path = raised(house, nobody, link)
    page = pages(Role.OWNER).get(path).text
    assert f"{path}/amend" in page
    assert f"{path}/close" not in page
    assert f"{path}/run-on" not in page
    assert pages(Role.OWNER).get(f"{path}/clock").status_code == 403
    assert pages(Role.AUDITOR).get(f"{path}/amend").status_code == 403


def test_who_has_a_hand_in_the_use_is_offered_what_they_may_do_and_told_why(
    pages: Pages, house: House, nobody: httpx.Client, link: str
) -> None:
    path = raised(house, nobody, link, severity="serious harm or death")
    neutral, own = pages(Role.OFFICER), pages(Role.OFFICER, person="person-owner")
    assert f"{path}/run-on" in neutral.get(path).text
    assert 'value="none"' in neutral.get(f"{path}/clock").text
    assert 'name="use"' in neutral.get(f"{path}/amend").text

    page = own.get(path).text
    assert "You answer for this use" in page
    assert f"{path}/pause" in page
    assert f"{path}/run-on" not in page
    refused = own.get(f"{path}/run-on")
    assert refused.status_code == 403
    assert "you answer for this use" in refused.text.lower()
    clock = own.get(f"{path}/clock").text
    assert 'value="none"' not in clock
    assert "You answer for this use: it may end on 1 Dec 2026 or sooner" in clock
    known = own.get(f"{path}/amend").text
    assert 'name="use"' not in known
    assert re.findall(r'<option value="([^"]*harm[^"]*)"', known) == ["serious harm or death"]
    assert (
        step(own, path, "amend", severity="serious harm or death", category="other", site="site-a").status_code == 303
    )
    assert concerns(house)[0].use == "use-sepsis"


def test_a_pause_of_what_nobody_could_name_is_declined_and_not_taken(
    pages: Pages, house: House, nobody: httpx.Client, link: str
) -> None:
    path, officer = raised(house, nobody, link, severity="serious harm or death"), pages(Role.OFFICER)
    given = {
        "severity": "serious harm or death",
        "category": "other",
        "use": "",
        "site": "site-a",
        "why": "No tool of ours",
    }
    assert step(officer, path, "amend", **given).status_code == 303
    page = officer.get(path).text
    assert f"{path}/run-on" in page
    assert f"{path}/pause" not in page


def test_a_stale_step_and_one_without_an_answer_keep_what_was_typed(
    house: House, pages: Pages, nobody: httpx.Client, link: str
) -> None:
    path, chair = raised(house, nobody, link), pages(Role.CHAIR)
    chair.post(f"{path}/acknowledge")
    stale = chair.post(f"{path}/run-on", data={"revision": "1", "reason": "It runs well"})
    assert stale.status_code == 412
    assert "It runs well" in stale.text
    assert chair.post(f"{path}/run-on", data={"revision": "2"}).status_code == 422
    assert chair.post(f"{path}/run-on", data={"reason": "x"}).status_code == 422
    lost = chair.post(
        f"{path}/amend", data={"revision": "2", "severity": "harm", "category": "other", "use": "use-none"}
    )
    assert lost.status_code == 422


def test_counts_leave_as_files_for_those_who_may(pages: Pages) -> None:
    officer = pages(Role.OFFICER)
    assert officer.get("/incidents/export.csv").text.startswith("quarter,category")
    assert officer.get("/incidents/export.json").json()["cells"] == []
    assert officer.get("/incidents/export.xlsx").status_code == 404
    assert pages(Role.REVIEWER).get("/incidents/export.csv").status_code == 403


def test_another_site_cannot_make_a_signed_in_browser_send_one(house: House) -> None:
    from fastapi.testclient import TestClient

    app = make_web(house)
    app.state.reader_of = lambda _request: replace(reader(Role.OWNER), via="person")
    client = TestClient(app, base_url="http://localhost", follow_redirects=False)
    assert client.post("/concern", data=SAID, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert concerns(house) == []
