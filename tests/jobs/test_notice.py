"""What a notice may hold: lines and paragraphs of text, links that are links, and no more."""

from __future__ import annotations

import pytest
from letters import NOTICE
from pydantic import ValidationError

from codman.jobs.notice import Item, Notice


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "Due\r\nBcc: all@example.org"},
        {"title": " "},
        {"title": "a\u2028b"},
        {"text": "a\x00b"},
        {"text": ""},
        {"link": "javascript:alert(1)"},
        {"link": "https://example.org/ onclick=1"},
        {"event": "Condition Due"},
        {"urgency": "now"},
        {"items": [{"text": "a", "due": "tomorrow"}]},
        {"patient": "Jane Doe"},
    ],
)
def test_what_is_no_notice_is_refused(wrong):
    with pytest.raises(ValidationError):
        Notice.model_validate(NOTICE.model_dump() | wrong)


def test_a_notice_in_plain_text_lists_what_is_due_and_where():
    notice = Notice(
        event="digest",
        title="Two things",
        text="First.\n\nSecond.",
        items=(Item(text="Vote", due="2026-12-01", link="https://x.example.org/1"), Item(text="Read")),
        link="https://x.example.org/",
    )

    assert notice.plain == (
        "First.\n\nSecond.\n\n- Vote (by 1 Dec 2026)\n  https://x.example.org/1\n- Read\n\nhttps://x.example.org/"
    )
