"""Jira: a notice as an issue, made once, by REST API version 3.

Each message's id is a label of its issue: it is searched for before one is made.
Source: Jira Cloud platform REST API v3, GET /rest/api/3/search/jql, POST /rest/api/3/issue; Atlassian Document Format.
"""

from __future__ import annotations

from typing import Any, Final

from codman.egress.policy import EgressPolicy
from codman.integrations.calls import Answer, Receiver, basic, require_taken
from codman.jobs.notice import Item, Notice
from codman.jobs.notifier import Message, ReceiverAway
from codman.spine.day import written_day

_LONGEST_SUMMARY: Final = 255
_MOST_FIELDS: Final = 5

Node = dict[str, Any]


class Jira:
    """Opens issues in one project.

    Args:
        url: The site, e.g. `https://hospital.atlassian.net`.
        user: The mail address of the account that opens them.
        token: Its API token.
        project: The project's key.
        policy: Who may be called; the site is.
        issue_type: What they are there.

    Raises:
        BadSetting: The address cannot be used.
    """

    def __init__(
        self, url: str, user: str, token: str, project: str, policy: EgressPolicy, issue_type: str = "Task"
    ) -> None:
        headers = {"Accept": "application/json", **basic(user, token)}
        self._receiver = Receiver(url, "jira_url", "Jira", policy, headers)
        self._project, self._issue_type = project, issue_type

    def send(self, message: Message) -> str | None:
        """Open an issue for a message, if there is none yet.

        Returns:
            Its key.

        Raises:
            ReceiverAway: The site does not answer, or does not know us.
            NotDelivered: Not now.
            NotAccepted: It refuses what is in it.
        """
        found = self._receiver.call(
            "GET",
            "/rest/api/3/search/jql",
            params={"jql": f'labels = "{message.id}"', "fields": "labels", "maxResults": "1"},
        )
        require_taken(found)
        issues = found.body.get("issues") if isinstance(found.body, dict) else None
        if not isinstance(issues, list):
            raise ReceiverAway("it does not answer as Jira's search does")
        if issues:
            return str(issues[0]["key"])
        made = self._receiver.call("POST", "/rest/api/3/issue", json={"fields": self._fields(message)})
        require_taken(made, _fields_at_fault(made))
        if not isinstance(made.body, dict) or "key" not in made.body:
            raise ReceiverAway("it does not answer as Jira does")
        return str(made.body["key"])

    def _fields(self, message: Message) -> Node:
        return {
            "project": {"key": self._project},
            "issuetype": {"name": self._issue_type},
            "summary": message.notice.title[:_LONGEST_SUMMARY],
            "description": as_document(message.notice),
            "labels": ["codman", message.id],
        }


def as_document(notice: Notice) -> Node:
    """A notice in Atlassian Document Format: paragraphs, a list, a link."""
    nodes = [_paragraph(*_lines(part)) for part in notice.text.split("\n\n") if part.strip()]
    if notice.items:
        nodes.append({"type": "bulletList", "content": [_list_item(item) for item in notice.items]})
    if notice.link:
        nodes.append(_paragraph(_text(notice.link, notice.link)))
    return {"type": "doc", "version": 1, "content": nodes}


def _list_item(item: Item) -> Node:
    due = [_text(f" (by {written_day(item.due)})")] if item.due else []
    return {"type": "listItem", "content": [_paragraph(_text(item.text, item.link), *due)]}


def _lines(part: str) -> list[Node]:
    nodes: list[Node] = []
    for line in filter(str.strip, part.split("\n")):  # a text node must not be empty
        nodes += [{"type": "hardBreak"}] * bool(nodes) + [_text(line)]
    return nodes


def _paragraph(*content: Node) -> Node:
    return {"type": "paragraph", "content": list(content)}


def _text(text: str, link: str | None = None) -> Node:
    marks = [{"type": "link", "attrs": {"href": link}}] if link else []
    return {"type": "text", "text": text, **({"marks": marks} if marks else {})}


def _fields_at_fault(answer: Answer) -> str:
    """The names of the fields Jira did not like; what it says of them may repeat what was in them."""
    errors = answer.body.get("errors") if isinstance(answer.body, dict) else None
    named = sorted(map(str, errors))[:_MOST_FIELDS] if isinstance(errors, dict) else []
    return f", because of {', '.join(named)}" if named else ""
