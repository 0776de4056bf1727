"""Packs, frameworks and the coverage matrix on pages."""

from __future__ import annotations

import re

import pytest
from seen_pages import Pages

from codman.review.packs.catalog import every_pack
from codman.review.packs.framework import every_framework
from codman.spine.person import Role


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_every_pack_in_force_opens_with_its_demands_in_words(pages: Pages) -> None:
    viewer = pages(Role.VIEWER)
    page = viewer.get("/policies").text
    links = re.findall(r'href="(/policies/[^"]+)"', page)
    assert len(links) == len(every_pack())
    for link in links:
        shown = viewer.get(link)
        assert shown.status_code == 200
        assert "What it asks for" in shown.text
    assert "at least" in viewer.get(links[0]).text


@pytest.mark.parametrize("one", every_framework(), ids=lambda one: one.framework)
def test_a_framework_shows_each_of_its_controls_and_its_source(pages: Pages, one) -> None:
    page = pages(Role.VIEWER).get(f"/frameworks/{one.framework}")
    assert page.status_code == 200
    assert page.text.count('data-label="Id"') == len(one.controls)
    assert one.edition in page.text


def test_a_pack_outside_its_days_is_marked_and_cannot_be_opened(pages: Pages) -> None:
    viewer = pages(Role.VIEWER)
    page = plain(viewer.get("/policies?on=2001-01-01").text)
    assert "Not before" in page
    name = every_pack()[0].pack
    assert viewer.get(f"/policies/{name}?on=2001-01-01").status_code == 400
    assert viewer.get("/policies/no-such-pack").status_code == 404


def test_the_house_counts_each_control_and_names_the_uses_behind_a_count(pages: Pages) -> None:
    viewer = pages(Role.VIEWER)
    page = viewer.get("/controls?framework=hti-1")
    assert "Of 4 uses that are not retired" in plain(page.text)  # the retired one is not asked
    link = re.search(r'href="(/controls\?[^"]*standing=claimed[^"#]*)#uses"', page.text)
    assert link is not None
    named = viewer.get(link[1].replace("&amp;", "&"))
    uses = re.findall(r'href="(/uses/[^"]+/controls\?on=[^"]+)"', named.text)
    assert uses
    shown = viewer.get(uses[0])
    assert shown.status_code == 200
    assert "Claimed only" in shown.text


def test_a_day_to_come_or_no_day_at_all_is_refused(pages: Pages) -> None:
    viewer = pages(Role.VIEWER)
    for path in ("/controls", "/uses/use-sepsis/controls"):
        assert viewer.get(f"{path}?on=2999-01-01").status_code == 400
        assert viewer.get(f"{path}?on=soon").status_code == 400
        assert viewer.get(f"{path}?on=2026-11-01").status_code == 200


def test_controls_of_a_use_out_of_reach_are_not_there(pages: Pages) -> None:
    far = pages(Role.VIEWER, "/site-house/site-b/")
    assert far.get("/uses/use-sepsis/controls").status_code == 404
    assert "Of 2 uses that are not retired" in plain(far.get("/controls").text)
