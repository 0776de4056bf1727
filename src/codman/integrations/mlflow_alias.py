"""MLflow's aliases: a confirmed rollback moves the one that says which version is served.

Source: MLflow REST API 2.0, `registered-models/alias`, `model-versions/search`, `model-versions/get`.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

from codman.egress.policy import EgressPolicy
from codman.integrations.calls import Answer, Receiver, require_taken
from codman.jobs.notice import OrderedVersion
from codman.jobs.notifier import Message, NotAccepted, NotDelivered

TAG: Final = "codman.version"  # of a model version in MLflow: the label by which the book knows it
_TO: Final = re.compile(r"models:/([^/:@]+)@([A-Za-z0-9_-]+)")
_ALIAS: Final = "/api/2.0/mlflow/registered-models/alias"
_SEARCH: Final = "/api/2.0/mlflow/model-versions/search"
_GET: Final = "/api/2.0/mlflow/model-versions/get"


class MlflowAlias:
    """Moves aliases of one MLflow server.

    Args:
        url: The server, https; http only on this machine.
        policy: Who may be called; its host is.
        token: A bearer token, where the server asks for one.

    Raises:
        BadSetting: The address cannot be used.
    """

    def __init__(self, url: str, policy: EgressPolicy, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._receiver = Receiver(url, "mlflow_url", "MLflow alias", policy, headers)

    def send(self, message: Message) -> str | None:
        """Point the alias that the message names at the version it orders; where it points there, nothing happens.

        Returns:
            What it points at, and what it pointed at before.

        Raises:
            ReceiverAway: Nobody answers, or the server does not know us.
            NotDelivered: It does not point there yet.
            NotAccepted: There is no such model, alias or version, or the message is no order.
        """
        found = _TO.fullmatch(message.to)
        wanted = message.notice.version
        if found is None or wanted is None:
            raise NotAccepted("it names no alias as models:/NAME@ALIAS, or no version")
        name, alias = found.groups()
        target = self._version(name, wanted)
        before = self._points_at(name, alias)
        if before != target:
            require_taken(self._receiver.call("POST", _ALIAS, json={"name": name, "alias": alias, "version": target}))
            if self._points_at(name, alias) != target:
                raise NotDelivered("the alias was set and points elsewhere")
            return f"version {target}, was {before}"
        return f"version {target}, as before"

    def _version(self, name: str, wanted: OrderedVersion) -> str:
        """MLflow's number of the version: by its tag with our label, by the label where that is a number itself."""
        tagged = f"name={_quoted(name)} and tags.`{TAG}`={_quoted(wanted.label)}"
        answer = self._receiver.call("GET", _SEARCH, params={"filter": tagged, "max_results": "2"})
        _there(answer, "a registered model of that name")
        versions = answer.body.get("model_versions", []) if isinstance(answer.body, dict) else []
        if len(versions) > 1:
            raise NotAccepted(f"several versions there have the tag {TAG} with that label")
        if versions:
            return str(versions[0]["version"])
        if not wanted.label.isdecimal():
            raise NotAccepted(f"no version there has the tag {TAG} with that label, and the label is no number")
        answer = self._receiver.call("GET", _GET, params={"name": name, "version": wanted.label})
        _there(answer, "a version of that number")
        return str(answer.body["model_version"]["version"])

    def _points_at(self, name: str, alias: str) -> str:
        answer = self._receiver.call("GET", _ALIAS, params={"name": name, "alias": alias})
        _there(answer, "an alias of that name")
        found: dict[str, Any] = answer.body["model_version"]
        return str(found["version"])


def _there(answer: Answer, what: str) -> None:
    if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST):  # MLflow says either where there is none
        raise NotAccepted(f"the server has not {what}")
    require_taken(answer)
    if not isinstance(answer.body, dict):
        raise NotDelivered("the server does not answer as MLflow does")


def _quoted(text: str) -> str:
    """A text in a filter: MLflow takes either quote, and an escaped one in a filter of two parts finds nothing."""
    for quote in ("'", '"'):
        if quote not in text and "\\" not in text:
            return f"{quote}{text}{quote}"
    raise NotAccepted("the model's name or the version's label has both kinds of quotes, or a backslash")
