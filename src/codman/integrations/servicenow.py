"""ServiceNow: a notice as an incident, made once, by the Table API.

Each message's id is the incident's `correlation_id`: it is looked up before one is made.
Source: ServiceNow Table API, GET and POST /api/now/table/{tableName}.
"""

from __future__ import annotations

from typing import Any, Final

from codman.egress.policy import EgressPolicy
from codman.integrations.calls import Answer, Receiver, basic, require_taken
from codman.jobs.notifier import Message, ReceiverAway

_DISPLAY: Final = "Codman"
_LONGEST_SHORT: Final = 160  # of short_description
_LEVELS: Final = {"high": "1", "medium": "2", "low": "3"}  # impact and urgency; the priority follows from both


class ServiceNow:
    """Opens incidents.

    Args:
        url: The instance, e.g. `https://hospital.service-now.com`.
        user: Who we are there: a user of its own, with the role that may write the table and no other.
        password: Its password.
        policy: Who may be called; the instance is.
        group: The assignment group's name or sys_id; the instance's own rules without.
        table: The table; `incident`, or one that extends it.

    Raises:
        BadSetting: The address cannot be used.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        policy: EgressPolicy,
        group: str | None = None,
        table: str = "incident",
    ) -> None:
        headers = {"Accept": "application/json", **basic(user, password)}
        self._receiver = Receiver(url, "servicenow_url", "ServiceNow", policy, headers)
        self._path = f"/api/now/table/{table}"
        self._group = group

    def send(self, message: Message) -> str | None:
        """Open an incident for a message, if there is none yet.

        Returns:
            Its number.

        Raises:
            ReceiverAway: The instance does not answer, or does not know us.
            NotDelivered: Not now.
            NotAccepted: It refuses what is in it.
        """
        found = self._receiver.call(
            "GET",
            self._path,
            params={
                # an unknown field in a query is left out of it, and any incident would be found: so it is looked at
                "sysparm_query": f"correlation_id={message.id}",
                "sysparm_fields": "number,correlation_id",
                "sysparm_limit": "1",
            },
        )
        require_taken(found)
        for record in _result(found, list):
            if isinstance(record, dict) and record.get("correlation_id") == message.id:
                return str(record.get("number"))
        made = self._receiver.call("POST", self._path, json=self._incident(message))
        require_taken(made)
        return str(_result(made, dict).get("number"))

    def _incident(self, message: Message) -> dict[str, str]:
        notice = message.notice
        level = _LEVELS[notice.urgency]
        return {
            "short_description": notice.title[:_LONGEST_SHORT],
            "description": notice.plain,
            "correlation_id": message.id,
            "correlation_display": _DISPLAY,
            "impact": level,
            "urgency": level,
            **({"assignment_group": self._group} if self._group else {}),
        }


def _result(answer: Answer, kind: type) -> Any:
    """What stands under `result`; anything else is another server's answer, or a sign-in page."""
    result = answer.body.get("result") if isinstance(answer.body, dict) else None
    if not isinstance(result, kind):
        raise ReceiverAway("it does not answer as ServiceNow's Table API does")
    return result
